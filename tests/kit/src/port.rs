//! Finds ports for servers that can't pick one themselves and tell.

use std::net::{Ipv4Addr, TcpStream};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range that Linux takes ports for outgoing connections from, so that none of those gets in the way.
const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;

/// A port on loopback that nobody listens on. Never the same twice in one process; processes start their search
/// at different places.
///
/// It is asked for by connecting to it rather than by listening on it: a program that another thread starts
/// meanwhile would hold such a listener for a moment, and the server that the port is for couldn't have it.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = process::id().wrapping_mul(397);
    for _ in 0..COUNT {
        let number = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST;
        let port = u16::try_from(number).expect("the range fits");
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            return port;
        }
    }
    panic!("no free port on loopback");
}
