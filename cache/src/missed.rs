//! A job that wasn't found: asked again with its text, and kept when it has run.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use farmbuild_core::pipeline::cache::{Compiled, Miss, Text, TextKind};
use farmbuild_core::pipeline::{CacheMode, Hit, Home, Uncached};
use farmbuild_core::protocol::message::WhyChange;

use crate::account::{self, Rule, Told, told};
use crate::cache::{Inner, What, Written};
use crate::claims::Claim;
use crate::clock::Moment;
use crate::declarations::Id;
use crate::declared::{Entered, SecondLook};
use crate::job::Job;
use crate::link;
use crate::manifest::StoredResult;
use crate::outputs::{self, Taken};
use crate::plan::Work;
use crate::reason::Reason;
use crate::tier::{ALL, Found, SeenText, change, declaration};

/// A look at new declarations that takes longer isn't waited for by other jobs.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A job that wasn't found.
pub(crate) struct Missed {
    pub(crate) inner: Arc<Inner>,
    pub(crate) home: Arc<dyn Home>,
    pub(crate) claim: Claim,
    pub(crate) job: Arc<Job>,
    /// Something is known of it.
    pub(crate) seen_before: bool,
    /// How it differs from that.
    pub(crate) changes: Vec<WhyChange>,
    pub(crate) text: Option<SeenText>,
    /// What the declaration tier would have given, of a hit that is compiled to see whether it is right.
    pub(crate) expected: Option<StoredResult>,
    /// The same of one that is used, and compiled when there is time.
    pub(crate) second_look: Option<SecondLook>,
}

impl Missed {
    /// The same, begun at a moment that all objects are older than: make links what was written a millisecond ago, and
    /// what was changed in the tick in which a job began can't be told from what was changed while it ran.
    pub(crate) async fn begun_anew(mut self: Box<Self>) -> Box<Self> {
        let began = Moment::settled().await;
        if let Some(job) = Arc::get_mut(&mut self.job) {
            job.began = began;
        }
        self
    }
}

#[async_trait]
impl Miss for Missed {
    fn wants_text(&self) -> bool {
        // The declarations of a first compile are what later ones are compared with.
        let seen = self.seen_before || self.inner.parts.declared.suits(&self.job).is_ok();
        seen && !self.job.plan.is_preprocessed()
            && self.job.plan.work != Work::Link
            && !self.job.plan.only_prints()
    }

    fn wants_expanded_text(&self) -> bool {
        self.seen_before && self.inner.parts.declared.suits(&self.job).is_ok()
    }

    fn keeps(&self) -> bool {
        self.job.question.mode == CacheMode::ReadWrite
    }

    async fn look_up_text(&mut self, text: Text<'_>) -> Option<Hit> {
        let Text { kind, bytes, dependencies } = text;
        let text = SeenText::new(kind, bytes.clone());
        for tier in ALL.iter().filter(|tier| tier.needs_text()) {
            let mut found = tier.look_up(&self.inner.parts, &self.job, Some(&text));
            if tier.name() == declaration::NAME {
                let home = self.home.as_ref();
                if found.result.is_none()
                    && found.lacks.is_empty()
                    && self.keeps()
                    && declaration::look_closer(&self.inner.parts, home, &self.job, &text).await
                {
                    found = tier.look_up(&self.inner.parts, &self.job, Some(&text));
                }
                if self.learns(&text, std::mem::take(&mut found.lacks)).await {
                    found = Found {
                        changes: found.changes,
                        ..tier.look_up(&self.inner.parts, &self.job, Some(&text))
                    };
                }
                self.judge(&mut found).await;
            }
            let Some(hit) = self.inner.put_in_place(&self.job, tier.name(), &found, false) else {
                continue;
            };
            if let Some(second_look) = self.second_look.take() {
                let (inner, home) = (Arc::clone(&self.inner), Arc::clone(&self.home));
                tokio::spawn(second_look.look(inner, home, Arc::clone(&self.job), text.clone()));
            }
            let rule = dependencies.and_then(|file| file.read_back().ok());
            if let Some(result) = found.result.filter(|_| self.keeps()) {
                self.recall_by_files(result, rule, &text).await;
            }
            return Some(hit);
        }
        // A text without macros says more than one with them.
        let expanded = |it: &SeenText| it.kind == TextKind::Expanded;
        if !self.text.as_ref().is_some_and(expanded) {
            self.text = Some(text);
        }
        None
    }

    fn telling_args(&self) -> Vec<OsString> {
        let plan = &self.job.plan;
        if plan.work == Work::Link {
            return link::telling_args();
        }
        if plan.is_preprocessed() || plan.dependencies.is_some() {
            return Vec::new();
        }
        vec!["-MD".into(), "-MF".into()]
    }

    async fn keep(self: Box<Self>, compiled: Compiled) -> Option<Uncached> {
        let Self { inner, home, claim, job, changes, text, expected, .. } = *self;
        let source = job.source();
        let explain =
            |verdict: String| inner.explain(Some(source.clone()), None, verdict, changes.clone());
        let said = said(&job, text.as_ref(), &compiled);
        let outcome = async {
            let (said, rule) = said?;
            let mut taken = Taken::read(&job.plan, &job.question.invocation, rule)?;
            // Looked at when all has been read: whoever claims an output now can't have written it before.
            if claim.is_contested() {
                return Err(Reason::ContestedOutput.into());
            }
            taken.stdout = compiled.stdout;
            taken.stderr = compiled.stderr;
            taken.terminal.clone_from(&job.question.terminal);
            taken.lines = compiled.lines;
            if let Some(expected) = &expected {
                inner.parts.declared.verify(&inner.parts.store, &job, expected, &taken);
            }
            let (parts, home) = (&inner.parts, home.as_ref());
            let account = match said {
                Said::Compiler(told) => account::of(parts, &inner.chains, home, &job, told).await?,
                Said::Linker(rule) => link::account(parts, &inner.links, home, &job, &rule).await?,
            };
            Ok((taken, account))
        };
        match outcome.await {
            Ok((taken, account)) => {
                explain(match changes.is_empty() {
                    true => "compiled: nothing like it was known".to_owned(),
                    false => "compiled: it differs from what was known".to_owned(),
                });
                let written = Written { what: What::Taken(taken), account, text };
                Arc::clone(&inner).write(job, written).await;
                None
            }
            Err(uncached) => {
                let uncached: Uncached = uncached;
                explain(format!("compiled, and the result isn't kept: {uncached}"));
                Some(uncached)
            }
        }
    }
}

/// Who says what a job has read.
enum Said {
    Compiler(Told),
    /// In a rule as ld writes it.
    Linker(Bytes),
}

/// What is said of a job that has ended, and its dependency file.
fn said(
    job: &Job,
    text: Option<&SeenText>,
    compiled: &Compiled,
) -> Result<(Said, Option<Rule>), Reason> {
    let Compiled { stdout, stderr, dependencies, .. } = compiled;
    if job.plan.work == Work::Link {
        if !stdout.is_empty() || !stderr.is_empty() {
            return Err(Reason::LinkMessages);
        }
        let rule = dependencies.clone().ok_or(Reason::Dependencies)?;
        return Ok((Said::Linker(rule), None));
    }
    let (told, rule) = told(job, text, dependencies.as_deref()).ok_or(Reason::Dependencies)?;
    Ok((Said::Compiler(told), rule))
}

impl Missed {
    /// Has the compiler look at all that a job lacks, or waits for another job's; whether it is known now.
    async fn learns(&self, text: &SeenText, mut lacks: Vec<Id>) -> bool {
        let parts = &self.inner.parts;
        let (declared, flags) = (&parts.declared, self.job.flags());
        // Where the tier is off for the compiler with these flags, there is nothing to learn.
        if lacks.is_empty()
            || !self.keeps()
            || declared.vouch(&parts.store, self.home.as_ref(), &self.job).await.is_err()
        {
            return false;
        }
        loop {
            let news = || declaration::news(parts, &self.job, text);
            match declared.syntax.enter(flags, &lacks, news) {
                Entered::Compile => return false,
                Entered::Look(check) => {
                    return check.passes(self.home.as_ref(), parts, &self.job, text).await
                        && declaration::learn(parts, &self.job, text).is_ok();
                }
                // Nothing is sent: it ends when the other one is done.
                Entered::Wait(mut over) => {
                    let done = tokio::time::timeout(LONGEST_WAIT, over.changed()).await.is_ok();
                    lacks = declared.known.unknown(&parts.store, flags, &lacks);
                    if lacks.is_empty() || !done {
                        return lacks.is_empty();
                    }
                }
            }
        }
    }

    /// Whether what the declaration tier found is to be used; why not is told.
    async fn judge(&mut self, found: &mut Found) {
        self.changes.append(&mut found.changes);
        let Some(result) = found.result.take() else { return };
        let declared = &self.inner.parts.declared;
        let store = &self.inner.parts.store;
        if let Err(doubt) = declared.vouch(store, self.home.as_ref(), &self.job).await {
            declared.count(doubt);
            self.changes.push(change("declarations", doubt.sentence()));
        } else if !declared.is_due() {
            found.result = Some(result);
        } else if let Some(second_look) = declared.second_look(&self.job, &result) {
            self.second_look = Some(second_look);
            found.result = Some(result);
        } else {
            self.changes
                .push(change("declarations", "found, and compiled to see whether that is right"));
            self.expected = Some(result);
        }
    }

    /// Remembers, for a result that was found by its text, the files that made that text, so that the next time no
    /// preprocessing is needed.
    async fn recall_by_files(&self, result: StoredResult, rule: Option<Vec<u8>>, text: &SeenText) {
        let job = &self.job;
        let Some((told, rule)) = told(job, Some(text), rule.as_deref()) else { return };
        let parts = &self.inner.parts;
        let account = account::of(parts, &self.inner.chains, self.home.as_ref(), job, told).await;
        let Ok(account) = account else { return };
        let rule = match rule {
            None => None,
            Some((bytes, file)) => {
                match outputs::keep_rule(&parts.store, job.plan.object(), &bytes, &file, &job.base)
                {
                    Ok(rule) => Some(rule),
                    Err(_) => return,
                }
            }
        };
        let result = StoredResult { rule, ..result };
        let what = What::Known(result);
        let written = Written { what, account, text: Some(text.clone()) };
        Arc::clone(&self.inner).write(Arc::clone(job), written).await;
    }
}
