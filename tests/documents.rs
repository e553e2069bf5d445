//! What the documents say that can be held against the program: names, variables, farm files, links.

#![expect(clippy::unwrap_used, reason = "what a test can't do without is a panic")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use farmbuild_cache::declarations::Doubt;
use farmbuild_core::analysis::Refusal;
use farmbuild_core::scheduler::HomeReason;
use farmbuild_testkit::TestSpace;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> String {
    fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Files below `directory` whose names end in `extension`, but for what builds make.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() && name != "target" && name != "build" && !name.starts_with('.') {
            found.extend(files(&entry, extension));
        } else if name.ends_with(extension) {
            found.push(entry);
        }
    }
    found
}

#[test]
fn every_refusal_is_in_the_reasons() {
    let mut table = "| name | it stays because |\n| --- | --- |\n".to_owned();
    for refusal in Refusal::ALL {
        writeln!(table, "| `{}` | {} |", refusal.name(), refusal.sentence()).unwrap();
    }
    let page = read("docs/reasons.md");
    let (_, rest) = page.split_once("<!-- refusals -->\n").unwrap();
    let (written, _) = rest.split_once("<!-- /refusals -->").unwrap();
    assert!(written == table, "docs/reasons.md needs this table of refusals:\n{table}");
}

#[test]
fn every_doubt_of_the_declaration_tier_is_in_its_page() {
    let mut table = "| name | because |\n| --- | --- |\n".to_owned();
    for doubt in Doubt::ALL {
        writeln!(table, "| `{}` | {} |", doubt.name(), doubt.sentence()).unwrap();
    }
    let page = read("docs/declaration-tier.md");
    let (_, rest) = page.split_once("<!-- doubts -->\n").unwrap();
    let (written, _) = rest.split_once("<!-- /doubts -->").unwrap();
    assert!(written == table, "docs/declaration-tier.md needs this table:\n{table}");
}

#[test]
fn every_reason_of_the_scheduler_is_in_the_reasons() {
    let page = read("docs/reasons.md");
    for reason in HomeReason::ALL {
        assert!(page.contains(&format!("| `{}` |", reason.name())), "{}", reason.name());
    }
}

/// These have no list of their names; the `name` function is read instead.
#[test]
fn every_reason_of_the_pipeline_is_in_the_reasons() {
    let page = read("docs/reasons.md");
    let text = read("core/src/pipeline/stay.rs") + &read("core/src/pipeline/crates/mod.rs");
    let names = text.lines().filter_map(|line| line.split_once(" => \"")?.1.strip_suffix("\","));
    let names: Vec<_> = names.collect();
    assert!(names.len() > 5, "it isn't written as it was: {names:?}");
    for name in names {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn every_variable_of_the_sources_is_documented() {
    let page = read("docs/configuration.md");
    let mut variables = BTreeSet::new();
    for directory in ["cli/src", "core/src", "executors", "cache/src"] {
        for source in files(&repository().join(directory), ".rs") {
            let text = fs::read_to_string(source).unwrap();
            for (at, _) in text.match_indices("FARMBUILD_") {
                let word = text[at..].split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
                variables.extend(word.take(1).map(str::to_owned));
            }
        }
    }
    // Set by the build script, for the compiler.
    assert!(variables.remove("FARMBUILD_SOURCES"));
    assert!(variables.contains("FARMBUILD_FARM"), "{variables:?}");
    for variable in variables {
        assert!(page.contains(&variable), "{variable} isn't in docs/configuration.md");
    }
}

#[test]
fn every_farm_file_of_the_documents_can_be_used() {
    for page in ["README.md", "docs/configuration.md"] {
        let text = read(page);
        let farms: Vec<_> = text.split("```toml\n").skip(1).collect();
        assert!(!farms.is_empty(), "{page}");
        for farm in farms {
            let space = TestSpace::new();
            space.write("farm.toml", farm.split("```").next().unwrap());
            // Reading it is all that is wanted: the build itself is `true`, and has nothing to compile.
            let mut build = space.command(env!("CARGO_BIN_EXE_farmbuild"));
            build.args(["--farm", "farm.toml", "true"]).env("XDG_RUNTIME_DIR", space.path());
            let output = build.output().unwrap();
            let mut stop = space.command(env!("CARGO_BIN_EXE_farmbuild"));
            stop.args(["daemon", "stop"]).env("XDG_RUNTIME_DIR", space.path()).output().unwrap();
            assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut pages = files(&repository().join("docs"), ".md");
    pages.extend(files(&repository().join("examples"), ".md"));
    pages.extend(["README.md", "CHANGELOG.md"].map(|page| repository().join(page)));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            let target = page.parent().unwrap().join(file);
            assert!(link.contains("://") || target.exists(), "{}: {link}", page.display());
        }
    }
}
