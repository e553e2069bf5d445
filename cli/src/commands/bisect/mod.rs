//! `farmbuild bisect`: finds the commit that broke something, building on the farm and in worktrees of its own.
//!
//! [`settings`] reads the command line, [`bisection`] asks git which commit is next, [`pool`] builds and tests it,
//! [`journal`] keeps what is known for a resumed bisect, [`report`] tells people and scripts.

mod bisection;
mod journal;
mod pool;
mod report;
mod settings;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use super::failed;
use crate::args::BisectArgs;
use crate::history::recipe::{Means, Recipe};
use crate::history::repository::Repository;
use crate::history::stop::Stop;
use crate::history::workplace::Workplace;
use crate::history::{HistoryError, absolute};
use bisection::{Bisection, State, Verdict};
use journal::{JOURNAL, Settings};
use pool::Pool;
use report::{Report, Step};
use settings::Beginning;

/// The status if nothing but skipped commits is left.
const ONLY_SKIPPED: u8 = 2;
/// The exit statuses of a test that say something else than bad.
const UNTESTABLE: i32 = 125;
const ABORT: i32 = 128;

pub(crate) fn run(farm: Option<PathBuf>, quiet: bool, args: BisectArgs) -> ExitCode {
    let stop = match Stop::on_signals() {
        Ok(stop) => stop,
        Err(error) => return failed(&format!("signals can't be handled: {error}")),
    };
    let report = Report::new(args.json, quiet, args.verbose);
    match bisect(farm, &args, &report, &stop) {
        Ok(code) => code,
        Err(HistoryError::Stopped) => stop.pass_on(ExitCode::FAILURE),
        Err(error) => {
            report.error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn bisect(
    farm: Option<PathBuf>,
    args: &BisectArgs,
    report: &Report,
    stop: &Stop,
) -> Result<ExitCode, HistoryError> {
    settings::check(args)?;
    let repository = Repository::find()?;
    let mut workplace = Workplace::claim(&repository, "bisect")?;
    let begun = settings::begin(args, &repository, &workplace);
    let (beginning, settings) = match begun {
        Ok(Some(begun)) => begun,
        Ok(None) => {
            workplace.leave(&repository)?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => {
            // What a killed bisect left is all that it can be resumed from.
            if !workplace.file(JOURNAL).exists() {
                workplace.leave(&repository)?;
            }
            return Err(error);
        }
    };
    workplace.clear(&repository, args.resume.then_some(JOURNAL))?;
    let course = Course { repository: &repository, farm, args, settings: &settings, report, stop };
    let mut log = None;
    let result = course.run(&mut workplace, &beginning, &mut log);
    if let (Err(error), Some(log)) = (&result, &log) {
        let text = journal::text(&settings, log);
        report.interrupted(&text, args.log.as_deref(), matches!(error, HistoryError::Stopped));
    }
    let left = match (&result, &log) {
        // It didn't get as far as to have another journal.
        (Err(_), None) if args.resume => workplace.clear(&repository, Some(JOURNAL)),
        _ => workplace.leave(&repository),
    };
    if let (Err(_), Err(error)) = (&result, &left) {
        report.error(&error.to_string());
    }
    let code = result?;
    left?;
    Ok(code)
}

/// A bisect from its first step to its last.
struct Course<'a> {
    repository: &'a Repository,
    farm: Option<PathBuf>,
    args: &'a BisectArgs,
    settings: &'a Settings,
    report: &'a Report,
    stop: &'a Stop,
}

impl Course<'_> {
    /// Leaves in `log` what `git bisect log` prints, as far as it got.
    fn run(
        &self,
        workplace: &mut Workplace,
        beginning: &Beginning,
        log: &mut Option<String>,
    ) -> Result<ExitCode, HistoryError> {
        let Self { repository, settings, report, stop, .. } = self;
        if let Some(directory) = &settings.worktree {
            workplace.put_trees_in(directory)?;
        }
        let workplace = &*workplace;
        let extras = settings.copy.iter().map(|name| repository.extra(name));
        let recipe = Recipe {
            farm: self.farm.as_deref().map(absolute).transpose()?,
            command: settings.command.clone(),
            prefix: settings.prefix.clone(),
            clean: settings.clean,
            extras: extras.collect::<Result<_, _>>()?,
            foreign: repository.foreign().to_vec(),
        };
        let means = Means { repository, workplace, recipe: &recipe, stop };
        let (bisection, mut state) = match beginning {
            Beginning::Between { bad, good } => Bisection::start(repository, workplace, bad, good)?,
            Beginning::Log(text) => Bisection::replay(repository, workplace, text)?,
        };
        self.keep(workplace, &bisection, log)?;
        let mut pool = Pool::default();
        let start = Instant::now();
        let mut steps = 0;
        loop {
            match state {
                State::Testing { commit, left } => {
                    if steps == 0 {
                        report.begins(left);
                    }
                    stop.check()?;
                    let step = self.step(means, &mut pool, &bisection, &commit)?;
                    state = bisection.mark(&commit, step.verdict)?;
                    steps += 1;
                    self.keep(workplace, &bisection, log)?;
                    report.step(steps, &step, &state, start.elapsed());
                }
                State::Found(id) => {
                    report.found(repository, &id, &bisection.log()?)?;
                    return Ok(ExitCode::SUCCESS);
                }
                State::OnlySkipped(ids) => {
                    let commits = ids.iter().map(|id| repository.commit(id));
                    let commits: Vec<_> = commits.collect::<Result<_, _>>()?;
                    report.only_skipped(&commits, &bisection.log()?);
                    return Ok(ExitCode::from(ONLY_SKIPPED));
                }
            }
        }
    }

    /// Writes down how far it got.
    fn keep(
        &self,
        workplace: &Workplace,
        bisection: &Bisection,
        log: &mut Option<String>,
    ) -> Result<(), HistoryError> {
        let now = bisection.log()?;
        let text = journal::text(self.settings, &now);
        journal::write(&workplace.file(JOURNAL), &text)?;
        if let Some(file) = &self.args.log {
            journal::write(file, &text)?;
        }
        *log = Some(now);
        Ok(())
    }

    fn step(
        &self,
        means: Means<'_>,
        pool: &mut Pool,
        bisection: &Bisection,
        id: &str,
    ) -> Result<Step, HistoryError> {
        let start = Instant::now();
        let commit = self.repository.commit(id)?;
        self.report.doing("building", &commit);
        let here = pool.build(means, id)?;
        let mut tested = None;
        let verdict = match &self.settings.test {
            _ if here.build.failure.is_some() => {
                if self.settings.failure_is_bad {
                    Verdict::Bad
                } else {
                    Verdict::Skip
                }
            }
            None => Verdict::Good,
            Some(test) => {
                self.report.doing("testing", &commit);
                let next = match self.settings.no_prebuild {
                    true => Vec::new(),
                    // A guess: without one there is nothing to do ahead.
                    false => bisection.likely_next(id).unwrap_or_default(),
                };
                let status = pool.test(means, &here, test, &next)?.status;
                tested = Some(status);
                match status {
                    0 => Verdict::Good,
                    UNTESTABLE => Verdict::Skip,
                    ABORT.. => return Err(aborted(status, &commit.short, &here.build.output())),
                    _ => Verdict::Bad,
                }
            }
        };
        let (build, ahead) = (here.build, here.ahead);
        Ok(Step { commit, verdict, build, ahead, tested, took: start.elapsed() })
    }
}

fn aborted(status: i32, commit: &str, output: &str) -> HistoryError {
    let lines: Vec<&str> = output.lines().collect();
    let last = lines[lines.len().saturating_sub(10)..].join("\n");
    HistoryError::Said(format!(
        "the test ended with status {status} on {commit}, which ends the bisect (128 and more is no verdict); it said:\n{last}"
    ))
}
