//! What is put comes back.

use std::fs;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;

use farmbuild_cache::store::{BlobId, Compression, Key, RecordKind};
use proptest::prelude::*;

use crate::space::{Space, given_dir, noise, open, under};

fn contents() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        vec![7],
        b"int x;\n".repeat(10_000),
        noise(1, 4096),
        noise(2, 300_000),
        vec![0; 40 << 20],
    ]
}

#[test]
fn blobs_come_back_whatever_the_compression() {
    for (writer, reader) in [(true, true), (true, false), (false, true), (false, false)] {
        let space = Space::new();
        let store = |zstd: bool| if zstd { space.store() } else { space.raw_store() };
        let (writer, reader) = (store(writer), store(reader));
        for content in contents() {
            let id = writer.put_blob(&content).unwrap();
            assert_eq!(id, BlobId::of(&content));
            assert!(reader.get_blob(&id).unwrap() == content);
            let mut output = space.output();
            let placed = reader.place_blob(&id, &mut output).unwrap().unwrap();
            assert_eq!(placed.bytes, content.len() as u64);
            let mut read = Vec::new();
            output.rewind().unwrap();
            output.read_to_end(&mut read).unwrap();
            assert!(read == content);
        }
    }
}

#[test]
fn a_placed_blob_shares_nothing_with_the_cache_that_a_write_could_reach() {
    let space = Space::new();
    let store = space.raw_store();
    let content = noise(1, 100_000);
    let id = store.put_blob(&content).unwrap();
    let mut output = space.output();
    store.place_blob(&id, &mut output).unwrap().unwrap();
    output.rewind().unwrap();
    output.write_all(b"spoiled").unwrap();
    assert_eq!(fs::metadata(space.entry()).unwrap().nlink(), 1);
    assert_eq!(store.get_blob(&id), Some(content));
}

#[test]
fn blocks_are_shared_where_the_file_system_can() {
    let space = Space::new();
    let store = space.raw_store();
    let content = noise(1, 100_000);
    let id = store.put_blob(&content).unwrap();
    let source = fs::File::open(space.entry()).unwrap();
    let able = rustix::fs::ioctl_ficlone(space.output(), &source).is_ok();
    let mut output = space.output();
    let placed = store.place_blob(&id, &mut output).unwrap().unwrap();
    assert_eq!(placed.reflinked, able);
    assert_eq!(output.metadata().unwrap().len(), placed.bytes);
}

#[test]
fn placing_replaces_what_the_output_had() {
    let space = Space::new();
    let store = space.store();
    let id = store.put_blob(b"short").unwrap();
    let path = space.path("out");
    fs::write(&path, noise(1, 10_000)).unwrap();
    let mut output = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    store.place_blob(&id, &mut output).unwrap().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"short");
    assert_eq!(store.place_blob(&BlobId::of(b"unknown"), &mut output).unwrap(), None);
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn a_file_with_the_content_of_a_blob_is_recognised() {
    for compressed in [true, false] {
        let space = Space::new();
        let store = if compressed { space.store() } else { space.raw_store() };
        for content in contents() {
            let id = store.put_blob(&content).unwrap();
            let is_blob = |content: &[u8]| {
                fs::write(space.path("there"), content).unwrap();
                store.is_blob(&id, &mut fs::File::open(space.path("there")).unwrap())
            };
            assert!(is_blob(&content));
            assert!(!is_blob(&[&content[..], b"."].concat()), "longer");
            if let Some((last, rest)) = content.split_last() {
                assert!(!is_blob(rest), "shorter");
                assert!(!is_blob(&[rest, &[last ^ 1]].concat()), "as long");
            }
            assert!(!store.is_blob(&BlobId::of(b"unknown"), &mut space.output()));
        }
    }
}

#[test]
fn a_blob_is_stored_once() {
    let space = Space::new();
    let store = space.store();
    for _ in 0..3 {
        store.put_blob(b"content").unwrap();
    }
    space.raw_store().put_blob(b"content").unwrap();
    assert_eq!(space.entries().len(), 1);
    assert_eq!(store.usage().files, 1);
}

#[test]
fn records_of_each_kind_live_beside_each_other() {
    let space = Space::new();
    let (store, key) = (space.store(), Key::of(b"key"));
    for kind in RecordKind::ALL {
        assert_eq!(store.get_record(kind, &key), None);
        store.update_record(kind, &key, |_| Some(format!("{kind:?}").into_bytes())).unwrap();
    }
    for store in [store, space.store()] {
        for kind in RecordKind::ALL {
            assert_eq!(store.get_record(kind, &key).unwrap(), format!("{kind:?}").into_bytes());
        }
    }
}

#[test]
fn a_record_is_merged_and_may_be_left_alone() {
    let space = Space::new();
    let (store, key) = (space.store(), Key::of(b"key"));
    let kind = RecordKind::Manifest;
    store.update_record(kind, &key, |old| old.map(<[u8]>::to_vec)).unwrap();
    assert!(space.entries().is_empty());
    store.update_record(kind, &key, |_| Some(b"one".to_vec())).unwrap();
    let add = |old: Option<&[u8]>| Some([old.unwrap_or_default(), b" two"].concat());
    store.update_record(kind, &key, add).unwrap();
    store.update_record(kind, &key, |_| None).unwrap();
    assert_eq!(store.get_record(kind, &key).unwrap(), b"one two");
}

#[test]
fn a_record_changed_by_another_store_is_seen() {
    let space = Space::new();
    let (here, there) = (space.store(), space.store());
    let (kind, key) = (RecordKind::Text, Key::of(b"key"));
    for number in 0..50_u8 {
        let (writer, reader) = if number % 2 == 0 { (&here, &there) } else { (&there, &here) };
        writer.update_record(kind, &key, |_| Some(vec![number; 100])).unwrap();
        assert_eq!(reader.get_record(kind, &key).unwrap(), [number; 100]);
        assert_eq!(writer.get_record(kind, &key).unwrap(), [number; 100]);
    }
}

#[test]
fn nobody_else_can_read_the_cache() {
    let space = Space::new();
    let store = space.store();
    store.put_blob(b"secret").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(space.entry()), 0o600);
    assert_eq!(mode(space.dir()), 0o700);
    assert!(fs::read(space.dir().join("CACHEDIR.TAG")).unwrap().starts_with(b"Signature: 8a47"));
}

#[test]
fn the_umask_takes_more_away() {
    if let Some(dir) = given_dir() {
        open(&dir, None, Compression::None).put_blob(b"content").unwrap();
        return;
    }
    let space = Space::new();
    let script = "umask 0277; exec \"$@\"";
    // Made here, where the umask still lets us in.
    let shard = &BlobId::of(b"content").to_string()[..2];
    fs::create_dir_all(space.dir().join("v1").join(shard)).unwrap();
    let test = "contents::the_umask_takes_more_away";
    let output = under(script, &["sh"], test, &space.dir()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::metadata(space.entry()).unwrap().permissions().mode() & 0o777, 0o400);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_comes_back(
        content in prop::collection::vec(any::<u8>(), 0..20_000),
        times in 1..20_usize,
    ) {
        let space = Space::new();
        let store = space.store();
        let content = content.repeat(times);
        let id = store.put_blob(&content).unwrap();
        prop_assert_eq!(store.get_blob(&id), Some(content.clone()));
        let key = Key::of(&content);
        store.update_record(RecordKind::Facts, &key, |_| Some(content.clone())).unwrap();
        prop_assert_eq!(space.store().get_record(RecordKind::Facts, &key), Some(content));
    }
}

#[test]
fn a_blob_that_was_forgotten_is_a_miss_and_can_be_kept_again() {
    for store in [Space::store, Space::raw_store] {
        let space = Space::new();
        let store = store(&space);
        let (one, other) = (noise(1, 5000), noise(2, 5000));
        let (id, kept) = (store.put_blob(&one).unwrap(), store.put_blob(&other).unwrap());
        assert!(store.forget_blob(&id));
        assert_eq!((store.get_blob(&id), store.get_blob(&kept)), (None, Some(other)));
        assert!(!store.forget_blob(&id), "it is gone already");
        store.put_blob(&one).unwrap();
        assert_eq!(store.get_blob(&id), Some(one));
    }
}
