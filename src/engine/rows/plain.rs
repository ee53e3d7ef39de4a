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

/// What became of a cell that may be plain.
pub(super) enum Plain<'a> {
    /// It is written and counted.
    Done,
    /// It is plain; how it is written is not.
    Read(Value<'a>),
    Unknown,
}

impl Table {
    /// The plainest of cells, at once: what the general way makes of them is known. Only where all
    /// of a column's slots are SHA-256 keys of first readings, and no other column is like it.
    pub(super) fn read_plain<'a>(
        &mut self,
        raw: &[u8],
        slots: &[Slot],
        slot: usize,
        column: &Column,
        hints: Hints,
        normalizer: &mut Normalizer,
    ) -> Plain<'a> {
        if column.ordinal() > 1 || !slots.iter().all(|slot| slot.is_plain) {
            return Plain::Unknown;
        }
        let identifier = column.identifier();
        // Two spellings at most.
        let mut spelled = [None; 2];
        match identifier {
            Identifier::Email => {
                let Some(email) = normalizer.plain_email(raw) else { return Plain::Unknown };
                let is_other = |slot: &Slot| email.spelling(slot.key.form) == Spelling::Other;
                if slots.iter().any(is_other) {
                    return Plain::Read(Value::Swept(*email));
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
                let Some(phone) = normalizer.plain_phone(raw, hints) else { return Plain::Unknown };
                if slots.iter().any(|slot| phone.is_too_short(slot.key.form)) {
                    return Plain::Read(Value::PlainPhone(phone));
                }
                for slot in slots {
                    let has_plus = phone::has_plus(slot.key.form);
                    let place = *spelled[usize::from(has_plus)]
                        .get_or_insert_with(|| self.messages.add(|out| phone.write(has_plus, out)));
                    self.places.push(place);
                }
                self.summary.count_phone(phone.is_valid, false);
            }
            _ => return Plain::Unknown,
        }
        let keys = spelled.iter().flatten().count() as u64;
        self.counts[slot..][..slots.len()].iter_mut().for_each(|counts| counts.usable += 1);
        self.summary.count_candidates(identifier, keys);
        Plain::Done
    }
}
