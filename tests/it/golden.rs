//! Bad input, one case each: the outcome that the documentation promises.

use matchkey::platform::Encoding;
use matchkey::{Cell, Engine, ErrorKind, Header, Identifier, Options, Row};
use std::io::{self, Read};

/// An input's outcome in short: for each row its line and either `ok` or the reason, then the
/// counts of warnings.
fn outcome(input: &[u8], options: Options) -> String {
    let engine = Engine::new(options.threads(2).chunk_bytes(16)).unwrap();
    let mut run = match engine.run(io::Cursor::new(input.to_vec())) {
        Ok(run) => run,
        Err(error) => return error.kind().code().to_owned(),
    };
    let mut parts = Vec::new();
    while let Some(batch) = run.next_batch().unwrap() {
        parts.extend(batch.rows().map(|row| {
            let reason = row.unusable().unwrap_or("ok".into());
            format!("{}:{reason}", row.position().line)
        }));
    }
    let counts = run.tally().counts();
    assert_eq!(counts.total, counts.processed);
    let warnings = run.summary().rejections().filter(|(identifier, reason, _)| {
        identifier.is_none() && ["short_row", "long_row", "quote_recovered"].contains(&&**reason)
    });
    parts.extend(warnings.map(|(_, reason, count)| format!("{reason} {count}")));
    parts.join(" ")
}

fn check(input: impl AsRef<[u8]>, expected: &str) {
    let input = input.as_ref();
    assert_eq!(outcome(input, Options::new()), expected, "{:?}", input.escape_ascii().to_string());
}

#[test]
fn empty_and_nearly_empty() {
    check("", "empty_file");
    check("\n\r\n\n", "empty_file");
    check("\u{feff}", "empty_file");
    check("email", "");
    check("email\n", "");
    check("email\n\n\n", "");
    check("name\nx\n", "no_identifier_column");
}

#[test]
fn line_ends_and_byte_order_mark() {
    check("email\na@x.org", "2:ok");
    check("email\r\na@x.org\r\nb@x.org\r\n", "2:ok 3:ok");
    check("email\ra@x.org\rb@x.org", "2:ok 3:ok");
    check("\u{feff}email\na@x.org\n", "2:ok");
    check("\u{feff}\"email\"\na@x.org\n", "2:ok");
    check("\n\nemail\n\r\n\na@x.org\n\n\nb@x.org\n", "6:ok 9:ok");
    check("email\n\u{feff}a@x.org\n", "2:ok");
}

#[test]
fn quotes() {
    check("note,email\n\"a\nb\r\nc\",x@x.org\n1,y@x.org\n", "2:ok 5:ok");
    check("note,email\n\"a \"\"b\"\" c\",x@x.org\n", "2:ok");
    check("note,email\n5\" pipe,x@x.org\n", "2:ok");
    check("note,email\n\"a\"b,x@x.org\n", "2:ok quote_recovered 1");
}

#[test]
fn an_unclosed_quote_costs_its_line_at_most() {
    // Taken literally, the line has the header's two fields.
    check("note,email\n\"a,x@x.org\n1,y@x.org\n2,z@x.org\n", "2:ok 3:ok 4:ok quote_recovered 1");
    // Taken as a quote that ends with the line, it has three.
    check("note,email,last\n\"a,b\",x@x.org,\"c\n1,y@x.org,\n", "2:ok 3:ok quote_recovered 1");
    // Neither fits: the line is given up, the next one is not.
    check("note,email\na,b,\"c\n1,y@x.org\n", "2:quote_error 3:ok");
    check("note,email\n1,y@x.org\n\"a,x@x.org", "2:ok 3:ok quote_recovered 1");
    check("email\n\"a@x.org", "2:ok quote_recovered 1");
    // A byte order mark in the middle of a file is data: this quote does not stand at a start.
    check("a,email\n\u{feff}\"x,a@x.org\n", "2:ok");
    check("a,email\n\u{feff}\"b\",\"\"a\n", "2:invalid_email:no_at quote_recovered 1");
}

#[test]
fn ragged_rows_and_filler() {
    check(
        "email,a,b\nx@x.org\n,,\ny@x.org,1,2,3\nz@x.org,1,2,,\n",
        "2:ok 3:no_identifier 4:ok 5:ok short_row 1 long_row 1",
    );
    check("a,email\n   \n", "2:no_identifier short_row 1");
    check("email\n \t \n", "2:no_identifier");
}

#[test]
fn bytes_that_are_no_utf8() {
    check(b"first,email\nJos\xe9,x@x.org\n", "2:ok");
    check(b"first,email\nx,jos\xe9@x.org\n", "2:invalid_utf8");
    check(b"phone,country\n\xa0+1 415 555 2671,US\n", "2:ok");
    check("first,email\nx,a\0b@x.org\n", "2:control_char");
}

#[test]
fn files_that_are_no_csv() {
    check(b"\xff\xfe\0\0e\0\0\0", "unsupported_encoding");
    check(b"PK\x03\x04rest", "truncated_input");
    check(b"\x1f\x8b\x08rest", "truncated_input");
    check(b"BZh91AY", "unsupported_compression");
    check(b"{\"email\": \"a@x.org\"}", "not_csv");
    check(b"<!DOCTYPE html><table>", "not_csv");
    check(b"\xd0\xcf\x11\xe0\xa1\xb1", "spreadsheet_file");
    check(b"%PDF-1.7", "binary_file");
}

#[test]
fn without_a_header_every_record_is_a_row() {
    let options = Options::new().header(Header::No).map(Identifier::Email, "#2");
    assert_eq!(outcome(b"1,a@x.org\n2,b\n", options), "1:ok 2:invalid_email:no_at");
}

#[test]
fn limits_hold_at_limit_minus_one_limit_and_limit_plus_one() {
    const MAX: usize = 100;
    let line = |bytes: usize| format!("a@x.org,{}", "x".repeat(bytes - "a@x.org,".len()));
    for (bytes, expected) in [
        (MAX - 1, "2:ok 3:ok"),
        (MAX, "2:ok 3:ok"),
        (MAX + 1, "2:record_too_large 3:ok"),
        (50 * MAX, "2:record_too_large 3:ok"),
    ] {
        for end in ["\n", "\r\n", "\r"] {
            let input = format!("email,note{end}{}{end}b@x.org,z{end}", line(bytes));
            let options = || Options::new().record_bytes_max(MAX);
            for read_bytes in [1, 2, 7, 64, 4_096] {
                let found = outcome(input.as_bytes(), options().read_bytes(read_bytes));
                assert_eq!(found, expected, "{bytes} {end:?} {read_bytes}");
            }
        }
    }
    let wide = |columns: usize| format!("email{}\na@x.org\n", ",x".repeat(columns - 1));
    check(wide(16_383), "2:ok short_row 1");
    check(wide(16_384), "2:ok short_row 1");
    check(wide(16_385), "too_many_columns");
    let header = |bytes: usize| format!("email,{}\na@x.org,1\n", "x".repeat(bytes - 6));
    let options = || Options::new().header_bytes_max(MAX);
    assert_eq!(outcome(header(MAX - 1).as_bytes(), options()), "2:ok");
    assert_eq!(outcome(header(MAX).as_bytes(), options()), "2:ok");
    assert_eq!(outcome(header(MAX + 1).as_bytes(), options()), "header_too_large");
}

#[test]
fn a_field_of_100_mb_is_one_bad_row() {
    for quote in ["", "\""] {
        let start = format!("email,n\na@x.org,1\n{quote}");
        let end = format!("{quote},1\nb@x.org,2\n");
        let input = io::Cursor::new(start)
            .chain(io::repeat(b'x').take(100 << 20))
            .chain(io::Cursor::new(end));
        let engine = Engine::new(Options::new().threads(2)).unwrap();
        let mut run = engine.run(input).unwrap();
        let mut rows = Vec::new();
        while let Some(batch) = run.next_batch().unwrap() {
            let describe =
                |row: Row<'_>| (row.position().line, row.unusable().map(|r| r.to_string()));
            rows.extend(batch.rows().map(describe));
        }
        let too_large = Some("record_too_large".to_owned());
        assert_eq!(rows, [(2, None), (3, too_large), (4, None)], "{quote:?}");
    }
}

#[test]
fn ten_thousand_columns() {
    let names: Vec<String> = (0..10_000).map(|n| format!("c{n}")).collect();
    let header = format!("{},email\n", names.join(","));
    let row = format!("{}a@x.org\n", "v,".repeat(10_000));
    let input = format!("{header}{}", row.repeat(20));
    let expected: Vec<String> = (2..22).map(|line| format!("{line}:ok")).collect();
    check(input, &expected.join(" "));
}

#[test]
fn keys_are_the_published_ones() {
    let input = b"email,phone,first,ltv\nmary@example.com,+1 555 987 6543, Mary ,$12\n";
    let engine = Engine::new(Options::new()).unwrap();
    let mut run = engine.run(io::Cursor::new(input.to_vec())).unwrap();
    let batch = run.next_batch().unwrap().unwrap();
    let row = batch.rows().next().unwrap();
    let keys: Vec<String> =
        row.candidates().map(|candidate| candidate.digest.text(Encoding::Hex)).collect();
    assert_eq!(keys[0], "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79");
    assert_eq!(keys.len(), 3);
    assert!(row.cell(3) == Cell::Plain("12"));
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(
        outcome(format!("email\n{nothing}\n").as_bytes(), Options::new()),
        "2:invalid_email:hash_of_empty"
    );
}

/// Never the content of another row.
#[test]
fn a_column_that_is_not_there_is_a_slip_of_the_caller() {
    let engine = Engine::new(Options::new().keep("id")).unwrap();
    let mut run = engine.run(&b"id,email\n1,a@x.org\n2,b@x.org\n"[..]).unwrap();
    let batch = run.next_batch().unwrap().unwrap();
    let row = batch.rows().next().unwrap();
    assert_eq!(row.kept(0), b"1");
    assert!(std::panic::catch_unwind(|| row.kept(1).len()).is_err());
    assert!(std::panic::catch_unwind(|| row.cell(1) == Cell::Empty).is_err());
}

#[test]
fn options_that_cannot_be_met() {
    let refused = |options: Options| Engine::new(options).unwrap_err().kind();
    assert_eq!(refused(Options::new().country("Atlantis")), ErrorKind::Options);
    assert_eq!(refused(Options::new().delimiter(b'"')), ErrorKind::Options);
    assert_eq!(refused(Options::new().platforms([])), ErrorKind::Options);
    assert_eq!(outcome(b"email\n", Options::new().keep("id")), "column_not_found");
    let twice = Options::new().map(Identifier::Email, "a");
    assert_eq!(outcome(b"a\n", twice.clone().map(Identifier::Email, "#1")), "options");
    let four = ["b", "c", "d"].iter().fold(twice, |all, each| all.map(Identifier::Email, *each));
    assert_eq!(outcome(b"a,b,c,d\n", four), "options");
    let unnamed = Options::new().header(Header::No).map(Identifier::Email, "");
    assert_eq!(outcome(b"a@x.org\n", unnamed), "column_not_found");
    assert_eq!(refused(Options::new().threads(100_000)), ErrorKind::Options);
}
