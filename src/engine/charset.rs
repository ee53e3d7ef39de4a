//! Bytes of any encoding -> UTF-8, before anything is split.
//!
//! In: a reader of plain bytes, the label that the caller gives. Out: a reader of UTF-8, and what
//! was decided. A byte order mark decides, then the caller, then the first bytes: UTF-16 without a
//! mark, and Japanese, Chinese or Korean text, whose second bytes may be delimiters. Anything else
//! is read as it stands: a cell that is not UTF-8 is the business of that cell.

use super::error::{Error, ErrorKind};
use super::transport::peek;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, Decoder, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE,
};
use std::io::{self, Read};

/// A reader of UTF-8, and where it comes from.
pub(crate) struct Decoded {
    pub(crate) reader: Box<dyn Read + Send>,
    /// The encoding's name (WHATWG).
    pub(crate) name: &'static str,
    /// The bytes of a byte order mark, which is no part of the text.
    pub(crate) mark_bytes: usize,
}

/// How much text decides.
const SAMPLE_BYTES: usize = 64 << 10;

/// Opens a text; `detects`: what is neither UTF-8 nor marked may be told by its first bytes.
pub(crate) fn open(
    reader: Box<dyn Read + Send>,
    given: Option<&'static Encoding>,
    detects: bool,
) -> Result<Decoded, Error> {
    let (start, mut reader) = peek(reader, SAMPLE_BYTES);
    let is_utf_32 = start.starts_with(b"\xff\xfe\0\0")
        || start.starts_with(b"\0\0\xfe\xff")
        || is_utf_32(&start);
    if is_utf_32 {
        let text = "the input is UTF-32; save it as CSV in UTF-8";
        return Err(Error::new(ErrorKind::UnsupportedEncoding, text));
    }
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(&start) {
        io::copy(&mut (&mut reader).take(mark_bytes as u64), &mut io::sink())
            .map_err(|error| Error::new(ErrorKind::Read, error.to_string()))?;
        return Ok(decoded(reader, encoding, mark_bytes));
    }
    let found = || match detects {
        true => detect(&start),
        false => utf_16(&start),
    };
    let encoding = given.or_else(found).unwrap_or(UTF_8);
    Ok(decoded(reader, encoding, 0))
}

fn decoded(
    reader: Box<dyn Read + Send>,
    encoding: &'static Encoding,
    mark_bytes: usize,
) -> Decoded {
    let name = encoding.name();
    let reader: Box<dyn Read + Send> = match encoding == UTF_8 {
        true => reader,
        false => Box::new(Decoding {
            reader,
            decoder: Some(encoding.new_decoder_without_bom_handling()),
            raw: Vec::new(),
            text: Vec::new(),
            at: 0,
        }),
    };
    Decoded { reader, name, mark_bytes }
}

/// An encoding whose text cannot be split as it stands.
fn detect(start: &[u8]) -> Option<&'static Encoding> {
    if let Some(encoding) = utf_16(start) {
        return Some(encoding);
    }
    // The sample may end inside a character.
    let cut = std::str::from_utf8(start).err().is_none_or(|error| error.error_len().is_none());
    if start.is_ascii() || cut {
        return None;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(start, start.len() < SAMPLE_BYTES);
    let guess = detector.guess(None, Utf8Detection::Deny);
    let is_wide = [SHIFT_JIS, EUC_JP, GBK, GB18030, BIG5, EUC_KR].contains(&guess);
    (is_wide && is_all_of(start, guess)).then_some(guess)
}

/// UTF-16 without a mark: what every list has, digits, delimiters, line ends, stands beside NULs,
/// nearly all on one side.
fn utf_16(start: &[u8]) -> Option<&'static Encoding> {
    const USUAL_MIN: usize = 4;
    const SHARE: usize = 20;
    // Characters of other scripts may look like them the wrong way round.
    const FEW_SHARE: usize = 4;
    let is_usual = |byte: u8| byte.is_ascii_digit() || b",;\t\r\n@. ".contains(&byte);
    let pairs = start.chunks_exact(2);
    let count = pairs.len();
    let (big, little) = pairs.fold((0, 0), |(big, little), pair| match pair {
        [0, byte] if is_usual(*byte) => (big + 1, little),
        [byte, 0] if is_usual(*byte) => (big, little + 1),
        _ => (big, little),
    });
    let is_it = |many: usize, few: usize| {
        many >= USUAL_MIN && many * SHARE > count && many > FEW_SHARE * few
    };
    match (is_it(little, big), is_it(big, little)) {
        (true, _) => Some(UTF_16LE),
        (_, true) => Some(UTF_16BE),
        _ => None,
    }
}

/// UTF-32 without a mark: three of four bytes are NUL.
fn is_utf_32(start: &[u8]) -> bool {
    let fours = start.chunks_exact(4);
    let count = fours.len();
    let wide = fours.filter(|four| matches!(four, [1..=255, 0, 0, 0] | [0, 0, 0, 1..=255])).count();
    count >= 4 && wide * 10 > count * 7
}

/// True if the sample has no mistake in this encoding, several of its characters, none of them in
/// an e-mail, and no line of UTF-8 beside it: where rows come from several programs, each cell is
/// decided alone.
fn is_all_of(start: &[u8], encoding: &'static Encoding) -> bool {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let Some(room) = decoder.max_utf8_buffer_length(start.len()) else { return false };
    let mut text = vec![0; room];
    let (_, _, written, has_mistakes) = decoder.decode_to_utf8(start, &mut text, false);
    const WIDE_MIN: usize = 6;
    let text = String::from_utf8_lossy(&text[..written]);
    let wide = text.chars().filter(|c| !c.is_ascii()).count();
    let separators = |c: char| c.is_ascii_whitespace() || ",;|\"'<>".contains(c);
    let mut tokens = text.split(separators).filter(|token| token.contains('@'));
    if wide < WIDE_MIN || tokens.any(|token| !token.is_ascii()) {
        return false;
    }
    let mut lines = start.split(|byte| *byte == b'\n');
    let is_utf_8 = |line: &[u8]| !line.is_ascii() && std::str::from_utf8(line).is_ok();
    !has_mistakes && !lines.any(is_utf_8)
}

/// Text of another encoding as UTF-8. What has no meaning in it becomes U+FFFD.
struct Decoding {
    reader: Box<dyn Read + Send>,
    /// None once the input is used up.
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    text: Vec<u8>,
    at: usize,
}

impl Decoding {
    const RAW_BYTES: usize = 16 << 10;

    /// Decodes the next bytes; there may be none of them.
    fn fill(&mut self) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        self.raw.resize(Self::RAW_BYTES, 0);
        let bytes = self.reader.read(&mut self.raw)?;
        let is_last = bytes == 0;
        let room = decoder.max_utf8_buffer_length(bytes).unwrap_or(4 * Self::RAW_BYTES);
        self.text.resize(room.max(16), 0);
        // Half a unit at the end is nothing.
        let is_wide = [UTF_16LE, UTF_16BE].contains(&decoder.encoding());
        let (_, _, written, _) =
            decoder.decode_to_utf8(&self.raw[..bytes], &mut self.text, is_last && !is_wide);
        self.text.truncate(written);
        self.at = 0;
        if is_last {
            self.decoder = None;
        }
        Ok(())
    }
}

impl Read for Decoding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && self.decoder.is_some() {
            self.fill()?;
        }
        let bytes = buffer.len().min(self.text.len() - self.at);
        buffer[..bytes].copy_from_slice(&self.text[self.at..self.at + bytes]);
        self.at += bytes;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::WINDOWS_1252;

    fn read(bytes: &[u8], given: Option<&'static Encoding>) -> (&'static str, String) {
        let mut decoded = open(Box::new(io::Cursor::new(bytes.to_vec())), given, true).unwrap();
        let mut text = Vec::new();
        decoded.reader.read_to_end(&mut text).unwrap();
        (decoded.name, String::from_utf8_lossy(&text).into_owned())
    }

    fn utf_16_of(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn marks_and_first_bytes_decide() {
        let text = "email,name\nmary@example.com,Zo\u{eb}\n";
        assert_eq!(read(text.as_bytes(), None), ("UTF-8", text.into()));
        let wide = utf_16_of(text);
        assert_eq!(read(&wide, None), ("UTF-16LE", text.into()));
        let marked = [b"\xff\xfe", &wide[..]].concat();
        assert_eq!(read(&marked, None), ("UTF-16LE", text.into()));
        let (latin, ..) = WINDOWS_1252.encode(text);
        assert_eq!(read(&latin, None).0, "UTF-8");
        assert_eq!(read(&latin, Some(WINDOWS_1252)), ("windows-1252", text.into()));
    }

    #[test]
    fn text_of_the_far_east_is_decoded_as_a_whole() {
        let text =
            "\u{30e1}\u{30fc}\u{30eb},\u{6c0f}\u{540d}\na@x.jp,\u{8868}\u{793a}\u{592a}\u{90ce}\n";
        let text = text.repeat(4);
        let (bytes, ..) = SHIFT_JIS.encode(&text);
        assert_eq!(read(&bytes, None), ("Shift_JIS", text));
        let text = "\u{90ae}\u{7bb1},\u{59d3}\u{540d}\na@x.cn,\u{738b}\u{5c0f}\u{660e}\n".repeat(4);
        let (bytes, ..) = GBK.encode(&text);
        assert_eq!(read(&bytes, None).1, text);
    }
}
