//! What stands before a text of clang's `-frewrite-includes`, which lacks two things that the compiler there needs.
//!
//! The first line names the source: from there clang takes the name of a preprocessed input, as the object
//! shows it. Then come the macros of the command line, as if included from it; clang leaves them out of the text, whose
//! `#ifdef`s and macros still ask for them, and takes no `-D` for a preprocessed input. What its driver doesn't take
//! either, and no text can hold, is said to the frontend, see [`macro_maps`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The prologue of the text that was made of `source` under `arguments`, or `None` if that can't be written down.
pub(super) fn prologue<S: AsRef<OsStr>>(source: &OsStr, arguments: &[S]) -> Option<Vec<u8>> {
    let name = quoted(source.as_bytes())?;
    let macros = macros(arguments)?;
    let parts: [&[u8]; 7] =
        [b"# 1 ", &name, b"\n# 1 \"<command line>\" 1\n", &macros, b"# 1 ", &name, b" 2\n"];
    Some(parts.concat())
}

/// The options among `flags` that change what `__FILE__` expands to, such that they count for a preprocessed input too.
pub(super) fn macro_maps(flags: &[OsString]) -> Vec<OsString> {
    const OPTIONS: [&[u8]; 2] = [b"-fmacro-prefix-map=", b"-ffile-prefix-map="];
    let map = |flag: &OsString| {
        let map = OPTIONS.iter().find_map(|option| flag.as_bytes().strip_prefix(*option))?;
        let option = [OPTIONS[0], map].concat();
        Some(["-Xclang".into(), OsString::from_vec(option)])
    };
    flags.iter().filter_map(map).flatten().collect()
}

/// `name` as a string of a line marker.
fn quoted(name: &[u8]) -> Option<Vec<u8>> {
    let mut quoted = vec![b'"'];
    for &byte in name {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            b' '..=b'~' => quoted.push(byte),
            _ => return None,
        }
    }
    quoted.push(b'"');
    Some(quoted)
}

/// The directives that do what the options for macros do, in clang's order: those of `-Wp,` last.
fn macros<S: AsRef<OsStr>>(arguments: &[S]) -> Option<Vec<u8>> {
    let mut directives = Vec::new();
    let mut passed_on = Vec::new();
    let mut words = arguments.iter().map(|argument| argument.as_ref().as_bytes());
    while let Some(word) = words.next() {
        match word {
            b"-Xclang" | b"-Xpreprocessor" if words.next().is_some_and(is_macro_option) => {
                return None;
            }
            _ if word.starts_with(b"-Wp,") => passed_on.extend(word[4..].split(|&b| b == b',')),
            _ => directives.extend(directive(word, &mut words)?),
        }
    }
    let mut passed_on = passed_on.into_iter();
    while let Some(word) = passed_on.next() {
        directives.extend(directive(word, &mut passed_on)?);
    }
    Some(directives)
}

/// The directive for the option `word`, whose value may be the next word; empty for an option of another kind. `None`
/// for one whose effect no directive has.
fn directive<'a>(word: &'a [u8], rest: &mut impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    const DEFINE: [&[u8]; 3] = [b"-D", b"--define-macro=", b"--define-macro"];
    const UNDEFINE: [&[u8]; 3] = [b"-U", b"--undefine-macro=", b"--undefine-macro"];
    let mut value = |options: [&[u8]; 3]| {
        let value = options.iter().find_map(|option| word.strip_prefix(*option))?;
        if value.is_empty() { rest.next() } else { Some(value) }
    };
    if let Some(definition) = value(DEFINE) {
        let mut parts = definition.splitn(2, |&byte| byte == b'=');
        let name = parts.next().unwrap_or_default();
        // clang ends a definition at its line's end.
        let body = parts.next().unwrap_or(b"1").split(|&byte| byte == b'\n').next();
        return Some([b"#define ", name, b" ", body.unwrap_or_default(), b"\n"].concat());
    }
    if let Some(name) = value(UNDEFINE) {
        return Some([b"#undef ", name, b"\n"].concat());
    }
    // Its macros are missing from the text, or those that the compiler defines are missing here.
    let unknown =
        word.starts_with(b"-imacros") || word.starts_with(b"--imacros") || word == b"-undef";
    (!unknown).then(Vec::new)
}

fn is_macro_option(word: &[u8]) -> bool {
    word.starts_with(b"-D") || word.starts_with(b"-U") || word.starts_with(b"-i")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn macros_of(line: &str) -> Option<String> {
        let arguments: Vec<_> = line.split_whitespace().collect();
        macros(&arguments).map(|directives| String::from_utf8(directives).unwrap())
    }

    #[test]
    fn options_for_macros_become_directives() {
        for (line, directives) in [
            ("-O2 -c a.c", ""),
            ("-DA -DB= -D C=1=2", "#define A 1\n#define B \n#define C 1=2\n"),
            ("-DF(x)=x+1 -UA -U B", "#define F(x) x+1\n#undef A\n#undef B\n"),
            ("-Wp,-DA=1,-MD,a.d -DA", "#define A 1\n#define A 1\n"),
            ("-Wp,-U,A --define-macro=B", "#define B 1\n#undef A\n"),
            ("--define-macro A --undefine-macro B", "#define A 1\n#undef B\n"),
        ] {
            assert_eq!(macros_of(line).as_deref(), Some(directives), "{line}");
        }
    }

    #[test]
    fn what_no_directive_does_has_no_prologue() {
        for line in ["-imacros a.h", "--imacros=a.h", "-undef", "-Xclang -DA", "-Wp,-imacros,a.h"] {
            assert_eq!(macros_of(line), None, "{line}");
        }
        assert_eq!(prologue::<&str>(OsStr::new("a\nb.c"), &[]), None);
    }

    #[test]
    fn the_first_line_names_the_source() {
        let prologue = prologue(OsStr::new("a \"b\".c"), &["-DA"]).unwrap();
        let expected = "# 1 \"a \\\"b\\\".c\"\n# 1 \"<command line>\" 1\n#define A 1\n# 1 \"a \\\"b\\\".c\" 2\n";
        assert_eq!(String::from_utf8(prologue).unwrap(), expected);
    }
}
