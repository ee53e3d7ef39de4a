//! Metadata -> tables: the patterns of all territories as one automaton over digits, the prefixes
//! as small programs.
//!
//! In: [`Territory`]s. Out: [`Tables`]. Runs when the crate is built, and at run time only for
//! newer metadata. A number has at most 17 digits and no pattern loops, so the automaton is a tree
//! whose equal branches are one: it answers with one step a digit, and at once where only the count
//! of the digits left matters.

use super::metadata::Territory;
use super::program::{GROUPS_MAX, Step, kind, step};
use super::tables::{DEAD, DIGITS_MAX, Dialling, NONE, Node, PAIRS, Starts, TAIL, Tables, pair};
use regex_automata::Anchored;
use regex_automata::MatchKind;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_syntax::hir::{Hir, HirKind, Look};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What libphonenumber takes for an extension at the end of a number, where that is ASCII.
const EXTENSION: &str = concat!(
    "(?i:(?:",
    ";ext=[0-9]{1,20}",
    r"|[ \t,]*(?:e?xt(?:ensio)?n?|anexo)[:.]?[ \t,-]*[0-9]{1,20}#?",
    r"|[ \t,]*(?:[x#~]|int)[:.]?[ \t,-]*[0-9]{1,9}#?",
    "|[- ]+[0-9]{1,6}#",
    r"|[ \t]*(?:,,|;)[:.]?[ \t,-]*[0-9]{1,15}#?",
    r"|[ \t]*,+[:.]?[ \t,-]*[0-9]{1,9}#?",
    ")$)"
);

/// Steps of all programs at most, and bytes that the patterns of a calling code may take. Google's
/// metadata needs a tenth of it.
const STEPS_MAX: usize = 1 << 16;
const PATTERN_BYTES_MAX: usize = 64 << 20;

/// Why metadata cannot be used: a text without any number in it.
pub(crate) type Refusal = String;

/// The tables of these territories.
pub(crate) fn compile(version: &str, territories: &[Territory]) -> Result<Tables, Refusal> {
    let mut pool = Pool::new();
    let mut programs = Programs::default();
    let mut entries = Vec::new();
    for territory in territories {
        let named = |refusal| format!("territory {} ({}): {refusal}", territory.id, territory.code);
        entries.push(entry(territory, &mut pool, &mut programs).map_err(named)?);
    }
    let mut by_code: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (index, territory) in territories.iter().enumerate() {
        let sharing = by_code.entry(territory.code).or_default();
        let place = if territory.is_main { 0 } else { sharing.len() };
        sharing.insert(place, index);
    }
    let mut leads = vec![NONE; 1_000];
    for (code, sharing) in &by_code {
        let of_code: Vec<&Territory> = sharing.iter().map(|index| &territories[*index]).collect();
        let (main, valid) = (sharing[0] as u16, valid_root(&of_code, &mut pool)?);
        for index in sharing {
            (entries[*index].main, entries[*index].valid) = (main, valid);
        }
        // The shortest code wins, as in Google's code; none starts with 0.
        let width = 1_000 / 10_usize.pow(code.to_string().len() as u32);
        let places = leads.iter_mut().skip(usize::from(*code) * width).take(width);
        places.filter(|place| **place == NONE).for_each(|place| *place = main);
    }
    let mut countries = vec![NONE; PAIRS];
    for (index, territory) in entries.iter().enumerate() {
        if let Some(pair) = pair(&territory.id) {
            countries[pair] = index as u16;
        }
    }
    let extension = programs.add(EXTENSION)?.0;
    Ok(Tables {
        version: Cow::Owned(version.to_owned()),
        nodes: Cow::Owned(pool.nodes),
        tails: Cow::Owned(pool.tails),
        territories: Cow::Owned(entries),
        countries: Cow::Owned(countries),
        leads: Cow::Owned(leads),
        extension,
        steps: Cow::Owned(programs.steps),
        sets: Cow::Owned(programs.sets),
    })
}

fn entry(
    territory: &Territory,
    pool: &mut Pool,
    programs: &mut Programs,
) -> Result<Dialling, Refusal> {
    let mut id = [0; 2];
    if territory.id.len() == 2 {
        id.copy_from_slice(territory.id.as_bytes());
    }
    let general = Automata::new([&territory.general])?;
    let prefix = &territory.national_prefix_for_parsing;
    let (prefix, groups) = match prefix.is_empty() {
        true => (0, 0),
        false => programs.add(prefix)?,
    };
    let mut code_digits = [0; 3];
    for (place, digit) in code_digits.iter_mut().zip(territory.code.to_string().bytes()) {
        *place = digit;
    }
    let abroad = programs.add(&territory.international_prefix)?.0;
    if groups == 0 && !territory.transform_rule.is_empty() {
        return Err("a rule of the metadata rewrites numbers without a group".into());
    }
    Ok(Dialling {
        id,
        code: territory.code,
        code_digits,
        main: NONE,
        valid: DEAD,
        general: general.root(pool, &|matched, _| matched[0])?,
        possible: territory.possible,
        local: territory.local,
        abroad,
        abroad_start: programs.starts(abroad),
        prefix,
        prefix_start: programs.starts(prefix),
        groups: groups as u8,
        transform: Cow::Owned(territory.transform_rule.clone()),
    })
}

/// The root of the numbers that are valid under a calling code: of its territories the first whose
/// leading digits fit, or that knows the number's type, decides.
fn valid_root(territories: &[&Territory], pool: &mut Pool) -> Result<u16, Refusal> {
    let mut patterns: Vec<String> = Vec::new();
    for territory in territories {
        patterns.push(territory.general.clone());
        patterns.push(match territory.leading_digits.is_empty() {
            true => "[^0-9]".into(),
            false => format!("(?:{})[0-9]*", territory.leading_digits),
        });
        patterns.extend(territory.types.iter().map(|(pattern, _)| pattern.clone()));
    }
    let automata = Automata::new(&patterns)?;
    let verdict = |matched: &[bool], digits: u32| {
        let mut first = 0;
        for territory in territories {
            let types = &territory.types;
            let (general, leads) = (matched[first], matched[first + 1]);
            let of_type = &matched[first + 2..][..types.len()];
            first += 2 + types.len();
            let is_known = general
                && territory.possible >> digits & 1 != 0
                && types
                    .iter()
                    .zip(of_type)
                    .any(|((_, lengths), fits)| *fits && lengths >> digits & 1 != 0);
            let decides = if territory.leading_digits.is_empty() { is_known } else { leads };
            // The only territory of a code is not chosen, it is it.
            if decides || territories.len() == 1 {
                return is_known;
            }
        }
        false
    };
    automata.root(pool, &verdict)
}

/// Nodes and tails of the automaton; equal ones are one.
struct Pool {
    nodes: Vec<Node>,
    known: HashMap<Node, u16>,
    tails: Vec<u32>,
}

impl Pool {
    fn new() -> Pool {
        Pool { nodes: Vec::new(), known: HashMap::new(), tails: vec![0] }
    }

    /// The place of a node at which a number may end, or not.
    fn add(&mut self, node: Node, matches: bool) -> Result<u16, Refusal> {
        let is_tail = node[0] & TAIL != 0 && node.iter().all(|next| *next == node[0]);
        if is_tail {
            return self.tail(self.tails[usize::from(node[0] & !TAIL)] << 1 | u32::from(matches));
        }
        let next = self.nodes.len() as u16;
        let index = *self.known.entry(node).or_insert(next);
        if index == next {
            self.nodes.push(node);
        }
        if self.nodes.len() > usize::from(TAIL >> 1) {
            return Err("more than 16,384 nodes".into());
        }
        Ok(index << 1 | u16::from(matches))
    }

    /// The place from which only the count of the digits decides.
    fn tail(&mut self, counts: u32) -> Result<u16, Refusal> {
        let known = self.tails.iter().position(|known| *known == counts);
        let index = known.unwrap_or(self.tails.len());
        if index == self.tails.len() {
            self.tails.push(counts);
        }
        Ok(TAIL | u16::try_from(index).ok().filter(|it| it & TAIL == 0).ok_or("too many tails")?)
    }
}

/// Some patterns, each of which has to match a whole number.
struct Automata {
    dfa: dense::DFA<Vec<u32>>,
    patterns: usize,
}

impl Automata {
    fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Automata, Refusal> {
        let whole = |pattern: P| format!("^(?:{})$", pattern.as_ref());
        let patterns: Vec<String> = patterns.into_iter().map(whole).collect();
        let dfa = dense::Builder::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .configure(
                dense::Config::new()
                    .match_kind(MatchKind::All)
                    .start_kind(StartKind::Anchored)
                    .dfa_size_limit(Some(PATTERN_BYTES_MAX))
                    .determinize_size_limit(Some(PATTERN_BYTES_MAX)),
            )
            .thompson(thompson::Config::new().nfa_size_limit(Some(PATTERN_BYTES_MAX)))
            .build_many(&patterns)
            .map_err(|_| "a pattern of the metadata cannot be read, or is too large")?;
        Ok(Automata { dfa, patterns: patterns.len() })
    }

    /// The node of the start; `verdict` gives the flags of a number that ends, from the patterns
    /// that match it and its digits.
    fn root(
        &self,
        pool: &mut Pool,
        verdict: &dyn Fn(&[bool], u32) -> bool,
    ) -> Result<u16, Refusal> {
        let start = start::Config::new().anchored(Anchored::Yes);
        let start = self.dfa.start_state(&start).map_err(|error| error.to_string())?;
        self.node(start, 0, pool, verdict, &mut HashMap::new())
    }

    fn node(
        &self,
        state: StateID,
        digits: u32,
        pool: &mut Pool,
        verdict: &dyn Fn(&[bool], u32) -> bool,
        known: &mut HashMap<(StateID, u32), u16>,
    ) -> Result<u16, Refusal> {
        if let Some(known) = known.get(&(state, digits)) {
            return Ok(*known);
        }
        if self.dfa.is_dead_state(state) {
            return Ok(DEAD);
        }
        let end = self.dfa.next_eoi_state(state);
        let mut matched = vec![false; self.patterns];
        if self.dfa.is_match_state(end) {
            for index in 0..self.dfa.match_len(end) {
                matched[self.dfa.match_pattern(end, index).as_usize()] = true;
            }
        }
        const DIGITS: usize = 10;
        let mut node: Node = [DEAD; 16];
        let matches = verdict(&matched, digits);
        if digits < DIGITS_MAX as u32 {
            for (digit, next) in node[..DIGITS].iter_mut().enumerate() {
                let state = self.dfa.next_state(state, b'0' + digit as u8);
                *next = self.node(state, digits + 1, pool, verdict, known)?;
            }
            // What no digit asks for keeps no node from being a tail.
            let last = node[DIGITS - 1];
            node[DIGITS..].fill(last);
        }
        let index = pool.add(node, matches)?;
        known.insert((state, digits), index);
        Ok(index)
    }
}

/// Programs, and the sets of bytes that they share.
#[derive(Default)]
pub(crate) struct Programs {
    steps: Vec<Step>,
    sets: Vec<u128>,
    known: HashMap<String, (u32, usize)>,
}

impl Programs {
    /// Where the program of a pattern starts, and how many groups it has. Step 0 is never one.
    fn add(&mut self, pattern: &str) -> Result<(u32, usize), Refusal> {
        if self.steps.is_empty() {
            self.steps.push(step(kind::MATCH, 0, 0));
        }
        if let Some(known) = self.known.get(pattern) {
            return Ok(*known);
        }
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build()
            .parse(pattern)
            .map_err(|_| "a prefix pattern of the metadata cannot be read")?;
        let groups = hir.properties().explicit_captures_len();
        if groups > GROUPS_MAX {
            return Err("a prefix pattern of the metadata has too many groups".into());
        }
        let entry = self.steps.len() as u32;
        self.write(&hir)?;
        self.steps.push(step(kind::MATCH, 0, 0));
        self.known.insert(pattern.to_owned(), (entry, groups));
        Ok((entry, groups))
    }

    /// What a match may start with.
    fn starts(&self, entry: u32) -> Starts {
        let pairs = (0..100_u8).map(|pair| [b'0' + pair / 10, b'0' + pair % 10]);
        let may_start = |pair: &[u8; 2]| self.may_start(entry as usize, pair);
        let pairs = pairs.enumerate().filter(|(_, pair)| may_start(pair));
        pairs.fold(0, |bits, (number, _)| bits | 1 << number)
    }

    /// True if the program, from this step on, may match a text that starts with these bytes.
    fn may_start(&self, from: usize, text: &[u8]) -> bool {
        let mut open = vec![(from, 0)];
        let mut seen = HashSet::new();
        while let Some((at, place)) = open.pop() {
            if !seen.insert((at, place)) {
                continue;
            }
            let step = self.steps[at];
            let first = (step >> 8 & 0x0fff_ffff) as usize;
            match (step & 0xff, text.get(place)) {
                (kind::SET, Some(byte)) if self.sets[first] >> byte & 1 != 0 => {
                    open.push((at + 1, place + 1));
                }
                (kind::SET, Some(_)) | (kind::END, _) => {}
                (kind::SPLIT, _) => open.extend([(first, place), ((step >> 36) as usize, place)]),
                (kind::JUMP, _) => open.push((first, place)),
                (kind::SAVE, _) => open.push((at + 1, place)),
                _ => return true,
            }
        }
        false
    }

    fn here(&self) -> u32 {
        self.steps.len() as u32
    }

    fn write_set(&mut self, set: u128) {
        let known = self.sets.iter().position(|known| *known == set);
        let index = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        self.steps.push(step(kind::SET, index as u32, 0));
    }

    fn write(&mut self, hir: &Hir) -> Result<(), Refusal> {
        if self.steps.len() > STEPS_MAX {
            return Err("a prefix pattern of the metadata is too large".into());
        }
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => {
                for byte in &literal.0 {
                    let byte = Some(*byte).filter(u8::is_ascii).ok_or("a pattern beyond ASCII")?;
                    self.write_set(1 << byte);
                }
            }
            HirKind::Class(class) => {
                let mut set = 0;
                for byte in 0..128_u8 {
                    let fits = match class {
                        regex_syntax::hir::Class::Bytes(class) => {
                            class.iter().any(|range| (range.start()..=range.end()).contains(&byte))
                        }
                        regex_syntax::hir::Class::Unicode(class) => class
                            .iter()
                            .any(|range| (range.start()..=range.end()).contains(&char::from(byte))),
                    };
                    set |= u128::from(fits) << byte;
                }
                self.write_set(set);
            }
            HirKind::Look(Look::End) => self.steps.push(step(kind::END, 0, 0)),
            HirKind::Capture(capture) => {
                let slot = 2 * (capture.index - 1);
                self.steps.push(step(kind::SAVE, slot, 0));
                self.write(&capture.sub)?;
                self.steps.push(step(kind::SAVE, slot + 1, 0));
            }
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.write(part))?,
            HirKind::Alternation(parts) => self.write_alternation(parts)?,
            HirKind::Repetition(repetition) if repetition.greedy => {
                self.write_repeated(&repetition.sub, repetition.min, repetition.max)?
            }
            _ => return Err("a prefix pattern of the metadata has something unknown".into()),
        }
        Ok(())
    }

    fn write_alternation(&mut self, parts: &[Hir]) -> Result<(), Refusal> {
        let mut jumps = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if index + 1 == parts.len() {
                self.write(part)?;
                continue;
            }
            let split = self.here() as usize;
            self.steps.push(0);
            self.write(part)?;
            jumps.push(self.here() as usize);
            self.steps.push(0);
            self.steps[split] = step(kind::SPLIT, split as u32 + 1, self.here());
        }
        for jump in jumps {
            self.steps[jump] = step(kind::JUMP, self.here(), 0);
        }
        Ok(())
    }

    fn write_repeated(&mut self, sub: &Hir, min: u32, max: Option<u32>) -> Result<(), Refusal> {
        for _ in 0..min {
            self.write(sub)?;
        }
        let Some(max) = max else {
            if sub.properties().minimum_len() == Some(0) {
                return Err("a prefix pattern of the metadata repeats nothing".into());
            }
            let split = self.here();
            self.steps.push(0);
            self.write(sub)?;
            self.steps.push(step(kind::JUMP, split, 0));
            self.steps[split as usize] = step(kind::SPLIT, split + 1, self.here());
            return Ok(());
        };
        let mut splits = Vec::new();
        for _ in min..max {
            splits.push(self.here() as usize);
            self.steps.push(0);
            self.write(sub)?;
        }
        for split in splits {
            self.steps[split] = step(kind::SPLIT, split as u32 + 1, self.here());
        }
        Ok(())
    }
}
