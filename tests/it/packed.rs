//! Packed lists: archives as other programs write them, whole, cut, damaged, and meant to hurt.

use flate2::Compression;
use flate2::write::GzEncoder;
use matchkey::{Engine, Error, Options};
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn list(rows: usize) -> Vec<u8> {
    let rows: String = (1..=rows).map(|row| format!("user{row}@example.com,{row}\n")).collect();
    format!("email,x\n{rows}").into_bytes()
}

/// The rows of a list, or the code of the error that ended it.
fn rows_of(bytes: &[u8], options: Options) -> Result<u64, &'static str> {
    let code = |error: Error| error.kind().code();
    let engine = Engine::new(options.threads(1)).unwrap();
    let mut run = engine.run(Cursor::new(bytes.to_vec())).map_err(code)?;
    while run.next_batch().map_err(code)?.is_some() {}
    Ok(run.tally().counts().total)
}

fn rows(bytes: &[u8]) -> Result<u64, &'static str> {
    rows_of(bytes, Options::new())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])], method: CompressionMethod, is_large: bool) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method).large_file(is_large);
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An archive whose sizes stand behind the data, as programs write them that cannot go back.
fn streamed_zip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new_stream(Vec::new());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    writer.start_file("list.csv", options).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn packed_lists_are_read() {
    let plain = list(500);
    let (first, second) = plain.split_at(777);
    let framed = |bytes: &[u8]| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &framed(&plain)].concat();
    let extra = [("__MACOSX/._list.csv", &b"x"[..]), ("a/", b""), ("a/list.csv", &plain)];
    for (name, packed) in [
        ("plain", plain.clone()),
        ("gzip", gzip(&plain)),
        ("gzip members", [gzip(first), gzip(second), gzip(b"")].concat()),
        ("zstd", framed(&plain)),
        ("zstd frames", [framed(first), framed(second)].concat()),
        ("zstd skippable", skippable),
        ("zip", zip(&[("list.csv", &plain)], CompressionMethod::Deflated, false)),
        ("zip stored", zip(&[("list.csv", &plain)], CompressionMethod::Stored, false)),
        ("zip64", zip(&[("list.csv", &plain)], CompressionMethod::Deflated, true)),
        ("zip streamed", streamed_zip(&plain)),
        ("zip with more", zip(&extra, CompressionMethod::Deflated, false)),
    ] {
        assert_eq!(rows(&packed), Ok(500), "{name}");
        if name == "plain" {
            continue;
        }
        // Cut anywhere it is an error of the file, never a shorter list.
        for cut in [packed.len() - 1, packed.len() / 2, packed.len() / 3, 40] {
            let outcome = rows(&packed[..cut]);
            // Between two members or frames nothing is missing.
            let is_whole = name.contains("members") && cut == packed.len() / 2;
            assert!(is_whole || outcome.is_err(), "{name} cut at {cut}: {outcome:?}");
        }
        // Damage in the data.
        let mut damaged = packed.clone();
        let at = packed.len() / 2;
        damaged[at] ^= 0x55;
        let outcome = rows(&damaged);
        assert!(outcome.is_err(), "{name} damaged: {outcome:?}");
    }
}

#[test]
fn archives_that_are_no_list_are_refused() {
    let plain = list(3);
    let deflated = CompressionMethod::Deflated;
    let mut encrypted = zip(&[("list.csv", &plain)], deflated, false);
    encrypted[6] |= 1;
    let mut tar = vec![0; 1_024];
    tar[257..262].copy_from_slice(b"ustar");
    for (code, bytes) in [
        ("archive_multiple_entries", zip(&[("a.csv", &plain), ("b.csv", &plain)], deflated, false)),
        ("archive_no_entries", zip(&[], deflated, false)),
        ("archive_no_entries", zip(&[("a/", b"")], CompressionMethod::Stored, false)),
        ("archive_unsafe_path", zip(&[("../list.csv", &plain)], deflated, false)),
        ("encrypted_archive", encrypted),
        ("spreadsheet_file", zip(&[("[Content_Types].xml", b"<x/>")], deflated, false)),
        ("nested_compression", gzip(&gzip(&plain))),
        ("nested_compression", zip(&[("list.csv.gz", &gzip(&plain))], deflated, false)),
        ("archive_tar", gzip(&tar)),
        ("archive_tar", tar),
        ("binary_file", gzip(b"%PDF-1.7")),
        ("empty_file", gzip(b"")),
    ] {
        assert_eq!(rows(&bytes), Err(code));
    }
}

/// `email`, then newlines: a megabyte becomes a kilobyte.
struct Bomb {
    left: usize,
}

impl Read for Bomb {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = buffer.len().min(self.left);
        buffer[..bytes].fill(b'\n');
        self.left -= bytes;
        Ok(bytes)
    }
}

#[test]
fn bombs_are_stopped() {
    let packed = |bytes: usize| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"email\na@x.org\n").unwrap();
        std::io::copy(&mut Bomb { left: bytes }, &mut encoder).unwrap();
        encoder.finish().unwrap()
    };
    // Below 64 MiB any ratio will do.
    assert_eq!(rows_of(&packed(60 << 20), Options::new().ratio_max(100)), Ok(1));
    let large = packed(70 << 20);
    assert_eq!(rows_of(&large, Options::new().ratio_max(100)), Err("decompression_bomb"));
    assert_eq!(rows_of(&large, Options::new().ratio_max(2_000)), Ok(1));
}

#[test]
fn a_reader_that_fails_is_no_damaged_file() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("the network is gone")),
                bytes => Ok(bytes),
            }
        }
    }
    let mut packed = gzip(&list(100_000));
    packed.truncate(packed.len() / 2);
    let engine = Engine::new(Options::new()).unwrap();
    let mut run = engine.run(Failing(Cursor::new(packed))).unwrap();
    let error = loop {
        match run.next_batch() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the error was lost"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind().code(), "read_error");
    assert!(error.to_string().contains("the network is gone"), "{error}");
}
