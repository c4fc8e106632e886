//! What the name of a column says about its values.

use crate::kind::Kind;

/// A strong hint decides unless the values speak against it.
const STRONG: f64 = 4.0;
/// A weak hint needs the values to agree.
const WEAK: f64 = 2.0;

/// What a column's name says about each kind, as logarithms of odds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hints {
    words: String,
}

#[rustfmt::skip]
const TABLE: &[(Kind, f64, &[&str])] = &[
    (Kind::Email, STRONG, &["email", "e_mail", "mail", "courriel", "correo"]),
    (Kind::Phone, STRONG, &["phone", "telephone", "telefon", "telefono", "telefoon", "tel", "mobile", "cell",
        "cellphone", "handy", "fax", "whatsapp", "msisdn"]),
    (Kind::PersonName, STRONG, &["first_name", "firstname", "last_name", "lastname", "full_name", "fullname",
        "given_name", "surname", "family_name", "customer_name", "contact_name", "cardholder", "vorname", "nachname",
        "prenom", "apellido", "apellidos", "cognome", "recipient"]),
    (Kind::PersonName, WEAK, &["name", "nom", "nombre", "contact", "customer", "person", "author", "user", "naam"]),
    (Kind::PostalAddress, STRONG, &["street", "postal_address", "home_address", "shipping_address", "billing_address",
        "adresse", "direccion", "indirizzo", "postcode", "postal_code", "strasse"]),
    (Kind::PostalAddress, WEAK, &["address", "addr", "zip", "plz"]),
    (Kind::CardNumber, STRONG, &["card_number", "cardnumber", "card_no", "credit_card", "cc_number", "ccn", "pan"]),
    (Kind::CardNumber, WEAK, &["card", "cc"]),
    (Kind::Iban, STRONG, &["iban"]),
    (Kind::Iban, WEAK, &["bank_account", "account_number", "kontonummer"]),
    (Kind::UsSsn, STRONG, &["ssn", "social_security", "social_security_number"]),
    (Kind::UkNino, STRONG, &["nino", "national_insurance", "ni_number"]),
    (Kind::DeSteuerId, STRONG, &["steuer_id", "steuerid", "steueridentifikationsnummer", "idnr"]),
    (Kind::FrNir, STRONG, &["nir", "insee", "securite_sociale"]),
    (Kind::EsNif, STRONG, &["dni", "nie", "nif"]),
    (Kind::ItCodiceFiscale, STRONG, &["codice_fiscale", "codicefiscale", "cf"]),
    (Kind::NlBsn, STRONG, &["bsn", "burgerservicenummer", "sofinummer"]),
    (Kind::PlPesel, STRONG, &["pesel"]),
    (Kind::BrCpf, STRONG, &["cpf"]),
    (Kind::InAadhaar, STRONG, &["aadhaar", "aadhar", "uidai"]),
    (Kind::IpAddress, STRONG, &["ip", "ip_address", "ipaddress", "ipv4", "ipv6", "remote_addr", "client_ip"]),
    (Kind::MacAddress, STRONG, &["mac", "mac_address", "macaddress", "hwaddr"]),
];

/// Words that say what a column holds instead, and the kinds they take the likelihood from.
#[rustfmt::skip]
const AGAINST: &[(&[Kind], &[&str])] = &[
    (&[Kind::PersonName], &["product", "file", "host", "category", "company", "supplier", "country", "city", "brand",
        "event", "column", "table", "domain", "job", "method", "type", "status", "id"]),
    (&[Kind::PostalAddress], &["ip", "mac", "email", "mail", "web", "wallet"]),
    (&[Kind::IpAddress], &["version", "release", "build", "firmware"]),
    (&[Kind::CardNumber, Kind::Phone, Kind::UsSsn, Kind::DeSteuerId, Kind::NlBsn, Kind::PlPesel, Kind::BrCpf,
        Kind::InAadhaar], &["isbn", "sku", "ean", "gtin", "upc", "order", "product", "invoice", "tracking", "timestamp",
        "date", "price", "amount", "quantity"]),
];

impl Hints {
    /// Splits `column` into words at case changes and at everything that is no letter or digit.
    pub(crate) fn of(column: &str) -> Self {
        let mut words = String::from("_");
        let mut previous = '_';
        let mut rest = column.chars().peekable();
        while let Some(letter) = rest.next() {
            let next_lower = rest.peek().is_some_and(|next| next.is_lowercase());
            let starts = letter.is_uppercase()
                && (previous.is_lowercase() || (previous.is_uppercase() && next_lower));
            if (starts || !letter.is_alphanumeric()) && !words.ends_with('_') {
                words.push('_');
            }
            if letter.is_alphanumeric() {
                words.extend(letter.to_lowercase().map(plain));
            }
            previous = letter;
        }
        if !words.ends_with('_') {
            words.push('_');
        }
        Hints { words }
    }

    /// The evidence for `kind`: positive, zero, or negative where the name says something else.
    pub(crate) fn weight(&self, kind: Kind) -> f64 {
        let hinted = TABLE
            .iter()
            .filter(|(candidate, _, patterns)| *candidate == kind && self.has_any(patterns))
            .map(|(_, weight, _)| *weight)
            .fold(0.0, f64::max);
        let against =
            AGAINST.iter().any(|(kinds, words)| kinds.contains(&kind) && self.has_any(words));
        match against {
            true if hinted < STRONG => -STRONG,
            true => 0.0,
            false => hinted,
        }
    }

    fn has_any(&self, patterns: &[&str]) -> bool {
        patterns.iter().any(|pattern| {
            self.words.match_indices(pattern).any(|(start, found)| {
                let bytes = self.words.as_bytes();
                start > 0 && bytes[start - 1] == b'_' && bytes[start + found.len()] == b'_'
            })
        })
    }
}

/// Without the accents that column names are written with or without.
fn plain(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ä' | 'ã' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_style_are_understood() {
        for column in ["email", "customerEmail", "E-Mail", "contact.email_address", "EMAIL2 mail"] {
            assert_eq!(Hints::of(column).weight(Kind::Email), STRONG, "{column}");
        }
        assert_eq!(Hints::of("Prénom").weight(Kind::PersonName), STRONG);
        assert_eq!(Hints::of("clientIPAddress").weight(Kind::IpAddress), STRONG);
        assert_eq!(Hints::of("name").weight(Kind::PersonName), WEAK);
    }

    #[test]
    fn parts_of_other_words_and_names_of_things_are_no_hints() {
        assert_eq!(Hints::of("description").weight(Kind::IpAddress), 0.0);
        assert_eq!(Hints::of("company_span").weight(Kind::CardNumber), 0.0);
        assert!(Hints::of("product_name").weight(Kind::PersonName) < 0.0);
        assert!(Hints::of("ip_address").weight(Kind::PostalAddress) < 0.0);
        assert_eq!(Hints::of("").weight(Kind::Email), 0.0);
    }
}
