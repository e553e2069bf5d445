//! The jobserver against the real tools: GNU make, cargo, gcc and the `jobserver` crate's client.

mod nested;
mod resized;
mod served;
mod space;
mod stale;
mod survived;
