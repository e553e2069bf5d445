//! Where the cache is: builds go on, and are right, where it can't be.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmbuild_testkit::TestSpace;

use super::Cached;

const LINE: &str = "gcc -g -O1 -MMD -c a.c && clang -O1 -MD -c b.c";

fn cached_in(directory: &Path) -> (Cached, String) {
    let cached = Cached::with([("a.c", "int a;\n"), ("b.c", "#include <stddef.h>\nint b;\n")]);
    let line = format!("export FARMBUILD_CACHE_DIR='{}'; {LINE}", directory.display());
    (cached, line)
}

/// A file system with next to no room, until dropped.
struct Small(PathBuf);

impl Small {
    fn over(directory: &Path) -> Self {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32k,mode=1777", "tmpfs"]).arg(directory);
        let status = mount.status().expect("mount");
        assert!(status.success(), "a small file system needs root (or CAP_SYS_ADMIN) to mount it");
        Self(directory.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the daemon may still be in it.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_keeps_nothing_and_fails_nothing() {
    let place = TestSpace::new();
    let _small = Small::over(place.path());
    let (cached, line) = cached_in(place.path());
    cached.same(&line);
    drop(fs::write(place.join("filler"), vec![0; 64 << 10]));
    for number in 0..4 {
        cached.tree.write("a.c", format!("int a[{number} + 1];\n"));
        cached.same(&line);
        cached.same(&line);
    }
}

#[test]
fn a_file_in_place_of_the_directory_fails_nothing() {
    let place = TestSpace::new();
    let file = place.write("cache", "not a directory");
    let (cached, line) = cached_in(&file);
    cached.same(&line);
    cached.same(&line);
    assert_eq!(fs::read(file).unwrap(), b"not a directory");
}

#[test]
fn a_directory_that_cannot_be_made_fails_nothing() {
    let (cached, line) = cached_in(Path::new("/proc/self/cache"));
    cached.same(&line);
    cached.same(&line);
    assert_eq!(cached.hits(), 0);
}

#[test]
fn what_is_in_a_read_only_directory_is_found() {
    let place = TestSpace::new();
    let directory = place.join("cache");
    let (cached, line) = cached_in(&directory);
    cached.same(&line);
    let mode = |mode: &str| drop(place.run_ok("chmod", ["-R", mode, "cache"]));
    mode("a-w");
    assert_eq!(cached.hits_of(&line), 2, "{}", cached.user.stats());
    cached.tree.write("a.c", "int other;\n");
    cached.same(&line);
    mode("u+w");
    fs::set_permissions(&directory, Permissions::from_mode(0o000)).unwrap();
    cached.same(&line);
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    cached.same(&line);
}

#[test]
fn a_relative_directory_is_no_place() {
    let (cached, line) = cached_in(Path::new("in-the-tree"));
    cached.same(&line);
    cached.same(&line);
    assert!(!cached.tree.has("in-the-tree"));
}
