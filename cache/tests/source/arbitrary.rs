//! Texts of chance.

use farmbuild_cache::source::{Difference, Facts, Positions, same_for};
use proptest::prelude::*;

/// Tokens and what may stand between them.
fn soup() -> impl Strategy<Value = Vec<&'static str>> {
    let token = prop::sample::select(vec![
        "int", "x", "0x1f", "1e+3", "\"a/*b\"", "'\"'", "'/'", "\"\\\"\"", "+", "/", "*", "(", ")",
        ";", "{", "}", "#", "##", "L\"x\"", "...", "<", ">", "%", "?", ":",
    ]);
    let gap = prop::sample::select(vec![
        " ",
        "\t",
        "  ",
        "\n",
        "\n\n",
        " \\\n ",
        "\n#define A 1\n",
        "\n#if B\n",
    ]);
    prop::collection::vec((token, gap), 0..40)
        .prop_map(|pairs| pairs.into_iter().flat_map(|(token, gap)| [token, gap]).collect())
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let facts = Facts::of(&bytes);
        prop_assert_eq!(same_for(&facts, &facts, Positions::Matter), Difference::None);
    }

    #[test]
    fn no_row_of_odd_pieces_panics(pieces in prop::collection::vec(prop::sample::select(vec![
        "/*", "*/", "//", "\\", "\n", "\"", "'", "#", "define", " ", "X", "(", ")", "##", "include", "<", ">", "??/",
        "pragma", "_Pragma", "__has_include", "R", "1", ",", "...", "\t", "fall", "\u{e9}", "import", "%:", "if",
    ]), 0..60)) {
        let _ = Facts::of(pieces.concat().as_bytes());
    }

    /// A comment of another text in the place of one.
    #[test]
    fn what_a_comment_says_doesnt_matter(pieces in soup(), place in any::<prop::sample::Index>(), many in 0_usize..9) {
        let at = place.index(pieces.len() + 1);
        let with = |comment: &str| {
            let (before, after) = pieces.split_at(at);
            Facts::of([&before.concat(), " ", comment, " ", &after.concat()].concat().as_bytes())
        };
        let old = with(&format!("/* {} */", "a".repeat(many)));
        let new = with(&format!("/* {} */", "'".repeat(many)));
        if old.doubt.is_none() {
            prop_assert!(!matches!(same_for(&old, &new, Positions::Matter), Difference::Other));
        }
        prop_assert_eq!(old.doubt, new.doubt);
    }

    /// A comment of its own at a line's end, and one behind code.
    #[test]
    fn comments_may_be_added(pieces in soup(), place in any::<prop::sample::Index>()) {
        let text = pieces.concat();
        let ends: Vec<usize> = text
            .match_indices('\n')
            .map(|(at, _)| at)
            .filter(|&at| !text[..at].ends_with('\\'))
            .collect();
        if let (false, old) = (ends.is_empty(), Facts::of(text.as_bytes())) {
            let (before, after) = text.split_at(ends[place.index(ends.len())]);
            let with = |comment: &str| Facts::of([before, comment, after].concat().as_bytes());
            let behind = before.rsplit('\n').next().is_some_and(|line| !line.trim().is_empty());
            if old.doubt.is_none() && behind && !before.ends_with('/') {
                prop_assert_eq!(same_for(&old, &with(" /* it's */"), Positions::Matter), Difference::Comments);
                let (short, long) = (with(" /* it's\n */"), with(" // it's\n\n /* more */\n /*\n */"));
                prop_assert_eq!(same_for(&short, &long, Positions::DontMatter), Difference::Comments);
            }
        }
    }
}
