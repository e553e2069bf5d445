//! Linux 6.1: the smallest configuration whole, and directories of the default one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmbuild_testkit::{Distccd, Sshd, trees};

use crate::compare::{assert_same, build};
use crate::farm::{Farm, keep, plain_make};

/// Configures and builds `targets` by plain make and by farmbuild, into the same directory one after the other.
fn is_the_same(name: &str, config: &str, targets: &[&str], boards: &[&Sshd]) {
    let source = trees::linux();
    let directory = configured(&source, name, config);
    let plain = build(kernel(plain_make(), &source, &directory, targets), &directory, || {});

    let servers = [Distccd::start(), Distccd::start(), Distccd::start()];
    let farm = Farm::with(&servers.each_ref().map(Distccd::address), boards);
    let directory = configured(&source, name, config);
    let remote = build(kernel(farm.make(), &source, &directory, targets), &directory, || {});
    assert_same(&plain, &remote, &keep(name));
    let stats = farm.stats();
    stats.summary(name, &plain, &remote);
    stats.assert_mostly_remote();
    stats.assert_all_boards_helped(boards.len());
    fs::remove_dir_all(&directory).expect("a directory below target");
}

fn configured(source: &Path, name: &str, config: &str) -> PathBuf {
    let directory = trees::build_directory(name);
    drop(build(kernel(plain_make(), source, &directory, &[config]), &directory, || {}));
    directory
}

fn kernel(mut make: Command, source: &Path, directory: &Path, targets: &[&str]) -> Command {
    make.args(["-j60", "-Otarget"])
        .arg(format!("O={}", directory.display()))
        .args(targets)
        .current_dir(source)
        // What a kernel says about who built it, and when.
        .env("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970")
        .env("KBUILD_BUILD_VERSION", "1")
        .env("KBUILD_BUILD_USER", "user")
        .env("KBUILD_BUILD_HOST", "host");
    make
}

#[test]
#[ignore = "builds a kernel twice: run it by name, see CONTRIBUTING.md"]
fn tinyconfig_over_three_hosts_is_byte_identical() {
    is_the_same("tinyconfig", "tinyconfig", &[], &[]);
}

#[test]
#[ignore = "builds a kernel twice: run it by name, see CONTRIBUTING.md"]
fn tinyconfig_over_ssh_is_byte_identical() {
    let boards = [Sshd::start(), Sshd::start(), Sshd::start()];
    is_the_same("tinyconfig-ssh", "tinyconfig", &[], &boards.each_ref());
}

#[test]
#[ignore = "builds a part of a kernel twice: run it by name, see CONTRIBUTING.md"]
fn kernel_subset_over_three_hosts_is_byte_identical() {
    let targets = ["kernel/sched/", "kernel/time/", "lib/", "fs/ext4/", "net/ipv4/"];
    is_the_same("kernel-subset", "defconfig", &targets, &[]);
}
