//! Which column of a customer list holds what.
//!
//! In: field names and headers, as a merchant gives them. Out: [`Mapping`], which the engine's
//! options are made of.

use crate::{Identifier, Options};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Field -> header: `email`, `phone`, `first_name`, `last_name`, `country`, `ltv`; at least e-mail
/// or phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Mapping(BTreeMap<Identifier, String>);

/// The fields that may be mapped.
pub const FIELDS: [Identifier; 6] = [
    Identifier::Email,
    Identifier::Phone,
    Identifier::FirstName,
    Identifier::LastName,
    Identifier::Country,
    Identifier::Ltv,
];

/// Longer texts are no header.
const HEADER_BYTES_MAX: usize = 4_096;

impl Mapping {
    /// A mapping of these fields to these headers.
    ///
    /// # Errors
    ///
    /// A sentence: a field that is not known, a header that is blank, or neither e-mail nor phone.
    pub fn new(headers: impl IntoIterator<Item = (String, String)>) -> Result<Mapping, String> {
        let mut mapping = BTreeMap::new();
        for (field, header) in headers {
            let known = FIELDS.into_iter().find(|known| known.name() == field);
            let Some(identifier) = known else {
                let names: Vec<_> = FIELDS.iter().map(|known| known.name()).collect();
                return Err(format!("column_mapping may have the keys {}", names.join(", ")));
            };
            if header.trim().is_empty() || header.len() > HEADER_BYTES_MAX {
                return Err(format!("column_mapping.{field} must be a header of the file"));
            }
            mapping.insert(identifier, header);
        }
        if !mapping.contains_key(&Identifier::Email) && !mapping.contains_key(&Identifier::Phone) {
            return Err("column_mapping needs at least email or phone".to_owned());
        }
        Ok(Mapping(mapping))
    }

    /// Options that read these columns and no other.
    pub(crate) fn apply(&self, options: Options) -> Options {
        let map = |options: Options, (identifier, header): (&Identifier, &String)| {
            options.map(*identifier, header)
        };
        self.0.iter().fold(options.mapped_only(), map)
    }
}

impl TryFrom<BTreeMap<String, String>> for Mapping {
    type Error = String;

    fn try_from(headers: BTreeMap<String, String>) -> Result<Mapping, String> {
        Mapping::new(headers)
    }
}

impl From<Mapping> for BTreeMap<String, String> {
    fn from(mapping: Mapping) -> BTreeMap<String, String> {
        mapping.0.into_iter().map(|(field, header)| (field.name().to_owned(), header)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_needs_a_primary_identifier() {
        let mapping = |pairs: &[(&str, &str)]| {
            Mapping::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
        };
        assert!(mapping(&[("email", "E-Mail"), ("ltv", "Worth")]).is_ok());
        assert!(mapping(&[("first_name", "Name")]).unwrap_err().contains("email or phone"));
        assert!(mapping(&[("email", " ")]).unwrap_err().contains("column_mapping.email"));
        assert!(mapping(&[("email", "a"), ("zip", "b")]).unwrap_err().contains("country"));
    }
}
