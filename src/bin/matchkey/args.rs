//! The arguments, and the help that teaches them by example.

use crate::failure::Failure;
use clap::{Args, Parser, Subcommand, ValueEnum};
use matchkey::{Engine, Header, Identifier, Options, PhonePolicy, Placeholders, Platform};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "matchkey", version, max_term_width = 100, arg_required_else_help = true)]
#[command(about = "Turns customer lists (CSV) into match keys for ad platforms")]
#[command(after_help = "Start with:  matchkey inspect customers.csv
Then:        matchkey hash customers.csv --country US -o keys.csv

Each command has examples: matchkey hash --help")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Normalizes and hashes customer lists
    Hash(HashArguments),
    /// Shows what would happen to a list, without writing keys
    Inspect(InspectArguments),
    /// Shows what becomes of single values, and why
    Explain(ExplainArguments),
    /// Prints a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
#[command(after_help = "Examples:
  matchkey hash customers.csv -o keys.csv
      Columns are recognized by their headers; keys.csv appears when it is complete.
  matchkey hash customers.csv --country US --keep 'Customer ID' -o keys.csv
      National phone numbers are American; the ID stands beside the keys.
  matchkey hash a.csv b.csv --map email=Contact --map email='Second contact' > keys.csv
      Two files make one list; two columns hold e-mails.
  gzip -dc list.csv.gz | matchkey hash - --format jsonl --report report.json > keys.jsonl
  matchkey hash customers.csv -o keys.csv --rejects rejects.csv
      Says for each unusable cell and row where it stands and why, without its content.

Fields for --map: email, phone, first_name, last_name, city, state, zip, country, dob, gender,
madid, external_id, ltv.")]
pub(crate) struct HashArguments {
    /// CSV files; - is standard input; several make one list
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Where the keys go; the file appears when it is complete [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Platforms to make keys for
    #[arg(long, value_name = "P[,P...]", value_delimiter = ',', default_value = "generic")]
    pub(crate) platform: Vec<Platform>,
    /// Carries a column through under this name, so that rows can be joined back; may be repeated
    #[arg(long, value_name = "HEADER")]
    pub(crate) keep: Vec<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "csv")]
    pub(crate) format: Format,
    /// Writes a record for each unusable cell and each row not written
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Adds the content of unusable cells to --rejects: personal data. A value that a spreadsheet
    /// would take for a formula (= + - @) gets an apostrophe in front
    #[arg(long, requires = "rejects")]
    pub(crate) rejects_values: bool,
    /// Writes all counters as one JSON object
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// No recognition, progress or summary on stderr; errors stay
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
    #[command(flatten)]
    pub(crate) rules: RuleArguments,
}

#[derive(Args)]
#[command(after_help = "Examples:
  matchkey inspect customers.csv
  matchkey inspect customers.csv --country DE --map phone=Handy")]
pub(crate) struct InspectArguments {
    /// A CSV file; - is standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
    #[command(flatten)]
    pub(crate) rules: RuleArguments,
}

#[derive(Args)]
#[command(after_help = "Examples:
  matchkey explain --field email ' Jane.Doe@Example.COM '
  matchkey explain --field phone --country GB '020 7946 0958' '+44 (0)20 7946 0958'
  matchkey explain --field phone --csv numbers.csv
      numbers.csv has the columns value[,country]; prints CSV. The outcome is ok, passthrough
      (hashed already), unhashed (sent as it is), empty, or the reason why it is unusable.")]
pub(crate) struct ExplainArguments {
    /// The platform whose rules are shown
    #[arg(long, value_name = "P", default_value = "generic")]
    pub(crate) platform: Platform,
    /// What the values are
    #[arg(long, value_name = "FIELD")]
    pub(crate) field: Identifier,
    /// Values
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) values: Vec<String>,
    /// Reads values from a CSV file with the columns value[,country]; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "values")]
    pub(crate) csv: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleArguments,
}

/// How an input is read.
#[derive(Args)]
pub(crate) struct ReadingArguments {
    /// Reads FIELD from the column HEADER, or #N; up to three columns a field
    #[arg(long, value_name = "FIELD=HEADER", value_parser = mapping)]
    pub(crate) map: Vec<(Identifier, String)>,
    /// The delimiter: one character, or tab [default: found in the header]
    #[arg(long, value_name = "C", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// Whether the first record names the columns
    #[arg(long, value_enum, default_value = "yes")]
    pub(crate) header: HeaderArgument,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) threads: usize,
    /// About how many bytes a worker gets at once
    #[arg(long, value_name = "N", default_value_t = 256 << 10, hide_short_help = true)]
    pub(crate) chunk_bytes: usize,
    /// How many bytes are read at once
    #[arg(long, value_name = "N", default_value_t = 64 << 10, hide_short_help = true)]
    pub(crate) read_bytes: usize,
    /// The longest record
    #[arg(long, value_name = "N", default_value_t = 1 << 20, hide_short_help = true)]
    pub(crate) max_record_bytes: usize,
    /// The longest header
    #[arg(long, value_name = "N", default_value_t = 1 << 20, hide_short_help = true)]
    pub(crate) max_header_bytes: usize,
    /// The most columns
    #[arg(long, value_name = "N", default_value_t = 16_384, hide_short_help = true)]
    pub(crate) max_columns: usize,
}

/// How values are read.
#[derive(Args)]
pub(crate) struct RuleArguments {
    /// Country of rows that name none, such as US: decides how national phone numbers are read
    #[arg(long, value_name = "CC")]
    pub(crate) country: Option<String>,
    /// When a phone is usable: possible for its country, or also in an assigned range
    #[arg(long, value_enum, default_value = "possible")]
    pub(crate) phone_policy: PhonePolicyArgument,
    /// Keeps fillers such as 0000000000
    #[arg(long)]
    pub(crate) keep_placeholders: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Jsonl,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum HeaderArgument {
    Yes,
    No,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PhonePolicyArgument {
    Possible,
    Valid,
}

impl HeaderArgument {
    pub(crate) fn name(self) -> &'static str {
        match self {
            HeaderArgument::Yes => "yes",
            HeaderArgument::No => "no",
        }
    }
}

impl PhonePolicyArgument {
    pub(crate) fn name(self) -> &'static str {
        match self {
            PhonePolicyArgument::Possible => "possible",
            PhonePolicyArgument::Valid => "valid",
        }
    }
}

impl RuleArguments {
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::new().phone_policy(match self.phone_policy {
            PhonePolicyArgument::Possible => PhonePolicy::Possible,
            PhonePolicyArgument::Valid => PhonePolicy::Valid,
        });
        if self.keep_placeholders {
            options = options.placeholders(Placeholders::Keep);
        }
        match &self.country {
            Some(country) => options.country(country),
            None => options,
        }
    }
}

impl ReadingArguments {
    pub(crate) fn apply(&self, mut options: Options) -> Options {
        for (identifier, header) in &self.map {
            options = options.map(*identifier, header);
        }
        if let Some(delimiter) = self.delimiter {
            options = options.delimiter(delimiter);
        }
        options
            .header(match self.header {
                HeaderArgument::Yes => Header::Yes,
                HeaderArgument::No => Header::No,
            })
            .threads(self.threads)
            .chunk_bytes(self.chunk_bytes)
            .read_bytes(self.read_bytes)
            .record_bytes_max(self.max_record_bytes)
            .header_bytes_max(self.max_header_bytes)
            .columns_max(self.max_columns)
    }
}

/// The engine that these options ask for.
pub(crate) fn engine(options: Options) -> Result<Engine, Failure> {
    Engine::new(options).map_err(|error| Failure::Usage(error.to_string()))
}

fn mapping(text: &str) -> Result<(Identifier, String), String> {
    let (field, header) = text.split_once('=').ok_or("write it as FIELD=HEADER")?;
    Ok((field.parse()?, header.to_owned()))
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() => Ok(*byte),
            _ => Err("one ASCII character, or tab".into()),
        },
    }
}
