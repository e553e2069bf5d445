//! A farm that falls apart in the middle of a build: the build doesn't.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use farmbuild_testkit::{Distccd, FakeServer, Fault, trees};

use crate::compare::{assert_same, build};
use crate::farm::{Farm, keep, plain_make};
use crate::haproxy::fresh;

/// Objects that are there before anything goes wrong.
const BEFORE: usize = 12;

/// A directory whose file system has room for next to nothing, until dropped.
struct FullDisk(PathBuf);

impl FullDisk {
    fn over(directory: &Path) -> Self {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs"]).arg(directory);
        let status = mount.status().expect("mount");
        assert!(status.success(), "a small file system needs root (or CAP_SYS_ADMIN) to mount it");
        Self(directory.to_owned())
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        // Lazily: the server may still be in it.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn wait_for_objects(directory: &Path, count: usize) {
    let start = Instant::now();
    let objects = || {
        let names = fs::read_dir(directory.join("src")).expect("haproxy's directory");
        names
            .filter_map(Result::ok)
            .filter(|e| e.path().extension().is_some_and(|x| x == "o"))
            .count()
    };
    while objects() < count {
        assert!(start.elapsed() < Duration::from_secs(120), "the build makes no objects");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "builds haproxy twice, and needs root: run it by name, see CONTRIBUTING.md"]
fn faults_in_the_middle_of_a_build_change_nothing() {
    let name = "faults";
    let (command, directory) = fresh(plain_make(), name);
    let plain = build(command, &directory, || {});

    let mut servers: Vec<Distccd> = (0..7).map(|_| Distccd::start()).collect();
    let farm = Farm::of(&servers.iter().map(Distccd::address).collect::<Vec<_>>());
    let (command, directory) = fresh(farm.make(), name);
    // What replaces a server lives until the build is over.
    let mut replaced = (Vec::new(), None);
    let remote = build(command, &directory, || {
        wait_for_objects(&directory, BEFORE);
        let [_healthy, killed, stopped, restarted, closing, garbling, full] = &mut servers[..]
        else {
            unreachable!("seven servers")
        };
        killed.stop();
        stopped.suspend();
        restarted.restart();
        for (server, fault) in [(closing, Fault::CloseAfterHeader), (garbling, Fault::garbage())] {
            server.stop();
            replaced.0.push(FakeServer::start_on(server.port(), fault));
        }
        replaced.1 = Some(FullDisk::over(&full.temporary_directory()));
    });
    assert_same(&plain, &remote, &keep(name));
    let stats = farm.stats();
    stats.summary(name, &plain, &remote);
    assert!(stats.sum("retried") > 0, "nothing was retried");
    drop(replaced);
    drop(servers);
}

#[test]
#[ignore = "builds haproxy twice: run it by name, see CONTRIBUTING.md"]
fn a_killed_daemon_changes_nothing() {
    let name = "killed-daemon";
    let (command, directory) = fresh(plain_make(), name);
    let plain = build(command, &directory, || {});

    let servers = [Distccd::start(), Distccd::start(), Distccd::start()];
    let farm = Farm::of(&servers.each_ref().map(Distccd::address));
    let (command, directory) = fresh(farm.make(), name);
    let remote = build(command, &directory, || {
        wait_for_objects(&directory, BEFORE);
        farm.kill_daemon();
    });
    // The wrappers may tell what happened; what was built is the same.
    assert_eq!(plain.binaries.len(), remote.binaries.len());
    assert_same(
        &plain,
        &crate::compare::Build { printed: plain.printed.clone(), ..remote },
        &keep(name),
    );
    drop(trees::build_directory(name));
}
