//! The last words of a build: what ran where, and what people should know.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use farmbuild_core::protocol::message::{Summary, Untrusted, paths};

/// Leaves the summary in a file as JSON; `null` if the daemon gave none. That there is a file at all says that the build
/// came to its own end.
pub(crate) fn leave(file: &Path, summary: Option<&Summary>) -> io::Result<()> {
    fs::write(file, serde_json::to_vec(&summary)?)
}

/// The summary as lines for standard error; none if there was no job at all and nothing to say.
pub(crate) fn words(summary: &Summary, wall: Duration) -> Vec<String> {
    let counters = &summary.counters;
    let mut lines = Vec::new();
    if counters.total > 0 {
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        let mut line =
            format!("farmbuild: {} in {:.1} s", jobs(counters.total), wall.as_secs_f64());
        // Writing to a String can't fail.
        if sum(&counters.hit) > 0 {
            let _ =
                write!(line, "; {} from the cache ({})", sum(&counters.hit), list(&counters.hit));
        }
        if sum(&counters.remote) > 0 {
            let _ = write!(
                line,
                "; {} on the farm ({})",
                sum(&counters.remote),
                list(&counters.remote)
            );
        }
        if sum(&counters.local) > 0 {
            let _ = write!(line, "; {} at home ({})", sum(&counters.local), list(&counters.local));
        }
        if sum(&counters.retried) > 0 {
            let _ = write!(line, "; retried after a host failed: {}", list(&counters.retried));
        }
        lines.push(line);
    }
    lines.extend(summary.notices.iter().map(|notice| format!("farmbuild: {notice}")));
    lines
}

/// What to say of a build whose end wasn't waited for.
pub(crate) const NOT_LOOKED_AT: &str = "farmbuild: ERROR: a host gave wrong bytes, and what it made for this build wasn't looked at to the end; \
     clean up and build again";

/// What to say of a build that was given wrong objects.
pub(crate) fn warning(untrusted: &[Untrusted]) -> Vec<String> {
    let hosts: BTreeSet<&str> = untrusted.iter().map(|it| it.host.as_str()).collect();
    let hosts: Vec<_> = hosts.into_iter().collect();
    let redone = untrusted.iter().filter(|it| it.left.is_none());
    let redone: Vec<_> = redone.map(|it| it.path.clone()).collect();
    let mut lines = vec![format!(
        "farmbuild: ERROR: {} gave this build wrong objects; run the build again",
        hosts.join(", ")
    )];
    if !redone.is_empty() {
        lines.push(format!(
            "farmbuild: compiled again here, after they may have been used: {}. What was linked or archived from them before is wrong",
            paths(&redone)
        ));
    }
    for it in untrusted {
        if let Some(left) = &it.left {
            lines.push(format!("farmbuild: remove {}: {left}", it.path.display()));
        }
    }
    lines
}

fn jobs(number: u64) -> String {
    if number == 1 { "1 job".to_owned() } else { format!("{number} jobs") }
}

/// `b 3, a 1`, the most first.
fn list(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().filter(|(_, number)| **number > 0).collect();
    counts.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    counts.iter().map(|(name, number)| format!("{name} {number}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_where_jobs_ran_and_why_not_elsewhere() {
        let mut summary = Summary::default();
        summary.counters.total = 5;
        summary.counters.remote = [("a".into(), 1), ("b".into(), 3)].into();
        summary.counters.local = [("link".into(), 1)].into();
        summary.notices = vec!["host c is set aside.".into()];
        let lines = words(&summary, Duration::from_millis(1250));
        assert_eq!(
            lines[0],
            "farmbuild: 5 jobs in 1.2 s; 4 on the farm (b 3, a 1); 1 at home (link 1)"
        );
        assert_eq!(lines[1], "farmbuild: host c is set aside.");
    }

    #[test]
    fn wrong_objects_are_named_with_what_is_to_be_done_about_each() {
        let untrusted = |path: &str, left: Option<&str>| Untrusted {
            path: path.into(),
            host: "neo4a".to_owned(),
            left: left.map(str::to_owned),
        };
        let lines = warning(&[untrusted("/a.o", None), untrusted("/b.o", Some("it is gone"))]);
        assert!(lines[0].contains("neo4a gave this build wrong objects"), "{lines:?}");
        assert!(lines[1].contains(": /a.o. What was linked"), "{lines:?}");
        assert_eq!(lines[2], "farmbuild: remove /b.o: it is gone");
    }

    #[test]
    fn a_build_without_jobs_says_nothing() {
        assert!(words(&Summary::default(), Duration::ZERO).is_empty());
    }
}
