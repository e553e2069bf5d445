//! What the front says to the daemon and understands of its answers: `farmbuild_core::protocol`, written out by hand,
//! because a few kilobytes have no room for serde. Tests hold the two together.
//!
//! The format is postcard's (<https://postcard.jamesmunns.com/wire-format>): numbers as varints, signed ones zigzagged; a
//! sequence is its length and its elements; an enumeration is the variant's number and its fields. An `OsString` is, to
//! serde, an enumeration whose first variant holds the bytes.

#[allow(
    clippy::duplicate_mod,
    reason = "in tests this file is a part of farmbuild, which has it too"
)]
#[path = "looks.rs"]
mod looks;

use looks::{LOOKS, SEPARATOR};

/// The hello of this build of the program.
pub(crate) const HELLO: [u8; 64] = {
    let mut hello = [0; 64];
    let parts: [&[u8]; 4] = [
        b"farmbuild/hello\n",
        env!("CARGO_PKG_VERSION").as_bytes(),
        b" ",
        env!("FARMBUILD_SOURCES").as_bytes(),
    ];
    let (mut end, mut part) = (0, 0);
    while part < parts.len() {
        let mut at = 0;
        while at < parts[part].len() && end < hello.len() {
            hello[end] = parts[part][at];
            (at, end) = (at + 1, end + 1);
        }
        part += 1;
    }
    hello
};

/// Bytes of a frame's length, which is little-endian.
pub(crate) const PREFIX: usize = 4;
/// The number of `Request::Masqueraded`.
const MASQUERADED: u32 = 1;
/// The number of `Reply::Done`.
const DONE: u8 = 0;
/// The number of the only kind of `OsString` on Unix.
const UNIX: u8 = 0;
/// A job as it was asked for.
pub(crate) struct Job<'a, A, E> {
    /// Its arguments, the compiler's name first.
    pub(crate) arguments: A,
    /// Its environment, as `NAME=VALUE`.
    pub(crate) environment: E,
    /// Its working directory.
    pub(crate) directory: &'a [u8],
    /// Its file mode creation mask.
    pub(crate) umask: u32,
    /// The columns of the terminal that the compiler's messages go to, if they go to one.
    pub(crate) columns: Option<u16>,
    /// Whether it may read standard input, and that is the null device.
    pub(crate) null_input: bool,
}

/// Writes hello and request for `job` to `buffer` and returns them; `None` if they don't fit.
pub(crate) fn request<'a, 'b, A, E>(job: &Job<'a, A, E>, buffer: &'b mut [u8]) -> Option<&'b [u8]>
where
    A: Iterator<Item = &'a [u8]> + Clone,
    E: Iterator<Item = &'a [u8]> + Clone,
{
    let mut out = Out { buffer, end: 0 };
    out.raw(&HELLO)?;
    out.raw(&[0; PREFIX])?;
    let start = out.end;
    out.number(MASQUERADED)?;
    // The program: the daemon finds it.
    out.os_string(b"")?;
    out.count(job.arguments.clone().count())?;
    job.arguments.clone().try_for_each(|argument| out.os_string(argument))?;
    out.os_string(job.directory)?;
    out.count(variables(&job.environment).count())?;
    for (name, value) in variables(&job.environment) {
        out.os_string(name)?;
        out.os_string(value)?;
    }
    out.number(job.umask)?;
    write_terminal(job, &mut out)?;
    out.raw(&[u8::from(job.null_input)])?;
    let Out { buffer, end } = out;
    let length = u32::try_from(end - start).ok()?;
    buffer[HELLO.len()..start].copy_from_slice(&length.to_le_bytes());
    Some(&buffer[..end])
}

/// The variables of an environment, as the standard library has them: a name isn't empty and may begin with `=`.
fn variables<'a>(
    environment: &(impl Iterator<Item = &'a [u8]> + Clone),
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    environment.clone().filter_map(|entry| {
        let equals = 1 + entry.get(1..)?.iter().position(|byte| *byte == b'=')?;
        Some((&entry[..equals], &entry[equals + 1..]))
    })
}

/// The value of a variable.
pub(crate) fn variable<'a>(
    environment: &(impl Iterator<Item = &'a [u8]> + Clone),
    name: &str,
) -> Option<&'a [u8]> {
    variables(environment).find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value)
}

/// What shows of the terminal in a compiler's messages; nothing if they go elsewhere.
fn write_terminal<'a, A, E>(job: &Job<'a, A, E>, out: &mut Out<'_>) -> Option<()>
where
    E: Iterator<Item = &'a [u8]> + Clone,
{
    let Some(columns) = job.columns else { return out.count(0) };
    let (mut digits, mut first, mut rest) = ([0; 5], 5, columns);
    while rest > 0 || first == 5 {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let look = |name: &&str| {
        let value = variable(&job.environment, name).unwrap_or_default();
        if core::str::from_utf8(value).is_ok() { value } else { b"" }
    };
    let digits = &digits[first..];
    let looks: usize = LOOKS.iter().map(|name| look(name).len()).sum();
    out.count(digits.len() + 1 + looks + (LOOKS.len() - 1) * SEPARATOR.len())?;
    out.raw(digits)?;
    for (number, name) in LOOKS.iter().enumerate() {
        out.raw(if number == 0 { b" " } else { SEPARATOR.as_bytes() })?;
        out.raw(look(name))?;
    }
    Some(())
}

/// The whole length of a frame that begins like this and is a `Reply::Done`.
pub(crate) fn length_of_done(start: &[u8]) -> Option<usize> {
    let (prefix, payload) = start.split_at_checked(PREFIX)?;
    let length = u32::from_le_bytes(prefix.try_into().ok()?);
    (payload.first() == Some(&DONE)).then_some(PREFIX + length as usize)
}

/// How a job went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done<'a> {
    /// The compiler's exit status.
    pub(crate) status: u8,
    /// What it printed on standard output.
    pub(crate) stdout: &'a [u8],
    /// What it printed on standard error.
    pub(crate) stderr: &'a [u8],
}

/// Reads a `Reply::Done`; `None` if the frame is none.
pub(crate) fn done(frame: &[u8]) -> Option<Done<'_>> {
    let mut rest = frame.get(PREFIX..)?;
    if number(&mut rest)? != u64::from(DONE) {
        return None;
    }
    let status = number(&mut rest)?;
    // Zigzag: the lowest bit is the sign.
    let status = if status & 1 == 0 { u8::try_from(status >> 1).unwrap_or(1) } else { 1 };
    let stdout = bytes(&mut rest)?;
    let stderr = bytes(&mut rest)?;
    rest.is_empty().then_some(Done { status, stdout, stderr })
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes)
}

/// A buffer that is filled.
struct Out<'b> {
    buffer: &'b mut [u8],
    end: usize,
}

impl Out<'_> {
    fn raw(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.end + bytes.len();
        self.buffer.get_mut(self.end..end)?.copy_from_slice(bytes);
        self.end = end;
        Some(())
    }

    fn number(&mut self, mut number: u32) -> Option<()> {
        while number >= 0x80 {
            self.raw(&[number as u8 | 0x80])?;
            number >>= 7;
        }
        self.raw(&[number as u8])
    }

    fn count(&mut self, count: usize) -> Option<()> {
        self.number(u32::try_from(count).ok()?)
    }

    fn os_string(&mut self, bytes: &[u8]) -> Option<()> {
        self.raw(&[UNIX])?;
        self.count(bytes.len())?;
        self.raw(bytes)
    }
}
