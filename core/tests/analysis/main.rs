//! What the analysis of a command line says, as tables and against the real gcc and clang.

// A test's own helpers may fail the test.
#![allow(clippy::unwrap_used)]

mod build_systems;
mod kinds;
mod line;
mod properties;
mod real_compilers;
mod refusals;
mod remote_plans;
mod rustc;
mod side_outputs;
