//! Small patterns that are run by backtracking: prefixes of numbers, and what follows them.
//!
//! In: a program, made of a pattern by `compile.rs`, and ASCII text. Out: where the pattern's match
//! from the start of the text ends, and its groups, as Perl and Java find them. The texts are
//! short, and so are the patterns; nothing is allocated.

/// One step of a program, packed: the kind in the low byte, two operands above.
pub(crate) type Step = u64;

/// Groups of a pattern that are kept.
pub(crate) const GROUPS_MAX: usize = 4;

/// Kinds of steps.
pub(crate) mod kind {
    /// One byte out of the set with this number.
    pub(crate) const SET: u64 = 0;
    /// Goes on at the first operand; if that fails, at the second.
    pub(crate) const SPLIT: u64 = 1;
    /// Goes on at the first operand.
    pub(crate) const JUMP: u64 = 2;
    /// Notes the place in the slot of the first operand.
    pub(crate) const SAVE: u64 = 3;
    /// Only at the end of the text.
    pub(crate) const END: u64 = 4;
    /// A match.
    pub(crate) const MATCH: u64 = 5;
}

/// Packs a step.
pub(crate) const fn step(kind: u64, first: u32, second: u32) -> Step {
    kind | (first as u64) << 8 | (second as u64) << 36
}

/// Where a match ends, and the starts and ends of its groups, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The end of the match.
    pub(crate) end: usize,
    groups: [Option<(u16, u16)>; GROUPS_MAX],
}

impl Found {
    /// The place of a group that took part, by its number from 1.
    pub(crate) fn group(&self, number: usize) -> Option<(usize, usize)> {
        let group = self.groups.get(number.checked_sub(1)?).copied().flatten();
        group.map(|(start, end)| (usize::from(start), usize::from(end)))
    }
}

/// Steps of one run at most. Google's patterns take a few dozen; a pattern that somebody else wrote
/// might go on for ever.
const RUN_STEPS_MAX: u32 = 100_000;

struct Run<'a> {
    left: u32,
    steps: &'a [Step],
    sets: &'a [u128],
    text: &'a [u8],
    slots: [u16; 2 * GROUPS_MAX],
}

const UNSET: u16 = u16::MAX;

/// Runs the program that starts at `entry` from the start of the text.
pub(crate) fn run(steps: &[Step], sets: &[u128], entry: usize, text: &[u8]) -> Option<Found> {
    let mut run = Run { left: RUN_STEPS_MAX, steps, sets, text, slots: [UNSET; 2 * GROUPS_MAX] };
    let end = run.from(entry, 0)?;
    let mut groups = [None; GROUPS_MAX];
    for (group, slots) in groups.iter_mut().zip(run.slots.chunks_exact(2)) {
        if slots[0] != UNSET && slots[1] != UNSET {
            *group = Some((slots[0], slots[1]));
        }
    }
    Some(Found { end, groups })
}

impl Run<'_> {
    fn from(&mut self, mut at: usize, mut place: usize) -> Option<usize> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let step = self.steps[at];
            let first = (step >> 8 & 0x0fff_ffff) as usize;
            match step & 0xff {
                kind::SET => {
                    let byte = *self.text.get(place)?;
                    if byte >= 128 || self.sets[first] >> byte & 1 == 0 {
                        return None;
                    }
                    place += 1;
                    at += 1;
                }
                kind::SPLIT => {
                    if let Some(end) = self.from(first, place) {
                        return Some(end);
                    }
                    at = (step >> 36) as usize;
                }
                kind::JUMP => at = first,
                kind::SAVE => {
                    let before = self.slots[first];
                    self.slots[first] = place as u16;
                    let end = self.from(at + 1, place);
                    if end.is_none() {
                        self.slots[first] = before;
                    }
                    return end;
                }
                kind::END => {
                    if place != self.text.len() {
                        return None;
                    }
                    at += 1;
                }
                _ => return Some(place),
            }
        }
    }
}
