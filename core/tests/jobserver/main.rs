//! The jobserver against the real tools: GNU make, cargo, gcc and the `jobserver` crate's client.

// Clippy's exception for tests doesn't reach what they share.
#![allow(clippy::unwrap_used)]

mod nested;
mod resized;
mod served;
mod space;
mod stale;
mod survived;
