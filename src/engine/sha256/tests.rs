//! Every kernel that this processor has, against `sha2`.

use super::*;
use proptest::collection;
use proptest::prelude::*;

/// The kernels that can run here; `.ci/run` says which.
fn kernels() -> Vec<Detected> {
    Kernel::ALL.into_iter().filter_map(Kernel::detect).collect()
}

/// Messages of these lengths, end to end, no two alike.
fn batch(lengths: impl IntoIterator<Item = usize>) -> (Vec<u8>, Vec<usize>) {
    let mut end = 0;
    let ends = lengths.into_iter().map(|length| {
        end += length;
        end
    });
    let ends: Vec<usize> = ends.collect();
    let bytes = (0..end).map(|at| (at * 31 + at / 251) as u8).collect();
    (bytes, ends)
}

/// Each kernel's digests of a batch are those of `sha2`.
fn check(kernels: &[Detected], messages: &[u8], ends: &[usize]) {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let pairs = starts.zip(ends);
    let expected: Vec<[u8; 32]> =
        pairs.map(|(start, &end)| Sha256::digest(&messages[start..end]).into()).collect();
    // What was there is not kept.
    let mut digests = vec![[7; 32]; 3];
    for kernel in kernels {
        digest_many(*kernel, messages, ends, &mut digests);
        let name = kernel.kernel();
        assert!(digests == expected, "{name}: {ends:?}");
    }
}

#[test]
fn every_length_in_batches_of_every_size() {
    let kernels = kernels();
    for length in 0..=200 {
        for size in 0..=2 * 16 + 1 {
            // The last message ends where the buffer does.
            let (mut messages, ends) = batch(std::iter::repeat_n(length, size));
            messages.shrink_to_fit();
            check(&kernels, &messages, &ends);
            messages.resize(messages.len() + 64, 0xFF);
            check(&kernels, &messages, &ends);
        }
    }
}

#[test]
fn short_and_long_ones_keep_their_places() {
    let kernels = kernels();
    for every in 1..=17 {
        for size in 0..=40 {
            let is_long = |at: usize| at % every == every - 1;
            let lengths = (0..size).map(|at| if is_long(at) { 56 + at * 5 } else { at % 56 });
            let (messages, ends) = batch(lengths);
            check(&kernels, &messages, &ends);
        }
    }
    let (messages, ends) = batch(0..=200);
    check(&kernels, &messages, &ends);
    let (messages, ends) = batch((0..=200).rev());
    check(&kernels, &messages, &ends);
}

#[test]
fn ends_that_are_none_are_refused_before_anything_is_read() {
    for kernel in kernels() {
        for ends in [&[9_usize][..], &[4, 3], &[8, usize::MAX], &[3; 0]] {
            let hash = || digest_many(kernel, &[1; 8], ends, &mut Vec::new());
            assert_eq!(std::panic::catch_unwind(hash).is_err(), !ends.is_empty(), "{ends:?}");
        }
    }
}

proptest! {
    #[test]
    fn kernels_agree(
        lengths in collection::vec(prop_oneof![4 => 0_usize..=55, 1 => 56_usize..300], 0..100),
        seed in any::<u8>(),
        beyond in 0_usize..100,
    ) {
        let (mut messages, ends) = batch(lengths);
        messages.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(seed | 1) ^ seed);
        messages.resize(messages.len() + beyond, seed);
        check(&kernels(), &messages, &ends);
    }
}

#[test]
fn names_are_read_and_the_default_is_always_there() {
    for kernel in Kernel::ALL {
        assert_eq!(kernel.to_string().parse(), Ok(kernel));
        let detected = kernel.detect().map(Detected::kernel);
        assert!(kernel == Kernel::Auto || detected.is_none_or(|it| it == kernel));
    }
    assert!("neon".parse::<Kernel>().is_err());
    let chosen = Kernel::default().detect().unwrap().kernel();
    let order = [Kernel::ShaNi, Kernel::Avx512, Kernel::Portable];
    let first = order.into_iter().find(|kernel| kernel.detect().is_some());
    assert_eq!(Some(chosen), first);
}
