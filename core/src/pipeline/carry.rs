//! The itinerary of a job, from its command line to an [`Answer`].

use std::ffi::OsString;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::answer::{Answer, Circumstances, Wanted};
use super::cache::{CacheMode, Compiled, Hit, LookUp, Question, Text, TextKind, Uncached};
use super::crates::artifacts::without;
use super::crates::{self, Expected, TravellingCrate};
use super::placing::{Finishing, Placed, commit, put_in_place};
use super::sampling::{Content, Delivery, text_hash};
use super::stay::Stay;
use super::toolchain::Toolchain;
use super::{Pipeline, Travelling, lines, source};
use crate::analysis::{Analysis, Kind, RustcCompile};
use crate::budget::{LocalPermit, TokenSource, Use};
use crate::fidelity;
use crate::job::{CompilerStatus, Invocation, JobId, SharedJob};
use crate::scheduler::{Fault, Verdict};

/// A job that doesn't travel.
struct AtHome {
    reason: Stay,
    /// What kind of work it is, if that is known.
    kind: Option<Kind>,
    lines: u64,
    /// Bytes of its preprocessed text, if it came to that.
    bytes: Option<u64>,
    faults: Vec<Fault>,
}

/// What a host made of a job.
struct Made {
    invocation: Arc<Invocation>,
    job: SharedJob,
    finishing: Arc<Finishing>,
    contents: Vec<Content>,
}

impl AtHome {
    fn because(reason: Stay, kind: Option<Kind>, lines: u64) -> Self {
        Self { reason, kind, lines, bytes: None, faults: Vec::new() }
    }
}

impl Pipeline {
    /// Carries one job.
    ///
    /// Cancel-safe: dropping the future ends whatever was begun for the job, here and on hosts, and leaves no file
    /// behind.
    pub async fn run(&self, invocation: Arc<Invocation>, around: Circumstances<'_>) -> Answer {
        let tokens = around.tokens;
        let (analysis, toolchain) = match self.analyse(&invocation).await {
            Ok((analysis, toolchain)) => (Arc::new(analysis), toolchain),
            Err(reason) => {
                let home = AtHome::because(reason, None, 0);
                return self.stay(home, Wanted::Nowhere, tokens).await;
            }
        };
        let (invocation, analysis, extra) = match self.mapped(&invocation, &analysis, around).await
        {
            Some((mapped, analysis, extra)) => (mapped, analysis, extra),
            None => (invocation, analysis, Vec::new()),
        };
        // What isn't mapped away isn't to be shared.
        let around = Circumstances { base: around.base.filter(|_| !extra.is_empty()), ..around };
        match self.carry(invocation, analysis, toolchain, around).await {
            Answer::Home { reason, permit, lines, bytes, faults, result, .. } => {
                Answer::Home { reason, permit, lines, bytes, faults, result, extra }
            }
            other => other,
        }
    }

    /// The same compile with its base directory mapped away, if it has one and its compiler knows how.
    async fn mapped(
        &self,
        invocation: &Arc<Invocation>,
        analysis: &Analysis,
        around: Circumstances<'_>,
    ) -> Option<(Arc<Invocation>, Arc<Analysis>, Vec<OsString>)> {
        let base = around.base?;
        if let Some(compile) = &analysis.rustc {
            // What the user maps is theirs to choose.
            compile.as_ref().ok().filter(|compile| compile.remaps.is_empty())?;
            let mut option = OsString::from("--remap-path-prefix=");
            option.push(base);
            option.push("=.");
            return self.with_option(invocation, option).await;
        }
        let compiles = [Kind::Compile, Kind::Assemble, Kind::CompileToAssembly];
        if !compiles.contains(&analysis.kind) {
            return None;
        }
        let toolchain = self.identify(invocation).await.ok()?;
        let since = match toolchain.family {
            fidelity::Family::Gcc => 8,
            fidelity::Family::Clang => 10,
        };
        if toolchain.major < since {
            return None;
        }
        let mut option = OsString::from("-ffile-prefix-map=");
        option.push(base);
        option.push("=.");
        self.with_option(invocation, option).await
    }

    async fn with_option(
        &self,
        invocation: &Invocation,
        option: OsString,
    ) -> Option<(Arc<Invocation>, Arc<Analysis>, Vec<OsString>)> {
        let mut mapped = Invocation::clone(invocation);
        mapped.argv.push(option.clone());
        let (analysis, _) = self.analyse(&mapped).await.ok()?;
        Some((Arc::new(mapped), Arc::new(analysis), vec![option]))
    }

    async fn carry(
        &self,
        invocation: Arc<Invocation>,
        analysis: Arc<Analysis>,
        toolchain: Option<Arc<Toolchain>>,
        around: Circumstances<'_>,
    ) -> Answer {
        let tokens = around.tokens;
        let mut result = match self.look_up(&invocation, &analysis, around).await {
            Ok(hit) => return Answer::Hit(hit),
            Err(result) => result,
        };
        if let Some(Ok(compile)) = &analysis.rustc
            && self.hosts().iter().any(|host| host.takes_crates())
        {
            return self.carry_crate(&invocation, compile, analysis.kind, result, around).await;
        }
        let lines = lines(&analysis, &invocation.cwd);
        let prepared = match self.may_travel(&invocation, &analysis) {
            Ok(()) => {
                let expands = matches!(&result, Wanted::By(miss) if miss.wants_expanded_text());
                if expands
                    && let Some(hit) =
                        self.look_up_expanded(&invocation, &analysis, &mut result, tokens).await
                {
                    return Answer::Hit(hit);
                }
                self.prepare(&invocation, &analysis, toolchain, tokens).await
            }
            Err(reason) => {
                match self.look_up_expanded(&invocation, &analysis, &mut result, tokens).await {
                    Some(hit) => return Answer::Hit(hit),
                    None => Err(reason),
                }
            }
        };
        let Travelling { job, mut dependencies, finishing, notice, technique } = match prepared {
            Ok(travelling) => travelling,
            Err(reason) => {
                let home = AtHome::because(reason, Some(analysis.kind), lines);
                return self.stay(home, result, tokens).await;
            }
        };
        if let Wanted::By(miss) = &mut result {
            let kind = TextKind::Travelling(technique.name());
            let text = Text { kind, bytes: &job.text.bytes, dependencies: dependencies.as_mut() };
            if let Some(hit) = miss.look_up_text(text).await
                && commit(dependencies.take()).await.is_ok()
            {
                return Answer::Hit(hit);
            }
        }
        let (job, finishing) = (Arc::new(job), Arc::new(finishing));
        let (object, bytes) = (job.object.clone(), Some(job.text.bytes.len() as u64));
        let (reason, permit, faults) = match self.scheduler.run(Arc::clone(&job)).await {
            Verdict::Done { host, outcome, faults } => {
                let watched = self.sampling.watches(&host);
                match put_in_place(outcome, &finishing, dependencies, &object, watched).await {
                    Ok(Placed { status, traffic, contents }) => {
                        let uncached = keep_compile(result, Bytes::new(), lines).await;
                        let samples_dropped = match watched {
                            true => {
                                let made = Made { invocation, job, finishing, contents };
                                self.remember(&host, made, around).await
                            }
                            false => 0,
                        };
                        let (stdout, stderr) = (Bytes::new(), Bytes::new());
                        return Answer::Done {
                            host,
                            status,
                            stdout,
                            stderr,
                            lines,
                            traffic,
                            notice,
                            faults,
                            uncached,
                            samples_dropped,
                        };
                    }
                    Err(reason) => (reason, None, faults),
                }
            }
            Verdict::Home { reason, permit, faults } => (Stay::Farm(reason), permit, faults),
        };
        let home = AtHome { bytes, faults, ..AtHome::because(reason, Some(analysis.kind), lines) };
        self.come_home(home, permit, result, tokens).await
    }

    /// A job that was to travel goes home, perhaps with local CPU that the scheduler took for it.
    async fn come_home(
        &self,
        home: AtHome,
        permit: Option<LocalPermit>,
        result: Wanted,
        tokens: Option<&dyn TokenSource>,
    ) -> Answer {
        let Some(mut permit) = permit else { return self.stay(home, result, tokens).await };
        // Under an outer jobserver that wants a token too.
        if let Some(source) = tokens {
            permit.hold(source.acquire().await);
        }
        let AtHome { reason, lines, bytes, faults, .. } = home;
        let (result, extra) = (result.if_kept(), Vec::new());
        Answer::Home { reason, permit: Some(permit), lines, bytes, faults, result, extra }
    }

    /// Carries a crate of Rust that the cache doesn't have.
    async fn carry_crate(
        &self,
        invocation: &Arc<Invocation>,
        compile: &Arc<RustcCompile>,
        kind: Kind,
        result: Wanted,
        around: Circumstances<'_>,
    ) -> Answer {
        let tokens = around.tokens;
        let id = JobId(self.next.fetch_add(1, Ordering::Relaxed));
        let prepared = self.crates.prepare(self.home.as_ref(), invocation, compile, id).await;
        let TravellingCrate { job, artifacts, mut early, inputs } = match prepared {
            Ok(travelling) => travelling,
            Err(reason) => {
                return self.stay(AtHome::because(reason, Some(kind), 0), result, tokens).await;
            }
        };
        let (mut is_placed, mut is_told) = (false, false);
        let verdict = {
            let mut running = pin!(self.scheduler.run(Arc::new(job)));
            loop {
                tokio::select! {
                    biased;
                    Some(file) = early.recv(), if !is_placed => {
                        // Else it comes with the others, or the compile here says why it can't be written.
                        is_placed = commit(Some(file)).await.is_ok();
                        if is_placed
                            && let (Some(line), Some(tell)) = (&artifacts.metadata, around.early)
                        {
                            tell(line.clone().into());
                            is_told = true;
                        }
                    }
                    verdict = &mut running => break verdict,
                }
            }
        };
        let (reason, permit, faults) = match verdict {
            Verdict::Done { host, outcome, faults } => {
                let list = compile.dep_info.as_deref().unwrap_or(Path::new(""));
                let expected = Expected { dep_info: list, artifacts: &artifacts, inputs: &inputs };
                match crates::place(outcome, invocation, expected, is_placed).await {
                    Ok((said, traffic)) => {
                        let status = CompilerStatus::Exited(0);
                        let uncached = keep_compile(result, said.clone(), 0).await;
                        let stderr = match &artifacts.metadata {
                            Some(line) if is_told => without(&said, line).into(),
                            _ => said,
                        };
                        let (stdout, notice, lines) = (Bytes::new(), None, 0);
                        return Answer::Done {
                            host,
                            status,
                            stdout,
                            stderr,
                            lines,
                            traffic,
                            notice,
                            faults,
                            uncached,
                            samples_dropped: 0,
                        };
                    }
                    Err(reason) => (reason, None, faults),
                }
            }
            Verdict::Home { reason, permit, faults } => (Stay::Farm(reason), permit, faults),
        };
        let home = AtHome { faults, ..AtHome::because(reason, Some(kind), 0) };
        self.come_home(home, permit, result, tokens).await
    }

    /// Remembers what a host made, in case that it turns out to make mistakes; some of it is compiled again. How many
    /// samples gave way.
    async fn remember(&self, host: &str, made: Made, around: Circumstances<'_>) -> u64 {
        let Made { invocation, job, finishing, contents } = made;
        let text = text_hash(job.text.bytes.clone()).await;
        let delivery = Delivery { invocation, build: around.build, text, contents };
        // Under an outer jobserver a compile here would want a token that nobody asked for.
        let alone = around.tokens.is_some();
        self.sampling.delivered(host, delivery, job, &finishing, alone)
    }

    /// Asks the cache, before anything has run.
    async fn look_up(
        &self,
        invocation: &Arc<Invocation>,
        analysis: &Arc<Analysis>,
        around: Circumstances<'_>,
    ) -> Result<Hit, Wanted> {
        let Some((cache, mode)) = around.cache.filter(|(_, mode)| *mode != CacheMode::Off) else {
            return Err(Wanted::Nowhere);
        };
        let question = Question {
            invocation: Arc::clone(invocation),
            analysis: Arc::clone(analysis),
            terminal: around.terminal.to_owned(),
            null_input: around.null_input,
            base: around.base.map(Path::to_owned),
            mode,
        };
        match cache.look_up(question, &self.home).await {
            LookUp::Hit(hit) => Ok(hit),
            LookUp::Miss(miss) => Err(Wanted::By(miss)),
            LookUp::Uncached(uncached) => Err(Wanted::Not(uncached)),
        }
    }

    /// Asks the cache for a job that won't be preprocessed to travel, if that is worth a preprocessing of its own.
    async fn look_up_expanded(
        &self,
        invocation: &Arc<Invocation>,
        analysis: &Analysis,
        result: &mut Wanted,
        tokens: Option<&dyn TokenSource>,
    ) -> Option<Hit> {
        let (Wanted::By(miss), Ok(plan)) = (result, &analysis.remote) else { return None };
        if !miss.wants_text() || plan.language.is_preprocessed() {
            return None;
        }
        let (bytes, mut dependencies) = {
            // Not as preprocessing that feeds a host: a slot would be kept free for more of that.
            let _permit = self.permit(Use::Compile, tokens).await;
            source::expand(self.home.as_ref(), invocation, analysis, plan).await.ok()?
        };
        let kind = TextKind::Expanded;
        let text = Text { kind, bytes: &bytes, dependencies: dependencies.as_mut() };
        let hit = miss.look_up_text(text).await?;
        commit(dependencies).await.ok().map(|()| hit)
    }

    /// Waits for local CPU for a job that doesn't travel.
    async fn stay(&self, home: AtHome, result: Wanted, tokens: Option<&dyn TokenSource>) -> Answer {
        let AtHome { reason, kind, lines, bytes, faults } = home;
        let permit = match kind {
            // A question to the compiler is over before a slot would be found.
            Some(Kind::Probe) => None,
            Some(Kind::Link | Kind::CompileAndLink) => Some(self.permit(Use::Link, tokens).await),
            _ => Some(self.permit(Use::Compile, tokens).await),
        };
        let (result, extra) = (result.if_kept(), Vec::new());
        Answer::Home { reason, permit, lines, bytes, faults, result, extra }
    }
}

/// Gives the cache what a host compiled, with what it said. Its outputs are in their places.
async fn keep_compile(result: Wanted, stderr: Bytes, lines: u64) -> Option<Uncached> {
    match result.if_kept() {
        Wanted::By(miss) => {
            let (stdout, dependencies) = (Bytes::new(), None);
            miss.keep(Compiled { stdout, stderr, dependencies, lines }).await
        }
        Wanted::Not(uncached) => Some(uncached),
        Wanted::Nowhere => None,
    }
}
