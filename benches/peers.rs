//! The benchmark's command: `cargo bench -p farmbuild-benches -- [SECTION...] [--quick] [--json] [--peers-only | --alone]`,
//! and the options of [`USAGE`].

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use farmbuild_benches::cache::client::Client;
use farmbuild_benches::machine::Machine;
use farmbuild_benches::makespan::Scale;
use farmbuild_benches::{cache, crates, makespan, memory, overhead, ssh_bytes, ssh_overhead};
use serde_json::{Map, Value};

const USAGE: &str = "\
usage: cargo bench -p farmbuild-benches -- [SECTION...] [OPTION...]

sections (the first three unless named):
  overhead   wall time and client CPU of one local and one remote job
  makespan   a whole build on ten boards of two speeds
  memory     the daemon at rest and with 500 jobs in flight
  ssh-overhead  as overhead, over ssh: farmbuild's, distcc's @host, and `ssh host gcc`; by name only
  ssh-bytes  what goes over the wire for a first and a second build of a tree, over ssh; by name only
  cache      beside ccache and sccache, for hours; or a part of it: cache-hit, cache-warm, cache-cold, cache-edits,
             cache-history, cache-declarations, cache-kernel
  cargo      a build of a hundred crates from the registry, cold and warm, beside sccache

options:
  --quick       a tenth of the size
  --json        the figures as JSON on standard output, the tables on standard error
  --peers-only  gcc and distcc alone, without farmbuild
  --alone       makespan: farmbuild alone, without its peers

options of cache:
  --haproxy-git DIR  haproxy's git repository ($HAPROXY_GIT); without it the distribution's sources, and no history
  --without-sccache  leave it out, and don't build it
  --commits N        history, declarations and kernel: so many commits or changes (50, 150, 150)
  --skip N           history and declarations: not the first N commits, so that a long series may be built in parts
  -g, -g0            edits and history: only with debug info, or only without; declarations: with it (without)";

const SECTIONS: [&str; 6] =
    ["overhead", "makespan", "memory", "ssh-overhead", "ssh-bytes", "cargo"];

#[derive(Default)]
struct Options {
    sections: Vec<String>,
    quick: bool,
    json: bool,
    peers_only: bool,
    alone: bool,
    cache: cache::Options,
}

impl Options {
    /// Whether nothing was named.
    fn all_but_cache(&self) -> bool {
        self.sections.is_empty() && self.cache.parts.is_empty()
    }
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
    match measure(&options, binary.as_deref()) {
        Ok(figures) => {
            if options.json {
                println!("{figures:#}");
            }
            let different = figures.pointer("/cache/different_objects").and_then(Value::as_array);
            ExitCode::from(u8::from(different.is_some_and(|objects| !objects.is_empty())))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    options.cache.haproxy_git = std::env::var_os("HAPROXY_GIT").map(PathBuf::from);
    options.cache.sccache = profile_directory().parent().map(Path::to_owned);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => options.quick = true,
            "--json" => options.json = true,
            "--peers-only" => options.peers_only = true,
            "--alone" => options.alone = true,
            "--haproxy-git" => {
                options.cache.haproxy_git = Some(words.next().ok_or(word)?.into());
            }
            "--without-sccache" => options.cache.sccache = None,
            "--commits" => {
                let count = words.next().and_then(|count| count.parse().ok());
                options.cache.commits = Some(count.ok_or(word)?);
            }
            "--skip" => {
                let count = words.next().and_then(|count| count.parse().ok());
                options.cache.skipped = count.ok_or(word)?;
            }
            "-g" => options.cache.debug = Some(true),
            "-g0" => options.cache.debug = Some(false),
            "cache" => options.cache.parts = cache::PARTS.to_vec(),
            // What cargo itself adds.
            "--bench" => {}
            name if SECTIONS.contains(&name) => options.sections.push(word),
            name => match cache::PARTS.iter().find(|part| **part == name) {
                Some(part) => options.cache.parts.push(part),
                None => return Err(word),
            },
        }
    }
    options.cache.quick = options.quick;
    Ok(options)
}

fn measure(options: &Options, binary: Option<&Path>) -> Result<Value, String> {
    let wanted = |name: &str| options.sections.iter().any(|s| s == name) || options.all_but_cache();
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
    if options.sections.iter().any(|section| section == "ssh-overhead") {
        let turns = if options.quick { 20 } else { 100 };
        let costs = ssh_overhead::measure(binary, turns);
        say(&format!("ssh-overhead, {turns} turns\n{}", overhead::show(&costs)));
        figures.insert("ssh_overhead".to_owned(), value(&costs));
    }
    let by_name = |name: &str| options.sections.iter().any(|section| section == name);
    if let Some(binary) = binary.filter(|_| by_name("ssh-bytes")) {
        let result = ssh_bytes::measure(binary, options.quick);
        say(&format!("ssh-bytes, {}", ssh_bytes::show(&result)));
        figures.insert("ssh_bytes".to_owned(), value(&result));
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
    // Needs the registry, and so runs by name only.
    if options.sections.iter().any(|section| section == "cargo") {
        let sccache = options.cache.sccache.as_deref();
        let sccache = sccache.map(cache::sccache::provide).transpose()?;
        let mut clients = vec![Client::plain()];
        clients.extend(sccache.as_deref().map(Client::sccache));
        clients.extend(binary.map(Client::farmbuild));
        let result = crates::measure(&clients, options.quick)?;
        say(&crates::show(&result));
        figures.insert("cargo".to_owned(), value(&result));
    }
    if !options.cache.parts.is_empty() {
        let result = cache::measure(binary, &options.cache, &say)?;
        figures.insert("cache".to_owned(), value(&result));
    }
    Ok(Value::Object(figures))
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
    let binary = profile_directory().join("farmbuild");
    assert!(binary.is_file(), "no {}", binary.display());
    binary
}

/// cargo's directory of this profile: this program lies in its `deps`.
fn profile_directory() -> PathBuf {
    let own = std::env::current_exe().expect("this program's path");
    own.parent().and_then(Path::parent).expect("a directory of cargo's").to_owned()
}
