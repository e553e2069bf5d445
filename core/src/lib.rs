//! What a job is, who can run it, and where it should run.
//!
//! A reader who follows one job meets the modules in this order:
//! - [`job`]: one compiler invocation of a build; [`protocol`]: how it reaches the daemon;
//! - [`analysis`]: what its command line says, and why it may not travel;
//! - [`pipeline`]: its way from there to the object in its place;
//! - [`fidelity`]: how a compile is split without changing a byte;
//! - [`budget`]: the local CPU for what happens here; [`jobserver`]: the same, shared with make, cargo and rustc;
//! - [`scheduler`]: which host runs it; [`executor`]: the trait that every transport implements;
//! - [`staging`]: how an output file appears whole and at once.
//!
//! [`named_reasons!`] declares the reasons that statistics count.
//!
//! This crate knows no concrete executor, no cache and no command line.

pub mod analysis;
pub mod budget;
pub mod executor;
pub mod fidelity;
pub mod job;
pub mod jobserver;
mod named_reasons;
pub mod pipeline;
pub mod protocol;
pub mod scheduler;
pub mod staging;
