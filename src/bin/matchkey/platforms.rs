//! `matchkey platforms`: what each platform takes, and where each rule comes from.
//!
//! In: platforms. Out: for each its identifiers with form, hash and source, its files and limits;
//! rules that rest on second-hand sources are marked.

use crate::failure::{Failure, grouped};
use crate::field::PARTS;
use crate::target::Target;
use matchkey::Platform;
use matchkey::platform::spec::{FileSpec, KeyRule, Layout};
use matchkey::platform::{Sent, spec::Citation};
use std::io::Write;

/// Runs the command.
pub(crate) fn run(platforms: &[Platform]) -> Result<(), Failure> {
    let platforms = if platforms.is_empty() { Platform::ALL } else { platforms };
    let mut text = String::from(
        "* rests on second-hand sources; + is our choice, the platform says nothing\n",
    );
    for platform in platforms {
        text += &describe(*platform);
    }
    let mut out = Target::stdout()?;
    out.write_all(text.as_bytes()).map_err(|error| out.failure(&error))?;
    out.finish()
}

fn describe(platform: Platform) -> String {
    let spec = platform.spec();
    let mut text = format!("\n{platform}\n");
    for rule in spec.keys {
        text += &format!(
            "{} {:<32} {:<14} {}\n",
            mark(rule.source),
            rule.key.identifier.name(),
            sent(rule, spec.encodings[0].name()),
            rule.rule
        );
    }
    let parts = PARTS.into_iter().filter(|_| platform != Platform::Generic);
    for (part, rule) in parts.filter_map(|part| Some((part, part.rule(platform)?))) {
        let sent = sent(&rule, spec.encodings[0].name());
        text += &format!("  {:<32} {sent:<14} {}; in explain only\n", part.name(), rule.rule);
    }
    let sets = spec.matches.iter().map(|set| {
        let names: Vec<_> = set.iter().map(|each| each.name()).collect();
        names.join(" + ")
    });
    text += &format!("  a row is matched by: {}\n", sets.collect::<Vec<_>>().join(", or "));
    let encodings: Vec<_> = spec.encodings.iter().map(|encoding| encoding.name()).collect();
    text += &format!("  encodings: {}\n", encodings.join(", "));
    for file in spec.files {
        text += &described_file(platform, file);
    }
    if let Some(rows) = spec.rows_max {
        text += &format!("  at most {} rows a file, more become parts\n", grouped(rows));
    }
    if let Some(bytes) = spec.bytes_max {
        text += &format!("  at most {} bytes a file, more become parts\n", grouped(bytes));
    }
    text += &format!("  {}\n", spec.notes);
    let mut sources: Vec<Citation> = Vec::new();
    for rule in spec.keys.iter().map(|rule| rule.source) {
        if !sources.contains(&rule) {
            sources.push(rule);
        }
    }
    for source in sources {
        text += &format!("{} source: {source}\n", mark(source));
    }
    text
}

fn mark(source: Citation) -> &'static str {
    match source.trust {
        matchkey::platform::spec::Trust::Ours => "+",
        trust if trust.is_second_hand() => "*",
        _ => " ",
    }
}

fn sent(rule: &KeyRule, encoding: &str) -> String {
    match rule.key.sent {
        Sent::Hashed(hash) => {
            let others: String = rule.offered.iter().map(|hash| format!("|{hash}")).collect();
            format!("{hash}{others} {encoding}")
        }
        _ => "plain".into(),
    }
}

fn described_file(platform: Platform, file: &FileSpec) -> String {
    let columns = match file.layout {
        Layout::Table { columns, .. } => columns.iter().map(|column| column.header).collect(),
        Layout::Items { header, .. } => header.to_vec(),
        Layout::Lines { header, .. } => header.into_iter().collect(),
        _ => Vec::new(),
    };
    let columns = match columns.is_empty() {
        true => "one value a line, no header".to_owned(),
        false => columns.join(","),
    };
    format!(
        "{} file {platform}{}.{}: {columns}\n    {}\n",
        mark(file.source),
        file.suffix,
        file.extension,
        file.source
    )
}
