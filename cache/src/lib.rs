//! A compile cache that survives header churn.
//!
//! A reader who follows one job meets the modules in this order: [`cache`] (the lookup as a whole), `plan` (whether and
//! how an invocation is cached), `compiler` (which compiler it is), `tier` (the ways to recognise a result), `outputs` (a
//! result put in its place); and for a job that ran, `account` (what it was made of: `files`, `search`, `absent`, `rule`
//! and [`source`]) and [`store`]. [`declarations`] takes texts apart for the third tier, `declared` is what that knows. `link` has what is different about links. Crates of Rust go through `rustc` instead,
//! which shares what isn't about C.
//!
//! Knows no executor and no network; of the core only what a job and its analysis are, and
//! [`farmbuild_core::pipeline::Cache`], which it implements.

mod absent;
mod account;
mod answers;
mod base;
mod by_content;
pub mod cache;
mod claims;
mod clock;
mod compiler;
pub mod declarations;
mod declared;
mod digest;
mod explanations;
mod file_set;
mod files;
mod job;
mod link;
mod manifest;
mod manifests;
mod marked;
mod missed;
mod outputs;
mod plan;
mod probe;
mod reason;
mod rule;
mod rustc;
mod search;
pub mod source;
mod state;
pub mod store;
mod tier;
mod variants;

pub use self::cache::CompileCache;
pub use self::declared::{DeclarationTier, TurnedOff, turned_off};
pub use self::reason::Reason;
