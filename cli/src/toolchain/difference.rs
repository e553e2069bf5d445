//! In what an object differs from the one that was made here, for people. The other one may be any bytes.

use std::collections::BTreeSet;

use object::{Object, ObjectSection};

/// The most sections that are named.
const MOST: usize = 4;

/// What tells two objects that aren't equal apart.
pub(crate) fn between(here: &[u8], there: &[u8]) -> String {
    let Ok(theirs) = object::File::parse(there) else {
        return format!("its object of {} bytes can't be understood", there.len());
    };
    let Ok(ours) = object::File::parse(here) else {
        return "the object here can't be understood".to_owned();
    };
    let (machine, wanted) = (theirs.architecture(), ours.architecture());
    if machine != wanted {
        return format!("it compiles for {machine:?}, not for {wanted:?}");
    }
    let differ = sections(&ours, &theirs);
    let (there, here) = (comment(&theirs), comment(&ours));
    if there != here {
        return format!("it is \"{there}\", not \"{here}\"; {}", named(&differ));
    }
    format!("it says that it is the same version; {}", named(&differ))
}

/// Sections that are different, or in one of both alone.
fn sections(ours: &object::File<'_>, theirs: &object::File<'_>) -> BTreeSet<String> {
    let told = |file: &object::File<'_>| -> BTreeSet<(String, u64, Vec<u8>)> {
        let told = file.sections().map(|section| {
            let name =
                String::from_utf8_lossy(section.name_bytes().unwrap_or_default()).into_owned();
            (name, section.size(), section.data().unwrap_or_default().to_vec())
        });
        told.collect()
    };
    let (ours, theirs) = (told(ours), told(theirs));
    let names = ours.symmetric_difference(&theirs).map(|(name, ..)| name);
    names.filter(|name| !name.is_empty()).map(|name| shown(name)).collect()
}

fn named(sections: &BTreeSet<String>) -> String {
    if sections.is_empty() {
        return "its objects differ in their headers".to_owned();
    }
    // The tables follow from the others.
    let telling: Vec<_> = sections
        .iter()
        .filter(|it| ![".symtab", ".strtab", ".shstrtab"].contains(&it.as_str()))
        .collect();
    let chosen = if telling.is_empty() { sections.iter().collect() } else { telling };
    let more = if chosen.len() > MOST { " and more" } else { "" };
    let names: Vec<_> = chosen.iter().take(MOST).map(|it| it.as_str()).collect();
    format!("{} differs{more}", names.join(", "))
}

fn comment(file: &object::File<'_>) -> String {
    let data = file.section_by_name(".comment").and_then(|it| it.data().ok()).unwrap_or_default();
    shown(String::from_utf8_lossy(data).replace('\0', " ").trim())
}

/// Words of another machine, fit to be printed.
fn shown(text: &str) -> String {
    text.chars().take(100).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static OBJECT: LazyLock<Vec<u8>> = LazyLock::new(object);

    fn object() -> Vec<u8> {
        let space = tempfile::tempdir().unwrap();
        std::fs::write(space.path().join("a.c"), "int f(int x) { return x * 7; }\n").unwrap();
        let mut gcc = std::process::Command::new("gcc");
        gcc.args(["-O2", "-c", "a.c"]).current_dir(space.path());
        assert!(gcc.status().unwrap().success());
        std::fs::read(space.path().join("a.o")).unwrap()
    }

    #[test]
    fn what_differs_is_named() {
        let here = OBJECT.clone();
        let at = here.windows(4).position(|it| it == b"GCC:").unwrap();
        let mut there = here.clone();
        there[at] = b'T';
        let said = between(&here, &there);
        assert!(said.contains("it is \"TCC:") && said.contains(".comment"), "{said}");
        assert!(between(&here, b"hello").contains("can't be understood"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn any_object_is_told_in_printable_words(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let here = OBJECT.clone();
            let mut there = here.clone();
            for (at, byte) in changes {
                let at = at.index(there.len());
                there[at] = byte;
            }
            there.truncate(cut.index(here.len()) + 1);
            prop_assert!(!between(&here, &there).contains(char::is_control));
        }
    }
}
