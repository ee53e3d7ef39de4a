//! The service as its users meet it: a process on loopback, real files, real SQLite, a real client.
//!
//! Requirements by their names in the project's reliability notes, and where each is tested:
//!
//! | requirement | test |
//! | --- | --- |
//! | R1 kills, R4 counters, P7 kills during deletion | `crash`: at random, at each fault point |
//! | R2 no work twice | `crash::work_on_record_is_not_done_again`; `resume` |
//! | R3 one id for a batch, R9 retries, R17 deletion | `deliveries` |
//! | R5 full disk, R6 failing writes, R16 panics | `storage`: at each fault point |
//! | R7 damaged uploads, R13 end in peace | `storage` |
//! | R8 power loss | WAL, `synchronous=FULL`, data before its row: `crash` kills processes only |
//! | R10 many at once, R11 slow clients, R12 too large | `crowd` |
//! | R14 two servers, S1 tenants, S2 paths, S11 keys | `tenants` |
//! | R15 clocks | `embedded` |
//! | S4 bombs, S5 linear work, S13 fuzzing | `packed`, `lists`, `tests/fuzz` |
//! | S13 the API | `crowd::odd_requests_get_answers`, schemathesis in `tests/sdk/run` |
//! | S6 canaries, S8 modes, P3 deletion, P4 retention, P5 database | `privacy` |
//! | S9 injection | nothing of a cell is in rejects or logs: `privacy` |
//! | S12 supply chain | `tidy`, `.ci/run` (counts); advisories are not checked there |
//!
//! Open: S7 (buffers with cells are reused, not wiped; secrets are), encryption of single audiences
//! at rest (S8), credentials (S10: no platform is connected yet). S3 has no subject: no URL is ever
//! taken. P6: deletions that a platform refuses are logged and tried for 30 days. P8: consent
//! columns are not among those that an audience may map.

mod api;
mod crash;
mod crowd;
mod deliveries;
mod described;
mod privacy;
mod server;
mod storage;
mod tenants;
