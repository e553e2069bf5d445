//! The command line of a link, as far as it is understood.
//!
//! What isn't on these lists may write another file, read one that nobody tells of or depend on the time: the link isn't
//! cached then. From gcc's manual ("Options for Linking") and ld's ("Command-line Options").

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use farmbuild_core::pipeline::Uncached;

use crate::reason::Reason;

/// A link's command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) output: PathBuf,
    /// Files that are named outright.
    pub(super) inputs: Vec<PathBuf>,
    /// The names behind `-l`, without those that begin with a colon.
    pub(super) libraries: Vec<OsString>,
    /// Where libraries are looked for, and those that libraries need.
    pub(super) directories: Vec<PathBuf>,
    /// Files that options name, which the linker must tell of.
    pub(super) option_files: Vec<PathBuf>,
}

/// Options of the driver that stand alone.
const ALONE: [&str; 22] = [
    "-ansi",
    "-dynamic",
    "-no-pie",
    "-nodefaultlibs",
    "-nolibc",
    "-nostartfiles",
    "-nostdlib",
    "-p",
    "-pg",
    "-pie",
    "-pipe",
    "-pthread",
    "-r",
    "-rdynamic",
    "-s",
    "-shared",
    "-shared-libgcc",
    "-static",
    "-static-libgcc",
    "-static-libstdc++",
    "-static-pie",
    "-w",
];

/// Beginnings of options that only compiles look at, or that choose between crt files, which are told.
const BEGINNINGS: [&str; 35] = [
    "-D",
    "-I",
    "-O",
    "-U",
    "-W",
    "-fPIC",
    "-fPIE",
    "-fasynchronous-unwind-tables",
    "-fcf-protection",
    "-fcommon",
    "-fdata-sections",
    "-fdebug-prefix-map=",
    "-fdiagnostics-color",
    "-fexceptions",
    "-ffast-math",
    "-ffile-prefix-map=",
    "-ffunction-sections",
    "-fmacro-prefix-map=",
    "-fno-",
    "-fomit-frame-pointer",
    "-fpic",
    "-fpie",
    "-fsigned-char",
    "-fstack-clash-protection",
    "-fstack-protector",
    "-fstrict-",
    "-funsigned-char",
    "-funwind-tables",
    "-fvisibility",
    "-fwrapv",
    "-g",
    "-m",
    "-pedantic",
    "-std=",
    "-ftrivial-auto-var-init=",
];

/// What begins like an option of the list above and isn't harmless: gcc runs other programs or reads other specs.
const EXCEPT: [&str; 10] = [
    "-Wa,",
    "-Wp,",
    "-fno-lto",
    "-fno-use-linker-plugin",
    "-gcc-toolchain",
    "-gsplit-dwarf",
    "-m16",
    "-m32",
    "-mx32",
    "-mno-cygwin",
];

/// Options of the driver with an argument behind them, which compiles look at.
const WITH_ARGUMENT: [&str; 5] = ["-D", "-I", "-U", "-isystem", "-iquote"];

/// Options of ld that stand alone. Each may have one dash or two.
const LD_ALONE: [&str; 52] = [
    "(",
    ")",
    "Bdynamic",
    "Bstatic",
    "Bsymbolic",
    "Bsymbolic-functions",
    "E",
    "N",
    "O0",
    "O1",
    "O2",
    "S",
    "X",
    "allow-multiple-definition",
    "allow-shlib-undefined",
    "as-needed",
    "build-id",
    "build-id=md5",
    "build-id=none",
    "build-id=sha1",
    "disable-new-dtags",
    "discard-all",
    "discard-locals",
    "dn",
    "dy",
    "eh-frame-hdr",
    "emit-relocs",
    "enable-new-dtags",
    "end-group",
    "export-dynamic",
    "fatal-warnings",
    "gc-sections",
    "n",
    "no-allow-shlib-undefined",
    "no-as-needed",
    "no-copy-dt-needed-entries",
    "no-gc-sections",
    "no-relax",
    "no-undefined",
    "no-warn-rwx-segments",
    "no-whole-archive",
    "pie",
    "q",
    "relax",
    "s",
    "sort-common",
    "start-group",
    "static",
    "strip-all",
    "strip-debug",
    "warn-common",
    "whole-archive",
];

/// Options of ld with a value, behind `=` or in the next argument.
const LD_WITH_VALUE: [&str; 14] = [
    "compress-debug-sections",
    "defsym",
    "e",
    "entry",
    "exclude-libs",
    "h",
    "hash-style",
    "orphan-handling",
    "soname",
    "sort-section",
    "u",
    "undefined",
    "wrap",
    "z",
];

/// Likewise, where the value is a list of directories.
const LD_DIRECTORIES: [&str; 3] = ["rpath", "rpath-link", "R"];

/// Likewise, where the value is a file.
const LD_FILES: [&str; 2] = ["version-script", "dynamic-list"];

fn refuse(arg: &OsStr) -> Uncached {
    Reason::LinkOption.about(arg.to_string_lossy())
}

impl Line {
    /// Understands the arguments of a link, or says which it doesn't.
    pub(super) fn parse(args: &[OsString]) -> Result<Self, Uncached> {
        let mut line = Self::default();
        let mut for_ld: Vec<OsString> = Vec::new();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let bytes = arg.as_bytes();
            // The linker's own account of what it read quotes nothing.
            if bytes.iter().any(|byte| byte.is_ascii_whitespace() || b"\\#$:@".contains(byte)) {
                return Err(refuse(arg));
            }
            let mut value = |joined: &[u8]| match joined {
                [] => rest.next().cloned().ok_or_else(|| refuse(arg)),
                joined => Ok(OsStr::from_bytes(joined).to_owned()),
            };
            match bytes {
                [b'-', b'o', joined @ ..] => line.output = value(joined)?.into(),
                [b'-', b'L', joined @ ..] => line.directories.push(value(joined)?.into()),
                [b'-', b'l', joined @ ..] => line.libraries.push(value(joined)?),
                [b'-', b'W', b'l', b',', list @ ..] => {
                    let all = list.split(|&byte| byte == b',');
                    for_ld.extend(all.map(|one| OsStr::from_bytes(one).to_owned()));
                }
                b"-Xlinker" => for_ld.push(value(&[])?),
                [b'-', ..] => {
                    let text = arg.to_str().unwrap_or_default();
                    if WITH_ARGUMENT.contains(&text) {
                        value(&[])?;
                    } else if !is_harmless(text) {
                        return Err(refuse(arg));
                    }
                }
                [] => return Err(refuse(arg)),
                _ => line.inputs.push(arg.into()),
            }
        }
        if line.output.as_os_str().is_empty() {
            line.output = PathBuf::from("a.out");
        }
        line.options_of_ld(&for_ld)?;
        Ok(line)
    }

    fn options_of_ld(&mut self, args: &[OsString]) -> Result<(), Uncached> {
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let text = arg.to_str().ok_or_else(|| refuse(arg))?;
            let Some(option) = text.strip_prefix("--").or_else(|| text.strip_prefix('-')) else {
                return Err(refuse(arg));
            };
            if LD_ALONE.contains(&option) {
                continue;
            }
            let (name, joined) = match option.split_once('=') {
                Some((name, value)) => (name, Some(OsString::from(value))),
                None => match option.strip_prefix('z') {
                    Some(value) if !value.is_empty() => ("z", Some(OsString::from(value))),
                    _ => (option, None),
                },
            };
            let known = |list: &[&str]| list.contains(&name);
            if !known(&LD_WITH_VALUE) && !known(&LD_DIRECTORIES) && !known(&LD_FILES) {
                return Err(refuse(arg));
            }
            let value = joined.or_else(|| rest.next().cloned()).ok_or_else(|| refuse(arg))?;
            if known(&LD_DIRECTORIES) {
                self.directories.extend(std::env::split_paths(&value));
            } else if known(&LD_FILES) {
                self.option_files.push(value.into());
            }
        }
        Ok(())
    }
}

fn is_harmless(option: &str) -> bool {
    let begins = |list: &[&str]| list.iter().any(|beginning| option.starts_with(beginning));
    // A bare `-m` isn't gcc's.
    ALONE.contains(&option) || option != "-m" && begins(&BEGINNINGS) && !begins(&EXCEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Line, Uncached> {
        Line::parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_link_is_taken_apart() {
        let line = parse(
            "-g -O2 -o prog a.o lib/b.a -Llib -L more -lm -l dl -Wl,--export-dynamic -Wl,-rpath,/x \
             -Wl,-z,relro,-z,now -Wl,--version-script=v.map -Wl,--as-needed -pthread -Xlinker -soname -Xlinker it",
        )
        .unwrap();
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(line.output, PathBuf::from("prog"));
        assert_eq!(line.inputs, paths(&["a.o", "lib/b.a"]));
        assert_eq!(line.libraries, ["m", "dl"]);
        assert_eq!(line.directories, paths(&["lib", "more", "/x"]));
        assert_eq!(line.option_files, paths(&["v.map"]));
    }

    #[test]
    fn an_output_without_a_name_is_a_out() {
        assert_eq!(parse("a.o").unwrap().output, PathBuf::from("a.out"));
    }

    #[test]
    fn options_that_may_do_more_are_refused() {
        let lines = [
            "a.o -flto",
            "a.o -fuse-ld=gold",
            "a.o -fopenmp",
            "a.o -fsanitize=address",
            "a.o -fplugin=x.so",
            "a.o -specs=x",
            "a.o -B dir",
            "a.o -m32",
            "a.o -T script",
            "a.o --sysroot=/x",
            "a.o @file",
            "a.o -Wl,-Map,out.map",
            "a.o -Wl,-Map=out.map",
            "a.o -Wl,--build-id=uuid",
            "a.o -Wl,-T,script",
            "a.o -Wl,@file",
            "a.o -Wl,-plugin,x.so",
            "a.o -Wl,-L,dir",
            "a.o -Wl,b.o",
            "a.o -Wl,--dependency-file=x",
            "a.o -Wl,--print-map",
            "a.o -Wl,--out-implib,x",
            "a.o -Wl,-z",
            "a.o -Xlinker",
            "a.o -v",
            "a\tb.o",
            "a.o -L/a:b",
            "a.o -Wl,-rpath,$ORIGIN",
            "-o",
        ];
        for line in lines {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
