//! The declaration tier's library against real compilers.

#![expect(clippy::unwrap_used, reason = "what a test can't do without is a panic")]

mod corpus;
mod lines;
mod measure;
mod mutation;
mod reading;
mod rules;
mod seeds;
mod views;
