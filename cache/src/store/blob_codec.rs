//! How a blob's content becomes the bytes of its file, and back.
//!
//! Knows no files and no ids: whether the content is the right one is for the caller to check.

use std::cell::RefCell;

use super::layout::footprint;

/// A hit waits for decompression: this level takes a fifth less time there than 1, for a twentieth more room (objects of
/// haproxy).
const LEVEL: i32 = -1;

/// The compressed content, if that takes less of the disk. What spares no block is better stored as it is.
pub(super) fn compress(content: &[u8]) -> Option<Vec<u8>> {
    let compressed = zstd::bulk::compress(content, LEVEL).ok()?;
    let (from, to) = (content.len() as u64, compressed.len() as u64);
    (footprint(to) < footprint(from) && is_plausible(from, to)).then_some(compressed)
}

/// The length of the content of a zstd frame whose first bytes are `start`, by its own account.
pub(super) fn content_length(start: &[u8]) -> Option<u64> {
    zstd::zstd_safe::get_frame_content_size(start).ok()?
}

/// The most bytes that [`content_length`] needs: a frame's header (RFC 8878, 3.1.1).
pub(super) const START: u64 = 18;

/// The content of a zstd frame, unless it is damaged; memory is bounded by what [`compress`] could have made.
pub(super) fn decompress(stored: &[u8]) -> Option<Vec<u8>> {
    let size = content_length(stored)?;
    if !is_plausible(size, stored.len() as u64) {
        return None;
    }
    let size = usize::try_from(size).ok()?;
    let mut content = Vec::new();
    content.try_reserve_exact(size).ok()?;
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        let decompressor = match decompressor {
            Some(there) => there,
            None => decompressor.insert(zstd::bulk::Decompressor::new().ok()?),
        };
        decompressor.decompress_to_buffer(stored, &mut content).ok()
    })?;
    (content.len() == size).then_some(content)
}

thread_local! {
    /// Its tables take a tenth of a megabyte, and setting them up longer than a small object.
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Whether so little may become so much. Objects shrink to a third or so; one that shrinks beyond this is stored raw.
fn is_plausible(content: u64, stored: u64) -> bool {
    content <= (16 << 20) + stored.saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_content_comes_back() {
        let content = b"int main(void) { return 0; }\n".repeat(1000);
        assert_eq!(decompress(&compress(&content).unwrap()).unwrap(), content);
    }

    #[test]
    fn content_that_spares_no_block_is_left_alone() {
        assert_eq!(compress(b""), None);
        assert_eq!(compress(&[0; 4096]), None);
        let noise: Vec<u8> = (0..4096_u32).flat_map(|i| *BlobHash::of(i).as_bytes()).collect();
        assert_eq!(compress(&noise), None);
    }

    struct BlobHash;

    impl BlobHash {
        fn of(number: u32) -> blake3::Hash {
            blake3::hash(&number.to_le_bytes())
        }
    }

    #[test]
    fn a_bomb_is_neither_made_nor_opened() {
        let zeros = vec![0; 64 << 20];
        assert_eq!(compress(&zeros), None);
        let bomb = zstd::bulk::compress(&zeros, LEVEL).unwrap();
        assert!(bomb.len() < 10_000);
        assert_eq!(decompress(&bomb), None);
    }

    #[test]
    fn a_frame_that_states_no_size_is_refused() {
        let frame = zstd::stream::encode_all(&b"content"[..], LEVEL).unwrap();
        assert_eq!(decompress(&frame), None);
    }
}
