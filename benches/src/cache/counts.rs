//! How many results each cache found, and how many compiles ran, by its own statistics.

use serde_json::Value;

/// What a cache's own statistics say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Results found by the files alone. (sccache doesn't tell its two ways apart: all of its hits are here.)
    pub direct: u64,
    /// Results found after preprocessing.
    pub preprocessed: u64,
    /// Compiles that really ran.
    pub compiled: u64,
    /// Sources that a compiler read without making anything.
    pub read: u64,
}

impl Counts {
    /// Those of `ccache --print-stats`.
    #[must_use]
    pub fn of_ccache(text: &str) -> Self {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
            line.and_then(|count| count.parse().ok()).unwrap_or(0)
        };
        Self {
            direct: field("direct_cache_hit"),
            preprocessed: field("preprocessed_cache_hit"),
            compiled: field("cache_miss"),
            read: 0,
        }
    }

    /// Those of `sccache --show-stats --stats-format json`.
    #[must_use]
    pub fn of_sccache(text: &str) -> Self {
        let stats = json(text);
        let sum = |name: &str| {
            let counts = stats.pointer(&format!("/stats/{name}/counts")).and_then(Value::as_object);
            counts.map_or(0, |counts| counts.values().filter_map(Value::as_u64).sum())
        };
        Self { direct: sum("cache_hits"), compiled: sum("cache_misses"), ..Self::default() }
    }

    /// Those of `farmbuild stats --json` where there are no hosts.
    #[must_use]
    pub fn of_farmbuild(text: &str) -> Self {
        let stats = json(text);
        let field = |at: &str| stats.pointer(at).and_then(Value::as_u64).unwrap_or(0);
        Self {
            direct: field("/jobs/hit/direct"),
            preprocessed: field("/jobs/hit/preprocessed") + field("/jobs/hit/declaration"),
            compiled: field("/jobs/local/no-hosts") + field("/jobs/local/rustc"),
            read: field("/jobs/syntax_checks"),
        }
    }

    /// What came since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            direct: self.direct.saturating_sub(before.direct),
            preprocessed: self.preprocessed.saturating_sub(before.preprocessed),
            compiled: self.compiled.saturating_sub(before.compiled),
            read: self.read.saturating_sub(before.read),
        }
    }

    /// All that was found.
    #[must_use]
    pub fn hits(self) -> u64 {
        self.direct + self.preprocessed
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("no JSON: {e}\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ccache_has_a_line_for_each_count() {
        let counts =
            Counts::of_ccache("cache_miss\t1\ndirect_cache_hit\t2\ndirect_cache_miss\t9\n");
        assert_eq!((counts.direct, counts.compiled), (2, 1));
    }

    #[test]
    fn languages_of_sccache_are_added_up() {
        let counts = Counts::of_sccache(
            r#"{"stats": {"cache_hits": {"counts": {"C/C++": 3, "Assembler": 1}, "adv_counts": {}},
                "cache_misses": {"counts": {"C/C++": 2}}}}"#,
        );
        assert_eq!((counts.direct, counts.compiled), (4, 2));
    }
}
