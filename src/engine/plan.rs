//! Which column is written in which forms, and which platform takes which.
//!
//! In: the used columns, the rules of the chosen platforms. Out: [`Plan`]: the slots of a row, each
//! a column in one form, sent in one way. Two platforms that want the same share a slot, so that
//! a form is written and hashed once whoever wants it.

use super::columns::Column;
use super::digest::Hash;
use super::identifier::Identifier;
use super::rules::{Form, Key, Rules, Sent};
use std::ops::Range;

/// One column in one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) ordinal: usize,
    pub(crate) key: Key,
    /// The platforms that take it, as bits.
    pub(crate) platforms: u32,
    /// True for a SHA-256 key in a form that plain cells have without a look at the rest of them.
    is_plain: bool,
}

impl Slot {
    fn new(ordinal: usize, key: Key, platforms: u32) -> Slot {
        let is_usual = !matches!(key.form, Form::Alternate | Form::Amazon);
        let is_plain = key.sent == Sent::Hashed(Hash::Sha256) && is_usual;
        Slot { ordinal, key, platforms, is_plain }
    }
}

/// What one platform takes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) rules: Rules,
    /// For each used column the slot that is taken, if the platform takes the column.
    pub(crate) slots: Vec<Option<usize>>,
    /// The same for second readings of phones.
    pub(crate) alternates: Vec<Option<usize>>,
}

/// What is taken of one used column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) slots: Range<usize>,
    /// The same as bits, as far as a number has bits.
    pub(crate) bits: u64,
    /// True if a plain cell can be written into all its slots at once: an e-mail or a phone, all of
    /// them SHA-256 keys in usual forms, no other column like it.
    pub(crate) is_plain: bool,
}

impl Taken {
    fn new(column: &Column, slots: Range<usize>, all: &[Slot]) -> Taken {
        let is_read = matches!(column.identifier(), Identifier::Email | Identifier::Phone);
        let is_wanted = !slots.is_empty() && all[slots.clone()].iter().all(|slot| slot.is_plain);
        let bit = |slot: usize| 1_u64.checked_shl(slot as u32).unwrap_or(0);
        let bits = slots.clone().map(bit).sum();
        Taken { slots, bits, is_plain: is_read && is_wanted && column.ordinal() == 1 }
    }
}

/// The slots of a row and the platforms' shares of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) slots: Vec<Slot>,
    pub(crate) shares: Vec<Share>,
    /// What is taken of each used column.
    pub(crate) taken: Vec<Taken>,
    /// Where in a record its countries are.
    pub(crate) countries: Vec<usize>,
}

/// More platforms than there are; a row's matches are bits.
pub(crate) const PLATFORMS_MAX: usize = 32;

impl Plan {
    /// The plan for these columns and at most [`PLATFORMS_MAX`] platforms.
    pub(crate) fn new(used: &[Column], rules: &[Rules], alternates: bool) -> Plan {
        let none = vec![None; used.len()];
        let share = |rules: &Rules| Share {
            rules: rules.clone(),
            slots: none.clone(),
            alternates: none.clone(),
        };
        let shares = rules.iter().map(share).collect();
        let named = used.iter().filter(|column| column.identifier() == Identifier::Country);
        let countries = named.map(Column::index).collect();
        let mut plan = Plan { shares, countries, ..Plan::default() };
        for (index, column) in used.iter().enumerate() {
            let start = plan.slots.len();
            for (platform, rules) in rules.iter().enumerate() {
                let of_column = |key: &&Key| key.identifier == column.identifier();
                let Some(key) = rules.keys.iter().find(of_column) else { continue };
                let known = plan.slots[start..].iter().position(|slot| slot.key == *key);
                let slot = known.map_or(plan.slots.len(), |known| start + known);
                if known.is_none() {
                    let ordinal = column.ordinal();
                    plan.slots.push(Slot::new(ordinal, *key, 0));
                }
                plan.slots[slot].platforms |= 1 << platform;
                plan.shares[platform].slots[index] = Some(slot);
                let has_other = key.identifier == Identifier::Phone && key.form == Form::Generic;
                if alternates && has_other {
                    let key = Key { form: Form::Alternate, ..*key };
                    let (ordinal, platforms) = (column.ordinal(), 1 << platform);
                    plan.shares[platform].alternates[index] = Some(plan.slots.len());
                    plan.slots.push(Slot::new(ordinal, key, platforms));
                }
            }
            plan.taken.push(Taken::new(column, start..plan.slots.len(), &plan.slots));
        }
        plan
    }

    /// The slots of one used column.
    pub(crate) fn of_column(&self, column: usize) -> Range<usize> {
        self.taken[column].slots.clone()
    }

    /// The platforms, as bits, that can match a row in which these slots are usable.
    pub(crate) fn matched<'a>(&self, slots: impl Iterator<Item = &'a Slot>) -> u32 {
        let mut usable = [0; PLATFORMS_MAX];
        for slot in slots {
            for (platform, identifiers) in usable.iter_mut().enumerate() {
                if slot.platforms >> platform & 1 != 0 {
                    *identifiers |= slot.key.identifier.bit();
                }
            }
        }
        let shares = self.shares.iter().zip(usable).enumerate();
        let matched = shares.filter(|(_, (share, bits))| share.rules.is_matched(*bits));
        matched.fold(0, |bits, (platform, _)| bits | 1 << platform)
    }

    /// The slot that a platform takes of a column, by the column's identifier and ordinal.
    pub(crate) fn slot(
        &self,
        platform: usize,
        identifier: Identifier,
        ordinal: usize,
    ) -> Option<usize> {
        let taken = self.shares.get(platform)?.slots.iter().flatten().copied();
        let mut taken = taken.map(|index| (index, &self.slots[index]));
        let is_it = |(_, slot): &(usize, &Slot)| {
            slot.key.identifier == identifier && slot.ordinal == ordinal
        };
        taken.find(is_it).map(|(index, _)| index)
    }
}
