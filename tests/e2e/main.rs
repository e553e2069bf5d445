//! Builds from end to end: the binary, real compilers and build tools, stock distccd servers on loopback.
//!
//! One module a subject. [`user`] is somebody who has farmbuild and a farm, [`run`] runs a command within a time limit,
//! [`tree`] makes projects and compares a farm's build with a plain one, [`history`] makes repositories; everything else is
//! specifications.

#![allow(clippy::unwrap_used)]

mod history;
mod run;
mod tree;
mod user;

mod bisect;
mod bisect_again;
mod cache;
mod daemon;
mod each;
mod farm_file;
mod faults;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod front;
mod identity;
mod jobserver;
mod odd_input;
mod reports;
mod rust;
mod sampling;
mod side_outputs;
mod ssh;
mod toolchain;
mod why;
mod wrapping;
