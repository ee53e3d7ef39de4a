//! The shapes on the wire.
//!
//! In: audiences and files as the audience layer has them. Out: JSON, and its description for
//! `/openapi.json`, from the same types. Counters are integers, whatever the number's size.

use super::version::Version;
use crate::audience::store::{UploadStatus, UploadedFile};
use crate::audience::{Audience, Ledger};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An answer with a JSON body.
pub(super) fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// A value as JSON bytes. None of ours can fail.
pub(super) fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// `2026-07-14T04:05:26.000Z`.
pub(super) fn iso(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    format!("{time:.3}")
}

/// An audience with times in seconds: the shape that came first.
#[derive(Serialize, ToSchema)]
pub(super) struct SeedAudience {
    /// Audience id, prefixed `adaud_`.
    #[schema(pattern = "^adaud_[A-Za-z0-9]{16,64}$")]
    id: String,
    /// Display name.
    name: String,
    status: AudienceStatus,
    /// Data rows detected in the uploaded CSV.
    total_rows: u64,
    /// Rows processed from the uploaded CSV.
    processed_rows: u64,
    /// Rows that the destination has taken.
    matched_rows: u64,
    /// 0 to 100; 100 only in a final state.
    #[schema(minimum = 0, maximum = 100)]
    progress_percent: u8,
    /// Null unless the status is partial or failed.
    error_message: Option<String>,
    /// Ids on the ad platforms.
    platform_audience_ids: Vec<String>,
    /// Unix time in seconds.
    created_at: i64,
    /// Unix time in seconds.
    updated_at: i64,
}

/// Current state of the import.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AudienceStatus)]
pub(super) enum AudienceStatus {
    Pending,
    Processing,
    Syncing,
    Ready,
    Partial,
    Failed,
}

impl From<crate::audience::Status> for AudienceStatus {
    fn from(status: crate::audience::Status) -> AudienceStatus {
        use crate::audience::Status;
        match status {
            Status::Pending => AudienceStatus::Pending,
            Status::Processing => AudienceStatus::Processing,
            Status::Syncing => AudienceStatus::Syncing,
            Status::Ready => AudienceStatus::Ready,
            Status::Partial => AudienceStatus::Partial,
            Status::Failed => AudienceStatus::Failed,
        }
    }
}

/// An audience as later versions have it.
#[derive(Serialize, ToSchema)]
pub(super) struct DatedAudience {
    /// Audience id, prefixed `adaud_`.
    #[schema(pattern = "^adaud_[A-Za-z0-9]{16,64}$")]
    id: String,
    /// Display name.
    name: String,
    status: AudienceStatus,
    /// Data rows detected in the uploaded CSV.
    total_rows: u64,
    /// Rows processed from the uploaded CSV.
    processed_rows: u64,
    /// Rows that the destination has taken.
    matched_rows: u64,
    /// 0 to 100; 100 only in a final state.
    #[schema(minimum = 0, maximum = 100)]
    progress_percent: u8,
    /// Null unless the status is partial or failed.
    error_message: Option<String>,
    /// Ids on the ad platforms.
    platform_audience_ids: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Estimates of the platforms: none for a list that was not sent to one.
    match_rates: Vec<MatchRate>,
    /// Always `custom`.
    #[schema(pattern = "^custom$")]
    audience_type: String,
    lookalike_ratio: Option<f64>,
    lookalike_starting_ratio: Option<f64>,
    source_audience_id: Option<String>,
    /// Always `csv_upload`.
    #[schema(pattern = "^csv_upload$")]
    source_type: String,
    auto_refresh: bool,
    filters: Option<BTreeMap<String, String>>,
    /// Null: lists are not refreshed by themselves.
    #[schema(format = DateTime)]
    last_refreshed_at: Option<String>,
    engagement: Option<BTreeMap<String, String>>,
}

/// A platform's estimate.
#[derive(Serialize, ToSchema)]
pub(super) struct MatchRate {
    platform: String,
    status: Option<String>,
    lower_bound: Option<f64>,
    upper_bound: Option<f64>,
}

/// An audience; which shape, the header `Api-Version-Date` decides.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Audience)]
pub(super) enum AudienceBody {
    Seed(SeedAudience),
    Dated(Box<DatedAudience>),
}

impl AudienceBody {
    pub(super) fn of(audience: &Audience, version: Version) -> AudienceBody {
        let Audience { id, name, status, .. } = audience;
        let (id, name, status) = (id.to_string(), name.clone(), (*status).into());
        if !version.is_dated {
            return AudienceBody::Seed(SeedAudience {
                id,
                name,
                status,
                total_rows: audience.total_rows,
                processed_rows: audience.processed_rows,
                matched_rows: audience.matched_rows,
                progress_percent: audience.progress_percent,
                error_message: audience.error_message.clone(),
                platform_audience_ids: audience.platform_audience_ids.clone(),
                created_at: audience.created.div_euclid(1_000),
                updated_at: audience.updated.div_euclid(1_000),
            });
        }
        AudienceBody::Dated(Box::new(DatedAudience {
            id,
            name,
            status,
            total_rows: audience.total_rows,
            processed_rows: audience.processed_rows,
            matched_rows: audience.matched_rows,
            progress_percent: audience.progress_percent,
            error_message: audience.error_message.clone(),
            platform_audience_ids: audience.platform_audience_ids.clone(),
            created_at: iso(audience.created),
            updated_at: iso(audience.updated),
            match_rates: Vec::new(),
            audience_type: "custom".to_owned(),
            lookalike_ratio: None,
            lookalike_starting_ratio: None,
            source_audience_id: None,
            source_type: "csv_upload".to_owned(),
            auto_refresh: false,
            filters: None,
            last_refreshed_at: None,
            engagement: None,
        }))
    }
}

/// Where a page stands among all.
#[derive(Serialize, ToSchema)]
pub(super) struct PageInfo {
    /// Null on the last page.
    pub(super) end_cursor: Option<String>,
    pub(super) start_cursor: Option<String>,
    pub(super) has_next_page: bool,
    pub(super) has_previous_page: bool,
}

/// A page of audiences.
#[derive(Serialize, ToSchema)]
pub(super) struct AudienceList {
    pub(super) data: Vec<AudienceBody>,
    pub(super) page_info: PageInfo,
}

/// A page of files.
#[derive(Serialize, ToSchema)]
pub(super) struct FileList {
    pub(super) data: Vec<FileBody>,
    pub(super) page_info: PageInfo,
}

/// The answer to a deletion.
#[derive(Serialize, ToSchema)]
pub(super) struct Deleted {
    pub(super) success: bool,
}

/// What became of an audience's rows.
#[derive(Serialize, ToSchema)]
pub(super) struct RejectsBody {
    total_rows: u64,
    processed_rows: u64,
    matched_rows: u64,
    /// Field (`row` for a row as a whole) -> reason -> count.
    rejections: BTreeMap<String, BTreeMap<String, u64>>,
    /// Where the first of each field stand; never what stands there.
    samples: Vec<RejectBody>,
    /// The same in a sentence.
    summary: String,
}

/// Where an unusable cell or row stands.
#[derive(Serialize, ToSchema)]
pub(super) struct RejectBody {
    row: u64,
    line: u64,
    byte_offset: u64,
    field: String,
    reason: String,
}

impl RejectsBody {
    pub(super) fn of(audience: &Audience, ledger: Ledger) -> RejectsBody {
        let summary = ledger.sentence(audience.processed_rows);
        let sample = |sample: crate::audience::RejectSample| RejectBody {
            row: sample.row,
            line: sample.line,
            byte_offset: sample.byte_offset,
            field: sample.field,
            reason: sample.reason,
        };
        RejectsBody {
            total_rows: audience.total_rows,
            processed_rows: audience.processed_rows,
            matched_rows: audience.matched_rows,
            rejections: ledger.rejections,
            samples: ledger.samples.into_iter().map(sample).collect(),
            summary,
        }
    }
}

/// Where an upload stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileStatus {
    Pending,
    Ready,
    Failed,
}

/// Where a part's bytes go.
#[derive(Serialize, ToSchema)]
pub(super) struct PartUrl {
    pub(super) part_number: u32,
    pub(super) url: String,
}

/// What a client needs to send a file's bytes; only when the file is made.
#[derive(Default)]
pub(super) struct UploadWay {
    pub(super) url: Option<String>,
    pub(super) parts: Option<Vec<PartUrl>>,
    pub(super) chunk_bytes: Option<u64>,
}

/// A file as earlier versions have it.
#[derive(Serialize, ToSchema)]
pub(super) struct LegacyFile {
    #[schema(pattern = "^file_[A-Za-z0-9]{16,64}$")]
    id: String,
    filename: String,
    content_type: String,
    /// Decimal digits; null until the upload has finished.
    size: Option<String>,
    upload_status: FileStatus,
    /// Always null: lists are never published.
    url: Option<String>,
    visibility: String,
    /// Only when the file is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_url: Option<String>,
    /// To be sent with the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_headers: Option<BTreeMap<String, String>>,
}

/// A file as later versions have it.
#[derive(Serialize, ToSchema)]
pub(super) struct NativeFile {
    #[schema(pattern = "^file_[A-Za-z0-9]{16,64}$")]
    id: String,
    /// Always `file`.
    #[schema(pattern = "^file$")]
    object: String,
    #[schema(format = DateTime)]
    created_at: String,
    filename: String,
    content_type: String,
    /// Bytes; null until the upload has finished.
    size: Option<u64>,
    upload_status: FileStatus,
    /// Always null: lists are never published.
    url: Option<String>,
    visibility: String,
    removed_by_moderation: bool,
    blurhash: Option<String>,
    height: Option<u32>,
    width: Option<u32>,
    duration_seconds: Option<f64>,
    waveform_url: Option<String>,
    /// Only when the file is made; null for one in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_url: Option<String>,
    /// To be sent with the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_headers: Option<BTreeMap<String, String>>,
    /// The bytes of each part but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    multipart_chunk_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multipart_upload_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multipart_upload_urls: Option<Vec<PartUrl>>,
}

/// A file; which shape, the header `Api-Version-Date` decides.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = File)]
pub(super) enum FileBody {
    Legacy(LegacyFile),
    Native(Box<NativeFile>),
}

impl FileBody {
    pub(super) fn of(file: &UploadedFile, version: Version, way: Option<UploadWay>) -> FileBody {
        let is_new = way.is_some();
        let way = way.unwrap_or_default();
        let upload_status = match file.status {
            UploadStatus::Pending => FileStatus::Pending,
            // Its bytes were used, or nobody wanted them.
            UploadStatus::Gone if file.bytes.is_none() => FileStatus::Failed,
            _ => FileStatus::Ready,
        };
        let content_type = content_type(&file.filename).to_owned();
        let (id, filename) = (file.id.to_string(), file.filename.clone());
        let visibility = file.visibility.clone();
        let upload_headers = (is_new && way.url.is_some()).then(BTreeMap::new);
        if !version.is_native {
            return FileBody::Legacy(LegacyFile {
                id,
                filename,
                content_type,
                size: file.bytes.map(|bytes| bytes.to_string()),
                upload_status,
                url: None,
                visibility,
                upload_url: way.url,
                upload_headers,
            });
        }
        let upload_id = file.multipart.as_ref().filter(|_| is_new).map(|(id, _)| id.clone());
        FileBody::Native(Box::new(NativeFile {
            id,
            object: "file".to_owned(),
            created_at: iso(file.created),
            filename,
            content_type,
            size: file.bytes,
            upload_status,
            url: None,
            visibility,
            removed_by_moderation: false,
            blurhash: None,
            height: None,
            width: None,
            duration_seconds: None,
            waveform_url: None,
            upload_url: way.url,
            upload_headers,
            multipart_chunk_size: way.chunk_bytes,
            multipart_upload_id: upload_id,
            multipart_upload_urls: way.parts,
        }))
    }
}

/// The type that a file's name promises.
fn content_type(filename: &str) -> &'static str {
    let extension = filename.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "txt" => "text/plain",
        "gz" => "application/gzip",
        "zip" => "application/zip",
        "zst" => "application/zstd",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_a_z() {
        assert_eq!(iso(1_783_999_526_000), "2026-07-14T03:25:26.000Z");
        assert_eq!(iso(1), "1970-01-01T00:00:00.001Z");
    }
}
