//! Files over HTTP: made, sent, put together, looked at.
//!
//! In: requests that were let in; for the bytes themselves an address that only this server can
//! have written. Out: files in the caller's shape. Bytes go to disk as they come, at the disk's own
//! speed: a client that is faster waits, one that is too slow is cut off.

use super::App;
use super::call::{Call, Reply, blocking, drained, respond};
use super::error::{ApiError, ErrorBody};
use super::operation::Operation;
use super::page::{page_info, page_of};
use super::wire::{FileBody, FileList, PartUrl, UploadWay, json_response, to_bytes};
use crate::audience::store::UploadedFile;
use crate::audience::{Error, FileId, Incoming, NewFile, Refusal, Upload};
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use utoipa::ToSchema;

/// What makes a file.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read member by member for the sake of the errors")]
pub(super) struct CreateFile {
    /// With its extension.
    #[schema(min_length = 1, max_length = 1024)]
    filename: String,
    /// `public` or `private`; echoed only, lists are never published.
    visibility: Option<String>,
    /// Needed for an upload in parts.
    byte_size: Option<u64>,
    /// True for an upload in parts: more than 5 MiB.
    multipart: Option<bool>,
}

/// The parts of a file.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read member by member for the sake of the errors")]
pub(super) struct CompleteFile {
    multipart_upload_id: String,
    /// Every part, in order.
    multipart_parts: Vec<CompletePart>,
}

/// A part.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read member by member for the sake of the errors")]
pub(super) struct CompletePart {
    #[schema(minimum = 1)]
    part_number: u32,
    /// As received, quotes included.
    etag: String,
}

/// Each part but the last.
const PART_BYTES: u64 = 5 << 20;
const PARTS_MAX: u64 = 10_000;

/// Addresses are good for so long.
const URL_TIME: Duration = Duration::from_secs(60 * 60);
const PART_URL_TIME: Duration = Duration::from_secs(15 * 60);

const NAME_CHARS_MAX: usize = 1_024;
const IDS_MAX: usize = 250;

/// No byte for so long ends an upload.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// After this an upload has to be faster than [`BYTES_A_SECOND_MIN`].
const SLOW_FOR: Duration = Duration::from_secs(30);
const BYTES_A_SECOND_MIN: u64 = 1_024;

/// So long an upload waits for others.
const TURN_MAX: Duration = Duration::from_secs(20);

/// So much of a body is written at once.
const BLOCK_BYTES: usize = 64 << 10;

/// The list whose cursors these are.
const CURSORS: &str = "files";

/// Makes a file, and an address for its bytes.
#[utoipa::path(
    post, path = "/files", tag = "files", operation_id = "createFile",
    params(
        ("Api-Version-Date" = Option<String>, Header, description = "Decides the shape"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 bytes"),
    ),
    request_body = CreateFile,
    responses(
        (status = 201, description = "PUT the bytes to upload_url", body = FileBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn create(State(app): State<App>, request: Request<Body>) -> Response {
    let origin = app.origin(request.headers());
    respond(app, Operation::CreateFile, request, move |call| {
        let new = new_file(call)?;
        let audiences = &call.app.audiences;
        let file = audiences.new_file(&call.caller.account, new)?;
        let way = way_of(call, &origin, &file);
        let body = to_bytes(&FileBody::of(&file, call.version, Some(way)));
        let status = StatusCode::CREATED;
        match audiences.add_file(&file, call.keep(status, &body).as_ref()) {
            Ok(()) => Ok(Reply::Json(status, body)),
            Err(error) => {
                call.not_kept();
                Err(error.into())
            }
        }
    })
    .await
}

fn new_file(call: &Call) -> Result<NewFile, ApiError> {
    let fields = call.json()?;
    let filename = fields.required("filename")?;
    if filename.trim().is_empty() || filename.chars().count() > NAME_CHARS_MAX {
        let text = format!("filename must have 1 to {NAME_CHARS_MAX} characters");
        return Err(ApiError::invalid("filename", &text));
    }
    let default = if call.version.is_native { "private" } else { "public" };
    let visibility = fields.text("visibility")?.unwrap_or(default);
    if !["public", "private"].contains(&visibility) {
        return Err(ApiError::invalid("visibility", "visibility is public or private"));
    }
    let bytes = match fields.get("byte_size") {
        None => None,
        Some(size) => Some(size.as_u64().ok_or_else(|| {
            ApiError::invalid("byte_size", "byte_size must be an integer of at least 0")
        })?),
    };
    if bytes.is_some_and(|bytes| bytes > call.app.upload_bytes_max) {
        let text = format!("A file may have at most {} bytes", call.app.upload_bytes_max);
        return Err(ApiError::too_large(&text));
    }
    let parts = match (fields.get("multipart"), bytes) {
        (None | Some(Value::Bool(false)), _) => None,
        (Some(Value::Bool(true)), None) => return Err(ApiError::missing("byte_size")),
        (Some(Value::Bool(true)), Some(bytes)) => Some(parts_of(bytes)?),
        (Some(_), _) => return Err(ApiError::invalid("multipart", "multipart is true or false")),
    };
    let (filename, visibility) = (filename.to_owned(), visibility.to_owned());
    Ok(NewFile { filename, visibility, bytes, parts })
}

/// How many parts a file of this size comes in.
fn parts_of(bytes: u64) -> Result<u32, ApiError> {
    let parts = bytes.div_ceil(PART_BYTES);
    if bytes <= PART_BYTES || parts > PARTS_MAX {
        let most = PART_BYTES * PARTS_MAX;
        let text = format!("A file in parts has more than {PART_BYTES} and at most {most} bytes");
        return Err(ApiError::invalid("byte_size", &text));
    }
    Ok(parts as u32)
}

/// Where the bytes of a new file go.
fn way_of(call: &Call, origin: &str, file: &UploadedFile) -> UploadWay {
    let now = call.app.audiences.now();
    let url = |part: u32, time: Duration| {
        let expires = (now + time.as_millis() as i64).div_euclid(1_000);
        let signature = call.app.signer.upload(file.id.as_str(), part, expires);
        let id = &file.id;
        format!("{origin}/api/v1/uploads/{id}?part={part}&expires={expires}&signature={signature}")
    };
    match &file.multipart {
        None => UploadWay { url: Some(url(1, URL_TIME)), ..UploadWay::default() },
        Some((_, parts)) => {
            let part = |number| PartUrl { part_number: number, url: url(number, PART_URL_TIME) };
            let parts = (1..=*parts).map(part).collect();
            UploadWay { url: None, parts: Some(parts), chunk_bytes: Some(PART_BYTES) }
        }
    }
}

/// A file.
#[utoipa::path(
    get, path = "/files/{file_id}", tag = "files", operation_id = "retrieveFile",
    params(
        ("file_id" = String, Path, description = "The file, prefixed `file_`"),
        ("Api-Version-Date" = Option<String>, Header, description = "Decides the shape"),
    ),
    responses(
        (status = 200, description = "As it stands", body = FileBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn retrieve(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::RetrieveFile, request, |call| {
        let file = own_file(call)?;
        Ok(Reply::Json(StatusCode::OK, to_bytes(&FileBody::of(&file, call.version, None))))
    })
    .await
}

fn own_file(call: &Call) -> Result<UploadedFile, ApiError> {
    let id: FileId = call.path_id("files")?;
    let file = call.app.audiences.file(&call.caller.account, &id)?;
    file.ok_or_else(|| Refusal::NotFound.into())
}

/// The account's files, newest first.
#[utoipa::path(
    get, path = "/files", tag = "files", operation_id = "listFiles",
    params(
        ("file_ids" = Option<Vec<String>>, Query, description = "Only these: up to 250"),
        ("first" = Option<u32>, Query, description = "At most so many: 20, no more than 100",
         minimum = 1),
        ("after" = Option<String>, Query, description = "The `end_cursor` of the page before"),
        ("Api-Version-Date" = Option<String>, Header, description = "Decides the shape"),
    ),
    responses(
        (status = 200, description = "A page", body = FileList),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn list(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::ListFiles, request, |call| {
        let wanted = call.query_all("file_ids");
        if wanted.len() > IDS_MAX {
            let text = format!("file_ids has at most {IDS_MAX} ids");
            return Err(ApiError::invalid("file_ids", &text));
        }
        let (first, after) = page_of(call, CURSORS)?;
        // Texts that are no ids mean no files.
        let ids: Vec<FileId> = wanted.iter().filter_map(|id| id.parse().ok()).collect();
        let is_empty = ids.is_empty() && !wanted.is_empty();
        let first = if is_empty { 0 } else { first };
        let mut listed = call.app.audiences.files(&call.caller.account, &ids, after, first)?;
        listed.has_more &= !is_empty;
        let places = listed.items.iter().map(|(place, _)| *place).collect::<Vec<_>>();
        let page_info = page_info(call, CURSORS, &places, listed.has_more, after.is_some());
        let body = |(_, file): &(i64, UploadedFile)| FileBody::of(file, call.version, None);
        let data = listed.items.iter().map(body).collect();
        Ok(Reply::Json(StatusCode::OK, to_bytes(&FileList { data, page_info })))
    })
    .await
}

/// Puts a file together of its parts.
#[utoipa::path(
    post, path = "/files/{file_id}/complete", tag = "files", operation_id = "completeFile",
    params(
        ("file_id" = String, Path, description = "The file, prefixed `file_`"),
        ("Api-Version-Date" = Option<String>, Header, description = "Decides the shape"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 bytes"),
    ),
    request_body = CompleteFile,
    responses(
        (status = 200, description = "Ready", body = FileBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn complete(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::CompleteFile, request, |call| {
        let file = own_file(call)?;
        let fields = call.json()?;
        let upload_id = fields.required("multipart_upload_id")?;
        let Some((own_id, parts)) = &file.multipart else {
            let text = "The file was not made for an upload in parts";
            return Err(ApiError::invalid("multipart_upload_id", text));
        };
        if upload_id != own_id {
            let text = "This is not the id of the file's upload";
            return Err(ApiError::invalid("multipart_upload_id", text));
        }
        let wanted = match fields.get("multipart_parts") {
            Some(Value::Array(parts)) => parts.iter().map(part).collect::<Option<Vec<_>>>(),
            Some(_) => None,
            None => return Err(ApiError::missing("multipart_parts")),
        };
        // A file with a part missing would be a wrong list.
        let Some(wanted) = wanted.filter(|wanted| wanted.len() == *parts as usize) else {
            let text = format!("multipart_parts lists {parts} parts, with part_number and etag");
            return Err(ApiError::invalid("multipart_parts", &text));
        };
        let mut body = Vec::new();
        let completed = call.app.audiences.complete(&file, &wanted, |done| {
            body = to_bytes(&FileBody::of(done, call.version, None));
            call.keep(StatusCode::OK, &body)
        });
        match completed {
            Ok(_) => Ok(Reply::Json(StatusCode::OK, body)),
            Err(error) => {
                call.not_kept();
                Err(error.into())
            }
        }
    })
    .await
}

fn part(part: &Value) -> Option<(u32, String)> {
    let number = u32::try_from(part.get("part_number")?.as_u64()?).ok()?;
    Some((number, part.get("etag")?.as_str()?.to_owned()))
}

/// Takes the bytes of a file, or of a part of it. No key: the address is what lets one in.
#[utoipa::path(
    put, path = "/uploads/{file_id}", tag = "files", operation_id = "uploadFile",
    params(
        ("file_id" = String, Path, description = "The file, prefixed `file_`"),
        ("part" = u32, Query, description = "As in the address"),
        ("expires" = i64, Query, description = "As in the address"),
        ("signature" = String, Query, description = "As in the address"),
    ),
    request_body(content = String, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "On disk; its tag is in the header ETag", body = Object),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
)]
pub(super) async fn upload(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, mut body) = request.into_parts();
    match receive(app, &parts, &mut body).await {
        Ok(etag) => {
            let mut response = json_response(StatusCode::OK, b"{}".to_vec());
            if let Ok(etag) = HeaderValue::from_str(&etag) {
                response.headers_mut().insert(header::ETAG, etag);
            }
            response
        }
        Err(error) => drained(body, error.into_response()).await,
    }
}

/// What an address says.
struct Address {
    file: FileId,
    part: u32,
}

fn address(app: &App, parts: &Parts) -> Result<Address, ApiError> {
    let refused = || {
        let text = "The upload address is not valid, or no longer; create the file again";
        ApiError::forbidden("upload_url_invalid", text)
    };
    let id = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    let number = |name: &str| query.get(name)?.parse::<i64>().ok();
    let part = number("part").and_then(|part| u32::try_from(part).ok()).ok_or_else(refused)?;
    let expires = number("expires").ok_or_else(refused)?;
    let signature = query.get("signature").ok_or_else(refused)?;
    let is_ours = app.signer.is_upload(id, part, expires, signature);
    let is_late = app.audiences.now() > expires.saturating_mul(1_000);
    match id.parse() {
        Ok(file) if is_ours && !is_late => Ok(Address { file, part }),
        _ => Err(refused()),
    }
}

/// Takes a body to disk; its tag.
async fn receive(app: App, parts: &Parts, body: &mut Body) -> Result<String, ApiError> {
    let Address { file: id, part } = address(&app, parts)?;
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced: Option<u64> =
        announced.and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok());
    let turn = tokio::time::timeout(TURN_MAX, app.uploads.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        let text = "Too many uploads at a time; try again";
        return Err(ApiError::unavailable("too_many_uploads", text));
    };
    let (audiences, wanted) = (app.audiences.clone(), id.clone());
    let (upload, left, file) = blocking(move || {
        let file = audiences.store().file(&wanted)?.ok_or(Refusal::NotFound)?;
        Ok((audiences.receive(&wanted, part)?, audiences.bytes_left(&wanted)?, file))
    })
    .await?;
    let is_new = matches!(upload, Upload::Open(_));
    let (Upload::Open(incoming) | Upload::Ready(incoming)) = upload;
    let exactly = expected(&file, part);
    let most = app.upload_bytes_max.min(if is_new { left } else { u64::MAX });
    let most = exactly.map_or(most, |bytes| bytes.min(most));
    if announced.is_some_and(|bytes| bytes > most) {
        return Err(over(most));
    }
    let incoming = to_disk(body, incoming, most).await?;
    if exactly.is_some_and(|bytes| bytes != incoming.bytes()) {
        let text = "The file, or the part, has another size than was announced";
        return Err(ApiError::bad("size_mismatch", text));
    }
    app.metrics.received(incoming.bytes());
    let is_part = file.multipart.is_some();
    let audiences = app.audiences.clone();
    let stored = blocking(move || match is_part {
        true if is_new => Ok(audiences.received_part(&id, incoming)?),
        true => Err(Refusal::FileDiffers.into()),
        false => Ok(audiences.received_whole(&id, incoming)?),
    });
    Ok(stored.await?.etag)
}

/// How many bytes a part must have, where that is known.
fn expected(file: &UploadedFile, part: u32) -> Option<u64> {
    let bytes = file.announced_bytes?;
    match &file.multipart {
        None => Some(bytes),
        Some((_, parts)) if part < *parts => Some(PART_BYTES),
        Some((_, parts)) => Some(bytes - PART_BYTES * u64::from(parts - 1)),
    }
}

fn over(most: u64) -> ApiError {
    ApiError::too_large(&format!("At most {most} bytes are taken here"))
}

/// Writes a body to disk as it comes: while one block is written the next one comes in. A thread is
/// needed for the writing only, so that many slow clients do not hold many.
async fn to_disk(body: &mut Body, incoming: Incoming, most: u64) -> Result<Incoming, ApiError> {
    let start = Instant::now();
    let mut writer = Writer { incoming: Some(incoming), writing: None };
    let (mut block, mut block_bytes, mut bytes) = (Vec::new(), 0, 0);
    loop {
        let frame = tokio::time::timeout(IDLE_MAX, body.frame()).await;
        let piece = match frame.map_err(|_| ApiError::timeout())? {
            None => break,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(_)) => {
                let text = "The upload ended before all its bytes came; send it again";
                return Err(ApiError::bad("upload_incomplete", text));
            }
        };
        bytes += piece.len() as u64;
        if bytes > most {
            return Err(over(most));
        }
        let seconds = start.elapsed();
        if seconds > SLOW_FOR && bytes / seconds.as_secs().max(1) < BYTES_A_SECOND_MIN {
            return Err(ApiError::timeout());
        }
        block_bytes += piece.len();
        block.push(piece);
        if block_bytes >= BLOCK_BYTES {
            writer.write(std::mem::take(&mut block)).await?;
            block_bytes = 0;
        }
    }
    writer.write(block).await?;
    writer.idle().await
}

/// Writes blocks one after the other.
struct Writer {
    incoming: Option<Incoming>,
    writing: Option<JoinHandle<Result<Incoming, Error>>>,
}

impl Writer {
    /// Waits for the block before and starts on this one.
    async fn write(&mut self, block: Vec<Bytes>) -> Result<(), ApiError> {
        let mut incoming = self.idle().await?;
        self.writing = Some(tokio::task::spawn_blocking(move || {
            block.iter().try_for_each(|piece| incoming.write(piece))?;
            Ok(incoming)
        }));
        Ok(())
    }

    /// What is being received, when nothing is being written.
    async fn idle(&mut self) -> Result<Incoming, ApiError> {
        let failed = || ApiError::unavailable("internal", "The server failed");
        match self.writing.take() {
            Some(writing) => Ok(writing.await.map_err(|_| failed())??),
            None => self.incoming.take().ok_or_else(failed),
        }
    }
}
