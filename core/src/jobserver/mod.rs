//! GNU make's jobserver, as a server for the builds we wrap and as a client of a build that wraps us.
//!
//! Knows tokens, make's own words for them and the processes that hold them; knows nothing of farms or jobs.
//!
//! # The protocol
//! Source: the GNU make manual, "Sharing Job Slots with GNU make" and "POSIX Jobserver Interaction".
//!
//! - A pool is a pipe or a fifo that holds one byte, a token, for each job that may run besides the first one.
//!   `-jN` is a pool of N - 1 tokens: every client may run one job without asking (its implicit token, for
//!   which its parent holds one already).
//! - Before another job a client reads one byte; when that job ends it writes the same byte back, in error and when
//!   killed too.
//! - Clients find the pool in `MAKEFLAGS`: `--jobserver-auth=R,W` (two inherited descriptors; since make 4.2, before
//!   that `--jobserver-fds=R,W`) or `--jobserver-auth=fifo:PATH` (since make 4.4; make 4.3 stops with an error
//!   when it sees that). A negative descriptor switches the jobserver off. Words behind `--` are
//!   variables. Of several `--jobserver-auth` the last counts.
//! - make 4.3 closes the pipe for recipes without `+` or `$(MAKE)`, yet leaves `MAKEFLAGS` as it is: a client must
//!   check that the descriptors are really the two ends of one pipe.
//! - make takes `-j` on its own command line as an order to open a new pool, with a warning ("-jN forced in submake"):
//!   who gives a pool to make moves `-jN` from its arguments into `MAKEFLAGS`. A makefile that says `MAKEFLAGS += -jN`
//!   gives that order too, and nothing can be done about it: that build has a pool of its own, of N.
//!
//! # The parts
//! - [`MakeArgs`], [`Makeflags`] and [`Style::of_make`]: what the user asked make for, and how to tell it of our pool.
//! - [`TokenServer`]: our pool. It grows and shrinks live, and puts back what a killed client took along.
//! - [`OuterJobserver`]: the pool of a build that we are a part of, with [`guardian`] to give tokens back
//!   even when we are killed with SIGKILL.
//!
//! The pools nest: local work takes tokens of the outer pool, and what runs under our server takes ours.

mod census;
mod channel;
mod error;
pub mod guardian;
mod keeper;
mod make_args;
mod makeflags;
mod outer;
mod server;
mod style;

pub use error::{GuardianError, OuterError, ServerError};
pub use make_args::{Jobs, MakeArgs};
pub use makeflags::{Auth, Makeflags};
pub use outer::{Cancel, OuterJobserver, Token};
pub use server::{PoolReport, TokenServer};
pub use style::Style;
