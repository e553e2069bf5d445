//! The bytes of a record's file, and whether they are what they claim to be.
//!
//! Knows no files and nothing of the payload. The header: 8 bytes of magic, the version of the format, the kind, the
//! key, the length of the payload, and a checksum over all of that and the payload.

use super::id::Key;
use super::record::RecordKind;

const MAGIC: &[u8; 8] = b"farmbrec";
const VERSION: u8 = 2;
/// Where the checksum begins.
const CHECKED: usize = 8 + 1 + 1 + 32 + 8;
/// Where the payload begins.
pub(super) const HEADER: usize = CHECKED + 32;

pub(super) fn encode(kind: RecordKind, key: &Key, payload: &[u8]) -> Vec<u8> {
    let mut file = header(kind, key, payload.len());
    let checksum = checksum(&file, payload);
    file.reserve_exact(checksum.len() + payload.len());
    file.extend_from_slice(&checksum);
    file.extend_from_slice(payload);
    file
}

/// The payload of `file`, if that is the undamaged record of this kind and key.
pub(super) fn decode(kind: RecordKind, key: &Key, mut file: Vec<u8>) -> Option<Vec<u8>> {
    let (head, payload) = file.split_at_checked(HEADER)?;
    let (stated, sum) = head.split_at(CHECKED);
    if stated != header(kind, key, payload.len()) || sum != checksum(stated, payload) {
        return None;
    }
    file.drain(..HEADER);
    Some(file)
}

fn header(kind: RecordKind, key: &Key, length: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&[VERSION, kind.code()]);
    header.extend_from_slice(key.as_bytes());
    header.extend_from_slice(&(length as u64).to_le_bytes());
    header
}

fn checksum(header: &[u8], payload: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new().update(header).update(payload).finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_by_its_own_kind_and_key_only() {
        let key = Key::of(b"key");
        let file = encode(RecordKind::Manifest, &key, b"payload");
        assert_eq!(decode(RecordKind::Manifest, &key, file.clone()).unwrap(), b"payload");
        assert_eq!(decode(RecordKind::Text, &key, file.clone()), None);
        assert_eq!(decode(RecordKind::Manifest, &Key::of(b"other"), file), None);
    }

    #[test]
    fn any_flipped_bit_and_any_other_length_is_noticed() {
        let key = Key::of(b"key");
        let file = encode(RecordKind::Facts, &key, b"payload");
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(RecordKind::Facts, &key, flipped), None, "bit {bit}");
        }
        for length in 0..file.len() {
            assert_eq!(decode(RecordKind::Facts, &key, file[..length].to_vec()), None);
        }
        assert_eq!(decode(RecordKind::Facts, &key, [&file[..], b"\0"].concat()), None);
    }
}
