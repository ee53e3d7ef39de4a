//! The service as its users meet it: a process on loopback, real files, real SQLite, a real client.
//!
//! Which requirement is tested where (figures and names as in the reliability notes):
//!
//! | file | what |
//! | --- | --- |
//! | `api` | the wire: shapes, parameters, errors, pages, versions, idempotency, files, parts |
//! | `crash` | R1, R2, R4: killed at random and at every fault point, the end is the same |
//! | `deliveries` | R3, R9, R17: a scripted destination: `partial`, `failed`, retries, deletion |
//! | `storage` | R5, R6, R7, R8, R16: a full disk, failing writes, damaged uploads, panics |
//! | `crowd` | R10, R11, R12: many at once, slow clients, too large uploads |
//! | `tenants` | R14, S1, S2, S11: what one account knows of another, ids as paths, keys, scopes |
//! | `privacy` | S6, S8, P3, P4, P5: no personal data where it does not belong, retention |
//! | `described` | `/openapi.json` and the answers it describes |

mod api;
mod crash;
mod crowd;
mod deliveries;
mod described;
mod privacy;
mod server;
mod storage;
mod tenants;
