//! The front: a wrapper of a few kilobytes, without a standard library, that stands where a compiler stood.
//!
//! A wrapper is started for every job, and a hit takes the daemon a millisecond or two: the time that a program with a C
//! library needs until its `main` is a large part of it (on a virtual machine above all, where each CPUID
//! instruction, of which glibc has dozens, leaves the guest). So what stands in a masquerade directory is
//! this program. It sends the job to the daemon, prints the answer and ends. It knows no other way: whatever else there is
//! to do, down to finding the compiler, it leaves to `farmbuild` itself, by becoming it, connection included.
//!
//! `cli/build.rs` compiles it and puts it into the `farmbuild` program; `cli/src/build/front.rs` writes it to a file.

#![no_std]
#![no_main]
#![deny(missing_docs)]

mod client;
mod kernel;
mod message;

use core::arch::global_asm;
use core::panic::PanicInfo;

// The kernel leaves the number of arguments on the stack, then the arguments, zero, the environment, zero (System V
// ABI, AMD64 supplement, 3.4.1).
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {begin}",
    "ud2",
    begin = sym begin,
);

extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: called once, by `_start`, with the stack as the kernel left it.
    client::run(unsafe { kernel::Process::from_stack(stack) })
}

/// Nothing here panics that was thought of. If something does, the job goes another way.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    client::give_up()
}

/// What the compiler may call for a copy.
///
/// # Safety
/// As C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller's promise is the instruction's.
    unsafe {
        core::arch::asm!(
            "rep movsb",
            inout("rcx") count => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
    }
    to
}

/// What the compiler may call to fill memory.
///
/// # Safety
/// As C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    // SAFETY: the caller's promise is the instruction's.
    unsafe {
        core::arch::asm!(
            "rep stosb",
            inout("rcx") count => _,
            inout("rdi") to => _,
            in("al") byte as u8,
            options(nostack, preserves_flags),
        );
    }
    to
}

/// What the compiler may call to compare.
///
/// # Safety
/// As C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for at in 0..count {
        // SAFETY: the caller's promise covers each byte.
        let (a, b) = unsafe { (one.add(at).read_volatile(), other.add(at).read_volatile()) };
        if a != b {
            return 1;
        }
    }
    0
}

/// What the compiler may call to compare in order.
///
/// # Safety
/// As C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for at in 0..count {
        // SAFETY: the caller's promise covers each byte.
        let (a, b) = unsafe { (one.add(at).read_volatile(), other.add(at).read_volatile()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// What the compiler may call for the length of a string.
///
/// # Safety
/// As C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strlen(string: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller's promise is that a zero comes.
    while unsafe { string.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}

/// The precompiled `core` names it in its tables for unwinding. Nobody unwinds here.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}
