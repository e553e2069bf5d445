//! A job's compile with other outputs than its own: what it makes is nobody's but ours.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::job::Job;

/// Whether a job can be made to write elsewhere: names may go past the driver, or be in a file.
pub(super) fn is_possible(job: &Job) -> bool {
    let hidden = |word: &[u8]| {
        (word.starts_with(b"-Wp,") && past_the_driver(word).is_none()) || word.starts_with(b"@")
    };
    !job.question.invocation.argv.iter().any(|word| hidden(word.as_bytes()))
}

/// A job's arguments with this object, and without a dependency file.
pub(super) fn args(job: &Job, object: &Path) -> Vec<OsString> {
    let args = job.question.invocation.argv.get(1..).unwrap_or_default();
    elsewhere(args, job.plan.dependencies.is_some(), object)
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
