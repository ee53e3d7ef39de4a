//! PhoneNumberMetadata.xml, as Google publishes it -> territories.
//!
//! In: the text of the file (github.com/google/libphonenumber, resources/PhoneNumberMetadata.xml).
//! Out: [`Territory`]s, or what the file lacks. Only what reading needs is looked at; formats are
//! not.

use super::metadata::{Lengths, Territory, lengths};
use roxmltree::{Document, Node, ParsingOptions};

/// Types of numbers that make a number valid.
const TYPES: [&str; 10] = [
    "premiumRate",
    "tollFree",
    "sharedCost",
    "voip",
    "personalNumber",
    "pager",
    "uan",
    "voicemail",
    "fixedLine",
    "mobile",
];

/// Reads the territories of a file.
pub(super) fn territories(text: &str) -> Result<Vec<Territory>, String> {
    const BYTES_MAX: usize = 16 << 20;
    if text.len() > BYTES_MAX || text.contains("<!ENTITY") {
        return Err(
            "it is too large, or defines entities; it should be PhoneNumberMetadata.xml".into()
        );
    }
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| format!("no XML: line {}", error.pos().row))?;
    let nodes = document.descendants().filter(|node| node.has_tag_name("territory"));
    let mut territories = nodes.map(territory).collect::<Result<Vec<_>, String>>()?;
    if territories.is_empty() {
        return Err("it has no territories; it should be PhoneNumberMetadata.xml".into());
    }
    territories.sort_by(|a, b| (a.code, &a.id).cmp(&(b.code, &b.id)));
    Ok(territories)
}

fn territory(node: Node<'_, '_>) -> Result<Territory, String> {
    let text = |name| node.attribute(name).map(bare).unwrap_or_default();
    let id = text("id");
    let is_id = id == "001" || (id.len() == 2 && id.bytes().all(|byte| byte.is_ascii_uppercase()));
    if !is_id {
        let line = node.document().text_pos_at(node.range().start).row;
        return Err(format!("line {line}: a territory's id must be two capital letters, or 001"));
    }
    let lacks = |what: &str| format!("the territory {id} has no {what}");
    let pattern = |node: Node<'_, '_>| {
        let child = node.children().find(|child| child.has_tag_name("nationalNumberPattern"))?;
        child.text().map(bare)
    };
    let part = |name: &str| node.children().find(|child| child.has_tag_name(name));
    let general = part("generalDesc").and_then(pattern);
    let (mut possible, mut local) = (0, 0);
    for child in node.children().filter(|child| !child.has_tag_name("noInternationalDialling")) {
        let (whole, without) = lengths_of(child).ok_or_else(|| lacks("readable lengths"))?;
        possible |= whole;
        local |= without;
    }
    let types = TYPES.iter().filter_map(|name| {
        let node = part(name)?;
        Some((pattern(node)?, lengths_of(node)?.0))
    });
    let prefix = text("nationalPrefixForParsing");
    let code = text("countryCode").parse().ok().filter(|code| (1..=999).contains(code));
    let rule = text("nationalPrefixTransformRule");
    if !rule.bytes().all(|byte| byte.is_ascii_digit() || byte == b'$') {
        return Err(lacks("readable transform rule"));
    }
    Ok(Territory {
        code: code.ok_or_else(|| lacks("calling code"))?,
        is_main: text("mainCountryForCode") == "true",
        international_prefix: text("internationalPrefix"),
        national_prefix_for_parsing: if prefix.is_empty() {
            text("nationalPrefix")
        } else {
            prefix
        },
        transform_rule: rule,
        leading_digits: text("leadingDigits"),
        general: general.ok_or_else(|| lacks("general pattern"))?,
        types: types.collect(),
        possible,
        local: local & !possible,
        id,
    })
}

/// Lengths of whole numbers, and of those without their area code; `None` if they are unreadable.
fn lengths_of(node: Node<'_, '_>) -> Option<(Lengths, Lengths)> {
    let Some(node) = node.children().find(|child| child.has_tag_name("possibleLengths")) else {
        return Some((0, 0));
    };
    let of = |name| node.attribute(name).map_or(Some(0), list);
    Some((of("national")?, of("localOnly")?))
}

/// `[5-7],9`.
fn list(text: &str) -> Option<Lengths> {
    // A number may not be dialled from abroad at all.
    if text.trim() == "-1" {
        return Some(0);
    }
    text.split(',').try_fold(0, |bits, item| {
        let item = item.trim().trim_matches(['[', ']']);
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
        (first <= last).then(|| bits | lengths(first..=last))
    })
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"<?xml version="1.0"?>
        <!DOCTYPE phoneNumberMetadata [ <!ELEMENT phoneNumberMetadata (territories)> ]>
        <phoneNumberMetadata><territories>
          <territory id="AB" countryCode="999" internationalPrefix="00" nationalPrefix="0"
                     nationalPrefixTransformRule="" mainCountryForCode="true">
            <generalDesc><nationalNumberPattern>[2-9]
                \d{4,8}</nationalNumberPattern></generalDesc>
            <noInternationalDialling><possibleLengths national="3"/></noInternationalDialling>
            <fixedLine><possibleLengths national="[5-7]" localOnly="4,5"/>
              <nationalNumberPattern>2\d{4,6}</nationalNumberPattern></fixedLine>
            <mobile><possibleLengths national="9"/>
              <nationalNumberPattern>9\d{8}</nationalNumberPattern></mobile>
          </territory>
        </territories></phoneNumberMetadata>"#;

    #[test]
    fn a_file_is_read() {
        let territories = territories(FILE).unwrap();
        let expected = Territory {
            id: "AB".into(),
            code: 999,
            is_main: true,
            international_prefix: "00".into(),
            national_prefix_for_parsing: "0".into(),
            general: r"[2-9]\d{4,8}".into(),
            types: vec![(r"2\d{4,6}".into(), lengths(5..=7)), (r"9\d{8}".into(), lengths([9]))],
            possible: lengths([5, 6, 7, 9]),
            local: lengths([4]),
            ..Territory::default()
        };
        assert_eq!(territories, [expected]);
    }

    #[test]
    fn other_files_are_refused() {
        assert!(super::territories("email\n").unwrap_err().contains("no XML"));
        assert!(super::territories("<a/>").unwrap_err().contains("no territories"));
        let torn = FILE.replace("countryCode=\"999\"", "");
        assert!(super::territories(&torn).unwrap_err().contains("no calling code"));
        for (right, wrong) in [
            ("countryCode=\"999\"", "countryCode=\"1234\""),
            ("TransformRule=\"\"", "TransformRule=\"\u{e9}$1\""),
            ("national=\"[5-7]\"", "national=\"[9-5]\""),
            ("id=\"AB\"", "id=\"mary@example.com\""),
            ("[ <!ELEMENT", "[ <!ENTITY a \"b\"> <!ELEMENT"),
        ] {
            let refusal = super::territories(&FILE.replace(right, wrong)).unwrap_err();
            assert!(!refusal.contains("mary"), "{refusal}");
        }
    }
}
