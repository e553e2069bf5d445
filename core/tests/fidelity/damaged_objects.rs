//! The rewrite of an object that was damaged on its way is an error or an object, never a panic or a waste of memory.

use std::fs;
use std::sync::LazyLock;

use farmbuild_core::fidelity::{ProducerCut, RewriteError};
use proptest::prelude::*;

use crate::compiler::Split;

/// Objects as they come back from a host, 64-bit with addends and 32-bit without, each with its cut.
static OBJECTS: LazyLock<Vec<(ProducerCut, Vec<u8>)>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let source = "struct s { int first, second; } a; int f(int b) { return a.first + b; }\n";
    fs::write(directory.path().join("a.c"), source).unwrap();
    ["-g -O2", "-g -O2 -m32"]
        .map(|flags| {
            let split = Split::new("gcc", flags);
            let (object, _) = split.split(directory.path(), &[], "a.c");
            (split.recipe.rewrite.unwrap(), object.unwrap())
        })
        .to_vec()
});

/// Applies the cut; an object that comes out is smaller than the one that went in.
fn apply(cut: &ProducerCut, object: &[u8]) -> Result<usize, RewriteError> {
    let rewritten = cut.apply(object)?;
    assert!(rewritten.len() <= object.len());
    Ok(rewritten.len())
}

#[test]
fn a_truncated_object_is_an_error_at_every_length() {
    for (cut, object) in OBJECTS.iter() {
        for length in 0..object.len() {
            assert!(apply(cut, &object[..length]).is_err(), "{length} of {}", object.len());
        }
        assert!(apply(cut, object).is_ok());
    }
}

#[test]
fn an_object_of_another_flag_set_is_an_error() {
    let objects = &*OBJECTS;
    assert_eq!(objects[0].0.apply(&objects[1].1), Err(RewriteError::Occurrences(0)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_a_rewrite_panic(
        which in 0..2_usize,
        // Mostly in the headers at both ends, where a byte does most.
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<u8>()), 1..6),
    ) {
        let (cut, object) = &OBJECTS[which];
        let mut damaged = object.clone();
        for (place, headers, value) in damage {
            let at = if headers {
                let table = damaged.len() - damaged.len() / 3;
                table + place.index(damaged.len() - table)
            } else {
                place.index(damaged.len())
            };
            damaged[at] = value;
        }
        let _ = apply(cut, &damaged);
    }

    #[test]
    fn no_bytes_at_all_make_a_rewrite_panic(class in 1..3_u8, order in 1..3_u8, rest in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [&[0x7f, b'E', b'L', b'F', class, order, 1][..], &rest].concat();
        let _ = apply(&OBJECTS[0].0, &bytes);
    }
}
