//! Whether a packed compiler is the equal of the one that it was packed from: it compiles here, from where it was put together,
//! with no way to find anything of the original, and must make the same bytes.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use farmbuild_core::analysis::Driver;
use farmbuild_core::fidelity::Family;
use farmbuild_core::job::Invocation;
use farmbuild_core::pipeline::Home;
use farmbuild_local::home::LocalHome;

use super::super::canary::{Canary, Kind};
use super::super::compiler::LocalCompiler;
use super::super::difference;
use super::parts::Parts;
use super::{PackError, names};

/// What is tried beyond the canaries, because it writes more about the compiler into the object.
const TELLING: [&[&str]; 2] = [&["-O2", "-g"], &["-O1", "-frecord-gcc-switches"]];

pub(super) async fn prove(parts: &Parts, root: &Path) -> Result<(), PackError> {
    for driver in &parts.drivers {
        let differs = |what| PackError::Differs { program: driver.program().to_owned(), what };
        let is_c = driver.driver() == Driver::C;
        let kinds: &[Kind] = match is_c {
            true => &[Kind::C, Kind::Assembly, Kind::Lto],
            false => &[Kind::Cxx],
        };
        let mut canaries = Vec::new();
        for kind in kinds {
            canaries.push(Canary::hatch(*kind, driver).await.map_err(PackError::Compiler)?);
        }
        for (number, name) in names(parts, driver).iter().enumerate() {
            let packed = root.join("bin").join(name);
            // All names start the same program.
            let tried = if number == 0 { canaries.len() } else { 1 };
            for canary in &canaries[..tried] {
                try_canary(&packed, canary).await.map_err(differs)?;
            }
            if number > 0 || parts.family == Family::Clang {
                continue;
            }
            own_parts(&packed, root).await.map_err(differs)?;
            for flags in TELLING.iter().filter(|_| is_c) {
                try_flags(driver, &packed, &canaries[0], flags).await.map_err(differs)?;
            }
        }
    }
    Ok(())
}

async fn try_canary(packed: &Path, canary: &Canary) -> Result<(), String> {
    let space = tempfile::tempdir().map_err(|error| error.to_string())?;
    fs::write(space.path().join(canary.file_name()), &canary.text)
        .map_err(|error| error.to_string())?;
    run(packed, space.path(), &canary.args).await?;
    let made = fs::read(space.path().join("canary.o")).map_err(|error| error.to_string())?;
    match made == canary.object {
        true => Ok(()),
        false => {
            Err(format!("{}: {}", canary.kind.name(), difference::between(&canary.object, &made)))
        }
    }
}

/// Both compilers, in one directory.
async fn try_flags(
    driver: &LocalCompiler,
    packed: &Path,
    canary: &Canary,
    flags: &[&str],
) -> Result<(), String> {
    let space = tempfile::tempdir().map_err(|error| error.to_string())?;
    fs::write(space.path().join("canary.i"), &canary.text).map_err(|error| error.to_string())?;
    let args: Vec<OsString> =
        flags.iter().chain(&["-c", "canary.i", "-o", "canary.o"]).map(OsString::from).collect();
    let mut made = Vec::new();
    let object = space.path().join("canary.o");
    let ran = driver.run(space.path(), &args).await?;
    if !ran.status.success() {
        // It doesn't know the option, so that no build of its can have it.
        return Ok(());
    }
    made.push(fs::read(&object).map_err(|error| error.to_string())?);
    run(packed, space.path(), &args).await?;
    made.push(fs::read(&object).map_err(|error| error.to_string())?);
    match made[0] == made[1] {
        true => Ok(()),
        false => Err(format!("{}: {}", flags.join(" "), difference::between(&made[0], &made[1]))),
    }
}

/// It calls the packed programs and no others.
async fn own_parts(packed: &Path, root: &Path) -> Result<(), String> {
    for name in ["cc1", "as"] {
        let answer = run(packed, root, &[format!("-print-prog-name={name}").into()]).await?;
        let path = fs::canonicalize(answer.trim()).unwrap_or_default();
        let own = fs::canonicalize(root).map_err(|error| error.to_string())?;
        if !path.starts_with(&own) {
            return Err(format!(
                "it calls {} for {name}; it was made not to be moved",
                answer.trim()
            ));
        }
    }
    Ok(())
}

async fn run(packed: &Path, directory: &Path, args: &[OsString]) -> Result<String, String> {
    let env = [("PATH", "/nonexistent"), ("LC_ALL", "C")];
    let invocation = Invocation {
        program: packed.to_owned(),
        argv: vec![packed.as_os_str().to_owned()],
        cwd: directory.to_owned(),
        env: env.map(|(key, value)| (key.into(), value.into())).to_vec(),
        umask: 0o077,
    };
    let ran = LocalHome.run(&invocation, args).await.map_err(|error| error.to_string())?;
    match ran.status.success() {
        true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
        false => Err(format!(
            "it fails: {}",
            String::from_utf8_lossy(&ran.stderr).lines().next().unwrap_or_default()
        )),
    }
}
