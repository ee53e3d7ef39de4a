//! A request on its way to what it asks for: who asks, in which shape, how often, what.
//!
//! In: an HTTP request. Out: [`Call`], and through [`respond`] the answer. The order is: key, rate,
//! version, scope, body, idempotency key, work. The work runs on a thread that may block, and is
//! not given up when the client goes away.

use super::App;
use super::error::{ApiError, REQUEST_IN_PROGRESS};
use super::operation::Operation;
use super::version::{HEADER as VERSION_HEADER, Version};
use super::wire::json_response;
use crate::audience::store::{Answer, Begun, Keep, ReplayKey};
use crate::audience::{AccountId, Caller, Error, Refusal, fault};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// JSON bodies are at most so long.
const BODY_BYTES_MAX: usize = 1 << 20;

/// And have to be there after this.
const BODY_TIME_MAX: Duration = Duration::from_secs(15);

/// And get room in memory within this.
const ROOM_TIME_MAX: Duration = Duration::from_secs(10);

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// A request that was let in.
pub(super) struct Call {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) version: Version,
    parts: Parts,
    body: Bytes,
    /// The idempotency key and what the request is.
    replay: Option<(ReplayKey, [u8; 32])>,
    is_kept: Cell<bool>,
}

/// A request with an idempotency key while it is carried out.
struct Running<'a> {
    app: &'a App,
    key: Option<&'a ReplayKey>,
}

impl<'a> Running<'a> {
    /// `None` if another one with this key is at work.
    fn enter(app: &'a App, key: Option<&'a ReplayKey>) -> Option<Running<'a>> {
        // One that is not the first must not be made: its end would let others in.
        if key.is_some_and(|key| !lock(&app.running).insert(key.clone())) {
            return None;
        }
        Some(Running { app, key })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            lock(&self.app.running).remove(key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer: what its body is, or something else.
pub(super) enum Reply {
    Json(StatusCode, Vec<u8>),
    Other(Response),
}

/// Lets a request in and does its work.
pub(super) async fn respond(
    app: App,
    operation: Operation,
    request: Request<Body>,
    work: impl FnOnce(&Call) -> Result<Reply, ApiError> + Send + 'static,
) -> Response {
    let (parts, mut body) = request.into_parts();
    let call = match Call::open(app, operation, parts, &mut body).await {
        Ok(call) => call,
        Err(error) => return drained(body, error.into_response()).await,
    };
    match tokio::task::spawn_blocking(move || call.run(work)).await {
        Ok(response) => response,
        // It is in the log already.
        Err(_) => failed().into_response(),
    }
}

impl Call {
    async fn open(
        app: App,
        operation: Operation,
        parts: Parts,
        body: &mut Body,
    ) -> Result<Call, ApiError> {
        let text = bearer(&parts).ok_or_else(ApiError::unauthorized)?;
        let accounts = app.audiences.accounts();
        let known = blocking(move || Ok(accounts.caller(&text)?)).await?;
        let caller = known.ok_or_else(ApiError::unauthorized)?;
        app.limits.take(&caller.key, operation).map_err(ApiError::rate_limited)?;
        let version = Version::of(&parts.headers, app.wire)?;
        let scope = operation.scope();
        let is_file_read = operation.is_for_any_scope() && !caller.scopes.is_empty();
        if !caller.scopes.contains(&scope) && !is_file_read {
            let text = format!("This key does not have the scope {}", scope.name());
            return Err(ApiError::forbidden("insufficient_scope", &text));
        }
        let body = match operation.has_body() {
            true => read(&app, &parts, body).await?,
            false => Bytes::new(),
        };
        let replay = match operation.is_replayed() {
            true => replay_key(&caller, &parts, &body)?,
            false => None,
        };
        Ok(Call { app, caller, version, parts, body, replay, is_kept: Cell::new(false) })
    }

    /// Does the work, once for an idempotency key.
    fn run(self, work: impl FnOnce(&Call) -> Result<Reply, ApiError>) -> Response {
        let app = self.app.clone();
        let Some(_running) = Running::enter(&app, self.replay.as_ref().map(|(key, _)| key)) else {
            let text = "A request with this Idempotency-Key is being carried out";
            return ApiError::conflict(REQUEST_IN_PROGRESS, text).into_response();
        };
        let begun = catch_unwind(AssertUnwindSafe(|| self.begin()));
        match begun.unwrap_or_else(|_| Err(failed())) {
            Ok(None) => {}
            Ok(Some(answered)) => return answered,
            Err(error) => return error.into_response(),
        }
        // A panic is no answer: the key is free again.
        let done = catch_unwind(AssertUnwindSafe(|| {
            if self.replay.is_some() {
                fault::point("replay.begun").map_err(Error::from)?;
            }
            work(&self)
        }));
        let result = done.unwrap_or_else(|_| Err(failed()));
        self.end(&result);
        match result {
            Ok(Reply::Json(status, body)) => json_response(status, body),
            Ok(Reply::Other(response)) => response,
            Err(error) => error.into_response(),
        }
    }

    /// What the idempotency key got before, if anything.
    fn begin(&self) -> Result<Option<Response>, ApiError> {
        let Some((key, request)) = &self.replay else { return Ok(None) };
        Ok(match self.app.audiences.begin_replay(key, *request)? {
            Begun::Fresh => None,
            Begun::Answered(Answer { status, body }) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
                let mut response = json_response(status, body);
                let yes = HeaderValue::from_static("true");
                response.headers_mut().insert("idempotent-replayed", yes);
                Some(response)
            }
            Begun::Mismatch => {
                return Err(ApiError::bad(
                    "idempotency_key_mismatch",
                    "This Idempotency-Key was used for another request",
                ));
            }
        })
    }

    /// Keeps the answer if the work did not, or forgets the request.
    fn end(&self, result: &Result<Reply, ApiError>) {
        let Some((key, _)) = &self.replay else { return };
        let store = self.app.audiences.store();
        let kept = match result {
            Ok(Reply::Json(..)) if self.is_kept.get() => return,
            Ok(Reply::Json(status, body)) => {
                let answer = Answer { status: status.as_u16(), body: body.clone() };
                store.keep_replay(&Keep { key: key.clone(), answer })
            }
            Err(error) if error.is_kept() => {
                let answer = Answer { status: error.status.as_u16(), body: error.body() };
                store.keep_replay(&Keep { key: key.clone(), answer })
            }
            _ => store.drop_replay(key),
        };
        if let Err(error) = kept {
            tracing::error!(%error, "an answer was not kept");
        }
    }

    /// What is to be kept together with what the work does.
    pub(super) fn keep(&self, status: StatusCode, body: &[u8]) -> Option<Keep> {
        let (key, _) = self.replay.as_ref()?;
        self.is_kept.set(true);
        let answer = Answer { status: status.as_u16(), body: body.to_vec() };
        Some(Keep { key: key.clone(), answer })
    }

    /// The work was not done after all: nothing was kept.
    pub(super) fn not_kept(&self) {
        self.is_kept.set(false);
    }

    /// The headers.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// Every value of a query parameter.
    pub(super) fn query_all(&self, name: &str) -> Vec<String> {
        let query = self.parts.uri.query().unwrap_or_default();
        // Lists come as `ids=a&ids=b` or `ids[]=a`.
        let is_it = |key: &str| key == name || key.strip_suffix("[]") == Some(name);
        let pairs = form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(key, _)| is_it(key)).map(|(_, value)| value.into_owned()).collect()
    }

    /// A query parameter; of several the last. A blank one is none.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        self.query_all(name).pop().filter(|value| !value.is_empty())
    }

    /// The id behind this word in the path. What is no id is not found.
    pub(super) fn path_id<T: FromStr>(&self, behind: &str) -> Result<T, ApiError> {
        let mut segments = self.parts.uri.path().split('/').skip_while(|part| *part != behind);
        let id = segments.nth(1).and_then(|id| id.parse().ok());
        id.ok_or_else(|| Refusal::NotFound.into())
    }

    /// The account that a request names: it must be the caller's.
    pub(super) fn check_account(&self, id: &str) -> Result<(), ApiError> {
        match id.parse::<AccountId>() {
            Ok(id) if id == self.caller.account => Ok(()),
            // The same for one that there is not.
            _ => Err(ApiError::forbidden(
                "account_not_allowed",
                "This key may not use the account in account_id",
            )),
        }
    }

    /// The body, which must be a JSON object.
    pub(super) fn json(&self) -> Result<Fields, ApiError> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => Ok(Fields(fields)),
            Ok(_) => Err(ApiError::bad("invalid_json", "The body must be a JSON object")),
            Err(error) => {
                // Where, not what.
                let (line, column) = (error.line(), error.column());
                let text = format!("The body is not valid JSON (line {line}, column {column})");
                Err(ApiError::bad("invalid_json", &text))
            }
        }
    }
}

/// The members of a JSON body.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// A member; null is none.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text, if it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::invalid(name, &format!("{name} must be a string"))),
        }
    }

    /// A text that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| ApiError::missing(name))
    }
}

fn failed() -> ApiError {
    ApiError::unavailable("internal", "The server failed")
}

/// The key that a caller sends.
fn bearer(parts: &Parts) -> Option<String> {
    let mut given = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (one, None) = (given.next()?, given.next()) else { return None };
    let (scheme, key) = one.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

/// Reads a JSON body to its end.
async fn read(app: &App, parts: &Parts, body: &mut Body) -> Result<Bytes, ApiError> {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length: Option<usize> = length.and_then(|it| it.to_str().ok()?.parse().ok());
    // Room for it, so that many at a time do not take all memory.
    let kib = (length.unwrap_or(BODY_BYTES_MAX).min(BODY_BYTES_MAX) >> 10) + 1;
    let room = app.bodies.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX));
    let Ok(Ok(_room)) = tokio::time::timeout(ROOM_TIME_MAX, room).await else {
        return Err(ApiError::unavailable("busy", "Too many requests at a time; try again"));
    };
    let whole = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIME_MAX, whole).await {
        Err(_) => Err(ApiError::timeout()),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ApiError::too_large("The body is longer than 1 MiB"))
        }
        Ok(Err(_)) => Err(ApiError::bad("invalid_body", "The body ended too early")),
    }
}

/// A refusal that came before the body was read: a short rest is read all the same, so that the
/// client's next request finds the connection; behind a longer one the connection ends.
pub(super) async fn drained(body: Body, mut response: Response) -> Response {
    const REST_BYTES_MAX: usize = 32 << 10;
    const REST_TIME_MAX: Duration = Duration::from_secs(1);
    let rest = Limited::new(body, REST_BYTES_MAX).collect();
    let is_read = tokio::time::timeout(REST_TIME_MAX, rest).await.is_ok_and(|rest| rest.is_ok());
    if !is_read {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// The idempotency key of a request, and what the request is.
fn replay_key(
    caller: &Caller,
    parts: &Parts,
    body: &[u8],
) -> Result<Option<(ReplayKey, [u8; 32])>, ApiError> {
    let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    if key.is_empty() {
        return Ok(None);
    }
    if key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
        let text = "Idempotency-Key must have at most 255 bytes";
        return Err(ApiError::invalid("Idempotency-Key", text));
    }
    let key = String::from_utf8_lossy(key.as_bytes()).into_owned();
    let version = parts.headers.get(VERSION_HEADER).map_or(&b""[..], HeaderValue::as_bytes);
    let mut hash = Sha256::new();
    let uri = &parts.uri;
    for part in [
        parts.method.as_str().as_bytes(),
        uri.path().as_bytes(),
        uri.query().unwrap_or_default().as_bytes(),
        version,
        body,
    ] {
        // With its length, so that no two requests look alike.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let key = ReplayKey { caller: caller.key.clone(), key };
    Ok(Some((key, hash.finalize().into())))
}

/// Does work that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(failed()))
}
