//! All integration tests, one binary.
//!
//! `oracle` is the executable specification; `differential` and `properties` compare the engine
//! with it; `golden` has single rows and files with their outcomes; `faults` has readers that
//! fail; `vectors` has other people's test data; `cli` runs the binary as a process; `testdata`
//! and `tidy` look after the repository itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cli;

#[path = "../../benches/customers.rs"]
mod customers;
mod differential;
mod faults;
mod golden;
mod oracle;
mod properties;
mod testdata;
mod tidy;
mod vectors;
