//! What an embedder may tune. The defaults suit a farm of small boards.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The scheduler's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often a job may fail on hosts before it goes home.
    pub attempts: usize,
    /// Whether a spare local slot takes jobs that would only wait for a board.
    pub bring_home: bool,
    /// A job that waited this long goes before larger ones.
    pub patience: Duration,
    /// How long jobs wait for the first host to be vetted before they want to go home.
    pub vet_patience: Duration,
    /// How long vetting may take before it counts as the host's failure.
    pub vet_timeout: Duration,
    /// How long a probe may take before it counts as failed.
    pub probe_timeout: Duration,
    /// How long a failed host is left alone at first; doubled at each further failure in a row.
    pub backoff_first: Duration,
    /// The longest that a failed host is left alone.
    pub backoff_most: Duration,
    /// After how long a host whose canary object differed is tried again.
    pub recheck_mismatch: Duration,
    /// While nothing is known of any host's speed: how long a job may run before a spare slot repeats it.
    pub unknown_patience: Duration,
    /// Spreads the probes of many machines that lost the same host at the same time.
    pub jitter_seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attempts: 3,
            bring_home: true,
            patience: Duration::from_secs(20),
            vet_patience: Duration::from_secs(5),
            vet_timeout: Duration::from_secs(30),
            probe_timeout: Duration::from_secs(10),
            backoff_first: Duration::from_millis(500),
            backoff_most: Duration::from_secs(30),
            recheck_mismatch: Duration::from_secs(300),
            unknown_patience: Duration::from_secs(10),
            jitter_seed: RandomState::new().hash_one(0),
        }
    }
}
