//! Texts to try, and a source of chance.

use std::fs;
use std::path::{Path, PathBuf};

/// A small generator of numbers, so that a seed is all that it takes to see a failure again.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }

    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Real headers of this machine, at most `count`.
pub(crate) fn headers(count: usize) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("/usr/include")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if is_header(&path) && found.len() < count {
                found.extend(fs::read(&path).ok().map(|text| (path, text)));
            }
        }
    }
    found
}

fn is_header(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension == "h" || extension == "hpp")
}

/// A text that has much of what is hard to read.
pub(crate) const HARD: &str = r##"/* A guard. */
#ifndef HARD_H
#define HARD_H
/* A comment over
 * some lines. */
#define OBJECT 1 /* one */
#define CALL(x) ((x) + OBJECT) // a call
#define TEXT(x) #x
#define GLUE(a, b) a##b
#define LONG(x) \
	do { \
		(x)++; /* more */ \
	} while (0)
#define UNUSED_A 12
#define UNUSED_B(x, y) ((x) * UNUSED_A)
static const char *text = "/* no comment */" " // neither " "\"'\\";
static const char quote = '"', tick = '\'', slash = '/';
static inline int add(int a, int b)
{
	int sum = a /* plus */ + b;	/* a
		trailing one */
	if (a > b)
		LONG(sum);
	/* then */
	return CALL(sum) / GLUE(1, 2); // done
}
#if defined(OBJECT) && OBJECT /* see
   above */ > 0
static const char *shown = TEXT(a   b /* c */ d);
#else
#error "not this"
#endif
static int many[] = { 0x1f, 017, 1e3 > 2, 'a', L'b', u8"x"[0] };
static const char *two = "a \
b";
#endif /* HARD_H */
"##;
