//! The scripts that start a packed program, wherever it was put.
//!
//! A program needs the libraries that it was linked with, and these the loader of their own C library: a board's may be older.
//! Which loader starts a program is an absolute path within it, so each one is started by a script that names the packed
//! loader and libraries from where it stands itself. Nothing of that is in the environment, so it reaches no other program; and
//! programs find their parts as ever, by the path that they were called by.

use std::path::Path;

use farmbuild_core::analysis::Driver;

/// What a kind of program needs beside its own arguments.
#[derive(Debug, Default)]
pub(super) struct Launcher {
    /// Arguments of a driver of clang.
    first: Option<&'static str>,
}

impl Launcher {
    /// clang takes the running program, which is the loader, for itself, and forgets by which name it was called.
    pub(super) fn clang(driver: Driver) -> Self {
        Self {
            first: Some(match driver {
                Driver::C => "-no-canonical-prefixes",
                Driver::Cxx => "-no-canonical-prefixes --driver-mode=g++",
            }),
        }
    }

    /// The script of a program at `program`, for a place that is `depth` directories below the toolchain's own. Without a
    /// loader, the program is one that needs none.
    pub(super) fn script(&self, depth: usize, loader: Option<&str>, program: &Path) -> String {
        let root = "/..".repeat(depth);
        let mut script =
            format!("#!/bin/sh\nr=${{0%/*}}{root}\nunset LD_LIBRARY_PATH LD_PRELOAD\n");
        if let Some(first) = self.first {
            script.push_str(&format!("case $1 in -cc1*) ;; *) set -- {first} \"$@\" ;; esac\n"));
        }
        let program = program.display();
        script.push_str(&match loader {
            // musl's has no cache, and no such option.
            Some(loader) if loader.starts_with("ld-musl") => {
                format!("exec \"$r/lib/{loader}\" --library-path \"$r/lib\" \"$r/{program}\" \"$@\"\n")
            }
            Some(loader) => format!(
                "exec \"$r/lib/{loader}\" --inhibit-cache --library-path \"$r/lib\" \"$r/{program}\" \"$@\"\n"
            ),
            None => format!("exec \"$r/{program}\" \"$@\"\n"),
        });
        script
    }
}
