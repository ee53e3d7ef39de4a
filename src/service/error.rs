//! What a client is told when something was not done.
//!
//! In: what the audience layer, the store and the parsing of requests say. Out: [`ApiError`]: a
//! status and `{"error": {"type", "code", "message", "param"}}`, the shape of docs.whop.com
//! (developer/troubleshooting, read 2026-11), with the message once more at the top, where some
//! client libraries look for it. What the log is told is another text; neither has content of a
//! list.

use super::wire::json_response;
use crate::audience::store::StoreError;
use crate::audience::{Error, Refusal};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::atomic::{AtomicI64, Ordering};
use utoipa::ToSchema;

/// The one conflict that clears by itself.
pub(super) const REQUEST_IN_PROGRESS: &str = "idempotency_request_in_progress";

/// An error as a client sees it.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// The class of the error.
    kind: &'static str,
    code: &'static str,
    message: String,
    param: Option<String>,
    retry_after: Option<u64>,
}

/// The body of every error.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    error: ErrorDetail,
    /// The same text once more.
    message: String,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorDetail {
    /// The class of the error.
    #[serde(rename = "type")]
    kind: String,
    /// What a program may act on.
    code: String,
    /// What a person may act on.
    message: String,
    /// The parameter it is about.
    param: Option<String>,
}

impl ApiError {
    fn new(
        status: StatusCode,
        kind: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> ApiError {
        ApiError { status, kind, code, message: message.into(), param: None, retry_after: None }
    }

    /// 400: a parameter is not what it must be.
    pub(super) fn invalid(param: &str, message: &str) -> ApiError {
        let error = ApiError::bad("parameter_invalid", message);
        ApiError { param: Some(param.to_owned()), ..error }
    }

    /// 400: a parameter is not there.
    pub(super) fn missing(param: &str) -> ApiError {
        let text = format!("Missing required parameter: {param}");
        ApiError { param: Some(param.to_owned()), ..ApiError::bad("parameter_missing", &text) }
    }

    /// 400.
    pub(super) fn bad(code: &'static str, message: &str) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_request_error", code, message)
    }

    /// 401.
    pub(super) fn unauthorized() -> ApiError {
        let text = "No valid API key provided. Send it as Authorization: Bearer KEY";
        ApiError::new(StatusCode::UNAUTHORIZED, "authentication_error", "unauthorized", text)
    }

    /// 403.
    pub(super) fn forbidden(code: &'static str, message: &str) -> ApiError {
        ApiError::new(StatusCode::FORBIDDEN, "permission_error", code, message)
    }

    /// 404.
    pub(super) fn not_found(message: &str) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "not_found_error", "not_found", message)
    }

    /// 405.
    pub(super) fn method_not_allowed() -> ApiError {
        let text = "This path does not take this method";
        let status = StatusCode::METHOD_NOT_ALLOWED;
        ApiError::new(status, "invalid_request_error", "method_not_allowed", text)
    }

    /// 408.
    pub(super) fn timeout() -> ApiError {
        let text = "The request took too long to arrive";
        let status = StatusCode::REQUEST_TIMEOUT;
        ApiError::new(status, "timeout_error", "request_timeout", text)
    }

    /// 409. Nobody need try again by himself.
    pub(super) fn conflict(code: &'static str, message: &str) -> ApiError {
        ApiError::new(StatusCode::CONFLICT, "conflict_error", code, message)
    }

    /// 413.
    pub(super) fn too_large(message: &str) -> ApiError {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        ApiError::new(status, "invalid_request_error", "payload_too_large", message)
    }

    /// 429.
    pub(super) fn rate_limited(seconds: u64) -> ApiError {
        let text = format!("Try again in {seconds} seconds.");
        let status = StatusCode::TOO_MANY_REQUESTS;
        let kind = "rate_limit_exceeded";
        ApiError { retry_after: Some(seconds), ..ApiError::new(status, kind, kind, text) }
    }

    /// 503: it may be tried again.
    pub(super) fn unavailable(code: &'static str, message: &str) -> ApiError {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        ApiError { retry_after: Some(1), ..ApiError::new(status, "api_error", code, message) }
    }

    /// True if the answer is kept for a request with an idempotency key.
    pub(super) fn is_kept(&self) -> bool {
        let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        self.status.is_client_error() && !passing.contains(&self.status)
    }

    /// The body's bytes.
    pub(super) fn body(&self) -> Vec<u8> {
        let body = ErrorBody {
            error: ErrorDetail {
                kind: self.kind.to_owned(),
                code: self.code.to_owned(),
                message: self.message.clone(),
                param: self.param.clone(),
            },
            message: self.message.clone(),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status, self.body());
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.status == StatusCode::CONFLICT && self.code != REQUEST_IN_PROGRESS {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        match &error {
            Error::Refused(refusal) => return (*refusal).into(),
            _ if error.is_full() => {
                if is_first_this_second() {
                    tracing::error!("the disk is full");
                }
                return ApiError::unavailable("storage_full", "The server's storage is full");
            }
            Error::Store(StoreError::Busy) => tracing::warn!("the store is busy"),
            // Its texts speak of tables and files, never of content.
            other => tracing::error!(error = %other, "a request failed"),
        }
        ApiError::unavailable("unavailable", "The server cannot do this now. Try again")
    }
}

/// Once a second is enough for what every request runs into.
fn is_first_this_second() -> bool {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = jiff::Timestamp::now().as_second();
    LAST.swap(now, Ordering::Relaxed) != now
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        Error::Store(error).into()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        match refusal {
            Refusal::NoFile => {
                let error = ApiError::not_found("No such file in this account");
                ApiError { param: Some("file_id".to_owned()), ..error }
            }
            Refusal::FileNotReady => ApiError::conflict(
                "file_not_ready",
                "The file's upload is not finished: PUT its bytes to upload_url first",
            ),
            Refusal::FileGone => ApiError::conflict(
                "file_gone",
                "The file's bytes were removed; upload the list again as a new file",
            ),
            Refusal::FileDiffers => ApiError::conflict(
                "file_exists",
                "The file is uploaded already, with other bytes; create a new file",
            ),
            Refusal::NoSpace => ApiError::too_large("The account's space for uploads is used up"),
            Refusal::Parts => ApiError::invalid(
                "multipart_parts",
                "Each part must be uploaded, listed in order, and with its ETag as received",
            ),
            Refusal::NotFinal => ApiError::conflict(
                "audience_not_ready",
                "The audience is still being processed; wait until it is ready, partial or failed",
            ),
            _ => ApiError::not_found("There is no such thing in this account"),
        }
    }
}
