//! Compile on any machine that one can `ssh` to: nothing is installed there but a POSIX shell, coreutils and a compiler.
//!
//! A reader who follows one job meets the modules in this order: [`SshExecutor`] (one host), `keeper` (the connection,
//! and the session on the board), `worker` (one shell there that runs jobs in turn), `request` (what a job is on the wire),
//! `content` (inputs by their hashes, which travel once),
//! `reply` (what comes back, believed in nothing). `scripts` holds what runs there, `client` starts the system's
//! `ssh`, and `trouble` turns what that prints into a sentence with the cure. The wire format is in `docs/ssh.md`.
//! [`toolchain`] puts compilers on a board, over the same connection.
//!
//! The system's own `ssh` is run, so the user's configuration, agent, jump hosts and known_hosts hold. Knows no scheduler:
//! it neither retries nor chooses.

mod agent;
mod client;
mod content;
mod destination;
mod executor;
mod file_hash;
mod keeper;
mod lines;
mod reply;
mod request;
mod scripts;
pub mod toolchain;
mod trouble;
mod worker;

pub use agent::Agent;
pub use destination::{Destination, DestinationError};
pub use executor::{Compression, SshConfig, SshExecutor, Store, Timeouts};
pub use reply::{DIAGNOSTICS_LIMIT, OUTPUT_LIMIT};
