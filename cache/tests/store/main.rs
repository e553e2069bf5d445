//! The store as its users see it, and as the disk, other processes and time treat it.

// Helpers of tests aren't known for tests.
#![allow(clippy::unwrap_used)]

mod contents;
mod damage;
mod limits;
mod place;
mod scale;
mod sharing;
mod space;
