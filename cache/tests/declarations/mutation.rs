//! Random changes of a preprocessed text, as people and mistakes make them.

/// A generator that gives the same numbers for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Declarations that may appear anywhere: some fit, some clash, some are warned of, some alter what others become.
const NEWCOMERS: &[&str] = &[
    "struct newcomer { int one; long two; };",
    "struct newcomer;",
    "typedef struct newcomer *newcomer_p;",
    "extern int newcomer(struct newcomer *it);",
    "static inline int new_inline(int one) { return one + 1; }",
    "static inline int new_inline(int one);",
    "static int new_static(int one);",
    "static int new_object = 3;",
    "extern int new_object;",
    "int new_tentative;",
    "enum new_enum { NEW_A, NEW_B = 7, NEW_C };",
    "enum { FIRST = 5 };",
    "extern char *stpcpy(char *, const char *);",
    "extern void *memcpy(void *, const void *, unsigned long) __asm__(\"my_memcpy\");",
    "extern int first(int) __attribute__((noreturn));",
    "static inline long counted(void) { static long count; return ++count; }",
    "static inline int calls_nothing(void) { return unknown_function(3); }",
    "static inline int outside(void) { extern int elsewhere; return elsewhere; }",
    "static inline int shadowing(int one) { int second_object = one; return second_object; }",
    "extern int count;",
    "extern int value;",
    "typedef int value;",
    "typedef int length;",
    "struct node;",
    "struct node { int other; };",
    "union node;",
    "void late_user(struct never_seen *it);",
    "struct never_seen *never(void);",
    "struct never_seen { int at_last; };",
    "_Static_assert(sizeof(int) == 4, \"int\");",
    "__asm__(\".section .note.new, \\\"a\\\"\\n.byte 1\\n.previous\");",
    "extern int weakly(void) __attribute__((weak));",
    "static inline int target_of(void) { return 3; }",
    "int alias_of(void) __attribute__((alias(\"target_of\")));",
    "extern int first(int one, int two);",
    "extern unsigned first(int one);",
    "#pragma GCC diagnostic ignored \"-Wunused-function\"",
    "#pragma GCC diagnostic push",
    "#pragma GCC diagnostic pop",
    "#pragma pack(push, 1)",
    "#pragma pack(pop)",
    "#pragma pack(2)",
    "#pragma pack()",
    "#pragma weak first",
    "# 1 \"system.h\" 1 3",
    "# 1 \"header.h\" 1",
    "# 9 \"unit.c\" 2",
    "static inline int uninitialised(void) { int it; return it; }",
    "static inline int misled(int one) { if (one) one++; one++; return one; }",
    "int old_style(a) int a; { return a; }",
    "extern inline int outer(int one) { return one; }",
    "inline int middle(int one) { return one * 2; }",
    "static inline void keeps_all(void) { __asm__ volatile(\"nop\"); }",
    "static inline int within(int one) { int inner(int two) { return two + one; } return inner(3); }",
    "static inline unsigned long typed(void) { typeof(sizeof(int)) it = 4; return it; }",
    "extern int array[];",
    "int array[4];",
    "static inline unsigned long sized(void) { return sizeof(array); }",
    "struct { int anonymous; } nameless;",
    "extern struct node *made(enum colour it, ...);",
    "struct with { struct nested { int deep; } one; enum nested_enum { DEEP_A, DEEP_B } two; };",
    "extern __typeof__(first) first_alike;",
    "static inline int declares(void) { __typeof__(first) other_name; return other_name(3); }",
    ";",
];

/// Pieces of text between external declarations, roughly.
fn pieces(text: &str) -> Vec<&str> {
    let (mut all, mut from, mut depth, mut at) = (Vec::new(), 0, 0_i32, 0);
    for line in text.split_inclusive('\n') {
        at += line.len();
        if !line.starts_with('#') {
            for byte in line.bytes() {
                match byte {
                    b'{' => depth += 1,
                    b'}' => depth -= 1,
                    _ => {}
                }
            }
        }
        let trimmed = line.trim_end();
        let ends = trimmed.ends_with([';', '}']) || trimmed.starts_with('#');
        if depth == 0 && ends {
            all.push(&text[from..at]);
            from = at;
        }
    }
    all.push(&text[from..]);
    all
}

/// Where each word of a piece stands.
fn words(piece: &str) -> Vec<(usize, usize)> {
    let inside = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let (mut all, mut from) = (Vec::new(), None);
    for (at, it) in piece.char_indices().chain([(piece.len(), ' ')]) {
        match (from, inside(it)) {
            (None, true) => from = Some(at),
            (Some(start), false) => {
                all.push((start, at));
                from = None;
            }
            _ => {}
        }
    }
    all
}

/// The text with one to three changes.
pub(crate) fn mutated(text: &[u8], random: &mut Random) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).into_owned();
    let mut all: Vec<String> = pieces(&text).into_iter().map(str::to_owned).collect();
    for _ in 0..=random.below(3) {
        change(&mut all, random);
    }
    all.concat().into_bytes()
}

fn change(all: &mut Vec<String>, random: &mut Random) {
    // The first lines say which file this is.
    let from = 2.min(all.len() - 1);
    let mut place = || from + random.below(all.len() - from);
    let (one, two) = (place(), place());
    match random.below(12) {
        0..=2 => all.insert(one, format!("{}\n", random.of(NEWCOMERS))),
        3 => drop(all.remove(one)),
        4 => {
            let piece = all.remove(one);
            all.insert(two.min(all.len()), piece);
        }
        5 => {
            let copy = all[one].clone();
            all.insert(two, copy);
        }
        6 => all.swap(one, two),
        7 | 8 => {
            // A word becomes another one of the text.
            let (to, at) = (words(&all[two]), words(&all[one]));
            if !to.is_empty() && !at.is_empty() {
                let (start, end) = *random.of(&to);
                let word = all[two][start..end].to_owned();
                let (start, end) = *random.of(&at);
                all[one].replace_range(start..end, &word);
            }
        }
        9 => {
            // A number grows.
            let numbers: Vec<_> = words(&all[one])
                .into_iter()
                .filter(|&(start, end)| all[one][start..end].bytes().all(|it| it.is_ascii_digit()))
                .collect();
            if !numbers.is_empty() && !all[one].starts_with('#') {
                let (start, _) = *random.of(&numbers);
                all[one].insert(start, '1');
            }
        }
        10 => {
            const PREFIXES: [&str; 9] = [
                "extern ",
                "static ",
                "inline ",
                "const ",
                "__extension__ ",
                "register ",
                "__attribute__((unused)) ",
                "__attribute__((used)) ",
                "__attribute__((deprecated)) ",
            ];
            let prefix = *random.of(&PREFIXES);
            all[one].insert_str(0, prefix);
        }
        _ => {
            // A space, a line.
            let blanks: Vec<_> = all[one].match_indices(' ').map(|(at, _)| at).collect();
            if !blanks.is_empty() && !all[one].starts_with('#') {
                let at = *random.of(&blanks);
                all[one].insert(at, if random.below(2) == 0 { ' ' } else { '\n' });
            }
        }
    }
}
