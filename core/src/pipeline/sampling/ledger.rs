//! What one host made since it was last found right. Knows nothing of how that is found.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::sync::Arc;

use super::content::{Content, ContentHash};
use crate::job::Invocation;
use crate::protocol::message::BuildId;

/// The most that is remembered of one host; at the usual share a sample is ten times as frequent.
const MOST: usize = 1000;

/// Something that a host made and that is in its place.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct Delivery {
    /// The job, to make it again.
    pub(in crate::pipeline) invocation: Arc<Invocation>,
    /// For whom.
    pub(in crate::pipeline) build: Option<BuildId>,
    /// Of its preprocessed text: whether its sources are still the same.
    pub(in crate::pipeline) text: ContentHash,
    /// What was put in place, the object last.
    pub(in crate::pipeline) contents: Vec<Content>,
}

type Environment = Arc<Vec<(OsString, OsString)>>;

/// A delivery whose invocation's environment is apart.
#[derive(Debug)]
struct Entry {
    number: u64,
    delivery: Delivery,
    environment: Environment,
}

/// A host's deliveries, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: VecDeque<Entry>,
    next: u64,
    /// The last one: the jobs of a build have one as a rule, and it is kept once.
    environment: Environment,
}

impl Ledger {
    /// Adds a delivery; its number. The oldest one goes if there are too many.
    pub(super) fn add(&mut self, mut delivery: Delivery) -> u64 {
        let number = self.next;
        self.next += 1;
        let mut bare = Invocation::clone(&delivery.invocation);
        let environment = std::mem::take(&mut bare.env);
        if *self.environment != environment {
            self.environment = Arc::new(environment);
        }
        delivery.invocation = Arc::new(bare);
        let environment = Arc::clone(&self.environment);
        self.entries.push_back(Entry { number, delivery, environment });
        if self.entries.len() > MOST {
            self.entries.pop_front();
        }
        number
    }

    /// Delivery `number` was right, and so those before it are taken to be.
    pub(super) fn found_right(&mut self, number: u64) {
        while self.entries.front().is_some_and(|first| first.number <= number) {
            self.entries.pop_front();
        }
    }

    /// All deliveries that aren't known to be right; forgets them.
    pub(super) fn take(&mut self) -> Vec<Delivery> {
        let whole = |Entry { mut delivery, environment, .. }| {
            let env = environment.as_ref().clone();
            delivery.invocation =
                Arc::new(Invocation { env, ..Invocation::clone(&delivery.invocation) });
            delivery
        };
        std::mem::take(&mut self.entries).into_iter().map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(name: &str) -> Delivery {
        let invocation = Invocation {
            program: "/usr/bin/gcc".into(),
            argv: vec!["gcc".into(), name.into()],
            cwd: "/".into(),
            env: vec![("NAME".into(), name.into())],
            umask: 0o022,
        };
        let text = super::super::content::of_bytes(b"");
        Delivery { invocation: Arc::new(invocation), build: None, text, contents: Vec::new() }
    }

    fn names(ledger: &mut Ledger) -> Vec<OsString> {
        ledger.take().iter().map(|it| it.invocation.argv[1].clone()).collect()
    }

    #[test]
    fn what_came_before_a_right_one_is_taken_to_be_right() {
        let mut ledger = Ledger::default();
        let numbers: Vec<_> = ["a", "b", "c"].map(|name| ledger.add(delivery(name))).to_vec();
        ledger.found_right(numbers[1]);
        // Samples may be judged late.
        ledger.found_right(numbers[0]);
        assert_eq!(names(&mut ledger), ["c"]);
        assert!(names(&mut ledger).is_empty());
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut ledger = Ledger::default();
        for number in 0..MOST + 5 {
            ledger.add(delivery(&number.to_string()));
        }
        let left = names(&mut ledger);
        assert_eq!((left.len(), left[0].to_str()), (MOST, Some("5")));
    }

    #[test]
    fn each_comes_back_with_its_own_environment() {
        let mut ledger = Ledger::default();
        ledger.add(delivery("a"));
        ledger.add(delivery("b"));
        let envs: Vec<_> = ledger.take().iter().map(|it| it.invocation.env[0].1.clone()).collect();
        assert_eq!(envs, ["a", "b"]);
    }
}
