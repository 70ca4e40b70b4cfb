//! Archives that are not what they look like.

use std::io::Read as _;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::bench::Bench;

/// An archive of one entry of zeros, compressed.
fn bomb(kind: tar::EntryType, len: u64) -> Value {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(len);
    header.set_path("x").unwrap();
    header.set_cksum();
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
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
    ];
    for (kind, len, says) in bombs {
        let bench = Bench::with(&json!({"b.tgz": bomb(kind, len), "out/keep": "K"}));
        let error = bench.run("untar", json!({"inPath": "b.tgz", "outPath": "out"})).unwrap_err();
        assert!(error.to_string().contains(says), "{kind:?}: {error}");
        assert_eq!(bench.files()["out/keep"].0, json!("K"));
    }
}
