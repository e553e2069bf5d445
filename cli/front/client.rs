//! What the front does: sends its job, prints the answer. Where anything is out of the ordinary, it becomes the program
//! that knows what to do.

use core::cell::UnsafeCell;
use core::iter::once;
use core::ptr::null;

use crate::kernel::{self, Process, STDERR, STDOUT, Socket, Strings};
use crate::message::{self, Done, HELLO, Job, PREFIX};

/// The `farmbuild` program: a link beside this one.
const WHOLE: &[u8] = b"whole\0";
/// Where the daemon listens, seen from the runtime directory.
const SOCKET: &[u8] = b"/daemon.sock";
/// How many directories below the runtime directory the front lies: `front/HASH/farmbuild`.
const DEPTH: usize = 3;
/// Makes `farmbuild` a wrapper; the compiler's command line follows.
const WRAPPER: &[u8] = b"cc\0";
/// The same on a connection that has sent the job and is answered; its number and the command line follow.
const ANSWERED: &[u8] = b"cc-answered\0";
/// Bytes of the longest path (`PATH_MAX`).
const PATH_MAX: usize = 4096;
/// The status of a shell that didn't find a command.
const NOT_FOUND: u8 = 127;

/// Memory for what is as long as a command line can get (6 MiB with the environment, execve(2)). It costs what is used of it.
struct Memory {
    message: UnsafeCell<[u8; 6 << 20]>,
    arguments: UnsafeCell<[*const u8; 1 << 20]>,
    process: UnsafeCell<Option<Process>>,
}

// SAFETY: there is one thread.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory {
    message: UnsafeCell::new([0; 6 << 20]),
    arguments: UnsafeCell::new([null(); 1 << 20]),
    process: UnsafeCell::new(None),
};

/// Runs this process's job.
pub(crate) fn run(process: Process) -> ! {
    // SAFETY: nothing else refers to it now.
    unsafe { *MEMORY.process.get() = Some(process) };
    if is_ordinary(process)
        && let Some(socket) = ask(process)
    {
        match answer(&socket) {
            Some(done) => {
                kernel::write(STDOUT, done.stdout);
                kernel::write(STDERR, done.stderr);
                kernel::exit(done.status);
            }
            None => become_farmbuild(process, Some(socket)),
        }
    }
    become_farmbuild(process, None)
}

/// Goes on as if no daemon had been asked.
pub(crate) fn give_up() -> ! {
    // SAFETY: it was written once, before anything could go wrong.
    match unsafe { *MEMORY.process.get() } {
        Some(process) => become_farmbuild(process, None),
        None => kernel::exit(NOT_FOUND),
    }
}

/// Whether the daemon can know of this job all that it needs. It looks for the compiler, and doesn't see standard input.
fn is_ordinary(process: Process) -> bool {
    let environment = process.environment.iter();
    let variable = |name| message::variable(&environment, name);
    let Some(name) = process.arguments.iter().next() else { return false };
    let absolute = |path: &[u8]| path.starts_with(b"/");
    variable("FARMBUILD_DEPTH").is_none()
        && variable("FARMBUILD") != Some(b"off")
        && (absolute(name) || !name.contains(&b'/'))
        && !name.ends_with(b"farmbuild")
        && variable("PATH").is_some_and(|path| path.split(|byte| *byte == b':').all(absolute))
        && (!may_read_input(process) || kernel::reads_nothing())
}

fn may_read_input(process: Process) -> bool {
    process.arguments.iter().any(|argument| argument == b"-")
}

/// Sends the job, and reads who answers.
fn ask(process: Process) -> Option<Socket> {
    let mut path = [0; PATH_MAX];
    let mut directory = kernel::own_path(&mut path)?;
    for _ in 0..DEPTH {
        directory = parent(directory)?;
    }
    let socket = Socket::connect(&[directory, SOCKET])?;
    let mut path = [0; PATH_MAX];
    let job = Job {
        arguments: process.arguments.iter(),
        environment: process.environment.iter(),
        directory: kernel::working_directory(&mut path)?,
        umask: kernel::umask(),
        columns: kernel::columns(),
        null_input: may_read_input(process),
    };
    // SAFETY: nothing else refers to it now.
    let request = message::request(&job, unsafe { &mut *MEMORY.message.get() })?;
    let sent = socket.send(request);
    let mut hello = [0; HELLO.len()];
    let of_this_build = socket.receive(&mut hello).is_some() && hello == HELLO;
    if sent.is_some() && of_this_build {
        return Some(socket);
    }
    socket.close();
    None
}

/// Waits for the answer. `None` if it is another one than that the job is done; it can be read again, then.
fn answer(socket: &Socket) -> Option<Done<'static>> {
    let mut start = [0; PREFIX + 1];
    let known = socket.peek(&mut start)?;
    let length = message::length_of_done(start.get(..known)?)?;
    // SAFETY: the request, which was there, is sent.
    let frame = unsafe { &mut *MEMORY.message.get() }.get_mut(..length)?;
    socket.receive(frame)?;
    message::done(frame)
}

/// Becomes `farmbuild`, as this job's wrapper, on a connection that is answered or without one. Where `farmbuild` isn't any
/// more, becomes the compiler.
fn become_farmbuild(process: Process, socket: Option<Socket>) -> ! {
    let mut path = [0; PATH_MAX];
    let mut whole = [0; PATH_MAX];
    let mut digits = [0; 4];
    let own = kernel::own_path(&mut path).unwrap_or_default();
    let directory = parent(own).unwrap_or_default();
    let named = join(&mut whole, &[directory, b"/", WHOLE]);
    let number = socket.as_ref().and_then(|socket| decimal(socket.number(), &mut digits));
    let first = [c"farmbuild".as_ptr().cast(), number.map_or(WRAPPER, |_| ANSWERED).as_ptr()];
    let first = first.into_iter().chain(number.map(<[u8]>::as_ptr));
    let arguments = list(first.chain((0..).map(|index| process.arguments.pointer(index))));
    if let Some(whole) = named {
        kernel::execute(whole, arguments, process.environment);
    }
    become_compiler(process, directory)
}

/// Becomes the first program of the compiler's name on PATH that isn't reached through the runtime directory.
fn become_compiler(process: Process, own: &[u8]) -> ! {
    let runtime = parent(own).and_then(parent).unwrap_or(own);
    let name = process.arguments.iter().next().unwrap_or_default();
    let name = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let path = message::variable(&process.environment.iter(), "PATH").unwrap_or_default();
    let mut program = [0; PATH_MAX];
    for directory in path.split(|byte| *byte == b':').filter(|it| !it.starts_with(runtime)) {
        if let Some(program) = join(&mut program, &[directory, b"/", name, b"\0"]) {
            // By its path: gcc would look itself up on PATH, and for its parts beside our link.
            let rest = (1..).map(|index| process.arguments.pointer(index));
            let arguments = list(once(program.as_ptr()).chain(rest));
            kernel::execute(program, arguments, process.environment);
        }
    }
    kernel::write(STDERR, b"farmbuild: the program itself isn't there any more, and no compiler ");
    kernel::write(STDERR, name);
    kernel::write(STDERR, b" on PATH\n");
    kernel::exit(NOT_FOUND)
}

/// A list of the strings, each of which must end with a zero, up to the first null. It is there until the next one is made.
fn list<'a>(strings: impl Iterator<Item = *const u8>) -> Strings<'a> {
    // SAFETY: nothing else refers to it: the list before this one isn't needed any more.
    let list = unsafe { &mut *MEMORY.arguments.get() };
    // It is longer than any command line.
    let last = list.len() - 1;
    for (to, string) in list[..last].iter_mut().zip(strings) {
        *to = string;
        if string.is_null() {
            break;
        }
    }
    list[last] = null();
    // SAFETY: each leads to a string of this process, and a null is behind them.
    unsafe { Strings::new(list) }
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    path.iter().rposition(|byte| *byte == b'/').map(|slash| &path[..slash])
}

fn join<'b>(buffer: &'b mut [u8], parts: &[&[u8]]) -> Option<&'b [u8]> {
    let mut end = 0;
    for part in parts {
        buffer.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
    }
    Some(&buffer[..end])
}

/// A descriptor's number, with a zero behind it. `None` if it doesn't fit.
fn decimal(mut number: usize, buffer: &mut [u8; 4]) -> Option<&[u8]> {
    let mut first = buffer.len() - 1;
    buffer[first] = 0;
    while number > 0 || first == buffer.len() - 1 {
        first = first.checked_sub(1)?;
        buffer[first] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    Some(&buffer[first..])
}
