//! Audiences over HTTP: create, list, rename, add people, delete, rejects.
//!
//! In: requests that were let in. Out: audiences in the caller's shape. What an account does not
//! own looks like what there is not.

use super::App;
use super::call::{Call, Fields, Reply, respond};
use super::error::{ApiError, ErrorBody};
use super::operation::Operation;
use super::page::{page_info, page_of};
use super::wire::{AudienceBody, AudienceList, Deleted, RejectsBody, to_bytes};
use crate::audience::mapping::{FIELDS, Mapping};
use crate::audience::store::{Keep, Page};
use crate::audience::{Audience, AudienceId, Error, FileId, NewAudience, REJECTS_HEADER, Refusal};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;
use utoipa::ToSchema;

/// What makes an audience.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read member by member for the sake of the errors")]
pub(super) struct CreateAudience {
    /// The account that owns it, prefixed `biz_`.
    account_id: String,
    /// Display name.
    #[schema(min_length = 1, max_length = 1024)]
    name: String,
    column_mapping: ColumnMapping,
    /// The uploaded file, prefixed `file_`.
    file_id: String,
}

/// Field -> header in the file; at least `email` or `phone`.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by the audience layer")]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnMapping {
    email: Option<String>,
    phone: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    /// ISO 3166-1 alpha-2 codes.
    country: Option<String>,
    /// Lifetime value, at least 0; currency symbols are allowed.
    ltv: Option<String>,
}

/// What may change of an audience.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read member by member for the sake of the errors")]
pub(super) struct UpdateAudience {
    /// Display name; a blank one is ignored.
    name: Option<String>,
}

/// More people for an audience.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read member by member for the sake of the errors")]
pub(super) struct AddPeople {
    /// The uploaded file, prefixed `file_`, with the headers of the audience's column mapping.
    file_id: String,
}

const NAME_CHARS_MAX: usize = 1_024;

/// The list whose cursors these are.
const CURSORS: &str = "audiences";

/// Audiences of an account, newest first.
#[utoipa::path(
    get, path = "/audiences", tag = "audiences", operation_id = "listAudiences",
    params(
        ("account_id" = String, Query, description = "The account, prefixed `biz_`"),
        ("audience_id" = Option<String>, Query, description = "Only this one"),
        ("audience_type" = Option<String>, Query, description = "`custom` or `lookalike`"),
        ("source_type" = Option<String>, Query, description = "`csv_upload`, ..."),
        ("first" = Option<u32>, Query, description = "At most so many: 20, no more than 100",
         minimum = 1),
        ("after" = Option<String>, Query, description = "The `end_cursor` of the page before"),
        ("Api-Version-Date" = Option<String>, Header, description = "Decides the shape"),
    ),
    responses(
        (status = 200, description = "A page", body = AudienceList),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn list(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::ListAudiences, request, |call| {
        let account = call.query("account_id").ok_or_else(|| ApiError::missing("account_id"))?;
        call.check_account(&account)?;
        let (first, after) = page_of(call, CURSORS)?;
        // A text that is no id means no audience.
        let only = call.query("audience_id").map(|id| id.parse::<AudienceId>());
        let is_ours = |name, ours| call.query(name).is_none_or(|value| value == ours);
        let is_empty = matches!(only, Some(Err(_)))
            || !is_ours("audience_type", "custom")
            || !is_ours("source_type", "csv_upload");
        let page = Page {
            account: call.caller.account.clone(),
            audience: only.and_then(Result::ok),
            after,
            first: if is_empty { 0 } else { first },
        };
        let mut listed = call.app.audiences.list(&page)?;
        listed.has_more &= !is_empty;
        let places = listed.items.iter().map(|(place, _)| *place).collect::<Vec<_>>();
        let page_info = page_info(call, CURSORS, &places, listed.has_more, after.is_some());
        let body = |(_, audience)| AudienceBody::of(&audience, call.version);
        let data = listed.items.into_iter().map(body).collect();
        Ok(Reply::Json(StatusCode::OK, to_bytes(&AudienceList { data, page_info })))
    })
    .await
}

/// Makes an audience of an uploaded file. Processing starts at once.
#[utoipa::path(
    post, path = "/audiences", tag = "audiences", operation_id = "createAudience",
    params(
        ("Api-Version-Date" = Option<String>, Header, description = "Decides the shape"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 bytes"),
    ),
    request_body = CreateAudience,
    responses(
        (status = 201, description = "Accepted", body = AudienceBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn create(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::CreateAudience, request, |call| {
        let fields = call.json()?;
        call.check_account(fields.required("account_id")?)?;
        refuse_what_is_not_built(&fields)?;
        let name = name_of(fields.required("name")?)?;
        let mapping = mapping_of(&fields)?;
        let file = file_of(&fields)?;
        let new = NewAudience { name: name.to_owned(), mapping, file };
        let audiences = &call.app.audiences;
        let (audience, import) = audiences.new_audience(&call.caller.account, new)?;
        accepted(call, &audience, StatusCode::CREATED, |keep| {
            audiences.create(&audience, &import, keep)
        })
    })
    .await
}

/// Answers with an audience that is accepted, and keeps the answer with it.
fn accepted(
    call: &Call,
    audience: &Audience,
    status: StatusCode,
    accept: impl FnOnce(Option<&Keep>) -> Result<(), Error>,
) -> Result<Reply, ApiError> {
    let body = to_bytes(&AudienceBody::of(audience, call.version));
    match accept(call.keep(status, &body).as_ref()) {
        Ok(()) => Ok(Reply::Json(status, body)),
        Err(error) => {
            call.not_kept();
            Err(error.into())
        }
    }
}

/// Audiences that need data which only a platform has.
fn refuse_what_is_not_built(fields: &Fields) -> Result<(), ApiError> {
    let is_other =
        |name: &str, ours: &str| fields.get(name).is_some_and(|value| value.as_str() != Some(ours));
    let refuse = |name: &str, what: &str| {
        let text = format!("{what} audiences are not supported by this server; upload a list");
        Err(ApiError::invalid(name, &text))
    };
    if is_other("audience_type", "custom") {
        return refuse("audience_type", "Lookalike");
    }
    if is_other("source_type", "csv_upload") {
        return refuse("source_type", "Filtered and engagement");
    }
    let others = ["source_audience_id", "count", "percentage", "filters", "engagement"];
    match others.into_iter().find(|name| fields.get(name).is_some()) {
        Some(name @ ("filters" | "engagement")) => refuse(name, "Filtered and engagement"),
        Some(name) => refuse(name, "Lookalike"),
        None => Ok(()),
    }
}

fn name_of(name: &str) -> Result<&str, ApiError> {
    if name.trim().is_empty() {
        return Err(ApiError::invalid("name", "name must not be blank"));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        let text = format!("name must have at most {NAME_CHARS_MAX} characters");
        return Err(ApiError::invalid("name", &text));
    }
    Ok(name)
}

fn mapping_of(fields: &Fields) -> Result<Mapping, ApiError> {
    const NAME: &str = "column_mapping";
    let object = match fields.get(NAME) {
        Some(Value::Object(object)) => object,
        Some(_) => return Err(ApiError::invalid(NAME, "column_mapping must be an object")),
        None => return Err(ApiError::missing(NAME)),
    };
    let mut headers = BTreeMap::new();
    for (field, header) in object {
        match header {
            Value::String(header) => drop(headers.insert(field.clone(), header.clone())),
            // A null for a known field is a field that is not mapped.
            Value::Null if FIELDS.iter().any(|known| known.name() == field) => {}
            _ => {
                let text = "column_mapping maps fields to headers: {\"email\": \"E-mail\"}";
                return Err(ApiError::invalid(NAME, text));
            }
        }
    }
    Mapping::new(headers).map_err(|text| ApiError::invalid(NAME, &text))
}

fn file_of(fields: &Fields) -> Result<FileId, ApiError> {
    let no_file = |_| ApiError::from(Refusal::NoFile);
    fields.required("file_id")?.parse().map_err(no_file)
}

/// Changes an audience's name.
#[utoipa::path(
    patch, path = "/audiences/{audience_id}", tag = "audiences", operation_id = "updateAudience",
    params(
        ("audience_id" = String, Path, description = "The audience, prefixed `adaud_`"),
        ("Api-Version-Date" = Option<String>, Header, description = "Decides the shape"),
    ),
    request_body = UpdateAudience,
    responses(
        (status = 200, description = "As it stands", body = AudienceBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn update(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::UpdateAudience, request, |call| {
        let id: AudienceId = call.path_id("audiences")?;
        let audiences = &call.app.audiences;
        let account = &call.caller.account;
        let stands = audiences.audience(account, &id)?.ok_or(Refusal::NotFound)?;
        let fields = call.json()?;
        if fields.get("filters").is_some() {
            let text = "Only filtered audiences have filters; this one was uploaded";
            return Err(ApiError::invalid("filters", text));
        }
        let name = fields.text("name")?.filter(|name| !name.trim().is_empty());
        if let Some(name) = name.filter(|name| *name != stands.name) {
            audiences.rename(account, &id, name_of(name)?)?;
        }
        let audience = audiences.audience(account, &id)?.ok_or(Refusal::NotFound)?;
        Ok(Reply::Json(StatusCode::OK, to_bytes(&AudienceBody::of(&audience, call.version))))
    })
    .await
}

/// Adds the people of another file to an audience whose import is over. Those in it stay.
#[utoipa::path(
    post, path = "/audiences/{audience_id}/add_people", tag = "audiences",
    operation_id = "addPeopleToAudience",
    params(
        ("audience_id" = String, Path, description = "The audience, prefixed `adaud_`"),
        ("Api-Version-Date" = Option<String>, Header, description = "Decides the shape"),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 bytes"),
    ),
    request_body = AddPeople,
    responses(
        (status = 200, description = "Accepted", body = AudienceBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn add_people(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::AddPeople, request, |call| {
        let id: AudienceId = call.path_id("audiences")?;
        let audiences = &call.app.audiences;
        let account = &call.caller.account;
        audiences.audience(account, &id)?.ok_or(Refusal::NotFound)?;
        let file = file_of(&call.json()?)?;
        let (audience, import) = audiences.more_people(account, &id, file)?;
        accepted(call, &audience, StatusCode::OK, |keep| {
            audiences.add_people(&audience, &import, keep)
        })
    })
    .await
}

/// Deletes an audience, here and at the platforms. Its data here is gone within a second.
#[utoipa::path(
    delete, path = "/audiences/{audience_id}", tag = "audiences", operation_id = "deleteAudience",
    params(
        ("audience_id" = String, Path, description = "The audience, prefixed `adaud_`"),
        ("Api-Version-Date" = Option<String>, Header, description = "Checked only"),
    ),
    responses(
        (status = 200, description = "Gone", body = Deleted),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn delete(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::DeleteAudience, request, |call| {
        let id: AudienceId = call.path_id("audiences")?;
        call.app.audiences.delete(&call.caller.account, &id)?;
        Ok(Reply::Json(StatusCode::OK, to_bytes(&Deleted { success: true })))
    })
    .await
}

/// What became of an audience's rows: counts and places, never content. As CSV, every one.
#[utoipa::path(
    get, path = "/audiences/{audience_id}/rejects", tag = "audiences",
    operation_id = "audienceRejects",
    params(
        ("audience_id" = String, Path, description = "The audience, prefixed `adaud_`"),
        ("Accept" = Option<String>, Header, description = "`text/csv` for the whole file"),
        ("Api-Version-Date" = Option<String>, Header, description = "Checked only"),
    ),
    responses(
        (status = 200, description = "So far", content(
            (RejectsBody = "application/json"), (String = "text/csv"),
        )),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Try again", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(super) async fn rejects(State(app): State<App>, request: Request<Body>) -> Response {
    respond(app, Operation::Rejects, request, |call| {
        let id: AudienceId = call.path_id("audiences")?;
        let audiences = &call.app.audiences;
        let audience = audiences.audience(&call.caller.account, &id)?.ok_or(Refusal::NotFound)?;
        let wants_csv = call.header(header::ACCEPT).is_some_and(|it| it.contains("text/csv"));
        if !wants_csv {
            let body = RejectsBody::of(&audience, audiences.ledger(&id)?);
            return Ok(Reply::Json(StatusCode::OK, to_bytes(&body)));
        }
        let body = match audiences.rejects(&id)? {
            Some(file) => Body::new(Streamed { file: Some(file), reading: None }),
            None => Body::from(REJECTS_HEADER),
        };
        let mut response = Response::new(body);
        let csv = HeaderValue::from_static("text/csv; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, csv);
        Ok(Reply::Other(response))
    })
    .await
}

/// A file as a body: a piece is read when one is wanted, so that a slow client holds no thread.
struct Streamed {
    file: Option<File>,
    reading: Option<JoinHandle<io::Result<Piece>>>,
}

/// A file, and what was read of it last.
type Piece = (File, Vec<u8>);

/// Reads the next piece, none at the end.
fn piece(mut file: File) -> io::Result<Piece> {
    const BYTES: u64 = 64 << 10;
    let mut piece = Vec::new();
    (&mut file).take(BYTES).read_to_end(&mut piece)?;
    Ok((file, piece))
}

impl hyper::body::Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(file) = self.file.take() {
            self.reading = Some(tokio::task::spawn_blocking(move || piece(file)));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        Poll::Ready(match read.unwrap_or_else(|_| Err(io::Error::other("reading failed"))) {
            Ok((_, piece)) if piece.is_empty() => None,
            Ok((file, piece)) => {
                self.file = Some(file);
                Some(Ok(Frame::data(piece.into())))
            }
            Err(error) => Some(Err(error)),
        })
    }
}
