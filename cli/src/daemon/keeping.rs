//! Small files that carry what one daemon knew to the next.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What `file` holds; `None` if it isn't there or can't be understood.
pub(crate) fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Puts `value` in `file`, whole or not at all.
pub(crate) fn write(file: &Path, value: &impl Serialize) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, serde_json::to_vec(value)?)?;
    fs::rename(new, file)
}
