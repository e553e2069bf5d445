//! A tree in one of its states: headers in several directories, a dozen sources, and how each is compiled.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Shared by all states that have it.
    Text(Rc<Vec<String>>),
    Link(String),
    Directory,
}

/// One compile.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) compiler: String,
    pub(super) flags: Vec<String>,
    source: String,
}

/// All that a build is made of, but for the times of files.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) units: Vec<Unit>,
    pub(super) variables: BTreeMap<&'static str, &'static str>,
    /// The directories of the search path; the last one isn't there at first.
    pub(super) directories: [&'static str; 4],
}

/// How many headers a made-up tree has.
const HEADERS: usize = 15;

/// Compilers and flags, `@` for the number: debug info, warnings and dependency files in all their forms.
const UNITS: [&str; 13] = [
    "gcc -O1",
    "gcc -g -O0 -MD",
    "gcc -O1 -Wall -Wextra -MMD -MF deps/@.d",
    "gcc -O1 -g -gdwarf-4 -Wp,-MMD,deps/.@.o.d -include inc/c/autoconf.h",
    "clang -O1 -MMD -MP",
    "clang -g -MD -MT target@",
    "g++ -O1 -Wall -Wextra -MMD -MP",
    "clang++ -O0 -Wall -MD -MF deps/@.d -MQ odd$name@",
    "gcc -O0 --coverage -frandom-seed=@ -fstack-usage -MMD",
    "gcc -g -gsplit-dwarf -MD -iquote inc/quote",
    "gcc -O1 -pedantic -std=gnu11 -Wunused-macros",
    "gcc -g3 -O0 -MMD",
    "gcc -O1 -Wall -include inc/c/autoconf.h -Wp,-MD,deps/@.d",
];

/// Sources of haproxy's that don't take long.
const HAPROXY_SOURCES: [&str; 13] = [
    "acl", "arg", "base64", "chunk", "dict", "dynbuf", "freq_ctr", "http_acl", "lru", "pipe",
    "regex", "time", "uri_auth",
];

/// What haproxy is told of itself, of Linux and its C library.
const HAPROXY_FLAGS: [&str; 8] = [
    "-DCONFIG_HAPROXY_VERSION=\"2\"",
    "-DCONFIG_HAPROXY_DATE=\"now\"",
    "-DUSE_EPOLL",
    "-DUSE_THREAD",
    "-DUSE_POLL",
    "-DUSE_TPROXY",
    "-DUSE_GETADDRINFO",
    "-fwrapv",
];

impl World {
    /// A made-up tree that has some of everything.
    pub(super) fn made_up() -> Self {
        let mut world = Self::bare(["inc/a", "inc/b", "inc/c", "inc/late"]);
        let Self { entries, directories, .. } = &mut world;
        for number in 0..HEADERS {
            let name = format!("{}/h{number}.h", directories[number % 3]);
            entries.insert(name, Entry::Text(header(number).into()));
        }
        for (target, value) in [("inc/real0.h", 3), ("inc/real1.h", 4)] {
            entries.insert(target.into(), text([format!("#define LINKED {value}")]));
        }
        entries.insert("inc/b/linked.h".into(), Entry::Link("../real0.h".into()));
        for (number, words) in UNITS.into_iter().enumerate() {
            let kind = if words.contains("++ ") { "cc" } else { "c" };
            let source = format!("src/u{number}.{kind}");
            world.entries.insert(source.clone(), Entry::Text(self::source(number).into()));
            world.add_unit(number, words, &[], source);
        }
        world
    }

    /// A part of haproxy's, with all of its headers.
    pub(super) fn haproxy(tree: &Path) -> Self {
        let mut world = Self::bare(["inc/a", "include", "inc/c", "inc/late"]);
        world.entries.insert("inc/a".into(), Entry::Directory);
        world.add_headers(tree, "include");
        for (number, words) in UNITS.into_iter().enumerate() {
            let source = format!("src/{}.c", HAPROXY_SOURCES[number]);
            world.entries.insert(source.clone(), read(&tree.join(&source)));
            world.add_unit(number, &in_c(words), &HAPROXY_FLAGS, source);
        }
        world
    }

    /// What all trees have.
    fn bare(directories: [&'static str; 4]) -> Self {
        let mut entries = BTreeMap::new();
        for directory in ["inc/quote", "obj", "log", "deps"] {
            entries.insert(directory.to_owned(), Entry::Directory);
        }
        let autoconf = ["/* Linux 6.1.1 */", "#define CONFIG_A 1", "#define CONFIG_B 2"];
        entries.insert("inc/c/autoconf.h".into(), text(autoconf));
        Self { entries, units: Vec::new(), variables: BTreeMap::new(), directories }
    }

    fn add_headers(&mut self, tree: &Path, below: &str) {
        for entry in fs::read_dir(tree.join(below)).unwrap().map(Result::unwrap) {
            let name = format!("{below}/{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => self.add_headers(tree, &name),
                false => drop(self.entries.insert(name, read(&entry.path()))),
            }
        }
    }

    fn add_unit(&mut self, number: usize, words: &str, more: &[&str], source: String) {
        let words = words.replace('@', &number.to_string());
        let (compiler, flags) = words.split_once(' ').unwrap();
        let mut flags: Vec<_> =
            flags.split(' ').chain(more.iter().copied()).map(str::to_owned).collect();
        flags.extend(self.directories.map(|directory| format!("-I{directory}")));
        flags.extend(["-DVERSION=\"1.0\"".into(), format!("-DUSED={number}"), "-DIDLE".into()]);
        self.units.push(Unit { compiler: compiler.to_owned(), flags, source });
    }

    /// Changes a tree that is in the state `self` into `next`.
    pub(super) fn become_next(&self, next: &Self, tree: &Path) {
        for (name, old) in self.entries.iter().rev() {
            if next.entries.get(name) != Some(old) && !overwritten(old, next.entries.get(name)) {
                match old {
                    // Files may have been put into it, and stay.
                    Entry::Directory => drop(fs::remove_dir(tree.join(name))),
                    _ => fs::remove_file(tree.join(name)).unwrap(),
                }
            }
        }
        for (name, new) in &next.entries {
            if self.entries.get(name) != Some(new) {
                put(&tree.join(name), new);
            }
        }
    }

    /// Writes the whole of it.
    pub(super) fn write(&self, tree: &Path) {
        self.entries.iter().for_each(|(name, entry)| put(&tree.join(name), entry));
    }

    /// A shell script that compiles everything, half and half, and leaves in `log` what each compiler said.
    pub(super) fn script(&self) -> String {
        let mut halves = [String::new(), String::new()];
        for (number, unit) in self.units.iter().enumerate() {
            let flags: String = unit.flags.iter().fold(String::new(), |mut text, flag| {
                write!(text, " '{flag}'").unwrap();
                text
            });
            // One of them by its absolute name.
            let root = if number == 12 { "\"$PWD\"/" } else { "" };
            writeln!(
                halves[number % 2],
                "{}{flags} -c {root}{} -o obj/{number}.o >log/{number}.out 2>log/{number}.err; echo $? >log/{number}.status",
                unit.compiler, unit.source
            )
            .unwrap();
        }
        format!("({}) & ({}) & wait", halves[0], halves[1])
    }
}

/// Likewise by the compiler's brother for C.
fn in_c(words: &str) -> String {
    words.replace("clang++ ", "clang ").replace("g++ ", "gcc ")
}

fn text<T: Into<String>, const N: usize>(lines: [T; N]) -> Entry {
    Entry::Text(Rc::new(lines.map(Into::into).to_vec()))
}

fn read(path: &Path) -> Entry {
    let text = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    // A comment has another encoding.
    let text = String::from_utf8_lossy(&text);
    Entry::Text(Rc::new(text.lines().map(str::to_owned).collect()))
}

/// A text is written over another one: its file stays the same.
fn overwritten(old: &Entry, new: Option<&Entry>) -> bool {
    matches!((old, new), (Entry::Text(_), Some(Entry::Text(_))))
}

fn put(path: &Path, entry: &Entry) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match entry {
        Entry::Text(lines) => fs::write(path, lines.join("\n") + "\n").unwrap(),
        Entry::Link(target) => symlink(target, path).unwrap(),
        Entry::Directory => fs::create_dir_all(path).unwrap(),
    }
}

fn header(number: usize) -> Vec<String> {
    let mut lines = vec![
        format!("#ifndef H{number}_H"),
        format!("#define H{number}_H"),
        format!("/* header {number}: what it is for */"),
        format!("#define H{number}_LIMIT 7"),
        format!("#define H{number}_SPARE 3 // nobody asks"),
    ];
    // Headers name later ones only, so that there is no ring.
    for next in [number + 4, number + 9].into_iter().filter(|next| *next < HEADERS) {
        let quoted = next % 2 == 0;
        lines.push(match quoted {
            true => format!("#include \"h{next}.h\""),
            false => format!("#include <h{next}.h>"),
        });
    }
    lines.extend([
        format!("#if __has_include(\"option{}.h\")", number % 4),
        format!("#define H{number}_OPTION 1"),
        "#else".into(),
        format!("#define H{number}_OPTION 0"),
        "#endif".into(),
        format!("struct h{number} {{ int first; }};"),
        format!("int h{number}_call(int x);"),
        format!("static inline int h{number}_get(const struct h{number} *p)"),
        "{".into(),
        format!("\tint sum = p->first + H{number}_LIMIT + H{number}_OPTION;"),
        "\treturn sum;".into(),
        "}".into(),
        "#endif".into(),
    ]);
    lines
}

fn source(number: usize) -> Vec<String> {
    let headers = [number % HEADERS, (number + 1) % HEADERS, (number * 5 + 2) % HEADERS];
    let mut lines = vec![format!("/* unit {number} */"), "#include <stddef.h>".into()];
    lines.extend(headers.iter().map(|header| format!("#include \"h{header}.h\"")));
    if number.is_multiple_of(3) {
        lines.push("#include <linked.h>".into());
        lines.push("int linked = LINKED;".into());
    }
    if number == 2 {
        lines.push("const char *version = VERSION;".into());
    }
    lines.push(format!("int f{number}(int n)"));
    lines.push("{".into());
    lines.push("\tint total = USED;".into());
    lines.push(format!("\tstruct h{number} one = {{ n }};", number = headers[0]));
    lines.push("\tswitch (n) {".into());
    lines.push("\tcase 1:".into());
    lines.push("\t\ttotal++;".into());
    lines.push("\t\t/* fall through */".into());
    lines.push("\tdefault:".into());
    lines.push("\t\ttotal += n;".into());
    lines.push("\t}".into());
    lines.push(format!("\ttotal += h{}_get(&one) + (int)sizeof(one);", headers[0]));
    lines.push("\treturn total;".into());
    lines.push("}".into());
    lines
}
