//! Arguments that rustc hands to the linker: those whose effect is on the linked file alone, and whose files the linker
//! itself lists.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Of the driver (gcc or clang), as a whole or by its beginning.
const DRIVER: [&[u8]; 13] = [
    b"-pthread",
    b"-static",
    b"-static-pie",
    b"-pie",
    b"-no-pie",
    b"-rdynamic",
    b"-nostartfiles",
    b"-nostdlib",
    b"-nodefaultlibs",
    b"-static-libgcc",
    b"-m64",
    b"-m32",
    b"-shared",
];
const DRIVER_BEGINNINGS: [&[u8]; 4] = [b"-l", b"-fuse-ld=", b"-mcpu=", b"-march="];

/// Of the linker.
const LINKER: [&[u8]; 27] = [
    b"-z",
    b"--as-needed",
    b"--no-as-needed",
    b"--gc-sections",
    b"--no-gc-sections",
    b"--export-dynamic",
    b"-E",
    b"--eh-frame-hdr",
    b"--strip-all",
    b"--strip-debug",
    b"-s",
    b"-S",
    b"-O1",
    b"-O2",
    b"-Bsymbolic",
    b"-Bsymbolic-functions",
    b"-Bstatic",
    b"-Bdynamic",
    b"--whole-archive",
    b"--no-whole-archive",
    b"--start-group",
    b"--end-group",
    b"--build-id",
    b"--no-undefined",
    b"--allow-multiple-definition",
    b"--no-rosegment",
    b"--allow-shlib-undefined",
];
const LINKER_BEGINNINGS: [&[u8]; 11] = [
    b"-rpath=",
    b"--rpath=",
    b"-soname=",
    b"--soname=",
    b"--version-script=",
    b"--dynamic-list=",
    b"--build-id=",
    b"--defsym=",
    b"--hash-style=",
    b"--icf=",
    b"-z",
];
/// Of the linker, with a value behind the next comma.
const LINKER_PAIRS: [&[u8]; 8] = [
    b"-z",
    b"-rpath",
    b"--rpath",
    b"-soname",
    b"--soname",
    b"-h",
    b"--version-script",
    b"--dynamic-list",
];

/// Whether an argument for the linker can be followed.
#[must_use]
pub fn is_followed(argument: &OsStr) -> bool {
    let bytes = argument.as_bytes();
    if let Some(words) = bytes.strip_prefix(b"-Wl,") {
        let mut words = words.split(|&byte| byte == b',');
        while let Some(word) = words.next() {
            if LINKER_PAIRS.contains(&word) {
                words.next();
            } else if !LINKER.contains(&word)
                && !LINKER_BEGINNINGS.iter().any(|it| word.starts_with(it))
            {
                return false;
            }
        }
        return true;
    }
    // A linker that is named by its path can't be asked for through its driver.
    if bytes.starts_with(b"-fuse-ld=") && bytes.contains(&b'/') {
        return false;
    }
    DRIVER.contains(&bytes) || DRIVER_BEGINNINGS.iter().any(|it| bytes.starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_write_or_name_anything_else_are_not_followed() {
        for followed in [
            "-Wl,-z,relro,-z,now",
            "-Wl,--as-needed",
            "-lm",
            "-fuse-ld=lld",
            "-Wl,-soname,libx.so.1",
            "-Wl,--version-script=a.map",
            "-Wl,-rpath,$ORIGIN",
            "-static",
        ] {
            assert!(is_followed(OsStr::new(followed)), "{followed}");
        }
        for other in [
            "-Wl,-Map=out.map",
            "-Wl,-Map,out.map",
            "-Wl,--dependency-file=x",
            "-Wl,--out-implib=x",
            "-Wl,-o,x",
            "-o",
            "-save-temps",
            "-Wl,--print-map",
            "-Wl,--trace",
            "-T",
            "x.o",
            "-plugin",
            "-Wl,-r",
            "-B/x",
            "-fuse-ld=/opt/ld",
            "@x",
        ] {
            assert!(!is_followed(OsStr::new(other)), "{other}");
        }
    }
}
