//! How fast facts are found; for a look, in a release build.

use std::collections::BTreeMap;
use std::time::Instant;

use farmbuild_cache::source::Facts;

use super::corpus;

#[test]
#[ignore = "a measurement"]
fn facts_are_found_fast() {
    let headers = corpus::headers(usize::MAX);
    let bytes: usize = headers.iter().map(|(_, text)| text.len()).sum();
    let start = Instant::now();
    let facts: Vec<Facts> = headers.iter().map(|(_, text)| Facts::of(text)).collect();
    let speed = bytes as f64 / start.elapsed().as_secs_f64() / 1e6;
    let macros: usize = facts.iter().map(|facts| facts.macros.len()).sum();
    let mentions: usize = facts.iter().map(|facts| facts.mentions.len()).sum();
    println!(
        "{} files, {bytes} bytes, {speed:.0} MB/s, {macros} macros, {mentions} mentions",
        facts.len()
    );
    let mut doubts: BTreeMap<String, u32> = BTreeMap::new();
    for doubt in facts.iter().filter_map(|facts| facts.doubt) {
        *doubts.entry(format!("{doubt:?}")).or_default() += 1;
    }
    println!("opaque: {doubts:?}");
}
