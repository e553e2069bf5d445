//! Dependency files: make rules as gcc and clang write them, read and written anew for another target.
//!
//! Formats as observed from gcc 12 and clang 14 and described in their manuals ("Preprocessor Options", `-M`). A rule
//! is only written anew if writing it for its old target gives the very bytes that the compiler wrote.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// A dependency rule taken apart. Names are as in the file, quoted for make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule<'a> {
    /// All before the colon.
    targets: &'a [u8],
    prerequisites: Vec<&'a [u8]>,
    /// What follows the first rule: those of `-MP`.
    rest: &'a [u8],
}

impl<'a> Rule<'a> {
    /// Takes a rule apart; `None` if it doesn't look like a compiler's.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let colon = find_colon(text)?;
        let (targets, behind) = (&text[..colon], &text[colon + 1..]);
        let end = end_of_logical_line(behind)?;
        let (line, rest) = behind.split_at(end);
        let mut prerequisites = Vec::new();
        let mut start = None;
        let mut at = 0;
        while at < line.len() {
            match (line[at], line.get(at + 1)) {
                (b'\\', Some(b'\n')) => {
                    prerequisites.extend(start.take().map(|from| &line[from..at]));
                    at += 1;
                }
                (b'\\', Some(_)) => {
                    start.get_or_insert(at);
                    at += 1;
                }
                (b' ' | b'\t', _) => {
                    prerequisites.extend(start.take().map(|from| &line[from..at]));
                }
                _ => drop(start.get_or_insert(at)),
            }
            at += 1;
        }
        prerequisites.extend(start.map(|from| &line[from..]));
        Some(Self { targets, prerequisites, rest })
    }

    /// The files that it names.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.prerequisites.iter().map(|name| unquoted(name)).collect()
    }

    /// The rule for files that lie below `to` instead of `from`; `None` if it isn't understood to the byte.
    pub(crate) fn moved(&self, text: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
        let plain = |path: &[u8]| {
            path.iter().all(|byte| byte.is_ascii_graphic() && !b"\\#$:".contains(byte))
        };
        if !plain(from) || !plain(to) {
            return None;
        }
        let moved = |name: &[u8]| match name.strip_prefix(from) {
            Some(rest) if rest.starts_with(b"/") => [to, rest].concat(),
            _ => name.to_vec(),
        };
        let names: Vec<Vec<u8>> = self.prerequisites.iter().map(|name| moved(name)).collect();
        // Each of the rules of `-MP` begins a line.
        let lines: Vec<Vec<u8>> = self.rest.split(|&byte| byte == b'\n').map(moved).collect();
        let (targets, rest) = (moved(self.targets), lines.join(&b'\n'));
        let there = Rule {
            targets: &targets,
            prerequisites: names.iter().map(Vec::as_slice).collect(),
            rest: &rest,
        };
        let by_gcc = (self.as_gcc(self.targets) == text).then(|| there.as_gcc(&targets));
        let by_clang = (self.as_clang(self.targets) == text).then(|| there.as_clang(&targets));
        match (by_gcc, by_clang) {
            (Some(one), Some(other)) => (one == other).then_some(one),
            (one, other) => one.or(other),
        }
    }

    /// The rule for another target; `None` if it isn't understood to the byte, or may be gcc's or clang's and they write
    /// that target in different ways.
    pub(crate) fn for_target(&self, text: &[u8], target: &OsStr) -> Option<Vec<u8>> {
        // What compilers make of backslashes depends on what follows.
        if target.as_bytes().contains(&b'\\') {
            return None;
        }
        let target = quoted(target);
        // gcc leaves `./` out.
        let mut bare = target.as_slice();
        while let Some(rest) = bare.strip_prefix(b"./") {
            bare = &rest[rest.iter().take_while(|&&byte| byte == b'/').count()..];
        }
        let by_gcc = (self.as_gcc(self.targets) == text).then(|| self.as_gcc(bare));
        let by_clang = (self.as_clang(self.targets) == text).then(|| self.as_clang(&target));
        match (by_gcc, by_clang) {
            (Some(one), Some(other)) => (one == other).then_some(one),
            (one, other) => one.or(other),
        }
    }

    /// As gcc: lines of at most 73 columns, one blank in front of a continued line.
    fn as_gcc(&self, targets: &[u8]) -> Vec<u8> {
        let mut text = [targets, b":"].concat();
        let mut column = text.len();
        for name in &self.prerequisites {
            if column + name.len() > GCC_COLUMNS {
                text.extend(b" \\\n");
                column = 0;
            }
            text.push(b' ');
            text.extend_from_slice(name);
            column += name.len() + 1;
        }
        text.extend_from_slice(self.rest);
        text
    }

    /// As clang: lines of at most 75 columns by what names are unquoted, with room for a backslash, two blanks in front of a continued line.
    fn as_clang(&self, targets: &[u8]) -> Vec<u8> {
        let mut text = [targets, b":"].concat();
        let mut column = text.len();
        for name in &self.prerequisites {
            let width = unquoted(name).as_os_str().len() + 1;
            if column + width + 2 > CLANG_COLUMNS {
                text.extend(b" \\\n ");
                column = 2;
            }
            text.push(b' ');
            text.extend_from_slice(name);
            column += width;
        }
        text.extend_from_slice(self.rest);
        text
    }
}

const GCC_COLUMNS: usize = 72;
const CLANG_COLUMNS: usize = 75;

/// The colon behind the targets: the first one with white space behind it.
fn find_colon(text: &[u8]) -> Option<usize> {
    let ends = |at: &usize| matches!(text.get(at + 1), None | Some(b' ' | b'\n' | b'\t'));
    memchr::memchr_iter(b':', text).find(ends)
}

fn end_of_logical_line(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', text).find(|&at| at == 0 || text[at - 1] != b'\\')
}

/// A name as make would read it.
fn unquoted(name: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.peek()) {
            (b'\\', Some(b' ' | b'#' | b'\t')) | (b'$', Some(b'$')) => {
                plain.extend(rest.next());
            }
            _ => plain.push(byte),
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(plain))
}

/// A name as compilers write it into a rule.
fn quoted(name: &OsStr) -> Vec<u8> {
    let mut text = Vec::with_capacity(name.len());
    for &byte in name.as_bytes() {
        match byte {
            b' ' | b'\t' | b'#' => text.extend([b'\\', byte]),
            b'$' => text.extend(b"$$"),
            _ => text.push(byte),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_make_reads_them() {
        let rule =
            Rule::parse(b"a.o: a.c with\\ blank.h \\\n  c$$d.h \\\n e\\#.h\n\nb.h:\n").unwrap();
        let files = ["a.c", "with blank.h", "c$d.h", "e#.h"].map(PathBuf::from);
        assert_eq!(rule.files(), files);
        assert_eq!(rule.rest, b"\n\nb.h:\n");
    }

    #[test]
    fn a_rule_moves_with_its_directory() {
        let text = b"a.o: /w/one/a.c /usr/include/stdio.h /w/one/include/a/long/name.h \\\n /w/one-more/b.h\n\n/w/one/a.h:\n";
        let rule = Rule::parse(text).unwrap();
        let moved = rule.moved(text, b"/w/one", b"/w/2").unwrap();
        assert_eq!(
            String::from_utf8(moved).unwrap(),
            "a.o: /w/2/a.c /usr/include/stdio.h /w/2/include/a/long/name.h \\\n /w/one-more/b.h\n\n/w/2/a.h:\n"
        );
        assert_eq!(rule.moved(text, b"/w/o$e", b"/w/2"), None);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [&b""[..], b"a.o", b"a.o: b.h", b"a.o: b.h \\\n"] {
            assert_eq!(Rule::parse(text), None, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_rule_that_is_not_understood_to_the_byte_is_not_written_anew() {
        let text = b"a.o:  a.c\n";
        assert_eq!(Rule::parse(text).unwrap().for_target(text, OsStr::new("b.o")), None);
    }

    /// The rule that a compiler writes for a target (`-MQ`), with prerequisites of many lengths and odd names.
    fn written(
        compiler: &str,
        directory: &std::path::Path,
        flags: &[&str],
        target: &str,
    ) -> Vec<u8> {
        let mut command = std::process::Command::new(compiler);
        command.current_dir(directory).args(["-M", "-MF", "-", "-MQ", target]).args(flags);
        let output = command.arg("a.c").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    #[test]
    fn a_rule_for_another_target_is_the_one_that_the_compiler_writes_for_it() {
        let space = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..40)
            .map(|number| format!("{}{number}.h", "n".repeat(number * 7 % 83)))
            .chain(["with blank.h", "d$llar.h", "h#sh.h", "d.d/../odd:name.h"].map(str::to_owned))
            .collect();
        std::fs::create_dir(space.path().join("d.d")).unwrap();
        for name in &names {
            std::fs::write(space.path().join(name), "").unwrap();
        }
        let includes = |names: &[String]| -> String {
            names.iter().map(|name| format!("#include \"{name}\"\n")).collect()
        };
        let targets: Vec<String> = (1..140)
            .step_by(16)
            .map(|length| "t".repeat(length))
            .chain(
                [
                    "a b.o", "c$d.o", "e#f.o", "./g.o", "/abs/h.o", "i\\ j.o", "k:l.o", "m%n.o",
                    "o\\p.o",
                ]
                .map(str::to_owned),
            )
            .collect();
        // Where gcc's and clang's rules look the same, some targets are left alone.
        let mut unwritten = 0;
        for count in [1, 9, names.len()] {
            std::fs::write(space.path().join("a.c"), includes(&names[..count])).unwrap();
            for (compiler, flags) in
                [("gcc", &[][..]), ("gcc", &["-MP"]), ("clang", &[]), ("clang", &["-MP"])]
            {
                let text = written(compiler, space.path(), flags, "first.o");
                let rule = Rule::parse(&text).unwrap();
                for target in &targets {
                    let expected = written(compiler, space.path(), flags, target);
                    let ours = rule.for_target(&text, OsStr::new(target));
                    if ours.is_none() {
                        unwritten += 1;
                        assert!(text.len() < 150 || target.contains('\\'), "{compiler} {target}");
                        continue;
                    }
                    assert_eq!(
                        ours.map(|it| String::from_utf8_lossy(&it).into_owned()),
                        Some(String::from_utf8_lossy(&expected).into_owned()),
                        "{compiler} {flags:?} {target}"
                    );
                }
            }
        }
        assert!(unwritten < 150, "{unwritten}");
    }
}
