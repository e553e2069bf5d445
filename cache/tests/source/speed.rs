//! How fast facts are found; for a look, in a release build.

use std::time::Instant;

use farmbuild_cache::source::Facts;

use super::corpus;

#[test]
#[ignore = "a measurement"]
fn facts_are_found_fast() {
    let headers = corpus::headers(usize::MAX);
    let bytes: usize = headers.iter().map(|(_, text)| text.len()).sum();
    let start = Instant::now();
    let opaque = headers.iter().filter(|(_, text)| Facts::of(text).doubt.is_some()).count();
    let seconds = start.elapsed().as_secs_f64();
    let speed = bytes as f64 / seconds / 1e6;
    println!("{} files, {opaque} opaque, {bytes} bytes, {speed:.0} MB/s", headers.len());
    let mut doubts: std::collections::BTreeMap<String, u32> = Default::default();
    for (_, text) in &headers {
        if let Some(doubt) = Facts::of(text).doubt {
            *doubts.entry(format!("{doubt:?}")).or_default() += 1;
        }
    }
    println!("{doubts:?}");
}
