//! The kinds of personal data that are told apart.

use std::fmt;
use std::str::FromStr;

use crate::names::{self, Unknown};

/// One kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Email,
    Phone,
    PersonName,
    PostalAddress,
    /// The primary account number of a payment card.
    CardNumber,
    Iban,
    /// United States: social security number.
    UsSsn,
    /// United Kingdom: National Insurance number.
    UkNino,
    /// Germany: Steuer-Identifikationsnummer.
    DeSteuerId,
    /// France: numéro d'inscription au répertoire.
    FrNir,
    /// Spain: DNI of citizens and NIE of residents.
    EsNif,
    /// Italy: codice fiscale of persons.
    ItCodiceFiscale,
    /// Netherlands: burgerservicenummer.
    NlBsn,
    /// Poland: PESEL.
    PlPesel,
    /// Brazil: CPF.
    BrCpf,
    /// India: Aadhaar.
    InAadhaar,
    /// IPv4 or IPv6 address.
    IpAddress,
    MacAddress,
}

impl Kind {
    /// Every kind, in the order the documentation lists them.
    pub const ALL: [Kind; 18] = [
        Kind::Email,
        Kind::Phone,
        Kind::PersonName,
        Kind::PostalAddress,
        Kind::CardNumber,
        Kind::Iban,
        Kind::UsSsn,
        Kind::UkNino,
        Kind::DeSteuerId,
        Kind::FrNir,
        Kind::EsNif,
        Kind::ItCodiceFiscale,
        Kind::NlBsn,
        Kind::PlPesel,
        Kind::BrCpf,
        Kind::InAadhaar,
        Kind::IpAddress,
        Kind::MacAddress,
    ];

    /// The name in configuration and reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Phone => "phone",
            Kind::PersonName => "person_name",
            Kind::PostalAddress => "postal_address",
            Kind::CardNumber => "card_number",
            Kind::Iban => "iban",
            Kind::UsSsn => "us_ssn",
            Kind::UkNino => "uk_nino",
            Kind::DeSteuerId => "de_steuer_id",
            Kind::FrNir => "fr_nir",
            Kind::EsNif => "es_nif",
            Kind::ItCodiceFiscale => "it_codice_fiscale",
            Kind::NlBsn => "nl_bsn",
            Kind::PlPesel => "pl_pesel",
            Kind::BrCpf => "br_cpf",
            Kind::InAadhaar => "in_aadhaar",
            Kind::IpAddress => "ip_address",
            Kind::MacAddress => "mac_address",
        }
    }

    /// True for numbers a state gives to a person.
    pub fn is_national_id(self) -> bool {
        (Kind::UsSsn..=Kind::InAadhaar).contains(&self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        names::parse("kind of personal data", &Kind::ALL, Kind::name, name)
    }
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
