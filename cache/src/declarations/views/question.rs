//! What a compiler is asked to tell where members lie: a text of its own, of the structures and what they are made of, that has the
//! numbers in its object.

use std::collections::BTreeSet;
use std::io::Write;

use super::{Layout, asked, definition, spelling};
use crate::declarations::doubt::Doubt;
use crate::declarations::id::Id;
use crate::declarations::identity::Identity;
use crate::declarations::in_force::Places;
use crate::declarations::lexer::Tokens;
use crate::declarations::reach::Reach;

/// A text to be compiled.
#[derive(Debug)]
pub struct Question {
    /// In C.
    pub text: Vec<u8>,
    /// The structures that it asks for, by what they are up to, and how many numbers come of each.
    pub asked: Vec<(Id, usize)>,
}

/// What the numbers stand behind, and the first of them, which tells their order of bytes.
const MARK: &[u8; 16] = b"farmbuild-layout";
const ORDER: u64 = 0x0102_0304_0506_0708;
const SIZE: usize = size_of::<u64>();

impl Question {
    /// Reads the answer from the object that the text became.
    #[must_use]
    pub fn answer(&self, object: &[u8]) -> Option<Vec<(Id, Layout)>> {
        let from = memchr::memmem::find(object, MARK)? + MARK.len();
        let mut numbers = object[from..].chunks_exact(SIZE).map(|bytes| {
            let mut number = [0; SIZE];
            number.copy_from_slice(bytes);
            number
        });
        let read: fn([u8; SIZE]) -> u64 = match numbers.next()? {
            it if u64::from_le_bytes(it) == ORDER => u64::from_le_bytes,
            it if u64::from_be_bytes(it) == ORDER => u64::from_be_bytes,
            _ => return None,
        };
        let mut layout = |(id, count): &(Id, usize)| {
            let numbers: Vec<u64> = numbers.by_ref().take(*count).map(read).collect();
            (numbers.len() == *count).then_some((*id, Layout(numbers)))
        };
        self.asked.iter().map(&mut layout).collect()
    }
}

/// Asks for some structures of a text.
///
/// # Errors
/// If what they are made of is too tangled.
pub(in crate::declarations) fn question(
    tokens: &Tokens<'_>,
    reach: &Reach<'_>,
    places: &Places,
    identities: &[Identity],
    wanted: &[Id],
) -> Result<Question, Doubt> {
    let units = reach.units;
    let closures = reach.closures(tokens, identities)?;
    let (mut needed, mut numbers, mut all) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (at, id) in closures.iter().enumerate() {
        if !wanted.contains(id) || all.iter().any(|(known, _)| known == id) {
            continue;
        }
        let Some(definition) = definition(tokens, units, places, at) else { continue };
        reach.gather(at, &mut needed)?;
        let unit = &units.all[at];
        let words = tokens.tokens[unit.first..].iter().find_map(|it| it.tag_word());
        let tag =
            [words.unwrap_or_default().as_bytes(), b" ", tokens.words.spelling(definition.tag)];
        let tag = String::from_utf8_lossy(&tag.concat()).into_owned();
        // Writing to memory doesn't fail.
        let _ = write!(numbers, ", sizeof({tag}), _Alignof({tag})");
        let mut count = super::MEMBERS as usize;
        for member in definition.members.iter().flat_map(|it| asked(tokens, it)) {
            let member = String::from_utf8_lossy(spelling(tokens, member)).into_owned();
            let _ = write!(numbers, ", __builtin_offsetof({tag}, {member})");
            count += 1;
        }
        all.push((*id, count));
    }
    let mut text = Vec::new();
    for at in needed {
        let unit = &units.all[at];
        // Of a function what it is called with.
        let end = if unit.has_body() { unit.first + unit.head() - 1 } else { unit.end };
        let [from, .., to] = &tokens.tokens[unit.first..end] else { continue };
        text.extend_from_slice(&tokens.text[from.start as usize..to.end as usize]);
        text.extend_from_slice(if unit.has_body() { b";\n" } else { b"\n" });
    }
    let mark = String::from_utf8_lossy(MARK);
    let count = 1 + all.iter().map(|(_, count)| count).sum::<usize>();
    let _ = write!(
        text,
        "const struct {{ char mark[{}]; unsigned long long numbers[{count}]; }} farmbuild_layouts = {{ \"{mark}\", {{ {ORDER}",
        MARK.len()
    );
    text.extend_from_slice(&numbers);
    text.extend_from_slice(b" } };\n");
    Ok(Question { text, asked: all })
}
