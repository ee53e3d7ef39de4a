//! The binary as a process: arguments, files, pipes, signals, exit codes.

use crate::customers::{self, Shape};
use crate::process::{
    code, command, folder_with, inside, names, records, run, run_with, stderr, stdout,
};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CUSTOMERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/customers.csv");

#[test]
fn keys_rejects_and_report_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let [keys, rejects, report] = ["k.csv", "r.csv", "r.json"].map(|name| inside(&folder, name));
    let output = run(&[
        "hash",
        CUSTOMERS,
        "--country",
        "US",
        "--keep",
        "Customer ID",
        "-o",
        &keys,
        "--rejects",
        &rejects,
        "--report",
        &report,
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    let mode = std::fs::metadata(&keys).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let keys = records(&std::fs::read(&keys).unwrap());
    let rejects = records(&std::fs::read(&rejects).unwrap());
    assert_eq!(report["total_rows"], 3_000);
    assert_eq!(report["processed_rows"], 3_000);
    assert_eq!(report["progress_percent"], 100);
    assert_eq!(report["matched_rows"], keys.len() as u64 - 1);
    assert_eq!(report["platforms"]["generic"]["matched_rows"], report["matched_rows"]);
    assert_eq!(report["input_bytes"], std::fs::metadata(CUSTOMERS).unwrap().len());
    let header = &keys[0];
    assert_eq!(header[..4], ["row", "Customer ID", "email_sha256", "phone_sha256"]);
    let filled = |name: &str| {
        let at = header.iter().position(|column| column == name).unwrap();
        keys[1..].iter().filter(|record| !record[at].is_empty()).count() as u64
    };
    for field in ["email", "phone"] {
        assert_eq!(report["candidates"][field], filled(&format!("{field}_sha256")));
    }
    assert_eq!(rejects[0], ["input", "row", "line", "byte_offset", "field", "reason"]);
    let whole = rejects[1..].iter().filter(|record| record[4].is_empty()).count();
    assert_eq!(keys.len() - 1 + whole, 3_000, "every row is written or has a record");
    for (field, reasons) in report["rejections"].as_object().unwrap() {
        for (reason, count) in reasons.as_object().unwrap() {
            let is_it = |record: &&Vec<String>| record[4] == *field && record[5] == *reason;
            if field != "row" {
                assert_eq!(rejects.iter().filter(is_it).count() as u64, count.as_u64().unwrap());
            }
        }
    }
    let input = std::fs::read(CUSTOMERS).unwrap();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&input[..]);
    let ids: Vec<String> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
    for record in rejects[1..].iter().step_by(17) {
        let (line, byte): (usize, usize) = (record[2].parse().unwrap(), record[3].parse().unwrap());
        assert_eq!(input[byte - 1], b'\n');
        assert_eq!(input[..byte].iter().filter(|byte| **byte == b'\n').count() + 1, line);
        let id = &ids[record[1].parse::<usize>().unwrap() - 1];
        let record = input[byte..].strip_prefix(b"\"").unwrap_or(&input[byte..]);
        assert!(record.starts_with(id.as_bytes()), "line {line}");
    }
}

#[test]
fn output_does_not_depend_on_threads_chunks_or_pipes() {
    let base = ["hash", "--country", "US", "--keep", "Notes", "--quiet"];
    let expected = run(&[&base[..], &[CUSTOMERS, "--threads", "1"]].concat()).stdout;
    assert!(expected.len() > 100_000);
    for extra in [
        &["--threads", "2"][..],
        &["--threads", "2", "--chunk-bytes", "500"],
        &["--threads", "3", "--read-bytes", "7", "--chunk-bytes", "1"],
    ] {
        let output = run(&[&base[..], &[CUSTOMERS], extra].concat());
        assert!(output.stdout == expected, "{extra:?}");
    }
    let mut child =
        command().args(base).arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for bite in std::fs::read(CUSTOMERS).unwrap().chunks(11) {
            stdin.write_all(bite).unwrap();
        }
    });
    let piped = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(piped.stdout == expected, "a pipe that delivers a few bytes at a time");
}

/// Hashes what is written to standard input; the process's peak memory in KiB, and the report.
fn peak_and_report(write: impl FnOnce(&mut dyn Write)) -> (u64, Value) {
    let folder = tempfile::tempdir().unwrap();
    let report = inside(&folder, "report.json");
    let mut child = command()
        .args(["hash", "-", "--country", "US", "--quiet", "-o", "/dev/null", "--report", &report])
        .args(["--threads", "2"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = std::io::BufWriter::new(child.stdin.take().unwrap());
    write(&mut stdin);
    stdin.flush().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let peak = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    (peak, serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap())
}

const PEAK_KB_MAX: u64 = 64 << 10;

/// `MATCHKEY_LIST_ROWS` asks for a longer list: 20,000,000 rows are 2.3 GB.
#[test]
fn memory_does_not_grow_with_the_list() {
    let rows = std::env::var("MATCHKEY_LIST_ROWS").ok().and_then(|rows| rows.parse().ok());
    let rows: usize = rows.unwrap_or(100_000);
    let (peak, report) = peak_and_report(|mut stdin| {
        customers::write_csv(&mut stdin, Shape::Mixed, rows, 11).unwrap();
    });
    assert_eq!(report["total_rows"], rows);
    assert_eq!(report["processed_rows"], rows);
    assert!(peak < PEAK_KB_MAX, "{peak} KiB for {} bytes", report["input_bytes"]);
}

#[test]
fn memory_does_not_grow_with_a_field_or_with_blank_lines() {
    let mebibyte = |byte| vec![byte; 1 << 20];
    for (start, byte, end) in
        [("a@x.org,\"", b'x', "\"\n"), ("a@x.org,", b'x', "\n"), ("", b'\n', "")]
    {
        let (peak, report) = peak_and_report(|stdin| {
            write!(stdin, "email,note\n{start}").unwrap();
            (0..100).for_each(|_| stdin.write_all(&mebibyte(byte)).unwrap());
            writeln!(stdin, "{end}b@x.org,1").unwrap();
        });
        assert_eq!(report["matched_rows"], 1);
        assert!(peak < PEAK_KB_MAX, "{peak} KiB for {start:?}");
    }
}

#[test]
fn several_inputs_are_one_list() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a.csv", "b.csv"].map(|name| inside(&folder, name));
    std::fs::write(&a, "id,email\n1,a@x.org\n2,bad\n").unwrap();
    std::fs::write(&b, "phone;e-mail;id;email 2\n+14155552671;c@x.org;3;d@x.org\n").unwrap();
    let output = run_with(&["hash", &a, &b, "-", "--keep", "id"], b"email,id\ne@x.org,4\n");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let rows = records(&output.stdout);
    assert_eq!(rows[0], ["row", "id", "email_sha256", "email_2_sha256", "phone_sha256"]);
    let heads: Vec<_> = rows[1..].iter().map(|row| [row[0].as_str(), row[1].as_str()]).collect();
    assert_eq!(heads, [["1", "1"], ["3", "3"], ["4", "4"]]);
    let is_filled = |row: &Vec<String>| row[2..].iter().map(|key| !key.is_empty()).collect();
    let filled: Vec<Vec<bool>> = rows[1..].iter().map(is_filled).collect();
    assert_eq!(filled, [[true, false, false], [true, true, true], [true, false, false]]);
    let missing = run_with(&["hash", &a, "-", "--keep", "id"], b"email\nx@x.org\n");
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("--keep id"), "{}", stderr(&missing));
}

#[test]
fn json_lines() {
    let input = b"id,email,ltv,first\n\xe9 \"1\",a@x.org,$5,\n2,b@x.org,,Jo\n";
    let output = run_with(&["hash", "-", "--format", "jsonl", "--keep", "id", "--quiet"], input);
    let text = stdout(&output);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["row"], 1);
    assert_eq!(lines[0]["id"], "\u{e9} \"1\"");
    assert_eq!(lines[0]["ltv"], "5");
    assert!(lines[0].get("first_name_sha256").is_none());
    assert_eq!(lines[1]["first_name_sha256"].as_str().unwrap().len(), 64);
    assert!(lines[1].get("ltv").is_none());
}

#[test]
fn rejects_hold_content_only_on_request() {
    let input = b"email,phone\n=cmd@@x.org,12\n";
    let (folder, path) = folder_with("in.csv", input);
    let rejects = inside(&folder, "rejects.csv");
    let output = run(&["hash", &path, "--rejects", &rejects, "--country", "US"]);
    assert_eq!(code(&output), 1, "no usable row");
    let plain = std::fs::read_to_string(&rejects).unwrap();
    assert!(!plain.contains("cmd") && plain.contains("invalid_email:several_at"), "{plain}");
    assert!(!stderr(&output).contains("cmd"));
    run(&["hash", &path, "--rejects", &rejects, "--country", "US", "--rejects-values"]);
    let rows = records(&std::fs::read(&rejects).unwrap());
    assert_eq!(rows[0].last().unwrap(), "value");
    assert_eq!(rows[1].last().unwrap(), "'=cmd@@x.org");
    assert_eq!(rows[2].last().unwrap(), "12");
    assert_eq!(rows[3][4..], ["", "invalid_email:several_at", ""]);
}

#[test]
fn refused_inputs_and_wrong_usage() {
    let (folder, good) = folder_with("good.csv", b"email\na@x.org\n");
    let keys = inside(&folder, "keys.csv");
    for (input, text) in [
        (&b""[..], "empty_file"),
        (b"email\n", "no_rows"),
        (b"email\nbad\n", "no usable row"),
        (b"name,jane@x.org\nx,y\n", "--map email=HEADER"),
    ] {
        assert!(run_with(&["hash", "-"], input).stdout.is_empty());
        let output = run_with(&["hash", "-", "-o", &keys], input);
        assert_eq!(code(&output), 1);
        assert!(stderr(&output).contains(text), "{}", stderr(&output));
        assert!(!stderr(&output).contains("jane@"));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(names(folder.path()), ["good.csv"], "no output of a refused input, no leftovers");
    for arguments in [
        &["hash"][..],
        &["hash", &good, "--map", "email"],
        &["hash", &good, "--map", "mail=x"],
        &["hash", &good, "--map", "email=Nobody"],
        &["hash", &good, "--keep", "Nobody"],
        &["hash", &good, "--country", "Atlantis"],
        &["hash", &good, "--platform", "nobody"],
        &["hash", &good, "-o", &good],
        &["hash", &good, "-o", &keys, "--report", &keys],
        &["hash", &good, "-o", "/"],
        &["hash", "-", "-"],
        &["explain", "--field", "email"],
        &["frobnicate"],
    ] {
        assert_eq!(code(&run(arguments)), 2, "{arguments:?}");
    }
    assert_eq!(code(&run(&["hash", &inside(&folder, "missing.csv")])), 1);
    assert_eq!(std::fs::read(&good).unwrap(), b"email\na@x.org\n");
    let elsewhere = inside(&folder, "no/such/keys.csv");
    assert_eq!(code(&run(&["hash", &good, "-o", &elsewhere])), 1);
}

#[test]
fn quiet_says_nothing_but_errors() {
    let (_folder, path) = folder_with("in.csv", b"email\na@x.org\n");
    assert!(stderr(&run(&["hash", &path, "--quiet"])).is_empty());
    let loud = stderr(&run(&["hash", &path]));
    assert!(loud.contains("email") && loud.contains("1 rows read, 1 written"), "{loud}");
    assert!(!loud.contains('\r'), "no progress bar where there is no terminal");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = command()
        .args(["hash", CUSTOMERS, "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 10];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut start).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(output.stderr.is_empty());
}

/// Nobody reads the rejects any more: that ends the rejects, not the run.
#[test]
fn a_closed_pipe_of_another_output_costs_that_output_only() {
    let folder = tempfile::tempdir().unwrap();
    let [keys, pipe] = ["keys.csv", "pipe"].map(|name| inside(&folder, name));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut start = [0; 10];
            std::fs::File::open(pipe).unwrap().read_exact(&mut start).unwrap();
        }
    });
    let list = inside(&folder, "list.csv");
    std::fs::write(&list, format!("email\na@x.org\n{}", "bad\n".repeat(200_000))).unwrap();
    let output = run(&["hash", &list, "-o", &keys, "--rejects", &pipe, "--quiet"]);
    reader.join().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(records(&std::fs::read(&keys).unwrap()).len(), 2);
}

#[test]
fn output_may_be_named_in_several_ways() {
    let (folder, path) = folder_with("in.csv", b"email\na@x.org\nbad\n");
    let keys = inside(&folder, "keys.csv");
    let same = format!("{}/./keys.csv", folder.path().display());
    assert_eq!(code(&run(&["hash", &path, "-o", &keys, "--rejects", &same])), 2);
    let devices = run(&["hash", &path, "-o", "/dev/null", "--rejects", "/dev/null"]);
    assert_eq!(code(&devices), 0, "{}", stderr(&devices));
    let list = std::fs::File::open(&path).unwrap();
    let onto_itself = command().args(["hash", "-", "-o", &path]).stdin(list).output().unwrap();
    assert_eq!(code(&onto_itself), 2, "standard input is the output");
    let output = run(&["hash", &path, "-o", "-", "--quiet"]);
    assert_eq!(records(&output.stdout).len(), 2);
    assert_eq!(names(folder.path()), ["in.csv"]);
}

fn wait_for(child: &mut Child, what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(30), "it never happens");
        assert!(child.try_wait().unwrap().is_none(), "the process has ended");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_leaves_no_unfinished_file_and_the_old_one_in_place() {
    for signal in ["INT", "TERM", "HUP"] {
        let (folder, keys) = folder_with("keys.csv", b"old");
        let mut child = command()
            .args(["hash", "-", "-o", &keys])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // More than is looked at before the first row.
        stdin.write_all("email\na@x.org\n".repeat(8_000).as_bytes()).unwrap();
        wait_for(&mut child, || names(folder.path()).len() == 2);
        let unfinished: PathBuf = folder.path().join(&names(folder.path())[0]);
        assert_eq!(std::fs::metadata(&unfinished).unwrap().permissions().mode() & 0o777, 0o600);
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        assert_eq!(names(folder.path()), ["keys.csv"]);
        assert_eq!(std::fs::read(&keys).unwrap(), b"old");
        drop(stdin);
    }
}

#[test]
fn devices_and_links_are_written_to() {
    let (folder, path) = folder_with("in.csv", b"email\na@x.org\n");
    assert_eq!(code(&run(&["hash", &path, "-o", "/dev/null"])), 0);
    let [real, link] = ["real.csv", "link.csv"].map(|name| inside(&folder, name));
    std::fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert_eq!(code(&run(&["hash", &path, "-o", &link])), 0);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&real).unwrap().starts_with("row,email_sha256\n1,"));
}

#[test]
fn inspect_tells_what_would_happen_without_content() {
    let output = run(&["inspect", CUSTOMERS, "--country", "US"]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(text.contains("email          <- E-mail Address (column 4, recognized)"), "{text}");
    assert!(text.contains("all 3,000 rows read: 2,881 usable (96.0 %)"), "{text}");
    assert!(!text.contains("example.") && !text.contains("C100001"), "{text}");
    // A larger file is sampled, and the estimate comes close to the truth.
    let (folder, _) = folder_with("x", b"");
    let large = inside(&folder, "large.csv");
    std::fs::write(&large, customers::csv(Shape::Mixed, 60_000, 3)).unwrap();
    let estimate = stdout(&run(&["inspect", &large, "--country", "US"]));
    let line = estimate.lines().find(|line| line.starts_with("estimate from")).unwrap();
    let share = line.split(": ").nth(1).unwrap().split(' ').next().unwrap();
    assert!((95.0..97.0).contains(&share.parse::<f64>().unwrap()), "{line}");
    // Pieces start at records, whatever ends their lines and whatever stands in quotes.
    let quoted = "a@x.org,\"x\ny\nz\"\n".repeat(400_000);
    for list in
        [format!("email,note\n{quoted}"), format!("email,note\r{}", quoted.replace('\n', "\r"))]
    {
        std::fs::write(&large, list).unwrap();
        let text = stdout(&run(&["inspect", &large]));
        assert!(text.contains("100.0 % usable") && !text.contains("no_at"), "{text}");
        assert!(text.contains("row 1 usable") && text.contains("spread over the file"), "{text}");
    }
    std::fs::write(
        &large,
        format!("email,note\n{}", format!("a@x.org,{}\n", "x".repeat(500_000)).repeat(20)),
    )
    .unwrap();
    let text = stdout(&run(&["inspect", &large]));
    assert!(text.contains("at the start: 100.0 % usable"), "{text}");
    std::fs::write(&large, format!("a@x.org,{}\n", "x".repeat(100_000)).repeat(80)).unwrap();
    let text = stdout(&run(&["inspect", &large, "--header", "no", "--map", "email=#1"]));
    assert!(text.contains("at the start: 100.0 % usable"), "{text}");
    let piped = run_with(&["inspect", "-"], b"Contact;email\nx;a@x.org\ny;b\n");
    assert!(stdout(&piped).contains("all 2 rows read: 1 usable"), "{}", stdout(&piped));
    assert!(stdout(&piped).contains("delimiter ;"));
}

#[test]
fn explain_values() {
    let output = run(&["explain", "--field", "email", " Mary@Example.com "]);
    let text = stdout(&output);
    assert!(text.contains("normalized  mary@example.com"), "{text}");
    assert!(text.contains("f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"));
    let output = run(&["explain", "--field", "phone", "--country", "GB", "020 7946 0958", "12345"]);
    let text = stdout(&output);
    assert!(text.contains("normalized  +442079460958"), "{text}");
    assert!(text.contains("invalid_phone:local_only"), "{text}");
}

#[test]
fn explain_csv_gives_a_record_for_each_record() {
    let input = "value,country\n415 555 2671,US\n,\n\"a\nb\",DE\n0016492393237,ZZ\n 12 ,gb\n";
    let output = run_with(
        &["explain", "--platform", "generic", "--field", "phone", "--country", "US", "--csv", "-"],
        input.as_bytes(),
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let rows = records(&output.stdout);
    let header = "value,country,normalized,key,outcome,e164,is_possible,is_valid,reason";
    assert_eq!(rows[0].join(","), header);
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[1][2], "+14155552671");
    assert_eq!(rows[1][4..], ["ok", "+14155552671", "1", "1", "IS_POSSIBLE"]);
    assert_eq!(rows[2][..5], ["", "", "", "", "empty"]);
    assert_eq!(rows[3][..2], ["a\nb", "DE"]);
    // ZZ names no country: the default holds, as in hash.
    let read = ["invalid_phone:too_long", "+10016492393237", "0", "0", "TOO_LONG"];
    assert_eq!(rows[4][4..], read);
    assert_eq!(rows[5][..2], [" 12 ", "gb"]);
    let ltv = run_with(&["explain", "--field", "ltv", "--csv", "-"], b"value\n$5.50\n");
    assert_eq!(stdout(&ltv), "value,country,normalized,key,outcome\n$5.50,,5.50,5.50,unhashed\n");
}

#[test]
fn help_and_completions() {
    let help = stdout(&run(&["hash", "--help"]));
    assert!(help.contains("Examples:") && help.contains("--rejects"), "{help}");
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]);
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("matchkey"));
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status =
        command().args(["completions", "bash"]).stdout(full).stderr(Stdio::null()).status();
    assert_eq!(status.unwrap().code(), Some(1));
}
