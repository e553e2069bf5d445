//! The store as its users see it, and as the disk, other processes and time treat it.

// A test's own functions may fail the test.
#![allow(clippy::unwrap_used)]

mod contents;
mod damage;
mod limits;
mod place;
mod scale;
mod sharing;
mod space;
