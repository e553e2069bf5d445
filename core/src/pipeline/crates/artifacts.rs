//! What rustc says of the files that it has written, where cargo asks it to (`--json=artifacts`).

use std::ffi::OsString;
use std::path::Path;

use crate::analysis::RustcCompile;

/// The lines that rustc says of a crate's files; none of them if it wasn't asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::pipeline) struct Artifacts {
    /// Of the metadata, which others may be compiled with from then on.
    pub(in crate::pipeline) metadata: Option<Vec<u8>>,
    /// Of all.
    lines: Vec<Vec<u8>>,
}

impl Artifacts {
    pub(super) fn of(compile: &RustcCompile, argv: &[OsString]) -> Self {
        if !are_asked_for(argv) {
            return Self::default();
        }
        let mut artifacts = Self::default();
        let outputs = compile.outputs.iter();
        let kind = |is_code| if is_code { "link" } else { "metadata" };
        let files = outputs.map(|it| (it.path.as_path(), kind(it.is_code)));
        for (path, kind) in files.chain(compile.dep_info.as_deref().map(|it| (it, "dep-info"))) {
            let Some(line) = line(path, kind) else { continue };
            if kind == "metadata" {
                artifacts.metadata = Some(line.clone());
            }
            artifacts.lines.push(line);
        }
        artifacts
    }

    /// Whether these messages are of artifacts alone.
    pub(super) fn are_all_of(&self, stderr: &[u8]) -> bool {
        stderr.split_inclusive(|&byte| byte == b'\n').all(|it| self.lines.iter().any(|l| l == it))
    }
}

/// The messages without the line of what was told before.
pub(in crate::pipeline) fn without(stderr: &[u8], told: &[u8]) -> Vec<u8> {
    let lines = stderr.split_inclusive(|&byte| byte == b'\n');
    lines.filter(|line| *line != told).flatten().copied().collect()
}

fn are_asked_for(argv: &[OsString]) -> bool {
    let mut words = argv.iter().filter_map(|word| word.to_str());
    let has = |kinds: &str| kinds.split(',').any(|kind| kind == "artifacts");
    while let Some(word) = words.next() {
        let kinds = match word.strip_prefix("--json=") {
            Some(kinds) => kinds,
            None if word == "--json" => words.next().unwrap_or_default(),
            None => continue,
        };
        if has(kinds) {
            return true;
        }
    }
    false
}

/// `None` for a path that JSON would write otherwise.
fn line(path: &Path, kind: &str) -> Option<Vec<u8>> {
    let path = path.to_str()?;
    let plain = path.chars().all(|c| !c.is_control() && c != '"' && c != '\\');
    plain.then(|| {
        format!("{{\"$message_type\":\"artifact\",\"artifact\":\"{path}\",\"emit\":\"{kind}\"}}\n")
            .into_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{FileSystem, analyse};

    fn artifacts(words: &str) -> Artifacts {
        let argv: Vec<OsString> = words.split(' ').map(Into::into).collect();
        let analysis = analyse(&argv, Path::new("/w"), &FileSystem).unwrap();
        Artifacts::of(&analysis.rustc.unwrap().unwrap(), &argv)
    }

    const LINES: &[u8] =
        b"{\"$message_type\":\"artifact\",\"artifact\":\"/t/x-1.d\",\"emit\":\"dep-info\"}\n\
        {\"$message_type\":\"artifact\",\"artifact\":\"/t/libx-1.rmeta\",\"emit\":\"metadata\"}\n\
        {\"$message_type\":\"artifact\",\"artifact\":\"/t/libx-1.rlib\",\"emit\":\"link\"}\n";
    const WORDS: &str = "rustc --crate-name x --crate-type lib --emit=dep-info,metadata,link --out-dir /t -C \
         extra-filename=-1 src/lib.rs";

    #[test]
    fn only_what_was_asked_for_is_said() {
        let asked =
            artifacts(&format!("{WORDS} --error-format=json --json=artifacts,future-incompat"));
        assert!(asked.are_all_of(LINES) && asked.are_all_of(b""));
        assert!(!asked.are_all_of(b"{\"$message_type\":\"diagnostic\"}\n"));
        assert!(!asked.are_all_of(&LINES[..LINES.len() - 1]));
        let other = String::from_utf8(LINES.to_vec()).unwrap().replace("/t/libx", "/etc/libx");
        assert!(!asked.are_all_of(other.as_bytes()));
        assert!(!artifacts(WORDS).are_all_of(LINES));
    }

    #[test]
    fn what_was_told_early_is_not_told_again() {
        let asked = artifacts(&format!("{WORDS} --error-format=json --json artifacts"));
        let rest = without(LINES, &asked.metadata.unwrap());
        assert_eq!(rest.split(|&byte| byte == b'\n').count(), 3);
        assert!(!String::from_utf8(rest).unwrap().contains("metadata"));
    }
}
