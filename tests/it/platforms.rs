//! The platforms' rules and upload files, through the binary: what the vendors' own code and tests
//! say, and files read back by a CSV reader.

use crate::process::{code, command, folder_with, inside, names, records, run, run_with, stderr};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization;

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

/// `normalized,key,outcome` of each value.
fn explained(
    platform: &str,
    field: &str,
    options: &[&str],
    rows: &[Vec<String>],
) -> Vec<Vec<String>> {
    let mut list = vec![vec!["value".to_owned(), "country".to_owned()]];
    list.extend(rows.to_vec());
    let arguments = ["explain", "--platform", platform, "--field", field, "--csv", "-"];
    let output = run_with(&[&arguments[..], options].concat(), &csv(&list));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let explained = records(&output.stdout);
    assert_eq!(explained.len(), list.len());
    explained[1..].iter().map(|record| record[2..5].to_vec()).collect()
}

/// The rule by which we differ from a vendor's code on purpose, if one explains the difference.
fn explanation(vector: &[String], ours: &[String]) -> Option<&'static str> {
    let [platform, field, _, input, theirs, ..] = vector else { return None };
    let text = input.trim();
    let normalized = &ours[0];
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match ours[2].as_str() {
        reason if reason.ends_with("hash_of_empty") => Some("the digest of nothing never goes out"),
        "empty" if ["#N/A", "#REF!", "N/A", "n/a", "\\N"].contains(&text) => {
            Some("null tokens are no names")
        }
        "passthrough" if is_digest && *normalized == text.to_lowercase() => {
            Some("digests are trimmed and in lower case")
        }
        "passthrough" if text.len() == 44 => Some("base64 of 32 bytes is a digest"),
        "ok" if *normalized == theirs.nfc().collect::<String>() => Some("NFC before any rule"),
        "unhashed" if (platform.as_str(), field.as_str()) == ("google", "country") => {
            Some("countries are read by any code or name")
        }
        _ => None,
    }
}

#[test]
fn vectors_of_the_vendors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/platforms.csv");
    let vectors = records(&std::fs::read(path).unwrap());
    assert_eq!(vectors.len(), 1 + 3_387);
    let mut groups: BTreeMap<(&str, &str), Vec<&Vec<String>>> = BTreeMap::new();
    for vector in &vectors[1..] {
        groups.entry((&vector[0], &vector[1])).or_default().push(vector);
    }
    let mut explanations: BTreeMap<&str, usize> = BTreeMap::new();
    for ((source, field), vectors) in groups {
        let strict: &[&str] = &["--phone-policy", "valid", "--keep-placeholders"];
        let (platform, options): (&str, &[&str]) = match source {
            "meta_param_builder" | "meta_ui_csv" | "meta_capi" => ("meta", &[]),
            "google_base64" => ("google", &["--encoding", "base64"]),
            "e164" => ("google", strict),
            "digits" => ("meta", strict),
            platform => (platform, &[]),
        };
        let rows: Vec<_> =
            vectors.iter().map(|vector| vec![vector[3].clone(), vector[2].clone()]).collect();
        for (vector, ours) in vectors.iter().zip(explained(platform, field, options, &rows)) {
            let is_usable = ["ok", "pass", "unhashed"].iter().any(|it| vector[6].starts_with(it));
            let expected = if is_usable { &vector[4..6] } else { &[String::new(), String::new()] };
            if ours[..2] != *expected {
                let why = explanation(vector, &ours);
                let why = why.unwrap_or_else(|| panic!("{vector:?} is {ours:?}"));
                *explanations.entry(why).or_default() += 1;
            }
        }
    }
    let expected = [
        ("NFC before any rule", 4),
        ("base64 of 32 bytes is a digest", 1),
        ("countries are read by any code or name", 2),
        ("digests are trimmed and in lower case", 6),
        ("null tokens are no names", 5),
        ("the digest of nothing never goes out", 3),
    ];
    assert_eq!(explanations.into_iter().collect::<Vec<_>>(), expected);
}

const LIST: &str = "\
email,email 2,phone,first_name,last_name,city,state,zip,country,dob,gender,madid,external_id,ltv
 Jane_A.Doe+x@Gmail.com ,jane@work.example,(415) 555-2671,Dr. Jane,\"O'Neil, Jr.\",St. Louis 3,\
California,94025-1234,USA,25/12/1990,Female,AEBE52E7-03EE-455A-B3C4-E57283966239,Id-7,\"$1,234.50\"
,,,Ann,Lee,,,75001,France,,,,,
max@b\u{fc}cher.example,,+49 30 901820,,,,,,,3/4/1985,,,,
nobody,,,,,,,,,,,,,
";

/// The files of a run, by name.
fn files(list: &str, options: &[&str]) -> (BTreeMap<String, Vec<Vec<String>>>, Value) {
    let (folder, input) = folder_with("list.csv", list.as_bytes());
    let (out, report) = (inside(&folder, "out/"), inside(&folder, "report.json"));
    let arguments = ["hash", &input, "-q", "-o", &out, "--report", &report, "--country", "US"];
    let output = run(&[&arguments[..], options].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let read = |name: String| {
        let bytes = std::fs::read(folder.path().join("out").join(&name)).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
        let record = |record: csv::StringRecord| record.iter().map(str::to_owned).collect();
        (name, reader.records().map(|each| record(each.unwrap())).collect())
    };
    let found = names(&folder.path().join("out")).into_iter().map(read).collect();
    (found, serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap())
}

const ALL: &str = "meta,google,tiktok,linkedin,pinterest,snapchat,x,reddit,microsoft,amazon,uid2,\
                   ttd,openai,criteo";
const UUID: &str = "aebe52e7-03ee-455a-b3c4-e57283966239";
const MADID: &str = "#aebe52e7-03ee-455a-b3c4-e57283966239";
const GMAIL: &str = "#jane_a.doe+x@gmail.com";
const WORK: &str = "#jane@work.example";
const PLUS: &str = "#+14155552671";
const DIGITS: &str = "#14155552671";

/// A record: plain values as they are, `#value` for the digest of a value.
fn keys(values: &[&str]) -> Vec<String> {
    let key = |value: &&str| match value.strip_prefix('#') {
        Some(value) => sha256(value),
        None => (*value).to_owned(),
    };
    values.iter().map(key).collect()
}

fn check_file(records: &[Vec<String>], header: &str, expected: &[&[&str]]) {
    assert_eq!(records[0].join(","), header);
    for (record, expected) in records[1..].iter().zip(expected) {
        assert_eq!(*record, keys(expected), "{header}");
    }
}

#[test]
fn upload_files_with_a_record_for_each_row() {
    let (files, report) = files(LIST, &["--platform", ALL]);
    let columns = "email,email,phone,madid,fn,ln,zip,ct,st,country,dob,gen,extern_id,value";
    let names = ["#drjane", "#oneiljr", "#94025", "#stlouis", "#ca", "#us", "#19901225", "#f"];
    let row = [&[GMAIL, WORK, DIGITS, UUID][..], &names, &["Id-7", "1234.50"]].concat();
    check_file(&files["meta.csv"], columns, &[&row]);

    let columns = "Email,Email,Phone,First Name,Last Name,Country,Zip";
    let row = ["#jane_adoe@gmail.com", WORK, PLUS, "#jane", "#o'neil", "US", "94025-1234"];
    let address = ["", "", "", "#ann", "#lee", "FR", "75001"];
    check_file(&files["google.csv"], columns, &[&row, &address]);
    check_file(&files["google-madid.csv"], "Mobile Device ID", &[&[UUID]]);

    let columns = "Email_SHA256,Email_SHA256,Phone_SHA256,MAID_SHA256";
    check_file(&files["tiktok.csv"], columns, &[&[GMAIL, WORK, PLUS, MADID]]);

    let columns = "email,firstname,lastname,jobtitle,employeecompany,country,googleaid";
    let row = [GMAIL, "Dr. Jane", "O'Neil, Jr.", "", "", "US", UUID];
    let second = [WORK, "Dr. Jane", "O'Neil, Jr.", "", "", "US", ""];
    check_file(&files["linkedin.csv"], columns, &[&row, &second]);

    let row = ["#jane_adoe@gmail.com", MADID];
    check_file(&files["reddit.csv"], "EMAIL_SHA256,MAID_SHA256", &[&row]);

    let columns = "email,phone,firstName,lastName,city,state,postalCode,countryCode";
    let names = ["#drjane", "#oneiljr", "#stlouis3", "#ca", "#94025", "US"];
    let row = [&["#janea.doex@gmail.com", DIGITS][..], &names].concat();
    check_file(&files["amazon.csv"], columns, &[&row]);

    let columns = "email_sha256,phone_number_sha256,gaid";
    check_file(&files["openai.csv"], columns, &[&[GMAIL, PLUS, UUID], &[WORK, "", ""]]);

    let matched = |platform: &str| report["platforms"][platform]["matched_rows"].as_u64();
    for platform in ALL.split(',') {
        let expected = if matches!(platform, "google" | "linkedin") { 3 } else { 2 };
        assert_eq!(matched(platform), Some(expected), "{platform}");
    }
    assert_eq!(report["matched_rows"], 3);
    assert_eq!(report["files"].as_array().unwrap().len(), files.len());
    assert_eq!(report["scan"]["inputs"][0]["columns"][9]["date_format"], "DD/MM/YYYY");
}

#[test]
fn upload_files_with_a_record_for_each_identifier() {
    let (files, _) = files(LIST, &["--platform", ALL]);
    for (platform, phones) in [
        ("pinterest", [DIGITS, "#4930901820"]),
        ("snapchat", [DIGITS, "#4930901820"]),
        ("x", [PLUS, "#+4930901820"]),
    ] {
        let lines = |kind: &str| files[&format!("{platform}-{kind}.csv")].concat();
        assert_eq!(lines("email"), keys(&[GMAIL, WORK, "#max@b\u{fc}cher.example"]));
        assert_eq!(lines("phone"), keys(&phones));
        assert_eq!(lines("madid"), keys(&[MADID]));
    }
    let item = |kind, text| ["Customer List Item", "", kind, text, "Add"];
    let items = [
        item("Email", GMAIL),
        item("Email", WORK),
        item("Phone", PLUS),
        item("CRM", "Id-7"),
        item("Email", "#max@b\u{fc}cher.example"),
        item("Phone", "#+4930901820"),
    ];
    let items: Vec<&[&str]> = items.iter().map(|item| &item[..]).collect();
    check_file(&files["microsoft.csv"], "Type,Parent Id,Sub Type,Text,Action Type", &items);
    assert_eq!(files["microsoft.csv"].len(), 1 + items.len());
    check_file(&files["criteo.csv"], "email", &[&[GMAIL], &[WORK]]);
    // Base64 of the digest's bytes, not of its digits.
    for file in ["uid2.txt", "ttd.txt"] {
        let lines = files[file].concat();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], base64(&Sha256::digest("jane_adoe@gmail.com")));
    }
    let phones = files["uid2-phone.txt"].concat();
    assert_eq!(phones[1], base64(&Sha256::digest("+4930901820")));
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let padded = format!("{bits}{}", "0".repeat((6 - bits.len() % 6) % 6));
    let digit = |at: usize| {
        let value = usize::from_str_radix(&padded[at..at + 6], 2).unwrap();
        char::from(DIGITS[value])
    };
    let digits: String = (0..padded.len()).step_by(6).map(digit).collect();
    format!("{digits}{}", "=".repeat((4 - digits.len() % 4) % 4))
}

/// What the upload files hold is what `explain` says, for every platform and field.
#[test]
fn upload_files_hold_what_explain_says() {
    let (files, _) = files(LIST, &["--platform", "meta,amazon,tiktok,openai,reddit"]);
    for (platform, file, columns) in [
        (
            "meta",
            "meta.csv",
            &[(0, 0), (2, 2), (3, 11), (4, 3), (5, 4), (6, 7), (7, 5), (8, 6)][..],
        ),
        ("amazon", "amazon.csv", &[(0, 0), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8)]),
        ("tiktok", "tiktok.csv", &[(0, 0), (2, 2), (3, 11)]),
        ("openai", "openai.csv", &[(0, 0), (1, 2), (2, 11)]),
        ("reddit", "reddit.csv", &[(0, 0), (1, 11)]),
    ] {
        let list = records(LIST.as_bytes());
        for (at, from) in columns {
            let field = list[0][*from].clone();
            let row = vec![list[1][*from].clone(), "US".to_owned()];
            let explained = explained(platform, &field, &[], &[row]);
            assert_eq!(files[file][1][*at], explained[0][1], "{platform} {field}");
        }
    }
}

/// One pass over the list gives what a pass for each platform gives.
#[test]
fn one_pass_equals_many() {
    let list = crate::customers::csv(crate::customers::Shape::Dirty, 2_000, 3);
    let list = String::from_utf8_lossy(&list).into_owned();
    let platforms = ["generic", "google", "uid2", "meta", "linkedin"];
    let (together, report) = files(&list, &["--platform", &platforms.join(",")]);
    for platform in platforms {
        let (apart, alone) = match platform {
            "generic" => {
                let (folder, input) = folder_with("list.csv", list.as_bytes());
                let (keys, report) = (inside(&folder, "generic.csv"), inside(&folder, "r.json"));
                let arguments = ["hash", &input, "-q", "-o", &keys, "--report", &report];
                assert_eq!(code(&run(&[&arguments[..], &["--country", "US"]].concat())), 0);
                let keys = records(&std::fs::read(keys).unwrap());
                let report = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
                (BTreeMap::from([("generic.csv".to_owned(), keys)]), report)
            }
            _ => files(&list, &["--platform", platform]),
        };
        assert!(!apart.is_empty());
        for (name, records) in apart {
            assert_eq!(together[&name], records, "{name}");
        }
        let alone: Value = alone;
        assert_eq!(report["platforms"][platform], alone["platforms"][platform], "{platform}");
    }
    assert_eq!(report["processed_rows"], 2_000);
}

#[test]
fn files_over_a_limit_become_parts() {
    let list = format!("email\n{}", (0..7).map(|n| format!("a{n}@x.org\n")).collect::<String>());
    let whole = files(&list, &["--platform", "tiktok"]).0;
    for (limit, parts) in [
        (["--max-file-rows", "3"], 3),
        (["--max-file-rows", "7"], 1),
        (["--max-file-rows", "6"], 2),
        // A header of 13 bytes and records of 65.
        (["--max-file-bytes", "208"], 3),
        (["--max-file-bytes", "207"], 4),
        (["--max-file-bytes", "1"], 7),
    ] {
        let (files, report) = files(&list, &[&["--platform", "tiktok"][..], &limit].concat());
        assert_eq!(files.len(), parts, "{limit:?}");
        assert_eq!(report["files"].as_array().unwrap().len(), parts);
        let mut joined = vec![whole["tiktok.csv"][0].clone()];
        for (name, records) in &files {
            assert_eq!(name.contains("-0"), parts > 1, "{name}");
            assert_eq!(records[0], ["Email_SHA256"]);
            joined.extend(records[1..].to_vec());
        }
        assert_eq!(joined, whole["tiktok.csv"]);
    }
}

#[test]
fn linkedin_takes_300_000_rows_a_file() {
    let list: String = (0..300_001).map(|n| format!("a{n}@x.org\n")).collect();
    let (files, _) = files(&format!("email\n{list}"), &["--platform", "linkedin"]);
    let sizes: Vec<_> = files.iter().map(|(name, records)| (&name[..], records.len())).collect();
    assert_eq!(sizes, [("linkedin-001.csv", 300_001), ("linkedin-002.csv", 2)]);
}

#[test]
fn a_row_is_matched_by_the_platforms_own_rule() {
    let list = "first,last,country,zip,phone,email\n\
                Ann,Lee,FR,75001,,\nAnn,Lee,FR,,,\n,,,,+442079460958,\n,,,,,a@x.org\n";
    let (files, report) = files(list, &["--platform", "google,linkedin,ttd,uid2"]);
    let matched = |platform: &str| report["platforms"][platform]["matched_rows"].as_u64().unwrap();
    assert_eq!(
        [matched("google"), matched("linkedin"), matched("ttd"), matched("uid2")],
        [3, 3, 1, 2]
    );
    assert_eq!((&report["matched_rows"], files["google.csv"].len()), (&Value::from(4), 4));
    let (folder, input) = folder_with("list.csv", list.as_bytes());
    let (out, rejects) = (inside(&folder, "ttd.txt"), inside(&folder, "rejects.csv"));
    let output = run(&["hash", &input, "--platform", "ttd", "-o", &out, "--rejects", &rejects]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let reasons: Vec<_> = records(&std::fs::read(rejects).unwrap())[1..]
        .iter()
        .map(|record| (record[1].clone(), record[4].clone(), record[5].clone()))
        .collect();
    let row = |row: &str, reason: &str| (row.to_owned(), String::new(), reason.to_owned());
    assert_eq!(
        reasons,
        [
            row("1", "no_identifier"),
            row("2", "no_identifier"),
            row("3", "not_accepted_by_platform")
        ]
    );
}

#[test]
fn digests_go_only_where_their_form_is_hashed() {
    let list = format!("email,phone\n{},{}\n", sha256("mary@example.com"), sha256("14155552671"));
    let all = ["--platform", "generic,meta,google,tiktok,uid2"];
    let matched = |options: &[&str]| {
        let (_, report) = files(&list, &[&all[..], options].concat());
        let platforms = report["platforms"].as_object().unwrap().clone();
        let filled = |share: &Value| {
            ["email", "phone"].map(|field| share["candidates"][field].as_u64().unwrap_or(0))
        };
        let filled: Vec<_> = platforms.values().map(filled).collect();
        (filled, report)
    };
    let (filled, report) = matched(&[]);
    assert_eq!(filled, [[1, 1], [1, 0], [0, 0], [1, 0], [0, 0]]);
    assert_eq!(report["rejections"]["phone"]["prehashed_form_unknown"], 1);
    assert_eq!(report["rejections"]["email"]["not_accepted_by_platform"], 1);
    let google = &report["platforms"]["google"]["rejections"];
    assert_eq!(google["email"]["not_accepted_by_platform"], 1);
    let (filled, report) = matched(&["--prehashed-as", "email:google,phone:digits"]);
    assert_eq!(filled, [[1, 1], [0, 1], [1, 0], [0, 0], [0, 0]]);
    assert_eq!(report["rejections"]["phone"]["not_accepted_by_platform"], 1);
    let (filled, _) = matched(&["--prehashed-as", "email:uid2", "--prehashed-as", "phone:e164"]);
    assert_eq!(filled, [[1, 1], [0, 0], [0, 1], [0, 1], [1, 1]]);
}

#[test]
fn md5_goes_where_it_is_taken() {
    let md5 = "5d41402abc4b2a76b9719d911017c592";
    let uuid = "aebe52e7-03ee-455a-b3c4-e57283966239";
    let list = format!("madid,email\n{md5},\n{uuid},a@x.org\n");
    let (made, report) = files(&list, &["--platform", "tiktok,x"]);
    assert_eq!(made["tiktok.csv"][0], ["Email_SHA256", "MAID_SHA256", "MAID_MD5"]);
    assert_eq!(made["tiktok.csv"][1], ["", "", md5]);
    assert_eq!(made["tiktok.csv"][2], [sha256("a@x.org"), sha256(uuid), String::new()]);
    assert_eq!(report["platforms"]["tiktok"]["matched_rows"], 2);
    assert_eq!(report["platforms"]["x"]["rejections"]["madid"]["not_accepted_by_platform"], 1);
    let (made, report) = files(&list, &["--platform", "tiktok", "--hash", "tiktok:md5"]);
    assert_eq!(made["tiktok.csv"][0], ["Email_SHA256", "MAID_MD5"]);
    assert_eq!(made["tiktok.csv"][2][1].len(), 32);
    assert_eq!(report["matched_rows"], 2);
    let (made, _) = files(&format!("email\n{md5}\n"), &["--platform", "pinterest"]);
    assert_eq!(made["pinterest-email.csv"], [[md5]]);
    // Where each platform can, and no word about those that cannot.
    let options = ["--platform", "linkedin,meta", "--hash", "sha512"];
    let (made, _) = files("email\na@x.org\n", &options);
    assert_eq!((made["linkedin.csv"][1][0].len(), made["meta.csv"][1][0].len()), (128, 64));
    let options = ["--platform", "google,meta", "--key-encoding", "base64"];
    let (made, _) = files("email\na@x.org\n", &options);
    assert_eq!((made["google.csv"][1][0].len(), made["meta.csv"][1][0].len()), (44, 64));
}

#[test]
fn equal_keys_of_a_row_make_one_record() {
    let (made, _) =
        files("email,email 2\na@x.org,A@X.org\n", &["--platform", "openai,x,microsoft"]);
    assert_eq!(made["openai.csv"].len(), 2);
    assert_eq!(made["x-email.csv"].len(), 1);
    assert_eq!(made["microsoft.csv"].len(), 2);
    // Each record counts for a limit, also those of one row.
    let list = "email,email 2\na@x.org,b@x.org\n";
    let (made, _) = files(list, &["--platform", "openai", "--max-file-rows", "1"]);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["openai-001.csv", "openai-002.csv"]);
}

#[test]
fn an_earlier_run_leaves_nothing_behind() {
    let list = "email\na@x.org\nb@x.org\nc@x.org\n";
    let (folder, input) = folder_with("list.csv", list.as_bytes());
    let out = inside(&folder, "out/");
    let hash = |options: &[&str]| {
        let arguments = ["hash", &input, "-q", "--platform", "meta", "-o", &out];
        assert_eq!(code(&run(&[&arguments[..], options].concat())), 0);
        names(&folder.path().join("out"))
    };
    let parts = ["meta-001.csv", "meta-002.csv", "meta-003.csv"];
    assert_eq!(hash(&["--max-file-rows", "1"]), parts);
    assert_eq!(hash(&["--max-file-rows", "2"]), parts[..2]);
    assert_eq!(hash(&[]), ["meta.csv"]);
    assert_eq!(hash(&["--max-file-rows", "2"]), parts[..2]);
    let rejects = inside(&folder, "out/meta-001.csv");
    let output = run(&["hash", &input, "--platform", "meta", "-o", &out, "--rejects", &rejects]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    let arguments = ["hash", &input, "-q", "--platform", "meta", "--max-file-rows", "2"];
    let output = run(&arguments);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("a pipe has no parts"), "{}", stderr(&output));
    assert_eq!(code(&run(&[&arguments[..6], &["0"]].concat())), 2);
}

#[test]
fn a_row_s_country_rules_its_places() {
    let (made, _) = files("email,zip,country\na@x.org,SW1A 1AA,826\n", &["--platform", "meta"]);
    assert_eq!(made["meta.csv"][1][1..], keys(&["#sw1a1", "#gb"]));
    let list = "phone\n13812345678\n";
    let (folder, input) = folder_with("list.csv", list.as_bytes());
    let (out, report) = (inside(&folder, "out/"), inside(&folder, "r.json"));
    let arguments = ["hash", &input, "-q", "--platform", "meta,tiktok", "-o", &out];
    assert_eq!(code(&run(&[&arguments[..], &["--report", &report]].concat())), 0);
    assert_eq!(names(&folder.path().join("out")), ["meta.csv"]);
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["phones"]["assumed_international"], 1);
    assert_eq!(report["platforms"]["tiktok"]["rejections"]["phone"]["invalid_phone:no_country"], 1);
}

#[test]
fn parts_of_fields_are_cleaned_as_cells_are() {
    let one = |platform: &str, field: &str, value: &str| {
        let row = vec![value.to_owned(), String::new()];
        explained(platform, field, &[], &[row])[0].clone()
    };
    assert_eq!(one("meta", "doby", "\u{200b}\u{ff11}985 ")[0], "1985");
    assert_eq!(one("meta", "doby", "N/A")[2], "empty");
    assert_eq!(one("meta", "dobm", "13")[2], "invalid_dobm:malformed");
    assert_eq!(one("x", "username", "\u{200b}@AdsAPI")[0], "adsapi");
    assert_eq!(one("x", "username", "a b")[2], "invalid_username:malformed");
    assert_eq!(one("x", "username", &sha256("adsapi"))[2], "passthrough");
    assert_eq!(one("meta", "username", "x")[2], "not_accepted_by_platform");
    assert_eq!(one("meta", "fi", "\u{1f1e9}\u{1f1ea}x")[0], "\u{1f1e9}\u{1f1ea}");
    assert_eq!(one("google", "first_name", "Mary\tAnn")[0], "mary ann");
    assert_eq!(one("meta", "first_name", "Mary\tAnn")[0], "maryann");
    assert_eq!(one("meta", "dob", "\u{661}985-03-07")[0], "19850307");
}

#[test]
fn consent_is_passed_on_for_each_row_and_never_made_up() {
    let list = "email,agreed,personal,ldu,ldu_country\n\
                a@x.org,GRANTED,DENIED,LDU,1\nb@x.org,,,,\n";
    let options = [
        "--platform",
        "google,meta",
        "--map",
        "consent_ad_user_data=agreed",
        "--map",
        "consent_ad_personalization=personal",
        "--map",
        "data_processing_options=ldu",
        "--map",
        "data_processing_options_country=ldu_country",
    ];
    let (made, _) = files(list, &options);
    assert_eq!(made["google.csv"][0][6..], ["Consent Ad User Data", "Consent Ad Personalization"]);
    assert_eq!(made["google.csv"][1][6..], ["GRANTED", "DENIED"]);
    assert_eq!(made["google.csv"][2][6..], ["", ""]);
    assert_eq!(
        made["meta.csv"][0],
        ["email", "data_processing_options", "data_processing_options_country"]
    );
    assert_eq!(made["meta.csv"][1][1..], ["LDU", "1"]);
    assert_eq!(made["meta.csv"][2][1..], ["", ""]);
}

#[test]
fn dates_are_decided_by_their_column_or_asked_for() {
    let list = |dates: &[&str]| {
        let rows = dates.iter().map(|date| format!("a@x.org,{date}\n"));
        format!("email,dob\n{}", rows.collect::<String>())
    };
    let meta = ["--platform", "meta"];
    let dates = |list: &str, options: &[&str]| -> Vec<String> {
        let (made, _) = files(list, &[&meta[..], options].concat());
        made["meta.csv"][1..].iter().map(|record| record[1].clone()).collect()
    };
    let (day, month) = (sha256("19900403"), sha256("19900304"));
    let last = sha256("19901225");
    assert_eq!(dates(&list(&["3/4/1990", "25/12/1990"]), &[]), [day.clone(), last.clone()]);
    assert_eq!(dates(&list(&["3/4/1990", "12/25/1990"]), &[]), [month.clone(), last.clone()]);
    assert_eq!(dates(&list(&["3/4/1990", "4/4/1990"]), &[])[0], "");
    let asked = ["--dob-format", "DD/MM/YYYY"];
    assert_eq!(dates(&list(&["3/4/1990", "12/25/1990"]), &asked), [day, String::new()]);
    // What decides may stand anywhere in the sample, behind many rows that decide nothing.
    let mut many = vec!["3/4/1990"; 5_000];
    many.push("12/25/1990");
    assert_eq!(dates(&list(&many), &[])[0], month);
}

#[test]
fn wrong_usage_of_platforms() {
    let (folder, input) = folder_with("list.csv", b"email,phone\na@x.org,+442079460958\n");
    let file = inside(&folder, "file.csv");
    std::fs::write(&file, "old").unwrap();
    for (options, word) in [
        (&["--platform", "meta,google"][..], "need a folder"),
        (&["--platform", "meta,google", "-o", &file], "need a folder"),
        (&["--platform", "meta", "--keep", "email", "-o", &file], "generic only"),
        (&["--platform", "meta", "--format", "jsonl", "-o", &file], "generic only"),
        (&["--platform", "pinterest"], "a file for each kind"),
        (&["--platform", "meta,meta", "-o", "/nowhere/out"], "each once"),
        (&["--platform", "meta", "--hash", "md5", "-o", &file], "does not take md5"),
        (&["--platform", "meta", "--hash", "tiktok:md5", "-o", &file], "not among"),
        (&["--platform", "meta", "--key-encoding", "base64", "-o", &file], "does not take base64"),
        (&["--platform", "meta", "--max-file-rows", "0", "-o", &file], "0 is not in"),
        (&["--platform", "nobody", "-o", &file], "the platforms are"),
        (&["--prehashed-as", "email:digits", "-o", &file], "hashed as plain, google, uid2"),
        (&["--dob-format", "DD", "-o", &file], "DD/MM/YYYY"),
    ] {
        let output = run(&[&["hash", &input][..], options].concat());
        assert_eq!(code(&output), 2, "{options:?} {}", stderr(&output));
        assert!(stderr(&output).contains(word), "{options:?} {}", stderr(&output));
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["file.csv", "list.csv"]);
    let input_in_the_way = inside(&folder, "meta.csv");
    std::fs::copy(&input, &input_in_the_way).unwrap();
    let out = format!("{}/", folder.path().display());
    let output = run(&["hash", &input_in_the_way, "--platform", "meta,google", "-o", &out]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
}

#[test]
fn a_folder_that_nothing_comes_into_is_not_left_behind() {
    let (folder, input) = folder_with("list.csv", b"email,phone\nnobody,\n");
    let out = inside(&folder, "out");
    let output = run(&["hash", &input, "--platform", "meta,google", "-o", &out]);
    assert_eq!(code(&output), 1);
    assert_eq!(names(folder.path()), ["list.csv"]);
}

#[test]
fn several_kinds_of_files_beside_a_named_one() {
    let (folder, input) = folder_with("list.csv", b"email,phone\na@x.org,+442079460958\n");
    let output = run(&["hash", &input, "--platform", "x", "-o", &inside(&folder, "x.csv")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(names(folder.path()), ["list.csv", "x-email.csv", "x-phone.csv"]);
    let (folder, input) = folder_with("list.csv", b"email\na@x.org\n");
    let output = run(&["hash", &input, "--platform", "x", "-o", &inside(&folder, "x.csv")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(names(folder.path()), ["list.csv", "x.csv"]);
    let output = run(&["hash", &input, "--platform", "x", "-q"]);
    assert_eq!(output.stdout, format!("{}\n", sha256("a@x.org")).as_bytes());
}

#[test]
fn explain_and_platforms_name_rule_and_source() {
    let output = run(&["explain", "--field", "email", "J.Doe@Gmail.com"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for word in [
        "email for google",
        "normalized  jdoe@gmail.com",
        "source      Google Data Manager utilities",
        "email for uid2",
        "second-hand: a connector's code",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let output = run(&["platforms"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for platform in matchkey::Platform::ALL {
        assert!(text.contains(&format!("\n\n{platform}\n")), "{platform}");
    }
    let one = String::from_utf8(run(&["platforms", "reddit"]).stdout).unwrap();
    assert!(one.contains("* email") && !one.contains("\n\nmeta\n"), "{one}");
    let not_taken = explained("ttd", "phone", &[], &[vec!["+442079460958".into(), String::new()]]);
    assert_eq!(not_taken, [["", "", "not_accepted_by_platform"]]);
    let md5 = ["--hash", "md5"];
    let short = explained("pinterest", "email", &md5, &[vec!["A@x.org ".into(), String::new()]]);
    assert_eq!((short[0][0].as_str(), short[0][1].len()), ("a@x.org", 32));
    let parts = command()
        .args(["explain", "--field", "f5first", "--platform", "meta", "Mary-Ann"])
        .output()
        .unwrap();
    assert!(String::from_utf8(parts.stdout).unwrap().contains("normalized  marya"));
}
