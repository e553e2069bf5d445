//! rustc's dep-info with its outputs in another directory.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The dep-info of the same crate with its outputs in `to` instead of `from`, both as spelt. Also whether `from` is named
/// otherwise in it.
pub(super) fn moved(text: &[u8], from: &Path, to: &Path) -> (Vec<u8>, bool) {
    let prefix = |directory: &Path| match directory.as_os_str().is_empty() {
        true => Vec::new(),
        // Of outputs no blank is quoted.
        false => directory.join("").into_os_string().into_vec(),
    };
    // Rules for outputs have a blank behind the colon; those of the sources end with it.
    let is_rule =
        |line: &[u8]| memchr::memmem::find(line, b": ").is_some() && !line.starts_with(b"#");
    move_lines(text, &prefix(from), &prefix(to), |line| is_rule(line).then_some(0))
}

/// A text with `to` instead of `from` in its lines, at the place that `place` gives for a line, if any. Also whether
/// `from` is in there otherwise.
pub(super) fn move_lines(
    text: &[u8],
    from: &[u8],
    to: &[u8],
    place: impl Fn(&[u8]) -> Option<usize>,
) -> (Vec<u8>, bool) {
    let mut moved = Vec::with_capacity(text.len());
    let mut elsewhere = false;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let at = place(line).filter(|&at| line[at..].starts_with(from));
        let rest = match at {
            Some(at) => {
                moved.extend_from_slice(&line[..at]);
                moved.extend_from_slice(to);
                &line[at + from.len()..]
            }
            None => line,
        };
        elsewhere |= !from.is_empty() && memchr::memmem::find(rest, from).is_some();
        moved.extend_from_slice(rest);
    }
    (moved, elsewhere)
}

/// A path for people.
pub(super) fn shown(name: &[u8]) -> String {
    OsStr::from_bytes(name).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_stays_as_it_is_where_nothing_moves(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = [b"x.d: ", &text[..]].concat();
            prop_assert_eq!(moved(&text, Path::new("/t"), Path::new("/t")).0, text);
        }
    }

    const TEXT: &[u8] = b"/t/deps/x-1.d: src/lib.rs src/a\\ b.rs /o/gen.rs\n\n\
        /t/deps/libx-1.rlib: src/lib.rs src/a\\ b.rs /o/gen.rs\n\nsrc/lib.rs:\nsrc/a\\ b.rs:\n\n\
        # env-dep:A=1=2\n# env-dep:B\n# env-dep:C=x\\ny\\\\\n";

    #[test]
    fn outputs_are_moved_and_sources_are_not() {
        let (text, elsewhere) = moved(TEXT, Path::new("/t/deps"), Path::new("/other one"));
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("/other one/x-1.d: src/lib.rs"), "{text}");
        assert!(text.contains("\n/other one/libx-1.rlib: "), "{text}");
        assert!(!elsewhere);
        let (_, elsewhere) = moved(TEXT, Path::new("/o"), Path::new("/p"));
        assert!(elsewhere);
    }
}
