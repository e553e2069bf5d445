//! The words of a text, each with a number; keywords have the lowest, in the order of [`Word`].
//!
//! Knows bytes, not what they mean in a place.

macro_rules! words {
    ($($name:ident $($spelling:literal)+;)*) => {
        /// A keyword, or another word that is looked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Word { $($name),* }

        impl Word {
            const ALL: &'static [(Self, &'static [&'static str])] =
                &[$((Self::$name, &[$($spelling),+])),*];
        }
    };
}

words! {
    Typedef "typedef";
    Extern "extern";
    Static "static";
    Inline "inline" "__inline" "__inline__";
    Register "register";
    Auto "auto";
    Thread "_Thread_local" "__thread";
    NoReturn "_Noreturn";
    Qualifier "const" "__const" "__const__" "volatile" "__volatile" "__volatile__" "restrict" "__restrict" "__restrict__";
    Atomic "_Atomic";
    // `_Float32` and its like are none: clang's libc defines them.
    Type "void" "char" "short" "int" "long" "float" "double" "signed" "__signed" "__signed__" "unsigned" "_Bool" "__int128" "__auto_type";
    Complex "_Complex" "__complex" "__complex__" "_Imaginary";
    Struct "struct";
    Union "union";
    Enum "enum";
    Typeof "typeof" "__typeof" "__typeof__";
    Attribute "__attribute__" "__attribute";
    Align "_Alignas";
    Asm "asm" "__asm" "__asm__";
    StaticAssert "_Static_assert";
    Extension "__extension__";
    Operator "sizeof" "_Alignof" "__alignof" "__alignof__" "_Generic" "__real__" "__imag__" "__func__" "__FUNCTION__" "__PRETTY_FUNCTION__" "__label__";
    Statement "if" "else" "while" "for" "do" "switch" "case" "default" "break" "continue" "return" "goto";
    Position "__builtin_dump_struct" "__builtin_LINE" "__builtin_FILE" "__builtin_FUNCTION" "__builtin_COLUMN" "__builtin_source_location" "__LINE__" "__FILE__" "__BASE_FILE__";
    Macro "_Pragma" "__pragma" "__DATE__" "__TIME__" "__TIMESTAMP__" "__COUNTER__" "__INCLUDE_LEVEL__" "__has_include" "defined";
    Odd "_BitInt" "__GIMPLE" "__RTL" "__seg_fs" "__seg_gs" "_Sat" "_Accum" "_Fract";
}

/// The number of a word.
pub(super) type Name = u32;

/// Words by number and back. An open hash table of numbers: no allocation for a word that is known.
pub(super) struct Words<'a> {
    /// Each with its hash.
    table: Vec<(u32, u32)>,
    spellings: Vec<&'a [u8]>,
    /// Whether each begins with `__builtin_`.
    builtin: Vec<bool>,
    /// The keyword that each of the first numbers is.
    keywords: Vec<Word>,
}

const FREE: (u32, u32) = (0, u32::MAX);

impl<'a> Words<'a> {
    pub(super) fn new() -> Self {
        let mut words = Self {
            table: vec![FREE; 1 << 12],
            spellings: Vec::with_capacity(1 << 11),
            builtin: Vec::with_capacity(1 << 11),
            keywords: Vec::new(),
        };
        for (word, spellings) in Word::ALL {
            for spelling in *spellings {
                let spelling = spelling.as_bytes();
                words.number(spelling, hash_of(spelling, spelling.len()));
                words.keywords.push(*word);
            }
        }
        words
    }

    /// The number of a word with this hash; else the place in the table that is free for it.
    fn look_up(&self, spelling: &[u8], hash: u32) -> Result<Name, usize> {
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let entry = self.table[at];
            if entry == FREE {
                return Err(at);
            }
            let (its_hash, number) = entry;
            if its_hash == hash && self.spellings[number as usize] == spelling {
                return Ok(number);
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of a word with this hash.
    pub(super) fn number(&mut self, spelling: &'a [u8], hash: u32) -> Name {
        let at = match self.look_up(spelling, hash) {
            Ok(number) => return number,
            Err(free) => free,
        };
        // A text of less than 2^32 bytes has fewer words.
        let number = self.spellings.len() as u32;
        self.table[at] = (hash, number);
        self.spellings.push(spelling);
        self.builtin.push(spelling.starts_with(b"__builtin_"));
        if self.spellings.len() * 2 > self.table.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let size = self.table.len() * 4;
        let before = std::mem::replace(&mut self.table, vec![FREE; size]);
        for entry in before.into_iter().filter(|entry| *entry != FREE) {
            let mut at = entry.0 as usize & (size - 1);
            while self.table[at] != FREE {
                at = (at + 1) & (size - 1);
            }
            self.table[at] = entry;
        }
    }

    /// The number of a word, if it is known.
    pub(super) fn find(&self, spelling: &[u8]) -> Option<Name> {
        self.look_up(spelling, hash_of(spelling, spelling.len())).ok()
    }

    pub(super) fn spelling(&self, name: Name) -> &'a [u8] {
        self.spellings[name as usize]
    }

    /// Whether it is the name of something in the compiler, such as `__builtin_offsetof`.
    pub(super) fn is_builtin(&self, name: Name) -> bool {
        self.builtin[name as usize]
    }

    /// The keyword that a word is; `None` for an identifier.
    pub(super) fn keyword(&self, name: Name) -> Option<Word> {
        self.keywords.get(name as usize).copied()
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.spellings.len()
    }
}

/// The hash of the word that is the first `length` bytes of `text`: eight bytes a step.
pub(super) fn hash_of(text: &[u8], length: usize) -> u32 {
    const STEP: usize = 8;
    let mix =
        |hash: u64, bytes: u64| (hash.rotate_left(23) ^ bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = &text[..length];
    let mut hash = length as u64;
    let mut steps = word.chunks_exact(STEP);
    for step in &mut steps {
        hash = mix(hash, u64::from_le_bytes(step.try_into().unwrap_or_default()));
    }
    let rest = steps.remainder();
    if !rest.is_empty() {
        // What stands behind the word is masked, if there is enough of it.
        let last = match text[length - rest.len()..].first_chunk::<STEP>() {
            Some(bytes) => u64::from_le_bytes(*bytes) & (u64::MAX >> (64 - 8 * rest.len())),
            None => rest.iter().rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)),
        };
        hash = mix(hash, last);
    }
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::hash_of;

    #[test]
    fn a_words_hash_is_up_to_nothing_behind_it() {
        let text = b"a_name_of_some_length(and more)";
        for length in 1..=text.len() {
            let alone = hash_of(&text[..length], length);
            assert_eq!(hash_of(text, length), alone, "{length}");
            assert!((1..length).all(|shorter| hash_of(text, shorter) != alone), "{length}");
        }
    }
}
