//! sccache, from the crate registry: built once, and its server's process.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The version that is compared with.
const VERSION: &str = "^0.19";

/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program below `target`, after building it there if it isn't.
///
/// # Errors
/// Why it couldn't be built, and what to do.
pub fn provide(target: &Path) -> Result<PathBuf, String> {
    let root = target.join("peers/sccache");
    let program = root.join("bin/sccache");
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("building sccache, once, which takes minutes ...");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new("nice")
        .arg(cargo)
        .args(["install", "sccache", "--version", VERSION, "--locked", "--no-default-features"])
        .args(["--jobs", "1", "--root"])
        .arg(&root)
        .env("CARGO_TARGET_DIR", target.join("peers/build"))
        .status();
    match status {
        Ok(status) if status.success() => Ok(program),
        Ok(status) => {
            Err(format!("sccache doesn't build, {status}: see above, or --without-sccache"))
        }
        Err(error) => Err(format!("can't build sccache: {error}: --without-sccache")),
    }
}

/// The server's process, if it runs.
#[must_use]
pub fn server(socket: &Path) -> Option<u32> {
    let socket = [b"SCCACHE_SERVER_UDS=", socket.as_os_str().as_bytes()].concat();
    fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let has = |word: &[u8]| environment.split(|byte| *byte == 0).any(|part| part == word);
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        (name.trim() == "sccache" && has(&socket) && has(b"SCCACHE_START_SERVER=1")).then_some(id)
    })
}

/// Waits until the server is gone: it goes on writing after it was told to stop.
///
/// # Panics
/// If it stays.
pub fn wait_for_end(socket: &Path) {
    let start = Instant::now();
    while server(socket).is_some() {
        assert!(start.elapsed() < PATIENCE, "sccache's server doesn't end");
        thread::sleep(Duration::from_millis(20));
    }
}
