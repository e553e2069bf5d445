//! What a job compiled elsewhere gives, held against real compilers.

// Clippy knows functions with #[test] as tests, not those that they share.
#![allow(clippy::unwrap_used)]

mod clang;
mod comments;
mod compiler;
mod damaged_objects;
mod objects;
mod other_compilers;
mod over_distccd;
mod real_project;
mod sides;
mod warnings;
