//! Many threads and processes at once, some of which die.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use farmbuild_cache::store::{BlobId, Compression, Key, RecordKind, StoreError};
use rustix::fs::FlockOperation;

use crate::space::{Space, again, age, given_dir, noise, open};

const ROUNDS: usize = 50;

/// Appends a byte to one record, again and again, from two threads with a store each; puts and gets one blob.
fn hammer(dir: &Path) {
    let key = Key::of(b"shared");
    let append = |old: Option<&[u8]>| Some([old.unwrap_or_default(), b"x"].concat());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let store = open(dir, None, Compression::Zstd);
                for round in 0..ROUNDS {
                    // Busy is allowed, losing isn't.
                    while let Err(error) = store.update_record(RecordKind::Manifest, &key, append) {
                        assert!(matches!(error, StoreError::Busy { .. }), "{error}");
                    }
                    assert!(store.get_record(RecordKind::Manifest, &key).unwrap().len() > round);
                    let content = noise(7, 50_000);
                    let id = store.put_blob(&content).unwrap();
                    assert!(store.get_blob(&id).unwrap() == content);
                }
            });
        }
    });
}

#[test]
fn processes_and_threads_lose_nothing_of_each_other() {
    if let Some(dir) = given_dir() {
        return hammer(&dir);
    }
    let space = Space::new();
    let test = "sharing::processes_and_threads_lose_nothing_of_each_other";
    let mut children: Vec<Child> =
        (0..2).map(|_| again(test, &space.dir()).spawn().unwrap()).collect();
    hammer(&space.dir());
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let record = space.store().get_record(RecordKind::Manifest, &Key::of(b"shared")).unwrap();
    assert_eq!(record.len(), 3 * 2 * ROUNDS);
    assert_eq!(space.store().scan_usage().unwrap().temporaries.files, 0);
}

#[test]
fn eviction_beside_hits_and_writes_spoils_neither() {
    let space = Space::new();
    let (one, other) = (space.store_of(100 * 8192), space.store_of(100 * 8192));
    thread::scope(|scope| {
        for store in [&one, &other] {
            scope.spawn(move || {
                for seed in 0..300 {
                    let content = noise(seed, 5000);
                    let id = store.put_blob(&content).unwrap();
                    assert!(store.get_blob(&id).is_none_or(|read| read == content));
                    store.maintain(Duration::from_millis(50));
                }
            });
        }
    });
    assert_eq!(one.verify(&mut |_, _| {}).unwrap().damaged, 0);
    one.gc();
    assert!(one.scan_usage().unwrap().blobs.bytes <= 100 * 8192);
}

#[test]
fn a_killed_writer_harms_nothing() {
    if let Some(dir) = given_dir() {
        let store = open(&dir, None, Compression::None);
        for seed in 0.. {
            let content = noise(seed % 20, 1 << 20);
            store.put_blob(&content).unwrap();
            let key = Key::of(b"key");
            store.update_record(RecordKind::Text, &key, |_| Some(content)).unwrap();
            fs::remove_file(file_of(&dir, seed % 20)).unwrap();
        }
    }
    let space = Space::new();
    for pause in [40, 55, 70, 90] {
        let mut child =
            again("sharing::a_killed_writer_harms_nothing", &space.dir()).spawn().unwrap();
        thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = space.store();
        assert_eq!(store.verify(&mut |_, _| {}).unwrap().damaged, 0);
        // No lock survives its process.
        let key = Key::of(b"key");
        store.update_record(RecordKind::Text, &key, |_| Some(b"mine".to_vec())).unwrap();
    }
    for file in space.files() {
        if file.file_name().unwrap().to_str().unwrap().starts_with(".tmp-") {
            age(&file, Duration::from_secs(7200));
        }
    }
    space.store().gc();
    assert_eq!(space.store().scan_usage().unwrap().temporaries.files, 0);
}

fn file_of(dir: &Path, seed: u64) -> std::path::PathBuf {
    let id = BlobId::of(&noise(seed, 1 << 20)).to_string();
    dir.join("v1").join(&id[..2]).join(format!("{}.raw", &id[2..]))
}

#[test]
fn a_lock_that_never_comes_free_is_an_error_in_time_and_no_bar_to_reading() {
    let space = Space::new();
    let (store, key) = (space.store(), Key::of(b"key"));
    store.update_record(RecordKind::Text, &key, |_| Some(b"payload".to_vec())).unwrap();
    let lock = space.entry().with_file_name("lock");
    let lock = fs::File::open(lock).unwrap();
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
    let begun = Instant::now();
    let update = store.update_record(RecordKind::Text, &key, |_| Some(vec![]));
    assert!(matches!(update, Err(StoreError::Busy { .. })), "{update:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(space.store().get_record(RecordKind::Text, &key).unwrap(), b"payload");
}
