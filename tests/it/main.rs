//! All integration tests, one binary.
//!
//! `oracle` is the executable specification; `differential` and `properties` compare the engine
//! with it; `golden` has single rows and files with their outcomes; `faults` has readers that fail;
//! `vectors` and `phones` have libphonenumber's answers; `platforms` the vendors' rules and upload
//! files; `service` runs the audience service as a process, `embedded` audiences without it;
//! `resume` goes on in the middle; `kernels` switches the code for SHA-256; `lists` has nasty lists
//! and `packed` archives; `cli` runs the binary as a process, with `process`; `testdata` and `tidy`
//! look after the repository itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cli;

#[path = "../../benches/customers.rs"]
mod customers;
mod differential;
#[cfg(feature = "store")]
mod embedded;
mod faults;
mod golden;
mod kernels;
mod lists;
mod oracle;
mod packed;
mod phones;
mod platforms;
mod process;
mod properties;
mod resume;
#[cfg(feature = "testing")]
mod service;
mod testdata;
mod tidy;
mod vectors;
