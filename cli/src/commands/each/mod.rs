//! `farmbuild each`: builds every commit of a series by itself.
//!
//! [`series`] says which commits and in which order, [`slots`] builds them, some at the same time, [`report`] tells people
//! and scripts.

mod report;
mod series;
mod slots;

use std::path::PathBuf;
use std::process::ExitCode;

use super::failed;
use crate::args::EachArgs;
use crate::history::recipe::{Means, Recipe};
use crate::history::repository::Repository;
use crate::history::stop::Stop;
use crate::history::workplace::Workplace;
use crate::history::{HistoryError, absolute};
use report::Report;
use slots::Slots;

/// The status of an error; 1 is that of a series with a commit that fails.
const ERROR: u8 = 2;

pub(crate) fn run(farm: Option<PathBuf>, quiet: bool, args: EachArgs) -> ExitCode {
    let stop = match Stop::on_signals() {
        Ok(stop) => stop,
        Err(error) => {
            failed(&format!("signals can't be handled: {error}"));
            return ExitCode::from(ERROR);
        }
    };
    let report = Report::new(args.json, quiet, args.verbose);
    match each(farm, &args, &report, &stop) {
        Ok(code) => code,
        Err(HistoryError::Stopped) => stop.pass_on(ExitCode::from(ERROR)),
        Err(error) => {
            report.error(&error.to_string());
            ExitCode::from(ERROR)
        }
    }
}

fn each(
    farm: Option<PathBuf>,
    args: &EachArgs,
    report: &Report,
    stop: &Stop,
) -> Result<ExitCode, HistoryError> {
    if args.command.is_empty() {
        return Err(HistoryError::Said(
            "say how to build, after `--`, as in `farmbuild each origin/master..HEAD -- make -j60`"
                .into(),
        ));
    }
    let repository = Repository::find()?;
    let series = series::list(&repository, &args.range, args.no_merges)?;
    let extras = args.trees.copy.iter().map(|name| repository.extra(name));
    let recipe = Recipe {
        farm: farm.as_deref().map(absolute).transpose()?,
        command: args.command.clone(),
        prefix: repository.prefix().to_owned(),
        clean: args.trees.clean,
        extras: extras.collect::<Result<_, _>>()?,
        foreign: repository.foreign().to_vec(),
    };
    let mut workplace = Workplace::claim(&repository, "each")?;
    workplace.clear(&repository, None)?;
    let built = match &args.trees.worktree {
        Some(directory) => workplace.put_trees_in(directory),
        None => Ok(()),
    };
    let built = built.and_then(|()| {
        let means = Means { repository: &repository, workplace: &workplace, recipe: &recipe, stop };
        report.begins(series.len());
        Slots::new(means, args, &series, report).run()
    });
    let left = workplace.leave(&repository);
    if let (Err(_), Err(error)) = (&built, &left) {
        report.error(&error.to_string());
    }
    let outcomes = built?;
    left?;
    let failure = report.ends(&repository, &series, &outcomes)?;
    Ok(if failure { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
