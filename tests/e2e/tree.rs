//! Projects to build, and the comparison of a farm's build with a plain one in the same directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmbuild_testkit::TestSpace;

use crate::run::{self, Ended};
use crate::user::{FARMBUILD, User};

/// A C project of `count` files `f0.c`, `f1.c`... with a header each of them reads, debug info, dependency files, and a
/// program in the end.
pub(crate) fn project(count: usize) -> TestSpace {
    let tree = TestSpace::new();
    tree.write("Makefile", makefile(count, "gcc", "c", "-g -O2 -Wall -Wextra"));
    tree.write("shared.h", SHARED);
    let mut main = "#include \"shared.h\"\n".to_owned();
    for number in 0..count {
        tree.write(format!("f{number}.c"), source(number));
        writeln!(main, "int f{number}(const char *text);").unwrap();
    }
    main.push_str("int main(void)\n{\n\tint sum = 0;\n");
    for number in 0..count {
        writeln!(main, "\tsum += f{number}(\"text\");").unwrap();
    }
    main.push_str("\treturn sum == LIMIT;\n}\n");
    tree.write("main.c", main);
    tree
}

/// A makefile that compiles `f0`... and `main` into `prog`, keeping dependency files.
pub(crate) fn makefile(count: usize, compiler: &str, extension: &str, flags: &str) -> String {
    let objects: String = (0..count).map(|number| format!("f{number}.o ")).collect();
    format!(
        "CC = {compiler}\nCFLAGS = {flags}\nOBJECTS = {objects}main.o\n\
         prog: $(OBJECTS)\n\t$(CC) $(LDFLAGS) -o $@ $^\n\
         %.o: %.{extension}\n\t$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<\n\
         clean:\n\trm -f prog *.o *.d\n.PHONY: clean\n"
    )
}

const SHARED: &str = "\
#ifndef SHARED_H
#define SHARED_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define LIMIT 100
#define CLAMP(x) ((x) < 0 ? 0 : (x) > LIMIT ? LIMIT : (x))
struct pair { int first; double second; char name[16]; };
#endif
";

fn source(number: usize) -> String {
    format!(
        r#"#include "shared.h"

static struct pair table{number}[4] = {{ {{ {number}, 0.5, "x" }} }};

int f{number}(const char *text)
{{
	int sum = 0;

	for (size_t i = 0; i < strlen(text); i++)
		sum += CLAMP(text[i] * {number} + (int)table{number}[i % 4].second);
	if (getenv("FARM_DEBUG"))
		printf("%s:%d %d %s\n", __FILE__, __LINE__, sum, __func__);
	return CLAMP(sum);
}}
"#
    )
}

/// A project of one object a source, `a.c.o` of `a.c`, and no program.
pub(crate) fn objects_of(sources: &[(&str, &str)], compiler: &str, flags: &str) -> TestSpace {
    let tree = TestSpace::new();
    let objects: Vec<_> = sources.iter().map(|(name, _)| format!("{name}.o")).collect();
    let makefile = format!(
        "CC = {compiler}\nCFLAGS = {flags}\nOBJECTS = {}\nall: $(OBJECTS)\n\
         $(OBJECTS): %.o: %\n\t$(CC) $(CFLAGS) -MMD -c -o $@ $<\n",
        objects.join(" ")
    );
    tree.write("Makefile", makefile);
    for (name, text) in sources {
        tree.write(name, text);
    }
    tree
}

/// What a path holds, for comparisons.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Directory,
    File { mode: u32, bytes: Vec<u8> },
    Link(PathBuf),
    Other,
}

/// Everything below a directory.
pub(crate) fn snapshot(directory: &Path) -> BTreeMap<PathBuf, Content> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let content = if kind.is_dir() {
                left.push(path.clone());
                Content::Directory
            } else if kind.is_symlink() {
                Content::Link(fs::read_link(&path).unwrap())
            } else if kind.is_file() {
                let mode = entry.metadata().unwrap().permissions().mode();
                Content::File { mode, bytes: fs::read(&path).unwrap() }
            } else {
                Content::Other
            };
            found.insert(path, content);
        }
    }
    found
}

/// Removes what a build made: the tree is as it was when `before` was taken, but for files that it changed.
pub(crate) fn remove_new(directory: &Path, before: &BTreeMap<PathBuf, Content>) {
    for (path, content) in snapshot(directory).into_iter().rev() {
        if !before.contains_key(&path) {
            match content {
                Content::Directory => fs::remove_dir(&path).unwrap(),
                _ => fs::remove_file(&path).unwrap(),
            }
        }
    }
}

/// Runs a command plainly and then through `farmbuild`, in the same directory. Both must leave the same files, down to
/// the last byte and mode, print the same (`-j` may change the order of lines) and end the same way. Returns the
/// farm's.
#[track_caller]
pub(crate) fn same_as_plain(user: &User, tree: &TestSpace, words: &[&str]) -> Ended {
    same_but(user, tree, words, |_| {})
}

/// Likewise, with changes to the environment or the streams of both.
#[track_caller]
pub(crate) fn same_but(
    user: &User,
    tree: &TestSpace,
    words: &[&str],
    change: impl Fn(&mut Command),
) -> Ended {
    let before = snapshot(tree.path());
    let mut plain = user.command(tree.path(), words[0]);
    change(plain.args(&words[1..]));
    let plain = run::run(&mut plain);
    let expected = snapshot(tree.path());
    remove_new(tree.path(), &before);

    let mut ours = user.command(tree.path(), FARMBUILD);
    change(ours.args(words).env("FARMBUILD_PROGRESS", "off"));
    let ours = run::run(&mut ours);
    assert_eq!(ours.status, plain.status, "farmbuild's:\n{ours}\nplain:\n{plain}");
    same_lines("stderr", &ours.stderr, &plain.stderr);
    same_lines("stdout", &ours.stdout, &plain.stdout);
    same_files(&snapshot(tree.path()), &expected);
    ours
}

#[track_caller]
pub(crate) fn same_files(ours: &BTreeMap<PathBuf, Content>, plain: &BTreeMap<PathBuf, Content>) {
    let names: BTreeSet<_> = ours.keys().chain(plain.keys()).collect();
    let differ: Vec<_> =
        names.into_iter().filter(|name| ours.get(*name) != plain.get(*name)).collect();
    assert!(differ.is_empty(), "these differ from a plain build's: {differ:?}");
}

#[track_caller]
fn same_lines(what: &str, ours: &[u8], plain: &[u8]) {
    let sorted = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(ours), sorted(plain), "{what} differs from a plain build's");
}
