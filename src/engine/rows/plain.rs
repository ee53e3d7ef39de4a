//! The plainest e-mails and phones: nearly all cells of a list, written and counted at once.
//!
//! In: a cell and its slots. Out: what the general way of `rows.rs` makes of it, without the way
//! through a value, an outcome and a place for each slot.

use super::Table;
use crate::engine::columns::Column;
use crate::engine::identifier::Identifier;
use crate::engine::plan::Slot;
use crate::normalize::email::{Spelling, Swept};
use crate::normalize::{Hints, Normalizer, Value, phone};

impl Table {
    /// Reads a cell. The plainest are written and counted at once, since it is known what the
    /// general way makes of them; any other goes on. Only where all of a column's slots are SHA-256
    /// keys of first readings, and no other column is like it.
    pub(super) fn read_plain<'a>(
        &mut self,
        raw: &'a [u8],
        slots: &[Slot],
        slot: usize,
        column: &Column,
        hints: Hints,
        normalizer: &mut Normalizer,
    ) -> Option<Value<'a>> {
        let identifier = column.identifier();
        let is_wanted = !slots.is_empty() && slots.iter().all(|slot| slot.is_plain);
        if column.ordinal() > 1 || !is_wanted {
            return Some(normalizer.read(identifier, raw, hints));
        }
        // Two spellings at most.
        let mut spelled = [None; 2];
        match identifier {
            Identifier::Email => {
                let Some(email) = normalizer.plain_email(raw) else {
                    return Some(normalizer.read_any(identifier, raw, hints));
                };
                let is_other = |slot: &Slot| email.spelling(slot.key.form) == Spelling::Other;
                if slots.iter().any(is_other) {
                    return Some(Value::Swept(*email));
                }
                for slot in slots {
                    let spelling = email.spelling(slot.key.form);
                    let write = match spelling {
                        Spelling::Stripped => Swept::write_stripped,
                        _ => Swept::write_whole,
                    };
                    let known = &mut spelled[usize::from(spelling == Spelling::Stripped)];
                    let place =
                        *known.get_or_insert_with(|| self.messages.add(|out| write(email, out)));
                    self.places.push(place);
                }
            }
            Identifier::Phone => {
                let Some(phone) = normalizer.plain_phone(raw, hints) else {
                    return Some(normalizer.read_any(identifier, raw, hints));
                };
                if slots.iter().any(|slot| phone.is_too_short(slot.key.form)) {
                    return Some(Value::PlainPhone(phone));
                }
                for slot in slots {
                    let has_plus = phone::has_plus(slot.key.form);
                    let place = *spelled[usize::from(has_plus)]
                        .get_or_insert_with(|| self.messages.add(|out| phone.write(has_plus, out)));
                    self.places.push(place);
                }
                self.summary.count_phone(phone.is_valid, false);
            }
            _ => return Some(normalizer.read_any(identifier, raw, hints)),
        }
        let keys = spelled.iter().flatten().count() as u64;
        self.counts[slot..][..slots.len()].iter_mut().for_each(|counts| counts.usable += 1);
        self.summary.count_candidates(identifier, keys);
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::{Engine, Identifier, Options, PhonePolicy, Platform};
    use proptest::prelude::*;

    /// Every row, as far as anybody sees it, and every count.
    fn everything(list: &str, options: Options) -> (Vec<String>, crate::Summary) {
        let engine = Engine::new(options.threads(1).keep_records().keep_rejected()).unwrap();
        let mut run = engine.run(std::io::Cursor::new(list.to_owned())).unwrap();
        let used = run.columns().used().len();
        let mut rows = Vec::new();
        while let Some(batch) = run.next_batch().unwrap() {
            rows.extend(batch.rows().map(|row| {
                let keys: Vec<_> = row
                    .candidates()
                    .map(|it| {
                        (it.identifier, it.ordinal, it.form, it.digest.text(Default::default()))
                    })
                    .collect();
                let cells: Vec<_> =
                    (0..used).map(|column| (row.canonical(column), row.rejected(column))).collect();
                let matched: Vec<_> = (0..3).map(|platform| row.is_matched(platform)).collect();
                format!("{keys:?} {cells:?} {matched:?} {:?} {:?}", row.problem(), row.unusable())
            }));
        }
        (rows, run.summary().clone())
    }

    fn emails() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "[ ]?[a-zA-Z][a-zA-Z0-9._+-]{0,9}@(gmail|GoogleMail|x-y\\.z|web)\
                  \\.(com|de|COM)[ .]?",
            1 => "(n/a||-|a@b@c|\u{e4}b@x\u{fc}\\.de|[0-9a-f]{64}|a b@x\\.de|@x\\.de|_@x\\.de)",
        ]
    }

    fn phones() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "[+]?(1|44|49)?[ (.-]?[0-9]{3}[) .-]{0,2}[0-9]{3,4}[ .-]?[0-9]{2,4}",
            1 => "([0-9]{3,18}|1234567890|[0-9a-f]{64}|call|415 555 2671 x12|5555555555|)",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn both_ways_give_the_same(
            rows in proptest::collection::vec((emails(), phones(), emails(), "(US|DE||XX)"), 1..20),
            platforms in proptest::sample::subsequence(Platform::ALL.to_vec(), 1..4),
            (strict, has_country) in any::<(bool, bool)>(),
        ) {
            let mut list = "email,phone,email,country\n".to_owned();
            for (email, phone, second, country) in rows {
                list += &format!("{email},{phone},{second},{country}\n");
            }
            let mut options = Options::new().platforms(platforms.iter().copied());
            options = options.allow_no_identifier();
            if strict {
                options = options.phone_policy(PhonePolicy::Valid);
            }
            if has_country {
                options = options.country("US");
            }
            let options = options.map(Identifier::Phone, "phone");
            let plain = everything(&list, options.clone());
            prop_assert_eq!(plain, everything(&list, options.general()));
        }
    }
}
