//! Audiences over HTTP.
//!
//! In: [`Audiences`] and a [`Config`]. Out: [`serve`], which listens until it is told to end. The
//! wire is the one that the official client libraries speak, in both shapes (`version.rs`); what a
//! request means is in `audiences.rs` and `files.rs`, what it may do before that in `call.rs`.

mod audiences;
mod call;
mod connections;
mod error;
mod files;
mod limits;
mod metrics;
mod operation;
mod page;
mod routes;
mod signing;
mod version;
mod wire;

pub use routes::openapi;
pub use version::Wire;

use crate::audience::store::{ReplayKey, Store, StoreError};
use crate::audience::{Audiences, Error};
use axum::http::{HeaderMap, header};
use limits::RateLimit;
use metrics::Metrics;
use signing::Signer;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Each has two blocks in memory at most, and a file open: this bounds both.
const UPLOADS_MAX: usize = 512;

/// Memory for the bodies of requests at a time, in KiB.
const BODIES_KIB: usize = 64 << 10;

/// How the API is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What clients reach the server by, without a path: upload addresses start with it. `None`:
    /// what each request says in `Host`.
    pub public_url: Option<String>,
    /// Which shape callers get.
    pub wire: Wire,
    /// Requests a minute for each key and operation; 0 is no limit.
    pub rate_limit: u32,
    /// The most bytes of a file.
    pub upload_bytes_max: u64,
    /// The most connections of one address.
    pub connections_per_client_max: usize,
    /// The most connections in all: each needs a file descriptor.
    pub connections_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            public_url: None,
            wire: Wire::Auto,
            rate_limit: 0,
            upload_bytes_max: 64 << 30,
            connections_per_client_max: 100,
            connections_max: 10_000,
        }
    }
}

/// What all requests share.
#[derive(Clone)]
struct App(Arc<Shared>);

struct Shared {
    audiences: Audiences,
    public_url: Option<String>,
    wire: Wire,
    upload_bytes_max: u64,
    connections_per_client_max: usize,
    connections_max: usize,
    limits: RateLimit,
    signer: Signer,
    metrics: Metrics,
    /// Uploads that may be written at a time: each holds memory and a file.
    uploads: Semaphore,
    /// KiB of bodies that may be read at a time.
    bodies: Semaphore,
    /// Requests with an idempotency key that are being carried out.
    running: Mutex<HashSet<ReplayKey>>,
    address: SocketAddr,
    ending: watch::Receiver<bool>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    /// What the addresses of a request's answer start with.
    fn origin(&self, headers: &HeaderMap) -> String {
        let is_plain = |host: &&str| {
            let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
            !host.is_empty() && host.bytes().all(is_host)
        };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        match (&self.public_url, host.filter(is_plain)) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(host)) => format!("http://{host}"),
            (None, None) => format!("http://{}", self.address),
        }
    }

    fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }
}

/// Serves audiences on a socket until `ending` says so; then what is at work may finish, imports
/// end at the next place on record.
///
/// # Errors
///
/// If the store fails at the start, or a write of its does not reach the disk: then only a new
/// start finds out what is there.
pub async fn serve(
    audiences: Audiences,
    config: Config,
    listener: TcpListener,
    ending: watch::Receiver<bool>,
) -> Result<(), Error> {
    let mut fresh = [0; 32];
    getrandom::fill(&mut fresh).map_err(std::io::Error::other)?;
    let secret = audiences.store().secret("signing", fresh)?;
    let app = App(Arc::new(Shared {
        audiences: audiences.clone(),
        public_url: config.public_url,
        wire: config.wire,
        upload_bytes_max: config.upload_bytes_max,
        connections_per_client_max: config.connections_per_client_max,
        connections_max: config.connections_max,
        limits: RateLimit::new(config.rate_limit),
        signer: Signer::new(secret),
        metrics: Metrics::new(),
        uploads: Semaphore::new(UPLOADS_MAX),
        bodies: Semaphore::new(BODIES_KIB),
        running: Mutex::default(),
        address: listener.local_addr()?,
        ending: ending.clone(),
    }));
    let store = Arc::clone(audiences.store());
    tokio::select! {
        () = connections::serve(app, listener, ending) => {}
        () = broken(&store) => tracing::error!("a write did not reach the disk"),
    }
    let stopped = tokio::task::spawn_blocking(move || audiences.stop()).await;
    stopped.map_err(|error| Error::Io(std::io::Error::other(error.to_string())))?;
    match store.is_broken() {
        true => Err(Error::Store(StoreError::Broken("a write did not reach the disk".to_owned()))),
        false => Ok(()),
    }
}

/// Comes back when the store can do no more.
async fn broken(store: &Arc<dyn Store>) {
    const LOOK_EVERY: Duration = Duration::from_millis(200);
    while !store.is_broken() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
