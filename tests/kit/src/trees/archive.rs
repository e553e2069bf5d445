//! Unpacks what a distribution's sources come in.

use std::path::Path;
use std::process::Command;

use super::run;

/// Unpacks a tar archive, whatever it is compressed with, without its outermost directory.
pub(super) fn unpack(archive: &Path, into: &Path) {
    let mut tar = Command::new("tar");
    tar.args(["--strip-components=1", "--no-same-owner", "-xf"]).arg(archive).arg("-C").arg(into);
    run(&mut tar, "unpacking (the packages tar and xz-utils are needed)");
}

/// Unpacks a binary package's files.
pub(super) fn unpack_package(package: &Path, into: &Path) {
    run(Command::new("dpkg-deb").arg("-x").arg(package).arg(into), "unpacking a package");
}
