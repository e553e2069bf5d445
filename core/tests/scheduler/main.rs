//! The scheduler against simulated hosts, in virtual time.

// The functions that tests share are tests too: a panic is how they fail.
#![allow(clippy::unwrap_used)]

mod doubt;
mod failing;
mod haproxy;
mod home;
mod known;
mod makespan;
mod placing;
mod silent;
mod simulated;
mod stress;
