//! Whatever is edited, a cached build is a plain one: edits chosen by a seed, each followed by both.
//!
//! `FARMBUILD_EDITS=SEED` or `SEED:COUNT` chooses others; a failure prints the seed and what was edited.

pub(super) mod chance;
mod edit;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use farmbuild_testkit::{TestSpace, trees};

use self::chance::Chance;
use self::world::World;
use crate::run;
use crate::tree::{Content, remove_new, snapshot};
use crate::user::{FARMBUILD, User};

/// A tree that is edited and built again and again.
struct Edited {
    user: User,
    tree: TestSpace,
    world: World,
    beginning: World,
    /// States to come back to.
    history: Vec<World>,
    log: Vec<String>,
}

impl Edited {
    fn new(world: World, farm: &str) -> Self {
        let (user, tree) = (User::alone().with_cache(), TestSpace::new());
        user.write_farm(farm);
        world.write(tree.path());
        fs::create_dir(tree.join("bin")).unwrap();
        for compiler in ["gcc", "clang"] {
            let real = format!("/usr/bin/{compiler}");
            symlink(real, tree.join(format!("bin/my-{compiler}"))).unwrap();
        }
        let beginning = world.clone();
        Self { user, tree, world, beginning, history: Vec::new(), log: Vec::new() }
    }

    fn edit(&mut self, chance: &mut Chance) {
        let before = self.world.clone();
        let said = match chance.below(12) {
            0 => edit::touch(&self.world, self.tree.path(), chance),
            1..=3 if !self.history.is_empty() => {
                let back = chance.below(self.history.len().min(6)) + 1;
                self.world = self.history[self.history.len() - back].clone();
                format!("back to the state of {back} builds ago")
            }
            // Broken for long it would show nothing.
            4 => {
                self.world = self.beginning.clone();
                "back to the beginning".to_owned()
            }
            5 => {
                let first = edit::edit(&mut self.world, chance);
                before.become_next(&self.world, self.tree.path());
                let between = self.world.clone();
                let second = edit::edit(&mut self.world, chance);
                between.become_next(&self.world, self.tree.path());
                self.log.push(format!("{first}, and at once {second}"));
                return;
            }
            _ => edit::edit(&mut self.world, chance),
        };
        before.become_next(&self.world, self.tree.path());
        self.log.push(said);
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.user.command(self.tree.path(), words[0]);
        command.args(&words[1..]).args(["sh", "-c", &self.world.script()]);
        command.envs(&self.world.variables).env("FARMBUILD_PROGRESS", "off");
        command
    }

    /// Builds with the cache and plainly: the same files, those of what was said among them.
    fn build(&mut self) -> Result<(), String> {
        let before = snapshot(self.tree.path());
        run::run(&mut self.command(&[FARMBUILD]));
        let ours = snapshot(self.tree.path());
        remove_new(self.tree.path(), &before);
        run::run(&mut self.command(&["env"]));
        let plain = snapshot(self.tree.path());
        remove_new(self.tree.path(), &before);
        if self.history.is_empty() {
            assert_all_compiled(&plain);
        }
        self.history.push(self.world.clone());
        match differing(&ours, &plain) {
            differ if differ.is_empty() => Ok(()),
            differ => Err(differ),
        }
    }
}

/// What never compiled would show nothing.
fn assert_all_compiled(built: &BTreeMap<PathBuf, Content>) {
    for (name, content) in
        built.iter().filter(|(name, _)| name.extension() == Some("status".as_ref()))
    {
        let succeeded = matches!(content, Content::File { bytes, .. } if bytes == b"0\n");
        assert!(succeeded, "{}: {content:?}", name.display());
    }
}

/// Files that differ, with their text if they have some.
fn differing(ours: &BTreeMap<PathBuf, Content>, plain: &BTreeMap<PathBuf, Content>) -> String {
    let show = |content: Option<&Content>| match content {
        Some(Content::File { bytes, .. }) if bytes.starts_with(b"\x7fELF") => {
            format!("an object of {} bytes", bytes.len())
        }
        Some(Content::File { bytes, .. }) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    };
    let names = ours.keys().chain(plain.keys().filter(|name| !ours.contains_key(*name)));
    let differ = names.filter(|name| ours.get(*name) != plain.get(*name));
    differ
        .map(|name| {
            keep(name, [ours, plain]);
            let (ours, plain) = (show(ours.get(name)), show(plain.get(name)));
            format!("{}:\n--- farmbuild's\n{ours}\n--- plain\n{plain}\n", name.display())
        })
        .collect()
}

/// Keeps both of what differs, to be looked at.
fn keep(name: &Path, both: [&BTreeMap<PathBuf, Content>; 2]) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("different");
    fs::create_dir_all(&place).unwrap();
    for (content, side) in both.map(|side| side.get(name)).into_iter().zip(["ours", "plain"]) {
        if let Some(Content::File { bytes, .. }) = content {
            let base = name.file_name().unwrap().to_string_lossy();
            fs::write(place.join(format!("{side}-{base}")), bytes).unwrap();
        }
    }
}

/// The seed and the number of edits: of the environment, or these.
fn chosen(seed: u64, count: usize) -> (u64, usize) {
    let Ok(words) = std::env::var("FARMBUILD_EDITS") else { return (seed, count) };
    let (seed, number) = words.split_once(':').unwrap_or((&words, ""));
    (seed.parse().unwrap(), number.parse().unwrap_or(count))
}

/// Edits and builds over a farm, and says how many of the jobs were found.
fn edit_and_build(world: World, farm: &str, seed: u64, count: usize) -> (u64, u64) {
    let (mut edited, mut chance) = (Edited::new(world, farm), Chance::new(seed));
    for number in 0..=count {
        if number > 0 {
            edited.edit(&mut chance);
        }
        if let Err(differ) = edited.build() {
            let list: String = edited.log.iter().map(|done| format!("  {done}\n")).collect();
            panic!("FARMBUILD_EDITS={seed}:{count} fails after edit {number}:\n{list}{differ}");
        }
    }
    let stats = edited.user.stats();
    println!("seed {seed}, {count} edits: {stats:#}");
    let tiers = ["direct", "preprocessed", "declaration"];
    let hits = tiers.map(|tier| edited.user.stat(&format!("jobs.hit.{tier}")));
    (hits.iter().sum(), edited.user.stat("jobs.total"))
}

#[test]
fn after_any_edit_a_cached_build_is_a_plain_one() {
    let (seed, count) = chosen(1, 50);
    let (hits, jobs) = edit_and_build(World::made_up(), "", seed, count);
    assert!(hits * 3 > jobs, "{hits} of {jobs} were found: the cache was hardly used");
}

#[test]
#[ignore = "builds a thousand times: run it by name, see CONTRIBUTING.md"]
fn after_a_thousand_edits_cached_builds_are_plain_ones() {
    thousand_edits(&World::made_up());
}

#[test]
#[ignore = "builds a part of haproxy a thousand times: run it by name, see CONTRIBUTING.md"]
fn after_a_thousand_edits_of_haproxy_cached_builds_are_plain_ones() {
    thousand_edits(&World::haproxy(&trees::haproxy()));
}

fn thousand_edits(world: &World) {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (seed, count) = chosen(time.as_secs(), 1000);
    // Anew from time to time: histories stay short.
    for seed in (seed..).take(count.div_ceil(100)) {
        // By the seed, so that each of them can be repeated alone.
        let farm = if seed % 2 == 0 { "" } else { DECLARATIONS };
        edit_and_build(world.clone(), farm, seed, count.min(100));
    }
}

const DECLARATIONS: &str = "[cache]\ndeclarations = true\nverify = 0.1\n";

#[test]
fn after_any_edit_a_build_with_the_declaration_tier_is_a_plain_one() {
    let (seed, count) = chosen(5, 6);
    edit_and_build(World::made_up(), DECLARATIONS, seed, count);
}
