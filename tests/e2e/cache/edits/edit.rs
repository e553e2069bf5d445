//! Edits as people and tools make them, each chosen and placed by chance.

use std::fs::{self, File};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::chance::Chance;
use super::world::{Entry, World};

/// An edit of some sort; says what it did. `None` if there is nothing to be edited so.
type Edit = fn(&mut World, &mut Chance) -> Option<String>;

/// All sorts; what is common stands more than once.
const EDITS: [Edit; 31] = [
    reword_a_comment,
    reword_a_comment,
    add_a_line,
    add_a_line,
    add_a_line,
    change_a_number,
    change_a_number,
    change_a_number,
    change_white_space,
    change_white_space,
    remark_before_a_word,
    remark_before_a_word,
    remove_a_line,
    remove_a_line,
    add_a_field,
    change_a_body,
    move_a_line,
    remove_a_header,
    rename_a_header,
    shadow_a_header,
    shadow_a_header,
    remove_a_shadow,
    toggle_an_option,
    toggle_an_option,
    make_the_late_directory,
    swap_flags,
    change_a_definition,
    change_a_definition,
    change_a_variable,
    change_the_compiler,
    change_a_link,
];

/// Makes one edit in `world`.
pub(super) fn edit(world: &mut World, chance: &mut Chance) -> String {
    loop {
        let mut next = world.clone();
        if let Some(done) = chance.one_of(&EDITS)(&mut next, chance) {
            *world = next;
            return done;
        }
    }
}

/// Changes the times of a file, and nothing that it holds.
pub(super) fn touch(world: &World, tree: &Path, chance: &mut Chance) -> String {
    let name = any_text(world, chance);
    let hours = chance.below(200_000) as u64;
    let time = match chance.below(3) {
        0 => SystemTime::now(),
        1 => SystemTime::now() + Duration::from_secs(3600 * hours),
        _ => SystemTime::UNIX_EPOCH + Duration::from_secs(3600 * hours),
    };
    let file = File::options().write(true).open(tree.join(&name)).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(time).set_accessed(time)).unwrap();
    format!("touch {name} to {time:?}")
}

fn any_text(world: &World, chance: &mut Chance) -> String {
    let texts = world.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Text(_)));
    let names: Vec<_> = texts.map(|(name, _)| name).collect();
    (*chance.one_of(&names)).clone()
}

fn header_in(world: &World, chance: &mut Chance, directories: &[&str]) -> Option<String> {
    let is_in = |name: &str, it: &str| name.strip_prefix(it).is_some_and(|it| it.starts_with('/'));
    let is_one = |name: &&String| {
        name.ends_with(".h") && directories.iter().any(|directory| is_in(name, directory))
    };
    let texts = world.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Text(_)));
    let names: Vec<_> = texts.map(|(name, _)| name).filter(is_one).collect();
    (!names.is_empty()).then(|| (*chance.one_of(&names)).clone())
}

/// A header of the search path: its directory, and what it is included as.
fn header(world: &World, chance: &mut Chance) -> Option<(&'static str, String)> {
    let name = header_in(world, chance, &world.directories)?;
    let within = |it: &str| Some(name.strip_prefix(it)?.strip_prefix('/')?.to_owned());
    world.directories.iter().find_map(|directory| Some((*directory, within(directory)?)))
}

/// A macro that some header defines.
fn any_macro(world: &World, chance: &mut Chance) -> String {
    let lines =
        header_in(world, chance, &world.directories).and_then(|name| match &world.entries[&name] {
            Entry::Text(lines) => Some(Rc::clone(lines)),
            _ => None,
        });
    let lines = lines.unwrap_or_default();
    let defined = lines.iter().filter_map(|line| line.strip_prefix("#define "));
    let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let names: Vec<_> = defined.filter_map(|rest| rest.split(|c| !is_part(c)).next()).collect();
    let names: Vec<_> = names.into_iter().filter(|name| name.len() > 1).collect();
    if names.is_empty() { "NOBODYS".to_owned() } else { (*chance.one_of(&names)).to_owned() }
}

/// Changes one line of some file that holds `part`, or any line.
fn change_line(
    world: &mut World,
    chance: &mut Chance,
    part: &str,
    change: impl FnOnce(&str, &mut Chance) -> Vec<String>,
) -> Option<String> {
    let name = any_text(world, chance);
    let Some(Entry::Text(lines)) = world.entries.get_mut(&name) else { return None };
    let lines = Rc::make_mut(lines);
    let fitting: Vec<_> = (0..lines.len()).filter(|at| lines[*at].contains(part)).collect();
    let at = *chance.one_of(if fitting.is_empty() { return None } else { &fitting });
    let (old, new) = (lines[at].clone(), change(&lines[at], chance));
    lines.splice(at..=at, new.clone());
    Some(format!("{name}:{}: {old:?} becomes {new:?}", at + 1))
}

fn reword_a_comment(world: &mut World, chance: &mut Chance) -> Option<String> {
    let words =
        ["fall through", "fallthrough", "what it was", "x", "-fallthrough-", "else falls through"];
    change_line(world, chance, "/*", |line, chance| {
        let (before, comment) = line.split_once("/*").unwrap();
        let after = comment.split_once("*/").map_or("", |(_, after)| after);
        vec![format!("{before}/* {} */{after}", chance.one_of(&words))]
    })
}

/// Moves the rest of a line to other columns, of which preprocessed text shows nothing.
fn remark_before_a_word(world: &mut World, chance: &mut Chance) -> Option<String> {
    change_line(world, chance, " ", |line, chance| {
        let blanks: Vec<_> = line.match_indices(' ').map(|(at, _)| at).collect();
        let at = *chance.one_of(&blanks);
        let remark = "x".repeat(chance.below(12));
        vec![format!("{} /* {remark} */{}", &line[..at], &line[at..])]
    })
}

fn add_a_line(world: &mut World, chance: &mut Chance) -> Option<String> {
    let (name, digit) = (any_macro(world, chance), chance.digit());
    let line = match chance.below(18) {
        0 => "/* a remark */".to_owned(),
        1 => format!("// remark {digit}"),
        2 => String::new(),
        3 => format!("#define NOBODYS_{digit} {digit}"),
        4 => format!("#define {name} 5{digit}"),
        5 => format!("int added_{digit}(int, char);"),
        6 => format!("extern int line_{digit};\n#define WHERE_{digit} __LINE__"),
        7 => format!("static const int here_{digit} = __LINE__;"),
        8 => format!("static const char *const file_{digit} = __FILE__;"),
        9 => {
            let (one, two) = name.split_at(1);
            format!("#define GLUE(a, b) a##b\nenum {{ glued_{digit} = GLUE({one}, {two}) }};")
        }
        10 => format!("#error \"number {digit}\""),
        11 => format!("#pragma GCC poison {name}"),
        12 => format!("#line {digit}7 \"other.h\""),
        13 => format!("#ifdef {name}\nstatic int spare_{digit};\n#endif"),
        14 => "static const char *const changed = __TIMESTAMP__;".to_owned(),
        15 => format!("#include \"{}\"", header(world, chance)?.1),
        16 => format!("static int counted_{digit} = __COUNTER__;"),
        _ => format!("#ifdef IDLE\nint idle_{digit};\n#endif"),
    };
    change_line(world, chance, "", |old, _| vec![old.to_owned(), line])
}

fn change_a_number(world: &mut World, chance: &mut Chance) -> Option<String> {
    change_line(world, chance, "#define ", |line, chance| {
        let new = chance.digit();
        let end = line.rfind(|c: char| c.is_ascii_digit()).unwrap_or(line.len() - 1);
        vec![format!("{}{new}{}", &line[..end], &line[end + 1..])]
    })
}

fn change_white_space(world: &mut World, chance: &mut Chance) -> Option<String> {
    change_line(world, chance, " ", |line, chance| match chance.below(5) {
        0 => vec![format!("{line} ")],
        1 => vec![format!("  {line}")],
        2 => vec![line.replacen(' ', "  ", 1)],
        3 => vec![String::new(), line.to_owned()],
        _ => vec![line.trim_end().to_owned(), "\t".to_owned()],
    })
}

fn remove_a_line(world: &mut World, chance: &mut Chance) -> Option<String> {
    change_line(world, chance, "", |_, _| Vec::new())
}

fn move_a_line(world: &mut World, chance: &mut Chance) -> Option<String> {
    let name = any_text(world, chance);
    let Some(Entry::Text(lines)) = world.entries.get_mut(&name) else { return None };
    let lines = Rc::make_mut(lines);
    let (from, to) = (chance.below(lines.len().max(1)), chance.below(lines.len().max(1)));
    (from < lines.len() && from != to).then(|| {
        lines.swap(from, to);
        format!("{name}: lines {} and {} change places", from + 1, to + 1)
    })
}

fn add_a_field(world: &mut World, chance: &mut Chance) -> Option<String> {
    let digit = chance.digit();
    change_line(world, chance, "int ", |line, _| {
        let is_member =
            line.ends_with("; };") || (line.ends_with(';') && !line.contains(['(', '=']));
        let with_another = line.replacen("int ", &format!("char added{digit}; int "), 1);
        vec![if is_member { with_another } else { format!("{line} ") }]
    })
}

fn change_a_body(world: &mut World, chance: &mut Chance) -> Option<String> {
    let digit = chance.digit();
    change_line(world, chance, "return ", |line, _| {
        vec![line.replacen("return ", &format!("return {digit} + "), 1)]
    })
}

fn remove_a_header(world: &mut World, chance: &mut Chance) -> Option<String> {
    let name = header_in(world, chance, &["inc", "include"])?;
    world.entries.remove(&name);
    Some(format!("remove {name}"))
}

fn rename_a_header(world: &mut World, chance: &mut Chance) -> Option<String> {
    let (directory, base) = header(world, chance)?;
    let name = format!("{directory}/{base}");
    let to = format!("{}/{base}", chance.one_of(&world.directories[..3]));
    let entry = world.entries.remove(&name)?;
    world.entries.insert(to.clone(), entry);
    Some(format!("rename {name} to {to}"))
}

fn shadow_a_header(world: &mut World, chance: &mut Chance) -> Option<String> {
    let (directory, base) = header(world, chance)?;
    let name = format!("{directory}/{base}");
    let Some(Entry::Text(mut lines)) = world.entries.get(&name).cloned() else { return None };
    // Beside a source and in a quote directory too.
    let [first, second, _, late] = world.directories;
    let places = [first, second, "inc/quote", "src", late];
    let to = format!("{}/{base}", chance.one_of(&places));
    if chance.below(3) > 0 {
        let lines = Rc::make_mut(&mut lines);
        lines.push(format!("#define SHADOW {}", chance.digit()));
        lines.push(format!("static int shadow_{};", chance.digit()));
    }
    (!world.entries.contains_key(&to)).then(|| {
        world.entries.insert(to.clone(), Entry::Text(lines));
        format!("shadow {name} by {to}")
    })
}

fn remove_a_shadow(world: &mut World, chance: &mut Chance) -> Option<String> {
    let name = header_in(world, chance, &["src", "inc/quote", "inc/late", "inc/a"])?;
    world.entries.remove(&name);
    Some(format!("remove {name}"))
}

fn toggle_an_option(world: &mut World, chance: &mut Chance) -> Option<String> {
    let place = *chance.one_of(&["inc/a", "inc/b", "inc/c", "inc/late", "src"]);
    let name = format!("{place}/option{}.h", chance.below(4));
    if world.entries.remove(&name).is_some() {
        return Some(format!("remove {name}"));
    }
    world.entries.insert(name.clone(), Entry::Text(Rc::new(vec!["/* an option */".into()])));
    Some(format!("create {name}"))
}

fn make_the_late_directory(world: &mut World, _: &mut Chance) -> Option<String> {
    let old = world.entries.len();
    world.entries.retain(|name, _| !name.starts_with("inc/late"));
    if world.entries.len() == old {
        world.entries.insert("inc/late".into(), Entry::Directory);
    }
    Some("create or remove inc/late".into())
}

fn swap_flags(world: &mut World, chance: &mut Chance) -> Option<String> {
    let unit = chance.below(world.units.len());
    let flags = &mut world.units[unit].flags;
    let paths: Vec<_> = (0..flags.len()).filter(|at| flags[*at].starts_with("-I")).collect();
    let (one, other) = (*chance.one_of(&paths), *chance.one_of(&paths));
    flags.swap(one, other);
    (one != other).then(|| format!("unit {unit}: {} and {} swapped", flags[one], flags[other]))
}

fn change_a_definition(world: &mut World, chance: &mut Chance) -> Option<String> {
    let digit = chance.digit();
    let name = any_macro(world, chance);
    // From the end: version, what is used, what isn't.
    let (place, new) = match chance.below(5) {
        0 => (3, format!("-DVERSION=\"1.{digit}\"")),
        1 => (2, format!("-DUSED={digit}")),
        2 => (1, format!("-DIDLE={digit}")),
        3 => (1, format!("-D{name}={digit}")),
        _ => (1, "-DIDLE".to_owned()),
    };
    for unit in &mut world.units {
        let at = unit.flags.len() - place;
        unit.flags[at].clone_from(&new);
    }
    Some(format!("{new} everywhere"))
}

fn change_a_variable(world: &mut World, chance: &mut Chance) -> Option<String> {
    let (name, values) = *chance.one_of(&[
        ("CPATH", ["inc/late", "inc/quote"]),
        ("C_INCLUDE_PATH", ["inc/a", "inc/quote"]),
        ("SOURCE_DATE_EPOCH", ["86400", "172800"]),
        ("LANG", ["C", "de_DE.UTF-8"]),
        ("LC_ALL", ["C", "C.UTF-8"]),
    ]);
    match chance.below(3) {
        0 => drop(world.variables.remove(name)),
        number => drop(world.variables.insert(name, values[number - 1])),
    }
    Some(format!("variables are {:?}", world.variables))
}

fn change_the_compiler(world: &mut World, chance: &mut Chance) -> Option<String> {
    const NAMES: [&str; 6] =
        ["gcc", "clang", "x86_64-linux-gnu-gcc", "gcc-12", "./bin/my-gcc", "./bin/my-clang"];
    let unit = chance.below(world.units.len());
    let compiler = &mut world.units[unit].compiler;
    if compiler.ends_with("++") {
        return None;
    }
    *compiler = (*chance.one_of(&NAMES)).to_owned();
    Some(format!("unit {unit} by {compiler}"))
}

fn change_a_link(world: &mut World, chance: &mut Chance) -> Option<String> {
    let target = format!("../real{}.h", chance.below(3));
    let link = world.entries.get_mut("inc/b/linked.h")?;
    *link = Entry::Link(target.clone());
    Some(format!("inc/b/linked.h is {target}"))
}
