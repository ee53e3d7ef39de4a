//! Lists as they come: small nasty files (`testdata/lists`) with what must come of them, read in
//! every way; and stray quotes where they hurt most.

use crate::process::{code, command, folder_with, inside, records, run, stderr, stdout};
use matchkey::{Engine, Header, Options};
use serde_json::Value;
use std::io::{Cursor, Write};
use std::process::Stdio;

/// A line of `testdata/lists.csv`.
struct Case {
    path: String,
    outcome: String,
    file_error: String,
    total_rows: String,
    usable_rows: String,
    errors: String,
    samples: String,
}

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");
    let table = std::fs::read(format!("{folder}/lists.csv")).unwrap();
    let cases: Vec<Case> = records(&table)[1..]
        .iter()
        .map(|fields| Case {
            path: format!("{folder}/lists/{}", fields[0]),
            outcome: fields[1].clone(),
            file_error: fields[2].clone(),
            total_rows: fields[3].clone(),
            usable_rows: fields[4].clone(),
            errors: fields[5].clone(),
            samples: fields[6].clone(),
        })
        .collect();
    let files = std::fs::read_dir(format!("{folder}/lists")).unwrap().count();
    assert_eq!(cases.len(), files, "every file has a line, and every line a file");
    cases
}

fn inspected(path: &str, options: &[&str]) -> Value {
    let output = run(&[&["inspect", "--json", path], options].concat());
    let text = stdout(&output);
    let value: Value = serde_json::from_str(&text).unwrap();
    let messages = text + &stderr(&output);
    assert!(!messages.contains("@example.com") && !messages.contains("+1202555"), "{path}");
    let expected = match value["file_error"].as_str() {
        None => 0,
        Some("unsupported_option") => 2,
        Some(_) => 1,
    };
    assert_eq!(code(&output), expected, "{path}");
    value
}

fn number(value: &Value) -> String {
    value.as_u64().map_or(String::new(), |number| number.to_string())
}

#[test]
fn every_list_comes_out_as_written_down() {
    for case in cases() {
        let value = inspected(&case.path, &[]);
        let path = &case.path;
        assert_eq!(value["outcome"], case.outcome, "{path}");
        assert_eq!(value["file_error"].as_str().unwrap_or_default(), case.file_error, "{path}");
        assert_eq!(number(&value["total_rows"]), case.total_rows, "{path}");
        if case.outcome != "ok" {
            continue;
        }
        assert_eq!(value["processed_rows"], value["total_rows"], "{path}");
        assert_eq!(number(&value["usable_rows"]), case.usable_rows, "{path}");
        let errors = value["errors"].as_object().unwrap();
        let mut errors: Vec<_> =
            errors.iter().map(|(kind, count)| format!("{kind}={count}")).collect();
        errors.sort();
        assert_eq!(errors.join(";"), case.errors, "{path}");
        let samples = value["samples"].as_array().unwrap().iter();
        let samples: Vec<_> =
            samples.map(|it| format!("{}:{}", it["kind"].as_str().unwrap(), it["line"])).collect();
        assert_eq!(samples.join(";"), case.samples, "{path}");
    }
}

/// One reader: `inspect`, `hash` and the library count the same rows, problems and reasons.
#[test]
fn all_ways_in_count_the_same() {
    for case in cases() {
        let (folder, report) = folder_with("report.json", b"");
        let keys = inside(&folder, "keys.csv");
        let rejects = inside(&folder, "rejects.csv");
        let arguments = ["hash", &case.path, "-q", "-o", &keys, "--report", &report];
        let hashed = run(&[&arguments[..], &["--rejects", &rejects]].concat());
        let engine = Engine::new(Options::new().threads(2)).unwrap();
        let bytes = std::fs::read(&case.path).unwrap();
        let library = engine.run(Cursor::new(bytes)).and_then(|mut run| {
            while run.next_batch()?.is_some() {}
            Ok((run.tally().counts(), run.summary().clone()))
        });
        if case.outcome != "ok" {
            assert_ne!(code(&hashed), 0, "{}", case.path);
            match library {
                Ok((counts, _)) => assert_eq!(counts.total, 0, "{}", case.path),
                Err(error) => assert_eq!(error.kind().code(), case.file_error, "{}", case.path),
            }
            continue;
        }
        let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
        let (counts, summary) = library.unwrap();
        for (rows, matched) in [
            (number(&report["total_rows"]), number(&report["matched_rows"])),
            (counts.total.to_string(), summary.usable_rows().to_string()),
        ] {
            assert_eq!((rows, matched), (case.total_rows.clone(), case.usable_rows.clone()));
        }
        let inspected = inspected(&case.path, &[]);
        assert_eq!(report["samples"], inspected["samples"], "{}", case.path);
        let sum = |value: &Value| {
            value.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>()
        };
        let rejections = report["rejections"].as_object().unwrap().values().map(sum).sum::<u64>();
        assert_eq!(rejections, sum(&inspected["errors"]), "{}", case.path);
        // Every row has a record in the keys or in the rejects.
        let written = records(&std::fs::read(&keys).unwrap()).len() as u64 - 1;
        let whole_rows = records(&std::fs::read(&rejects).unwrap());
        let whole_rows = whole_rows[1..].iter().filter(|record| record[4].is_empty()).count();
        assert_eq!(written + whole_rows as u64, counts.total, "{}", case.path);
    }
}

/// Keys, rejects and report, without what may differ.
fn outputs(path: &str, options: &[&str]) -> (Option<Vec<u8>>, Option<Vec<u8>>, Option<Value>) {
    let (folder, report) = folder_with("report.json", b"");
    let [keys, rejects] = ["keys.csv", "rejects.csv"].map(|name| inside(&folder, name));
    let files = ["-q", "-o", &keys, "--rejects", &rejects, "--report", &report];
    run(&[&["hash", path][..], &files, options].concat());
    let value = std::fs::read(&report).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let value = value.map(|mut value: Value| {
        for key in ["seconds", "options", "files", "scan"] {
            value.as_object_mut().unwrap().remove(key);
        }
        value
    });
    (std::fs::read(&keys).ok(), std::fs::read(&rejects).ok(), value)
}

#[test]
fn threads_chunks_and_reads_are_of_no_matter() {
    for case in cases() {
        let expected = outputs(&case.path, &["--threads", "1"]);
        // All pairs would take minutes: each value meets several of the others.
        for (threads, chunk, read) in [
            ("2", "1", "7"),
            ("3", "2", "65536"),
            ("8", "3", "1"),
            ("16", "7", "65536"),
            ("2", "64", "1"),
            ("3", "4096", "3"),
            ("1", "65536", "100"),
            ("16", "1048576", "65536"),
        ] {
            let options = ["--threads", threads, "--chunk-bytes", chunk, "--read-bytes", read];
            assert_eq!(outputs(&case.path, &options), expected, "{} {options:?}", case.path);
        }
    }
}

/// A list in whose row `at` a quote is opened and never closed.
fn list_with_stray(rows: usize, at: &[usize]) -> String {
    let mut list = "email,first_name,phone\n".to_owned();
    for row in 1..=rows {
        let quote = if at.contains(&row) { "\"" } else { "" };
        list += &format!("user{row}@example.com,{quote}Ann,+1202555{:04}\n", row % 10_000);
    }
    list
}

#[test]
fn a_stray_quote_costs_nothing_wherever_it_stands() {
    let every_tenth: Vec<usize> = (1..=20_000).filter(|row| row % 10 == 0).collect();
    for at in [&[1][..], &[20_000], &[5_000], &[5_000, 5_001], &[3, 19_000], &every_tenth] {
        let (_folder, path) = folder_with("list.csv", list_with_stray(20_000, at).as_bytes());
        for chunk in ["1000", "262144"] {
            let value = inspected(&path, &["--chunk-bytes", chunk]);
            assert_eq!(value["total_rows"], 20_000);
            assert_eq!(value["usable_rows"], 20_000);
            assert_eq!(value["errors"]["quote_recovered"], at.len());
            assert_eq!(value["samples"][0]["line"], at[0] + 1);
            assert_eq!(value["samples"][0]["record"], at[0]);
        }
    }
}

/// A pipe, since nothing may be read twice.
#[test]
fn a_stray_quote_in_a_long_pipe_costs_nothing() {
    let rows: usize =
        std::env::var("MATCHKEY_PIPE_ROWS").map_or(300_000, |rows| rows.parse().unwrap());
    let mut child = command()
        .args(["inspect", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = std::io::BufWriter::new(child.stdin.take().unwrap());
    let writer = std::thread::spawn(move || {
        stdin.write_all(b"email,first_name,phone\n").unwrap();
        for row in 1..=rows {
            let quote = if row == 5_000 { "\"" } else { "" };
            writeln!(stdin, "user{row}@example.com,{quote}Ann,+12025550123").unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&value["total_rows"], &value["usable_rows"]), (&rows.into(), &rows.into()));
    assert_eq!(value["errors"]["quote_recovered"], 1);
    assert_eq!(value["samples"][0]["line"], 5_001);
}

#[test]
fn two_strays_that_fit_each_other_do_not_swallow_the_rows_between() {
    let mut list = list_with_stray(40, &[10]);
    // The second one closes, in the same column: RFC 4180 sees one record.
    list = list.replace("user20@example.com,Ann,", "user20@example.com,Ann\",");
    let (_folder, path) = folder_with("list.csv", list.as_bytes());
    let value = inspected(&path, &[]);
    assert_eq!((&value["total_rows"], &value["usable_rows"]), (&40.into(), &40.into()));
}

#[test]
fn rows_have_a_limit_where_one_is_set() {
    let list = list_with_stray(10, &[]);
    for (rows_max, fits) in [(9, false), (10, true), (11, true)] {
        let engine = Engine::new(Options::new().rows_max(rows_max).chunk_bytes(30)).unwrap();
        let mut run = engine.run(Cursor::new(list.clone())).unwrap();
        let end = loop {
            match run.next_batch() {
                Ok(Some(_)) => {}
                other => break other.map(|_| ()),
            }
        };
        assert_eq!(end.is_ok(), fits, "{rows_max}");
        if let Err(error) = end {
            assert_eq!(error.kind().code(), "too_many_rows");
        }
        let counts = run.tally().counts();
        assert!(counts.total <= rows_max && counts.processed <= counts.total);
    }
}

#[test]
fn what_is_said_wins_over_what_is_found() {
    let read = |list: &[u8], options: &[&str]| {
        let (_folder, path) = folder_with("list.csv", list);
        inspected(&path, options)
    };
    let value = read(b"a\nb\nemail;x\na@x.org;1\n", &["--skip-lines", "2"]);
    assert_eq!(value["total_rows"], 1);
    assert_eq!(value["scan"]["delimiter"], ";");
    let value = read(b"email|x\na@x.org|1,2\n", &["--delimiter", "|"]);
    assert_eq!(value["usable_rows"], 1);
    let value = read(b"email,x\n\"a@x.org,1\n", &["--quote", "none"]);
    assert_eq!(value["errors"].as_object().unwrap().len(), 0, "{value}");
    let value = read(b"email,x\n'a,b@x.org',1\nb@x.org,2\n", &["--quote", "'"]);
    assert_eq!(value["total_rows"], 2);
    let value = read(b"a@x.org,1\nb@x.org,2\n", &["--header", "no", "--map", "email=#1"]);
    assert_eq!(value["usable_rows"], 2);
    let value = read(b"x,y\n1,2\n", &["--header", "no"]);
    assert_eq!((&value["total_rows"], &value["usable_rows"]), (&2.into(), &0.into()));
    assert_eq!(value["errors"].as_object().unwrap().len(), 0);
    let value = read(b"email,x\na@x.org,1\n", &["--delimiter", ", "]);
    assert_eq!(value["file_error"], "unsupported_option");
    let value = read(b"email,x\nb\xe9@x.org,1\n", &["--encoding", "windows-1252"]);
    assert_eq!(
        (&value["usable_rows"], &value["scan"]["encoding"]),
        (&1.into(), &"windows-1252".into())
    );
    assert!(Engine::new(Options::new().encoding("klingon")).is_err());
    let named = Options::new().header(Header::Yes);
    let engine = Engine::new(named).unwrap();
    let source = engine.open(&b"title\nemail\na@x.org\n"[..]);
    assert_eq!(source.unwrap_err().kind().code(), "no_identifier_column");
}
