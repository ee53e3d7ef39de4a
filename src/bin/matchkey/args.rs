//! The arguments, and the help that teaches them by example.

use crate::failure::Failure;
use crate::field::Field;
use clap::{Args, Parser, Subcommand, ValueEnum};
use matchkey::kernel::Kernel;
use matchkey::normalize::date::{Date, DateOrder};
use matchkey::normalize::phone::Metadata;
use matchkey::platform::{Encoding, Hash, PrehashedForm};
use matchkey::{Engine, Header, Identifier, Options, PhonePolicy, Placeholders, Platform};
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

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
    /// Prints what each platform takes, and where each rule comes from
    Platforms {
        /// Only these platforms [default: all]
        #[arg(value_name = "P")]
        platforms: Vec<Platform>,
    },
    /// Serves the audience API over HTTP
    #[cfg(feature = "service")]
    Serve(Box<crate::serve::ServeArguments>),
    /// Adds, changes and lists the accounts of the service
    #[cfg(feature = "service")]
    #[command(subcommand)]
    Account(crate::account::AccountCommand),
    /// Adds and revokes API keys
    #[cfg(feature = "service")]
    #[command(subcommand)]
    Key(crate::account::KeyCommand),
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
  matchkey hash customers.csv --platform meta -o meta.csv
      The file that Meta's own upload screen takes; one over a limit becomes meta-001.csv, ...
  matchkey hash customers.csv --platform meta,google,tiktok --country US -o out/
      One pass, a file for each: out/meta.csv, out/google.csv, out/tiktok.csv.
  matchkey hash hashed.csv --platform google --prehashed-as email:google -o google.csv
      The list holds digests already, made of Google's form.

Platforms: see matchkey platforms. Fields for --map: email, phone, first_name, last_name, city,
state, zip, country, dob, gender, madid, external_id, ltv; passed on to Google:
consent_ad_user_data, consent_ad_personalization; to Meta: data_processing_options,
data_processing_options_country, data_processing_options_state.")]
pub(crate) struct HashArguments {
    /// CSV files; - is standard input; several make one list
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Where the keys go: a file, or a folder for several platforms; files appear when they are
    /// complete [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Platforms to make keys for
    #[arg(long, value_name = "P[,P...]", value_delimiter = ',', default_value = "generic")]
    pub(crate) platform: Vec<Platform>,
    /// Hashes with sha512, sha1 or md5 what the platform (P) offers it for
    #[arg(long, value_name = "[P:]HASH", value_parser = choice::<Hash>)]
    pub(crate) hash: Vec<Choice<Hash>>,
    /// Spells digests (of P) in hex or base64, where the platform takes both
    #[arg(long, value_name = "[P:]ENCODING", value_parser = choice::<Encoding>)]
    pub(crate) key_encoding: Vec<Choice<Encoding>>,
    /// The most records in an upload file, where less than the platform's limit
    #[arg(long, value_name = "N", hide_short_help = true, value_parser = at_least_one())]
    pub(crate) max_file_rows: Option<u64>,
    /// The most bytes in an upload file, where less than the platform's limit
    #[arg(long, value_name = "N", hide_short_help = true, value_parser = at_least_one())]
    pub(crate) max_file_bytes: Option<u64>,
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
    /// Platforms whose rules decide what is usable
    #[arg(long, value_name = "P[,P...]", value_delimiter = ',', default_value = "generic")]
    pub(crate) platform: Vec<Platform>,
    /// Reads the whole list and prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Adds every record, e-mail and phone to --json: personal data
    #[arg(long, requires = "json")]
    pub(crate) records: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
    #[command(flatten)]
    pub(crate) rules: RuleArguments,
}

#[derive(Args)]
#[command(after_help = "Examples:
  matchkey explain --field email ' Jane.Doe+news@Gmail.COM '
      What each platform that takes e-mails makes of it, by which rule and source.
  matchkey explain --field phone --country GB --platform meta '020 7946 0958' '+44 (0)20 7946 0958'
  matchkey explain --field phone --csv numbers.csv
      numbers.csv has the columns value[,country]; prints CSV for one platform [default: generic].
      The outcome is ok, passthrough (hashed already), unhashed (sent as it is), empty, or the
      reason why it is unusable.

Fields: those of hash --map; parts of names and dates (Meta): fi, f5first, f5last, doby, dobm, dobd;
a handle (X): username.")]
pub(crate) struct ExplainArguments {
    /// The platforms whose rules are shown [default: all that take the field]
    #[arg(long, value_name = "P[,P...]", value_delimiter = ',')]
    pub(crate) platform: Vec<Platform>,
    /// What the values are
    #[arg(long, value_name = "FIELD")]
    pub(crate) field: Field,
    /// Values
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) values: Vec<String>,
    /// Reads values from a CSV file with the columns value[,country]; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "values")]
    pub(crate) csv: Option<PathBuf>,
    /// How digests are spelled: hex or base64 [default: the platform's way]
    #[arg(long, value_name = "ENCODING")]
    pub(crate) encoding: Option<Encoding>,
    /// The hash: sha256, sha512, sha1 or md5, where the platform offers it
    #[arg(long, value_name = "HASH")]
    pub(crate) hash: Option<Hash>,
    #[command(flatten)]
    pub(crate) rules: RuleArguments,
}

/// How an input is read.
#[derive(Args)]
pub(crate) struct ReadingArguments {
    /// Reads FIELD from the column HEADER, or #N; up to three columns a field
    #[arg(long, value_name = "FIELD=HEADER", value_parser = mapping)]
    pub(crate) map: Vec<(Identifier, String)>,
    /// The delimiter: one character, or tab [default: found]
    #[arg(long, value_name = "C")]
    pub(crate) delimiter: Option<String>,
    /// The quote character, or none [default: found, mostly "]
    #[arg(long, value_name = "C|none")]
    pub(crate) quote: Option<String>,
    /// Inside quotes the character behind this one is taken as it is [default: found]
    #[arg(long, value_name = "C")]
    pub(crate) escape: Option<String>,
    /// Whether a record names the columns; auto looks for it in the first 21 lines
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) header: HeaderArgument,
    /// The encoding of files without a byte order mark, such as windows-1252 or shift_jis
    /// [default: found]
    #[arg(long, value_name = "LABEL")]
    pub(crate) encoding: Option<String>,
    /// Passes over so many lines at the start of each file
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) skip_lines: u64,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) threads: usize,
    /// How SHA-256 is computed, with the same output: auto, portable, sha-ni or avx512
    #[arg(long, value_name = "NAME", default_value_t = Kernel::Auto)]
    pub(crate) kernel: Kernel,
    /// About how many bytes a worker gets at once [default: 262144, less for many platforms]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(crate) chunk_bytes: Option<usize>,
    /// How many bytes are read at once
    #[arg(long, value_name = "N", default_value_t = 256 << 10, hide_short_help = true)]
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
    /// The most rows of a file [default: no limit]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(crate) max_rows: Option<u64>,
    /// How many bytes may come out of each byte of a packed file, after 64 MiB
    #[arg(long, value_name = "N", default_value_t = 1_000, hide_short_help = true)]
    pub(crate) max_ratio: u64,
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
    /// Adds phone_alt_sha256: a second, valid reading where people mean another number than
    /// libphonenumber reads (4915... under DE, 0044... under US, +52 1 ..., +1 (0) ..., a .0 tail)
    #[arg(long)]
    pub(crate) phone_alternates: bool,
    /// Newer phone metadata: PhoneNumberMetadata.xml, as Google publishes it
    #[arg(long, value_name = "FILE")]
    pub(crate) phone_metadata: Option<PathBuf>,
    /// What was hashed where cells hold digests already: email:plain|google|uid2,
    /// phone:e164|digits [default: email:plain; phone keys go to generic only]
    #[arg(long, value_name = "FIELD:FORM[,...]", value_delimiter = ',', value_parser = prehashed)]
    pub(crate) prehashed_as: Vec<(Identifier, PrehashedForm)>,
    /// The order of dates of birth, such as DD/MM/YYYY [default: found from the column]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) dob_format: Option<DateOrder>,
}

/// A choice for one platform, or for all that are chosen.
#[derive(Clone)]
pub(crate) struct Choice<T> {
    pub(crate) platform: Option<Platform>,
    pub(crate) of: T,
}

impl<T> Choice<T> {
    /// True if it is made for this platform.
    pub(crate) fn is_for(&self, platform: Platform) -> bool {
        self.platform.is_none_or(|chosen| chosen == platform)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Jsonl,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum HeaderArgument {
    Auto,
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
            HeaderArgument::Auto => "auto",
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
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::new().phone_policy(match self.phone_policy {
            PhonePolicyArgument::Possible => PhonePolicy::Possible,
            PhonePolicyArgument::Valid => PhonePolicy::Valid,
        });
        if self.keep_placeholders {
            options = options.placeholders(Placeholders::Keep);
        }
        for (identifier, form) in &self.prehashed_as {
            options = options.prehashed_as(*identifier, *form);
        }
        if let Some(order) = self.dob_format {
            options = options.date_order(order);
        }
        if let Some(today) = today() {
            options = options.today(today);
        }
        if self.phone_alternates {
            options = options.phone_alternates();
        }
        if let Some(path) = &self.phone_metadata {
            let name = path.display();
            let refused = |why: String| Failure::Refused(format!("{name}: {why}"));
            // Google's file has less than 2 MB.
            const BYTES_MAX: u64 = 32 << 20;
            let mut text = String::new();
            let file = std::fs::File::open(path).map(|file| file.take(BYTES_MAX));
            let read = file.and_then(|mut file| file.read_to_string(&mut text));
            read.map_err(|error| refused(error.to_string()))?;
            options = options.phone_metadata(Metadata::from_xml(&text).map_err(refused)?);
        }
        Ok(match &self.country {
            Some(country) => options.country(country),
            None => options,
        })
    }
}

impl ReadingArguments {
    /// # Errors
    ///
    /// Where the dialect is not made of single characters; with the code of the reader's errors.
    pub(crate) fn apply(&self, mut options: Options) -> Result<Options, Failure> {
        for (identifier, header) in &self.map {
            options = options.map(*identifier, header);
        }
        if let Some(delimiter) = &self.delimiter {
            options = options.delimiter(ascii("--delimiter", delimiter)?);
        }
        match self.quote.as_deref() {
            None => {}
            Some("none") => options = options.quote(None),
            Some(quote) => options = options.quote(Some(ascii("--quote", quote)?)),
        }
        if let Some(escape) = &self.escape {
            options = options.escape(ascii("--escape", escape)?);
        }
        if let Some(label) = &self.encoding {
            options = options.encoding(label);
        }
        if let Some(rows) = self.max_rows {
            options = options.rows_max(rows);
        }
        if let Some(bytes) = self.chunk_bytes {
            options = options.chunk_bytes(bytes);
        }
        Ok(options
            .header(match self.header {
                HeaderArgument::Auto => Header::Auto,
                HeaderArgument::Yes => Header::Yes,
                HeaderArgument::No => Header::No,
            })
            .threads(self.threads)
            .kernel(self.kernel)
            .read_bytes(self.read_bytes)
            .record_bytes_max(self.max_record_bytes)
            .header_bytes_max(self.max_header_bytes)
            .columns_max(self.max_columns)
            .skip_lines(self.skip_lines)
            .ratio_max(self.max_ratio))
    }
}

/// The engine that these options ask for.
pub(crate) fn engine(options: Options) -> Result<Engine, Failure> {
    Engine::new(options).map_err(|error| Failure::Usage(error.to_string()))
}

fn today() -> Option<Date> {
    let now = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now());
    let part = |part: i8| u8::try_from(part).ok().map(Into::into);
    Date::new(now.year().try_into().ok()?, part(now.month())?, part(now.day())?)
}

fn at_least_one() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

/// `FIELD:FORM`.
fn prehashed(text: &str) -> Result<(Identifier, PrehashedForm), String> {
    let (field, form) = text.split_once(':').ok_or("write it as FIELD:FORM")?;
    let identifier = field.parse()?;
    let forms: &[PrehashedForm] = match identifier {
        Identifier::Email => &[PrehashedForm::Plain, PrehashedForm::Google, PrehashedForm::Uid2],
        Identifier::Phone => &[PrehashedForm::E164, PrehashedForm::Digits],
        _ => return Err("only of email and phone".into()),
    };
    let known = forms.iter().find(|known| known.name() == form);
    let names: Vec<_> = forms.iter().map(|form| form.name()).collect();
    let known = known.ok_or_else(|| format!("{field} is hashed as {}", names.join(", ")))?;
    Ok((identifier, *known))
}

/// `[P:]VALUE`.
fn choice<T: FromStr<Err = String>>(text: &str) -> Result<Choice<T>, String> {
    match text.split_once(':') {
        Some((platform, of)) => Ok(Choice { platform: Some(platform.parse()?), of: of.parse()? }),
        None => Ok(Choice { platform: None, of: text.parse()? }),
    }
}

fn mapping(text: &str) -> Result<(Identifier, String), String> {
    let (field, header) = text.split_once('=').ok_or("write it as FIELD=HEADER")?;
    Ok((field.parse()?, header.to_owned()))
}

/// One ASCII character, or `tab`.
fn ascii(option: &str, text: &str) -> Result<u8, Failure> {
    match (text, text.as_bytes()) {
        ("tab" | "\\t", _) => Ok(b'\t'),
        (_, [byte]) if byte.is_ascii() => Ok(*byte),
        _ => {
            let text = format!("{option}: one ASCII character, or tab");
            Err(Failure::Unsupported("unsupported_option", text))
        }
    }
}
