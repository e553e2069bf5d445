//! `CC=`, `CXX=` and their kin on make's command line.
//!
//! A bare name is found in the masquerade directory. A path is not: it gets `farmbuild cc` in front. Bare names are
//! left as they are on purpose, because builds put `$(CC)` into what they compile (haproxy's `-vv` prints it), and
//! then a changed one would change the object.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::masquerade::is_compiler;

/// Variables that name a compiler by convention: GNU make's own, the kernel's, autoconf's.
const VARIABLES: [&str; 8] =
    ["CC", "CXX", "HOSTCC", "HOSTCXX", "CC_FOR_BUILD", "CXX_FOR_BUILD", "BUILD_CC", "TARGET_CC"];

/// `arg` of make's command line, with the compiler prefixed if it is an absolute or relative path to one.
pub(crate) fn prefixed(arg: &OsStr, farmbuild: &Path) -> OsString {
    let bytes = arg.as_bytes();
    let Some(equals) = bytes.iter().position(|byte| *byte == b'=') else { return arg.to_owned() };
    let name = &bytes[..equals];
    let name = name.strip_suffix(b":").unwrap_or(name);
    let name = name.strip_suffix(b":").unwrap_or(name);
    if !VARIABLES.iter().any(|variable| variable.as_bytes() == name) {
        return arg.to_owned();
    }
    let value = &bytes[equals + 1..];
    let start = value.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(value.len());
    let value = &value[start..];
    let program = value.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let compiler = Path::new(OsStr::from_bytes(program));
    let is_path_to_compiler =
        program.contains(&b'/') && compiler.file_name().is_some_and(is_compiler);
    // Make splits the value at blanks: a path to ourselves that has one would fall apart.
    let ourselves = farmbuild.as_os_str().as_bytes();
    let can_be_said =
        !ourselves.iter().any(|byte| byte.is_ascii_whitespace() || b"$#'\"\\".contains(byte));
    if !is_path_to_compiler || !can_be_said {
        return arg.to_owned();
    }
    let mut out = bytes[..=equals].to_vec();
    out.extend(ourselves);
    out.extend(b" cc ");
    out.extend(value);
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_to_compilers_are_prefixed_and_nothing_else_is() {
        let rows = [
            ("CC=/usr/bin/gcc", "CC=/fb cc /usr/bin/gcc"),
            ("CC=/usr/bin/gcc -m32", "CC=/fb cc /usr/bin/gcc -m32"),
            (
                "HOSTCC=../bin/x86_64-linux-gnu-gcc-12",
                "HOSTCC=/fb cc ../bin/x86_64-linux-gnu-gcc-12",
            ),
            ("CXX:= /usr/bin/g++", "CXX:=/fb cc /usr/bin/g++"),
            ("CC=gcc", "CC=gcc"),
            ("CC=ccache /usr/bin/gcc", "CC=ccache /usr/bin/gcc"),
            ("CC=/usr/bin/ld", "CC=/usr/bin/ld"),
            ("CFLAGS=-I/usr/bin/gcc", "CFLAGS=-I/usr/bin/gcc"),
            ("CC=", "CC="),
            ("all", "all"),
        ];
        for (given, expected) in rows {
            assert_eq!(prefixed(OsStr::new(given), Path::new("/fb")), expected, "{given}");
        }
    }

    #[test]
    fn a_program_path_that_make_would_split_is_not_used() {
        let given = OsStr::new("CC=/usr/bin/gcc");
        assert_eq!(prefixed(given, Path::new("/my tools/fb")), given);
    }
}
