#![doc = include_str!("../README.md")]
//!
//! # Map of the source
//!
//! | file | what it does |
//! | --- | --- |
//! | `engine.rs` | [`Engine`]: worker threads |
//! | `engine/options.rs` | [`Options`]: what a caller may choose |
//! | `engine/source.rs` | [`Source`]: an input whose header has been read |
//! | `engine/transport.rs` | packed or plain bytes -> plain bytes; what other files are |
//! | `engine/charset.rs` | any encoding -> UTF-8 |
//! | `engine/sniff.rs` | the first 64 KiB -> delimiter, quote, escape, header |
//! | `engine/dialect.rs` | [`Dialect`]: what stands between fields and around them |
//! | `engine/chunk.rs` | bytes -> chunks that end at a record; feeds [`Counts::total`] |
//! | `engine/chunk/plain.rs` | plain rows are cut many at once |
//! | `engine/chunk/buffer.rs` | bytes that were read |
//! | `engine/checkpoint.rs` | [`Checkpoint`]: where another run may go on |
//! | `engine/chunk/scan.rs` | where a record ends, and whether it is damaged |
//! | `engine/headers.rs` | a header's name -> [`Identifier`], in many languages |
//! | `engine/columns.rs` | header -> [`Columns`]: which column holds which [`Identifier`] |
//! | `engine/index.rs` | plain lines, many at once: how many, and where their fields are |
//! | `engine/index/blocks.rs`, `avx512.rs`, `avx2.rs` | 64 bytes -> masks of those that mean much |
//! | `engine/index/marks.rs` | masks -> lists of places; how many rows |
//! | `engine/record.rs` | chunk -> records -> fields |
//! | `engine/recover.rs` | a record whose quotes do not add up -> the reading that fits |
//! | `engine/rules.rs` | [`platform::Rules`]: what a destination wants, as a table of [`Form`]s |
//! | `engine/plan.rs` | columns and rules -> the slots of a row, shared between platforms |
//! | `engine/normalize.rs` | [`normalize`]: cell -> forms or [`normalize::Rejection`] |
//! | `engine/normalize/email/` | the usual shape of an e-mail, in one sweep |
//! | `engine/normalize/phone/digits.rs` | the digits of a short cell, side by side |
//! | `engine/normalize/phone/` | metadata -> tables (`build.rs`); text -> digits -> labels |
//! | `engine/rows.rs`, `rows/plain.rs`, `doubt.rs` | the table of a chunk: forms in, digests out |
//! | `engine/sha256.rs`, `kernel.rs` | canonical bytes -> SHA-256, many at once: [`kernel`] |
//! | `engine/sha256/blocks.rs` | what the kernels share: constants, groups of messages |
//! | `engine/sha256/shani.rs`, `avx512.rs` | two messages at once, and sixteen (x86-64) |
//! | `engine/digest.rs`, `digest/spell.rs` | [`Digest`]: hashes; their digits, all at once |
//! | `engine/batch.rs` | [`Batch`], [`Row`], [`Candidate`]: what a caller sees of a chunk |
//! | `engine/pool.rs` | memory that is used again |
//! | `engine/run.rs` | [`Run`]: reader thread, workers, batches in input order |
//! | `engine/problem.rs` | [`RowProblem`]: what can be wrong with a row as a whole |
//! | `engine/samples.rs` | [`Sample`]: where examples of each problem stand |
//! | `engine/summary.rs` | [`Summary`]: what became of the rows, counted |
//! | `engine/error.rs` | [`Error`]: why an input cannot be read to its end, and where |
//! | `engine/tally.rs` | [`Tally`]: total, processed, matched |
//! | `platform.rs` | [`Platform`]: what each ad platform wants |
//! | `platform/meta.rs`, ... | the rules of each, with page and date |
//! | `platform/spec.rs` | [`platform::spec`]: what such a file says: keys, files, sources |
//! | `platform/upload.rs` | [`platform::upload`]: what an upload file has, and from where |
//! | `platform/upload/writer.rs` | a row -> its records |
//! | `audience.rs` | `Audiences` in a data folder, and its threads (feature `store`) |
//! | `audience/files.rs`, `lists.rs` | files are received; audiences accepted, listed, deleted |
//! | `audience/status.rs`, `id.rs`, `mapping.rs`, `ledger.rs` | what an audience consists of |
//! | `audience/store.rs`, `store/values.rs`, `store/sqlite/` | what must survive: trait, SQLite |
//! | `audience/folder.rs`, `upload.rs` | the data folder; an upload's bytes |
//! | `audience/workers.rs` | threads, and whose turn it is |
//! | `audience/import.rs` | one audience's way; the only code that changes a status |
//! | `audience/import/read.rs`, `rejects.rs`, `stage.rs` | file -> batches on disk, rejects |
//! | `audience/import/deliver.rs` | batches -> destination |
//! | `audience/destination.rs`, `outbox.rs` | the border to a platform; files instead of one |
//! | `audience/deletion.rs` | what goes, and when |
//! | `audience/accounts.rs` | accounts and keys |
//! | `audience/fault.rs`, `scripted.rs` | failures on demand, for tests (feature `testing`) |
//! | `service.rs`, `service/routes.rs` | HTTP: which path does what (feature `service`) |
//! | `service/connections.rs`, `call.rs` | who may be connected; a request before its work |
//! | `service/operation.rs`, `page.rs` | what a request asks for; pages of a list |
//! | `service/audiences.rs`, `files.rs` | the work |
//! | `service/version.rs`, `wire.rs`, `error.rs` | shapes and errors on the wire |
//! | `service/signing.rs`, `limits.rs`, `metrics.rs` | addresses and cursors; rates; counters |
//! | `bin/matchkey/` | the binary; uses the public surface only |
//!
//! # What always holds
//!
//! - `matched <= processed <= total` in every reading of a [`Tally`]; `processed == total` when a
//!   run has ended.
//! - Output, counters and rejections do not depend on threads, chunk size or the reader's bites.
//! - `engine` knows neither the binary nor any audience; it opens no file or socket and reads no
//!   clock, environment or random source. `audience` knows no HTTP; SQL is in `store/sqlite` only.
//! - An audience that was accepted reaches its end with exact counters, whatever ends the process;
//!   nothing that is shown of it goes back.
//! - No cell content, raw or hashed, in any error, `Debug` or log.
//! - Memory is bounded by the chunks in flight (two for each thread, and one), whatever the input.

#[cfg(feature = "store")]
pub mod audience;
mod engine;
pub mod kernel;
pub mod platform;
#[cfg(feature = "service")]
pub mod service;

pub use engine::{
    Batch, Candidate, Cell, Checkpoint, Column, Columns, Counts, Dialect, Digest, Engine, Error,
    ErrorKind, Form, Header, Identifier, Options, Origin, PhonePolicy, Placeholders, Position, Row,
    RowProblem, Run, Sample, Scan, Source, Summary, Tally, normalize,
};
pub use platform::Platform;
