//! Pages of a list.
//!
//! In: `first` and `after`, as a caller sends them; the places of what is on the page. Out: where
//! the page starts, and the cursors around it, which are an account's own.

use super::call::Call;
use super::error::ApiError;
use super::wire::PageInfo;

const FIRST_DEFAULT: usize = 20;
const FIRST_MAX: usize = 100;

/// The size of a page and the place it starts behind.
pub(super) fn page_of(call: &Call, list: &str) -> Result<(usize, Option<i64>), ApiError> {
    let first = match call.query("first") {
        None => FIRST_DEFAULT,
        Some(text) => match text.parse::<u64>() {
            Ok(first) if first >= 1 => first.min(FIRST_MAX as u64) as usize,
            // However long a number is.
            Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => FIRST_MAX,
            _ => return Err(ApiError::invalid("first", "first must be an integer of at least 1")),
        },
    };
    let unreadable = || ApiError::invalid("after", "after is no cursor of this list");
    let place = |text: String| call.app.signer.place(list, &call.caller.account, &text);
    let after = call.query("after").map(|text| place(text).ok_or_else(unreadable)).transpose()?;
    Ok((first, after))
}

/// Where a page with these places stands.
pub(super) fn page_info(
    call: &Call,
    list: &str,
    places: &[i64],
    has_next_page: bool,
    has_previous_page: bool,
) -> PageInfo {
    let cursor = |place: &i64| call.app.signer.cursor(list, &call.caller.account, *place);
    PageInfo {
        end_cursor: places.last().filter(|_| has_next_page).map(cursor),
        start_cursor: places.first().map(cursor),
        has_next_page,
        has_previous_page,
    }
}
