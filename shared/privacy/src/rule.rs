//! The rules a value can meet, and how much each is worth as evidence.

use std::fmt;

use crate::kind::Kind;

macro_rules! rules {
    ($($rule:ident $kind:ident $name:literal $chance:literal $ceiling:literal $meaning:literal;)*) => {
        /// What about a value speaks for a kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Rule { $(#[doc = $meaning] $rule,)* }

        impl Rule {
            /// Every rule, by kind.
            pub const ALL: [Rule; [$(Rule::$rule),*].len()] = [$(Rule::$rule),*];

            /// The kind it speaks for.
            pub fn kind(self) -> Kind {
                match self { $(Rule::$rule => Kind::$kind,)* }
            }

            /// The name in reports.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$rule => $name,)* }
            }

            /// What it looks at, in words.
            pub fn meaning(self) -> &'static str {
                match self { $(Rule::$rule => $meaning,)* }
            }

            /// Share of values of similar look, but of no personal kind, that meet it by chance.
            pub fn chance(self) -> f64 {
                match self { $(Rule::$rule => $chance,)* }
            }

            /// The most that values can say for it, as a logarithm of odds: what all values of a
            /// column have in common (ten digits each, say) is one observation, not many.
            pub fn ceiling(self) -> f64 {
                match self { $(Rule::$rule => $ceiling,)* }
            }
        }
    };
}

rules! {
    EmailSyntax Email "email_syntax" 0.0001 12.0 "local part, `@` and a domain with a top level (RFC 5321 lengths)";
    EmailInText Email "email_in_text" 0.001 8.0 "an address within other text";
    PhoneInternational Phone "phone_international" 0.001 9.0 "`+`, an assigned country code, 8 to 15 digits (E.164)";
    PhoneFormatted Phone "phone_formatted" 0.01 5.5 "national number with brackets, a trunk zero or North American groups";
    PhoneGrouped Phone "phone_grouped" 0.08 2.6 "digits in the groups of a national number without a trunk zero";
    PhoneDigits Phone "phone_digits" 0.3 1.5 "nothing but digits, as many as a national number has";
    NameDictionary PersonName "name_dictionary" 0.005 7.0 "two to four words in the shape of a name, given name and surname known";
    NameSurname PersonName "name_surname" 0.03 4.0 "the same, only the surname known";
    NameGiven PersonName "name_given" 0.06 2.0 "the same, only the given name known; goods are called after people too";
    NameWord PersonName "name_word" 0.1 2.6 "one word, a known given name or surname";
    NameShape PersonName "name_shape" 0.4 0.9 "two to four words in the shape of a name, none known";
    NameText PersonName "name_text" 0.6 0.3 "one to four words of letters only";
    AddressStreet PostalAddress "address_street" 0.005 7.0 "a house number and a word for street";
    AddressPostcode PostalAddress "address_postcode" 0.02 3.6 "United Kingdom, Dutch or Canadian postcode";
    AddressText PostalAddress "address_text" 0.5 0.5 "words and a number";
    CardLuhn CardNumber "card_luhn" 0.027 12.0 "issuer prefix, its lengths, and Luhn's check digit";
    CardThirteen CardNumber "card_thirteen" 0.1 2.0 "the same with 13 digits: Visa once issued them, and article numbers beginning with 4 look alike";
    IbanCheck Iban "iban_check" 0.0001 12.0 "country, its length, and remainder 1 modulo 97 (ISO 13616)";
    SsnFormatted UsSsn "ssn_formatted" 0.02 5.5 "3-2-4 groups, area, group and serial that can be issued";
    SsnDigits UsSsn "ssn_digits" 0.85 0.3 "nine digits, area, group and serial that can be issued";
    NinoPrefix UkNino "nino_prefix" 0.001 9.0 "allocated prefix, six digits, suffix A to D";
    SteuerIdCheck DeSteuerId "steuer_id_check" 0.004 10.0 "eleven digits, one of them twice or thrice, ISO 7064 MOD 11,10";
    NirKey FrNir "nir_key" 0.007 10.0 "sex, month, department and key modulo 97";
    NifLetter EsNif "nif_letter" 0.005 9.0 "eight digits (NIE: X, Y or Z and seven) and their letter modulo 23";
    CodiceFiscaleCheck ItCodiceFiscale "codice_fiscale_check" 0.0001 12.0 "letters and digits in place, birth date, check letter";
    BsnEleven NlBsn "bsn_eleven" 0.09 8.0 "nine digits that pass the eleven test";
    PeselCheck PlPesel "pesel_check" 0.018 10.0 "birth date and check digit";
    CpfFormatted BrCpf "cpf_formatted" 0.0005 11.0 "written 000.000.000-00, both check digits";
    CpfCheck BrCpf "cpf_check" 0.01 10.0 "eleven digits, both check digits";
    AadhaarGrouped InAadhaar "aadhaar_grouped" 0.02 8.0 "three groups of four digits, Verhoeff's check digit";
    AadhaarCheck InAadhaar "aadhaar_check" 0.08 8.0 "twelve digits, Verhoeff's check digit";
    Ipv4 IpAddress "ipv4" 0.005 9.0 "four octets, not written like a version number";
    Ipv4VersionLike IpAddress "ipv4_version_like" 0.5 0.6 "four octets below 64 each, as version numbers are";
    Ipv6 IpAddress "ipv6" 0.001 10.0 "RFC 4291 text form";
    MacOctets MacAddress "mac_octets" 0.001 10.0 "six octets in hexadecimal, separated";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The rules a value meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matches(u64);

impl Matches {
    /// None at all.
    pub const NONE: Matches = Matches(0);

    pub(crate) fn add(&mut self, rule: Rule) {
        self.0 |= 1 << rule as u8;
    }

    pub(crate) fn add_if(&mut self, met: bool, rule: Rule) {
        self.0 |= u64::from(met) << rule as u8;
    }

    /// True when the value meets `rule`.
    pub fn contains(self, rule: Rule) -> bool {
        self.0 >> rule as u8 & 1 == 1
    }

    /// True when it meets none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rules, in the order of [`Rule::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let place = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            Rule::ALL.get(place).copied()
        })
    }
}
