//! Where the farm is written down.
//!
//! `$FARMBUILD_FARM` (which `--farm FILE` sets), else the user's `farm.toml`, else `$FARMBUILD_HOSTS` or `$DISTCC_HOSTS`,
//! else nowhere: this machine alone. A `farm.toml` in the build tree is never looked for, because an untrusted tree
//! must not choose where code is sent.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{self, Path, PathBuf};

use farmbuild_core::protocol::message::var;

use super::{CacheConfig, FarmConfig, FarmError, LocalConfig, file, hosts};

/// The longest farm file that is read, in bytes; a thousand hosts are a tenth of it.
const MAX_FILE: u64 = 1 << 20;

/// One place that a farm can be written in. Equal sources are the same farm.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FarmSource {
    /// A `farm.toml`; under any other name than `*.toml`, a host file of distcc's.
    File(PathBuf),
    /// A host list in distcc's grammar, from this variable.
    List { variable: &'static str, text: String },
    /// None: no remote hosts.
    Nowhere,
}

impl FarmSource {
    /// The farm that an environment chooses.
    pub(crate) fn choose(env: &[(OsString, OsString)]) -> Result<Self, FarmError> {
        let set = |name| var(env, name).filter(|value| !value.is_empty());
        if let Some(file) = set("FARMBUILD_FARM") {
            let path = PathBuf::from(file);
            return if path.is_absolute() {
                Ok(Self::File(path))
            } else {
                Err(FarmError::Relative(lossy(file)))
            };
        }
        let config = set("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let config = config.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")));
        if let Some(path) = config.map(|config| config.join("farmbuild/farm.toml"))
            && path.exists()
        {
            return Ok(Self::File(path));
        }
        let list = |variable| set(variable).map(|text| Self::List { variable, text: lossy(text) });
        Ok(list("FARMBUILD_HOSTS").or_else(|| list("DISTCC_HOSTS")).unwrap_or(Self::Nowhere))
    }

    /// The file it is written in, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::List { .. } | Self::Nowhere => None,
        }
    }

    /// Reads the farm.
    pub(crate) fn read(&self) -> Result<FarmConfig, FarmError> {
        match self {
            Self::File(path) => {
                let text = read_bounded(path)
                    .map_err(|source| FarmError::Read { path: path.clone(), source })?;
                if path.extension().is_none_or(|extension| extension != "toml") {
                    let at = |error| FarmError::HostFile { path: path.clone(), error };
                    return hosts::parse(&text).map_err(at);
                }
                file::parse(&text).map_err(|error| FarmError::File { path: path.clone(), error })
            }
            Self::List { variable, text } => {
                hosts::parse(text).map_err(|error| FarmError::Hosts { variable, error })
            }
            Self::Nowhere => Ok(FarmConfig {
                local: LocalConfig::default(),
                cache: CacheConfig::default(),
                hosts: Vec::new(),
                warnings: Vec::new(),
            }),
        }
    }
}

impl fmt::Display for FarmSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::List { variable, .. } => write!(f, "${variable}"),
            Self::Nowhere => f.write_str("no farm is configured"),
        }
    }
}

/// This process's environment, with the farm that the command line or the environment names made absolute: the
/// daemon has another working directory, and so have the build's own sub-directories.
pub(crate) fn environment(named: Option<&Path>) -> Result<Vec<(OsString, OsString)>, FarmError> {
    let mut env: Vec<_> = env::vars_os().collect();
    let named =
        named.map(Path::to_owned).or_else(|| env::var_os("FARMBUILD_FARM").map(PathBuf::from));
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        let absolute = path::absolute(&path).map_err(|source| FarmError::Read { path, source })?;
        env.retain(|(key, _)| key != "FARMBUILD_FARM");
        env.push(("FARMBUILD_FARM".into(), absolute.into()));
    }
    Ok(env)
}

fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

fn read_bounded(path: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it is longer than {MAX_FILE} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(key, value)| (key.into(), value.into())).collect()
    }

    #[test]
    fn a_named_file_comes_before_host_lists() {
        let source =
            FarmSource::choose(&env(&[("DISTCC_HOSTS", "a"), ("FARMBUILD_FARM", "/f.toml")]))
                .unwrap();
        assert_eq!(source, FarmSource::File("/f.toml".into()));
    }

    #[test]
    fn our_own_host_list_comes_before_distccs() {
        let source =
            FarmSource::choose(&env(&[("DISTCC_HOSTS", "a"), ("FARMBUILD_HOSTS", "b")])).unwrap();
        assert_eq!(source, FarmSource::List { variable: "FARMBUILD_HOSTS", text: "b".into() });
    }

    #[test]
    fn nothing_set_is_this_machine_alone() {
        assert_eq!(
            FarmSource::choose(&env(&[("HOME", "/nonexistent")])).unwrap(),
            FarmSource::Nowhere
        );
    }

    #[test]
    fn a_relative_file_is_refused_because_each_directory_would_have_its_own() {
        assert!(FarmSource::choose(&env(&[("FARMBUILD_FARM", "farm.toml")])).is_err());
    }
}
