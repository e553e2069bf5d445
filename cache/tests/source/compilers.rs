//! What gcc and clang make of texts that are said to be the same.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use farmbuild_cache::source::{Difference, Facts, Mentions, Positions, same_for};

use super::corpus::{self, Chance, HARD};

/// A folder with a header that is read under one name, whatever it says.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let unit = "#include \"x.h\"\nint end;\nint f(int a)\n{\n\treturn a + __LINE__;\n}\n";
        fs::write(folder.path().join("unit.c"), unit).unwrap();
        Self { folder }
    }

    /// What the compiler prints, writes and says of `header`.
    fn run(
        &self,
        compiler: &str,
        options: &[&str],
        beside: Option<&Path>,
        header: &[u8],
    ) -> Output {
        fs::write(self.folder.path().join("x.h"), header).unwrap();
        let mut command = Command::new(compiler);
        command.args(options).arg("unit.c").current_dir(self.folder.path());
        if let Some(beside) = beside {
            command.arg("-I").arg(beside);
        }
        let object = self.folder.path().join("unit.o");
        let mut output = command.output().unwrap();
        if options.contains(&"-P") {
            // clang leaves some of the blank lines.
            let lines = output.stdout.split_inclusive(|&byte| byte == b'\n');
            output.stdout =
                lines.filter(|line| !line.trim_ascii().is_empty()).collect::<Vec<_>>().concat();
        }
        output.stdout.extend(fs::read(&object).unwrap_or_default());
        fs::remove_file(&object).ok();
        output
    }

    /// Compares what comes of two texts; false if the first one gives nothing to compare.
    fn compare(&self, how: &How<'_>, old: &[u8], new: &[u8]) -> bool {
        let before = self.run(how.compiler, how.options, how.beside, old);
        if !before.status.success() || !before.stderr.is_empty() {
            return false;
        }
        let after = self.run(how.compiler, how.options, how.beside, new);
        if after != before {
            let kept = std::env::temp_dir();
            fs::write(kept.join("old.h"), old).unwrap();
            fs::write(kept.join("new.h"), new).unwrap();
            let said = String::from_utf8_lossy(&after.stderr);
            panic!(
                "{} {:?}, seed {}: old.h and new.h differ: {said}",
                how.compiler, how.options, how.seed
            );
        }
        true
    }
}

struct How<'a> {
    compiler: &'a str,
    options: &'a [&'a str],
    beside: Option<&'a Path>,
    seed: u64,
}

/// Compiles for which positions matter: with line markers, debug info or warnings of the layout.
const IN_PLACE: [(&str, &[&str]); 7] = [
    ("gcc", &["-E", "-std=gnu17"]),
    ("gcc", &["-E", "-std=c11"]),
    ("gcc", &["-c", "-g", "-O1", "-Wall", "-Wextra", "-ftabstop=8"]),
    ("g++", &["-c", "-g", "-Wall", "-Wextra"]),
    ("clang", &["-E"]),
    ("clang", &["-c", "-g", "-gdwarf-4", "-Wall", "-Wextra"]),
    ("clang", &["-E", "-x", "c++"]),
];

/// Those for which they don't.
const FLOWING: [(&str, &[&str]); 5] = [
    ("gcc", &["-E", "-P"]),
    ("gcc", &["-c", "-O1", "-Wall", "-Wextra"]),
    ("g++", &["-c", "-Wall", "-Wextra"]),
    ("clang", &["-E", "-P"]),
    ("clang", &["-c", "-Wall", "-Wextra"]),
];

/// Whether a caller would take the result of `old` for `new`.
fn claims(old: &Facts, new: &Facts, positions: Positions, alone: bool) -> bool {
    match same_for(old, new, positions) {
        Difference::None | Difference::Comments => old.raw != new.raw,
        Difference::Macros(names) => {
            alone
                && names.iter().all(|name| {
                    [old, new].into_iter().all(|facts| {
                        let files = [facts];
                        let mentions = Mentions::of(&files);
                        !mentions.reach(name) && mentions.definitions(name) <= 1
                    })
                })
        }
        Difference::Other => false,
    }
}

/// A change of some bytes, mostly to such that mean something.
fn mutate(text: &[u8], chance: &mut Chance) -> Vec<u8> {
    const PIECES: [&str; 30] = [
        "/",
        "*",
        "/*",
        "*/",
        "//",
        "\\",
        "\n",
        "\\\n",
        "\"",
        "'",
        "#",
        " ",
        "\t",
        "a",
        "1",
        "(",
        ")",
        ";",
        "##",
        "?",
        "/**/",
        "/* x */",
        "/*\n*/",
        "// x",
        "\n\n",
        "\n/* x */\n",
        "\n#define ZZ 1\n",
        "fall",
        "{",
        "}",
    ];
    let mut new = text.to_vec();
    for _ in 0..=chance.below(2) {
        let at = chance.below(new.len());
        let end = (at + chance.below(3)).min(new.len());
        match chance.below(4) {
            0 => drop(new.drain(at..end)),
            1 => drop(new.splice(at..at, chance.of(&PIECES).bytes())),
            2 => drop(new.splice(at..end, chance.of(&PIECES).bytes())),
            _ => {
                // A line goes elsewhere.
                let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
                let (from, to) = (chance.below(lines.len()), chance.below(lines.len()));
                let mut moved = lines.clone();
                let line = moved.remove(from);
                moved.insert(to, line);
                new = moved.concat();
            }
        }
    }
    new
}

/// Mutates texts until `runs` compiles were compared.
fn hunt(seed: u64, runs: usize) {
    let mut chance = Chance::new(seed);
    let bench = Bench::new();
    let mut texts = vec![(None, HARD.as_bytes().to_vec()); 8];
    let headers = corpus::headers(1500);
    for _ in 0..30 {
        let (path, text) = chance.of(&headers);
        if text.len() < 20_000 && Facts::of(text).doubt.is_none() {
            texts.push((path.parent(), text.clone()));
        }
    }
    let (mut compared, mut tried) = (0, 0);
    while compared < runs {
        tried += 1;
        assert!(tried < runs * 10_000, "nothing is ever the same");
        let (beside, old) = chance.of(&texts).clone();
        // A claim may be of two mutants.
        let old = if chance.below(2) == 0 { old } else { mutate(&old, &mut chance) };
        let new = mutate(&old, &mut chance);
        let (before, after) = (Facts::of(&old), Facts::of(&new));
        let alone = beside.is_none();
        let (compiler, options) = if claims(&before, &after, Positions::Matter, alone) {
            *chance.of(&IN_PLACE)
        } else if claims(&before, &after, Positions::DontMatter, alone) {
            *chance.of(&FLOWING)
        } else {
            continue;
        };
        compared +=
            usize::from(bench.compare(&How { compiler, options, beside, seed }, &old, &new));
    }
    println!("{tried} tried, {compared} compared");
}

#[test]
fn what_is_said_to_be_the_same_compiles_to_the_same() {
    hunt(1, 40);
}

/// `FARMBUILD_TEST_SEED` chooses other mutants.
#[test]
#[ignore = "takes minutes"]
fn what_is_said_to_be_the_same_compiles_to_the_same_at_length() {
    let seed = std::env::var("FARMBUILD_TEST_SEED").map_or(7, |seed| seed.parse().unwrap());
    hunt(seed, 1000);
}

/// Comments and unused macros that are added, changed and removed in real headers.
#[test]
fn edits_of_real_headers_are_seen_through() {
    let mut chance = Chance::new(3);
    let bench = Bench::new();
    let headers = corpus::headers(600);
    let (mut compared, mut claimed) = (0, 0);
    for turn in 0..400 {
        let (path, text) = chance.of(&headers);
        let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
        if lines.len() < 4 || text.len() > 60_000 || Facts::of(text).doubt.is_some() {
            continue;
        }
        let mut new: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        let at = 1 + chance.below(lines.len() - 2);
        let in_place = chance.below(2) == 0;
        if in_place {
            let line = new[at].trim_ascii_end().to_vec();
            new[at] = [&line[..], b" /* it's new */\n"].concat();
        } else {
            let more: [&[u8]; 3] =
                [b"/* it's\n * new */\n", b"\n// new\n", b"#define Zz_unused 1\n"];
            new.insert(at, chance.of(&more).to_vec());
        }
        let new = new.concat();
        let (before, after) = (Facts::of(text), Facts::of(&new));
        let positions = if in_place { Positions::Matter } else { Positions::DontMatter };
        // Nothing else mentions the new macro.
        let same = match same_for(&before, &after, positions) {
            Difference::Macros(names) => *names == ["Zz_unused".into()],
            other => other == Difference::Comments,
        };
        if same {
            claimed += 1;
            if compared < 24 {
                let (compiler, options) =
                    if in_place { IN_PLACE[turn % 7] } else { FLOWING[turn % 5] };
                let how = How { compiler, options, beside: path.parent(), seed: turn as u64 };
                compared += usize::from(bench.compare(&how, text, &new));
            }
        }
    }
    println!("{claimed} claimed, {compared} compared");
    assert!(claimed > 100, "most edits are harmless: {claimed}");
}
