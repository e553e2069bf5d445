//! Compiles of Rust crates.
//!
//! A crate's key has all that is known before it is compiled: [`toolchain`], [`crates`] (every crate that it may read, by
//! content), [`libraries`], [`linker`] where one runs, and what is asked of rustc ([`key`]). What its sources read, files
//! and variables, is known from the dep-info of an earlier compile ([`dep_info`]): a [`known`] entry holds if that is as it
//! was. Then the outputs are put in their places ([`outputs`]). [`missed`] is a crate that has to be compiled.

mod crates;
mod dep_info;
mod environment;
mod key;
mod known;
mod libraries;
mod linker;
mod look_up;
mod missed;
mod outputs;
mod package;
mod toolchain;

pub(crate) use self::look_up::Rustc;
