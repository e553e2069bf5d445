//! Test helper: real servers on loopback and small trees to build.
