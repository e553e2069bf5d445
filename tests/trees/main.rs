//! Real source trees, built by plain make and then by farmbuild over three stock distccd: every object, archive and
//! program has the same bytes, and everything printed is the same.
//!
//! These take minutes and fetch their trees from the distribution, so they run by name; CONTRIBUTING.md lists them.

mod compare;
mod farm;
mod faults;
mod haproxy;
mod kernel;
mod texts;
