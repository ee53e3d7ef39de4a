//! The plainest e-mails and phones: nearly all cells of a list, written and counted at once.
//!
//! In: a cell and its slots. Out: what the general way of `rows.rs` makes of it, without the way
//! through a value, an outcome and a place for each slot.

use super::Table;
use crate::engine::columns::Columns;
use crate::engine::identifier::Identifier;
use crate::engine::plan::Slot;
use crate::engine::rules::Form;
use crate::normalize::email::Spelling;
use crate::normalize::{Hints, Normalizer, phone};

/// Cells of a column that were written at once.
#[derive(Clone, Copy, Default)]
pub(super) struct AtOnce {
    cells: u64,
    /// Their different keys.
    keys: u64,
    /// Those that are phones which libphonenumber calls valid.
    valid: u64,
}

impl Table {
    /// Reads a cell of a column that takes plain ones. The plainest are written and counted at
    /// once, since it is known what the general way makes of them; any other is left to it: false.
    #[inline]
    pub(super) fn push_at_once(
        &mut self,
        raw: &[u8],
        slots: &[Slot],
        (column, identifier): (usize, Identifier),
        hints: impl FnOnce() -> Hints,
        normalizer: &mut Normalizer,
    ) -> bool {
        let keys = match identifier {
            Identifier::Email => match normalizer.plain_email(raw) {
                Some(email) => self.push_spelled(
                    slots,
                    |form| email.spelling(form) == Spelling::Stripped,
                    |is_stripped, out| match is_stripped {
                        true => email.write_stripped(out),
                        false => email.write_whole(out),
                    },
                ),
                None => return false,
            },
            _ => match normalizer.plain_phone(raw, hints()) {
                Some(phone) if !slots.iter().any(|slot| phone.is_too_short(slot.key.form)) => {
                    self.at_once[column].valid += u64::from(phone.is_valid);
                    self.push_spelled(slots, phone::has_plus, |has_plus, out| {
                        phone.write(has_plus, out);
                    })
                }
                _ => return false,
            },
        };
        let at_once = &mut self.at_once[column];
        at_once.cells += 1;
        at_once.keys += keys;
        true
    }

    /// Writes a message into each slot, one for each of the two spellings that forms have. Says
    /// how many spellings there are.
    #[inline]
    fn push_spelled(
        &mut self,
        slots: &[Slot],
        spelling: impl Fn(Form) -> bool,
        write: impl Fn(bool, &mut Vec<u8>),
    ) -> u64 {
        if let [slot] = slots {
            let place = self.messages.add(|out| write(spelling(slot.key.form), out));
            self.places.push(place);
            return 1;
        }
        let mut spelled = [None; 2];
        for slot in slots {
            let spelling = spelling(slot.key.form);
            let known = spelled[usize::from(spelling)];
            let place = known.unwrap_or_else(|| self.messages.add(|out| write(spelling, out)));
            spelled[usize::from(spelling)] = Some(place);
            self.places.push(place);
        }
        spelled.iter().flatten().count() as u64
    }

    /// Adds the cells that were written at once to what is counted of columns and slots.
    pub(super) fn count_at_once(&mut self, columns: &Columns) {
        for (index, (column, at_once)) in columns.used().iter().zip(&self.at_once).enumerate() {
            let slots = columns.plan().of_column(index);
            self.counts[slots].iter_mut().for_each(|counts| counts.usable += at_once.cells);
            self.summary.count_candidates(column.identifier(), at_once.keys);
            if column.identifier() == Identifier::Phone {
                self.summary.count_phones(at_once.cells, at_once.valid);
            }
        }
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
