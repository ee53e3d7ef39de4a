//! Which shape a caller expects: the date in `Api-Version-Date`.
//!
//! In: the header, or none. Out: [`Version`]: the shape of an audience and of a file. The official
//! client libraries each send the date they were made for; without a header the answer has the
//! shape that came first. Dates: the list in PyPI whop-sdk 2.6.0, read 2026-11; the rule for
//! others: docs.whop.com/developer/api/versioning, read 2026-11.

use super::error::ApiError;
use axum::http::HeaderMap;

/// The header.
pub(super) const HEADER: &str = "api-version-date";

/// Which shape all callers get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// By the header.
    #[default]
    Auto,
    /// Eleven attributes, times in seconds, whatever the header says.
    Seed,
    /// All attributes, times as text, whatever the header says.
    Dated,
}

impl std::str::FromStr for Wire {
    type Err = String;

    fn from_str(name: &str) -> Result<Wire, String> {
        match name {
            "auto" => Ok(Wire::Auto),
            "seed" => Ok(Wire::Seed),
            "dated" => Ok(Wire::Dated),
            _ => Err("the wire is auto, seed or dated".to_owned()),
        }
    }
}

/// What a caller expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// True for all attributes of an audience, with times as text.
    pub(super) is_dated: bool,
    /// True for the later shape of a file: its size is a number.
    pub(super) is_native: bool,
}

/// Year, month, day and the number behind it.
type Date = (u16, u8, u8, u8);

/// Audiences have times as text from here on.
const DATED: Date = (2026, 7, 8, 1);

/// Files have the later shape from here on.
const NATIVE: Date = (2026, 8, 21, 1);

/// Every version there is.
const KNOWN: &str = "2025-01-01 2026-06-08 2026-06-09 2026-06-20 2026-07-01 2026-07-08 \
    2026-07-08-1 2026-07-18 2026-07-20 2026-07-22 2026-07-23 2026-07-25 2026-07-26 2026-07-27 \
    2026-07-29 2026-07-29-1 2026-07-31 2026-08-03 2026-08-05 2026-08-05-1 2026-08-10 2026-08-12 \
    2026-08-13 2026-08-14 2026-08-21 2026-08-21-1 2026-08-25 2026-08-25-1 2026-08-25-2 2026-08-31 \
    2026-09-02 2026-09-02-1 2026-09-02-2 2026-09-04 2026-09-06 2026-09-09 2026-09-09-1 2026-09-11 \
    2026-09-11-1 2026-09-13 2026-09-15 2026-09-22 2026-09-22-1 2026-09-22-2 2026-09-22-3 \
    2026-09-22-4 2026-09-23 2026-09-24 2026-09-24-1 2026-09-25 2026-09-28 2026-09-29 2026-10-05 \
    2026-10-05-1 2026-10-06 2026-10-06-1 2026-10-06-2 2026-10-07 2026-10-07-1 2026-10-07-2 \
    2026-10-08 2026-10-09 2026-10-09-1 2026-10-09-2 2026-10-13 2026-10-13-1 2026-10-14 \
    2026-10-14-1 2026-10-15 2026-10-15-1";

fn known() -> impl Iterator<Item = &'static str> {
    KNOWN.split_ascii_whitespace()
}

/// `2026-08-21-1`; none for a day that no calendar has.
fn parse(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (date, suffix) = match parts.as_slice() {
        [year, month, day] => ([*year, *month, *day], 0),
        // A suffix has no leading zero.
        [year, month, day, suffix] if !suffix.starts_with('0') && suffix.len() <= 2 => {
            ([*year, *month, *day], number(suffix, suffix.len())?)
        }
        _ => return None,
    };
    let (year, month, day) = (number(date[0], 4)?, number(date[1], 2)?, number(date[2], 2)?);
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let civil =
        jiff::civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
    civil.is_ok().then_some((year, month, day, u8::try_from(suffix).ok()?))
}

impl Version {
    /// What a request asks for.
    ///
    /// # Errors
    ///
    /// 400 with the list of versions.
    pub(super) fn of(headers: &HeaderMap, wire: Wire) -> Result<Version, ApiError> {
        let mut given = headers.get_all(HEADER).iter();
        let date = match (given.next(), given.next()) {
            (None, _) => None,
            (Some(one), None) => {
                let text = one.to_str().unwrap_or_default();
                Some(parse(text).filter(|date| is_supported(text, *date)).ok_or_else(unknown)?)
            }
            _ => return Err(unknown()),
        };
        let is_dated = match wire {
            Wire::Auto => date.is_some_and(|date| date >= DATED),
            Wire::Seed => false,
            Wire::Dated => true,
        };
        Ok(Version { is_dated, is_native: date.is_some_and(|date| date >= NATIVE) })
    }
}

/// A version on the list, or one that is newer than all of them.
fn is_supported(text: &str, date: Date) -> bool {
    let newest = known().last().and_then(parse);
    known().any(|known| known == text) || newest.is_some_and(|newest| date > newest)
}

fn unknown() -> ApiError {
    let versions: Vec<&str> = known().collect();
    let text = format!("Api-Version-Date must be one of {}, or later", versions.join(", "));
    ApiError::invalid("Api-Version-Date", &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(date: Option<&str>) -> Option<(bool, bool)> {
        let mut headers = HeaderMap::new();
        if let Some(date) = date {
            headers.insert(HEADER, date.parse().unwrap());
        }
        Version::of(&headers, Wire::Auto).ok().map(|it| (it.is_dated, it.is_native))
    }

    #[test]
    fn the_date_decides_the_shape() {
        assert_eq!(version(None), Some((false, false)));
        assert_eq!(version(Some("2026-07-08")), Some((false, false)));
        assert_eq!(version(Some("2026-07-08-1")), Some((true, false)));
        assert_eq!(version(Some("2026-08-21")), Some((true, false)));
        assert_eq!(version(Some("2026-08-21-1")), Some((true, true)));
        assert_eq!(version(Some("2026-11-17")), Some((true, true)));
        let odd = ["", "x", "2026-02-30", "2027-2-1", "2026-07-09", "2026-07-08-01", "2026-07-08-"];
        for odd in odd {
            assert_eq!(version(Some(odd)), None, "{odd}");
        }
    }

    #[test]
    fn the_list_is_in_order() {
        let dates: Vec<Date> = known().map(|text| parse(text).unwrap()).collect();
        assert_eq!(dates.len(), 70);
        assert!(dates.is_sorted_by(|one, other| one < other));
    }
}
