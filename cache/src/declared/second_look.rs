//! Compiles what a hit stood for, when nothing else wants the CPU, and compares. Whoever built has its result by then.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use farmbuild_core::pipeline::Home;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::report;
use crate::cache::Inner;
use crate::job::Job;
use crate::manifest::StoredResult;
use crate::outputs::Taken;
use crate::plan::{Output, Plan};
use crate::tier::SeenText;

/// Hits that wait for a second look; more aren't used, but compiled at once.
pub(super) const MOST: usize = 8;

/// A hit that is to be looked at again.
pub(crate) struct SecondLook {
    expected: StoredResult,
    _place: OwnedSemaphorePermit,
}

impl SecondLook {
    /// For a hit whose compile can be made to write elsewhere, if there aren't too many already.
    pub(super) fn at(job: &Job, expected: &StoredResult, places: &Arc<Semaphore>) -> Option<Self> {
        let mut words = job.question.invocation.argv.iter().map(|word| word.as_bytes());
        // Names may go past the driver, or be in a file.
        let hidden = |word: &[u8]| {
            (word.starts_with(b"-Wp,") && past_the_driver(word).is_none()) || word.starts_with(b"@")
        };
        if words.any(hidden) {
            return None;
        }
        let place = Arc::clone(places).try_acquire_owned().ok()?;
        Some(Self { expected: expected.clone(), _place: place })
    }

    /// Waits for idle CPU, compiles and compares.
    pub(crate) async fn look(
        self,
        inner: Arc<Inner>,
        home: Arc<dyn Home>,
        job: Arc<Job>,
        text: SeenText,
    ) {
        let _idle = home.idle().await;
        let Ok(space) = tempfile::tempdir() else { return };
        let object = space.path().join("object.o");
        let output = Output { label: "object", path: object.clone(), optional: false };
        let plan = Plan { outputs: vec![output], ..job.plan.clone() };
        let invocation = &job.question.invocation;
        let args = elsewhere(
            invocation.argv.get(1..).unwrap_or_default(),
            plan.dependencies.is_some(),
            &object,
        );
        let Ok(ran) = home.run(invocation, &args).await else { return };
        // What was changed meanwhile makes another object, rightly.
        let Some(files) = text.files(&inner.parts, &job) else { return };
        let place = |name: &Path| invocation.cwd.join(name);
        let unchanged = files.iter().all(|(name, hash)| {
            inner.parts.files.unchanged_since(job.began, &place(name)).is_ok_and(|it| it == *hash)
        });
        if !unchanged {
            return;
        }
        let store = &inner.parts.store;
        match Taken::read(&plan, invocation, None) {
            Ok(mut taken) if ran.status.success() => {
                (taken.stdout, taken.stderr) = (ran.stdout, ran.stderr);
                inner.parts.declared.verify(store, &job, &self.expected, &taken);
            }
            _ => {
                let said = String::from_utf8_lossy(&ran.stderr).into_owned();
                let why = format!(
                    "what was found by its declarations doesn't compile; please report it: {said}"
                );
                report::turn_off(store, &job, &why);
            }
        }
    }
}

/// The option of `-Wp,-MD,FILE` and `-Wp,-MMD,FILE`, as the kernel asks for a dependency file.
fn past_the_driver(word: &[u8]) -> Option<&'static str> {
    ["-Wp,-MD,", "-Wp,-MMD,"].into_iter().find(|option| {
        word.strip_prefix(option.as_bytes())
            .is_some_and(|file| !file.is_empty() && !file.contains(&b','))
    })
}

/// A compile's arguments with another object, and without a dependency file. (gcc doesn't take two names for one output.)
fn elsewhere(args: &[OsString], has_dependencies: bool, object: &Path) -> Vec<OsString> {
    const NULL: &str = "/dev/null";
    let mut has_dependencies = has_dependencies;
    let (mut words, mut rest) = (Vec::with_capacity(args.len() + 4), args.iter());
    while let Some(word) = rest.next() {
        match word.as_bytes() {
            b"-o" | b"-MF" => drop(rest.next()),
            [b'-', b'o', ..] | [b'-', b'M', b'F', ..] => {}
            bytes => match past_the_driver(bytes) {
                Some(option) => {
                    words.push([option, NULL].concat().into());
                    has_dependencies = false;
                }
                None => words.push(word.clone()),
            },
        }
    }
    words.extend(["-o".into(), object.into()]);
    if has_dependencies {
        words.extend(["-MF".into(), NULL.into()]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compile_is_made_to_write_elsewhere() {
        for (line, expected) in [
            ("-c a.c", "-c a.c -o E"),
            ("-O2 -o a.o -c a.c", "-O2 -c a.c -o E"),
            ("-oa.o -c a.c", "-c a.c -o E"),
            ("-MD -MF a.d -o a.o -c a.c", "-MD -c a.c -o E -MF /dev/null"),
            ("-MMD -MFa.d -MT a -c a.c", "-MMD -MT a -c a.c -o E -MF /dev/null"),
            ("-Wp,-MMD,.a.o.d -c -o a.o a.c", "-Wp,-MMD,/dev/null -c a.c -o E"),
        ] {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let words = elsewhere(&args, line.contains("-M"), Path::new("E"));
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            assert_eq!(words.join(" "), expected);
        }
    }
}
