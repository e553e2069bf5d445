//! Which commits a range has, oldest first.

use crate::history::repository::{Commit, Repository};
use crate::history::{HistoryError, shallow_hint};

/// The commits of `BASE..TIP`.
pub(super) fn list(
    repository: &Repository,
    range: &str,
    no_merges: bool,
) -> Result<Vec<Commit>, HistoryError> {
    if !range.contains("..") {
        return Err(HistoryError::Said(format!(
            "{range:?} is no series of commits: name what is before it and its last one, as in `{range}..HEAD`"
        )));
    }
    let mut args = vec!["rev-list", "--reverse", "--topo-order"];
    if no_merges {
        args.push("--no-merges");
    }
    args.extend(["--end-of-options", range, "--"]);
    let answer = repository.git().ask(&args)?;
    if !answer.status.success() {
        let hint = shallow_hint(repository.is_shallow());
        return Err(HistoryError::Said(format!(
            "{range:?} is no series of commits here{hint}; git says:\n{}",
            answer.err
        )));
    }
    if answer.out.is_empty() {
        return Err(HistoryError::Said(format!(
            "there is no commit in {range}: BASE comes first, and TIP must have something that it lacks"
        )));
    }
    answer.out.lines().map(|id| repository.commit(id)).collect()
}
