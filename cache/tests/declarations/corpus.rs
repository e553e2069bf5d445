//! Mutated texts, compiled: what the library says of two texts must be what a compiler makes of them.
//!
//! A text is predicted to be a hit if its used declarations are those of a text that was compiled before, silently, and
//! each of its unused ones is known from some silent compile. Then its object must be that one's, byte for byte, and it
//! must compile silently.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use farmbuild_cache::declarations::{Builtins, Id, Split};

use crate::mutation::{Random, mutated};
use crate::seeds;

/// A compiler with its flags, and what it has said so far.
struct Bench {
    compiler: &'static str,
    flags: &'static [&'static str],
    warnings: &'static [&'static str],
    builtins: Builtins,
    place: tempfile::TempDir,
    /// By the used declarations of a silent text: its object.
    objects: HashMap<Id, Vec<u8>>,
    known: HashSet<Id>,
    hits: u32,
    /// Compiles that weren't avoided and gave the object of the text that they came from.
    in_vain: u32,
    misses: u32,
    refused: HashMap<&'static str, u32>,
}

/// What real texts are silent with.
const FEW: &[&str] = &["-Wall", "-fwrapv"];
const WARNINGS: &[&str] =
    &["-Wall", "-Wextra", "-Wshadow", "-Wredundant-decls", "-Wmissing-prototypes"];

/// What decides beside the warnings: optimised and not, and what older compilers did by default.
const FLAGS: [&[&str]; 4] = [&["-O2"], &["-O0"], &["-O1", "-fcommon"], &["-Os", "-fno-inline"]];

impl Bench {
    fn new(
        compiler: &'static str,
        flags: &'static [&'static str],
        warnings: &'static [&'static str],
    ) -> Self {
        let mut builtins = Builtins::default();
        for program in programs(compiler) {
            builtins.add_from(&fs::read(program).unwrap());
        }
        assert!(builtins.has(b"stpcpy") && builtins.has(b"memcpy"), "{compiler} has no builtins");
        Self {
            compiler,
            flags,
            warnings,
            builtins,
            place: tempfile::tempdir().unwrap(),
            objects: HashMap::new(),
            known: HashSet::new(),
            hits: 0,
            in_vain: 0,
            misses: 0,
            refused: HashMap::new(),
        }
    }

    /// The object, if the compile succeeded and printed nothing; else what it printed.
    fn compile(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let source = self.place.path().join("unit.i");
        let object = self.place.path().join("unit.o");
        fs::write(&source, text).unwrap();
        let _ = fs::remove_file(&object);
        let mut command = Command::new(self.compiler);
        command
            .current_dir(self.place.path())
            .env("LC_ALL", "C")
            .args(self.flags)
            .args(self.warnings);
        let output = command.args(["-c", "unit.i", "-o", "unit.o"]).output().unwrap();
        let said = [&output.stdout[..], &output.stderr].concat();
        if output.status.success() && said.is_empty() {
            Ok(fs::read(object).unwrap())
        } else {
            Err(String::from_utf8_lossy(&said).into_owned())
        }
    }

    /// Holds the library against the compiler for one text. `from` is the object of the text that it was made of.
    fn hold(&mut self, text: &[u8], from: Option<&[u8]>, keep: &Path) -> Option<Vec<u8>> {
        let split = match Split::of(text, &self.builtins) {
            Ok(split) => split,
            Err(doubt) => {
                *self.refused.entry(doubt.name()).or_default() += 1;
                return None;
            }
        };
        let expected = self.objects.get(&split.used);
        let is_hit = expected.is_some() && split.unused.iter().all(|id| self.known.contains(id));
        let outcome = self.compile(text);
        if is_hit {
            self.hits += 1;
            if outcome.as_ref().ok() != expected {
                let file = keep.join(format!("wrong-{}-{}.i", self.compiler, self.flags.concat()));
                fs::write(&file, text).unwrap();
                let said = outcome.as_ref().err().map_or("another object", String::as_str);
                panic!(
                    "a wrong hit of {} {:?}: {said}\n{}",
                    self.compiler,
                    self.flags,
                    file.display()
                );
            }
        } else {
            self.misses += 1;
            self.in_vain += u32::from(from.is_some() && outcome.as_deref().ok() == from);
        }
        let object = outcome.ok()?;
        self.known.extend(split.known);
        self.objects.insert(split.used, object.clone());
        Some(object)
    }

    fn report(&self) {
        println!(
            "{} {:?}: {} hits, {} misses ({} of them in vain), refused {:?}",
            self.compiler, self.flags, self.hits, self.misses, self.in_vain, self.refused
        );
    }
}

/// The programs of a compiler that know its builtins.
fn programs(compiler: &str) -> Vec<PathBuf> {
    let ask = |args: &[&str]| {
        let output = Command::new(compiler).args(args).output().unwrap();
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    let path = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|it| it.join(compiler))
        .find(|it| it.exists())
        .unwrap();
    let mut all = vec![fs::canonicalize(path).unwrap(), ask(&["-print-prog-name=cc1"])];
    let listing = Command::new("ldd").arg(&all[0]).output().unwrap().stdout;
    let listing = String::from_utf8(listing).unwrap();
    all.extend(listing.split_whitespace().filter(|it| it.starts_with('/')).map(PathBuf::from));
    all.retain(|it| it.is_file());
    all
}

/// `$FARMBUILD_MUTATIONS`, as `SEED:COUNT`.
fn chosen(count: u64) -> (u64, u64) {
    let Ok(text) = std::env::var("FARMBUILD_MUTATIONS") else { return (1, count) };
    let (seed, count) = text.split_once(':').expect("FARMBUILD_MUTATIONS is SEED:COUNT");
    (seed.parse().unwrap(), count.parse().unwrap())
}

/// Mutates a text many times, each time what became of it or, at times, the first one again.
fn mutate(bench: &mut Bench, seed: &[u8], random: &mut Random, count: u64, keep: &Path) {
    let Some(first) = bench.hold(seed, None, keep) else { return };
    let (mut text, mut object) = (seed.to_vec(), first.clone());
    for _ in 0..count {
        let next = mutated(&text, random);
        match bench.hold(&next, Some(&object), keep) {
            Some(it) if random.below(6) > 0 => (text, object) = (next, it),
            // What didn't compile, or a new beginning.
            _ if random.below(3) == 0 => (text, object) = (seed.to_vec(), first.clone()),
            _ => {}
        }
    }
}

fn all_benches(warnings: &'static [&'static str]) -> Vec<Bench> {
    let of = |compiler| FLAGS.map(|flags| Bench::new(compiler, flags, warnings));
    ["gcc", "clang"].into_iter().flat_map(of).collect()
}

fn run(seeds: &[Vec<u8>], warnings: &'static [&'static str], count: u64) {
    let (seed, count) = chosen(count);
    let keep = std::env::temp_dir();
    let mut hits = 0;
    let mut benches = all_benches(warnings);
    let each = count / (benches.len() * seeds.len()).max(1) as u64 + 1;
    for (number, bench) in benches.iter_mut().enumerate() {
        for (index, text) in seeds.iter().enumerate() {
            let mut random = Random::new(seed + number as u64 * 1000 + index as u64);
            mutate(bench, text, &mut random, each, &keep);
        }
        bench.report();
        hits += bench.hits;
    }
    assert!(hits > 0, "nothing was predicted, so nothing was held");
}

#[test]
fn equal_slices_are_equal_objects() {
    run(&[seeds::SMALL.as_bytes().to_vec()], WARNINGS, 160);
}

/// Thousands of mutations of the small text, and of the texts in `$FARMBUILD_TEXTS`.
#[test]
#[ignore = "takes long; FARMBUILD_MUTATIONS=SEED:COUNT and FARMBUILD_TEXTS=DIRECTORY choose more"]
fn thousands_of_mutations() {
    let (mut texts, mut warnings) = (vec![seeds::SMALL.as_bytes().to_vec()], WARNINGS);
    if let Ok(directory) = std::env::var("FARMBUILD_TEXTS") {
        let files = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|it| it.extension().is_some_and(|it| it == "i")).collect();
        files.sort();
        warnings = FEW;
        texts = files.iter().map(|it| fs::read(it).unwrap()).collect();
    }
    run(&texts, warnings, 2000);
}
