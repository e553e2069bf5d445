//! Places that are missing, full, read-only or something else.

use std::fs;
use std::os::unix::fs::MetadataExt;

use farmbuild_cache::store::{BlobId, Compression, Key, RecordKind, Store, StoreError};

use crate::space::{Space, given_dir, mounting_shell, noise, open, under};

fn is_unwritable(store: &Store) {
    let id = BlobId::of(b"unknown");
    assert_eq!(store.get_blob(&id), None);
    assert_eq!(store.get_record(RecordKind::Text, &Key::of(b"key")), None);
    let error = store.put_blob(b"new content").unwrap_err();
    let StoreError::Io { path, .. } = &error else { panic!("{error}") };
    assert!(path.starts_with(store.dir()), "{error}");
    let update = store.update_record(RecordKind::Text, &Key::of(b"key"), |_| Some(vec![1]));
    assert!(matches!(update, Err(StoreError::Io { .. })), "{update:?}");
    assert!(store.set_persisted_limit(1).is_err());
    store.maintain(std::time::Duration::from_secs(5));
}

#[test]
fn opening_and_reading_makes_no_file() {
    let space = Space::new();
    let store = space.store();
    assert_eq!(store.get_blob(&BlobId::of(b"unknown")), None);
    assert_eq!(store.get_record(RecordKind::Text, &Key::of(b"key")), None);
    store.maintain(std::time::Duration::from_secs(5));
    store.gc();
    store.clear().unwrap();
    assert_eq!(store.usage().files, 0);
    drop(store);
    assert!(!space.dir().exists());
}

#[test]
fn a_file_in_the_place_of_the_directory_is_an_error_for_writes_only() {
    let space = Space::new();
    fs::write(space.dir(), b"no directory").unwrap();
    is_unwritable(&space.store());
    assert_eq!(fs::read(space.dir()).unwrap(), b"no directory");
}

#[test]
fn a_cache_that_someone_removed_starts_anew() {
    let space = Space::new();
    let store = space.store();
    let id = store.put_blob(b"content").unwrap();
    fs::remove_dir_all(space.dir()).unwrap();
    assert_eq!(store.get_blob(&id), None);
    store.put_blob(b"content").unwrap();
    assert_eq!(store.get_blob(&id).unwrap(), b"content");
}

#[test]
fn a_read_only_cache_still_gives_hits() {
    if let Some(dir) = given_dir() {
        let store = open(&dir, None, Compression::None);
        assert_eq!(store.get_blob(&BlobId::of(b"content")).unwrap(), b"content");
        assert_eq!(store.get_record(RecordKind::Facts, &Key::of(b"key")).unwrap(), b"payload");
        is_unwritable(&store);
        return;
    }
    let Some(shell) = mounting_shell() else { return };
    let space = Space::new();
    let store = space.store();
    store.put_blob(b"content").unwrap();
    let key = Key::of(b"key");
    store.update_record(RecordKind::Facts, &key, |_| Some(b"payload".to_vec())).unwrap();
    drop(store);
    let script =
        "mount --bind \"$DIR\" \"$DIR\" && mount -o remount,bind,ro \"$DIR\" && exec \"$@\"";
    let test = "place::a_read_only_cache_still_gives_hits";
    let output = under(script, shell, test, &space.dir()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Fills a cache until it takes no more, and looks at what is there then.
fn fill(store: &Store) -> StoreError {
    let (mut kept, mut seed) = (Vec::new(), 0);
    let error = loop {
        seed += 1;
        assert!(seed < 1000, "it never became full");
        match store.put_blob(&noise(seed, 20_000)) {
            Ok(id) => kept.push(id),
            Err(error) => break error,
        }
    };
    assert!(kept.iter().all(|id| store.get_blob(id).is_some()));
    assert_eq!(store.verify(&mut |_, _| {}).unwrap().damaged, 0);
    assert_eq!(store.scan_usage().unwrap().temporaries.files, 0);
    error
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    if let Some(dir) = given_dir() {
        let store = open(&dir, None, Compression::None);
        let error = fill(&store);
        assert!(error.to_string().contains("No space left"), "{error}");
        store.clear().unwrap();
        store.put_blob(&noise(1, 20_000)).unwrap();
        return;
    }
    let Some(shell) = mounting_shell() else { return };
    let space = Space::new();
    fs::create_dir(space.dir()).unwrap();
    let script = "mount -t tmpfs -o size=512k tmpfs \"$DIR\" && exec \"$@\"";
    let test = "place::a_full_disk_leaves_nothing_half_written";
    let output = under(script, shell, test, &space.dir()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_write_that_ends_in_the_middle_leaves_nothing() {
    if let Some(dir) = given_dir() {
        let store = open(&dir, None, Compression::None);
        store.put_blob(&noise(1, 1000)).unwrap();
        let error = store.put_blob(&noise(2, 1 << 20)).unwrap_err();
        assert!(error.to_string().contains("can't write"), "{error}");
        let key = Key::of(b"key");
        store.update_record(RecordKind::Text, &key, |_| Some(b"old".to_vec())).unwrap();
        let update = store.update_record(RecordKind::Text, &key, |_| Some(noise(2, 1 << 20)));
        assert!(update.is_err());
        assert_eq!(store.get_record(RecordKind::Text, &key).unwrap(), b"old");
        let usage = store.scan_usage().unwrap();
        assert_eq!((usage.blobs.files, usage.records.files, usage.temporaries.files), (1, 1, 0));
        return;
    }
    let space = Space::new();
    // Files may have 32 or 64 KiB, and to exceed that is an error rather than a signal.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$@\"";
    let test = "place::a_write_that_ends_in_the_middle_leaves_nothing";
    let output = under(script, &["sh"], test, &space.dir()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn an_output_that_cant_be_written_is_the_callers_error_and_keeps_the_blob() {
    let space = Space::new();
    let store = space.raw_store();
    let id = store.put_blob(b"content").unwrap();
    let mut read_only = fs::File::open(space.entry()).unwrap();
    let placed = store.place_blob(&id, &mut read_only);
    assert!(matches!(placed, Err(StoreError::Output(_))), "{placed:?}");
    assert_eq!(store.get_blob(&id).unwrap(), b"content");
    assert!(fs::metadata(space.entry()).unwrap().size() > 0);
}
