//! The farm as people write it down: which machines there are and how much they take.
//!
//! [`source`] decides where it is written (a file, a host list in the environment, nowhere), [`mod@file`] reads
//! `farm.toml`, [`hosts`] reads distcc's host lists. What comes out is a [`FarmConfig`], which [`executors`] turns
//! into executors. Nothing here talks to a host.

pub(crate) mod executors;
pub(crate) mod file;
pub(crate) mod hosts;
pub(crate) mod source;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use farmbuild_core::pipeline::sampling::DEFAULT_SHARE;
use farmbuild_core::protocol::message::var;

/// A farm, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FarmConfig {
    pub(crate) local: LocalConfig,
    pub(crate) cache: CacheConfig,
    pub(crate) hosts: Vec<HostConfig>,
    /// What people should know: settings that have no effect yet, doubtful values.
    pub(crate) warnings: Vec<String>,
}

/// The cache.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct CacheConfig {
    /// As written: `~` may stand for the home directory.
    pub(crate) dir: Option<String>,
    /// In bytes.
    pub(crate) max_size: Option<u64>,
    /// Results are stored as they are.
    pub(crate) uncompressed: bool,
    /// Directories whose names are not to matter; `/*` at the end means each directory in there.
    pub(crate) base_dirs: Vec<PathBuf>,
    /// Results are known by the declarations that they are made of.
    pub(crate) declarations: bool,
    /// Which share of such results is compiled all the same; `None` is the default.
    pub(crate) verify: Option<Share>,
}

impl CacheConfig {
    /// The base directory that a working directory lies in: the innermost one.
    pub(crate) fn base_of(&self, cwd: &Path) -> Option<PathBuf> {
        let of = |base: &PathBuf| match starred(base) {
            None => cwd.starts_with(base).then(|| base.clone()),
            Some(parent) => {
                let child = cwd.strip_prefix(parent).ok()?.components().next()?;
                Some(parent.join(child))
            }
        };
        self.base_dirs.iter().filter_map(of).max_by_key(|base| base.as_os_str().len())
    }
}

/// The directory before `/*`.
fn starred(base: &Path) -> Option<&Path> {
    base.ends_with("*").then(|| base.parent()).flatten()
}

/// This machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalConfig {
    /// Preprocessing, compiles and links at the same time.
    pub(crate) slots: usize,
    /// Whether a job whose bytes can't be proven may travel.
    pub(crate) fidelity: Fidelity,
}

impl Default for LocalConfig {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { slots: cores, fidelity: Fidelity::Default }
    }
}

/// See promise 1 of the design: code never differs; this is about debug info.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fidelity {
    /// A job may travel if nothing but a named detail of its debug info can differ.
    #[default]
    Default,
    /// A job travels only if its object is proven identical.
    Strict,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HostConfig {
    pub(crate) name: String,
    pub(crate) via: Via,
    pub(crate) address: String,
    pub(crate) slots: usize,
    pub(crate) queue: usize,
    /// On the wire, in the transport's own way.
    pub(crate) compressed: bool,
    /// As written: `~` may stand for the home directory.
    pub(crate) ssh_config: Option<String>,
    /// Which share of its jobs is compiled twice.
    pub(crate) verify: Share,
    /// Bytes of inputs that it keeps, over ssh.
    pub(crate) store_size: u64,
}

/// A share of jobs, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Share(u32);

impl Share {
    const NONE: Self = Self(0);

    /// `None` for what isn't from 0 to 1.
    fn new(share: f64) -> Option<Self> {
        // Within the bounds that were checked.
        (0.0..=1.0).contains(&share).then_some(Self((share * 1e6).round() as u32))
    }

    pub(crate) fn get(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::new(DEFAULT_SHARE).unwrap_or(Self::NONE)
    }
}

/// The transport to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Via {
    Distcc,
    Ssh,
}

/// Why a farm can't be used. Each names the place and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FarmError {
    #[error("can't read the farm file {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the farm file {}: {error}", .path.display())]
    File { path: PathBuf, error: file::FileError },
    #[error("the host file {}: {error} (a farm file's name ends in .toml)", .path.display())]
    HostFile { path: PathBuf, error: hosts::HostListError },
    #[error("{variable}: {error}")]
    Hosts { variable: &'static str, error: hosts::HostListError },
    #[error(
        "the farm file {0} is not an absolute path; give `--farm FILE` to `farmbuild`, or set FARMBUILD_FARM to an absolute path"
    )]
    Relative(String),
}

/// Where the cache of an environment is: `$FARMBUILD_CACHE_DIR`, else where the farm file says, else the usual place for
/// caches. `None` if no directory of the user's is known.
pub(crate) fn cache_dir(config: &CacheConfig, env: &[(OsString, OsString)]) -> Option<PathBuf> {
    let set = |name| var(env, name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    if let Some(dir) = set("FARMBUILD_CACHE_DIR").filter(absolute) {
        return Some(dir);
    }
    let home = || set("HOME").filter(absolute);
    match config.dir.as_deref() {
        Some(dir) => match dir.strip_prefix('~') {
            Some(rest) => Some(home()?.join(rest.trim_start_matches('/'))),
            None => Some(PathBuf::from(dir)),
        },
        None => {
            let caches = set("XDG_CACHE_HOME").filter(absolute);
            Some(caches.or_else(|| Some(home()?.join(".cache")))?.join("farmbuild"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_belongs_to_the_innermost_base() {
        let base_dirs = ["/w/linux", "/w/trees/*", "/w/linux/tools"].map(PathBuf::from).to_vec();
        let config = CacheConfig { base_dirs, ..CacheConfig::default() };
        let rows = [
            ("/w/linux", Some("/w/linux")),
            ("/w/linux/fs", Some("/w/linux")),
            ("/w/linux/tools/perf", Some("/w/linux/tools")),
            ("/w/linux-next", None),
            ("/w/trees", None),
            ("/w/trees/a/b", Some("/w/trees/a")),
        ];
        for (cwd, base) in rows {
            assert_eq!(config.base_of(Path::new(cwd)), base.map(PathBuf::from), "{cwd}");
        }
    }
}
