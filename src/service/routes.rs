//! Which path does what.
//!
//! In: HTTP requests. Out: the answer of the right function, under `/api/v1` and without it, and
//! the OpenAPI description made of the same functions. Every answer is JSON, whatever is asked;
//! what is logged of a request is its operation, status and duration.

use super::call::drained;
use super::error::ApiError;
use super::operation::Operation;
use super::wire::json_response;
use super::{App, audiences, files};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::http::{HeaderValue, Request, StatusCode, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::time::Instant;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The API's routes and their description.
fn api() -> (Router<App>, OpenApi) {
    let text = "Customer lists in, match keys for ad platforms out: audiences made of uploaded \
                CSV files.";
    let info = InfoBuilder::new()
        .title("matchkey")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(text))
        .build();
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let mut description = OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/api/v1").build()]))
        .build();
    let components = description.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::Http(key));
    OpenApiRouter::with_openapi(description)
        .routes(routes!(audiences::list, audiences::create))
        .routes(routes!(audiences::update, audiences::delete))
        .routes(routes!(audiences::add_people))
        .routes(routes!(audiences::rejects))
        .routes(routes!(files::list, files::create))
        .routes(routes!(files::retrieve))
        .routes(routes!(files::complete))
        .routes(routes!(files::upload))
        .split_for_parts()
}

/// The OpenAPI 3.1 description, as `/openapi.json` serves it.
pub fn openapi() -> String {
    api().1.to_pretty_json().unwrap_or_default()
}

/// Everything.
pub(super) fn router(app: App) -> Router {
    let (api, _) = api();
    let text = openapi();
    let description = move || async move { json_response(StatusCode::OK, text.into_bytes()) };
    Router::new()
        .merge(api.clone())
        .nest("/api/v1", api)
        .route("/openapi.json", axum::routing::get(description))
        .route("/healthz", axum::routing::get(healthz))
        .route("/readyz", axum::routing::get(readyz))
        .route("/metrics", axum::routing::get(metrics))
        .fallback(|| async { ApiError::not_found("There is nothing at this path") })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(middleware::from_fn_with_state(app.clone(), watch))
        .with_state(app)
}

/// Alive.
async fn healthz() -> Response {
    json_response(StatusCode::OK, b"{\"status\":\"ok\"}".to_vec())
}

/// Able to accept.
async fn readyz(State(app): State<App>) -> Response {
    let audiences = app.audiences.clone();
    let is_ready = tokio::task::spawn_blocking(move || audiences.is_ready()).await;
    match is_ready.unwrap_or(false) && !app.is_ending() {
        true => json_response(StatusCode::OK, b"{\"status\":\"ready\"}".to_vec()),
        false => ApiError::unavailable("not_ready", "Not ready").into_response(),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    let text = app.metrics.text(app.audiences.load());
    let mut response = Response::new(Body::from(text));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Counts and logs each request. Neither path, query nor body is logged: they may hold anything.
async fn watch(State(app): State<App>, request: Request<Body>, next: Next) -> Response {
    let start = Instant::now();
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let operation = Operation::of(request.method(), path);
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let mut response = match operation {
        // RFC 9112, 3.2: one, and only one.
        _ if hosts != 1 && request.version() == Version::HTTP_11 => {
            let error = ApiError::bad("invalid_host", "There must be one Host header");
            drained(request.into_body(), error.into_response()).await
        }
        // Nobody else reads what is sent to nowhere.
        Operation::Unknown => {
            let (parts, body) = request.into_parts();
            let request = Request::from_parts(parts, Body::empty());
            drained(body, next.run(request).await).await
        }
        _ => next.run(request).await,
    };
    let status = response.status().as_u16();
    let took = start.elapsed();
    app.metrics.answered(operation, status, took);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if operation != Operation::Operator {
        tracing::info!(operation = operation.name(), status, micros, "request");
    }
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    let no_sniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, no_sniff);
    response
}
