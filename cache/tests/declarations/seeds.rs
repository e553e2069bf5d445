//! Texts to begin with: a small one with one of everything, and those of a directory.

use std::fs;
use std::path::Path;

/// A text.
pub(crate) struct Seed {
    pub(crate) text: Vec<u8>,
    /// The compiler that it is for, if it isn't for any.
    pub(crate) compiler: Option<String>,
    /// What it is compiled with in any case.
    pub(crate) flags: Vec<String>,
}

const WARNINGS: [&str; 5] =
    ["-Wall", "-Wextra", "-Wshadow", "-Wredundant-decls", "-Wmissing-prototypes"];

/// The small one, with most warnings.
pub(crate) fn small() -> Seed {
    let flags = WARNINGS.map(str::to_owned).to_vec();
    Seed { text: SMALL.into(), compiler: None, flags }
}

/// All `NAME.COMPILER.i` of a directory, each with the words of `NAME.COMPILER.flags` if there is such a file.
pub(crate) fn of_directory(directory: &Path) -> Vec<Seed> {
    let files = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<_> = files.filter(|it| it.extension().is_some_and(|it| it == "i")).collect();
    files.sort();
    let seed = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let compiler = name.rsplit('.').next().filter(|it| ["gcc", "clang"].contains(it));
        let flags = fs::read_to_string(path.with_extension("flags"));
        let flags = flags.unwrap_or_else(|_| "-Wall -fwrapv".to_owned());
        Seed {
            text: fs::read(&path).unwrap(),
            compiler: compiler.map(str::to_owned),
            flags: flags.split_whitespace().map(str::to_owned).collect(),
        }
    };
    files.into_iter().map(seed).collect()
}

const SMALL: &str = r#"# 0 "unit.c"
# 0 "<built-in>"
# 1 "unit.c"
# 1 "/usr/include/system.h" 1 3 4
typedef unsigned long size_t;
extern void *memcpy (void *__restrict __dest, const void *__restrict __src, size_t __n)
     __attribute__ ((__nothrow__ , __leaf__)) __attribute__ ((__nonnull__ (1, 2)));
extern size_t strlen (const char *__s) __attribute__ ((__nothrow__ , __leaf__));
extern char *strcpy (char *__restrict __dest, const char *__restrict __src);
extern int undocumented (struct from_nowhere *it);
typedef struct { int quot; int rem; } div_t;
extern div_t div (int __numer, int __denom);
# 4 "unit.c" 2
# 1 "lists.h" 1
struct list {
 struct list *next, *prev;
};
struct buffer;
struct node { struct list by_name; int value; struct buffer *buffer; int (*call)(struct node *it, int value); };
enum colour { RED, GREEN = 4, BLUE };
enum state { FIRST_STATE, SECOND_STATE } __attribute__((packed));
typedef int (*handler_t)(struct node *node, enum colour colour);
typedef int function_t(int);
struct buffer { size_t length; char data[16]; };
union word { int number; float real; };
struct bits { unsigned one:3, two:5; } __attribute__((packed));
extern int second_object;
extern const char *names[];
extern struct buffer spare;
extern struct list heads[4];
extern handler_t handlers[];
extern function_t by_type;
struct sized;
struct shown;
int of_sizes(struct sized *it, struct shown *shown);
struct house;
int lives(struct house *it);
int first(int one);
int second(struct node *node, int value);
int third(enum colour colour, struct buffer *buffer);
int unused_one(union word *word);
int unused_two(struct bits bits, div_t division);
char *unused_three(const char *name, size_t length) __attribute__((pure));
void unused_four(struct node *, struct list *list);
void (*signal_like(int number, void (*handler)(int)))(int);
static inline void list_init(struct list *list) { list->next = list->prev = list; }
static inline int list_empty(const struct list *list) { return list->next == list; }
static inline void list_add(struct list *to, struct list *it)
{
 it->next = to->next;
 it->prev = to;
 to->next->prev = it;
 to->next = it;
}
static inline size_t b_room(const struct buffer *buffer) { return sizeof(buffer->data) - buffer->length; }
static inline int b_full(const struct buffer *buffer) { return !b_room(buffer); }
static inline int promised(int one);
static inline int b_put(struct buffer *buffer, char it)
{
 if (b_full(buffer))
  return promised(0);
 buffer->data[buffer->length++] = it;
 return 1;
}
static inline int promised(int one) { return one - 1; }
static inline int colourful(enum colour colour) { return colour == BLUE ? 3 : GREEN; }
static inline int through(handler_t handler, struct node *node) { return handler(node, RED); }
static inline __attribute__((always_inline)) int twice(int one) { int value = one * 2; return value; }
static inline void copy(struct buffer *to, const struct buffer *from) { *to = *from; }
static inline int loops(int count) { int sum = 0; for (int it = 0; it < count; it++) sum += it; return sum; }
static inline float as_real(int number) { union word word = { .number = number }; return word.real; }
static inline int labelled(int one) { if (one) goto out; one = 3; out: return one; }
static inline int expression(int one) { return ({ int two = one; two + 1; }); }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
static inline int ignored(void) { int nobody; return 0; }
#pragma GCC diagnostic pop
#pragma pack(push, 2)
struct tight { char one; int two; };
#pragma pack(pop)
static inline size_t tightly(struct tight *it) { return sizeof(*it) + it->two; }
enum sizes { SMALL_SIZE = 2, LARGE_SIZE = 5, LAST_SIZE };
struct sized { int here : SMALL_SIZE * 2, there : LARGE_SIZE; char text[SMALL_SIZE * LARGE_SIZE]; };
struct hidden { int inside; struct sized *sized; };
struct shown {
 int number;
 struct hidden *hidden;
 int (*tell)(struct hidden *it, int number);
 int (*ask)(struct hidden *it, int number);
 struct node *node;
};
struct roomy {
 long first;
 char small;
 struct list links;
 short second;
 struct roomy *next;
 char last;
};
struct house {
 struct roomy room;
 struct roomy *rooms, **all;
 char number;
 int tail[2];
};
static inline int small_of(const struct roomy *it) { return it->small + it->next->last; }
static inline int far_of(struct house *it) { return it->room.second + it->rooms->next->second + it->tail[it->number & 1]; }
static inline struct roomy *room_of(struct list *it) { return (struct roomy *)((char *)it - __builtin_offsetof(struct roomy, links)); }
static inline void moves(struct roomy *to, struct roomy *from) { __typeof__(to) other = from; *to = *other; }
typedef int lanes __attribute__((vector_size(SMALL_SIZE * 8)));
extern struct hidden *hidden_one(struct shown *it);
extern struct shown *shown_ones[LAST_SIZE];
static inline int is_shown(struct shown *it) { return it->number > 0; }
static inline int looks_inside(struct shown *it) { return hidden_one(it)->inside; }
static inline int asks(struct shown *it) { extern int answers(int); return it->ask(0, answers(it->number)); }
static inline int counts_up(void) { static int up; static const char name[] = "up"; return ++up + name[0]; }
# 9 "unit.c" 2
static const int sizes[] = { SMALL_SIZE, LARGE_SIZE, 9 };
int of_sizes(struct sized *it, struct shown *shown)
{
 lanes all = { 1 };
 return it->there + sizes[1] + (int)sizeof(all) + is_shown(shown) + shown_ones[0]->number + looks_inside(shown) + shown->ask(0, 1);
}
int lives(struct house *it) { return small_of(it->rooms) + far_of(it) + room_of(&it->room.links)->last; }
int second_object = 7;
static int count;
static int helper(struct node *node) { return node->value + count++; }
int first(int one) { return twice(one) + second_object; }
int second(struct node *node, int value)
{
 struct list *list = &node->by_name;
 static int calls;
 list_init(list);
 calls++;
 return helper(node) + value + (list_empty(list) ? calls : loops(value));
}
int third(enum colour colour, struct buffer *buffer)
{
 char text[8];
 struct buffer other;
 copy(&other, buffer);
 strcpy(text, "abc");
 b_put(&other, text[strlen(text) - 1]);
 copy(buffer, &other);
 return colour == RED;
}
"#;
