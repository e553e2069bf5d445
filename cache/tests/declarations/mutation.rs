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
    "struct pointing { struct newcomer *far; struct node *near; int (*call)(struct newcomer *it); };",
    "static inline int looks(struct pointing *it) { return it->near != 0; }",
    "static inline int looks_behind(struct pointing *it) { return it->near->value; }",
    "extern struct pointing *pointing_at(struct newcomer *it);",
    "static inline int passes(struct newcomer *it) { return pointing_at(it) != 0; }",
    "struct holding { struct newcomer inner; char rest[sizeof(struct newcomer)]; };",
    "extern struct newcomer all_newcomers[];",
    "static inline struct newcomer *stepping(struct newcomer *it) { return it + 1; }",
    "static inline long apart(struct pointing *it) { return it->far - (struct newcomer *)0; }",
    "static inline void declares_within(void) { extern int far_away(int); int near_by(int); far_away(near_by(3)); }",
    "extern long far_away(int);",
    "static inline int kept_inside(void) { static int it __attribute__((used, section(\"kept\"))); return it; }",
    "static inline const char *called(void) { static const char name[] = \"name\"; return name; }",
    "static inline unsigned long copied(char *to) { extern unsigned long strlen(const char *); return strlen(to); }",
    "union punned { struct newcomer *one; struct node *two; };",
    "typedef struct { struct node *inner; } wrapped;",
    "static inline int unwraps(wrapped *it) { return it->inner->value; }",
    "extern char far_size(int);",
    "extern struct list *node_of(int);",
    "static inline int fatal(void) { struct hidden *hidden_one(struct shown *it) __attribute__((noreturn)); return 1; }",
    "static inline int calls_early(void) { return comes_late(1); }",
    "extern char comes_late(int);",
    "static inline int chooses(enum sizes it) { switch (it) { case SMALL_SIZE: return 1; } return 0; }",
    "extern int converts(enum colour it);",
    "static inline int converted(void) { return converts(LAST_SIZE) + (LAST_SIZE == BLUE); }",
    "struct roomy kept_room;",
    "int counts_rooms(struct house *it); int counts_rooms(struct house *it) { return it->all[1]->small + (int)sizeof(*it->rooms); }",
    "void copies_room(struct house *it, struct roomy *from); void copies_room(struct house *it, struct roomy *from) { it->room = *from; }",
    "struct roomy given(struct house *it); struct roomy given(struct house *it) { return it->rooms[1]; }",
    "long sum_rooms(struct roomy *it); long sum_rooms(struct roomy *it) { struct roomy own = *it; own.first += own.small; return own.first + own.last; }",
    "void clears(struct roomy *it); void clears(struct roomy *it) { *it = (struct roomy){ .small = 1, .last = 2 }; }",
    "int picks(int at, struct roomy *one, struct roomy *two); int picks(int at, struct roomy *one, struct roomy *two) { return (at ? one : two)->second; }",
    "void swaps(struct roomy *one, struct roomy *two); void swaps(struct roomy *one, struct roomy *two) { __auto_type own = *one; *one = *two; *two = own; }",
    "void moves_on(struct roomy *one); void moves_on(struct roomy *one) { moves(one, one->next); }",
    "int steps(struct roomy *one); int steps(struct roomy *one) { one++; return (one - 1)->small + one->last; }",
    "int apart_by(struct roomy *__restrict one, struct roomy *__restrict two); int apart_by(struct roomy *__restrict one, struct roomy *__restrict two) { one->second = 1; two->second = 2; return one->second; }",
    "int aliases(struct roomy *one, struct list *two, char **three); int aliases(struct roomy *one, struct list *two, char **three) { one->small = 1; two->next = 0; *three = 0; one->next = one; return one->small + (two->next == 0) + (*three == 0); }",
    "int overlaps(struct roomy *one, struct house *two); int overlaps(struct roomy *one, struct house *two) { one->second = 1; two->tail[0] = 2; two->number = 3; return one->second + one->small; }",
    "int outer_or_inner(struct roomy *one, struct node *two, short *three); int outer_or_inner(struct roomy *one, struct node *two, short *three) { one->second = 1; two->value = 2; *three = 4; one->links.next = 0; two->by_name.next = &two->by_name; return one->second + (one->links.next == 0); }",
    "static inline int sized_by(struct newcomer *by, char (*it)[sizeof(*by)]) { return sizeof(*it); }",
];

/// Lines that may appear in a structure, and what may begin a function.
const MEMBERS: &[&str] = &[
    " int new_member;\n",
    " char hole;\n",
    " short hole;\n",
    " struct roomy *hole;\n",
    " struct list hole;\n",
    " char last;\n",
    " struct node *new_pointer;\n",
    " struct newcomer *far, *farther;\n",
    " struct newcomer by_value;\n",
    " char padding[7];\n",
    " int (*new_call)(struct node *value, int);\n",
    " unsigned bit:1;\n",
    " value_t value;\n",
    " int value;\n",
    " struct { int deep; struct node *deeper; } nested;\n",
    " enum { DEEP, DEEPER } how_deep;\n",
    " long array[sizeof(struct node *)];\n",
    " struct never_mentioned *never;\n",
    " const char *name, names[3];\n",
];
const STATEMENTS: &[&str] = &[
    " static int counter; counter++; ",
    " extern int elsewhere(int); elsewhere(1); ",
    " extern unsigned long strlen(const char *); ",
    " int local_one(int); local_one(2); ",
    " unknown_one(4); ",
    " __asm__(\"nop\"); ",
    " struct never_mentioned *it_ = 0; (void)it_; ",
    " { int value = 3; (void)value; } ",
    " static const int tab[] __attribute__((used)) = { 1, 2 }; (void)tab; ",
    " register int fast = 1; (void)fast; ",
    " __typeof__(1) typed = 2; (void)typed; ",
    " int unused_; ",
    " struct roomy own_room = { 1, 2, { 0, 0 }, 3, 0, 4 }; (void)own_room; ",
    " extern struct roomy *room_by(int); *room_by(1) = *room_by(2); ",
    " extern struct roomy *room_by(int); room_by(1)->small = room_by(2)->last; ",
    " const size_t far_size(int), *far_sizes(void); ",
    " struct node *node_of(int) __attribute__((const)); ",
    " struct hidden *hidden_one(struct shown *) __attribute__((noreturn)); ",
    " function_t by_name; (function_t *)by_name; ",
    " typedef int own_t; own_t own_sized(int); ",
    " int (grouped)(int); grouped(1); ",
];

/// What may appear in an enumeration.
const CONSTANTS: &[&str] = &[
    " NEW_CONSTANT,",
    " NEW_ONE = 2,",
    " NEGATIVE = -1,",
    " OCTAL = 017,",
    " SHIFTED = 1 << 4,",
    " LETTER = 'a',",
    " UNSIGNED = 3u,",
    " HUGE_CONSTANT = 5000000000,",
    " value,",
    " counter = 1,",
    " third,",
    " strlen,",
    " colour,",
    " function_t,",
    " OLD __attribute__((deprecated)),",
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
    // What a user writes comes last; what the system has, first.
    let late = from + (all.len() - from) / 2;
    let mut place = || match random.below(3) {
        0 => from + random.below(all.len() - from),
        _ => late + random.below(all.len() - late),
    };
    let (one, two) = (place(), place());
    match random.below(18) {
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
        11 | 12 => {
            // A line of a structure comes, goes, or changes its place.
            let roomy = random.below(3) == 0;
            let words: &[&str] =
                if roomy { &["struct roomy {\n", "struct house {\n"] } else { &["struct "] };
            let near = |it: &&usize| {
                words.iter().any(|word| all[**it].contains(word)) && all[**it].contains("{\n")
            };
            let order: Vec<usize> = (one..all.len()).chain(from..one).collect();
            let Some(&at) = order.iter().find(near) else { return };
            let mut lines: Vec<String> = all[at].split_inclusive('\n').map(str::to_owned).collect();
            let line = 1 + random.below(lines.len() - 1);
            match random.below(4) {
                0 | 1 if roomy => lines.insert(line, MEMBERS[1 + random.below(4)].to_owned()),
                0 | 1 => lines.insert(line, (*random.of(MEMBERS)).to_owned()),
                2 => drop(lines.remove(line)),
                _ => {
                    let other = 1 + random.below(lines.len() - 1);
                    lines.swap(line, other);
                }
            }
            all[at] = lines.concat();
        }
        13 | 14 => {
            // A function that may be inlined does more.
            let near = |it: &&usize| all[**it].contains("inline ") && all[**it].contains('{');
            let order: Vec<usize> = (one..all.len()).chain(from..one).collect();
            let Some(&at) = order.iter().find(near) else { return };
            if let Some(open) = all[at].find('{') {
                all[at].insert_str(open + 1, STATEMENTS[random.below(STATEMENTS.len())]);
            }
        }
        15 | 16 => {
            // A constant comes or goes.
            let near = |it: &&usize| all[**it].contains("enum ") && all[**it].contains('{');
            let order: Vec<usize> = (one..all.len()).chain(from..one).collect();
            let Some(&at) = order.iter().find(near) else { return };
            let ends: Vec<_> = all[at].match_indices(['{', ',']).map(|(at, _)| at + 1).collect();
            let place = random.below(ends.len());
            match ends.get(place + 1) {
                Some(&next) if random.below(3) == 0 => {
                    all[at].replace_range(ends[place]..next, "");
                }
                _ => all[at].insert_str(ends[place], random.of::<&str>(CONSTANTS)),
            }
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
