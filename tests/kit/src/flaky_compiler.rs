//! A directory with a compiler that changes a byte of what it makes, when it is told to: an overclocked board, or one with
//! bad memory.

use std::fs;
use std::path::PathBuf;

use crate::space::TestSpace;

/// A directory of compilers (`gcc`, `g++`, `cc`, `c++`, with and without the machine's triplet) that run the real ones.
/// Give it to [`DistccdBuilder::compilers`](crate::DistccdBuilder::compilers) or put it first on a `PATH`.
#[derive(Debug)]
pub struct FlakyCompiler {
    space: TestSpace,
}

impl Default for FlakyCompiler {
    fn default() -> Self {
        Self::new()
    }
}

impl FlakyCompiler {
    /// Compilers that are right, for now.
    #[must_use]
    pub fn new() -> Self {
        let space = TestSpace::new();
        let script = format!(
            r#"#!/bin/sh
in= out= previous=
for word; do
    case $word in *.i|*.ii|*.c|*.cc|*.cpp) in=$word ;; esac
    case $previous in -o) out=$word ;; esac
    previous=$word
done
PATH=/usr/bin:/bin "/usr/bin/${{0##*/}}" "$@" || exit
[ -s '{space}/wrong' ] && [ -f "$out" ] || exit 0
grep -q -e "$(cat '{space}/wrong')" "$in" || exit 0
by=$(cat '{space}/by')
# As long as what it stands for.
[ "$by" ] || by="GC$(od -An -N4 -tx4 /dev/urandom)("
LC_ALL=C sed -i "s/GCC: (.\{{$((${{#by}} - 6))\}}/$by/" "$out"
"#,
            space = space.path().display()
        );
        let machine = space.run_ok("gcc", ["-dumpmachine"]).stdout;
        let machine = String::from_utf8(machine).expect("a machine's name");
        for name in ["gcc", "g++", "cc", "c++"] {
            space.write_program(format!("bin/{name}"), &script);
            space.write_program(format!("bin/{}-{name}", machine.trim()), &script);
        }
        Self { space }
    }

    /// The directory that holds them.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.space.join("bin")
    }

    /// From now on the objects of sources in which `pattern` is found are wrong, each time in the same way.
    pub fn turn_bad(&self, pattern: &str) {
        self.space.write("by", "GCx: (");
        self.space.write("wrong", pattern);
    }

    /// From now on the objects of sources in which `pattern` is found are other ones each time.
    pub fn turn_random(&self, pattern: &str) {
        self.space.write("by", "");
        self.space.write("wrong", pattern);
    }

    /// From now on they are right again.
    pub fn turn_good(&self) {
        fs::remove_file(self.space.join("wrong")).expect("a compiler that was bad");
    }
}
