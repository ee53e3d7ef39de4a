//! `matchkey serve`: the audience service, until it is told to end.
//!
//! In: flags, `MATCHKEY_*`, a file in TOML; the first that says something counts. Out: one line on
//! stdout that says where it listens; on a folder without accounts a first account and its key,
//! once; a log of JSON lines on stderr.

use crate::failure::Failure;
use clap::Args;
use matchkey::audience::{Audiences, Error, Retention, Settings};
use matchkey::service::{Config, Wire, serve};
use matchkey::{Engine, Options, Platform};
use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use serde::{Deserialize, Deserializer};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::filter::LevelFilter;

#[derive(Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[command(after_help = "Examples:
  matchkey serve --data ./data
      The first start makes an account and prints its key, once.
  matchkey serve --data /var/lib/matchkey --listen 0.0.0.0:8080 --public-url https://a.example.com
      Behind a proxy: upload addresses start with the public URL.
  matchkey serve --config matchkey.toml
      listen = \"127.0.0.1:8080\"
      data = \"/var/lib/matchkey\"
      platform = [\"meta\", \"google\"]
      country = \"US\"

Each flag can be said as MATCHKEY_FLAG in the environment or as a key of the file; flags go before
the environment, and that before the file.")]
#[derive(Default)]
pub(crate) struct ServeArguments {
    /// A file with these settings, in TOML
    #[arg(long, value_name = "FILE", env = "MATCHKEY_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Where to listen; port 0 is a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT", env = "MATCHKEY_LISTEN")]
    listen: Option<SocketAddr>,
    /// The folder for everything: database, uploads, outbox, rejects [default: matchkey-data]
    #[arg(long, value_name = "DIR", env = "MATCHKEY_DATA")]
    data: Option<PathBuf>,
    /// What clients reach the server by, such as https://audiences.example.com [default: what they
    /// say in Host]
    #[arg(long, value_name = "URL", env = "MATCHKEY_PUBLIC_URL")]
    #[serde(alias = "public_url")]
    public_url: Option<String>,
    /// The shape of audiences: auto (by the caller's Api-Version-Date), seed or dated
    /// [default: auto]
    #[arg(long, value_name = "WIRE", env = "MATCHKEY_WIRE")]
    wire: Option<String>,
    /// Requests a minute for each key and operation; 0 is no limit [default: 0]
    #[arg(long, value_name = "N", env = "MATCHKEY_RATE_LIMIT")]
    #[serde(alias = "rate_limit")]
    rate_limit: Option<u32>,
    /// The most bytes of an uploaded file [default: 64 GiB]
    #[arg(long, value_name = "N", env = "MATCHKEY_MAX_UPLOAD_BYTES")]
    #[serde(alias = "max_upload_bytes")]
    max_upload_bytes: Option<u64>,
    /// The most bytes that an account's uploads may take at a time; 0 is no limit [default: 0]
    #[arg(long, value_name = "N", env = "MATCHKEY_MAX_ACCOUNT_BYTES")]
    #[serde(alias = "max_account_bytes")]
    max_account_bytes: Option<u64>,
    /// The most connections of one address [default: 100]
    #[arg(long, value_name = "N", env = "MATCHKEY_MAX_CONNECTIONS_PER_CLIENT")]
    #[serde(alias = "max_connections_per_client")]
    max_connections_per_client: Option<usize>,
    /// Country of rows that name none, unless the account has one
    #[arg(long, value_name = "CC", env = "MATCHKEY_COUNTRY")]
    country: Option<String>,
    /// Platforms to make keys for, unless the account names some [default: meta]
    #[arg(long, value_name = "P[,P...]", value_delimiter = ',', env = "MATCHKEY_PLATFORM")]
    #[serde(deserialize_with = "names")]
    platform: Option<Vec<String>>,
    /// Where keys go: outbox, files in the data folder [default: outbox]
    #[arg(long, value_name = "D", env = "MATCHKEY_DESTINATION")]
    destination: Option<String>,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", env = "MATCHKEY_THREADS")]
    threads: Option<usize>,
    /// Seconds that a raw upload stays after its last import [default and most: 60]
    #[arg(long, value_name = "N", env = "MATCHKEY_KEEP_UPLOADS_SECONDS")]
    #[serde(alias = "keep_uploads_seconds")]
    keep_uploads_seconds: Option<u64>,
    /// Seconds that an upload stays that nothing reads [default and most: 86400]
    #[arg(long, value_name = "N", env = "MATCHKEY_KEEP_UNUSED_SECONDS")]
    #[serde(alias = "keep_unused_seconds")]
    keep_unused_seconds: Option<u64>,
    /// Seconds that the rejects of an audience stay [default and most: 604800]
    #[arg(long, value_name = "N", env = "MATCHKEY_KEEP_REJECTS_SECONDS")]
    #[serde(alias = "keep_rejects_seconds")]
    keep_rejects_seconds: Option<u64>,
    /// What is logged: error, warn, info, debug or off [default: info]
    #[arg(long, value_name = "LEVEL", env = "MATCHKEY_LOG")]
    log: Option<String>,
}

/// A list of names, or one text with commas in it.
fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        Many(Vec<String>),
    }
    Ok(Some(match Names::deserialize(from)? {
        Names::One(text) => text.split(',').map(str::to_owned).collect(),
        Names::Many(names) => names,
    }))
}

/// The folder of `serve` and of the commands beside it.
pub(crate) const DATA: &str = "matchkey-data";

impl ServeArguments {
    /// With what the file says where nothing else does.
    fn with_file(mut self) -> Result<ServeArguments, Failure> {
        let Some(path) = &self.config else { return Ok(self) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::Refused(format!("{name}: {error}")))?;
        let file: ServeArguments =
            toml::from_str(&text).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
        self.listen = self.listen.or(file.listen);
        self.data = self.data.or(file.data);
        self.public_url = self.public_url.or(file.public_url);
        self.wire = self.wire.or(file.wire);
        self.rate_limit = self.rate_limit.or(file.rate_limit);
        self.max_upload_bytes = self.max_upload_bytes.or(file.max_upload_bytes);
        self.max_account_bytes = self.max_account_bytes.or(file.max_account_bytes);
        let per_client = file.max_connections_per_client;
        self.max_connections_per_client = self.max_connections_per_client.or(per_client);
        self.country = self.country.or(file.country);
        self.platform = self.platform.or(file.platform);
        self.destination = self.destination.or(file.destination);
        self.threads = self.threads.or(file.threads);
        self.keep_uploads_seconds = self.keep_uploads_seconds.or(file.keep_uploads_seconds);
        self.keep_unused_seconds = self.keep_unused_seconds.or(file.keep_unused_seconds);
        self.keep_rejects_seconds = self.keep_rejects_seconds.or(file.keep_rejects_seconds);
        self.log = self.log.or(file.log);
        Ok(self)
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings {
            country: self.country.clone(),
            threads: self.threads.unwrap_or(0),
            account_bytes_max: self.max_account_bytes.unwrap_or(0),
            retention: self.retention(),
            ..Settings::default()
        };
        if let Some(names) = &self.platform {
            settings.platforms = platforms(names)?;
        }
        Ok(settings)
    }

    fn retention(&self) -> Retention {
        let least = |given: Option<u64>, most: Duration| {
            given.map_or(most, |seconds| Duration::from_secs(seconds).min(most))
        };
        let most = Retention::default();
        Retention {
            used_upload: least(self.keep_uploads_seconds, most.used_upload),
            unused_upload: least(self.keep_unused_seconds, most.unused_upload),
            rejects: least(self.keep_rejects_seconds, most.rejects),
            ..most
        }
    }

    fn config(&self) -> Result<Config, Failure> {
        let default = Config::default();
        let wire = self.wire.as_deref().unwrap_or("auto").parse::<Wire>();
        if let Some(url) = &self.public_url
            && !url.starts_with("http://")
            && !url.starts_with("https://")
        {
            let text = "the public URL starts with http:// or https://";
            return Err(Failure::Usage(text.to_owned()));
        }
        Ok(Config {
            public_url: self.public_url.clone(),
            wire: wire.map_err(Failure::Usage)?,
            rate_limit: self.rate_limit.unwrap_or(default.rate_limit),
            upload_bytes_max: self.max_upload_bytes.unwrap_or(default.upload_bytes_max),
            connections_per_client_max: self
                .max_connections_per_client
                .unwrap_or(default.connections_per_client_max),
            connections_max: connections_max(default.connections_max),
        })
    }
}

/// Platforms by their names.
pub(crate) fn platforms(names: &[String]) -> Result<Vec<Platform>, Failure> {
    let parsed = names.iter().map(|name| name.trim().parse::<Platform>());
    let platforms = parsed.collect::<Result<Vec<_>, _>>().map_err(Failure::Usage)?;
    // An engine says what is wrong with them.
    let options = Options::new().threads(1).platforms(platforms.iter().copied());
    Engine::new(options).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(platforms)
}

/// A failure of the audience layer.
pub(crate) fn failure(error: &Error) -> Failure {
    match error {
        Error::Settings(text) => Failure::Usage(text.clone()),
        error => Failure::Refused(error.to_string()),
    }
}

/// Runs the command.
pub(crate) fn run(arguments: ServeArguments) -> Result<(), Failure> {
    let arguments = arguments.with_file()?;
    harden();
    let (settings, config) = (arguments.settings()?, arguments.config()?);
    start_log(arguments.log.as_deref().unwrap_or("info"))?;
    let refused = |error: std::io::Error| Failure::Refused(error.to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(refused)?;
    let served = runtime.block_on(async {
        let listen = arguments.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| {
            Failure::Refused(format!("{listen} cannot be listened on: {error}"))
        })?;
        let data = arguments.data.as_deref().unwrap_or(Path::new(DATA));
        let audiences = open(data, settings, arguments.destination.as_deref())?;
        let address = listener.local_addr().map_err(refused)?;
        let (end, ending) = watch::channel(false);
        let mut terminated = signal(SignalKind::terminate()).map_err(refused)?;
        let mut interrupted = signal(SignalKind::interrupt()).map_err(refused)?;
        announce(&audiences, address)?;
        tokio::spawn(async move {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
            tracing::info!("ending");
            // Nobody may listen any more.
            let _ = end.send(true);
        });
        serve(audiences, config, listener, ending).await.map_err(|error| failure(&error))
    });
    // What is left waits for clients that are not there any more.
    runtime.shutdown_timeout(Duration::from_millis(500));
    served
}

/// As many connections as there are file descriptors for, uploads and the store set aside.
fn connections_max(wanted: usize) -> usize {
    const ASIDE: u64 = 1_024;
    let files = rustix::process::getrlimit(Resource::Nofile).current;
    let left = files.map_or(u64::MAX, |files| files.saturating_sub(ASIDE).max(files / 4));
    usize::try_from(left).map_or(wanted, |left| left.min(wanted))
}

fn open(data: &Path, settings: Settings, destination: Option<&str>) -> Result<Audiences, Failure> {
    let opened = match destination {
        None | Some("outbox") => Audiences::open(data, settings),
        #[cfg(feature = "testing")]
        Some(other) if other.starts_with("scripted:") => {
            let folder = matchkey::audience::Folder::open(data)
                .map_err(|error| Failure::Refused(error.to_string()))?;
            let script = Path::new(other.trim_start_matches("scripted:"));
            let scripted = matchkey::audience::scripted::Scripted::open(script, folder.clone());
            let scripted = scripted.map_err(Failure::Usage)?;
            Audiences::with_destination(folder, settings, std::sync::Arc::new(scripted))
        }
        Some(_) => return Err(Failure::Usage("the destination is outbox".to_owned())),
    };
    opened.map_err(|error| failure(&error))
}

/// Says where it listens, and on a new folder who may ask.
fn announce(audiences: &Audiences, address: SocketAddr) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::writing("standard output", &error);
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{address}").map_err(failed)?;
    let accounts = audiences.accounts();
    if accounts.all().map_err(|error| failure(&error))?.is_empty() {
        let (account, key) = accounts.add(None, None).map_err(|error| failure(&error))?;
        writeln!(out, "account {}", account.id).map_err(failed)?;
        writeln!(out, "api key {} (shown this once)", key.expose()).map_err(failed)?;
    }
    out.flush().map_err(failed)
}

fn start_log(level: &str) -> Result<(), Failure> {
    let level: LevelFilter = level
        .parse()
        .map_err(|_| Failure::Usage("the log level is error, warn, info, debug or off".into()))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .init();
    // Where, not what: a message may hold anything.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
    Ok(())
}

/// Nothing of the process's memory or files is for others.
fn harden() {
    const OPEN_FILES: u64 = 16_384;
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Where the system refuses, the files' own modes still stand.
    let _ = rustix::process::setrlimit(Resource::Core, none);
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let files = rustix::process::getrlimit(Resource::Nofile);
    let wanted = files.maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if files.current.is_some_and(|current| current < wanted) {
        let more = Rlimit { current: Some(wanted), maximum: files.maximum };
        let _ = rustix::process::setrlimit(Resource::Nofile, more);
    }
}
