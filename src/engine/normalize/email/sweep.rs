//! E-mail addresses of the usual shape, in one sweep: trimmed, lower-cased and checked at once.
//!
//! In: a cell's bytes. Out: [`Swept`], for an address that every form takes; `None` for anything
//! else, which goes the general way of `email.rs`. Both ways give the same for every cell.
//!
//! The usual shape is Meta's, in ASCII: words with a dot between, one `@`, labels with a dot
//! between, at least two of them. It is checked on bit masks: one bit for each byte.

use super::Address;
use super::masks::{BYTES_MAX, Masks, masks};
use crate::engine::normalize::Rejection;
use crate::engine::rules::Form;

/// An address of the usual shape, in lower case.
#[derive(Clone, Copy)]
pub(crate) struct Swept {
    text: [u8; BYTES_MAX],
    length: usize,
    /// Where the `@` stands.
    at: usize,
    /// Bits of the bytes before it that some forms drop: dots, and all from the first `+` on.
    dropped: u64,
}

/// How a form spells an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As it is.
    Whole,
    /// Without dots and `+tag`.
    Stripped,
    /// In a way of its own.
    Other,
}

impl std::fmt::Debug for Swept {
    /// Without the address: it is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Swept(..)")
    }
}

impl Default for Swept {
    fn default() -> Swept {
        Swept { text: [0; BYTES_MAX], length: 0, at: 0, dropped: 0 }
    }
}

impl Swept {
    /// Looks at a cell; false if it is no address of the usual shape, and then this is none either.
    pub(crate) fn read(&mut self, cell: &[u8]) -> bool {
        let cell = trimmed(cell);
        let length = cell.len();
        // One bit less than there are: the end has a bit of its own.
        if length >= BYTES_MAX {
            return false;
        }
        let Masks { alphanumeric, dot, at, hyphen, plus, mark } = masks(cell, &mut self.text);
        let end = 1_u64 << length;
        let all = end - 1;
        let local = at.wrapping_sub(1);
        let domain = all & !(local | at);
        let edges = dot | at | end;
        // Each edge ends a word or a label, and so none stands at the start or behind another.
        let is_gap = edges & (edges << 1 | 1);
        let loose_hyphens = hyphen & (edges << 1 | edges >> 1) & domain;
        let known = alphanumeric | dot | at | hyphen;
        let other = all & !(known | (plus | mark) & local);
        if !at.is_power_of_two()
            || is_gap | loose_hyphens | other != 0
            || dot & domain == 0
            || plus & 1 != 0
        {
            return false;
        }
        (self.length, self.at) = (length, at.trailing_zeros() as usize);
        // The bits from the first plus on; none if there is none.
        let tag = plus | plus.wrapping_neg();
        self.dropped = local & (dot | tag);
        true
    }

    fn domain(&self) -> &[u8] {
        &self.text[self.at + 1..self.length]
    }

    /// How a form spells it.
    #[inline]
    pub(crate) fn spelling(&self, form: Form) -> Spelling {
        let is_stripped = match form {
            Form::Google => matches!(self.domain(), b"gmail.com" | b"googlemail.com"),
            Form::Uid2 => self.domain() == b"gmail.com",
            Form::Reddit => true,
            Form::Amazon => return Spelling::Other,
            _ => return Spelling::Whole,
        };
        match is_stripped && self.dropped != 0 {
            true => Spelling::Stripped,
            false => Spelling::Whole,
        }
    }

    /// Appends the address, in lower case, without what some forms drop. Something is left of it:
    /// it starts with neither.
    pub(crate) fn write_stripped(&self, out: &mut Vec<u8>) {
        let mut kept = [0; BYTES_MAX];
        let mut length = 0;
        for (index, byte) in self.text[..self.at].iter().enumerate() {
            // Written always and kept if it is not dropped: without a branch.
            kept[length] = *byte;
            length += usize::from(self.dropped >> index & 1 == 0);
        }
        out.extend_from_slice(&kept[..length]);
        out.extend_from_slice(&self.text[self.at..self.length]);
    }

    /// Appends the address, in lower case.
    #[inline]
    pub(crate) fn write_whole(&self, out: &mut Vec<u8>) {
        // All of it, and then less: copies of one length take no call.
        let end = out.len() + self.length;
        out.extend_from_slice(&self.text);
        out.truncate(end);
    }

    /// The address, in lower case.
    fn whole(&self) -> &[u8] {
        &self.text[..self.length]
    }

    /// Appends the address in this form.
    pub(crate) fn write(&self, form: Form, out: &mut Vec<u8>) -> Result<(), Rejection> {
        match self.spelling(form) {
            Spelling::Whole => self.write_whole(out),
            Spelling::Stripped => self.write_stripped(out),
            // In lower case it is the same address.
            Spelling::Other => {
                let text = std::str::from_utf8(self.whole());
                return Address::new(text.unwrap_or_default()).write(form, out);
            }
        }
        Ok(())
    }
}

/// Only blanks go: anything else at the ends is for the general way.
fn trimmed(mut cell: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = cell {
        cell = rest;
    }
    while let [rest @ .., b' '] = cell {
        cell = rest;
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::identifier::Identifier;
    use crate::engine::normalize::text;
    use proptest::prelude::*;

    const CELLS: &str = "[ ]{0,2}[aZ09._+@\\-]{0,12}[\\PC]{0,3}[a-zA-Z0-9.+_\\-!:\\[]{0,30}@?\
        (gmail|GoogleMail|x-y|-|a\\.b|b\u{fc}|)\\.?(com|COM|org-|)[ .\t]{0,2}";

    #[test]
    fn the_usual_shape_is_taken() {
        for (cell, expected) in [
            (" Mary.Ann+news@Gmail.Com ", "mary.ann+news@gmail.com"),
            ("a@b-c.example", "a@b-c.example"),
            ("o'neil_1-@x.y.org", "o'neil_1-@x.y.org"),
        ] {
            let mut swept = Swept::default();
            assert!(swept.read(cell.as_bytes()));
            let mut out = Vec::new();
            swept.write(Form::Meta, &mut out).unwrap();
            assert_eq!(out, expected.as_bytes());
        }
        for cell in [
            "",
            "@",
            "a@b",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@.b.c",
            "a@b.c.",
            "a@-b.c",
            "a@b-.c",
            "a@b.c-",
            "a@b@c.d",
            "a@b_c.d",
            "a b@c.d",
            "+a@b.c",
            "\u{e4}@b.c",
            "a@b.\u{e4}",
            "a\t@b.c",
        ] {
            assert!(!Swept::default().read(cell.as_bytes()), "{cell}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn both_ways_give_the_same(
            cell in prop_oneof![CELLS, ".{0,70}", "[!-~]{1,12}@[a-z.\\-]{1,9}"],
        ) {
            let mut swept = Swept::default();
            if swept.read(cell.as_bytes()) {
                let cleaned = text::clean(cell.as_bytes(), Identifier::Email).unwrap();
                prop_assert!(!text::is_null(&cleaned, Identifier::Email));
                for form in Form::ALL {
                    let (mut fast, mut plain) = (Vec::new(), Vec::new());
                    let outcome = swept.write(form, &mut fast);
                    prop_assert_eq!(outcome, Address::new(&cleaned).write(form, &mut plain));
                    prop_assert!(outcome.is_err() || fast == plain);
                    if swept.spelling(form) == Spelling::Whole {
                        prop_assert_eq!(&fast[..], swept.whole());
                    }
                }
            }
        }
    }
}
