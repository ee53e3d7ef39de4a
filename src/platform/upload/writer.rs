//! The records of a row: a line of a table, values line by line, items of a list.
//!
//! In: a row, the slots that a file wants of it. Out: its records, appended to the file's.

use super::{FileColumn, FilePlaces, ORDINALS, Records};
use crate::engine::{Cell, Encoding, Hash, Identifier, Row};

/// Writes the records of one row to one file.
pub(super) struct Writer<'a> {
    pub(super) row: Row<'a>,
    pub(super) encoding: Encoding,
    pub(super) out: &'a mut Records,
}

impl Writer<'_> {
    /// Appends what stands in a slot, if it is usable.
    #[inline]
    fn value(&mut self, slot: Option<usize>) -> bool {
        let Some(slot) = slot else { return false };
        if let Some((_, digest)) = self.row.key(slot) {
            self.encoding.write(digest, &mut self.out.bytes);
            return true;
        }
        let Cell::Plain(text) = self.row.slot(slot) else { return false };
        csv_field(text.as_bytes(), &mut self.out.bytes);
        true
    }

    /// The n-th usable of some slots; one that is equal to an earlier one does not count.
    fn usable(&self, slots: &[Option<usize>; ORDINALS], n: usize) -> Option<usize> {
        let is_usable = |slot: &usize| self.row.is_usable_slot(*slot);
        let is_new = |at: &usize| {
            let Some(slot) = slots[*at].filter(is_usable) else { return false };
            let earlier = slots[..*at].iter().flatten();
            !earlier.into_iter().any(|earlier| self.row.slot(*earlier) == self.row.slot(slot))
        };
        (0..ORDINALS).filter(is_new).nth(n).and_then(|at| slots[at])
    }

    /// Appends the digest in a slot, if it is of this hash.
    fn value_of(&mut self, slot: Option<usize>, hash: Option<Hash>) -> bool {
        let is_other = |hash| {
            let key = slot.and_then(|slot| self.row.key(slot));
            key.is_some_and(|(of, _)| of != hash)
        };
        !hash.is_some_and(is_other) && self.value(slot)
    }

    /// A record of a table in which each column has one slot.
    pub(super) fn simple_table(&mut self, columns: &[(Option<usize>, bool)]) {
        let start = self.out.bytes.len();
        let mut has_own = false;
        for (index, (slot, is_own)) in columns.iter().enumerate() {
            if index > 0 {
                self.out.bytes.push(b',');
            }
            has_own |= self.value(*slot) && *is_own;
        }
        match has_own {
            true => {
                self.out.bytes.push(b'\n');
                self.out.close();
            }
            false => self.out.bytes.truncate(start),
        }
    }

    /// A record, and one more for each further primary identifier that has no column of its own.
    pub(super) fn table(
        &mut self,
        columns: &[FileColumn],
        places: &FilePlaces,
        together: &[Identifier],
    ) {
        let is_in =
            |column: &FileColumn| column.identifier.is_some_and(|it| together.contains(&it));
        let mut all = columns.iter().zip(&places.slots);
        let has_all = together.is_empty()
            || all.all(|(column, slots)| !is_in(column) || self.usable(slots, 0).is_some());
        for number in 0..places.records_max {
            let start = self.out.bytes.len();
            let mut has_own = false;
            for (index, (column, slots)) in columns.iter().zip(&places.slots).enumerate() {
                let identifier = column.identifier;
                let is_primary = identifier.is_some_and(Identifier::is_primary);
                let is_attribute = identifier.is_some_and(Identifier::is_attribute);
                let slot = match (column.ordinal, is_primary) {
                    (Some(_), _) if number > 0 => None,
                    (Some(_), _) => slots[0],
                    (None, true) => self.usable(slots, number),
                    (None, false) if is_in(column) && !has_all => None,
                    (None, false) => self.usable(slots, 0),
                };
                if index > 0 {
                    self.out.bytes.push(b',');
                }
                let is_there = self.value_of(slot, column.hash);
                has_own |= is_there && !is_attribute && (is_primary || number == 0);
            }
            if !has_own {
                self.out.bytes.truncate(start);
                break;
            }
            self.out.bytes.push(b'\n');
            self.out.close();
        }
    }

    pub(super) fn lines(&mut self, slots: &[Option<usize>; ORDINALS]) {
        for n in 0..ORDINALS {
            let Some(slot) = self.usable(slots, n) else { break };
            self.line(slot);
        }
    }

    /// Not CSV: a line is a value.
    pub(super) fn line(&mut self, slot: usize) {
        match self.row.key(slot) {
            Some((_, digest)) => self.encoding.write(digest, &mut self.out.bytes),
            None => match self.row.slot(slot) {
                Cell::Plain(text) => self.out.bytes.extend_from_slice(text.as_bytes()),
                _ => return,
            },
        }
        self.out.bytes.push(b'\n');
        self.out.close();
    }

    pub(super) fn items(&mut self, kind: &str, slots: &[Option<usize>; ORDINALS]) {
        for n in 0..ORDINALS {
            let Some(slot) = self.usable(slots, n) else { break };
            let start = self.out.bytes.len();
            for field in ["Customer List Item", "", kind] {
                csv_field(field.as_bytes(), &mut self.out.bytes);
                self.out.bytes.push(b',');
            }
            if self.value(Some(slot)) {
                self.out.bytes.extend_from_slice(b",Add\n");
                self.out.close();
            } else {
                self.out.bytes.truncate(start);
            }
        }
    }
}

/// Appends a field of a CSV record that has more than this one, or one that is not empty.
pub fn csv_field(field: &[u8], out: &mut Vec<u8>) {
    let is_marked = |byte: &u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    if !field.iter().any(is_marked) {
        out.extend_from_slice(field);
        return;
    }
    // Each byte may be doubled; and there are two quotes.
    const QUOTES: usize = 2;
    let mut writer = csv_core::Writer::new();
    let start = out.len();
    out.resize(start + 2 * field.len() + QUOTES, 0);
    let mut end = start + writer.field(field, &mut out[start..]).2;
    // The closing quote waits for what follows.
    end += writer.finish(&mut out[end..]).1;
    out.truncate(end);
}
