//! What can be wrong with a row as a whole.
//!
//! In: what the reader and the table notice. Out: [`RowProblem`] and its stable reason. What is
//! wrong with a single cell is a [`Rejection`](super::normalize::Rejection).

/// What is wrong with a row as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum RowProblem {
    /// Every primary identifier cell is empty. The row cannot be used.
    NoIdentifier,
    /// It has a primary identifier, but none that a chosen platform takes. The row cannot be used.
    NotAccepted,
    /// The record is longer than allowed. The row cannot be used.
    RecordTooLarge,
    /// Quotes that do not add up, and no reading that fits the header: one physical line, which
    /// cannot be used.
    QuoteError,
    /// The header once more, as where files were put together. The row cannot be used.
    RepeatedHeader,
    /// Quotes that do not add up; the record was read all the same.
    QuoteRecovered,
    /// Fewer fields than the header; the missing ones are empty. Only counted, see
    /// [`Summary`](super::Summary).
    ShortRow,
    /// Non-empty fields beyond the header; they are ignored. Only counted.
    LongRow,
}

impl RowProblem {
    pub(crate) const ALL: [RowProblem; 8] = [
        RowProblem::NoIdentifier,
        RowProblem::NotAccepted,
        RowProblem::RecordTooLarge,
        RowProblem::QuoteError,
        RowProblem::RepeatedHeader,
        RowProblem::QuoteRecovered,
        RowProblem::ShortRow,
        RowProblem::LongRow,
    ];

    /// The stable reason.
    pub fn reason(self) -> &'static str {
        match self {
            RowProblem::NoIdentifier => "no_identifier",
            RowProblem::NotAccepted => "not_accepted_by_platform",
            RowProblem::RecordTooLarge => "record_too_large",
            RowProblem::QuoteError => "quote_error",
            RowProblem::RepeatedHeader => "repeated_header",
            RowProblem::QuoteRecovered => "quote_recovered",
            RowProblem::ShortRow => "short_row",
            RowProblem::LongRow => "long_row",
        }
    }

    /// True if the row cannot be used, whatever its cells hold.
    pub(crate) fn spoils_the_row(self) -> bool {
        matches!(
            self,
            RowProblem::RecordTooLarge | RowProblem::QuoteError | RowProblem::RepeatedHeader
        )
    }

    /// True if it never makes a row unusable by itself.
    pub(crate) fn is_warning(self) -> bool {
        matches!(self, RowProblem::QuoteRecovered | RowProblem::ShortRow | RowProblem::LongRow)
    }
}
