//! Seeded customer lists for benches and tests, in the shapes that real exports have.
//!
//! In: a [`Shape`], a number of rows and a seed. Out: a CSV file as bytes ([`csv`]) or streamed to
//! a writer ([`write_csv`], any size). The same three values give the same bytes on every machine.
//!
//! A list holds one header and exactly `rows` records; blank lines of [`Shape::Mixed`] come on
//! top. Quoting is always well-formed, and a record that spans lines always has as many fields as
//! the header, so every strict CSV reader agrees on the fields. All people are made up; e-mail
//! domains are reserved names, and numbers come from ranges kept for fiction where there are some.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each bench and test that includes this file uses a part of it"
)]

use std::io::{self, Write};

/// What kind of list to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `email,phone` with clean values, most numbers from the US.
    Lean,
    /// Eight short columns, about 80 bytes a row: e-mails in any case, phones in many notations,
    /// nothing else that identifies anybody.
    Slim,
    /// 40 columns, of which 11 hold identifiers; clean values.
    Wide,
    /// Every field quoted, with commas, doubled quotes and newlines inside; CRLF line ends.
    Quoted,
    /// The columns of `Mixed`, with no ragged rows; each cell is damaged with a chance of one in
    /// three, sometimes to invalid UTF-8.
    Dirty,
    /// What real lists have: many spellings, blanks, junk, duplicates, ragged rows, blank lines.
    Mixed,
}

/// Makes a whole list in memory.
pub fn csv(shape: Shape, rows: usize, seed: u64) -> Vec<u8> {
    let mut sheet = Sheet::new(shape, seed);
    for index in 0..rows {
        sheet.row(index);
    }
    sheet.out
}

/// Writes the bytes of [`csv`] to `out` in pieces, so that a list may exceed the memory.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_csv<W: Write>(out: &mut W, shape: Shape, rows: usize, seed: u64) -> io::Result<()> {
    let mut sheet = Sheet::new(shape, seed);
    for index in 0..rows {
        sheet.row(index);
        if sheet.out.len() >= FLUSH_BYTES {
            out.write_all(&sheet.out)?;
            sheet.out.clear();
        }
    }
    out.write_all(&sheet.out)
}

const FLUSH_BYTES: usize = 1 << 16;

// A header says what its columns hold: `clean` and `messy` go by these names.
const LEAN: &str = "email,phone";
const SLIM: &str = "Serial,Email,Phone,Signup Date,Tier,Score,Coupon Used,Last Product";
const MIXED: &str = "Customer ID,First Name,Last Name,E-mail Address,Phone Number,City,State,\
    Postal Code,Country,Date of Birth,Gender,Last Order,Notes";
const QUOTED: &str = "Customer ID,First Name,Last Name,Email,Phone,Street,City,State,Zip,Country,\
    Notes";
const WIDE: &str = "Customer ID,First Name,Last Name,Email,Phone,Company,City,State,Zip,Country,\
    Date of Birth,Gender,Signup Date,Last Order,Order Count,Returns Count,Average Basket,\
    Last Basket,Coupon Used,Store Credit,Newsletter,Tier,Landing Page,Referrer Page,Campaign,\
    Browser,Screen,Segment,Score,Visit Count,Page Count,Item Count,Wish Count,Review Count,\
    Last Product,Last Product Page,Agent,Ticket Count,Notes,Updated At";

/// alpha-2; alpha-3; name; calling code; trunk prefix; culture; national numbers; places.
/// In patterns `#` is a digit, `@` a letter, `~` an area code of the US; blanks part the groups.
const NATIONS: [&str; 20] = [
    "US;USA;United States;1;;0;~ 555 01##;New York/NY/100##|Chicago/IL/606##|\
    Washington, DC/DC/200##",
    "CA;CAN;Canada;1;;0;416 555 01##|514 555 01##;Toronto/ON/M5V #@#|Montr\u{e9}al/QC/H2X #@#",
    "GB;GBR;United Kingdom;44;0;0;7700 900###|20 7946 0###;London/Greater London/SW1A #@@|\
    Leeds//LS1 #@@",
    "DE;DEU;Germany;49;0;1;171 39200##|30 23125###|1512 #######;K\u{f6}ln/NRW/506##|\
    M\u{fc}nchen//803##",
    "FR;FRA;France;33;0;2;6 39 98 ## ##|1 99 00 ## ##;Paris//750##|Orl\u{e9}ans/Centre/45###",
    "ES;ESP;Spain;34;;3;6## ## ## ##|91# ## ## ##;Madrid/Madrid/280##|\
    C\u{f3}rdoba/Andaluc\u{ed}a/140##",
    "IT;ITA;Italy;39;;4;06 #### ####|3## ### ####;Roma/RM/001##|Forl\u{ec}/FC/471##",
    "BR;BRA;Brazil;55;0;5;11 9#### ####|21 3### ####;S\u{e3}o Paulo/SP/01###-###|Rio/RJ/20###-###",
    "MX;MEX;Mexico;52;;3;55 #### ####|33 #### ####;M\u{e9}xico/CDMX/06###|Guadalajara/JAL/44###",
    "IN;IND;India;91;0;6;9#### #####|8#### #####;Mumbai/MH/4000##|Bengaluru/KA/5600##",
    "AU;AUS;Australia;61;0;0;491 57# ###|2 5550 ####;Sydney/NSW/2###|Perth/WA/6###",
    "JP;JPN;Japan;81;0;7;90 #### ####|3 #### ####;\u{6771}\u{4eac}//1##-00##|Osaka//5##-00##",
    "NL;NLD;Netherlands;31;0;8;6 ########|20 ### ####;Amsterdam/NH/10## @@|\
    's-Hertogenbosch//52## @@",
    "CH;CHE;Switzerland;41;0;1;79 ### ## ##|44 ### ## ##;Z\u{fc}rich/ZH/80##|Gen\u{e8}ve/GE/12##",
    "AT;AUT;Austria;43;0;1;664 #######|1 #######;Wien//1##0|Sankt P\u{f6}lten//31##",
    "PL;POL;Poland;48;;9;5## ### ###|22 ### ## ##;\u{141}\u{f3}d\u{17a}//90-###|Warszawa//00-###",
    "SE;SWE;Sweden;46;0;10;70 174 06 ##|8 ### ### ##;Malm\u{f6}//21# ##|Stockholm//11# ##",
    "PT;PRT;Portugal;351;;5;91# ### ###|21# ### ###;Lisboa//1###-###|Porto//4###-###",
    "IE;IRL;Ireland;353;0;0;85 ### ####|1 ### ####;Dublin//D0# @@##|D\u{fa}n Laoghaire//A96 @###",
    "SG;SGP;Singapore;65;;6;8### ####|6### ####;Singapore//0#####",
];
/// Women; men; families. `=` gives the spelling in e-mail addresses where it is not obvious.
const CULTURES: [&str; 11] = [
    "Mary|Linda|Zo\u{eb}=zoe|Emma|Mary Ann|Grace|Ruth|Siobhan|Aisha|Lily;James|John|Robert|Sean|\
    Billy Ray|Noah|Omar|Li Wei|Chris|\u{4f1f}=wei;Smith|Johnson|O'Brien|Brown|McDonald|Clark-Jones|\
    Nguyen|St. John|D'Angelo|Smith, Jr.|O\u{2019}Neill=oneill|\u{738b}=wang|Baker|Hughes|Moore|\
    Reed",
    "Anna|J\u{f6}rdis=joerdis|Katharina|Ute|Heike;J\u{fc}rgen=juergen|Hans-Peter|Klaus|\
    S\u{f6}ren=soeren;M\u{fc}ller=mueller|Schr\u{f6}der=schroeder|Wei\u{df}=weiss|Weber-Schmidt|\
    von Berg|Huber",
    "Chlo\u{e9}=chloe|Am\u{e9}lie=amelie|Fran\u{e7}oise=francoise|Anne-Marie;Jean-Luc|\
    Fran\u{e7}ois=francois|Ren\u{e9}=rene|No\u{eb}l=noel;Lef\u{e8}vre=lefevre|Dubois|\
    B\u{e9}ranger=beranger|de La Tour|L'H\u{f4}te=lhote",
    "Mar\u{ed}a=maria|Luc\u{ed}a=lucia|Mar\u{ed}a Jos\u{e9}=mariajose|Bego\u{f1}a=begona;\
    Jos\u{e9}=jose|Jes\u{fa}s=jesus|Juan Carlos|I\u{f1}igo=inigo;\
    Garc\u{ed}a L\u{f3}pez=garcialopez|Mu\u{f1}oz=munoz|N\u{fa}\u{f1}ez=nunez|de la Cruz|Ruiz",
    "Chiara|Giulia|Maria Luisa;Nicol\u{f2}=nicolo|Marco|Gian Carlo;Rossi|D'Amico|De Santis|\
    Cal\u{ec}=cali",
    "Concei\u{e7}\u{e3}o=conceicao|Ana|L\u{ed}gia=ligia;Jo\u{e3}o=joao|Luiz|Andr\u{e9}=andre;\
    Gon\u{e7}alves=goncalves|dos Santos|Ara\u{fa}jo=araujo|Sim\u{f5}es=simoes",
    "Priya|Ananya|Lakshmi|Mei Ling;Rahul|Arjun|Vikram|Kumar;Sharma|Patel|Iyer|Singh|Na|Tan",
    "\u{7f8e}\u{54b2}=misaki|\u{967d}\u{5b50}=yoko|Hanako;\u{5065}=ken|\u{592a}\u{90ce}=taro|\
    Hiroshi;\u{7530}\u{4e2d}=tanaka|\u{4f50}\u{85e4}=sato|Suzuki|\u{5c71}\u{672c}=yamamoto",
    "Sanne|Fleur|Femke;Daan|Jan-Willem|Jo\u{eb}l=joel;de Vries|van der Berg|'t Hart|Jansen",
    "Ma\u{142}gorzata=malgorzata|Zofia|Ewa;\u{141}ukasz=lukasz|Pawe\u{142}=pawel|Jan;\
    W\u{f3}jcik=wojcik|Kowal|Zieli\u{144}ski=zielinski|D\u{105}b=dab",
    "\u{c5}sa=asa|Linn\u{e9}a=linnea|Maja;Bj\u{f6}rn=bjorn|H\u{e5}kan=hakan|Nils;\u{d6}berg=oberg|\
    Sj\u{f6}str\u{f6}m=sjostrom|Nilsson",
];
const AREA_CODES: &str = "201202203205206207208209210212213214215216217218219224225228229231234239\
    301302303304305307308309310312313314315316317318319320321323330334336401402404405406407408409\
    501502503504505507508509510512513515516517518520530601602603605606607608609610612614615616617";
const SUBDOMAINS: [&str; 8] = ["", "", "", "", "mail.", "shop.", "uni-n.", "a.b."];
const TOPS: [&str; 4] = ["com", "com", "org", "net"];
const WORDS: [&str; 9] =
    ["alpha", "basic", "Chrome", "desktop", "gold", "organic", "returns", "spring", "web shop"];
const TOKENS: &str = "N/A|-|n/a|NULL|none|#N/A|unknown|--|nan|?|.|(null)|#REF!|\\N";
const MAIL_JUNK: &str = "test@test.com|asdf|noemail|x@x|@example.com|nobody@|no email on file";
const PHONE_JUNK: &str = "0000000000|1234567890|asdf|123|555-0199|9999999999|call the office|\
    1-800-555-TEST|+1 (555) 555-5555|000-000-0000";
const NOTES: &str = "prefers e-mail|VIP, call first|said \"never again\"|first line\nsecond line|\
    moved, see \"old\" record|gift card; expires 2027|caf\u{e9} owner \u{2615}|1,200.50 open|\"\"|\
    left message|two\n\nparagraphs, \"quoted\"|5'10\" frame|ok|returns, twice";
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The generator `SplitMix64`.
#[derive(Clone, Copy)]
struct Rng(u64);

impl Rng {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        ((self.draw() >> 32) * n) >> 32
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn position(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// An element of `list`, which is never empty here.
    fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.position(list.len())]
    }
}

/// One of the words of `list`, which `|` parts.
fn word<'t>(rng: &mut Rng, list: &'t str) -> &'t str {
    let count = 1 + list.bytes().filter(|&b| b == b'|').count();
    list.split('|').nth(rng.position(count)).unwrap_or("")
}

struct Name {
    text: &'static str,
    latin: String,
}

impl Name {
    fn new(entry: &'static str) -> Self {
        let (text, latin) = entry.split_once('=').unwrap_or((entry, entry));
        let letters = latin.bytes().filter(u8::is_ascii_alphabetic);
        Self { text, latin: letters.map(|b| char::from(b.to_ascii_lowercase())).collect() }
    }
}

/// A line of `NATIONS`, with the names of its culture.
struct Nation {
    alpha2: &'static str,
    alpha3: &'static str,
    name: &'static str,
    code: &'static str,
    trunk: &'static str,
    names: [Vec<Name>; 3],
    numbers: Vec<&'static str>,
    places: Vec<&'static str>,
}

impl Nation {
    fn new(line: &&'static str) -> Self {
        let mut cells = line.split(';');
        let mut next = || cells.next().unwrap_or("");
        let [alpha2, alpha3, name, code, trunk, culture] = [(); 6].map(|()| next());
        let culture = CULTURES.get(culture.parse().unwrap_or(0)).unwrap_or(&CULTURES[0]);
        let mut lists = culture.split(';').map(|list| list.split('|').map(Name::new).collect());
        let names = [(); 3].map(|()| lists.next().unwrap_or_default());
        let [numbers, places] = [(); 2].map(|()| next().split('|').collect());
        Self { alpha2, alpha3, name, code, trunk, names, numbers, places }
    }
}

/// Somebody made up; everything about them follows from `seed`.
struct Person<'t> {
    nation: &'t Nation,
    first: &'t Name,
    last: &'t Name,
    woman: bool,
    seed: u64,
}

impl<'t> Person<'t> {
    /// `home` is the share of people from the US in percent.
    fn new(nations: &'t [Nation], seed: u64, home: u64) -> Self {
        let mut rng = Rng(seed);
        let nation = if rng.below(100) < home { &nations[0] } else { rng.pick(&nations[1..]) };
        let [women, men, families] = &nation.names;
        let woman = rng.one_in(2);
        Self {
            nation,
            first: rng.pick(if woman { women } else { men }),
            last: rng.pick(families),
            woman,
            seed: rng.draw(),
        }
    }

    /// The address as this person would type it with care.
    fn email(&self, out: &mut Vec<u8>) {
        let mut rng = Rng(self.seed ^ 1);
        let (first, last) = (self.first.latin.as_str(), self.last.latin.as_str());
        if rng.one_in(50) {
            let domain = word(&mut rng, "gmail.com|gmail.com|googlemail.com");
            put(out, &["fictional.", first, ".", last]);
            number(out, rng.below(1_000_000), 6);
            return put(out, &["@", domain]);
        }
        match rng.below(5) {
            0 => put(out, &[first, ".", last]),
            1 => put(out, &[first.get(..1).unwrap_or("x"), last]),
            2 => put(out, &[first, "_", last]),
            3 => put(out, &[last, ".", first]),
            _ => put(out, &[first]),
        }
        number(out, rng.below(10_000), 1);
        put(out, &["@", *rng.pick(&SUBDOMAINS), "example.", *rng.pick(&TOPS)]);
    }

    /// The national number, its groups parted by `gap`.
    fn phone(&self, out: &mut Vec<u8>, gap: &str) {
        let mut rng = Rng(self.seed ^ 2);
        let pattern = *rng.pick(&self.nation.numbers);
        fill(out, pattern, gap, &mut rng);
    }

    /// Part `at` of the place: city, state, pattern of the postal code.
    fn place(&self, at: usize) -> &'static str {
        let place = Rng(self.seed ^ 4).pick(&self.nation.places);
        place.split('/').nth(at).unwrap_or("")
    }

    fn birth(&self) -> [u64; 3] {
        let mut rng = Rng(self.seed ^ 3);
        [1930 + rng.below(78), 1 + rng.below(12), 1 + rng.below(28)]
    }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn insert(out: &mut Vec<u8>, at: usize, text: &[u8]) {
    drop(out.splice(at..at, text.iter().copied()));
}

/// `n` in decimal with at least `width` digits.
fn number(out: &mut Vec<u8>, mut n: u64, width: usize) {
    let start = out.len();
    while n > 0 || out.len() < start + width {
        out.push(digit(n % 10));
        n /= 10;
    }
    out[start..].reverse();
}

fn digit(n: u64) -> u8 {
    b"0123456789abcdef".get(usize::try_from(n).unwrap_or(0)).copied().unwrap_or(b'0')
}

fn fill(out: &mut Vec<u8>, pattern: &str, gap: &str, rng: &mut Rng) {
    for byte in pattern.bytes() {
        match byte {
            b'#' => out.push(digit(rng.below(10))),
            b'@' => out.push(b'A' + digit(rng.below(10)) - b'0'),
            b'~' => {
                let at = 3 * rng.position(AREA_CODES.len() / 3);
                put(out, &[AREA_CODES.get(at..at + 3).unwrap_or("212")]);
            }
            b' ' => put(out, &[gap]),
            other => out.push(other),
        }
    }
}

/// A date in one of six notations, the first being ISO 8601.
fn date(out: &mut Vec<u8>, [year, month, day]: [u64; 3], notation: u64) {
    let (parts, gap) = match notation {
        0 => ([(year, 4), (month, 2), (day, 2)], "-"),
        1 => ([(month, 2), (day, 2), (year, 4)], "/"),
        2 => ([(day, 2), (month, 2), (year, 4)], "."),
        3 => ([(year, 4), (month, 2), (day, 2)], ""),
        4 => ([(month, 1), (day, 1), (year % 100, 2)], "/"),
        _ => ([(day, 2), (month, 2), (year, 4)], "-"),
    };
    for (at, (value, width)) in parts.into_iter().enumerate() {
        put(out, &[if at > 0 { gap } else { "" }]);
        number(out, value, width);
    }
}

fn digest(out: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..4 {
        let word = rng.draw();
        out.extend((0..16).map(|nibble| digit((word >> (4 * nibble)) & 15)));
    }
}

/// The list under construction.
struct Sheet {
    shape: Shape,
    columns: Vec<&'static str>,
    nations: Vec<Nation>,
    rng: Rng,
    people: u64,
    out: Vec<u8>,
    spare: Vec<u8>,
}

impl Sheet {
    fn new(shape: Shape, seed: u64) -> Self {
        let header = match shape {
            Shape::Lean => LEAN,
            Shape::Slim => SLIM,
            Shape::Wide => WIDE,
            Shape::Quoted => QUOTED,
            Shape::Dirty | Shape::Mixed => MIXED,
        };
        let mut out = Vec::with_capacity(2 * FLUSH_BYTES);
        if shape == Shape::Quoted {
            put(&mut out, &["\"", &header.replace(',', "\",\""), "\"\r\n"]);
        } else {
            put(&mut out, &[header, "\n"]);
        }
        let columns = header.split(',').collect();
        let mut rng = Rng(seed);
        let people = rng.draw();
        let nations = NATIONS.iter().map(Nation::new).collect();
        Self { shape, columns, nations, rng, people, out, spare: Vec::new() }
    }

    /// Appends data row `index`, counted from 0.
    fn row(&mut self, index: usize) {
        let mut id = index as u64;
        let (mut cut, mut filler, mut surplus) = (self.columns.len(), false, false);
        if self.shape == Shape::Mixed {
            let rng = &mut self.rng;
            if rng.one_in(25) {
                id = rng.below(id.max(1)); // the same person again
            }
            match rng.below(500) {
                0..=1 => cut = 2 + rng.position(cut - 2),
                2..=3 => surplus = true,
                4 => filler = true,
                5..=6 => self.out.push(b'\n'),
                _ => {}
            }
        }
        let home = if matches!(self.shape, Shape::Lean | Shape::Slim) { 85 } else { 50 };
        let mut seed = Rng(self.people ^ id.wrapping_mul(0xD134_2543_DE82_EF95));
        let person = Person::new(&self.nations, seed.draw(), home);
        for (at, &column) in self.columns[..cut].iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            let start = self.out.len();
            match self.shape {
                Shape::Mixed if filler => {}
                Shape::Mixed if surplus && at + 1 == cut => {
                    put(&mut self.out, &["VIP, call first"]); // the unquoted comma makes a field
                    continue;
                }
                Shape::Slim => slim(column, &mut self.out, &person, &mut self.rng, index),
                Shape::Mixed => messy(column, &mut self.out, &person, &mut self.rng, index),
                _ => clean(column, &mut self.out, &person, &mut self.rng, index),
            }
            if self.shape == Shape::Dirty && self.rng.one_in(3) {
                damage(&mut self.out, start, &mut self.rng);
            }
            let always = self.shape == Shape::Quoted
                || (self.shape == Shape::Mixed && !filler && self.rng.one_in(40));
            quote(&mut self.out, &mut self.spare, start, always);
        }
        put(&mut self.out, &[line_end(self.shape)]);
    }
}

fn line_end(shape: Shape) -> &'static str {
    if shape == Shape::Quoted { "\r\n" } else { "\n" }
}

/// Puts the cell that begins at `start` between quotes where it needs them, or `always`.
fn quote(out: &mut Vec<u8>, spare: &mut Vec<u8>, start: usize, always: bool) {
    if !always && !out[start..].iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        return;
    }
    spare.clear();
    spare.extend_from_slice(&out[start..]);
    out.truncate(start);
    out.push(b'"');
    for &byte in spare.iter() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A cell as a tidy export has it.
fn clean(column: &str, out: &mut Vec<u8>, person: &Person, rng: &mut Rng, index: usize) {
    match column {
        "Customer ID" => {
            out.push(b'C');
            number(out, 100_001 + index as u64, 6);
        }
        "First Name" => put(out, &[person.first.text]),
        "Last Name" => put(out, &[person.last.text]),
        "email" | "Email" | "E-mail Address" => person.email(out),
        "phone" | "Phone" | "Phone Number" => {
            let style = if person.nation.alpha2 == "US" { *rng.pick(&[0, 9, 5]) } else { 0 };
            phone(out, person, style);
        }
        "Street" => {
            number(out, 1 + rng.below(999), 1);
            put(out, &[" Main Street, \"Unit ", word(rng, "A|B|12|340"), "\""]);
        }
        "City" => put(out, &[person.place(0)]),
        "State" => put(out, &[person.place(1)]),
        "Zip" | "Postal Code" => fill(out, person.place(2), " ", &mut Rng(person.seed ^ 5)),
        "Country" => put(out, &[person.nation.alpha2]),
        "Date of Birth" => date(out, person.birth(), 0),
        "Gender" => put(out, &[if person.woman { "F" } else { "M" }]),
        "Last Order" | "Signup Date" | "Updated At" => {
            date(out, [2019 + rng.below(8), 1 + rng.below(12), 1 + rng.below(28)], 0);
        }
        "Notes" if rng.one_in(3) => put(out, &[word(rng, NOTES)]),
        "Notes" => {}
        "Average Basket" | "Last Basket" | "Store Credit" => {
            number(out, rng.below(2_000), 1);
            out.push(b'.');
            number(out, rng.below(100), 2);
        }
        "Coupon Used" | "Newsletter" => put(out, &[word(rng, "true|false")]),
        _ if column.ends_with("Page") => {
            put(out, &["https://www.example.com/p/"]);
            number(out, rng.below(100_000), 5);
            put(out, &["?ref=list"]);
        }
        _ if column.ends_with("Count") || column == "Score" => number(out, rng.below(250), 1),
        _ => put(out, &[*rng.pick(&WORDS)]),
    }
}

/// A cell that is short, and spelled as people type it where it identifies somebody.
fn slim(column: &str, out: &mut Vec<u8>, person: &Person, rng: &mut Rng, index: usize) {
    let start = out.len();
    match column {
        "Serial" => number(out, 1 + index as u64, 7),
        "Email" => {
            person.email(out);
            match rng.below(10) {
                0 => out[start..].make_ascii_uppercase(),
                1 => out[start..=start].make_ascii_uppercase(),
                2 => out.push(b' '),
                _ => {}
            }
        }
        "Phone" => {
            let style = if person.nation.alpha2 == "US" { rng.below(11) } else { rng.below(2) };
            phone(out, person, style);
        }
        _ => clean(column, out, person, rng, index),
    }
}

/// A cell as lists of many years and many hands have it.
fn messy(column: &str, out: &mut Vec<u8>, person: &Person, rng: &mut Rng, index: usize) {
    let [letter, low, high] =
        if person.woman { ["f", "female", "Female"] } else { ["m", "male", "Male"] };
    match column {
        "E-mail Address" => messy_email(out, person, rng),
        "Phone Number" => messy_phone(out, person, rng),
        "Country" => messy_country(out, person.nation, rng),
        "First Name" => messy_name(out, person.first.text, rng),
        "Last Name" => messy_name(out, person.last.text, rng),
        "Date of Birth" => match rng.below(20) {
            0..=5 => {}
            6 => put(out, &[word(rng, "0000-00-00|1900-01-01|31/12|unknown")]),
            _ => date(out, person.birth(), rng.below(6)),
        },
        "Gender" => match rng.below(8) {
            0 | 1 => {}
            2 => put(out, &[word(rng, "unknown|x|-|other")]),
            3 => put(out, &[letter]),
            4 => put(out, &[low]),
            5 => put(out, &[high]),
            _ => clean(column, out, person, rng, index),
        },
        "City" | "State" | "Postal Code" if rng.one_in(8) => {}
        _ => clean(column, out, person, rng, index),
    }
}

fn messy_name(out: &mut Vec<u8>, name: &str, rng: &mut Rng) {
    match rng.below(40) {
        0 => put(out, &[&name.to_uppercase()]),
        1 => put(out, &[&name.to_lowercase()]),
        2 => put(out, &["  ", name, " "]),
        3 => put(out, &[&name.replace('\u{e9}', "e\u{301}")]), // decomposed
        4 => put(out, &["Dr. ", name]),
        5 => put(out, &[word(rng, TOKENS)]),
        6 => put(out, &["test"]),
        7 | 8 => {}
        _ => put(out, &[name]),
    }
}

fn messy_country(out: &mut Vec<u8>, nation: &Nation, rng: &mut Rng) {
    match rng.below(20) {
        0..=6 => put(out, &[nation.alpha2]),
        7 | 8 => put(out, &[nation.alpha3]),
        9 if nation.alpha2 == "US" => put(out, &["United States of America"]),
        9 | 10 if nation.alpha2 == "GB" => put(out, &["UK"]),
        9..=13 => put(out, &[nation.name]),
        14 => put(out, &[&nation.alpha2.to_lowercase()]),
        15 => put(out, &[&nation.name.to_uppercase(), " "]),
        16 => put(out, &[word(rng, "N/A|-|XX|other|unknown")]),
        _ => {}
    }
}

fn messy_email(out: &mut Vec<u8>, person: &Person, rng: &mut Rng) {
    let start = out.len();
    let draw = rng.below(100);
    match draw {
        0..=6 => return,
        7 => return put(out, &[word(rng, TOKENS)]),
        8 => return put(out, &[word(rng, MAIL_JUNK)]),
        9 | 10 => {
            if rng.one_in(12) {
                return put(out, &[EMPTY_SHA256]);
            }
            digest(out, rng);
            if draw == 10 {
                out[start..].make_ascii_uppercase();
            }
            return;
        }
        _ => person.email(out),
    }
    let at = start + out[start..].iter().position(|&b| b == b'@').unwrap_or(0);
    match draw {
        11..=16 => out[start..].make_ascii_uppercase(),
        17..=22 => out[start..=start].make_ascii_uppercase(),
        23 => insert(out, start, b"  "),
        24 | 25 => out.push(b' '),
        26 => put(out, &["\u{a0}"]),
        27 => insert(out, start, "\u{a0}".as_bytes()),
        28 => insert(out, at, "\u{200b}".as_bytes()),
        29 => put(out, &["."]),
        30..=32 => insert(out, at, b"+news"),
        33 => insert(out, at + 1, "b\u{fc}ro.".as_bytes()),
        34 => insert(out, at + 1, "B\u{dc}RO.".as_bytes()),
        35 => insert(out, at + 1, b"xn--bro-hoa."),
        36 => drop(out.remove(at)),
        37 => insert(out, at, b"@"),
        38 => insert(out, at, b" "),
        39 => {
            out.truncate(at);
            put(out, &["@localhost"]);
        }
        40 => insert(out, start, "Jos\u{c9}.".as_bytes()),
        41 => insert(out, start, "\u{feff}\u{200e}".as_bytes()),
        42 => put(out, &["\t"]),
        43 => put(out, &[", second@example.org"]),
        44 => put(out, &[".."]),
        _ => {}
    }
}

/// The number in one of eleven notations, the first being E.164.
fn phone(out: &mut Vec<u8>, person: &Person, style: u64) {
    let Nation { code, trunk, .. } = person.nation;
    let area = if *trunk == "0" { "(0)" } else { "" };
    let (head, gap): (&[&str], _) = match style {
        0 => (&["+", code], ""),
        1 => (&["+", code, " "], " "),
        2 => (&[trunk], " "),
        3 => (&[trunk], "-"),
        4 => (&[trunk], "."),
        5 => {
            put(out, &["(", trunk]);
            let start = out.len();
            person.phone(out, "-");
            let end = start + out[start..].iter().position(|&b| b == b'-').unwrap_or(0);
            out[end] = b')';
            return insert(out, end + 1, b" ");
        }
        6 => (&["00", code, " "], " "),
        7 => (&["+", code, " ", area], " "),
        8 => (&[code], ""),
        9 => (&[trunk], ""),
        _ => (&[code, "-"], "-"),
    };
    put(out, head);
    person.phone(out, gap);
}

fn messy_phone(out: &mut Vec<u8>, person: &Person, rng: &mut Rng) {
    let start = out.len();
    let draw = rng.below(100);
    match draw {
        0..=10 => {}
        11 => put(out, &[word(rng, TOKENS)]),
        12 | 13 => put(out, &[word(rng, PHONE_JUNK)]),
        14 => digest(out, rng),
        15 => {
            phone(out, person, 8);
            let digits = out.len() - start;
            out.truncate(start + 6);
            insert(out, start + 1, b".");
            put(out, &["E+"]);
            number(out, digits as u64 - 1, 2);
        }
        23 => person.phone(out, "\u{a0}"),
        24 => person.phone(out, "\u{2013}"),
        27 => {
            phone(out, person, 2);
            put(out, &[" / "]);
            phone(out, person, 3);
        }
        28 => {
            phone(out, person, 9);
            let wide: Vec<u8> = out.drain(start..).filter(u8::is_ascii_digit).collect();
            out.extend(wide.iter().flat_map(|b| [0xEF, 0xBC, b + 0x60])); // U+FF10 to U+FF19
        }
        _ => {
            let (before, style, after) = match draw {
                16 | 17 => ("", 8, ".0"),
                18 | 19 => ("'", 0, ""),
                20..=22 => ("", rng.below(8), word(rng, " x12| ext. 407| #8|;ext=33")),
                25 => ("tel:", 0, ""),
                26 => ("\u{202a}", 1, "\u{202c}"),
                29 | 30 => (" ", rng.below(11), "  "),
                _ => ("", rng.below(11), ""),
            };
            put(out, &[before]);
            phone(out, person, style);
            put(out, &[after]);
        }
    }
}

/// Breaks the cell that begins at `start` in one of the ways of the field.
fn damage(out: &mut Vec<u8>, start: usize, rng: &mut Rng) {
    let kind = rng.below(19);
    if kind < 5 {
        out.truncate(start);
    }
    let middle = start + (out.len() - start) / 2;
    match kind {
        0 | 1 => {}
        2 => put(out, &[word(rng, TOKENS)]),
        3 => put(out, &[word(rng, MAIL_JUNK)]),
        4 => digest(out, rng),
        5 => put(out, &["\u{a0} "]),
        6 => insert(out, start, "\u{feff}".as_bytes()),
        7 => out.truncate(middle), // may cut a character in two
        8 => out[start..].make_ascii_uppercase(),
        9 => insert(out, middle, "\u{200b}".as_bytes()),
        10 => insert(out, middle, "\u{c3}\u{a9}".as_bytes()), // UTF-8 read as Latin-1
        11 => insert(out, middle, &[*rng.pick(&[0xE9, 0xFF, 0xA0, 0x96])]),
        12 => insert(out, middle, &[*rng.pick(&[0, 7, 27, 127])]),
        13 => put(out, &[", ", "also old"]),
        14 => insert(out, middle, b"\""),
        15 => insert(out, middle, b"\n"),
        16 => insert(out, start, b"'"),
        17 => put(out, &[".0"]),
        _ => insert(out, start, b" \t"),
    }
}
