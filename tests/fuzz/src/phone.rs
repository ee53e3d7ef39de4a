//! Coverage-guided fuzzing of phone numbers: the fast path equals the plain one on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matchkey::normalize::phone::reference::Reference;
use matchkey::normalize::phone::{Reader, territories};
use matchkey::normalize::{Country, text_of};
use std::cell::RefCell;

thread_local! {
    static PATHS: RefCell<(Reader, Reference, Vec<String>)> = RefCell::new({
        let ids = territories().into_iter().map(|it| it.id).filter(|id| id != "001").collect();
        (Reader::new(), Reference::new(territories()), ids)
    });
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, cell)) = data.split_first() else { return };
    PATHS.with_borrow_mut(|(fast, plain, ids)| {
        let country = ids.get(usize::from(*choice)).map(String::as_str);
        let text = text_of(cell);
        let read = fast.read(cell, country.and_then(Country::parse));
        assert!(read == plain.read(&text, country));
    });
});
