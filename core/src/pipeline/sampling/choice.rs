//! Which jobs are compiled twice: by chance, as the seed has it, so that no kind of job is left out for ever.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};

use crate::job::JobId;

/// Chooses jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chooser {
    seed: u64,
}

impl Default for Chooser {
    /// Chooses otherwise in each process.
    fn default() -> Self {
        Self::new(RandomState::new().hash_one(0))
    }
}

impl Chooser {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Whether a job is among the `share` of all.
    pub(super) fn chooses(self, share: f64, job: JobId) -> bool {
        // The finalizer of splitmix64 (Steele, Lea, Flood 2014): neighbours have nothing in common.
        let mut mixed = self.seed ^ job.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((mixed >> 11) as f64) < share * (1u64 << 53) as f64
    }
}

/// Whether a compiler makes the same bytes of a job each time, as far as its options tell: without a seed, gcc puts random
/// numbers into what these make.
pub(super) fn repeats(compiler: &OsStr, args: &[OsString]) -> bool {
    const RANDOM: [&str; 6] =
        ["--coverage", "-coverage", "-ftest-coverage", "-fprofile-arcs", "-gsplit-dwarf", "-flto"];
    let any =
        |start: &str| args.iter().any(|arg| arg.as_encoded_bytes().starts_with(start.as_bytes()));
    let is_clang = compiler.to_string_lossy().contains("clang");
    is_clang || any("-frandom-seed=") || !RANDOM.iter().any(|start| any(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gcc_makes_with_random_numbers_in_it_is_not_compared() {
        let repeats = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            repeats(&words[0], &words[1..])
        };
        for (line, expected) in [
            ("gcc -O2 -g -c a.c", true),
            ("gcc --coverage -c a.c", false),
            ("x86_64-linux-gnu-gcc -g -gsplit-dwarf -c a.c", false),
            ("gcc -flto=auto -c a.c", false),
            ("gcc -fno-lto -c a.c", true),
            ("gcc -flto -frandom-seed=a.o -c a.c", true),
            ("clang -flto=thin -c a.c", true),
        ] {
            assert_eq!(repeats(line), expected, "{line}");
        }
    }

    fn chosen(seed: u64, share: f64) -> Vec<u64> {
        let chooser = Chooser::new(seed);
        (0..10_000).filter(|job| chooser.chooses(share, JobId(*job))).collect()
    }

    #[test]
    fn about_the_share_is_chosen() {
        for share in [0.01, 0.3, 0.9] {
            let part = chosen(7, share).len() as f64 / 10_000.0;
            assert!((part - share).abs() < 0.02, "{share}: {part}");
        }
    }

    #[test]
    fn none_and_all_are_exact() {
        assert!(chosen(7, 0.0).is_empty());
        assert_eq!(chosen(7, 1.0).len(), 10_000);
    }

    #[test]
    fn a_seed_chooses_the_same_jobs_each_time_and_another_one_others() {
        assert_eq!(chosen(7, 0.01), chosen(7, 0.01));
        assert_ne!(chosen(7, 0.01), chosen(8, 0.01));
    }
}
