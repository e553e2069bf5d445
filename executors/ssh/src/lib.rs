//! The place of the SSH executor: compile on any machine that one can `ssh` to.
//!
//! Nothing is here yet, and a `[[host]]` with `via = "ssh"` is refused when the farm is read. It will implement
//! [`farmbuild_core::executor::Executor`] over the system's OpenSSH, with nothing but a POSIX shell and a compiler
//! on the other side.
