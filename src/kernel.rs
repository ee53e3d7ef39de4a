//! SHA-256 of many messages at once, without an engine.
//!
//! In: messages, end to end in one buffer. Out: a digest for each, in the same order. The digests
//! are the same whatever [`Kernel`] makes them. An engine has one by
//! [`Options::kernel`](crate::Options::kernel).

pub use crate::engine::index::find_fields;
pub use crate::engine::sha256::{Detected, Kernel, digest_many};
