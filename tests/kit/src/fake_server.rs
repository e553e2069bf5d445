//! A server on loopback with the faults that a real one can't be made to show on demand.
//!
//! Knows just enough of distcc's protocol to read a request to its end and to write an answer. It can stand in front
//! of a real server and pass everything on until it is told to turn bad: a fault in the middle of a build.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a [`FakeServer`] does with each connection.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Accepts and closes at once, as distccd does to a client that it doesn't allow.
    CloseAtOnce,
    /// Reads the request's first twelve bytes and closes.
    CloseAfterHeader,
    /// Reads the whole request and closes, as distccd does to a compiler that it doesn't list.
    CloseAfterRequest,
    /// Reads the whole request and never answers.
    NeverAnswer,
    /// Accepts and never reads.
    NeverRead,
    /// Reads the whole request, sends these bytes and closes.
    Answer(Vec<u8>),
    /// Reads the whole request, sends these bytes and then nothing more, with the connection open.
    AnswerAndHang(Vec<u8>),
    /// Reads the whole request, sends these bytes one at a time with a pause between them, and closes.
    Trickle(Vec<u8>, Duration),
    /// Reads the whole request, sends these bytes after so long, and closes.
    AnswerLate(Vec<u8>, Duration),
}

impl Fault {
    /// Bytes that are no protocol at all.
    #[must_use]
    pub fn garbage() -> Self {
        Self::Answer(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec())
    }

    /// An object of 4 GiB, announced and never sent.
    #[must_use]
    pub fn huge_object(version: u32) -> Self {
        let head =
            format!("DONE{version:08x}STAT{:08x}SERR{:08x}SOUT{:08x}DOTO{:08x}", 0, 0, 0, u32::MAX);
        Self::AnswerAndHang(head.into_bytes())
    }

    /// A "compile" that exited with 107, distcc's own code for an I/O error.
    #[must_use]
    pub fn io_error(version: u32) -> Self {
        Self::Answer(failed_reply(version, 107, b""))
    }

    /// A compiler that ran out of memory, as gcc says it, after a time in which the machine swapped.
    #[must_use]
    pub fn out_of_memory(version: u32, after: Duration) -> Self {
        let said = b"cc1: out of memory allocating 65536 bytes after a total of 1179648 bytes\n";
        Self::AnswerLate(failed_reply(version, 1, said), after)
    }

    /// What distccd 3.4 answers when the object finds no room on the host's disk: a compile that failed.
    #[must_use]
    pub fn disk_full(version: u32) -> Self {
        let said =
            b"/tmp/cc1aaZmG.s: Fatal error: /tmp/distccd_38e553c6.o: No such file or directory\n";
        Self::Answer(failed_reply(version, 1, said))
    }
}

/// A reply with this exit status and these words on standard error.
fn failed_reply(version: u32, status: u32, stderr: &[u8]) -> Vec<u8> {
    let body = match version {
        // LZO1X without a match: 17 more than the number of literals, the literals, the end.
        2 if !stderr.is_empty() => {
            let count = u8::try_from(stderr.len() + 17).expect("a short message");
            [&[count], stderr, &[17, 0, 0]].concat()
        }
        _ => stderr.to_vec(),
    };
    let mut reply =
        format!("DONE{version:08x}STAT{:08x}SERR{:08x}", status << 8, body.len()).into_bytes();
    reply.extend(body);
    reply.extend(b"SOUT00000000DOTO00000000");
    reply
}

/// A server with a [`Fault`], on a port of its own; ends when dropped.
#[derive(Debug)]
pub struct FakeServer {
    port: u16,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    /// The server that good times are passed on to.
    behind: Option<u16>,
    bad: AtomicBool,
    accepted: AtomicUsize,
    stop: AtomicBool,
}

impl FakeServer {
    /// Starts one.
    #[must_use]
    pub fn start(fault: Fault) -> Self {
        Self::start_on(0, fault)
    }

    /// Starts one on this port, where another server may just have ended.
    #[must_use]
    pub fn start_on(port: u16, fault: Fault) -> Self {
        Self::listen(port, fault, None)
    }

    /// Starts one in front of the server on this loopback port. Connections are passed on, until
    /// [`FakeServer::turn_bad`].
    #[must_use]
    pub fn in_front_of(server: u16, fault: Fault) -> Self {
        Self::listen(0, fault, Some(server))
    }

    fn listen(port: u16, fault: Fault, behind: Option<u16>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port on loopback");
        let port = listener.local_addr().expect("the address of our own listener").port();
        let state = Arc::new(State {
            fault,
            behind,
            bad: AtomicBool::new(behind.is_none()),
            accepted: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let thread = {
            let state = Arc::clone(&state);
            thread::spawn(move || accept_all(&listener, &state))
        };
        Self { port, state, thread: Some(thread) }
    }

    /// From now on new connections meet the fault. Those that were passed on go on.
    pub fn turn_bad(&self) {
        self.state.bad.store(true, Ordering::SeqCst);
    }

    /// From now on new connections are passed on again.
    pub fn turn_good(&self) {
        self.state.bad.store(self.state.behind.is_none(), Ordering::SeqCst);
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

    /// How many connections it has accepted, those that it passed on included.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        // Wakes the accept.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn accept_all(listener: &TcpListener, state: &Arc<State>) {
    while let Ok((stream, _)) = listener.accept() {
        if state.stop.load(Ordering::SeqCst) {
            return;
        }
        state.accepted.fetch_add(1, Ordering::SeqCst);
        let state = Arc::clone(state);
        thread::spawn(move || {
            // A client that goes away is no failure of the server.
            drop(match state.behind.filter(|_| !state.bad.load(Ordering::SeqCst)) {
                Some(port) => pass_on(&stream, port),
                None => serve(&state.fault, &stream, &state.stop),
            });
        });
    }
}

/// Copies both ways until either side is done.
fn pass_on(client: &TcpStream, port: u16) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let upload = thread::spawn(move || {
        let copied = io::copy(&mut from_client, &mut to_server);
        drop(to_server.shutdown(Shutdown::Write));
        copied
    });
    let copied = io::copy(&mut &server, &mut &*client);
    client.shutdown(Shutdown::Both)?;
    drop(upload.join());
    copied.map(drop)
}

fn serve(fault: &Fault, mut stream: &TcpStream, stop: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    match fault {
        Fault::CloseAtOnce => {}
        Fault::CloseAfterHeader => {
            Reader { stream, stop }.read_exact(&mut [0; 12])?;
        }
        Fault::CloseAfterRequest => read_request(stream, stop)?,
        Fault::NeverRead => wait_for_stop(stop),
        Fault::NeverAnswer => {
            read_request(stream, stop)?;
            wait_for_stop(stop);
        }
        Fault::Answer(bytes) => {
            read_request(stream, stop)?;
            stream.write_all(bytes)?;
        }
        Fault::AnswerAndHang(bytes) => {
            read_request(stream, stop)?;
            stream.write_all(bytes)?;
            wait_for_stop(stop);
        }
        Fault::AnswerLate(bytes, after) => {
            read_request(stream, stop)?;
            thread::sleep(*after);
            stream.write_all(bytes)?;
        }
        Fault::Trickle(bytes, pause) => {
            read_request(stream, stop)?;
            stream.set_nodelay(true)?;
            for byte in bytes {
                stream.write_all(&[*byte])?;
                thread::sleep(*pause);
            }
        }
    }
    stream.shutdown(Shutdown::Both)
}

fn wait_for_stop(stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
    }
}

/// Reads packets up to the source and its body.
fn read_request(stream: &TcpStream, stop: &AtomicBool) -> io::Result<()> {
    let mut reader = Reader { stream, stop };
    loop {
        let mut head = [0; 12];
        reader.read_exact(&mut head)?;
        let parameter = std::str::from_utf8(&head[4..])
            .ok()
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        if matches!(&head[..4], b"ARGV" | b"DOTI") {
            io::copy(&mut Read::by_ref(&mut reader).take(parameter), &mut io::sink())?;
        }
        if &head[..4] == b"DOTI" {
            return Ok(());
        }
    }
}

/// Reads that give up when the server stops.
struct Reader<'a> {
    stream: &'a TcpStream,
    stop: &'a AtomicBool,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match (&mut &*self.stream).read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    if self.stop.load(Ordering::SeqCst) {
                        return Ok(0);
                    }
                }
                other => return other,
            }
        }
    }
}
