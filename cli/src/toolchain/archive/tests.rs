use std::fs;

use proptest::prelude::*;

use super::super::manifest::{FORMAT, FileEntry, Made};
use super::*;

const PROGRAM: &[u8] = b"#!/bin/sh\nexit 0\n";

fn entry(path: &str, content: &[u8]) -> FileEntry {
    FileEntry {
        path: path.to_owned(),
        size: content.len() as u64,
        executable: path.starts_with("bin/"),
        blake3: blake3::hash(content).to_hex().to_string(),
    }
}

fn small() -> Manifest {
    Manifest {
        format: FORMAT,
        name: "x86_64-gcc1220-linux".to_owned(),
        family: "gcc".to_owned(),
        target: "x86_64-linux-gnu".to_owned(),
        version: "12.2.0".to_owned(),
        machine: "x86_64".to_owned(),
        compilers: vec!["gcc".to_owned()],
        made: Made {
            by: "a test".to_owned(),
            from: "nothing".to_owned(),
            says: "hello".to_owned(),
        },
        files: vec![entry("bin/gcc", PROGRAM), entry("lib/libx.so.1", &[7; 70_000])],
    }
}

fn packed() -> Vec<u8> {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in [("bin/gcc", PROGRAM), ("lib/libx.so.1", &[7; 70_000])] {
        fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        fs::write(root.path().join(path), content).unwrap();
    }
    let mut bytes = Vec::new();
    write(&small(), root.path(), &mut bytes).unwrap();
    bytes
}

/// A tar file of one's own making, packed.
fn archive_of(entries: &[(tar::EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (kind, path, content) in entries {
        let mut header = tar::Header::new_ustar();
        // Past the checks of `set_path`.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    zstd::encode_all(&tar.into_inner().unwrap()[..], 3).unwrap()
}

/// Unpacks it, and panics if a file came to be anywhere else than in the directory itself.
fn try_it(bytes: &[u8]) -> Result<Unpacked, ArchiveError> {
    let outside = tempfile::tempdir().unwrap();
    let inside = outside.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let unpacked = unpack(bytes, &inside);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    for entry in fs::read_dir(&inside).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        assert!(name.parse::<usize>().is_ok() && entry.file_type().unwrap().is_file(), "{name}");
    }
    unpacked
}

#[test]
fn what_was_packed_is_unpacked() {
    let unpacked = try_it(&packed()).unwrap();
    assert_eq!(unpacked.manifest, small());
    assert_eq!(manifest_of(&packed()[..]).unwrap(), small());
}

#[test]
fn the_same_files_make_the_same_archive() {
    assert!(packed() == packed());
}

#[test]
fn an_archive_of_something_else_is_told_from_a_damaged_one() {
    for bytes in [&b""[..], b"hello", &zstd::encode_all(&b"hello"[..], 3).unwrap()] {
        let error = try_it(bytes).unwrap_err().to_string();
        assert!(error.contains("it is no archive of a toolchain"), "{error}");
    }
    let cut = packed();
    let error = try_it(&cut[..cut.len() - 20]).unwrap_err().to_string();
    assert!(["to its end", "damaged", "incomplete"].iter().any(|it| error.contains(it)), "{error}");
}

#[test]
fn entries_that_lead_elsewhere_are_refused() {
    use tar::EntryType;
    let text = small().write();
    let first = (EntryType::Regular, "manifest.json", &text[..]);
    let good = (EntryType::Regular, "bin/gcc", PROGRAM);
    assert!(
        try_it(&archive_of(&[first, good, (EntryType::Regular, "lib/libx.so.1", &[7; 70_000])]))
            .is_ok()
    );
    for odd in [
        (EntryType::Regular, "../../evil", PROGRAM),
        (EntryType::Regular, "/tmp/evil", PROGRAM),
        (EntryType::Symlink, "bin/gcc", &b""[..]),
        (EntryType::Link, "bin/gcc", &b""[..]),
        (EntryType::Char, "bin/gcc", &b""[..]),
        (EntryType::Fifo, "bin/gcc", &b""[..]),
        (EntryType::Directory, "bin/", &b""[..]),
        (EntryType::GNULongName, "bin/gcc", PROGRAM),
        (EntryType::XHeader, "bin/gcc", PROGRAM),
        (EntryType::Regular, "bin/gcc", b"#!/bin/sh\nrm -rf /"),
        (EntryType::Regular, "bin/gcc", b"#!/bin/sh\nexit 1\n"),
    ] {
        assert!(try_it(&archive_of(&[first, odd])).is_err(), "{:?} {}", odd.0, odd.1);
    }
}

/// Of a header that announces a name of a gigabyte, nothing is held.
#[test]
fn a_name_without_end_is_refused_at_once() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let endless =
        io::Read::chain(&header.as_bytes()[..], io::Read::take(io::repeat(b'a'), 8 << 20));
    let packed = zstd::encode_all(endless, 3).unwrap();
    assert!(matches!(try_it(&packed), Err(ArchiveError::Foreign(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn any_bytes_are_refused_in_peace(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        prop_assert!(try_it(&bytes).is_err());
        prop_assert!(try_it(&zstd::encode_all(&bytes[..], 1).unwrap()).is_err());
        prop_assert!(Manifest::read(&bytes).is_err());
    }

    /// A damaged archive is an error, or is what it was.
    #[test]
    fn damage_is_noticed(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = packed();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(unpacked) = try_it(&bytes) {
            prop_assert_eq!(unpacked.manifest, small());
        }
    }

    /// The same below zstd's own checks.
    #[test]
    fn a_changed_tar_file_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut tar = zstd::decode_all(&packed()[..]).unwrap();
        let at = at.index(tar.len());
        tar[at] ^= 1_u8 << bit;
        if let Ok(unpacked) = try_it(&zstd::encode_all(&tar[..], 1).unwrap()) {
            let held: Vec<_> = unpacked.files.iter().map(|path| blake3::hash(&fs::read(path).unwrap_or_default()).to_hex().to_string()).collect();
            let said: Vec<_> = unpacked.manifest.files.iter().map(|file| file.blake3.clone()).collect();
            prop_assert!(held.len() == said.len());
        }
    }

    #[test]
    fn any_manifest_that_passes_stays_inside(path in ".{0,40}") {
        if super::super::manifest::is_path(&path) {
            let inside = std::path::Path::new(&path).components().all(|it| matches!(it, std::path::Component::Normal(_)));
            prop_assert!(inside && !path.contains(['\n', '\'', ' ']));
        }
    }
}
