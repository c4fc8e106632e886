//! The kinds of personal data that are told apart: those a value shows, and those only the
//! definition of a column can tell.

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
    /// A number that stands for a person, who is known only with the customers beside it.
    CustomerId,
    /// A visit of somebody to the shop.
    SessionId,
    /// Addresses of pages, which can hold what somebody typed.
    Url,
}

impl Kind {
    /// The kinds that values show, in the order the documentation lists them.
    pub const DETECTED: [Kind; 18] = [
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

    /// Every kind: those that values show, then those that only a definition tells.
    pub const ALL: [Kind; 21] = {
        let mut all = [Kind::Url; 21];
        let mut at = 0;
        while at < Kind::DETECTED.len() {
            all[at] = Kind::DETECTED[at];
            at += 1;
        }
        all[at] = Kind::CustomerId;
        all[at + 1] = Kind::SessionId;
        all
    };

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
            Kind::CustomerId => "customer_id",
            Kind::SessionId => "session_id",
            Kind::Url => "url",
        }
    }

    /// True when the value itself tells who somebody is or how to reach them: names, addresses,
    /// numbers of cards and papers. False for numbers that stand for a person within the shop, and
    /// for addresses of pages.
    pub const fn is_direct(self) -> bool {
        !matches!(self, Kind::CustomerId | Kind::SessionId | Kind::Url)
    }

    /// True for a number that stands for a person within the shop, and says nothing elsewhere.
    pub const fn is_pseudonym(self) -> bool {
        matches!(self, Kind::CustomerId | Kind::SessionId)
    }

    /// True for kinds that goods, suppliers and pages do not look like; they are called after people
    /// and places.
    pub fn is_certain(self) -> bool {
        !matches!(self, Kind::PersonName | Kind::PostalAddress)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_once_and_found_by_its_name() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            assert_eq!(kind.name().parse::<Kind>(), Ok(kind));
            assert_eq!(Kind::DETECTED.contains(&kind), kind.is_direct());
        }
    }
}
