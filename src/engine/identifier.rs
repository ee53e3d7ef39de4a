//! The kinds of identifiers that a list holds, and the attributes that may stand beside them.
//!
//! In: a field name. Out: [`Identifier`], in the order of the output's columns.

use std::fmt;
use std::str::FromStr;

/// A kind of identifier, in the order of the output's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Identifier {
    /// E-mail address. Primary.
    Email,
    /// Phone number. Primary.
    Phone,
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// City.
    City,
    /// State, province or region.
    State,
    /// Postal code.
    Zip,
    /// Country; also the default country of the row's phone numbers.
    Country,
    /// Date of birth.
    Dob,
    /// Gender.
    Gender,
    /// Mobile advertising id (IDFA, AAID). Primary.
    Madid,
    /// The caller's own id of the person.
    ExternalId,
    /// Customer lifetime value: a number, never hashed.
    Ltv,
    /// Google: consent to send user data for advertising. Passed on as it is.
    ConsentAdUserData,
    /// Google: consent to personalized advertising. Passed on as it is.
    ConsentAdPersonalization,
    /// Meta: data processing options, such as `LDU`. Passed on as they are.
    DataProcessingOptions,
    /// Meta: the country of the data processing options. Passed on as it is.
    DataProcessingOptionsCountry,
    /// Meta: the state of the data processing options. Passed on as it is.
    DataProcessingOptionsState,
}

impl Identifier {
    /// Every identifier, in the order of the output's columns.
    pub const ALL: [Identifier; 18] = [
        Identifier::Email,
        Identifier::Phone,
        Identifier::FirstName,
        Identifier::LastName,
        Identifier::City,
        Identifier::State,
        Identifier::Zip,
        Identifier::Country,
        Identifier::Dob,
        Identifier::Gender,
        Identifier::Madid,
        Identifier::ExternalId,
        Identifier::Ltv,
        Identifier::ConsentAdUserData,
        Identifier::ConsentAdPersonalization,
        Identifier::DataProcessingOptions,
        Identifier::DataProcessingOptionsCountry,
        Identifier::DataProcessingOptionsState,
    ];

    /// The field name in options, output columns and reports.
    pub fn name(self) -> &'static str {
        match self {
            Identifier::Email => "email",
            Identifier::Phone => "phone",
            Identifier::FirstName => "first_name",
            Identifier::LastName => "last_name",
            Identifier::City => "city",
            Identifier::State => "state",
            Identifier::Zip => "zip",
            Identifier::Country => "country",
            Identifier::Dob => "dob",
            Identifier::Gender => "gender",
            Identifier::Madid => "madid",
            Identifier::ExternalId => "external_id",
            Identifier::Ltv => "ltv",
            Identifier::ConsentAdUserData => "consent_ad_user_data",
            Identifier::ConsentAdPersonalization => "consent_ad_personalization",
            Identifier::DataProcessingOptions => "data_processing_options",
            Identifier::DataProcessingOptionsCountry => "data_processing_options_country",
            Identifier::DataProcessingOptionsState => "data_processing_options_state",
        }
    }

    /// True for identifiers that a platform matches alone.
    pub fn is_primary(self) -> bool {
        matches!(self, Identifier::Email | Identifier::Phone | Identifier::Madid)
    }

    /// True for values that say something of the person or the consent, and are no match key.
    pub fn is_attribute(self) -> bool {
        self >= Identifier::Ltv
    }

    pub(crate) fn bit(self) -> u32 {
        1 << self as u32
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Identifier {
    type Err = String;

    fn from_str(name: &str) -> Result<Identifier, String> {
        Identifier::ALL.into_iter().find(|identifier| identifier.name() == name).ok_or_else(|| {
            let names: Vec<_> = Identifier::ALL.iter().map(|each| each.name()).collect();
            format!("the fields are {}", names.join(", "))
        })
    }
}
