//! Phones beyond the vectors: another port of libphonenumber with the same metadata, allocations,
//! newer metadata at run time, second readings.

use crate::process::{code, folder_with, inside, records, run, stderr};
use matchkey::normalize::phone::{Metadata, Phone, Reader, Reason, metadata, territories};
use matchkey::normalize::{Country, text_of};
use rlibphonenumber::{
    NumberLengthType, ParseError, PhoneMetadata, PhoneMetadataCollection, PhoneNumberDesc,
    PhoneNumberFormat, PhoneNumberUtil, Region, ValidationError,
};
use serde_json::Value;

fn lengths(bits: u32) -> Vec<i32> {
    (0..32).filter(|length| bits >> length & 1 != 0).collect()
}

#[expect(deprecated, reason = "that port says so of fields it fills itself")]
fn described(pattern: &str, possible: u32, local: u32) -> PhoneNumberDesc {
    PhoneNumberDesc {
        national_number_pattern: Some(format!("^(?:{pattern})$")),
        possible_length: lengths(possible),
        possible_length_local_only: lengths(local),
        ..PhoneNumberDesc::default()
    }
}

/// A territory as the other port wants it. The types' names are of no matter here.
#[expect(deprecated, reason = "that port says so of fields it fills itself")]
fn foreign(it: &metadata::Territory) -> PhoneMetadata {
    // That port wants patterns with both anchors, and takes them off where it needs none.
    let pattern = |text: &str| Some(format!("^(?:{text})$")).filter(|_| !text.is_empty());
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut types = it.types.iter().map(|(pattern, of)| described(pattern, *of, 0));
    PhoneMetadata {
        id: it.id.clone(),
        country_code: Some(i32::from(it.code)),
        main_country_for_code: Some(it.is_main),
        international_prefix: pattern(&it.international_prefix),
        national_prefix_for_parsing: pattern(&it.national_prefix_for_parsing),
        national_prefix_transform_rule: text(&it.transform_rule),
        leading_digits: pattern(&it.leading_digits),
        general_desc: Some(described(&it.general, it.possible, it.local)),
        premium_rate: types.next(),
        toll_free: types.next(),
        shared_cost: types.next(),
        voip: types.next(),
        personal_number: types.next(),
        pager: types.next(),
        uan: types.next(),
        voicemail: types.next(),
        fixed_line: types.next(),
        mobile: types.next(),
        ..PhoneMetadata::default()
    }
}

/// E.164, reason, validity, or why no number was read.
fn theirs(
    util: &PhoneNumberUtil,
    text: &str,
    region: &str,
) -> Result<(String, Reason, bool), Reason> {
    let unread = |error: ParseError| match error {
        ParseError::InvalidCountryCode => Reason::ParseInvalidCountryCode,
        ParseError::NotANumber(_) => Reason::ParseNotANumber,
        ParseError::TooShortAfterIdd => Reason::ParseTooShortAfterIdd,
        ParseError::TooShortNsn => Reason::ParseTooShortNsn,
        ParseError::TooLongNsn => Reason::ParseTooLong,
    };
    let number = util.parse(text, Region::try_from(region).ok()).map_err(unread)?;
    let reason = match util.is_possible_number_with_reason(&number) {
        Ok(NumberLengthType::IsPossible) => Reason::IsPossible,
        Ok(NumberLengthType::IsPossibleLocalOnly) => Reason::IsPossibleLocalOnly,
        Err(ValidationError::InvalidCountryCode) => Reason::InvalidCountryCode,
        Err(ValidationError::TooShort) => Reason::TooShort,
        Err(ValidationError::InvalidLength) => Reason::InvalidLength,
        Err(ValidationError::TooLong) => Reason::TooLong,
    };
    let e164 = util.format(&number, PhoneNumberFormat::E164).into_owned();
    Ok((e164, reason, util.is_valid_number(&number)))
}

/// Where that port is known to part from Google's Java code.
fn is_known_difference(text: &str, phone: &Phone) -> bool {
    // Two digits with an extension.
    let is_mark = |c: char| c.is_alphabetic() || "#~,;".contains(c);
    let digits = text.chars().take_while(|c| !is_mark(*c)).filter(char::is_ascii_digit).count();
    let two_digits = phone.reason() == Reason::ParseNotANumber && digits == 2;
    let slashes = text.replace(' ', "").matches("/x").count();
    two_digits || text.contains('\u{ff5e}') || slashes > 1 || text.len() > 250
}

#[test]
fn another_port_with_the_same_metadata_agrees() {
    let territories = territories();
    let metadata = territories.iter().map(foreign).collect();
    let util = PhoneNumberUtil::new_for_metadata(PhoneMetadataCollection { metadata }).unwrap();
    let mut reader = Reader::new();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/phones_dev.csv");
    let mut compared = 0;
    for (index, record) in csv::Reader::from_path(path).unwrap().byte_records().enumerate() {
        let record = record.unwrap();
        let text = text_of(&record[0]);
        // Each text under another country than its own, and all countries in turn.
        let region = &territories[index % territories.len()].id;
        let phone = reader.read(&record[0], Country::parse(region).filter(|_| region != "001"));
        if is_known_difference(&text, &phone) {
            continue;
        }
        let ours = match phone.e164() {
            "" => Err(phone.reason()),
            e164 => Ok((e164.to_owned(), phone.reason(), phone.is_valid())),
        };
        let other = theirs(&util, &text, region);
        assert_eq!(ours, other, "row {} of phones_dev.csv under {region}", index + 1);
        compared += 1;
    }
    assert!(compared > 49_000, "{compared}");
}

#[test]
fn nothing_is_allocated_for_ascii() {
    let mut reader = Reader::new();
    let cells: [&[u8]; 6] = [
        b"(415) 555-2671",
        b"+44 20 7946 0958",
        b"0171/555 12 34",
        b"1-800-FLOWERS",
        b"+1 415 555 2671 ext. 12",
        b"nobody",
    ];
    let counted = allocation_counter::measure(|| {
        for country in ["US", "DE", "BR", "AR", "AG", "IT"] {
            let country = Country::parse(country);
            for cell in cells {
                assert!(reader.read(cell, country).e164().len() < 25);
            }
        }
    });
    assert_eq!(counted.count_total, 0);
    // The counter counts.
    let some = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8])));
    assert_eq!(some.count_total, 1);
}

const NEWER: &str = r#"<?xml version="1.0"?><phoneNumberMetadata><territories>
    <territory id="DE" countryCode="49" internationalPrefix="00" nationalPrefix="0">
      <generalDesc><nationalNumberPattern>[1-9]\d{5}</nationalNumberPattern></generalDesc>
      <fixedLine><possibleLengths national="6"/>
        <nationalNumberPattern>[1-8]\d{5}</nationalNumberPattern></fixedLine>
    </territory></territories></phoneNumberMetadata>"#;

#[test]
fn newer_metadata_may_be_given_at_run_time() {
    let metadata = Metadata::from_xml(NEWER).unwrap();
    let mut reader = Reader::with(metadata.clone());
    let germany = Country::parse("DE");
    let phone = reader.read(b"0123456", germany);
    assert_eq!((phone.e164(), phone.is_valid()), ("+49123456", true));
    assert!(!reader.read(b"0923456", germany).is_valid());
    assert_eq!(reader.read(b"+14155552671", germany).reason(), Reason::ParseInvalidCountryCode);
    assert!(metadata.version().starts_with("sha256:"));
    assert!(Metadata::from_xml("<a/>").is_err());
    let (folder, list) = folder_with("list.csv", b"phone\n0123456\n0049 123456\n");
    let [xml, report] = ["newer.xml", "report.json"].map(|name| inside(&folder, name));
    std::fs::write(&xml, NEWER).unwrap();
    let arguments = ["hash", &list, "--country", "DE", "-q", "-o", &inside(&folder, "k.csv")];
    let options = ["--phone-metadata", &xml, "--report", &report];
    let output = run(&[&arguments[..], &options].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["matched_rows"], 2);
    assert_eq!(report["phone_metadata_version"], metadata.version());
    // The labels are read with it too.
    let values = inside(&folder, "values.csv");
    std::fs::write(&values, "value,country\n0123456,DE\n+14155552671,\n").unwrap();
    let explain = ["explain", "--field", "phone", "--phone-metadata", &xml, "--csv", &values];
    let explained = records(&run(&explain).stdout);
    assert_eq!(explained[1][5..], ["+49123456", "1", "1", "IS_POSSIBLE"]);
    assert_eq!(explained[2][5..], ["", "0", "0", "PARSE_INVALID_COUNTRY_CODE"]);
    let output = run(&[&arguments[..], &["--phone-metadata", &list]].concat());
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("no XML"), "{}", stderr(&output));
}

/// Patterns that somebody wrote to hurt: an error, or a number that is not read; never a hang.
#[test]
fn metadata_that_is_a_bomb_is_refused_or_bounded() {
    let with = |general: &str, prefix: &str| {
        let text = NEWER.replace(r"[1-9]\d{5}", general);
        text.replace("nationalPrefix=\"0\"", &format!("nationalPrefixForParsing=\"{prefix}\""))
    };
    for (general, prefix) in [
        (r"(?:(?:\d{1000}){1000}){1000}", "0"),
        ("[01]*1[01]{24}", "0"),
        (r"\d{6}", r"(?:(?:\d{1000}){1000}){1000}"),
        (r"(\d)\1", "0"),
        (r"\d{6}", r"(?!0)"),
    ] {
        assert!(Metadata::from_xml(&with(general, prefix)).is_err(), "{general} {prefix}");
    }
    let slow = Metadata::from_xml(&with(r"\d{6}", "(?:1?){60}1{60}2")).unwrap();
    let phone = Reader::with(slow).read(&[b'1'; 60], Country::parse("DE"));
    assert!(!phone.is_possible());
}

#[test]
fn second_readings_are_apart_and_only_on_request() {
    let list = b"phone,email\n4915123456789,a@x.org\n+1 (0) 415 555 2671,\n030 901820,\n";
    let (folder, list) = folder_with("list.csv", list);
    let [keys, report] = ["k.csv", "r.json"].map(|name| inside(&folder, name));
    let arguments = ["hash", &list, "--country", "DE", "-q", "-o", &keys, "--report", &report];
    let read = |options: &[&str]| {
        let output = run(&[&arguments[..], options].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
        (records(&std::fs::read(&keys).unwrap()), report)
    };
    let (plain, report) = read(&[]);
    assert_eq!(plain[0], ["row", "email_sha256", "phone_sha256"]);
    assert_eq!((&report["phones"]["alternates"], plain.len()), (&Value::from(0), 3));
    let (more, report) = read(&["--phone-alternates"]);
    assert_eq!(more[0], ["row", "email_sha256", "phone_sha256", "phone_alt_sha256"]);
    assert_eq!(report["phones"]["alternates"], 2);
    assert_eq!(report["candidates"]["phone"], 2);
    // The second row is matched by its second reading alone.
    assert_eq!(more.len(), 4);
    assert_eq!(more[2][2], "");
    let digest = matchkey::Digest::of(b"+14155552671").text(matchkey::platform::Encoding::Hex);
    assert_eq!(more[2][3], digest);
    assert_eq!(more[1][..3], plain[1]);
    assert_eq!(more[3][3], "");
}
