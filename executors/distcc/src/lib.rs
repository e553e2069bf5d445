//! Speaks the distcc protocol, versions 1 and 2, to stock `distccd` servers. Knows no other executor.

pub mod lzo;
