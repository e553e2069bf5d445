//! What a cache still finds after one edit of a header that nearly every file includes.
//!
//! Before the first build the header is given a comment, a macro and a structure that two of the sources use. Each
//! edit starts from the cache as that build left it, and is taken back afterwards, which must hit everywhere.

use std::collections::BTreeSet;
use std::fs;

use serde::Serialize;

use super::Check;
use super::client::Client;
use super::tree::{Build, Flags, Subset, Tree, settle};
use crate::row;
use crate::table::table;

/// The part's figures for one kind of debug info.
#[derive(Clone, Debug, Serialize)]
pub struct Edits {
    /// With `-g`.
    pub debug: bool,
    /// The header.
    pub header: String,
    /// How many of the files include it.
    pub includers: usize,
    /// Each client's build after each edit.
    pub builds: Vec<(&'static str, &'static str, Build)>,
}

/// What every build starts from, at the header's top: above it all declarations of the header are moved by new lines.
const BASE: &str = "/* A comment. */\n#define BENCH_UNUSED 1\nstruct bench_few { int first; };\n";

/// A use of the structure that an object shows.
const USE: &str = "\nextern struct bench_few bench_few; struct bench_few bench_few;\n";

/// Each edit's name, and what it makes of [`BASE`].
const EDITS: [(&str, &str, &str); 8] = [
    ("comment, in place", "A comment.", "A remark."),
    ("comment, new line", "/* A", "/* Another. */\n/* A"),
    ("unused macro, in place", "UNUSED 1", "UNUSED 2"),
    ("unused macro, new line", "/* A", "#define BENCH_OTHER 1\n/* A"),
    ("unused prototype, new line", "/* A", "int bench_call(int a);\n/* A"),
    ("unused struct, new line", "/* A", "struct bench_other { int a; };\n/* A"),
    (
        "unused inline function, new line",
        "/* A",
        "static inline int bench_inline(int a) { return a + 1; }\n/* A",
    ),
    ("new field of a struct that two files use", "int first;", "int first; long second;"),
];

/// Runs the part.
///
/// # Panics
/// If the header isn't guarded as haproxy's are.
pub(super) fn measure(
    tree: &Tree,
    clients: &[Client],
    flags: Flags,
    subset: &Subset,
    check: &mut Check,
) -> Edits {
    let sources = subset.clone().unwrap_or_else(|| tree.sources(flags));
    let (header, includers) = widest(tree, &sources);
    let original = tree.read(&header);
    let guard = original.find("\n#define ").expect("an include guard");
    let start = original[guard + 1..].find('\n').map_or(original.len(), |at| guard + at + 2);
    let with = |text: &str| format!("{}{text}{}", &original[..start], &original[start..]);
    let users: Vec<_> = includers.iter().take(2).map(|name| (name, tree.read(name))).collect();
    let use_it = |text: &str, number| {
        text.to_owned() + &USE.replace(" bench_few;", &format!(" bench_few_{number};"))
    };
    for (number, (name, text)) in users.iter().enumerate() {
        tree.write(name, &use_it(text, number));
    }
    tree.write(&header, &with(BASE));
    settle();
    for client in clients {
        client.empty();
        let _ = tree.build(client, flags, subset, false);
        check.compare(client, tree.objects(), "edits, before");
        client.keep();
    }
    let mut builds = Vec::new();
    for (name, from, to) in EDITS {
        tree.write(&header, &with(&BASE.replacen(from, to, 1)));
        settle();
        for client in clients {
            let build = tree.build(client, flags, subset, false);
            check.compare(client, tree.objects(), &format!("edits, {name}"));
            builds.push((name, client.name(), build));
        }
        tree.write(&header, &with(BASE));
        settle();
        for client in clients.iter().filter(|client| client.caches()) {
            let build = tree.build(client, flags, subset, false);
            if build.compiled > 0 {
                let (who, count) = (client.name(), build.compiled);
                eprintln!("edits, {name}: {who}: {count} compiles after the edit was taken back");
            }
            client.go_back();
        }
    }
    for (name, text) in users {
        tree.write(name, &text);
    }
    tree.write(&header, &original);
    Edits { debug: flags.debug, header, includers: includers.len(), builds }
}

/// The header below `include/haproxy` that most of the sources include, directly or not, among those that define
/// inline functions; and its includers.
fn widest(tree: &Tree, sources: &[String]) -> (String, Vec<String>) {
    let closures: Vec<_> = sources.iter().map(|source| (source, closure(tree, source))).collect();
    let directory = fs::read_dir(tree.path().join("include/haproxy")).expect("haproxy's headers");
    let names = directory.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let counts = names.map(|name| {
        let inlines =
            tree.read(&format!("include/haproxy/{name}")).matches("\nstatic inline").count();
        let count = closures.iter().filter(|(_, headers)| headers.contains(&name)).count();
        (if inlines > 0 { count } else { 0 }, inlines, name)
    });
    let (_, _, header) = counts.max().expect("haproxy's headers");
    let includers = closures.into_iter().filter(|(_, headers)| headers.contains(&header));
    let includers = includers.map(|(source, _)| source.clone()).collect();
    (format!("include/haproxy/{header}"), includers)
}

/// The headers below `include/haproxy` that a source reaches, whatever the conditions.
fn closure(tree: &Tree, source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![source.to_owned()];
    while let Some(file) = open.pop() {
        if !tree.path().join(&file).is_file() {
            continue;
        }
        for line in tree.read(&file).lines() {
            let name = line.strip_prefix("#include <haproxy/").and_then(|r| r.split_once('>'));
            if let Some((name, _)) = name.filter(|(name, _)| found.insert((*name).to_owned())) {
                open.push(format!("include/haproxy/{name}"));
            }
        }
    }
    found
}

/// How many of the files each client compiled after each edit, as a table.
#[must_use]
pub fn show(edits: &Edits) -> String {
    let mut rows =
        vec![row!["edit, client", "files", "direct", "preprocessed", "compiled", "seconds"]];
    let cached = edits.builds.iter().filter(|(_, client, _)| *client != "gcc");
    rows.extend(cached.map(|(name, client, build)| {
        row![
            format!("{name}, {client}"),
            build.files,
            build.direct,
            build.preprocessed,
            build.compiled,
            format!("{:.2}", build.wall_seconds),
        ]
    }));
    let debug = if edits.debug { "-g" } else { "no debug info" };
    let (header, includers) = (&edits.header, edits.includers);
    format!("cache-edits of {header}, included by {includers} files, {debug}\n{}", table(&rows))
}
