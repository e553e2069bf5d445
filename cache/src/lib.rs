//! The place of the header-hash compile cache, which survives header churn.
//!
//! Nothing is here yet: every job is compiled. The cache will be asked between the analysis of a job and its
//! scheduling, and told of each result that came home; it will know no executor and no network, only
//! [`farmbuild_core::job`].

pub mod source;
