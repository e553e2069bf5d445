//! How fast texts are split, and what of them is refused.

use std::time::Instant;

use farmbuild_cache::declarations::{Builtins, Split};

/// Splits the preprocessed texts of `$FARMBUILD_TEXTS`, each `$FARMBUILD_REPEAT` times, and prints what comes of each and how
/// long it took.
#[test]
#[ignore = "prints what it measures; needs FARMBUILD_TEXTS, a directory of .i files"]
fn texts_are_split_quickly() {
    let directory = std::env::var("FARMBUILD_TEXTS").expect("FARMBUILD_TEXTS is a directory");
    let repeat = std::env::var("FARMBUILD_REPEAT").map_or(1, |it| it.parse().expect("a number"));
    let (mut bytes, mut seconds, mut refused) = (0, 0.0, 0);
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "i") {
            continue;
        }
        let text = std::fs::read(&path).unwrap();
        let builtins = Builtins::default();
        let began = Instant::now();
        let mut outcome = Split::of(&text, &builtins);
        for _ in 1..repeat {
            outcome = Split::of(&text, &builtins);
        }
        seconds += began.elapsed().as_secs_f64();
        bytes += text.len() * repeat;
        match outcome {
            Ok(split) => println!(
                "{} {} bytes, {} used, {} unused",
                path.display(),
                text.len(),
                split.parts.len(),
                split.unused.len()
            ),
            Err(doubt) => {
                refused += 1;
                println!("{} refused: {}", path.display(), doubt.name());
            }
        }
    }
    println!("{refused} refused, {:.1} MB/s", bytes as f64 / 1e6 / seconds);
}
