//! How long things take in a large cache. Run with `--ignored --nocapture`, and `--release` for numbers that count.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use farmbuild_cache::store::{BlobId, Key, RecordKind};

use crate::space::{Space, noise};

const ENTRIES: u64 = 100_000;

fn timed<T>(what: &str, limit: Duration, f: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = f();
    let elapsed = begun.elapsed();
    println!("{what:40} {:10.3} ms", elapsed.as_secs_f64() * 1e3);
    assert!(elapsed < limit, "{what} took {elapsed:?}");
    result
}

#[test]
#[ignore = "makes 100,000 files"]
fn a_large_cache_opens_and_answers_at_once() {
    let space = Space::new();
    let generous = Duration::from_secs(1);
    let known = {
        let store = space.raw_store();
        for shard in 0..256 {
            fs::create_dir_all(space.dir().join(format!("v1/{shard:02x}"))).unwrap();
        }
        let begun = Instant::now();
        for number in 0..ENTRIES {
            // Empty files, which are quickly made and count as any others.
            let id = BlobId::of(&number.to_le_bytes()).to_string();
            let name = format!("v1/{}/{}.raw", &id[..2], &id[2..]);
            File::create(space.dir().join(name)).unwrap();
        }
        println!("made in {:?}", begun.elapsed());
        let key = Key::of(b"key");
        store.update_record(RecordKind::Manifest, &key, |_| Some(noise(1, 20_000))).unwrap();
        store.put_blob(&noise(2, 30_000)).unwrap()
    };
    let key = Key::of(b"key");
    let store = timed("open", generous, || space.raw_store());
    timed("first record", generous, || store.get_record(RecordKind::Manifest, &key).unwrap());
    timed("the same from memory", generous, || {
        store.get_record(RecordKind::Manifest, &key).unwrap()
    });
    timed("get a blob of 30 KB", generous, || store.get_blob(&known).unwrap());
    let mut output = space.output();
    timed("place it", generous, || store.place_blob(&known, &mut output).unwrap().unwrap());
    timed("miss", generous, || store.get_blob(&BlobId::of(b"unknown")));
    timed("put 30 KB", generous, || store.put_blob(&noise(3, 30_000)).unwrap());
    timed("maintain, first count", Duration::from_secs(60), || {
        assert!(store.maintain(Duration::from_secs(60)).finished);
    });
    timed("maintain, nothing due", generous, || store.maintain(generous));
    let usage = timed("usage", generous, || store.usage());
    assert_eq!(usage.files, ENTRIES + 3);
    drop(store);
    let tight = space.store_of(usage.bytes - 4096);
    timed("maintain, slightly too full", Duration::from_secs(60), || {
        let upkeep = tight.maintain(Duration::from_secs(60));
        println!("{upkeep:?}");
        assert!(upkeep.finished && upkeep.evicted.files < ENTRIES / 20);
    });
}
