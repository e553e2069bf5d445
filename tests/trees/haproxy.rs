//! haproxy with its own flags, which hold `-g`.

use std::path::Path;
use std::process::Command;

use farmbuild_testkit::{Distccd, Haproxy, Sshd, trees};

use crate::compare::{assert_same, build};
use crate::farm::{Farm, keep, plain_make};

/// The tree in a fresh directory, the same each time so that debug information agrees, and a build of it.
pub(crate) fn fresh(make: Command, directory_name: &str) -> (Command, std::path::PathBuf) {
    let directory = trees::build_directory(directory_name);
    trees::copy(&trees::haproxy(), &directory);
    (arguments(make, &directory), directory)
}

fn arguments(mut make: Command, directory: &Path) -> Command {
    make.args(["-j60", "-Otarget", "TARGET=linux-glibc"]).current_dir(directory);
    make
}

fn is_the_same_on(name: &str, addresses: &[String], boards: &[&Sshd]) {
    let (command, directory) = fresh(plain_make(), name);
    let plain = build(command, &directory, || {});
    let farm = Farm::with(addresses, boards);
    let (command, directory) = fresh(farm.make(), name);
    let remote = build(command, &directory, || {});
    assert_same(&plain, &remote, &keep(name));
    let stats = farm.stats();
    stats.summary(name, &plain, &remote);
    stats.assert_mostly_remote();
    stats.assert_all_boards_helped(boards.len());
}

#[test]
#[ignore = "builds haproxy twice: run it by name, see CONTRIBUTING.md"]
fn haproxy_over_three_hosts_is_byte_identical() {
    let servers = [Distccd::start(), Distccd::start(), Distccd::start()];
    is_the_same_on("haproxy", &servers.each_ref().map(Distccd::address), &[]);
}

#[test]
#[ignore = "builds haproxy twice: run it by name, see CONTRIBUTING.md"]
fn haproxy_over_a_load_balancer_is_byte_identical() {
    let servers = [Distccd::start(), Distccd::start(), Distccd::start()];
    let balancer = Haproxy::start(servers.each_ref().map(Distccd::port), 4);
    is_the_same_on("haproxy-balanced", &[balancer.address()], &[]);
}

#[test]
#[ignore = "builds haproxy twice: run it by name, see CONTRIBUTING.md"]
fn haproxy_over_ssh_is_byte_identical() {
    let boards = [
        Sshd::start(),
        Sshd::builder().shell("csh").on_login("echo Welcome").start(),
        Sshd::builder().shell("fish").home("a home").start(),
    ];
    let server = Distccd::start();
    is_the_same_on("haproxy-ssh", &[server.address()], &boards.each_ref());
}
