//! The `farmbuild` binary: wrapper, daemon and commands.

fn main() {}
