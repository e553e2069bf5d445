//! LZO1X, the compression of the distcc protocol's version 2, over whole buffers.
//!
//! Written from the public description of the stream format (Linux, `Documentation/staging/lzo.rst`). Our own because
//! the permissively licensed crates (lzokay, lzokay-native) search for the best match: they compress preprocessed
//! source at 10-25 MB/s, which costs a client more than it saves. This one takes the first match it sees.
//! Knows nothing of packets or sockets.
//!
//! A stream is a sequence of instructions. Each copies a match from what was written before, then zero to three
//! literals; longer runs of literals have an instruction of their own.

mod compress;
mod decompress;

pub use compress::compress;
pub use decompress::{Corrupt, DecompressError, MAX_EXPANSION, decompress};

/// The farthest that a match can lie back.
const MAX_DISTANCE: usize = 0xbfff;
/// The farthest for the two-byte match instruction.
const NEAR_DISTANCE: usize = 0x800;
/// The longest match for it.
const NEAR_LENGTH: usize = 8;
/// The farthest for the shorter three-byte instruction; those beyond count from here.
const MIDDLE_DISTANCE: usize = 0x4000;
/// A match beyond `MIDDLE_DISTANCE` at distance zero: nothing follows.
const END: [u8; 3] = [0x11, 0, 0];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(data: &[u8]) {
        let packed = compress(data);
        let mut ours = Vec::new();
        decompress(&packed, &mut ours).unwrap();
        assert!(ours == data);
        let mut theirs = vec![0; data.len()];
        assert_eq!(lzokay::decompress::decompress(&packed, &mut theirs), Ok(data.len()));
        assert!(theirs == data);
    }

    /// Words from a small alphabet: much to match, at all distances.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::sample::select(vec![
            &b"int "[..],
            b"x",
            b"struct sockaddr ",
            b"\n# 1 \"a.h\"\n",
            b";\n",
            b"\0\0\0\0\0\0\0\0",
            b"__attribute__ ((__nothrow__ , __leaf__))",
        ]);
        prop::collection::vec((word, 1..40_usize), 0..400)
            .prop_map(|words| words.into_iter().flat_map(|(word, n)| word.repeat(n)).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_compressed_comes_back(data in text()) {
            round_trip(&data);
        }

        #[test]
        fn noise_comes_back(data in prop::collection::vec(any::<u8>(), 0..5000)) {
            round_trip(&data);
        }

        #[test]
        fn another_compressors_stream_is_understood(data in text()) {
            // Its stream for no bytes is one that its own decompressor refuses.
            prop_assume!(!data.is_empty());
            let packed = lzokay::compress::compress(&data).unwrap();
            let mut back = Vec::new();
            decompress(&packed, &mut back).unwrap();
            prop_assert!(back == data);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused_within_bounds(
            data in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            let mut out = Vec::new();
            let _ = decompress(&data, &mut out);
            prop_assert!(out.len() <= data.len() * MAX_EXPANSION + 64);
        }

        #[test]
        fn a_damaged_stream_is_decoded_or_refused(
            data in text(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut packed = compress(&data);
            let at = at.index(packed.len());
            packed[at] = byte;
            let mut out = Vec::new();
            let _ = decompress(&packed, &mut out);
            prop_assert!(out.len() <= packed.len() * MAX_EXPANSION + 64);
        }
    }

    #[test]
    fn every_short_length_comes_back() {
        let noise: Vec<u8> =
            (0..600_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in 0..noise.len() {
            round_trip(&noise[..length]);
            round_trip(&vec![7; length]);
        }
    }

    #[test]
    fn matches_at_and_beyond_every_limit_of_distance_come_back() {
        let noise: Vec<u8> =
            (0..60_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        for limit in [NEAR_DISTANCE, MIDDLE_DISTANCE, 2 * MIDDLE_DISTANCE, MAX_DISTANCE] {
            for distance in limit - 1..=limit + 1 {
                for length in [4, 8, 9, 33, 34, 300, 2000] {
                    let mut data = b"a needle in a haystack".repeat(length / 16 + 1);
                    data.truncate(length);
                    let needle = data.clone();
                    data.extend(&noise[..distance - length.min(distance)]);
                    data.extend(needle);
                    round_trip(&data);
                }
            }
        }
    }

    #[test]
    fn a_cut_stream_is_refused() {
        let packed = compress(&b"int x; int y; int z;".repeat(50));
        for length in 0..packed.len() {
            let error = decompress(&packed[..length], &mut Vec::new()).unwrap_err();
            assert!(matches!(error, DecompressError::Corrupt(Corrupt::Truncated)), "{length}");
        }
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        let mut packed = compress(b"int x;");
        packed.push(0);
        let error = decompress(&packed, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, DecompressError::Corrupt(Corrupt::TrailingBytes(1))));
    }
}
