//! The system calls that the front makes, and what the kernel gave the process. x86-64 Linux.
//!
//! Sources: the numbers in the kernel's `arch/x86/entry/syscalls/syscall_64.tbl`, the structures in its `uapi` headers.

use core::arch::asm;
use core::ffi::CStr;
use core::marker::PhantomData;
use core::ops::Range;

const WRITE: usize = 1;
const CLOSE: usize = 3;
const STAT: usize = 4;
const FSTAT: usize = 5;
const IOCTL: usize = 16;
const SOCKET: usize = 41;
const CONNECT: usize = 42;
const SENDTO: usize = 44;
const RECVFROM: usize = 45;
const EXECVE: usize = 59;
const GETCWD: usize = 79;
const READLINK: usize = 89;
const UMASK: usize = 95;
const EXIT_GROUP: usize = 231;

const EINTR: isize = -4;
const AF_UNIX: u16 = 1;
const SOCK_STREAM: usize = 1;
const MSG_PEEK: usize = 2;
const MSG_WAITALL: usize = 0x100;
const MSG_NOSIGNAL: usize = 0x4000;
const TIOCGWINSZ: usize = 0x5413;
/// Bytes of a socket's path, its zero included.
const PATH_BYTES: usize = 108;

/// Bytes of `struct stat`.
const STAT_BYTES: usize = 144;
/// Where `st_mode` is in it, and `st_rdev`.
const MODE: Range<usize> = 24..28;
const DEVICE: Range<usize> = 40..48;

/// Standard input.
const STDIN: usize = 0;
/// Standard output.
pub(crate) const STDOUT: usize = 1;
/// Standard error.
pub(crate) const STDERR: usize = 2;

/// # Safety
/// Arguments that are addresses must be valid for what the call does there.
unsafe fn call(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let result;
    // SAFETY: the kernel keeps all registers but these; the caller answers for the memory.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

fn count(result: isize) -> Option<usize> {
    usize::try_from(result).ok()
}

/// A list of strings that ends with a null pointer, as `execve` wants it.
#[derive(Clone, Copy)]
pub(crate) struct Strings<'a> {
    first: *const *const u8,
    lives: PhantomData<&'a CStr>,
}

impl<'a> Strings<'a> {
    /// The strings that `pointers` leads to.
    ///
    /// # Safety
    /// Each but the last must lead to a string that ends with a zero; the last must be null.
    pub(crate) unsafe fn new(pointers: &'a [*const u8]) -> Self {
        Self { first: pointers.as_ptr(), lives: PhantomData }
    }

    /// Where the string at `index` begins, or null for the end. Not for an index beyond the end.
    pub(crate) fn pointer(self, index: usize) -> *const u8 {
        // SAFETY: the list goes on to its null.
        unsafe { *self.first.add(index) }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        (0..).map_while(move |index| {
            let start = self.pointer(index);
            // SAFETY: no null comes before the end; what it leads to ends with a zero.
            (!start.is_null()).then(|| unsafe { CStr::from_ptr(start.cast()) }.to_bytes())
        })
    }
}

/// What the process was started with.
#[derive(Clone, Copy)]
pub(crate) struct Process {
    pub(crate) arguments: Strings<'static>,
    pub(crate) environment: Strings<'static>,
}

impl Process {
    /// # Safety
    /// `stack` must be what the kernel left in the stack pointer.
    pub(crate) unsafe fn from_stack(stack: *const usize) -> Self {
        // SAFETY: the number of arguments is there, then they and the environment, each with a null behind it.
        let (arguments, environment) = unsafe {
            let arguments = stack.add(1);
            (arguments, arguments.add(*stack + 1))
        };
        let strings = |first: *const usize| Strings { first: first.cast(), lives: PhantomData };
        Self { arguments: strings(arguments), environment: strings(environment) }
    }
}

/// A connection; it is closed when the process ends, and lives on in a program that the process becomes.
pub(crate) struct Socket(usize);

impl Socket {
    /// Connects to the socket at `path`.
    pub(crate) fn connect(path: &[&[u8]]) -> Option<Self> {
        let mut address = [0; 2 + PATH_BYTES];
        address[..2].copy_from_slice(&AF_UNIX.to_ne_bytes());
        let mut end = 2;
        for part in path {
            // The last byte stays zero.
            address[..PATH_BYTES + 1].get_mut(end..end + part.len())?.copy_from_slice(part);
            end += part.len();
        }
        // SAFETY: no address is among the arguments.
        let socket = count(unsafe { call(SOCKET, AF_UNIX.into(), SOCK_STREAM, 0, 0, 0, 0) })?;
        let this = Self(socket);
        // SAFETY: the address is as long as is said.
        let connected = unsafe { call(CONNECT, socket, address.as_ptr().addr(), end + 1, 0, 0, 0) };
        // Where a standard stream is closed, the socket took its place, and would be written to.
        if connected == 0 && socket > STDERR {
            return Some(this);
        }
        this.close();
        None
    }

    /// The descriptor's number.
    pub(crate) fn number(&self) -> usize {
        self.0
    }

    /// Sends all of `bytes`.
    pub(crate) fn send(&self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            let (start, length) = (bytes.as_ptr().addr(), bytes.len());
            // SAFETY: the bytes are there, and only read.
            let sent = unsafe { call(SENDTO, self.0, start, length, MSG_NOSIGNAL, 0, 0) };
            if sent != EINTR {
                bytes = bytes.get(count(sent)?..)?;
            }
        }
        Some(())
    }

    /// Waits until `buffer` is full, or the other side ends.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Option<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.receive_some(&mut buffer[filled..], MSG_WAITALL) {
                EINTR => {}
                0 => return None,
                more => filled += count(more)?,
            }
        }
        Some(())
    }

    /// Waits for something, and leaves it to be received again. How much of `buffer` it fills.
    pub(crate) fn peek(&self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match self.receive_some(buffer, MSG_PEEK) {
                EINTR => {}
                other => return count(other),
            }
        }
    }

    fn receive_some(&self, buffer: &mut [u8], flags: usize) -> isize {
        let (start, length) = (buffer.as_mut_ptr().expose_provenance(), buffer.len());
        // SAFETY: the buffer is as long as is said.
        unsafe { call(RECVFROM, self.0, start, length, flags, 0, 0) }
    }

    /// Ends it.
    pub(crate) fn close(self) {
        // SAFETY: no address is among the arguments.
        unsafe { call(CLOSE, self.0, 0, 0, 0, 0, 0) };
    }
}

/// Writes all of `bytes`, unless nobody listens: a compiler wouldn't be heard either.
pub(crate) fn write(descriptor: usize, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the bytes are there, and only read.
        let wrote = unsafe { call(WRITE, descriptor, bytes.as_ptr().addr(), bytes.len(), 0, 0, 0) };
        if wrote == EINTR {
            continue;
        }
        match count(wrote).and_then(|wrote| bytes.get(wrote..)) {
            Some(rest) => bytes = rest,
            None => return,
        }
    }
}

/// The working directory.
pub(crate) fn working_directory(buffer: &mut [u8]) -> Option<&[u8]> {
    let (start, length) = (buffer.as_mut_ptr().expose_provenance(), buffer.len());
    // SAFETY: the buffer is as long as is said.
    let length = count(unsafe { call(GETCWD, start, length, 0, 0, 0, 0) })?;
    // A directory that isn't below our root comes with `(unreachable)` before it.
    buffer.get(..length.checked_sub(1)?).filter(|path| path.starts_with(b"/"))
}

/// Where this program lies.
pub(crate) fn own_path(buffer: &mut [u8]) -> Option<&[u8]> {
    let (start, length) = (buffer.as_mut_ptr().expose_provenance(), buffer.len());
    let link = c"/proc/self/exe".as_ptr().addr();
    // SAFETY: the name ends with a zero, and the buffer is as long as is said.
    let read = count(unsafe { call(READLINK, link, start, length, 0, 0, 0) })?;
    // A full buffer may hold a part of the path only.
    (read < length).then(|| &buffer[..read])
}

/// The file mode creation mask.
pub(crate) fn umask() -> u32 {
    // SAFETY: no address is among the arguments. Reading the mask means setting it; nothing else runs in this process.
    let mask = unsafe { call(UMASK, 0, 0, 0, 0, 0, 0) };
    let mask = count(mask).unwrap_or(0);
    // SAFETY: as above.
    unsafe { call(UMASK, mask, 0, 0, 0, 0, 0) };
    u32::try_from(mask).unwrap_or(0)
}

/// Whether standard input is the null device.
pub(crate) fn reads_nothing() -> bool {
    let (mut input, mut null) = ([0_u8; STAT_BYTES], [0_u8; STAT_BYTES]);
    let (to_input, to_null) =
        (input.as_mut_ptr().expose_provenance(), null.as_mut_ptr().expose_provenance());
    let name = c"/dev/null".as_ptr().addr();
    // SAFETY: the structures are as large as the calls fill, and the name ends with a zero.
    let known = unsafe {
        call(FSTAT, STDIN, to_input, 0, 0, 0, 0) == 0 && call(STAT, name, to_null, 0, 0, 0, 0) == 0
    };
    let same = |at: Range<usize>| input[at.clone()] == null[at];
    known && same(MODE) && same(DEVICE)
}

/// The columns of the terminal that standard error goes to, if it goes to one.
pub(crate) fn columns() -> Option<u16> {
    // Rows, columns, and two fields that nobody uses.
    let mut size = [0_u16; 4];
    let start = size.as_mut_ptr().expose_provenance();
    // SAFETY: the structure is as large as the call fills.
    let result = unsafe { call(IOCTL, STDERR, TIOCGWINSZ, start, 0, 0, 0) };
    (result == 0).then_some(size[1])
}

/// Becomes the program at `path`, which must end with a zero. Returns if that can't be done.
pub(crate) fn execute(path: &[u8], arguments: Strings<'_>, environment: Strings<'_>) {
    if path.last() != Some(&0) {
        return;
    }
    let (arguments, environment) = (arguments.first.addr(), environment.first.addr());
    // SAFETY: the path ends with a zero, and each list with a null.
    unsafe { call(EXECVE, path.as_ptr().addr(), arguments, environment, 0, 0, 0) };
}

/// Ends the process.
pub(crate) fn exit(status: u8) -> ! {
    loop {
        // SAFETY: no address is among the arguments.
        unsafe { call(EXIT_GROUP, status.into(), 0, 0, 0, 0, 0) };
    }
}
