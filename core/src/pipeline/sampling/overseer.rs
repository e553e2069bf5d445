//! Who is told of samples, and knows what the pipeline doesn't: builds and caches.

use std::path::PathBuf;

use async_trait::async_trait;

use super::content::ContentHash;
use crate::protocol::message::BuildId;

/// Something to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Count {
    /// A job was compiled a second time, and the bytes agreed.
    Agreed,
    /// They differed.
    Differed,
    /// They differed, and nobody is to blame: this machine doesn't make the same bytes twice either.
    Undecided,
    /// A sample wasn't compiled again, for lack of an idle slot or because that failed.
    Dropped,
    /// A wrong object was made again.
    Redone,
}

/// What was found out about an object of a host in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The host.
    pub host: String,
    /// The object.
    pub path: PathBuf,
    /// What was found.
    pub found: Found,
}

/// What was found out about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was wrong. The right one is in its place now.
    Redone,
    /// It was wrong, and isn't there any more in the form in which the host made it; or the right one couldn't be put
    /// in its place.
    Wrong(String),
    /// It can't be told.
    Unknown(String),
}

/// Knows builds and caches.
#[async_trait]
pub trait Overseer: Send + Sync {
    /// Counts something.
    fn count(&self, build: Option<BuildId>, count: Count);

    /// Whether a build goes on, so that its objects may be put right.
    fn is_open(&self, build: BuildId) -> bool;

    /// An object of a build that goes on isn't, or mayn't be, what a compile here makes: its owner must hear of it.
    fn tell(&self, build: BuildId, finding: Finding);

    /// Something to say to the owner of a build at its end.
    fn notice(&self, build: Option<BuildId>, sentence: String);

    /// Makes sure that files of these contents are in no cache.
    async fn forget(&self, contents: &[ContentHash]);
}
