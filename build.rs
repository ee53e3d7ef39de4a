//! Makes the tables that phone numbers are read with.
//!
//! In: Google's phone metadata, parsed by the build-dependency `phonenumber`. Out: `phone.rs` in
//! the build's folder: the tables, and the metadata's own patterns for the plain path. Metadata is
//! never part of the repository.

#[path = "src/engine/normalize/phone/compile.rs"]
mod compile;
#[path = "src/engine/normalize/phone/metadata.rs"]
#[expect(dead_code, unreachable_pub, reason = "the library uses and shows the rest")]
mod metadata;
#[path = "src/engine/normalize/phone/program.rs"]
#[expect(dead_code, reason = "the library uses the rest")]
mod program;
#[path = "src/engine/normalize/phone/tables.rs"]
#[expect(dead_code, reason = "the library uses the rest")]
mod tables;

use metadata::{Territory, lengths};
use phonenumber::Metadata;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

/// The version of the metadata in the build-dependency, as its own version says.
const VERSION: &str = "9.0.33";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/engine/normalize/phone");
    let territories = territories();
    let tables = compile::compile(VERSION, &territories)?;
    let text = written(&tables) + &written_patterns(&territories);
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("phone.rs"), text)?;
    Ok(())
}

/// Every territory: by code, since the entries of codes without a country share one name.
fn territories() -> Vec<Territory> {
    let codes = 1..=999_u16;
    let entries = codes.filter_map(|code| phonenumber::metadata::DATABASE.by_code(&code));
    let mut territories: Vec<Territory> = entries.flatten().map(territory).collect();
    // Alphabetical: the order in which Google's code asks territories that share a code.
    territories.sort_by(|a, b| (a.code, &a.id).cmp(&(b.code, &b.id)));
    territories
}

fn territory(metadata: &Metadata) -> Territory {
    let all = metadata.descriptors();
    let types = [
        all.premium_rate(),
        all.toll_free(),
        all.shared_cost(),
        all.voip(),
        all.personal_number(),
        all.pager(),
        all.uan(),
        all.voicemail(),
        all.fixed_line(),
        all.mobile(),
    ];
    // The lengths of the whole are those of its parts; the metadata does not repeat them.
    let parts = types.into_iter().chain([all.emergency()]).flatten();
    let (mut possible, mut local) = (0, 0);
    for part in parts {
        possible |= lengths(part.possible_length().iter().copied());
        local |= lengths(part.possible_local_length().iter().copied());
    }
    let known = types.into_iter().flatten();
    Territory {
        id: metadata.id().to_owned(),
        code: metadata.country_code(),
        is_main: metadata.is_main_country_for_code(),
        international_prefix: metadata
            .international_prefix()
            .map_or(String::new(), |it| pattern(it.as_str())),
        national_prefix_for_parsing: match metadata.national_prefix_for_parsing() {
            Some(prefix) => pattern(prefix.as_str()),
            None => metadata.national_prefix().unwrap_or_default().to_owned(),
        },
        transform_rule: metadata.national_prefix_transform_rule().unwrap_or_default().to_owned(),
        leading_digits: metadata.leading_digits().map_or(String::new(), |it| pattern(it.as_str())),
        general: pattern(all.general().national_number().as_str()),
        types: known
            .map(|part| {
                let lengths = lengths(part.possible_length().iter().copied());
                (pattern(part.national_number().as_str()), lengths)
            })
            .collect(),
        possible,
        local: local & !possible,
    }
}

/// A pattern without its white space, which means nothing.
fn pattern(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The tables as Rust.
fn written(tables: &tables::Tables) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "/// The version of Google's phone metadata that numbers are read with.\n\
         pub const METADATA_VERSION: &str = {VERSION:?};\n\
         static BUILT_IN: Tables = Tables {{\n\
         version: std::borrow::Cow::Borrowed(METADATA_VERSION),"
    );
    let mut list = |name: &str, items: Vec<String>| {
        let items = items.join(",\n");
        let _ = writeln!(text, "{name}: std::borrow::Cow::Borrowed(&[{items}]),");
    };
    let node = |node: &tables::Node| format!("{node:?}");
    list("nodes", tables.nodes.iter().map(node).collect());
    list("tails", tables.tails.iter().map(u32::to_string).collect());
    let dialling = |it: &tables::Dialling| {
        format!(
            "Dialling {{ id: {:?}, code: {}, code_digits: {:?}, main: {}, valid: {}, general: {}, \
             possible: {}, local: {}, abroad: {}, abroad_start: {}, prefix: {}, \
             prefix_start: {}, groups: {}, \
             transform: std::borrow::Cow::Borrowed({:?}) }}",
            it.id,
            it.code,
            it.code_digits,
            it.main,
            it.valid,
            it.general,
            it.possible,
            it.local,
            it.abroad,
            it.abroad_start,
            it.prefix,
            it.prefix_start,
            it.groups,
            it.transform
        )
    };
    list("territories", tables.territories.iter().map(dialling).collect());
    list("countries", tables.countries.iter().map(u16::to_string).collect());
    list("leads", tables.leads.iter().map(u16::to_string).collect());
    list("steps", tables.steps.iter().map(u64::to_string).collect());
    list("sets", tables.sets.iter().map(u128::to_string).collect());
    let _ = writeln!(text, "extension: {},\n}};", tables.extension);
    text
}

/// The patterns as Rust.
fn written_patterns(territories: &[Territory]) -> String {
    let mut text = String::from("static PATTERNS: &[metadata::Spelled] = &[\n");
    for it in territories {
        let _ = writeln!(
            text,
            "metadata::Spelled {{ id: {:?}, code: {}, is_main: {}, prefixes: [{:?}, {:?}, {:?}, \
             {:?}], general: {:?}, types: &{:?}, possible: {}, local: {} }},",
            it.id,
            it.code,
            it.is_main,
            it.international_prefix,
            it.national_prefix_for_parsing,
            it.transform_rule,
            it.leading_digits,
            it.general,
            it.types,
            it.possible,
            it.local
        );
    }
    text.push_str("];\n");
    text
}
