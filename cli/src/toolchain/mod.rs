//! Toolchains as files: a compiler of some machine, with all that it needs to run anywhere, in an archive.
//!
//! [`pack`] makes one of a local compiler; [`archive`] writes and reads it, [`manifest`] says what is in it. [`compiler`] is
//! what a compiler says of itself, [`canary`] a small compile to try one with, and [`difference`] what two objects don't have in
//! common. Knows neither hosts nor the daemon; how an archive gets to a board is `farmbuild_ssh`'s. `docs/toolchains.md` has
//! the format.

pub(crate) mod archive;
pub(crate) mod canary;
pub(crate) mod compiler;
pub(crate) mod difference;
pub(crate) mod manifest;
pub(crate) mod pack;
