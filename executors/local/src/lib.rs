//! Runs compiles on this machine. Knows no network and no other executor.
//!
//! [`child`] runs one program and kills its whole process group if nobody wants the result any more; [`home`] is
//! what the pipeline asks to preprocess; [`executor`] is this machine as one host of a farm, for programs that
//! embed the library. The CPU budget itself lives in `farmbuild_core::budget`, because preprocessing, local
//! compiles and links share it.

pub mod child;
pub mod executor;
pub mod home;
