//! What a job is, who can run it, and where it should run.
//!
//! A reader who follows one job meets the modules in this order: [`job`] (one compiler invocation of a build),
//! [`executor`] (the trait that every transport implements), [`scheduler`]
//! (which host runs what, with [`budget`] for this machine) and [`staging`] (how an output file appears at once
//! or not at all).
//!
//! This crate knows no concrete executor, no cache and no command line.

pub mod analysis;
pub mod budget;
pub mod executor;
pub mod fidelity;
pub mod job;
pub mod protocol;
pub mod jobserver;
pub mod scheduler;
pub mod staging;
