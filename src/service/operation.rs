//! What a request asks for.
//!
//! In: a method and a path's pattern. Out: [`Operation`]: its name in logs and metrics, the scope
//! that it needs, whether it has a body and whether its answer is kept.

use crate::audience::store::Scope;
use axum::http::Method;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    ListAudiences,
    CreateAudience,
    UpdateAudience,
    AddPeople,
    DeleteAudience,
    Rejects,
    CreateFile,
    RetrieveFile,
    ListFiles,
    CompleteFile,
    Upload,
    Operator,
    Unknown,
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Operation::ListAudiences => "list_audiences",
            Operation::CreateAudience => "create_audience",
            Operation::UpdateAudience => "update_audience",
            Operation::AddPeople => "add_people",
            Operation::DeleteAudience => "delete_audience",
            Operation::Rejects => "rejects",
            Operation::CreateFile => "create_file",
            Operation::RetrieveFile => "retrieve_file",
            Operation::ListFiles => "list_files",
            Operation::CompleteFile => "complete_file",
            Operation::Upload => "upload",
            Operation::Operator => "operator",
            Operation::Unknown => "unknown",
        }
    }

    /// The scope that a key needs for it.
    pub(super) fn scope(self) -> Scope {
        match self {
            Operation::ListAudiences
            | Operation::Rejects
            | Operation::RetrieveFile
            | Operation::ListFiles => Scope::Read,
            _ => Scope::Update,
        }
    }

    /// True where any scope will do: who uploads has to see whether the file is there.
    pub(super) fn is_for_any_scope(self) -> bool {
        matches!(self, Operation::RetrieveFile | Operation::ListFiles)
    }

    /// True where a body is read. Some clients announce one with a deletion and send none.
    pub(super) fn has_body(self) -> bool {
        self.is_replayed() || self == Operation::UpdateAudience
    }

    /// True where an idempotency key means something.
    pub(super) fn is_replayed(self) -> bool {
        matches!(
            self,
            Operation::CreateAudience
                | Operation::AddPeople
                | Operation::CreateFile
                | Operation::CompleteFile
        )
    }

    /// What a method on a path asks for.
    pub(super) fn of(method: &Method, path: Option<&str>) -> Operation {
        let Some(path) = path else { return Operation::Unknown };
        match (method.as_str(), path.strip_prefix("/api/v1").unwrap_or(path)) {
            ("GET", "/audiences") => Operation::ListAudiences,
            ("POST", "/audiences") => Operation::CreateAudience,
            ("PATCH", "/audiences/{audience_id}") => Operation::UpdateAudience,
            ("DELETE", "/audiences/{audience_id}") => Operation::DeleteAudience,
            ("POST", "/audiences/{audience_id}/add_people") => Operation::AddPeople,
            ("GET", "/audiences/{audience_id}/rejects") => Operation::Rejects,
            ("POST", "/files") => Operation::CreateFile,
            ("GET", "/files") => Operation::ListFiles,
            ("GET", "/files/{file_id}") => Operation::RetrieveFile,
            ("POST", "/files/{file_id}/complete") => Operation::CompleteFile,
            ("PUT", "/uploads/{file_id}") => Operation::Upload,
            ("GET", "/healthz" | "/readyz" | "/metrics" | "/openapi.json") => Operation::Operator,
            _ => Operation::Unknown,
        }
    }
}
