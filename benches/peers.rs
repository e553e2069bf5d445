//! The benchmark's command: `cargo bench -p farmbuild-benches -- [SECTION...] [--quick] [--json] [--peers-only | --alone]`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use farmbuild_benches::machine::Machine;
use farmbuild_benches::makespan::Scale;
use farmbuild_benches::{makespan, memory, overhead};
use serde_json::{Map, Value};

const USAGE: &str = "\
usage: cargo bench -p farmbuild-benches -- [SECTION...] [OPTION...]

sections (all of them unless named):
  overhead   wall time and client CPU of one local and one remote job
  makespan   a whole build on ten boards of two speeds
  memory     the daemon at rest and with 500 jobs in flight

options:
  --quick       a tenth of the size
  --json        the figures as JSON on standard output, the tables on standard error
  --peers-only  gcc and distcc alone, without farmbuild
  --alone       makespan: farmbuild alone, without its peers";

const SECTIONS: [&str; 3] = ["overhead", "makespan", "memory"];

#[derive(Default)]
struct Options {
    sections: Vec<String>,
    quick: bool,
    json: bool,
    peers_only: bool,
    alone: bool,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(word) => {
            eprintln!("unknown word: {word}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let binary = (!options.peers_only).then(build_farmbuild);
    let figures = measure(&options, binary.as_deref());
    if options.json {
        println!("{figures:#}");
    }
    ExitCode::SUCCESS
}

fn parse(words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    for word in words {
        match word.as_str() {
            "--quick" => options.quick = true,
            "--json" => options.json = true,
            "--peers-only" => options.peers_only = true,
            "--alone" => options.alone = true,
            // What cargo itself adds.
            "--bench" => {}
            name if SECTIONS.contains(&name) => options.sections.push(word),
            _ => return Err(word),
        }
    }
    Ok(options)
}

fn measure(options: &Options, binary: Option<&Path>) -> Value {
    let wanted =
        |name: &str| options.sections.is_empty() || options.sections.iter().any(|s| s == name);
    let say = |text: &str| if options.json { eprintln!("{text}") } else { println!("{text}") };
    let board_compiler = Path::new(env!("CARGO_BIN_EXE_board-compiler"));
    let mut figures = Map::new();

    let machine = Machine::here(binary);
    say(&format!("{}, {} cores, Linux {}", machine.processor, machine.cores, machine.kernel));
    say(&format!("{}\n", machine.versions.join("\n")));
    figures.insert("machine".to_owned(), value(&machine));
    if wanted("overhead") {
        let turns = if options.quick { 20 } else { 100 };
        let costs = overhead::measure(binary, turns);
        say(&format!("overhead, {turns} turns\n{}", overhead::show(&costs)));
        figures.insert("overhead".to_owned(), value(&costs));
    }
    if wanted("makespan") {
        let scale = if options.quick {
            Scale { mean_seconds: 0.5, shrink: 10, rounds: 3 }
        } else {
            Scale { mean_seconds: 5.0, shrink: 1, rounds: 3 }
        };
        let result = makespan::measure(binary, board_compiler, scale, !options.alone);
        say(&format!("makespan, {}", makespan::show(&result)));
        figures.insert("makespan".to_owned(), value(&result));
    }
    if let Some(binary) = binary.filter(|_| wanted("memory")) {
        let result = memory::measure(binary, board_compiler);
        say(&format!("memory\n{}", memory::show(&result)));
        figures.insert("memory".to_owned(), value(&result));
    }
    Value::Object(figures)
}

fn value(figures: &impl serde::Serialize) -> Value {
    serde_json::to_value(figures).expect("plain structs with string keys")
}

/// Builds the binary as it is shipped, beside this program, and returns its path.
fn build_farmbuild() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "-p", "farmbuild"])
        .status()
        .expect("cargo");
    assert!(status.success(), "farmbuild doesn't build");
    // This program lies in `deps` of the same profile's directory.
    let own = std::env::current_exe().expect("this program's path");
    let profile = own.parent().and_then(Path::parent).expect("a directory of cargo's");
    let binary = profile.join("farmbuild");
    assert!(binary.is_file(), "no {}", binary.display());
    binary
}
