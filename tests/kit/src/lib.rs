//! Test helper: real servers on loopback, servers with faults, and small trees to build.
//!
//! Everything here is for tests and benchmarks: it panics, with the reason, where a test could not go on anyway.
//! Whatever it starts listens on loopback only, and is killed, with every process below it, when dropped.
//! Knows no crate of the product.
//!
//! ```no_run
//! use farmbuild_testkit::{Distccd, TestSpace};
//!
//! let space = TestSpace::new();
//! space.write("a.c", "int x;\n");
//! let server = Distccd::start();
//! let output = space
//!     .command("distcc")
//!     .env("DISTCC_HOSTS", server.address())
//!     .args(["gcc", "-c", "a.c"])
//!     .output();
//! assert!(output.unwrap().status.success());
//! ```

mod distccd;
mod fake_server;
mod flaky_compiler;
mod haproxy;
mod port;
mod process;
mod slow_compiler;
mod space;
mod sshd;
pub mod trees;

pub use distccd::{Distccd, DistccdBuilder};
pub use fake_server::{FakeServer, Fault};
pub use flaky_compiler::FlakyCompiler;
pub use haproxy::Haproxy;
pub use port::free_port;
pub use process::{ProcessTree, descendants, is_alive};
pub use slow_compiler::SlowCompiler;
pub use space::TestSpace;
pub use sshd::{Agent, Sshd, SshdBuilder};
