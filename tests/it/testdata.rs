//! `testdata/customers.csv` is what the seeded generator makes; `MATCHKEY_WRITE_TESTDATA=1` writes
//! it anew.

use crate::customers::{Shape, csv};

const ROWS: usize = 3_000;
const SEED: u64 = 20_261_123;

#[test]
fn customers_are_what_the_generator_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/customers.csv");
    let made = csv(Shape::Mixed, ROWS, SEED);
    if std::env::var_os("MATCHKEY_WRITE_TESTDATA").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(std::fs::read(path).unwrap() == made, "run with MATCHKEY_WRITE_TESTDATA=1");
}
