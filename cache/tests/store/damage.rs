//! What is damaged, cut short or not ours is a miss, and goes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use farmbuild_cache::store::{BlobId, Key, RecordKind, Store};
use proptest::prelude::*;

use crate::space::{Space, noise};

/// Whether the blob is a miss for every way of reading, each of which removes its file.
fn is_missed(space: &Space, store: &Store, id: &BlobId, damaged: &[u8], path: &Path) {
    let spoil = || fs::write(path, damaged).unwrap();
    spoil();
    assert_eq!(store.get_blob(id), None);
    assert!(!path.exists());
    spoil();
    let mut output = space.output();
    assert_eq!(store.place_blob(id, &mut output).unwrap(), None);
    assert_eq!(output.metadata().unwrap().len(), 0);
    assert!(!path.exists());
    spoil();
    let report = store.verify(&mut |_, _| {}).unwrap();
    assert_eq!((report.checked, report.damaged), (1, 1));
    assert!(!path.exists());
}

#[test]
fn a_damaged_blob_is_a_miss_and_removed() {
    let text = b"static const char *const names[] = { \"a\", \"b\" };\n".repeat(400);
    for (compressed, content) in [(true, text.clone()), (false, text), (false, noise(1, 5000))] {
        let space = Space::new();
        let store = if compressed { space.store() } else { space.raw_store() };
        let id = store.put_blob(&content).unwrap();
        let path = space.entry();
        assert_eq!(path.extension().unwrap(), if compressed { "zst" } else { "raw" });
        let whole = fs::read(&path).unwrap();
        let interesting = (0..whole.len().min(24)).chain((24..whole.len()).step_by(97));
        for offset in interesting.chain([whole.len() - 1]) {
            is_missed(&space, &store, &id, &whole[..offset], &path);
            let mut flipped = whole.clone();
            flipped[offset] ^= 1 << (offset % 8);
            // A flipped bit of a frame's header may change nothing in the content: then it is the content.
            fs::write(&path, &flipped).unwrap();
            match store.get_blob(&id) {
                Some(read) => assert!(read == content && compressed),
                None => is_missed(&space, &store, &id, &flipped, &path),
            }
        }
        is_missed(&space, &store, &id, &[&whole[..], b"more"].concat(), &path);
        is_missed(&space, &store, &id, &vec![0; whole.len()], &path);
        is_missed(&space, &store, &id, b"", &path);
        store.put_blob(&content).unwrap();
        assert_eq!(store.get_blob(&id), Some(content));
    }
}

#[test]
fn a_damaged_record_is_a_miss_and_removed() {
    let space = Space::new();
    let (kind, key) = (RecordKind::Manifest, Key::of(b"key"));
    space.store().update_record(kind, &key, |_| Some(b"payload".to_vec())).unwrap();
    let path = space.entry();
    let whole = fs::read(&path).unwrap();
    let store = space.store();
    for offset in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[offset] ^= 1 << (offset % 8);
        for damaged in [&whole[..offset], &flipped] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(store.get_record(kind, &key), None, "offset {offset}");
            assert!(!path.exists());
        }
        fs::write(&path, &flipped).unwrap();
        store
            .update_record(kind, &key, |old| {
                assert_eq!(old, None);
                None
            })
            .unwrap();
        assert!(!path.exists());
    }
}

#[test]
fn a_record_in_the_place_of_another_is_foreign() {
    let space = Space::new();
    let store = space.store();
    let (here, there) = (Key::of(b"here"), Key::of(b"there"));
    store.update_record(RecordKind::Text, &here, |_| Some(b"payload".to_vec())).unwrap();
    let moved = space.entry();
    store.update_record(RecordKind::Text, &there, |_| Some(b"other".to_vec())).unwrap();
    let target = space.entries().into_iter().find(|path| *path != moved).unwrap();
    fs::rename(&moved, &target).unwrap();
    assert_eq!(store.get_record(RecordKind::Text, &there), None);
    assert!(!target.exists());
}

#[test]
fn what_is_no_file_neither_blocks_nor_leads_elsewhere() {
    let space = Space::new();
    let store = space.raw_store();
    let content = noise(1, 100);
    let id = store.put_blob(&content).unwrap();
    let (path, outside) = (space.entry(), space.path("outside"));
    fs::write(&outside, &content).unwrap();
    let fifo = |path: &Path| {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
    };
    let directory = |path: &Path| fs::create_dir_all(path.join("full")).unwrap();
    let link = |path: &Path| symlink(&outside, path).unwrap();
    let thieves: [&dyn Fn(&Path); 3] = [&fifo, &directory, &link];
    for thief in thieves {
        fs::remove_file(&path).unwrap();
        thief(&path);
        assert_eq!(store.get_blob(&id), None);
        assert!(fs::symlink_metadata(&path).is_err());
        thief(&path);
        store.put_blob(&content).unwrap();
        assert_eq!(store.get_blob(&id).as_ref(), Some(&content));
    }
    assert_eq!(fs::read(&outside).unwrap(), content);
}

#[test]
fn verify_finds_the_damaged_among_the_sound() {
    let space = Space::new();
    let store = space.store();
    for number in 0..20 {
        let content = noise(number, 3000);
        store.put_blob(&content).unwrap();
        store.update_record(RecordKind::Facts, &Key::of(&content), |_| Some(content)).unwrap();
    }
    for path in space.entries().iter().step_by(8) {
        fs::write(path, b"damaged").unwrap();
    }
    let mut seen = Vec::new();
    let report = store.verify(&mut |done, total| seen.push((done, total))).unwrap();
    assert_eq!((report.checked, report.damaged), (40, 5));
    assert_eq!(seen, (0..=40).map(|done| (done, 40)).collect::<Vec<_>>());
    let report = store.verify(&mut |_, _| {}).unwrap();
    assert_eq!((report.checked, report.damaged), (35, 0));
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json["checked"], 35);
}

/// Arbitrary bytes, also behind the beginning of a genuine file.
fn spoiled() -> impl Strategy<Value = (usize, Vec<u8>)> {
    (0..100_usize, prop::collection::vec(any::<u8>(), 0..300))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes_are_never_a_hit((kept, tail) in spoiled()) {
        let space = Space::new();
        let (zstd, raw) = (space.store(), space.raw_store());
        let text = b"int x;\n".repeat(1000);
        let ids = [zstd.put_blob(&text).unwrap(), raw.put_blob(&noise(1, 500)).unwrap()];
        let key = Key::of(b"key");
        zstd.update_record(RecordKind::Text, &key, |_| Some(noise(2, 500))).unwrap();
        for path in space.entries() {
            let mut bytes = fs::read(&path).unwrap();
            bytes.truncate(kept);
            bytes.extend_from_slice(&tail);
            fs::write(path, bytes).unwrap();
        }
        for id in ids {
            prop_assert!(zstd.get_blob(&id).is_none_or(|content| BlobId::of(&content) == id));
        }
        prop_assert_eq!(zstd.get_record(RecordKind::Text, &key), None);
        prop_assert_eq!(space.store().verify(&mut |_, _| {}).unwrap().damaged, 0);
    }

    #[test]
    fn arbitrary_tables_and_limits_are_survived((_, bytes) in spoiled()) {
        let space = Space::new();
        let id = space.store().put_blob(b"content").unwrap();
        fs::write(space.dir().join("v1/sizes"), &bytes).unwrap();
        fs::write(space.dir().join("limit"), &bytes).unwrap();
        let store = space.store_of(1 << 30);
        store.maintain(std::time::Duration::from_secs(5));
        prop_assert_eq!(store.usage().files, 1);
        prop_assert_eq!(store.get_blob(&id), Some(b"content".to_vec()));
        let _ = space.store().persisted_limit();
    }
}
