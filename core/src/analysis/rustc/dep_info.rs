//! rustc's dep-info: the files and variables that a crate's sources read, and its own outputs.
//!
//! ```text
//! /target/deps/x-0123.d: src/lib.rs src/a\ b.rs
//! /target/deps/libx-0123.rlib: src/lib.rs src/a\ b.rs
//! src/lib.rs:
//! # env-dep:CARGO_MANIFEST_DIR=/w/x
//! # env-dep:NOT_SET
//! ```

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const VARIABLE: &[u8] = b"# env-dep:";

/// What a crate's sources read.
#[derive(Debug, PartialEq, Eq)]
pub struct DepInfo {
    /// As spelt.
    pub files: Vec<PathBuf>,
    /// As rustc saw them; `None` for one that wasn't set.
    pub variables: Vec<(OsString, Option<OsString>)>,
}

impl DepInfo {
    /// Reads the dep-info that was written to `path`, as spelt; `None` if it isn't understood.
    #[must_use]
    pub fn parse(text: &[u8], path: &Path) -> Option<Self> {
        let rule = text.strip_prefix(path.as_os_str().as_bytes())?.strip_prefix(b":")?;
        let line = rule.split(|&byte| byte == b'\n').next()?;
        let mut files = Vec::new();
        let mut name: Vec<u8> = Vec::new();
        let mut bytes = line.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match (byte, bytes.peek()) {
                // A backslash quotes a blank and nothing else.
                (b'\\', Some(b' ')) => {
                    name.push(b' ');
                    bytes.next();
                }
                (b' ', _) => push(&mut files, &mut name),
                _ => name.push(byte),
            }
        }
        push(&mut files, &mut name);
        let mut variables = Vec::new();
        for line in text.split(|&byte| byte == b'\n') {
            let Some(variable) = line.strip_prefix(VARIABLE) else { continue };
            let at = variable.iter().position(|&byte| byte == b'=');
            let name = unquoted(&variable[..at.unwrap_or(variable.len())])?;
            let value = at.map(|at| unquoted(&variable[at + 1..]));
            variables.push((
                name,
                match value {
                    Some(value) => Some(value?),
                    None => None,
                },
            ));
        }
        (!files.is_empty()).then_some(Self { files, variables })
    }
}

fn push(files: &mut Vec<PathBuf>, name: &mut Vec<u8>) {
    if !name.is_empty() {
        files.push(OsString::from_vec(std::mem::take(name)).into());
    }
}

/// A variable's name or value without `\\`, `\n` and `\r`.
fn unquoted(text: &[u8]) -> Option<OsString> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b'\\' => b'\\',
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_not_understood(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = [b"x.d: ", &text[..]].concat();
            if let Some(info) = DepInfo::parse(&text, Path::new("x.d")) {
                prop_assert!(info.files.len() + info.variables.len() <= text.len());
            }
        }
    }

    const TEXT: &[u8] = b"/t/deps/x-1.d: src/lib.rs src/a\\ b.rs /o/gen.rs\n\n\
        /t/deps/libx-1.rlib: src/lib.rs src/a\\ b.rs /o/gen.rs\n\nsrc/lib.rs:\nsrc/a\\ b.rs:\n\n\
        # env-dep:A=1=2\n# env-dep:B\n# env-dep:C=x\\ny\\\\\n";

    #[test]
    fn files_and_variables_are_read() {
        let info = DepInfo::parse(TEXT, Path::new("/t/deps/x-1.d")).unwrap();
        assert_eq!(info.files, ["src/lib.rs", "src/a b.rs", "/o/gen.rs"].map(PathBuf::from));
        let set = |name: &str, value: &str| (name.into(), Some(value.into()));
        assert_eq!(info.variables, [set("A", "1=2"), ("B".into(), None), set("C", "x\ny\\")]);
    }

    #[test]
    fn the_dep_info_of_another_file_is_not_understood() {
        assert_eq!(DepInfo::parse(TEXT, Path::new("/t/deps/y-1.d")), None);
        assert_eq!(DepInfo::parse(b"", Path::new("/t/deps/x-1.d")), None);
    }
}
