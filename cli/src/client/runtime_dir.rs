//! The private directory that holds the daemon's socket, its locks and its log.
//!
//! `$XDG_RUNTIME_DIR/farmbuild` where that is ours and short enough for a socket, else `/tmp/farmbuild-UID`; mode 0700
//! and owned by us, or it isn't used: nobody else on this machine can use our daemon or stand in for it.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

/// Bytes of a socket's path, without the zero at its end (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

/// Why there is no private directory to meet the daemon in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeDirError {
    #[error("can't make {}: {source}", .path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error(
        "{} is not a directory of ours with mode 0700; remove it or set XDG_RUNTIME_DIR to a private directory",
        .0.display()
    )]
    NotPrivate(PathBuf),
}

/// A private directory, checked.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// Finds the directory and makes it if need be.
    pub(crate) fn open() -> Result<Self, RuntimeDirError> {
        let uid = geteuid().as_raw();
        let of_session = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| {
            path.is_absolute() && fs::metadata(path).is_ok_and(|it| it.is_dir() && it.uid() == uid)
        });
        let of_session = of_session.map(|parent| parent.join("farmbuild")).filter(|path| {
            Self(path.clone()).socket_being_made().as_os_str().len() <= LONGEST_SOCKET_PATH
        });
        let path = of_session.unwrap_or_else(|| PathBuf::from(format!("/tmp/farmbuild-{uid}")));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(RuntimeDirError::Make { path, source });
            }
            _ => {}
        }
        // Not `metadata`: a symbolic link put there by somebody else must not be followed.
        let private = fs::symlink_metadata(&path)
            .is_ok_and(|it| it.is_dir() && it.uid() == uid && it.mode() & 0o077 == 0);
        if private { Ok(Self(path)) } else { Err(RuntimeDirError::NotPrivate(path)) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("daemon.sock")
    }

    /// The socket's name until it can be connected to.
    pub(crate) fn socket_being_made(&self) -> PathBuf {
        self.0.join("daemon.sock.new")
    }

    /// Locked by the daemon that owns the socket.
    pub(crate) fn daemon_lock(&self) -> PathBuf {
        self.0.join("daemon.lock")
    }

    /// Locked by whoever starts a daemon, so that a hundred wrappers start one.
    pub(crate) fn start_lock(&self) -> PathBuf {
        self.0.join("start.lock")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("daemon.log")
    }

    /// The parent of all masquerade directories.
    pub(crate) fn masquerade(&self) -> PathBuf {
        self.0.join("masquerade")
    }
}
