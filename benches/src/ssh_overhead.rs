//! What one job costs above the compiler itself when the board is reached by ssh, beside the other ways to get there.
//!
//! As [`crate::overhead`], with one `sshd` on loopback for everybody and one `distccd`.

use std::path::Path;

use farmbuild_testkit::{Distccd, Sshd, TestSpace};

use crate::farmbuild::{Farmbuild, Host};
use crate::overhead::{Client, Cost, take_turns, were_remote};
use crate::source;

/// Runs the section: `turns` turns of every client for each source.
///
/// # Panics
/// If a client fails, or an object differs from gcc's, or a remote job stayed at home.
#[must_use]
pub fn measure(binary: Option<&Path>, turns: usize) -> Vec<Cost> {
    let (distccd, sshd) = (Distccd::builder().jobs(4).start(), Sshd::start());
    let scripts = TestSpace::new();
    let master = Master::start(&sshd, &scripts);
    let config = sshd.client_config();
    let once = format!("#!/bin/sh\nexec ssh -F '{}' \"$@\"\n", config.display());
    let shared = format!(
        "#!/bin/sh\nexec ssh -F '{}' -S '{}' \"$@\"\n",
        config.display(),
        master.socket.display()
    );
    let (once, shared) =
        (scripts.write_program("ssh-once", once), scripts.write_program("ssh-shared", shared));
    let distcc = |name, ssh: &Path| Client::Distcc {
        name,
        hosts: format!("@{}", sshd.destination()),
        ssh: Some(ssh.to_owned()),
        directory: TestSpace::new(),
    };
    let mut clients = vec![
        Client::Gcc,
        distcc("distcc @host", &once),
        distcc("distcc @host, multiplexed", &shared),
        Client::Script {
            name: "ssh host gcc, multiplexed",
            script: scripts.write_program("by-hand", by_hand(&shared, &sshd.destination())),
        },
    ];
    if let Some(binary) = binary {
        let over_distcc =
            Host { address: distccd.address(), ssh_config: None, slots: 4, queue: None };
        let over_ssh =
            Host { address: sshd.destination(), ssh_config: Some(config), slots: 4, queue: None };
        for (name, host) in [("farmbuild, distcc", over_distcc), ("farmbuild, ssh", over_ssh)] {
            clients.push(Client::Farmbuild { name, farmbuild: Farmbuild::new(binary, &[host]) });
        }
    }
    let sources = [("one line", source::tiny()), ("10 kLOC", source::ten_thousand_lines())];
    let costs = sources.iter().flat_map(|(name, text)| take_turns(name, text, &clients, turns));
    let costs = costs.collect();
    // The first ones may have been repeated at home, while the connection was made.
    for client in &clients {
        were_remote(client, sources.len() * turns);
    }
    costs
}

/// What somebody would write: preprocess here, compile there. Called as `SCRIPT -c SOURCE -o OBJECT`.
fn by_hand(ssh: &Path, destination: &str) -> String {
    let there = "d=$(mktemp -d) && cat >\"$d/a.i\" && gcc -c \"$d/a.i\" -o \"$d/a.o\" && cat \"$d/a.o\"; rm -rf \"$d\"";
    format!("#!/bin/sh\ngcc -E \"$2\" | '{}' {destination} '{there}' >\"$4\"\n", ssh.display())
}

/// A connection that others share; closed when dropped.
struct Master<'a> {
    sshd: &'a Sshd,
    socket: std::path::PathBuf,
}

impl<'a> Master<'a> {
    fn start(sshd: &'a Sshd, scripts: &TestSpace) -> Self {
        let socket = scripts.join("master");
        let mut command = sshd.ssh();
        command.args(["-M", "-S"]).arg(&socket).args(["-f", "-N"]);
        assert!(command.status().expect("ssh").success(), "no connection: {}", sshd.log());
        Self { sshd, socket }
    }
}

impl Drop for Master<'_> {
    fn drop(&mut self) {
        let mut command = self.sshd.ssh();
        // The server ends with the benchmark anyway.
        drop(command.arg("-S").arg(&self.socket).args(["-O", "exit"]).output());
    }
}
