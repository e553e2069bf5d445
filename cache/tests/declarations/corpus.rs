//! Mutated texts, compiled: what the library says of two texts must be what a compiler makes of them.
//!
//! A text is predicted to be a hit if its used declarations are those of a text that was compiled before, silently, and
//! each of its unused ones is known from some silent compile, or the compiler reads the text (`-fsyntax-only`) without a word. Then its
//! object must be that one's, byte for byte, and it must compile silently. With debug info its used declarations must stand where they stood, too.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use farmbuild_cache::declarations::{Builtins, Id, Split};

use crate::lines::Lines;
use crate::mutation::{Random, mutated};
use crate::seeds::{self, Seed};
use crate::views;

/// A compiler with its flags, and what it has said so far.
struct Bench {
    compiler: &'static str,
    flags: &'static [&'static str],
    builtins: Builtins,
    place: tempfile::TempDir,
    /// By the used declarations of a silent text, its flags and its first line.
    objects: HashMap<(Vec<String>, Id), Compiled>,
    known: HashSet<(Vec<String>, Id)>,
    hits: u32,
    /// Of those, the ones that the compiler read before.
    read: u32,
    /// Texts of which structures are seen that are only looked into, and hits that are none otherwise.
    seen: u32,
    by_view: u32,
    /// Compiles that weren't avoided and gave the object of the text that they came from.
    in_vain: u32,
    misses: u32,
    refused: HashMap<&'static str, u32>,
}

/// A text that was compiled in silence.
struct Compiled {
    object: Vec<u8>,
    used: Id,
    text: Vec<u8>,
}

/// What decides beside a text's own flags: optimised and not, with debug info, what older compilers did by default, and with what
/// pointers may be the same.
const FLAGS: [&[&str]; 7] = [
    &["-O2"],
    &["-O0"],
    &["-O2", "-g"],
    &["-O1", "-fcommon"],
    &["-Os", "-fno-inline"],
    &["-O2", "-fno-strict-aliasing"],
    &["-O3"],
];

impl Bench {
    fn new(compiler: &'static str, flags: &'static [&'static str]) -> Self {
        let mut builtins = Builtins::default();
        for program in programs(compiler) {
            builtins.add_from(&fs::read(program).unwrap());
        }
        assert!(builtins.has(b"stpcpy") && builtins.has(b"memcpy"), "{compiler} has no builtins");
        Self {
            compiler,
            flags,
            builtins,
            place: tempfile::tempdir().unwrap(),
            objects: HashMap::new(),
            known: HashSet::new(),
            hits: 0,
            read: 0,
            seen: 0,
            by_view: 0,
            in_vain: 0,
            misses: 0,
            refused: HashMap::new(),
        }
    }

    /// The object, if the compile succeeded and printed nothing; else what it printed.
    fn compile(&self, text: &[u8], own_flags: &[String]) -> Result<Vec<u8>, String> {
        self.ask(text, own_flags, "-c").map(|object| object.unwrap())
    }

    /// Whether the compiler reads a text without a word.
    fn reads(&self, text: &[u8], own_flags: &[String]) -> bool {
        self.ask(text, own_flags, "-fsyntax-only").is_ok()
    }

    /// What it makes of a text, if anything and if it printed nothing; else what it printed.
    fn ask(&self, text: &[u8], own_flags: &[String], how: &str) -> Result<Option<Vec<u8>>, String> {
        let source = self.place.path().join("unit.i");
        let object = self.place.path().join("unit.o");
        fs::write(&source, text).unwrap();
        let _ = fs::remove_file(&object);
        let mut command = Command::new(self.compiler);
        command.current_dir(self.place.path()).env("LC_ALL", "C").args(own_flags).args(self.flags);
        let output = command.args([how, "unit.i", "-o", "unit.o"]).output().unwrap();
        let said = [&output.stdout[..], &output.stderr].concat();
        if output.status.success() && said.is_empty() {
            Ok(fs::read(object).ok())
        } else {
            Err(String::from_utf8_lossy(&said).into_owned())
        }
    }

    /// The used declarations of a text, with where they stand if that shows.
    fn split(&mut self, text: &[u8], own_flags: &[String]) -> Result<(Id, Split), &'static str> {
        if self.compiler == "gcc" && !self.flags.contains(&"-g") {
            let flags: Vec<&str> = own_flags.iter().map(String::as_str).collect();
            let flags = [&flags[..], self.flags].concat();
            if let Some((seen, mut split)) = views::seen(text, &self.builtins, &flags) {
                split.unused.extend(split.view.iter().flat_map(|view| &view.unused));
                self.seen += 1;
                return Ok((seen, split));
            }
        }
        if !self.flags.contains(&"-g") {
            let split = Split::of(text, &self.builtins).map_err(|doubt| doubt.name())?;
            return Ok((split.used, split));
        }
        let split = Split::with_positions(text, &self.builtins).map_err(|doubt| doubt.name())?;
        let positions = split.positions.as_ref().unwrap();
        let lines = Lines::of(text);
        let mut key = [split.used.0, positions.content.0].concat();
        for stretch in &positions.stretches {
            let file = &positions.files[stretch.file as usize];
            for line in stretch.first..=stretch.last {
                key.extend(file);
                key.extend(line.to_le_bytes());
                key.extend(lines.get(file, line));
            }
        }
        Ok((Id::of(&key), split))
    }

    /// Holds the library against the compiler for one text. `from` is the object of the text that it was made of.
    fn hold(
        &mut self,
        text: &[u8],
        flags: &[String],
        from: Option<&[u8]>,
        keep: &Path,
    ) -> Option<Vec<u8>> {
        let (used, split) = match self.split(text, flags) {
            Ok(split) => split,
            Err(doubt) => {
                *self.refused.entry(doubt).or_default() += 1;
                return None;
            }
        };
        let exact = split.used;
        let with = |id: Id| (flags.to_vec(), id);
        // The source's name is part of every key, since it is in the object.
        let mut key = with(used);
        key.0.extend(String::from_utf8_lossy(text).lines().next().map(str::to_owned));
        let expected = self.objects.get(&key);
        let mut is_hit =
            expected.is_some() && split.unused.iter().all(|id| self.known.contains(&with(*id)));
        if expected.is_some() && !is_hit && self.reads(text, flags) {
            is_hit = true;
            self.read += 1;
        }
        let outcome = self.compile(text, flags);
        if is_hit {
            self.hits += 1;
            self.by_view += u32::from(expected.is_some_and(|it| it.used != exact));
            if outcome.as_ref().ok() != expected.map(|it| &it.object) {
                let file = keep.join(format!("wrong-{}-{}.i", self.compiler, self.flags.concat()));
                fs::write(&file, text).unwrap();
                fs::write(file.with_extension("known.i"), expected.map_or(&[][..], |it| &it.text))
                    .unwrap();
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
        self.known.extend(split.known.into_iter().map(with));
        self.objects
            .insert(key, Compiled { object: object.clone(), used: exact, text: text.to_vec() });
        Some(object)
    }

    fn report(&self) {
        println!(
            "{} {:?}: {} hits ({} of them read before, {} by what is seen of {} texts), {} misses ({} of them in vain), refused {:?}",
            self.compiler,
            self.flags,
            self.hits,
            self.read,
            self.by_view,
            self.seen,
            self.misses,
            self.in_vain,
            self.refused
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

/// `$FARMBUILD_MUTATIONS`, as `SEED:COUNT`, or `SEED:COUNT:FLAG` for those with this flag alone.
fn chosen(count: u64) -> (u64, u64, String) {
    let Ok(text) = std::env::var("FARMBUILD_MUTATIONS") else { return (1, count, String::new()) };
    let mut words = text.splitn(3, ':');
    let mut number = || words.next().and_then(|it| it.parse().ok());
    let (Some(seed), Some(count)) = (number(), number()) else {
        panic!("FARMBUILD_MUTATIONS is SEED:COUNT or SEED:COUNT:FLAG");
    };
    (seed, count, words.next().unwrap_or_default().to_owned())
}

/// Mutates a text many times, each time what became of it or, at times, the first one again.
fn mutate(bench: &mut Bench, seed: &Seed, random: &mut Random, count: u64, keep: &Path) {
    let Seed { text: seed, flags, .. } = seed;
    let Some(first) = bench.hold(seed, flags, None, keep) else { return };
    let (mut text, mut object) = (seed.clone(), first.clone());
    for _ in 0..count {
        let next = mutated(&text, random);
        // Another file with the same headers pays for what is new in them; or nobody does, and it is only read.
        if let Some(other) = headers_alone(&next).filter(|_| random.below(2) > 0) {
            bench.hold(&other, flags, None, keep);
        }
        match bench.hold(&next, flags, Some(&object), keep) {
            Some(it) if random.below(6) > 0 => (text, object) = (next, it),
            // What didn't compile, or a new beginning.
            _ if random.below(3) == 0 => (text, object) = (seed.clone(), first.clone()),
            _ => {}
        }
    }
}

/// The headers of a text with another main file behind them.
fn headers_alone(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(text);
    let main = text.lines().next()?.split('"').nth(1)?;
    let back = format!("\"{main}\" 2\n");
    let end = text.rfind(&back)? + back.len();
    Some([&text[..end], "int of_another_file;\n"].concat().into_bytes())
}

fn all_benches() -> Vec<Bench> {
    let of = |compiler| FLAGS.map(|flags| Bench::new(compiler, flags));
    let all = ["gcc", "clang"].into_iter().flat_map(of);
    // clang's debug info has checksums of whole files.
    all.filter(|bench| bench.compiler == "gcc" || !bench.flags.contains(&"-g")).collect()
}

/// Makes so many mutations in all, on two threads.
fn run(seeds: &[Seed], count: u64) {
    let (seed, count, flag) = chosen(count);
    let keep = std::env::temp_dir();
    let mut benches = all_benches();
    benches.retain(|bench| flag.is_empty() || bench.flags.contains(&flag.as_str()));
    let each = count / (benches.len() * seeds.len()).max(1) as u64 + 1;
    let waiting = Mutex::new(benches.into_iter().enumerate());
    let work = || {
        let mut hits = 0;
        loop {
            let Some((number, mut bench)) = waiting.lock().unwrap().next() else { return hits };
            let own = |it: &&Seed| it.compiler.as_ref().is_none_or(|it| it == bench.compiler);
            let own: Vec<&Seed> = seeds.iter().filter(own).collect();
            for (index, text) in own.into_iter().enumerate() {
                let mut random = Random::new(seed + number as u64 * 1000 + index as u64);
                mutate(&mut bench, text, &mut random, each, &keep);
            }
            bench.report();
            hits += bench.hits;
        }
    };
    let hits: u32 = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.map(|it| it.join().unwrap()).into_iter().sum()
    });
    assert!(hits > 0, "nothing was predicted, so nothing was held");
}

#[test]
fn equal_slices_are_equal_objects() {
    run(&[seeds::small()], 180);
}

/// Thousands of mutations of the small text, and of the texts in `$FARMBUILD_TEXTS`.
#[test]
#[ignore = "takes long; FARMBUILD_MUTATIONS=SEED:COUNT:FLAG and FARMBUILD_TEXTS=DIRECTORY choose more"]
fn thousands_of_mutations() {
    let texts = match std::env::var_os("FARMBUILD_TEXTS") {
        None => vec![seeds::small()],
        Some(directory) => seeds::of_directory(Path::new(&directory)),
    };
    run(&texts, 2000);
}
