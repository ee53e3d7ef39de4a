//! SHA-256 by each kernel that the processor has.
//!
//! In: a list of every kind of row, through engines that differ in their kernel. Out: the same
//! candidates; a kernel that the processor has not is refused, and `.ci/run` says which.

use super::customers::{Shape, csv};
use matchkey::kernel::Kernel;
use matchkey::platform::Encoding;
use matchkey::{Engine, ErrorKind, Options, Platform};
use std::io::Cursor;

/// Everything that the rows of a run have to say.
fn candidates(engine: &Engine, list: &[u8]) -> Vec<String> {
    let mut run = engine.run(Cursor::new(list.to_vec())).unwrap();
    let mut found = Vec::new();
    while let Some(batch) = run.next_batch().unwrap() {
        for row in batch.rows() {
            for candidate in row.candidates() {
                let digest = candidate.digest.text(Encoding::Hex);
                let identifier = candidate.identifier;
                found.push(format!("{} {identifier:?} {digest}", row.number()));
            }
        }
    }
    found
}

#[test]
fn output_does_not_depend_on_the_kernel() {
    let list = csv(Shape::Mixed, 3_000, 7);
    let options = || {
        let platforms = [Platform::Generic, Platform::Meta, Platform::Google];
        // Small chunks: batches of every size.
        Options::new().country("US").threads(2).chunk_bytes(900).platforms(platforms)
    };
    let portable = Engine::new(options().kernel(Kernel::Portable)).unwrap();
    let expected = candidates(&portable, &list);
    assert!(expected.len() > 5_000, "{}", expected.len());
    for kernel in Kernel::ALL {
        match (kernel.detect(), Engine::new(options().kernel(kernel))) {
            (Some(_), engine) => {
                assert!(candidates(&engine.unwrap(), &list) == expected, "{kernel}")
            }
            (None, engine) => {
                let error = engine.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Options);
                assert!(error.to_string().contains(kernel.name()), "{error}");
            }
        }
    }
}
