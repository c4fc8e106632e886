//! What treatments leave.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use shopflow_privacy::treatment::{REDACTED, hash, mask};
use shopflow_privacy::{Key, Kind, Treatment, Treatments};

fn treatments(key: &[u8]) -> Treatments {
    Treatments::new(Key::new(key).unwrap())
}

fn apply(treatment: Treatment, kind: Kind, value: &str) -> Option<String> {
    let treated = treatments(b"a key for tests, thirty-two long").apply(treatment, kind, value);
    treated.value().map(|value| value.into_owned())
}

#[test]
fn golden_examples() {
    let examples = [
        (Treatment::Keep, Kind::Email, "Ada@Example.com", "Ada@Example.com"),
        (Treatment::Initial, Kind::Email, "ada@example.com", "a***@example.com"),
        (Treatment::Initial, Kind::Email, "\"a@b\"@example.com", "\"***@example.com"),
        (Treatment::Initial, Kind::Email, "not an address", "***"),
        (Treatment::Initial, Kind::PersonName, "Élodie Durand", "É***"),
        (Treatment::Mask, Kind::Email, "Ada.L@example.com", "Xxx.X@xxxxxxx.xxx"),
        (Treatment::Mask, Kind::Phone, "+44 (0)20 7946-0018", "+00 (0)00 0000-0000"),
        (Treatment::Mask, Kind::PersonName, "Élodie 李", "Xxxxxx x"),
        (Treatment::LastFour, Kind::CardNumber, "4111 1111 1111 1234", "0000 0000 0000 1234"),
        (Treatment::LastFour, Kind::Iban, "DE89370400440532013000", "XX00000000000000003000"),
        (Treatment::LastFour, Kind::UsSsn, "536-22-1234", "000-00-0000"),
        (Treatment::Redact, Kind::PostalAddress, "12 High Street", REDACTED),
        (Treatment::Redact, Kind::Email, "", ""),
    ];
    for (treatment, kind, value, left) in examples {
        assert_eq!(apply(treatment, kind, value).as_deref(), Some(left), "{treatment} of {value}");
    }
    assert_eq!(apply(Treatment::Drop, Kind::Email, "ada@example.com"), None);
    assert_eq!(apply(Treatment::Drop, Kind::Email, ""), None);
}

#[test]
fn the_hash_is_hmac_sha_256_of_kind_and_normal_form() {
    // HMAC-SHA-256 with this key over "email\0ada@example.com", its first 16 bytes in base32.
    let hashed = apply(Treatment::Hash, Kind::Email, " ADA@example.com").unwrap();
    assert_eq!(hashed, "3fvcn2itxm5rmahtfiku2766ty");
}

#[test]
fn tables_join_on_hashed_columns() {
    let hashed = |kind, value| apply(Treatment::Hash, kind, value).unwrap();
    assert_eq!(hashed(Kind::Email, "Ada@Example.com"), hashed(Kind::Email, "ada@example.com "));
    assert_eq!(
        hashed(Kind::CardNumber, "4111 1111 1111 1111"),
        hashed(Kind::CardNumber, "4111-1111-1111-1111")
    );
    let unknown =
        treatments(b"a key for tests, thirty-two long").apply(Treatment::Hash, None, "123456782");
    assert_ne!(
        Some(hashed(Kind::NlBsn, "123456782")),
        unknown.value().map(|hash| hash.into_owned())
    );
    assert_ne!(hashed(Kind::Phone, "123456782"), hashed(Kind::NlBsn, "123456782"));
}

#[test]
fn what_was_taken_away_does_not_come_back() {
    for from in Treatment::ALL {
        for to in Treatment::ALL {
            let Some(step) = from.then(to) else { continue };
            for value in ["ada@example.com", "4111 1111 1111 1111", "Ada Lovelace"] {
                let kind = Kind::Email;
                let direct = apply(to, kind, value);
                let by_way = apply(from, kind, value).and_then(|value| apply(step, kind, &value));
                assert_eq!(by_way, direct, "{from} then {step} is not {to}");
            }
        }
    }
}

#[test]
fn what_a_treatment_leaves_is_told_from_what_it_was_given() {
    let value = "Zoe.Quill@example.org";
    for treatment in Treatment::ALL {
        for kind in [Kind::Email, Kind::PersonName] {
            let Some(left) = apply(treatment, kind, value) else {
                assert!(!treatment.leaves(Some(kind), value), "{treatment}");
                continue;
            };
            assert!(treatment.leaves(Some(kind), &left), "{treatment} {left}");
            assert_eq!(treatment.leaves(Some(kind), value), treatment == Treatment::Keep);
        }
    }
    for (kind, text) in [
        (Kind::PersonName, "Z***x"),
        (Kind::Email, "zoe***@example.org"),
        (Kind::Email, "z***@zoe@example.org"),
    ] {
        assert!(!Treatment::Initial.leaves(Some(kind), text), "{text}");
    }
}

proptest! {
    #[test]
    fn hashes_depend_on_the_value_and_the_key_and_on_nothing_else(value in "[a-z0-9]{1,30}", other in "[a-z0-9]{1,30}") {
        let hashed = |key: &[u8], value: &str| {
            treatments(key).apply(Treatment::Hash, Kind::Email, value).value().unwrap().into_owned()
        };
        let (one, two) = (b"the first key is 16+", b"the second key is 16");
        prop_assert_eq!(hashed(one, &value), hashed(one, &value));
        prop_assert_ne!(hashed(one, &value), hashed(two, &value));
        prop_assert_eq!(hashed(one, &value) == hashed(one, &other), value == other);
        prop_assert_eq!(hashed(one, &value).len(), hash::LENGTH);
        prop_assert!(hashed(one, &value).bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')));
    }

    #[test]
    fn a_mask_depends_on_the_form_alone_and_keeps_it(value in "\\PC{0,40}") {
        let masked = mask::all(&value);
        prop_assert_eq!(masked.chars().count(), value.chars().count());
        for (before, after) in value.chars().zip(masked.chars()) {
            let expected = match before {
                '0'..='9' => '0',
                'a'..='z' => 'x',
                'A'..='Z' => 'X',
                _ if before.is_ascii() => before,
                _ if before.is_uppercase() => 'X',
                _ => 'x',
            };
            prop_assert_eq!(after, expected);
        }
    }

    #[test]
    fn a_mask_leaves_no_letter_or_digit_of_the_value(value in "[1-9A-WYZa-wyz@. À-ž一-丂-]{0,40}") {
        let masked = mask::all(&value);
        let kept: Vec<char> = masked.chars().filter(|c| value.contains(*c) && (c.is_alphanumeric())).collect();
        prop_assert_eq!(kept, Vec::<char>::new());
    }

    #[test]
    fn the_last_four_are_all_that_stays(value in "[1-9 -]{0,30}") {
        let digits = |text: &str| text.chars().filter(|c| ('1'..='9').contains(c)).collect::<String>();
        let before = digits(&value);
        let after = digits(&mask::last_four(&value));
        prop_assert_eq!(after, if before.len() >= 12 { before[before.len() - 4..].to_owned() } else { String::new() });
    }

    #[test]
    fn an_initial_is_one_letter(value in "\\PC{1,40}") {
        prop_assume!(!value.trim().is_empty());
        let left = apply(Treatment::Initial, Kind::PersonName, &value).unwrap();
        prop_assert_eq!(left.chars().count(), 4);
        prop_assert_eq!(left.chars().next(), value.chars().next());
    }

    #[test]
    fn treatments_other_than_the_hash_may_be_repeated(value in "\\PC{0,40}") {
        for treatment in [Treatment::Keep, Treatment::LastFour, Treatment::Initial, Treatment::Mask, Treatment::Redact] {
            for kind in [Kind::Email, Kind::PersonName] {
                let once = apply(treatment, kind, &value).unwrap();
                prop_assert_eq!(&apply(treatment, kind, &once).unwrap(), &once);
            }
        }
    }
}
