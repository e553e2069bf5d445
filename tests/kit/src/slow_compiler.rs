//! A directory with a compiler that takes as long as a board would: for scheduling tests and benchmarks.

use std::path::Path;
use std::time::Duration;

use crate::space::TestSpace;

/// A directory of compilers (`gcc`, `g++`, `cc`, `c++`, with and without the machine's triplet) that sleep before
/// they compile; give it to
/// [`DistccdBuilder::compilers`](crate::DistccdBuilder::compilers).
#[derive(Debug)]
pub struct SlowCompiler {
    space: TestSpace,
}

/// What a slow compiler does when it has slept.
enum Then<'a> {
    Compile,
    Write(&'a Path),
}

impl SlowCompiler {
    /// Compilers that sleep `base`, and `per_megabyte` for each megabyte of their input, then run the real one.
    #[must_use]
    pub fn compiling(base: Duration, per_megabyte: Duration) -> Self {
        let space = TestSpace::new();
        write_scripts(&space, base, per_megabyte, &Then::Compile);
        Self { space }
    }

    /// Compilers that sleep likewise and then write the same small object each time, at next to no cost of CPU.
    #[must_use]
    pub fn pretending(base: Duration, per_megabyte: Duration) -> Self {
        let space = TestSpace::new();
        let source = space.write("fixed.c", "int farmbuild_fixed;\n");
        let object = space.join("fixed.o");
        space.run_ok("gcc", ["-c".as_ref(), source.as_path(), "-o".as_ref(), object.as_path()]);
        write_scripts(&space, base, per_megabyte, &Then::Write(&object));
        Self { space }
    }

    /// The directory that holds it.
    #[must_use]
    pub fn directory(&self) -> std::path::PathBuf {
        self.space.join("bin")
    }

    /// The sizes of the inputs that were started so far, in order.
    #[must_use]
    pub fn runs(&self) -> Vec<u64> {
        let text = String::from_utf8(self.space.read("runs")).expect("our own numbers");
        text.lines().map(|line| line.parse().expect("our own number")).collect()
    }
}

/// Writes one script under every name that a client asks for: distcc's own sends `gcc` as `TRIPLET-gcc`.
fn write_scripts(space: &TestSpace, base: Duration, each: Duration, then: &Then<'_>) {
    let runs = space.write("runs", "");
    // distccd may be another user.
    std::fs::set_permissions(&runs, std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .expect("a mode of our own file");
    let ending = match then {
        Then::Compile => "exec \"/usr/bin/${0##*/}\" \"$@\"".to_owned(),
        Then::Write(object) => format!("exec cat '{}' > \"$out\"", object.display()),
    };
    let script = format!(
        r#"#!/bin/sh
in= out= previous=
for word; do
    case $word in *.i|*.ii|*.c|*.cc|*.cpp) in=$word ;; esac
    case $previous in -o) out=$word ;; esac
    previous=$word
done
size=$(stat -c %s "$in") || size=0
echo "$size" >> '{runs}'
ms=$(({base} + size * {each} / 1000000))
sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
{ending}
"#,
        runs = runs.display(),
        base = base.as_millis(),
        each = each.as_millis(),
    );
    let machine = space.run_ok("gcc", ["-dumpmachine"]).stdout;
    let machine = String::from_utf8(machine).expect("a machine's name");
    for name in ["gcc", "g++", "cc", "c++"] {
        space.write_program(format!("bin/{name}"), &script);
        space.write_program(format!("bin/{}-{name}", machine.trim()), &script);
    }
}
