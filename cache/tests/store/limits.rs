//! No more than the limit, and the right ones stay.

use std::fs;
use std::time::{Duration, SystemTime};

use farmbuild_cache::store::{BlobId, DEFAULT_MAX_SIZE, Key, RecordKind, StoreError};

use crate::space::{Space, age, noise, set_time};

const HOUR: Duration = Duration::from_secs(3600);
const PLENTY: Duration = Duration::from_secs(60);

/// Blobs of two blocks each, all in one shard: the oldest first.
fn crowd(space: &Space, count: u64) -> Vec<BlobId> {
    let store = space.store_of(u64::MAX);
    let mut seeds = 0_u64..;
    let ids: Vec<BlobId> = std::iter::from_fn(|| {
        let content = noise(seeds.next()?, 5000);
        Some((BlobId::of(&content), content))
    })
    .filter(|(id, _)| id.as_bytes()[0] == 0)
    .take(usize::try_from(count).unwrap())
    .map(|(_, content)| store.put_blob(&content).unwrap())
    .collect();
    for (id, rank) in ids.iter().zip(1..) {
        age(&file_of(space, id), HOUR * (1000 - rank));
    }
    ids
}

fn file_of(space: &Space, id: &BlobId) -> std::path::PathBuf {
    let name = &id.to_string()[2..];
    let is_it = |path: &std::path::PathBuf| path.file_stem().is_some_and(|stem| stem == name);
    space.entries().into_iter().find(is_it).unwrap()
}

#[test]
fn eviction_keeps_what_was_used_recently() {
    let space = Space::new();
    let ids = crowd(&space, 20);
    let store = space.store_of(10 * 8192);
    // The oldest of all are used, so that they aren't the oldest any more.
    assert!(store.get_blob(&ids[0]).is_some());
    store.place_blob(&ids[1], &mut space.output()).unwrap().unwrap();
    store.put_blob(&store.get_blob(&ids[2]).unwrap()).unwrap();
    let upkeep = store.maintain(PLENTY);
    assert!(upkeep.finished);
    assert_eq!(upkeep.evicted.files, 11, "down to nine tenths of the limit");
    let kept: Vec<&BlobId> = ids.iter().filter(|id| store.get_blob(id).is_some()).collect();
    assert_eq!(kept, ids[..3].iter().chain(&ids[14..]).collect::<Vec<_>>());
}

#[test]
fn a_giant_stays_while_it_is_used_and_there_is_room() {
    let space = Space::new();
    let ids = crowd(&space, 20);
    let store = space.store_of(100 * 8192);
    let giant = store.put_blob(&noise(7, 90 * 8192)).unwrap();
    assert!(store.maintain(PLENTY).finished);
    assert!(store.get_blob(&giant).is_some());
    assert!(store.get_blob(&ids[0]).is_none());
}

#[test]
fn the_limit_holds_after_upkeep() {
    let space = Space::new();
    let limit = 256 * 8192;
    let store = space.store_of(limit);
    for number in 0..600 {
        store.put_blob(&noise(number, 5000)).unwrap();
        store.maintain(Duration::from_millis(100));
        assert!(store.usage().bytes <= limit);
    }
    let exact = store.scan_usage().unwrap();
    assert!(exact.blobs.bytes <= limit && exact.blobs.bytes > limit / 10 * 8, "{exact:?}");
    assert_eq!(store.usage().bytes, exact.blobs.bytes);
}

#[test]
fn upkeep_stops_when_its_time_is_up() {
    let space = Space::new();
    crowd(&space, 5);
    let store = space.store_of(0);
    let upkeep = store.maintain(Duration::ZERO);
    assert!(!upkeep.finished);
    assert_eq!(upkeep.evicted.files, 0);
    assert!(store.maintain(PLENTY).finished);
    assert!(space.entries().is_empty());
}

#[test]
fn usage_is_right_after_a_restart_without_scanning() {
    let space = Space::new();
    let store = space.store();
    store.maintain(PLENTY);
    for number in 0..10 {
        store.put_blob(&noise(number, 5000)).unwrap();
        let key = Key::of(&[0]);
        store.update_record(RecordKind::Text, &key, |_| Some(noise(number, 5000))).unwrap();
    }
    let before = store.usage();
    assert_eq!((before.files, before.bytes), (11, 11 * 8192));
    drop(store);
    assert_eq!(space.store().usage().files, 11);
    assert_eq!(space.store().usage().bytes, before.bytes);
}

#[test]
fn a_wrong_size_is_put_right_by_the_next_count() {
    let space = Space::new();
    let ids = crowd(&space, 5);
    fs::remove_file(file_of(&space, &ids[0])).unwrap();
    let store = space.store();
    store.scan_usage().unwrap();
    assert_eq!(store.usage().files, 4);
    fs::remove_file(space.dir().join("v1/sizes")).unwrap();
    let store = space.store();
    assert_eq!((store.usage().files, store.usage().uncounted_shards), (0, 256));
    store.maintain(PLENTY);
    assert_eq!((store.usage().files, store.usage().uncounted_shards), (4, 0));
}

#[test]
fn files_from_the_future_count_as_used_now_and_age_from_then_on() {
    let space = Space::new();
    let ids = crowd(&space, 2);
    let path = file_of(&space, &ids[0]);
    set_time(&path, SystemTime::now() + HOUR * 24 * 365);
    let store = space.store();
    store.gc();
    let used = fs::metadata(&path).unwrap().modified().unwrap();
    assert!(used <= SystemTime::now());
    // A hit notices as well.
    set_time(&path, SystemTime::now() + HOUR * 24 * 365);
    assert!(store.get_blob(&ids[0]).is_some());
    assert!(fs::metadata(&path).unwrap().modified().unwrap() <= SystemTime::now());
}

#[test]
fn hits_refresh_what_wasnt_used_for_a_while_only() {
    let space = Space::new();
    let store = space.store();
    let key = Key::of(b"key");
    store.update_record(RecordKind::Text, &key, |_| Some(b"payload".to_vec())).unwrap();
    let path = space.entry();
    let used = || fs::metadata(&path).unwrap().modified().unwrap();
    for (ago, refreshed) in [(HOUR, true), (Duration::from_secs(20), false)] {
        age(&path, ago);
        let before = used();
        for _ in 0..3 {
            assert_eq!(store.get_record(RecordKind::Text, &key).unwrap(), b"payload");
        }
        assert_eq!(used() > before, refreshed, "{ago:?}");
    }
}

#[test]
fn gc_removes_leftovers_and_foreign_files_but_not_what_is_being_written() {
    let space = Space::new();
    let ids = crowd(&space, 3);
    let shard = space.dir().join("v1/00");
    for name in ["notes.txt", ".tmp-1-1", ".tmp-1-2"] {
        fs::write(shard.join(name), b"x").unwrap();
    }
    fs::write(space.dir().join("v1/stray"), b"x").unwrap();
    age(&shard.join(".tmp-1-1"), HOUR * 2);
    let store = space.store();
    let exact = store.scan_usage().unwrap();
    assert_eq!((exact.blobs.files, exact.temporaries.files, exact.foreign.files), (3, 2, 1));
    let upkeep = store.gc();
    assert!(upkeep.finished);
    assert_eq!((upkeep.temporaries.files, upkeep.foreign.files, upkeep.evicted.files), (1, 2, 0));
    assert!(shard.join(".tmp-1-2").exists());
    assert!(!shard.join(".tmp-1-1").exists() && !shard.join("notes.txt").exists());
    assert!(ids.iter().all(|id| store.get_blob(id).is_some()));
}

#[test]
fn clear_leaves_nothing_to_hit() {
    let space = Space::new();
    let ids = crowd(&space, 5);
    let (store, key) = (space.store(), Key::of(b"key"));
    store.update_record(RecordKind::Text, &key, |_| Some(b"payload".to_vec())).unwrap();
    assert_eq!(store.clear().unwrap().files, 6);
    assert_eq!(store.get_record(RecordKind::Text, &key), None);
    assert!(ids.iter().all(|id| store.get_blob(id).is_none()));
    assert_eq!(store.usage().files, 0);
    store.put_blob(b"content").unwrap();
    assert_eq!(space.store().scan_usage().unwrap().blobs.files, 1);
}

#[test]
fn a_persisted_limit_is_followed_by_those_without_their_own() {
    let space = Space::new();
    let (running, own) = (space.store(), space.store_of(1 << 20));
    assert_eq!((running.max_size(), running.persisted_limit()), (DEFAULT_MAX_SIZE, None));
    space.store().set_persisted_limit(5 << 30).unwrap();
    assert_eq!(fs::read_to_string(space.dir().join("limit")).unwrap(), "5368709120\n");
    running.maintain(PLENTY);
    own.maintain(PLENTY);
    assert_eq!((running.max_size(), own.max_size()), (5 << 30, 1 << 20));
    assert_eq!(space.store().max_size(), 5 << 30);
}

#[test]
fn what_exceeds_the_whole_cache_is_refused() {
    let space = Space::new();
    let store = space.store_of(8192);
    assert!(matches!(store.put_blob(&noise(1, 9000)), Err(StoreError::TooLarge { .. })));
    let key = Key::of(b"key");
    let refused = store.update_record(RecordKind::Text, &key, |_| Some(noise(1, 9000)));
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    assert!(space.entries().is_empty());
    store.put_blob(&noise(1, 5000)).unwrap();
}
