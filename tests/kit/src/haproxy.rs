//! HAProxy in front of several servers, as one address: what people put before distccd to balance its load.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::port::free_port;
use crate::process::ProcessTree;
use crate::space::TestSpace;

/// A running `haproxy` in TCP mode with `balance leastconn`; killed when dropped.
#[derive(Debug)]
pub struct Haproxy {
    port: u16,
    _tree: ProcessTree,
    _space: TestSpace,
}

impl Haproxy {
    /// Starts it before the servers on these loopback ports, with at most `max_connections` on each (the others
    /// wait in its queue).
    #[must_use]
    pub fn start(servers: impl IntoIterator<Item = u16>, max_connections: usize) -> Self {
        let port = free_port();
        let mut config = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 10m\n timeout server 10m\n \
             timeout queue 10m\nlisten farm\n bind 127.0.0.1:{port}\n balance leastconn\n"
        );
        for (number, server) in servers.into_iter().enumerate() {
            writeln!(config, " server s{number} 127.0.0.1:{server} maxconn {max_connections}")
                .expect("writing to a string can't fail");
        }
        let space = TestSpace::new();
        let file = space.write("haproxy.cfg", config);
        let mut tree = ProcessTree::spawn(
            Command::new("haproxy")
                .env("PATH", search_path())
                .args(["-db", "-q", "-f"])
                .arg(file)
                .stdin(Stdio::null()),
        );
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(tree.is_running(), "haproxy ended at once");
            assert!(start.elapsed() < Duration::from_secs(10), "haproxy doesn't listen");
            thread::sleep(Duration::from_millis(5));
        }
        Self { port, _tree: tree, _space: space }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// The search path with the directory that distributions put haproxy in, which users' own often lack.
fn search_path() -> String {
    format!("{}:/usr/local/sbin:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}
