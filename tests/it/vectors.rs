//! Other people's test data: what libphonenumber itself says of phone strings.

use matchkey::normalize::phone::reference::Reference;
use matchkey::normalize::{Country, phone};

/// Both paths, and both against what libphonenumber says.
fn check(file: &str, expected_rows: usize) {
    let path = format!("{}/testdata/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut rows = 0;
    let mut fast = phone::Reader::new();
    let mut plain = Reference::new(phone::territories());
    for record in reader.records() {
        let record = record.unwrap();
        let country = match &record[1] {
            "" | "ZZ" | "001" => None,
            code => Some(Country::parse(code).unwrap()),
        };
        let phone = fast.read(record[0].as_bytes(), country);
        let code = country.map(|country| country.to_string());
        assert_eq!(phone, plain.read(&record[0], code.as_deref()), "{file}: {:?}", &record[0]);
        let flag = |set| if set { "1" } else { "0" };
        let labels = [
            phone.e164(),
            flag(phone.is_possible()),
            flag(phone.is_valid()),
            phone.reason().name(),
        ];
        let expected: Vec<&str> = record.iter().skip(2).collect();
        assert_eq!(labels[..], expected, "{file}: {:?} under {:?}", &record[0], &record[1]);
        rows += 1;
    }
    assert_eq!(rows, expected_rows, "{file}");
}

#[test]
fn phones_dev() {
    check("phones_dev.csv", 50_000);
}

#[test]
fn phones_traps() {
    check("phones_traps.csv", 52);
}
