//! Archives that are not what they look like.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use base64::Engine as _;
use flate2::Compression;
use serde_json::{Value, json};

use crate::bench::Bench;

/// An archive of one entry of zeros, compressed.
fn bomb(kind: tar::EntryType, len: u64, compression: Compression) -> Value {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(len);
    header.set_path("x").unwrap();
    header.set_mode(0o644);
    header.set_cksum();
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), compression));
    archive.append(&header, std::io::repeat(b'0').take(len)).unwrap();
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)})
}

#[test]
fn s21_archives_that_are_larger_than_they_look_are_refused() {
    let bombs = [
        (tar::EntryType::Regular, 51 << 20, "a file may have 50 MiB"),
        (tar::EntryType::XHeader, 40 << 20, "a name or its header has"),
        (tar::EntryType::GNULongName, 40 << 20, "a name or its header has"),
        (tar::EntryType::Fifo, 60 << 20, "a file may have 50 MiB"),
        (tar::EntryType::Regular, 40 << 20, "more than 500 times as large as it is"),
    ];
    for (kind, len, says) in bombs {
        // As small as can be only where that is what counts.
        let best = says.contains("times");
        let compression = if best { Compression::best() } else { Compression::fast() };
        let bench = Bench::with(&json!({"b.tgz": bomb(kind, len, compression), "out/keep": "K"}));
        let error = bench.run("untar", json!({"inPath": "b.tgz", "outPath": "out"})).unwrap_err();
        assert!(error.to_string().contains(says), "{kind:?}: {error}");
        assert_eq!(bench.files()["out/keep"].0, json!("K"));
    }
}

/// An archive of as many entries, each of so many zeros, which the file system need not store.
fn sparse(bench: &Bench, entries: u64, len: u64) {
    std::fs::create_dir_all(bench.work()).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(bench.work().join("b.tar")).unwrap());
    for n in 0..entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(len);
        header.set_path(format!("out-{n}")).unwrap();
        header.set_mode(0o644);
        header.set_cksum();
        file.write_all(header.as_bytes()).unwrap();
        if len > 0 {
            file.seek(SeekFrom::Current(len.next_multiple_of(512).try_into().unwrap())).unwrap();
        }
    }
    file.write_all(&[0; 1024]).unwrap();
    file.flush().unwrap();
}

#[test]
fn s21_archives_of_too_much_are_refused() {
    for (entries, len, says) in [
        (100_001, 0, "more than 100000 entries"),
        (3, 40 << 20, "more than 100 MiB together"),
        (1, (50 << 20) + 1, "a file may have 50 MiB"),
    ] {
        let bench = Bench::with(&json!({"out/keep": "K"}));
        sparse(&bench, entries, len);
        let error = bench.run("untar", json!({"inPath": "b.tar", "outPath": "out"})).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(bench.files()["out/keep"].0, json!("K"));
    }
    // The most that may be.
    let bench = Bench::new();
    sparse(&bench, 2, 50 << 20);
    bench.run("untar", json!({"inPath": "b.tar", "outPath": "out"})).unwrap();
    assert_eq!(std::fs::metadata(bench.work().join("out/out-1")).unwrap().len(), 50 << 20);
}
