//! Changes of the kernel's headers, one after the other, as those who maintain it make them.
//!
//! Built are `lib/` and `kernel/` of the tiny configuration, by the very command lines of its own makefiles, but that a copy of
//! `include/linux` is looked at first: that is what changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmbuild_testkit::trees;

use super::client::Client;
use super::declarations::{Objects, Steps};
use super::tree::{Build, settle};
use crate::measure::run;

/// The directory of the headers that change, and the makefile, in the build's.
const HEADERS: &str = "headers";
const MAKEFILE: &str = "bench.mk";
/// A header is changed if so many of the files include it.
const FEWEST: usize = 10;
/// So often a change that breaks the build is tried otherwise.
const MOST_TRIES: usize = 100;

/// The kernel, ready to be built.
#[derive(Debug)]
pub struct Kernel {
    build: PathBuf,
    /// Each object and its command line.
    compiles: BTreeMap<String, String>,
    /// Headers, and some of the objects that include each.
    headers: Vec<(PathBuf, Vec<String>)>,
    changes: usize,
    random: u64,
}

impl Kernel {
    /// Configures and builds it once, for its command lines.
    ///
    /// # Panics
    /// If it can't be had or built.
    #[must_use]
    pub fn new(changes: usize, quick: bool) -> Self {
        let (linux, build) = (trees::linux(), trees::build_directory("bench-linux"));
        let make = |goals: &[&str]| {
            let mut make = Command::new("make");
            make.arg(format!("O={}", build.display())).args(["-j2", "CC=gcc"]).args(goals);
            let _ = run(make.current_dir(&linux));
        };
        make(&["tinyconfig"]);
        make(if quick { &["lib/"] } else { &["lib/", "kernel/"] });
        let headers = build.join(HEADERS);
        fs::create_dir(&headers).expect("a directory of our own");
        let mut copy = Command::new("cp");
        let _ = run(copy.arg("-a").arg(linux.join("include/linux")).arg(&headers));
        let mut kernel =
            Self { build, compiles: BTreeMap::new(), headers: Vec::new(), changes, random: 1 };
        kernel.read_commands();
        kernel.write_makefile();
        kernel
    }

    /// Takes up what kbuild leaves beside each object: its command line, and what it includes.
    fn read_commands(&mut self) {
        let mut includers: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        let mut directories = vec![self.build.join("lib"), self.build.join("kernel")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    directories.push(path);
                } else if path.to_string_lossy().ends_with(".o.cmd") {
                    self.read_command(&path, &mut includers);
                }
            }
        }
        includers.retain(|_, objects| objects.len() >= FEWEST);
        self.headers = includers.into_iter().collect();
    }

    fn read_command(&mut self, path: &Path, includers: &mut BTreeMap<PathBuf, Vec<String>>) {
        let text = fs::read_to_string(path).unwrap_or_default();
        let command = text.lines().next().and_then(|line| line.split_once(" := "));
        let Some((_, command)) = command.filter(|it| it.1.starts_with("gcc ")) else { return };
        let command = command.split(" ; ").next().unwrap_or_default().trim_end();
        let object = command.split(" -c -o ").nth(1).and_then(|rest| rest.split_once(' '));
        let Some((object, _)) = object.filter(|(_, source)| source.ends_with(".c")) else { return };
        let first = format!("-nostdinc -I{HEADERS}");
        self.compiles.insert(object.to_owned(), command.replacen("-nostdinc", &first, 1));
        for header in text.lines().filter_map(|line| line.split_once("/include/linux/")) {
            let name = header.1.trim_end_matches(&[' ', '\\'][..]);
            let header = self.build.join(HEADERS).join("linux").join(name);
            if name.ends_with(".h") && header.is_file() {
                includers.entry(header).or_default().push(object.to_owned());
            }
        }
    }

    fn write_makefile(&self) {
        let objects: Vec<&str> = self.compiles.keys().map(String::as_str).collect();
        let mut text = format!("all: {}\n", objects.join(" "));
        for (object, command) in &self.compiles {
            text += &format!("{object}:\n\t@{command}\n");
        }
        fs::write(self.build.join(MAKEFILE), text).expect("a file of our own");
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) as usize % limit.max(1)
    }

    /// Changes some header so that its users still compile; says how.
    fn change(&mut self, number: usize) -> String {
        for _ in 0..MOST_TRIES {
            let at = self.below(self.headers.len());
            let (header, users) = self.headers[at].clone();
            let Ok(text) = fs::read_to_string(&header) else { continue };
            let (kind, place) = (self.below(CHANGES.len()), self.below(1 << 20));
            let (name, how) = CHANGES[kind];
            let Some(changed) = how(&text, number, place) else { continue };
            fs::write(&header, changed).expect("a file of our own");
            if [0, users.len() / 2, users.len() - 1].iter().all(|it| self.compiles(&users[*it])) {
                let header = header.file_name().unwrap_or_default().to_string_lossy().into_owned();
                return format!("{name}, {header}");
            }
            fs::write(&header, text).expect("a file of our own");
        }
        panic!("no change of the kernel's headers compiles");
    }

    /// Whether an object's source compiles without a word.
    fn compiles(&self, object: &str) -> bool {
        let command = format!("{} -fsyntax-only", self.compiles[object]);
        let output = Command::new("sh").args(["-c", &command]).current_dir(&self.build).output();
        output.is_ok_and(|output| output.status.success() && output.stderr.is_empty())
    }
}

impl Steps for Kernel {
    fn count(&self) -> usize {
        self.changes + 1
    }

    fn go(&mut self, step: usize) -> String {
        let name = if step == 0 { "as it is".to_owned() } else { self.change(step) };
        settle();
        name
    }

    fn build(&self, client: &Client) -> Build {
        for object in self.compiles.keys() {
            // At first there is none.
            let _ = fs::remove_file(self.build.join(object));
        }
        let mut make = client.make();
        make.args(["-j2", "-f", MAKEFILE]).current_dir(&self.build);
        Build::of(client, &mut make, |counts| {
            let files = self.compiles.len() as u64;
            if counts.hits() + counts.compiled != files {
                eprintln!("{}: {counts:?} doesn't add up to {files} files", client.name());
            }
            files
        })
    }

    fn objects(&self) -> Objects {
        let read = |object: &String| {
            let bytes = fs::read(self.build.join(object)).expect("an object that was just built");
            (PathBuf::from(object), bytes)
        };
        self.compiles.keys().map(read).collect()
    }
}

/// A change: of a header's text, with a number for new names, at some place. `None` if there is no such place.
type Change = fn(&str, usize, usize) -> Option<String>;

const CHANGES: [(&str, Change); 9] = [
    ("a new prototype", |text, n, _| {
        at_end(text, &format!("extern int bench_call_{n}(int one);\n"))
    }),
    ("a new structure", |text, n, _| at_end(text, &format!("struct bench_{n} {{ int one; }};\n"))),
    ("a new inline function", |text, n, _| {
        at_end(text, &format!("static inline int bench_inline_{n}(int a)\n{{\n\treturn a;\n}}\n"))
    }),
    ("a new macro", |text, n, _| at_end(text, &format!("#define BENCH_{n} {n}\n"))),
    ("a new field", |text, n, place| {
        behind(text, &["\nstruct "], "{\n", place, &format!("\tint bench_field_{n};\n"))
    }),
    ("a new enumerator", |text, n, place| {
        behind(text, &["\nenum "], "{\n", place, &format!("\tBENCH_KIND_{n} = {n},\n"))
    }),
    ("a new local", |text, n, place| {
        let line = format!("\tint bench_local_{n} __attribute__((unused));\n");
        behind(text, &["\nstatic inline ", "\nstatic __always_inline "], "\n{\n", place, &line)
    }),
    ("a statement more", |text, n, place| {
        // Before the declarations of a block of its own, so that it may stand anywhere.
        let line =
            format!("\tint bench_more_{n} = ({{ barrier(); {n}; }});\n\t(void)bench_more_{n};\n");
        behind(text, &["\nstatic inline void "], "\n{\n", place, &line)
    }),
    ("a prototype less", |text, _, place| {
        let starts: Vec<usize> = text.match_indices("\nextern ").map(|(at, _)| at + 1).collect();
        let at = *starts.get(place % starts.len().max(1))?;
        let line = text[at..].split_inclusive('\n').next()?;
        let whole = line.ends_with(");\n");
        whole.then(|| text[..at].to_owned() + &text[at + line.len()..])
    }),
];

/// Adds a line before the header's guard ends.
fn at_end(text: &str, line: &str) -> Option<String> {
    let end = text.rfind("\n#endif")? + 1;
    Some(format!("{}{line}{}", &text[..end], &text[end..]))
}

/// Adds a line behind what opens a declaration that begins in one of these ways.
fn behind(text: &str, begins: &[&str], opens: &str, place: usize, line: &str) -> Option<String> {
    let starts: Vec<usize> =
        begins.iter().flat_map(|begin| text.match_indices(begin)).map(|(at, _)| at + 1).collect();
    let start = *starts.get(place % starts.len().max(1))?;
    let at = start + text[start..].find(opens)? + opens.len();
    // Of this declaration, not of a later one.
    let before = text[start..at].strip_suffix(opens)?;
    let own = !before.contains(';') && !before.contains('}') && !before.contains('#');
    own.then(|| format!("{}{line}{}", &text[..at], &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "#ifndef A\n#define A\nextern int one(void);\nstruct s {\n\tint a;\n};\nenum e {\n\tB,\n};\n\
        static inline void f(void)\n{\n}\n#endif\n";

    #[test]
    fn each_change_adds_or_removes_whole_lines() {
        for (name, change) in CHANGES {
            let changed = change(HEADER, 7, 0).unwrap_or_else(|| panic!("{name}"));
            let (old, new) = (HEADER.lines().count(), changed.lines().count());
            assert!(old != new && changed.ends_with("#endif\n"), "{name}: {changed}");
        }
    }

    #[test]
    fn what_a_header_has_not_is_not_changed() {
        for (name, change) in CHANGES {
            assert_eq!(change("int a;\n", 7, 0), None, "{name}");
        }
    }
}
