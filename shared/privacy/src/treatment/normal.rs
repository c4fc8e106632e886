//! One form for values that mean the same, so that they hash alike.

use std::net::IpAddr;

use crate::kind::Kind;

/// The form of `value` that is hashed.
///
/// | kind | form |
/// |---|---|
/// | e-mail | trimmed, lower case. The local part is case-sensitive by RFC 5321 and nowhere in practice; dots and `+tags` mean different things to different hosts and stay |
/// | phone | digits, with a `+` in front where there was one or `00`; without extension. A national number stays national: its country is not known here |
/// | card, IBAN, national id, MAC | letters and digits only, upper case |
/// | IP | as the standard library writes it (RFC 5952), IPv4-mapped addresses as IPv4 |
/// | name, postal address | trimmed, lower case, single blanks. Not Unicode-normalised |
pub fn normal_form(kind: Kind, value: &str) -> String {
    let value = value.trim();
    match kind {
        Kind::Email => value.to_lowercase(),
        Kind::PersonName | Kind::PostalAddress => {
            let words: Vec<String> = value.split_whitespace().map(str::to_lowercase).collect();
            words.join(" ")
        }
        Kind::Phone => phone(value),
        Kind::IpAddress => match value.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().to_string(),
            Err(_) => value.to_lowercase(),
        },
        _ => value
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .map(|letter| letter.to_ascii_uppercase())
            .collect(),
    }
}

fn phone(value: &str) -> String {
    let number = value.split(|letter: char| letter.is_alphabetic()).next().unwrap_or(value);
    let digits: String = number.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    if number.starts_with('+') {
        return format!("+{digits}");
    }
    match digits.strip_prefix("00") {
        Some(international) => format!("+{international}"),
        None if digits.is_empty() => value.to_lowercase(),
        None => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_write_the_same_thing_have_one_form() {
        for (kind, form, written) in [
            (Kind::Email, "ada@example.com", [" Ada@Example.COM ", "ada@example.com"]),
            (Kind::Phone, "+442079460018", ["+44 (0)20 7946 0018", "0044 20 7946-0018 ext. 12"]),
            (
                Kind::Iban,
                "GB29NWBK60161331926819",
                ["gb29 nwbk 6016 1331 9268 19", "GB29-NWBK60161331926819"],
            ),
            (Kind::IpAddress, "192.0.2.1", ["::ffff:192.0.2.1", "192.0.2.1"]),
            (Kind::IpAddress, "2001:db8::1", ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"]),
            (Kind::MacAddress, "001A2B3C4D5E", ["00:1a:2b:3c:4d:5e", "001a.2b3c.4d5e"]),
            (Kind::PersonName, "ada lovelace", ["Ada  Lovelace", "ADA LOVELACE "]),
        ] {
            for value in written {
                assert_eq!(normal_form(kind, value), form, "{kind} {value}");
            }
        }
    }

    #[test]
    fn what_may_differ_stays_different() {
        let mail = |value| normal_form(Kind::Email, value);
        assert_ne!(mail("a.da@example.com"), mail("ada@example.com"));
        assert_ne!(mail("ada+shop@example.com"), mail("ada@example.com"));
        let phone = |value| normal_form(Kind::Phone, value);
        assert_ne!(phone("020 7946 0018"), phone("+44 20 7946 0018"));
    }
}
