//! A compile whose result is to be kept: the compiler runs as a child, what it prints goes where it belongs and to the
//! daemon, and the wrapper ends when the daemon has taken the outputs in, before a later command can change them.

use std::borrow::Borrow;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;

use farmbuild_core::protocol::message::{Reply, WrapperNote};
use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::hidden::{self, Hiding};
use super::looks::{LOOKS, SEPARATOR};
use crate::client::connection::Connection;

/// Messages beyond this many bytes are passed on and not kept.
const MOST_KEPT: usize = 1 << 20;

/// What shows in a compiler's messages of the terminal that they go to; empty if they go elsewhere.
pub(super) fn terminal() -> String {
    if !isatty(io::stderr()) {
        return String::new();
    }
    let columns = tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
    terminal_of(columns, |name| env::var(name).unwrap_or_default())
}

/// The same of a terminal so wide, in an environment.
pub(crate) fn terminal_of<T: Borrow<str>>(columns: u16, value: impl Fn(&str) -> T) -> String {
    format!("{columns} {}", LOOKS.map(value).join(SEPARATOR))
}

/// Runs the compiler and tells the daemon how it went; what it has `said` before isn't said again. `None` if it couldn't be
/// started this way: nothing has run then.
pub(super) fn run(
    compiler: Command,
    extra: Vec<OsString>,
    connection: Connection,
    said: &[Vec<u8>],
) -> Option<ExitCode> {
    run_child(compiler, extra, Some(connection), said.to_vec())
}

/// Runs a compiler whose end nobody waits for; what it has `said` before isn't said again.
pub(super) fn run_without(compiler: Command, said: Vec<Vec<u8>>) -> Option<ExitCode> {
    run_child(compiler, Vec::new(), None, said)
}

fn run_child(
    mut compiler: Command,
    mut extra: Vec<OsString>,
    mut connection: Option<Connection>,
    said: Vec<Vec<u8>>,
) -> Option<ExitCode> {
    // A stream that is closed would be taken by the next file that is opened.
    if fstat(io::stdin()).is_err() || fstat(io::stdout()).is_err() || fstat(io::stderr()).is_err() {
        return None;
    }
    let told = match extra.is_empty() {
        true => None,
        false => Some(unnamed_file(&mut extra)?),
    };
    let mut hidden = hidden::words(&extra);
    hidden.extend(said.iter().cloned());
    compiler.args(extra).stdout(Stdio::piped());
    let terminal = match isatty(io::stderr()) {
        true => Some(pseudo_terminal(&mut compiler).ok()?),
        false => {
            compiler.stderr(Stdio::piped());
            None
        }
    };
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]).ok()?;
    let mut child = compiler.spawn().ok()?;
    // Our copy of the terminal's other side goes with it.
    drop(compiler);
    let pid = Pid::from_child(&child);
    // A daemon that went away is no reason to end.
    let _ = connection.as_mut().map(|it| it.tell(&WrapperNote::Started(child.id())));
    let handle = signals.handle();
    let passing_on = thread::spawn(move || {
        for signal in signals.forever().filter_map(Signal::from_named_raw) {
            // From a terminal it had the signal already, and another one of the kind does no more.
            let _ = kill_process(pid, signal);
        }
    });
    let (stdout, stderr) = pass_on_output(&mut child, terminal, hidden);
    let status = child.wait();
    handle.close();
    drop(passing_on);
    let status = match status {
        Ok(status) => status,
        Err(error) => {
            eprintln!("farmbuild: the compiler's end was missed: {error}");
            return Some(ExitCode::FAILURE);
        }
    };
    if status.success()
        && let Some(connection) = &mut connection
        && let (Some(stdout), Some(stderr)) = (stdout, stderr)
    {
        let told = told.and_then(|file| read_from_start(file).ok());
        let stderr = [said.concat(), stderr].concat();
        let note = WrapperNote::Succeeded { stdout, stderr, told };
        if connection.tell(&note).is_ok() {
            // Anything but `Kept` means that nobody waits for the outputs.
            let _: Result<Reply, _> = connection.reply();
        }
    }
    Some(end_like(status))
}

/// An unnamed file that the compiler can write to by the name that is added to `args`.
fn unnamed_file(args: &mut Vec<OsString>) -> Option<File> {
    let file = File::from(memfd_create("farmbuild", MemfdFlags::empty()).ok()?);
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    std::fs::metadata(&name).ok()?;
    match args.last_mut().filter(|last| last.as_encoded_bytes().ends_with(b"=")) {
        Some(last) => last.push(name),
        None => args.push(name.into()),
    }
    Some(file)
}

fn read_from_start(mut file: File) -> io::Result<Vec<u8>> {
    // The compiler's own descriptor has moved, ours hasn't.
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Gives the compiler a terminal like ours for its messages, so that they have the same colours and width; what comes
/// out of our end goes to ours unchanged.
fn pseudo_terminal(compiler: &mut Command) -> io::Result<File> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let mode = rustix::fs::Mode::empty();
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let theirs: OwnedFd = rustix::fs::open(name.as_c_str(), flags, mode)?;
    let mut attributes = tcgetattr(&theirs)?;
    attributes.make_raw();
    tcsetattr(&theirs, OptionalActions::Now, &attributes)?;
    tcsetwinsize(&theirs, tcgetwinsize(io::stderr())?)?;
    compiler.stderr(Stdio::from(theirs));
    Ok(File::from(ours))
}

/// Passes on what the compiler prints until it prints no more, without the words that are `hidden`. `None` for a stream
/// with too much to keep.
fn pass_on_output(
    child: &mut Child,
    terminal: Option<File>,
    hidden: Vec<Vec<u8>>,
) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let stdout = child.stdout.take();
    let other = thread::spawn(move || {
        stdout.map_or(Some(Vec::new()), |from| copy(from, io::stdout(), Vec::new()))
    });
    let stderr = match (terminal, child.stderr.take()) {
        (Some(terminal), _) => copy(terminal, io::stderr(), hidden),
        (None, Some(pipe)) => copy(pipe, io::stderr(), hidden),
        (None, None) => Some(Vec::new()),
    };
    (other.join().ok().flatten(), stderr)
}

fn copy(mut from: impl Read, mut to: impl Write, hidden: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    let (mut all, mut buffer) = (Some(Vec::new()), [0; 16 << 10]);
    let mut hiding = Hiding::new(hidden);
    let mut pass_on = |bytes: &[u8]| {
        // If nobody listens, a compiler wouldn't be heard either.
        let _ = to.write_all(bytes).and_then(|()| to.flush());
        let fits = |kept: &Vec<u8>| kept.len() + bytes.len() <= MOST_KEPT;
        all = all.take().filter(fits);
        if let Some(all) = &mut all {
            all.extend_from_slice(bytes);
        }
    };
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            // A terminal whose other side is closed gives an error.
            Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
            Err(_) => {}
            Ok(count) => hiding.pass(&buffer[..count], &mut pass_on),
        }
    }
    hiding.end(&mut pass_on);
    all
}

fn end_like(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        // Returns only for a signal that can't be raised; its status in a shell stands for it then.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        return ExitCode::from(u8::try_from(128 + signal).unwrap_or(1));
    }
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
