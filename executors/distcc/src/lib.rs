//! Speaks the distcc protocol, versions 1 and 2, to stock `distccd` servers. Knows no other executor.
//!
//! [`DistccExecutor`] runs jobs on one host; [`hosts`] reads distcc's own host lists; [`lzo`] is the compression of
//! the protocol's version 2. Everything else is one stage of a job, in this order: `request` (what is sent),
//! `connection` (how), `reply` (what comes back), `verdict` (whose fault it was).
//!
//! # What survives the trip
//!
//! Written from distcc's public documents (`protocol-1.txt`, `protocol-2.txt`, distcc(1), distccd(1)) and from what
//! `distccd` 3.4 was seen to do on the wire:
//!
//! - The server stores the source under a name of its own, in a directory of its own. All it takes from the
//!   input's name is the extension: C becomes `.i`, C++ `.ii`, Objective-C `.mi`. An unknown extension, none, or `-` is
//!   refused, even with `-x`. So we send a short name of our own with the right extension, and names with
//!   directories, spaces, newlines or bytes that aren't UTF-8 never matter. (They would arrive unharmed.)
//! - Both names are replaced wherever they stand in the command, `-o NAME` and `-oNAME` alike; every other argument
//!   is passed on as it is: `-x c`, `-x cpp-output`, `-fpreprocessed`, `-fdirectives-only`, `-fdebug-prefix-map=`,
//!   `-Wa,--noexecstack`, `-I`, `-D` with any bytes.
//! - Since the name ends in `.i`, gcc takes the text for preprocessed unless `-x c` says otherwise. Text from
//!   `-E -fdirectives-only` compiles with `-fpreprocessed -fdirectives-only`, with and without `-x c`. clang compiles
//!   with `-x cpp-output` and with `-x c`.
//! - The server has its own list of arguments that it won't run, and closes the connection without a word when
//!   it meets one: `-E`, no `-c` or `-S`, assembler sources, `-march=native`, `--coverage`, `-specs=`, `-Wa,-a...`.
//! - The compiler may be a bare name, which is looked up on the server's `DISTCCD_PATH` (else its `PATH`), or an absolute
//!   path. Its last part must be listed in the server's masquerade directory (`/usr/lib/distcc`) unless it was started
//!   with `--enable-tcp-insecure`: if not, the server reads the whole request and closes without a word.
//! - A compiler that is listed but isn't there comes back as a compile that exited 110, with a line of distccd's
//!   own on standard error.
//! - A client that isn't allowed (`--allow`) is hung up on at once.
//! - A full temporary directory shows in two ways: while the source arrives, the server hangs up; while the object
//!   is written, the compile "fails" with status 1 and a line of the assembler's.
//! - Closing the connection makes the server kill the compiler's process group within a second.

mod address;
mod connection;
mod executor;
pub mod hosts;
pub mod lzo;
mod object;
mod packet;
mod reply;
mod request;
mod verdict;

pub use address::{Address, AddressError, DEFAULT_PORT};
pub use executor::{Compression, DistccConfig, DistccExecutor, Timeouts};
pub use packet::PacketError;
pub use reply::DIAGNOSTICS_LIMIT;
