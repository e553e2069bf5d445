//! The scheduler against simulated hosts, in virtual time.

mod failing;
mod home;
mod known;
mod makespan;
mod placing;
mod simulated;
mod stress;
