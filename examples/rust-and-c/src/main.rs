//! Rust that calls the C which `build.rs` compiled.

use std::ffi::c_uint;

unsafe extern "C" {
    safe fn gcd(a: c_uint, b: c_uint) -> c_uint;
    safe fn isqrt(number: c_uint) -> c_uint;
}

fn main() {
    println!("gcd(12, 18) = {}, isqrt(99) = {}", gcd(12, 18), isqrt(99));
}
