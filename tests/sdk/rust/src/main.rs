//! Drives the audience server through the Rust SDK `whop_sdk` 1.1.5, unmodified.
//!
//! In: the environment variables `BASE_URL`, `ACCOUNT_ID`, `API_KEY`, `OTHER_ACCOUNT_ID` and
//! `OTHER_API_KEY`. Out: one line on standard output for each failed check, a closing line
//! `N passed, M failed`, and exit code 1 when a check failed.
//!
//! This SDK asks for the version 2026-09-15 and refuses an answer that misses a field or has the
//! wrong type, so an answer that comes back at all has the dated audience and the native file.
//! Every address is of a reserved domain and every phone number of the 555-01xx range.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use whop_sdk::prelude::*;

const UNKNOWN_ACCOUNT: &str = "biz_0000000000000000000000";
const UNKNOWN_AUDIENCE: &str = "adaud_0000000000000000000000";
const UNKNOWN_FILE: &str = "file_0000000000000000000000";
/// A debug build on a busy machine is slow; a test that waits longer than this has found a hang.
const DEADLINE: Duration = Duration::from_secs(120);

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Counts checks.
#[derive(Default)]
struct Checks {
    passed: u32,
    failed: u32,
    part: &'static str,
}

impl Checks {
    fn ok(&mut self, what: &str, condition: bool, detail: impl Debug) {
        if condition {
            self.passed += 1;
        } else {
            self.failed += 1;
            println!("rust: {}: {what}: {detail:?}", self.part);
        }
    }

    fn equal<T: PartialEq + Debug>(&mut self, what: &str, got: T, want: T) {
        let equal = got == want;
        self.ok(what, equal, ("got", got, "want", want));
    }

    /// An answer that has to be an error with this status code, and with the typed body.
    fn refused<T: Debug>(&mut self, what: &str, status: u16, answer: Result<T, ApiError>) {
        self.refused_as(what, status, None, answer);
    }

    fn refused_as<T: Debug>(
        &mut self,
        what: &str,
        status: u16,
        code: Option<&str>,
        answer: Result<T, ApiError>,
    ) {
        let (got, body) = match &answer {
            Err(ApiError::BadRequestError { error, .. }) => (400, error.clone()),
            Err(ApiError::UnauthorizedError { error, .. }) => (401, error.clone()),
            Err(ApiError::ForbiddenError { error, .. }) => (403, error.clone()),
            Err(ApiError::NotFoundError { error, .. }) => (404, error.clone()),
            Err(ApiError::ConflictError { error, .. }) => (409, error.clone()),
            Err(ApiError::UnprocessableEntityError { error, .. }) => (422, error.clone()),
            _ => (0, None),
        };
        self.ok(what, got == status, &answer);
        if got == status {
            let full = body.as_ref().is_some_and(|body| {
                !body.message.is_empty() && !body.r#type.is_empty() && body.code.is_some()
            });
            self.ok(&format!("{what}: type, code and message"), full, &body);
            if code.is_some() {
                let got = body.and_then(|body| body.code);
                self.equal(&format!("{what}: code"), got.as_deref(), code);
            }
        }
    }
}

/// A made-up list: its text, its records, and those with a usable e-mail or phone.
struct Customers {
    text: String,
    rows: usize,
    usable: usize,
}

impl Customers {
    const AREA_CODES: [u32; 12] = [201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214];

    fn new(seed: u64, rows: usize) -> Self {
        let mut state = seed;
        let mut text = String::from("email;mobile;vorname;Land;Umsatz;Notiz\r\n");
        let mut usable = 0;
        for n in 0..rows {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let email = format!("user{seed}.{n}@example.org");
            let area = Self::AREA_CODES[n / 100 % Self::AREA_CODES.len()];
            let line = n % 100;
            let (good, email, phone, country) = match (state >> 33) % 9 {
                0 => (1, email, String::new(), "DE"),
                1 => (1, email, format!("+1{area}55501{line:02}"), ""),
                2 => (1, String::new(), format!("+1 ({area}) 555-01{line:02}"), ""),
                3 => (1, "not an address".into(), format!("+1 {area} 555 01{line:02}"), "US"),
                4 => (1, String::new(), format!("({area}) 555-01{line:02}"), "US"),
                5 => (1, format!(" {} ", email.to_uppercase()), "n/a".into(), "US"),
                6 => (0, "not an address".into(), "12".into(), "US"),
                7 => (0, "two@@example.org".into(), String::new(), ""),
                _ => (0, String::new(), String::new(), ""),
            };
            usable += good;
            let note = if n % 83 == 2 { "\"first\r\nsecond; \"\"quoted\"\"\"" } else { "" };
            let spent = ["12.50", "$1200", "0"][n % 3];
            text.push_str(&format!("{email};{phone};Ann;{country};{spent};{note}\r\n"));
        }
        Self { text, rows, usable }
    }

    fn mapping() -> CreateAudiencesRequestColumnMapping {
        CreateAudiencesRequestColumnMapping {
            email: Some("email".into()),
            phone: Some("mobile".into()),
            first_name: Some("vorname".into()),
            country: Some("Land".into()),
            ..Default::default()
        }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn connect(key: &str) -> Result<Whop, ApiError> {
    Whop::new(ClientConfig {
        base_url: variable("BASE_URL"),
        token: Some(key.to_string()),
        ..Default::default()
    })
}

/// What the parts work with.
struct World {
    client: Whop,
    other: Whop,
    account: String,
    other_account: String,
    file: String,
    people: Customers,
}

impl World {
    fn request(&self, name: &str, file: &str) -> CreateAudiencesRequest {
        CreateAudiencesRequest {
            account_id: self.account.clone(),
            name: Some(name.to_string()),
            file_id: Some(file.to_string()),
            column_mapping: Some(Customers::mapping()),
            ..Default::default()
        }
    }

    async fn send(&self, request: &CreateAudiencesRequest) -> Result<Audience, ApiError> {
        self.send_keyed(request, None).await
    }

    async fn send_keyed(
        &self,
        request: &CreateAudiencesRequest,
        key: Option<&str>,
    ) -> Result<Audience, ApiError> {
        let options =
            key.map(|key| RequestOptions::new().additional_header("Idempotency-Key", key));
        match self.client.audiences.create(request, options).await? {
            CreateAudiencesResponse::Audience(audience) => Ok(audience),
            CreateAudiencesResponse::CreateAudiencesResponseData(_) => {
                Err(ApiError::Configuration("an answer with bands".to_string()))
            }
        }
    }

    async fn create(&self, name: &str) -> Result<Audience, ApiError> {
        self.send(&self.request(name, &self.file)).await
    }

    async fn list(&self, change: ListChange<'_>) -> Result<ListAudiencesResponse, ApiError> {
        let query = AudiencesListQueryRequest {
            account_id: change.account.unwrap_or(&self.account).to_string(),
            audience_id: change.audience.map(str::to_string),
            first: change.first,
            after: change.after,
            ..Default::default()
        };
        change.by.unwrap_or(&self.client).audiences.list(&query, None).await
    }

    async fn read(&self, id: &str) -> Result<Audience, Box<dyn std::error::Error>> {
        let mut page = self.list(ListChange { audience: Some(id), ..Default::default() }).await?;
        match page.data.pop() {
            Some(audience) if audience.id == id && page.data.is_empty() => Ok(audience),
            _ => Err("List with audience_id does not answer that audience alone".into()),
        }
    }

    async fn upload(&self, checks: &mut Checks, text: &str) -> Result<File, ApiError> {
        let request =
            CreateFilesRequest { filename: "customers.csv".to_string(), ..Default::default() };
        let created = self.client.files.create(&request, None).await?;
        checks.ok("id", created.id.starts_with("file_"), &created.id);
        checks.equal("upload_status", created.upload_status, FileUploadStatus::Pending);
        checks.equal("visibility", created.visibility, FileVisibility::Private);
        checks.equal("size before the upload", created.size, None);
        let url = created.upload_url.unwrap_or_default();
        put(checks, &url, created.upload_headers.unwrap_or_default(), text).await;
        let start = Instant::now();
        loop {
            let file = self.client.files.retrieve(&created.id, None).await?;
            let waiting = matches!(
                file.upload_status,
                FileUploadStatus::Pending | FileUploadStatus::Processing
            );
            if !waiting || start.elapsed() > DEADLINE {
                checks.equal("upload_status", file.upload_status.clone(), FileUploadStatus::Ready);
                checks.equal("size", file.size, Some(text.len() as i64));
                checks.equal("url", file.url.as_deref(), None);
                checks.equal("object", file.object.as_str(), "file");
                checks.ok("created_at is ISO", is_iso(&file.created_at), &file.created_at);
                return Ok(file);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Polls from `audience` on until it is final; checks every state on the way.
    async fn watch(
        &self,
        checks: &mut Checks,
        audience: Audience,
    ) -> Result<Audience, Box<dyn std::error::Error>> {
        let start = Instant::now();
        let mut faults = HashSet::new();
        let mut last = audience.clone();
        loop {
            let now = self.read(&audience.id).await?;
            faults.extend(contradictions(&audience, &last, &now));
            last = now;
            if rank(&last.status) == 3 || start.elapsed() > DEADLINE {
                checks.equal("final in time", rank(&last.status), 3);
                checks.ok("nothing goes back while polling", faults.is_empty(), faults);
                return Ok(last);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// How a List differs from the plain one.
#[derive(Default)]
struct ListChange<'a> {
    by: Option<&'a Whop>,
    account: Option<&'a str>,
    audience: Option<&'a str>,
    first: Option<i64>,
    after: Option<String>,
}

async fn put(checks: &mut Checks, url: &str, headers: HashMap<String, Value>, text: &str) {
    let mut request = reqwest::Client::new().put(url).body(text.to_string());
    for (name, value) in headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => {
            checks.ok("the PUT is answered with 2xx", answer.status().is_success(), &answer);
            checks.ok("the PUT has an ETag", answer.headers().contains_key("etag"), &answer);
        }
        Err(error) => checks.ok("the PUT is answered", false, error),
    }
}

fn rank(status: &AudienceStatus) -> i8 {
    match status {
        AudienceStatus::Pending => 0,
        AudienceStatus::Processing => 1,
        AudienceStatus::Syncing => 2,
        AudienceStatus::Ready | AudienceStatus::Partial | AudienceStatus::Failed => 3,
        _ => -1,
    }
}

fn is_iso(value: &str) -> bool {
    value.ends_with('Z') && DateTime::parse_from_rfc3339(value).is_ok()
}

fn contradictions(first: &Audience, last: &Audience, now: &Audience) -> Vec<&'static str> {
    let unhappy = matches!(now.status, AudienceStatus::Partial | AudienceStatus::Failed);
    let syncing = now.status == AudienceStatus::Syncing;
    let rules = [
        (rank(&now.status) < rank(&last.status), "status went back"),
        (now.total_rows < last.total_rows, "total_rows went back"),
        (now.processed_rows < last.processed_rows, "processed_rows went back"),
        (now.matched_rows < last.matched_rows, "matched_rows went back"),
        (now.progress_percent < last.progress_percent, "progress_percent went back"),
        (now.updated_at < last.updated_at, "updated_at went back"),
        (now.created_at != first.created_at, "created_at changed"),
        (now.created_at > now.updated_at, "created_at is later than updated_at"),
        (now.matched_rows > now.processed_rows, "more matched than processed"),
        (now.processed_rows > now.total_rows, "more processed than there are"),
        (rank(&now.status) < 3 && now.progress_percent >= 100.0, "100 before the end"),
        (rank(&now.status) < 2 && now.matched_rows > first.matched_rows, "matched too early"),
        (syncing && now.processed_rows < now.total_rows, "syncing too early"),
        (unhappy != now.error_message.is_some(), "error_message does not fit the status"),
    ];
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, words)| words).collect()
}

fn check_ready(checks: &mut Checks, audience: &Audience, rows: usize, usable: usize) {
    checks.equal("status", audience.status.clone(), AudienceStatus::Ready);
    checks.equal("total_rows", audience.total_rows, rows as f64);
    checks.equal("processed_rows", audience.processed_rows, rows as f64);
    checks.equal("matched_rows", audience.matched_rows, usable as f64);
    checks.equal("progress_percent", audience.progress_percent, 100.0);
    checks.equal("error_message", audience.error_message.as_deref(), None);
    checks.equal("platform_audience_ids", audience.platform_audience_ids.len(), 0);
}

async fn whole_flow(checks: &mut Checks, world: &World) -> Outcome {
    let audience = world.create("Past purchasers").await?;
    checks.equal("name", audience.name.as_str(), "Past purchasers");
    checks.ok("id", audience.id.starts_with("adaud_"), &audience.id);
    let last = world.watch(checks, audience).await?;
    check_ready(checks, &last, world.people.rows, world.people.usable);
    checks.ok("created_at is ISO", is_iso(&last.created_at), &last.created_at);
    checks.ok("updated_at is ISO", is_iso(&last.updated_at), &last.updated_at);
    checks.equal("audience_type", last.audience_type, AudienceAudienceType::Custom);
    checks.equal("source_type", last.source_type, AudienceSourceType::CsvUpload);
    checks.equal("auto_refresh", last.auto_refresh, false);
    checks.equal("match_rates", last.match_rates.len(), 0);
    checks.equal("filters", last.filters, None);
    checks.equal("lookalike_ratio", last.lookalike_ratio, None);
    checks.equal("source_audience_id", last.source_audience_id, None);

    let mut values = world.request("Values", &world.file);
    values.column_mapping = Some(CreateAudiencesRequestColumnMapping {
        ltv: Some("Umsatz".into()),
        ..Customers::mapping()
    });
    let audience = world.send(&values).await?;
    let last = world.watch(checks, audience).await?;
    check_ready(checks, &last, world.people.rows, world.people.usable);
    Ok(())
}

async fn refused(checks: &mut Checks, world: &World) -> Outcome {
    let mut request = world.request("Missing column", &world.file);
    request.column_mapping = Some(CreateAudiencesRequestColumnMapping {
        email: Some("Correo".into()),
        ..Default::default()
    });
    let message = match world.send(&request).await {
        Ok(audience) => {
            let last = world.watch(checks, audience).await?;
            checks.equal("status of a missing column", last.status, AudienceStatus::Failed);
            last.error_message.unwrap_or_default()
        }
        Err(error) => format!("{error:?}"),
    };
    let named = message.contains("Correo") && message.contains("mobile");
    checks.ok("the message names the column and lists the file's", named, message);

    let new = CreateFilesRequest { filename: "never-sent.csv".to_string(), ..Default::default() };
    let empty = world.client.files.create(&new, None).await?;
    let answer = world.send(&world.request("Too early", &empty.id)).await;
    checks.refused_as("file not ready", 409, Some("file_not_ready"), answer);
    let answer = world.send(&world.request("x", UNKNOWN_FILE)).await;
    checks.refused("create with an unknown file", 404, answer);
    checks.refused("blank name", 400, world.create("  ").await);
    request.column_mapping = Some(CreateAudiencesRequestColumnMapping {
        first_name: Some("vorname".into()),
        ..Default::default()
    });
    checks.refused("neither email nor phone", 400, world.send(&request).await);
    request.column_mapping = None;
    checks.refused("no mapping", 400, world.send(&request).await);
    let mut request = world.request("People", &world.file);
    request.source_type = Some(CreateAudiencesRequestSourceType::PeopleFilter);
    request.filters = Some(HashMap::from([("os".to_string(), json!("iOS"))]));
    checks.refused("people filters", 400, world.send(&request).await);
    checks.refused("unknown file", 404, world.client.files.retrieve(UNKNOWN_FILE, None).await);
    Ok(())
}

async fn keys_and_tenants(checks: &mut Checks, world: &World) -> Outcome {
    let stranger = connect("no-such-key")?;
    let answer = world.list(ListChange { by: Some(&stranger), ..Default::default() }).await;
    checks.refused("wrong key, list", 401, answer);
    let request = world.request("x", &world.file);
    checks.refused("wrong key, create", 401, stranger.audiences.create(&request, None).await);
    for account in [world.other_account.as_str(), UNKNOWN_ACCOUNT] {
        let answer = world.list(ListChange { account: Some(account), ..Default::default() }).await;
        checks.refused("foreign or unknown account", 403, answer);
    }
    let mine = world.create("Mine").await?;
    let theirs = Some(world.other_account.as_str());
    let by = Some(&world.other);
    let audience = Some(mine.id.as_str());
    let page =
        world.list(ListChange { by, account: theirs, audience, ..Default::default() }).await?;
    checks.equal("a foreign audience_id is filtered out", page.data.len(), 0);
    let audiences = &world.other.audiences;
    checks.refused("delete a foreign audience", 404, audiences.delete(&mine.id, None).await);
    let rename = UpdateAudiencesRequest { name: Some("x".to_string()), ..Default::default() };
    let answer = audiences.update(&mine.id, &rename, None).await;
    checks.refused("update a foreign audience", 404, answer);
    checks.refused("a foreign file", 404, world.other.files.retrieve(&world.file, None).await);
    let request = CreateAudiencesRequest { account_id: world.other_account.clone(), ..request };
    let answer = audiences.create(&request, None).await;
    checks.refused("create with a foreign file", 404, answer);
    let page = world.list(ListChange { first: Some(1), ..Default::default() }).await?;
    let after = page.page_info.end_cursor;
    let answer = world.list(ListChange { by, account: theirs, after, ..Default::default() }).await;
    checks.refused("a foreign cursor", 400, answer);
    checks.equal("the audience is still there", world.read(&mine.id).await?.name, mine.name);
    Ok(())
}

async fn change(checks: &mut Checks, world: &World) -> Outcome {
    let (base, more) = (Customers::new(61, 400), Customers::new(62, 300));
    let base_file = world.upload(checks, &base.text).await?;
    let more_file = world.upload(checks, &more.text).await?;
    let audience = world.send(&world.request("Growing", &base_file.id)).await?;
    let last = world.watch(checks, audience).await?;
    check_ready(checks, &last, base.rows, base.usable);
    let rename = UpdateAudiencesRequest { name: Some("Grown".to_string()), ..Default::default() };
    let audiences = &world.client.audiences;
    checks.equal("new name", audiences.update(&last.id, &rename, None).await?.name, "Grown".into());
    let blank = UpdateAudiencesRequest { name: Some(" ".to_string()), ..Default::default() };
    let kept = audiences.update(&last.id, &blank, None).await?.name;
    checks.equal("a blank name is ignored", kept, "Grown".into());
    let add = AddPeopleAudiencesRequest { file_id: more_file.id.clone() };
    let accepted = audiences.add_people(&last.id, &add, None).await?;
    checks.ok("counters do not fall", accepted.matched_rows >= last.matched_rows, &accepted);
    let grown = world.watch(checks, accepted).await?;
    check_ready(checks, &grown, base.rows + more.rows, base.usable + more.usable);
    checks.equal("created_at stays", grown.created_at, last.created_at);

    let long_file = world.upload(checks, &Customers::new(63, 100_000).text).await?;
    let long = world.send(&world.request("Long", &long_file.id)).await?;
    let answer = audiences.add_people(&long.id, &add, None).await;
    checks.refused("add_people while it is not final", 409, answer);
    checks.equal("delete at work", audiences.delete(&long.id, None).await?.success, true);
    let audience = Some(long.id.as_str());
    let page = world.list(ListChange { audience, ..Default::default() }).await?;
    checks.equal("gone from List at once", page.data.len(), 0);
    checks.refused("a second delete", 404, audiences.delete(&long.id, None).await);
    checks.refused("delete an unknown one", 404, audiences.delete(UNKNOWN_AUDIENCE, None).await);
    let found = audiences.add_people(&long.id, &add, None).await;
    checks.refused("add_people after delete", 404, found);
    Ok(())
}

async fn list(checks: &mut Checks, world: &World) -> Outcome {
    let mut newest = Vec::new();
    for number in 0..26 {
        newest.insert(0, world.create(&format!("Audience {number}")).await?.id);
    }
    let page = world.list(ListChange::default()).await?;
    checks.equal("default page", page.data.len(), 20);
    let ids: Vec<String> = page.data.into_iter().map(|audience| audience.id).collect();
    checks.equal("newest first", &ids[..], &newest[..20]);
    // This SDK has no pager of its own.
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = world.list(ListChange { first: Some(7), after, ..Default::default() }).await?;
        checks.equal("has_previous_page", page.page_info.has_previous_page, pages > 0);
        let more = page.page_info.end_cursor.is_some();
        checks.equal("has_next_page", page.page_info.has_next_page, more);
        seen.extend(page.data.into_iter().map(|audience| audience.id));
        pages += 1;
        after = page.page_info.end_cursor;
        if after.is_none() || pages == 50 {
            break;
        }
    }
    checks.equal("pages", pages, seen.len().div_ceil(7));
    checks.equal("each audience once", seen.iter().collect::<HashSet<_>>().len(), seen.len());
    checks.equal("order", &seen[..26], &newest[..]);
    let answer = world.list(ListChange { first: Some(0), ..Default::default() }).await;
    checks.refused("first=0", 400, answer);
    let after = Some("garbled".to_string());
    let answer = world.list(ListChange { after, ..Default::default() }).await;
    checks.refused("an unreadable cursor", 400, answer);
    Ok(())
}

async fn idempotency(checks: &mut Checks, world: &World) -> Outcome {
    let request = world.request("Once", &world.file);
    let first = world.send_keyed(&request, Some("rust-1")).await?;
    let again = world.send_keyed(&request, Some("rust-1")).await?;
    checks.equal("the same answer", again, first);
    let page = world.list(ListChange { first: Some(100), ..Default::default() }).await?;
    let made = page.data.iter().filter(|audience| audience.name == "Once").count();
    checks.equal("audiences made", made, 1);
    let request = world.request("Twice", &world.file);
    let answer = world.send_keyed(&request, Some("rust-1")).await;
    checks.refused_as("another body", 400, Some("idempotency_key_mismatch"), answer);
    Ok(())
}

async fn clear(checks: &mut Checks, world: &World) -> Outcome {
    let page = world.list(ListChange { first: Some(100), ..Default::default() }).await?;
    for audience in page.data {
        world.client.audiences.delete(&audience.id, None).await?;
    }
    let page = world.list(ListChange::default()).await?;
    checks.equal("nothing is left", page.data.len(), 0);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut checks = Checks::default();
    let mut world = World {
        client: connect(&variable("API_KEY"))?,
        other: connect(&variable("OTHER_API_KEY"))?,
        account: variable("ACCOUNT_ID"),
        other_account: variable("OTHER_ACCOUNT_ID"),
        file: String::new(),
        people: Customers::new(60, 3000),
    };
    // A part that breaks off counts as one failed check; the next part goes on.
    macro_rules! part {
        ($name:literal, $outcome:expr) => {
            checks.part = $name;
            let outcome: Outcome = $outcome;
            if let Err(error) = outcome {
                checks.ok("broke off", false, error);
            }
        };
    }
    part!("files", {
        let text = world.people.text.clone();
        world.upload(&mut checks, &text).await.map(|file| world.file = file.id).map_err(Into::into)
    });
    part!("whole flow", whole_flow(&mut checks, &world).await);
    part!("refused", refused(&mut checks, &world).await);
    part!("keys and tenants", keys_and_tenants(&mut checks, &world).await);
    part!("change", change(&mut checks, &world).await);
    part!("list", list(&mut checks, &world).await);
    part!("idempotency", idempotency(&mut checks, &world).await);
    part!("clearing up", clear(&mut checks, &world).await);
    println!("{} passed, {} failed", checks.passed, checks.failed);
    Ok(if checks.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
