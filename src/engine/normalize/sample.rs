//! What a sample of an input says of its columns.
//!
//! In: the records at the start of an input. Out: the order of day and month of each date column,
//! the decimal mark of each amount column, whether keys are digests of MD5 already. The sample is
//! the same however the input is read, and so is what it says.

use super::date::{Date, DateOrder, Evidence};
use super::{Identifier, amount, text};
use crate::engine::digest::{Digest, Hash};

/// What is found of one column.
#[derive(Default)]
pub(crate) struct ColumnSample {
    dates: Evidence,
    amounts: amount::Evidence,
    holds_md5: bool,
}

impl ColumnSample {
    /// Takes one cell into account.
    pub(crate) fn add(&mut self, identifier: Identifier, raw: &[u8], today: Option<Date>) {
        let Ok(text) = text::clean(raw, identifier) else { return };
        match identifier {
            Identifier::Dob => self.dates.add(&text, today),
            Identifier::Ltv => self.amounts.add(&text),
            Identifier::Madid | Identifier::Email => {
                let digest = Digest::from_text(text.as_bytes());
                self.holds_md5 |= digest.is_some_and(|digest| digest.hash() == Hash::Md5);
            }
            _ => {}
        }
    }

    /// The order of the column's dates, if it is clear.
    pub(crate) fn date_order(&self) -> Option<DateOrder> {
        self.dates.order()
    }

    /// True if it holds digests of MD5.
    pub(crate) fn holds_md5(&self) -> bool {
        self.holds_md5
    }

    /// The decimal mark of the column's amounts, if it is clear.
    pub(crate) fn decimal_mark(&self) -> Option<u8> {
        self.amounts.mark()
    }
}
