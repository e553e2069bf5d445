//! `farmbuild why` and `farmbuild cache`: what people are told of the cache.

use std::fs;
use std::thread;
use std::time::Duration;

use farmbuild_testkit::TestSpace;
use serde_json::Value;

use crate::user::User;

/// Waits until what was kept is written, and until files that were written before are older than the clock's tick.
fn settle(user: &User) {
    user.ask(["daemon", "stop"]).ok();
    thread::sleep(Duration::from_millis(30));
}

/// Compiles `a.c` of a tree.
fn compile(user: &User, tree: &TestSpace, flags: &[&str]) {
    settle(user);
    let args = ["cc", "gcc", "-O1", "-Iinclude"].iter().chain(flags).chain(&["-c", "a.c"]);
    user.build(tree, args).ok();
}

fn tree() -> TestSpace {
    let tree = TestSpace::new();
    tree.write("include/a.h", "#define A 1\nint f(void);\n");
    tree.write("a.c", "#include \"a.h\"\nint f(void) { return A; }\n");
    tree
}

fn why(user: &User, tree: &TestSpace) -> Value {
    let told = user.build(tree, ["why", "a.c", "--json"]).ok();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    told[0].clone()
}

/// The kinds and subjects of the changes that are told.
fn changes(why: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let changes = why["changes"].as_array().unwrap();
    changes.iter().map(|it| (text(&it["kind"]), text(&it["what"]))).collect()
}

#[test]
fn why_tells_the_tier_of_a_hit() {
    let (user, tree) = (User::alone().with_cache(), tree());
    compile(&user, &tree, &[]);
    compile(&user, &tree, &[]);
    assert_eq!(why(&user, &tree)["tier"], "direct");
}

#[test]
fn why_names_the_header_that_changed() {
    let (user, tree) = (User::alone().with_cache(), tree());
    compile(&user, &tree, &[]);
    tree.write("include/a.h", "#define A 2\nint f(void);\n");
    compile(&user, &tree, &[]);
    let told = why(&user, &tree);
    assert_eq!(told["tier"], Value::Null, "{told}");
    assert_eq!(changes(&told), [("file".to_owned(), "include/a.h".to_owned())]);
}

#[test]
fn why_names_the_header_that_appeared() {
    let (user, tree) = (User::alone().with_cache(), tree());
    compile(&user, &tree, &[]);
    tree.write("a.h", "#define A 3\nint f(void);\n");
    compile(&user, &tree, &[]);
    let told = changes(&why(&user, &tree));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "appeared");
    assert!(told[0].1.ends_with("/a.h"), "{told:?}");
}

#[test]
fn why_names_the_flag_and_the_macro_that_changed() {
    let (user, tree) = (User::alone().with_cache(), tree());
    compile(&user, &tree, &["-DB=1"]);
    compile(&user, &tree, &["-DB=1", "-fwrapv"]);
    let flag = ("argument".to_owned(), "+ -fwrapv".to_owned());
    assert_eq!(changes(&why(&user, &tree)), [flag]);
    compile(&user, &tree, &["-DA=1", "-fwrapv"]);
    let told = changes(&why(&user, &tree));
    assert!(told.contains(&("macro".to_owned(), "-DA".to_owned())), "{told:?}");
}

#[test]
fn why_says_that_nothing_is_known_of_a_file() {
    let (user, tree) = (User::alone().with_cache(), tree());
    let told = user.build(&tree, ["why", "b.c"]);
    assert_eq!(told.status.code(), Some(1), "{told}");
    assert!(told.err().contains("no compile of b.c was looked up"), "{told}");
}

#[test]
fn the_cache_is_counted_verified_and_emptied() {
    let (user, tree) = (User::alone().with_cache(), tree());
    let ask = |args: &[&str]| -> Value {
        let told = user.build(&tree, ["cache"].iter().chain(args).chain(&["--json"])).ok();
        serde_json::from_slice(&told.stdout).unwrap()
    };
    compile(&user, &tree, &[]);
    compile(&user, &tree, &[]);
    let stats = ask(&["stats"]);
    assert_eq!(stats["hits"]["direct"], 1, "{stats}");
    let verified = ask(&["verify"]);
    assert!(verified["checked"].as_u64() > Some(2), "{verified}");
    assert_eq!(verified["damaged"], 0, "{verified}");
    assert!(ask(&["clear"])["files"].as_u64() > Some(2));
    assert_eq!(ask(&["verify"])["checked"], 0);
    compile(&user, &tree, &[]);
    assert_eq!(user.stat("jobs.hit.direct"), 1, "it is compiled again");
}

#[test]
fn the_limit_of_the_cache_can_be_set_and_is_the_farm_files_if_that_says_so() {
    let (user, tree) = (User::alone().with_cache(), tree());
    user.build(&tree, ["cache", "size", "2GiB"]).ok();
    assert_eq!(user.build(&tree, ["cache", "size"]).ok().out(), "At most 2.0 GiB.\n");
    user.write_farm("[cache]\nmax_size = \"3GiB\"\n");
    assert_eq!(user.build(&tree, ["cache", "size"]).ok().out(), "At most 3.0 GiB.\n");
    let odd = user.build(&tree, ["cache", "size", "many"]);
    assert!(odd.err().contains("`many` is no size"), "{odd}");
}

#[test]
fn directories_that_are_alike_share_results_with_debug_info() {
    let user = User::alone().with_cache();
    let (one, two) = (tree(), tree());
    let bases = [&one, &two].map(|tree| fs::canonicalize(tree.path()).unwrap());
    let compile_in = |tree: &TestSpace| {
        let absolute = fs::canonicalize(tree.path()).unwrap().join("a.c");
        settle(&user);
        let args = ["cc", "gcc", "-g", "-Iinclude", "-c", absolute.to_str().unwrap()];
        user.build(tree, args).ok();
        fs::read(tree.join("a.o")).unwrap()
    };
    let plain = compile_in(&one);
    compile_in(&two);
    assert_eq!(user.stat("jobs.hit.direct"), 0, "nobody said that they are alike");
    user.write_farm(&format!("[cache]\nbase_dirs = [{:?}, {:?}]\n", bases[0], bases[1]));
    let mapped = compile_in(&one);
    assert_ne!(mapped, plain);
    assert_eq!(compile_in(&two), mapped);
    assert_eq!(user.stat("jobs.hit.direct"), 1, "{}", user.stats());
    let name = bases[0].to_str().unwrap().as_bytes();
    assert!(!mapped.windows(name.len()).any(|part| part == name));
}
