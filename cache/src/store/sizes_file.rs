//! The file of the sizes: magic, a row for each shard, and a checksum.
//!
//! Knows nothing of what the numbers mean. A damaged file is none.

use std::fs;
use std::path::Path;

use super::layout::SHARDS;

const MAGIC: &[u8; 8] = b"farmsiz1";
const ROW: usize = 24;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) bytes: u64,
    pub(super) files: u64,
    /// When the shard was counted, in microseconds since the epoch; 0 is never.
    pub(super) counted: u64,
}

pub(super) fn read(path: &Path) -> Option<[Row; SHARDS]> {
    let length = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    (length == (MAGIC.len() + SHARDS * ROW + 32) as u64)
        .then(|| fs::read(path).ok())?
        .and_then(|bytes| decode(&bytes))
}

pub(super) fn encode(rows: &[Row; SHARDS]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for row in rows {
        for number in [row.bytes, row.files, row.counted] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<[Row; SHARDS]> {
    let (content, checksum) = bytes.split_last_chunk::<32>()?;
    if checksum != blake3::hash(content).as_bytes() {
        return None;
    }
    let mut rows = [Row::default(); SHARDS];
    let numbers = content.strip_prefix(MAGIC)?;
    for (row, chunk) in rows.iter_mut().zip(numbers.chunks_exact(ROW)) {
        let mut numbers = chunk
            .chunks_exact(8)
            .map(|number| number.try_into().map(u64::from_le_bytes).unwrap_or_default());
        *row = Row { bytes: numbers.next()?, files: numbers.next()?, counted: numbers.next()? };
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_table_counts_for_nothing() {
        let mut rows = [Row::default(); SHARDS];
        rows[3].bytes = 4096;
        let mut bytes = encode(&rows);
        assert_eq!(decode(&bytes).unwrap()[3].bytes, 4096);
        bytes[100] ^= 1;
        assert!(decode(&bytes).is_none());
        assert!(decode(b"").is_none());
    }
}
