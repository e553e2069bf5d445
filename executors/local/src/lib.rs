//! Runs compiles on this machine. Knows no network and no other executor.
