//! `RUSTC_WRAPPER` for cargo, unless its user has chosen one.
//!
//! The variable beats cargo's configuration files, so that those are looked at too.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VARIABLES: [&str; 2] = ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"];

/// Makes farmbuild the wrapper of the rustc that `command` runs, or says who is.
pub(super) fn put_in_place(
    command: &mut Command,
    args: &[OsString],
    env: &[(OsString, OsString)],
    own: &Path,
) {
    let directory = env::current_dir().unwrap_or_default();
    match chosen(args, env, &directory) {
        None => drop(command.env("RUSTC_WRAPPER", own)),
        Some(other) if Path::new(&other).file_name() == Some(OsStr::new("farmbuild")) => {}
        Some(other) => eprintln!(
            "farmbuild: rustc isn't cached, because cargo was given another wrapper for it: {}",
            if other.is_empty() { "none".into() } else { other.to_string_lossy() }
        ),
    }
}

/// The wrapper that cargo was told of.
fn chosen(args: &[OsString], env: &[(OsString, OsString)], directory: &Path) -> Option<OsString> {
    let variable = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    if let Some(value) = VARIABLES.iter().find_map(|name| variable(name)) {
        return Some(value.clone());
    }
    let on_command_line = |arg: &&OsString| arg.to_string_lossy().contains("rustc-wrapper");
    if let Some(arg) = args.iter().find(on_command_line) {
        return Some(arg.clone());
    }
    let home = variable("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(variable("HOME")?).join(".cargo")));
    let directories = directory.ancestors().map(|it| it.join(".cargo")).chain(home);
    let mut files = directories.flat_map(|it| ["config.toml", "config"].map(|name| it.join(name)));
    files.find_map(|file| configured(&fs::read_to_string(file).ok()?))
}

fn configured(text: &str) -> Option<OsString> {
    let table: toml::Table = text.parse().ok()?;
    let build = table.get("build")?.as_table()?;
    ["rustc-wrapper", "rustc_wrapper"]
        .iter()
        .find_map(|name| Some(build.get(*name)?.as_str()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_of_the_users_is_found_wherever_cargo_finds_it() {
        let space = tempfile::tempdir().unwrap();
        let package = space.path().join("a/b");
        fs::create_dir_all(package.join(".cargo")).unwrap();
        let env = |name: &str, value: &str| vec![(name.into(), value.into())];
        let home = env("CARGO_HOME", space.path().join("home").to_str().unwrap());
        assert_eq!(chosen(&["build".into()], &home, &package), None);
        for name in VARIABLES {
            assert_eq!(chosen(&[], &env(name, "sccache"), &package), Some("sccache".into()));
        }
        let arg = OsString::from("build.rustc-wrapper='sccache'");
        assert!(chosen(&["--config".into(), arg], &home, &package).is_some());
        let text = "[build]\nrustc-wrapper = \"sccache\"\n";
        for file in ["a/.cargo/config.toml", "home/config.toml"] {
            let file = space.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            assert_eq!(chosen(&[], &home, &package), Some("sccache".into()), "{}", file.display());
            fs::remove_file(file).unwrap();
        }
    }
}
