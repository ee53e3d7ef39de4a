//! Audiences without HTTP, as a service with its own server embeds them.
//!
//! In: `matchkey::audience` alone, with a clock of our own. Out: the same ends as over HTTP,
//! whatever the clock does.

use matchkey::audience::mapping::Mapping;
use matchkey::audience::store::Page;
use matchkey::audience::{
    AccountId, Audience, Audiences, Error, FileId, NewAudience, NewFile, Refusal, Settings, Status,
    Upload,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

fn upload(audiences: &Audiences, account: &AccountId, bytes: &[u8]) -> FileId {
    let file = audiences.new_file(account, NewFile::named("a.csv")).unwrap();
    audiences.add_file(&file, None).unwrap();
    let Upload::Open(mut incoming) = audiences.receive(&file.id, 1).unwrap() else { panic!() };
    incoming.write(bytes).unwrap();
    audiences.received_whole(&file.id, incoming).unwrap();
    file.id
}

fn create(audiences: &Audiences, account: &AccountId, file: FileId) -> Audience {
    let mapping = Mapping::new([("email".to_owned(), "Email".to_owned())]).unwrap();
    let new = NewAudience { name: "A".to_owned(), mapping, file };
    let (audience, import) = audiences.new_audience(account, new).unwrap();
    audiences.create(&audience, &import, None).unwrap();
    audience
}

fn wait(audiences: &Audiences, account: &AccountId, audience: &Audience) -> Audience {
    let start = Instant::now();
    let mut before = audience.clone();
    loop {
        let stands = audiences.audience(account, &audience.id).unwrap().unwrap();
        assert!(stands.updated >= before.updated, "time went back");
        assert!(stands.created <= stands.updated && stands.created == audience.created);
        if stands.status.is_final() {
            return stands;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{stands:?}");
        before = stands;
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_clock_that_jumps_does_no_harm() {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let folder = tempfile::tempdir().unwrap();
    let readings = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&readings);
    // Each reading is a day off, to one side or the other.
    let clock = move || {
        let reading = counted.fetch_add(1, Ordering::Relaxed);
        1_800_000_000_000 + reading + if reading % 2 == 0 { DAY } else { -DAY }
    };
    let settings = Settings { clock: Arc::new(clock), ..Settings::default() };
    let audiences = Audiences::open(folder.path(), settings).unwrap();
    let (account, _) = audiences.accounts().add(None, None).unwrap();
    let list = format!("Email\n{}", "a@example.com\n".repeat(30_000));
    for _ in 0..5 {
        let file = upload(&audiences, &account.id, list.as_bytes());
        let audience = create(&audiences, &account.id, file);
        let stands = wait(&audiences, &account.id, &audience);
        assert_eq!((stands.status, stands.matched_rows), (Status::Ready, 30_000));
    }
    assert!(readings.load(Ordering::Relaxed) > 20);
}

#[test]
fn what_is_embedded_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let audiences = Audiences::open(folder.path(), Settings::default()).unwrap();
    assert!(matches!(Audiences::open(folder.path(), Settings::default()), Err(Error::Locked)));
    let (account, key) = audiences.accounts().add(None, None).unwrap();
    let caller = audiences.accounts().caller(key.expose()).unwrap().unwrap();
    assert_eq!(caller.account, account.id);
    assert!(!format!("{key:?}{caller:?}").contains(key.expose()));
    let file = upload(&audiences, &account.id, b"Email\na@example.com\nbad\n");
    let audience = create(&audiences, &account.id, file.clone());
    let stands = wait(&audiences, &account.id, &audience);
    assert_eq!((stands.total_rows, stands.matched_rows), (2, 1));
    let ledger = audiences.ledger(&audience.id).unwrap();
    assert!(ledger.sentence(2).starts_with("1 of 2 rows not used: invalid_email 1"));
    let (more, import) = audiences.more_people(&account.id, &audience.id, file).unwrap();
    audiences.add_people(&more, &import, None).unwrap();
    assert_eq!(wait(&audiences, &account.id, &audience).matched_rows, 2);
    let page = Page { account: account.id.clone(), audience: None, after: None, first: 10 };
    assert_eq!(audiences.list(&page).unwrap().items.len(), 1);
    audiences.delete(&account.id, &audience.id).unwrap();
    assert!(audiences.list(&page).unwrap().items.is_empty());
    let again = audiences.delete(&account.id, &audience.id);
    assert!(matches!(again, Err(Error::Refused(Refusal::NotFound))));
    audiences.stop();
    drop(audiences);
    // Another process may have it now.
    Audiences::open(folder.path(), Settings::default()).unwrap();
}
