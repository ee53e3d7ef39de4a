//! Usable numbers of the plainest kind, at once: digits and punctuation.
//!
//! In: a cell's bytes, the country, the policy. Out: [`Plain`]; `None` says nothing, and the cell
//! goes the general way of `policy.rs`. Both ways give the same for every cell.

use super::core::{self, code_length};
use super::front::{self, Front};
use super::policy::{COUNTING, E164_DIGITS_MAX};
use super::{Reader, Reason};
use crate::engine::normalize::Country;
use crate::engine::options::{PhonePolicy, Placeholders};
use crate::engine::rules::Form;

/// A usable number in E.164.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    /// `+` and up to 15 digits, the first byte lowest. It stays in a register.
    text: u128,
    length: usize,
    pub(crate) is_valid: bool,
}

impl Plain {
    pub(crate) fn read(
        reader: &mut Reader,
        cell: &[u8],
        country: Option<Country>,
        policy: PhonePolicy,
        placeholders: Placeholders,
    ) -> Option<Plain> {
        // Longer ones may be digests.
        const BYTES_MAX: usize = 31;
        if cell.len() > BYTES_MAX {
            return None;
        }
        let Reader { metadata, buffers, .. } = reader;
        let Front::Digits(has_plus) = front::plain(cell, buffers) else { return None };
        let counts_to_ten = !has_plus && buffers.digits() == COUNTING;
        let tables = metadata.tables();
        let default = country.and_then(|country| tables.country(country.letters()));
        if default.is_none() && !has_plus {
            return None;
        }
        let number = match core::read_simple(tables, buffers, has_plus, default) {
            Some(number) => number,
            None => core::read(tables, buffers, has_plus, default).ok()?,
        };
        let code = number.main.code_digits;
        let (before, digits) = (1 + code_length(code), buffers.digits().len());
        let is_usable = number.reason == Reason::IsPossible
            && before + digits <= 1 + E164_DIGITS_MAX
            && (policy == PhonePolicy::Possible || number.is_valid);
        if !is_usable {
            return None;
        }
        let national = *buffers.national().first_chunk().unwrap_or(&[0; 16]);
        let national = u128::from_le_bytes(national) & ((1 << (8 * digits)) - 1);
        let is_filler = || counts_to_ten || is_all_same(national, digits);
        if placeholders == Placeholders::Reject && is_filler() {
            return None;
        }
        let head = u128::from(u32::from_le_bytes([b'+', code[0], code[1], code[2]]));
        let text = head | national << (8 * before);
        Some(Plain { text, length: before + digits, is_valid: number.is_valid })
    }

    /// True if it has no such form.
    pub(crate) fn is_too_short(&self, form: Form) -> bool {
        super::is_too_short(form, self.length - 1)
    }

    /// Appends it, with or without the `+`.
    pub(crate) fn write(&self, has_plus: bool, out: &mut Vec<u8>) {
        let (text, length) = match has_plus {
            true => (self.text, self.length),
            false => (self.text >> 8, self.length - 1),
        };
        // All of it, and then less: copies of one length take no call.
        let end = out.len() + length;
        out.extend_from_slice(&text.to_le_bytes());
        out.truncate(end);
    }
}

/// True if all of these digits, the rest of them zero bytes, are the same.
fn is_all_same(national: u128, digits: usize) -> bool {
    const ONES: u128 = u128::MAX / 0xff;
    let first = national & 0xff;
    national == (first * ONES) & ((1 << (8 * digits)) - 1)
}

#[cfg(test)]
mod tests {
    use super::super::usable;
    use super::*;
    use crate::engine::normalize::text;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn both_ways_give_the_same(
            cell in prop_oneof![
                "[+]?[0-9 ().\\-/~*]{0,24}",
                "[ ]?[+(]?(1|44|49|0|00|52|33|39)?[ -]?[0-9]{3,13}[ .\t]?",
                "[+]?([159])\\PC?[0-9]{6,32}",
                Just("1234567890".to_owned()),
                "(5{3}-?){2,5}",
            ],
            country in prop_oneof![Just(""), Just("US"), Just("GB"), Just("DE"), Just("AR"),
                Just("IT"), Just("MX"), Just("BR")],
            strict in any::<bool>(),
            keep in any::<bool>(),
        ) {
            let country = Country::parse(country);
            let policy = if strict { PhonePolicy::Valid } else { PhonePolicy::Possible };
            let placeholders = if keep { Placeholders::Keep } else { Placeholders::Reject };
            let mut reader = Reader::new();
            let plain = Plain::read(&mut reader, cell.as_bytes(), country, policy, placeholders);
            if let Some(plain) = plain {
                let identifier = crate::engine::identifier::Identifier::Phone;
                let text = text::clean(cell.as_bytes(), identifier).unwrap();
                prop_assert!(!text::is_null(&text, identifier));
                let phone = usable(&mut reader, &text, country, policy, placeholders).unwrap();
                let mut out = Vec::new();
                plain.write(true, &mut out);
                prop_assert_eq!(phone.e164().as_bytes(), &out[..]);
                prop_assert_eq!(phone.is_valid(), plain.is_valid);
            }
        }
    }
}
