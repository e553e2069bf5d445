//! Benchmarks of farmbuild against plain gcc and distcc, each time in one run on one machine.
//!
//! Knows the product only as its binary, as a user does: what is measured is what is shipped. The peers are the
//! distribution's own. `peers.rs` is the command; each section is a module here.

pub mod board;
pub mod cache;
pub mod crates;
pub mod farmbuild;
pub mod machine;
pub mod makespan;
pub mod measure;
pub mod memory;
pub mod overhead;
pub mod source;
pub mod ssh_bytes;
pub mod ssh_overhead;
pub mod statistics;
pub mod table;
