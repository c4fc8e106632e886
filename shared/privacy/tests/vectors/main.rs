//! Published examples and test numbers, and things that only look like them.

use shopflow_privacy::{Matches, Rule, detect};

fn met(value: &str) -> Vec<Rule> {
    detect(value.as_bytes()).iter().collect()
}

#[track_caller]
fn assert_all(rule: Rule, values: &[&str]) {
    for value in values {
        assert!(detect(value.as_bytes()).contains(rule), "{value} is {:?}, not {rule}", met(value));
    }
}

#[track_caller]
fn assert_none(rule: Rule, values: &[&str]) {
    for value in values {
        assert!(!detect(value.as_bytes()).contains(rule), "{value} is no {rule}");
    }
}

#[test]
fn test_card_numbers_of_the_issuers_are_cards() {
    assert_all(
        Rule::CardLuhn,
        &[
            "4111111111111111",
            "4012888888881881",
            "5555555555554444",
            "5105 1051 0510 5100",
            "2223003122003222",
            "3782 822463 10005",
            "371449635398431",
            "6011-1111-1111-1117",
            "6011000990139424",
            "30569309025904",
            "3852 000002 3237",
            "3530111333300000",
            "3566002020360505",
            "6200000000000005",
            "6759649826438453",
        ],
    );
}

#[test]
fn old_cards_of_thirteen_digits_are_told_from_the_others() {
    assert_all(Rule::CardThirteen, &["4222222222222"]);
    assert_none(Rule::CardLuhn, &["4222222222222"]);
}

#[test]
fn order_numbers_and_other_luhn_numbers_are_no_cards() {
    // A wrong digit; a book; an IMEI, which has Luhn's digit too; groups of an order number.
    assert_none(
        Rule::CardLuhn,
        &[
            "4111111111111112",
            "9780306406157",
            "490154203237518",
            "41-11-11-11-11-11-11-11",
            "0000000000000000",
        ],
    );
}

#[test]
fn examples_of_the_iban_registry_are_ibans() {
    assert_all(
        Rule::IbanCheck,
        &[
            "AD12 0001 2030 2003 5910 0100",
            "AE070331234567890123456",
            "AT611904300234573201",
            "BE68539007547034",
            "BR1800360305000010009795493C1",
            "CH9300762011623852957",
            "CZ6508000000192000145399",
            "DE89 3704 0044 0532 0130 00",
            "DK5000400440116243",
            "EE382200221020145685",
            "ES9121000418450200051332",
            "FI2112345600000785",
            "FR1420041010050500013M02606",
            "gb29 nwbk 6016 1331 9268 19",
            "GR1601101250000000012300695",
            "IE29AIBK93115212345678",
            "IT60X0542811101000000123456",
            "LU280019400644750000",
            "MT84MALT011000012345MTLCAST001S",
            "NL91ABNA0417164300",
            "NO9386011117947",
            "PL61109010140000071219812874",
            "PT50000201231234567890154",
            "SA0380000000608010167519",
            "SE4550000000058398257466",
            "TR330006100519786457841326",
        ],
    );
    assert_none(
        Rule::IbanCheck,
        &[
            "DE89370400440532013001",
            "DE8937040044053201300",
            "ZZ89370400440532013000",
            "GB29NWBK6016133192681",
        ],
    );
}

#[test]
fn national_ids_need_their_check_digits() {
    let examples: [(Rule, &[&str], &[&str]); 14] = [
        (
            Rule::SsnFormatted,
            &["536-22-1234", "219 09 1234"],
            &[
                "000-12-3456",
                "666-12-3456",
                "900-12-3456",
                "123-00-4567",
                "123-45-0000",
                "078-05-1120",
                "219-09-9999",
            ],
        ),
        (
            Rule::NinoPrefix,
            &["AB123456C", "ab 12 34 56 c"],
            &["QQ123456C", "BG123456C", "AO123456C", "AB123456E"],
        ),
        (
            Rule::SteuerIdCheck,
            &["86095742719", "47036892816", "65929970489", "65 929 970 489"],
            &["86095742710", "01234567890", "11111111111"],
        ),
        (
            Rule::NirKey,
            &["255081416802538", "2 55 08 14 168 025 38", "1 84 12 76 451 089 46"],
            &["255081416802539", "955081416802538"],
        ),
        (
            Rule::NifLetter,
            &["12345678Z", "12345678-Z", "X1234567L", "Y1234567X", "Z1234567R"],
            &["12345678A", "X1234567A"],
        ),
        (
            Rule::CodiceFiscaleCheck,
            &["RSSMRA85T10A562S", "MRTMTT91D08F205J", "mrtmtt91d08f205j"],
            &["RSSMRA85T10A562T", "RSSMRA85X10A562S"],
        ),
        (
            Rule::BsnEleven,
            &["111222333", "123456782", "1112.22.333"],
            &["111222334", "000000000", "123456789"],
        ),
        (Rule::PeselCheck, &["44051401359", "02070803628"], &["44051401358", "44131401359"]),
        (Rule::CpfCheck, &["52998224725", "11144477735"], &["52998224726", "11111111111"]),
        (Rule::CpfFormatted, &["529.982.247-25", "111.444.777-35"], &["529.982.247-26"]),
        (Rule::AadhaarCheck, &["999941057058", "999971658847"], &["999941057059", "199941057058"]),
        (Rule::AadhaarGrouped, &["9999 4105 7058"], &["9999 4105 7059", "99 9941 0570 58"]),
        (Rule::SsnDigits, &["536221234"], &["000221234"]),
        (
            Rule::AddressPostcode,
            &["SW1A 1AA", "M1 1AE", "1234 AB", "K1A 0B1"],
            &["A1", "AB-1234", "SW1A1AAX"],
        ),
    ];
    for (rule, valid, invalid) in examples {
        assert_all(rule, valid);
        assert_none(rule, invalid);
    }
}

#[test]
fn email_addresses_are_told_from_other_things_with_an_at() {
    assert_all(
        Rule::EmailSyntax,
        &[
            "ada@example.com",
            "a.b+c@sub.example.co.uk",
            " ada@example.com ",
            "user@xn--bcher-kva.example",
            "zoë@exämple.de",
            "o'neil@example.museum",
        ],
    );
    assert_none(
        Rule::EmailSyntax,
        &[
            "@handle",
            "ada@localhost",
            "logo@2x.png",
            "a..b@example.com",
            ".a@example.com",
            "ada@-example.com",
            "a@b@example.com",
            "git@github.com:org/repo.git",
            "ada@example.c0m",
            "package@1.2.3",
        ],
    );
    assert_all(
        Rule::EmailInText,
        &["Ada <ada@example.com>", "write to ada@example.com.", "mailto:ada@example.com"],
    );
    assert_none(
        Rule::EmailInText,
        &[
            "see git@github.com:org/repo.git",
            "meet @ 5.30pm",
            "ftp://me@files.example.com/x",
            "icon@2x.png",
        ],
    );
}

#[test]
fn addresses_within_long_text_are_found() {
    let mut text = "order arrived late ".repeat(40);
    assert_eq!(detect(text.as_bytes()), Matches::NONE);
    text.push_str("contact grace@example.org");
    assert!(detect(text.as_bytes()).contains(Rule::EmailInText));
}

#[test]
fn telephone_numbers_in_the_ways_people_write_them() {
    assert_all(
        Rule::PhoneInternational,
        &[
            "+442079460018",
            "+44 (0)20 7946 0018",
            "+1 202-555-0123",
            "+49 30 901820",
            "+91 98765 43210",
            "+55 11 91234-5678",
        ],
    );
    assert_all(
        Rule::PhoneFormatted,
        &[
            "(202) 555-0123",
            "202-555-0123",
            "202.555.0123",
            "1-202-555-0123",
            "202-555-0123 x45",
            "(202) 555-0123 ext. 45",
            "020 7946 0018",
            "030/901820 12",
            "06 12 34 56 78",
            "(11) 91234-5678",
        ],
    );
    assert_all(Rule::PhoneGrouped, &["612 34 56 78", "601 234 567", "98765 43210"]);
    assert_all(Rule::PhoneDigits, &["2025550123", "0612345678", "00442079460018", "612345678"]);
    for rule in [Rule::PhoneInternational, Rule::PhoneFormatted, Rule::PhoneGrouped] {
        assert_none(
            rule,
            &[
                "2024-01-15",
                "01-02-2024",
                "15/01/2024",
                "0-306-40615-2",
                "978-0-306-40615-7",
                "+999 123 456 789",
                "+1 102 555 0123",
                "102-555-0123",
                "1.2.3.4",
                "12:30:45",
                "20240115",
                "+12",
                "1705312800",
                "536-22-1234",
                "529.982.247-25",
            ],
        );
    }
}

#[test]
fn addresses_of_computers_are_told_from_versions_and_times() {
    assert_all(Rule::Ipv4, &["192.0.2.1", "198.51.100.255", "10.0.0.1", "127.0.0.1"]);
    assert_all(Rule::Ipv4VersionLike, &["1.2.3.4", "3.11.0.2"]);
    assert_none(
        Rule::Ipv4,
        &["1.2.3.4", "256.1.1.1", "192.0.2", "192.0.2.1.5", "192.0.2.01", "192.0..1", "v1.2.3.4"],
    );
    assert_all(
        Rule::Ipv6,
        &[
            "2001:db8::1",
            "::1",
            "fe80::1",
            "2001:0db8:0000:0000:0000:ff00:0042:8329",
            "::ffff:192.0.2.1",
        ],
    );
    assert_none(Rule::Ipv6, &["12:30:45", "2001:db8::g", "1:2:3:4:5:6:7", "10:30", "::::"]);
    assert_all(
        Rule::MacOctets,
        &[
            "00:1A:2B:3C:4D:5E",
            "00-1a-2b-3c-4d-5e",
            "001a.2b3c.4d5e",
            "00:11:22:33:44:55",
            "aa:bb:cc:dd:ee:ff",
            "00-11-22-33-44-55",
        ],
    );
    assert_none(Rule::MacOctets, &["00:1A:2B:3C:4D", "00:1A-2B:3C:4D:5E", "2024-01-15T10:30"]);
}

#[test]
fn names_and_streets_are_recognised_by_words_and_shape() {
    assert_all(
        Rule::NameDictionary,
        &[
            "Emma Smith",
            "Maria van der Lopez",
            "CARLOS GARCIA LOPEZ",
            "Larsen-Hansen, Emma",
            "Dr. John Q. Martin",
            "Élodie Durand",
            "maria garcia",
            "Emma Green",
        ],
    );
    assert_all(Rule::NameSurname, &["Quentilla Smith", "Zorba J. Rossi"]);
    assert_all(Rule::NameGiven, &["Jean-Luc Picard", "Emma Quux", "Stella Tripod"]);
    assert_all(Rule::NameShape, &["Zebulon Quux", "Grzegorz Brzęczyszczykiewicz"]);
    for rule in [Rule::NameDictionary, Rule::NameSurname, Rule::NameGiven, Rule::NameWord] {
        assert_none(
            rule,
            &[
                "Red Shirt",
                "Green Kettle",
                "Victoria Mug",
                "Johnson Inc",
                "in transit",
                "PENDING",
                "example.com",
                "credit_card",
                "SKU-AB",
                "Bank of James",
                "a",
            ],
        );
    }
    assert_all(
        Rule::AddressStreet,
        &[
            "12 High Street",
            "221B Baker St.",
            "Hauptstraße 5, 10115 Berlin",
            "12 rue de la Paix",
            "Calle Mayor 3",
            "Kerkstraat 12a",
            "via Roma 4",
        ],
    );
    assert_none(Rule::AddressStreet, &["Street Fighter", "Pack of 12", "12 Angry Men"]);
}

#[test]
fn hard_negatives_meet_no_rule_worth_reporting() {
    let harmless = [
        "",
        " ",
        "0",
        "42",
        "19.99",
        "2024-01-15T10:30:00Z",
        "2024-01-15",
        "550e8400-e29b-41d4-a716-446655440000",
        "978-3-16-148410-0",
        "SKU-12345-AB",
        "v2.10.3",
        "https://example.com/a?b=c",
        "true",
        "N/A",
        "€ 12,50",
        "日本",
    ];
    for value in harmless {
        let weak = [Rule::NameText, Rule::AddressText];
        let strong: Vec<_> = met(value).into_iter().filter(|rule| !weak.contains(rule)).collect();
        assert_eq!(strong, [], "{value}");
    }
}

#[test]
fn a_comma_without_a_word_is_no_name() {
    for value in [", aa", ",", ", ,", "- aa"] {
        assert_eq!(met(value), [], "{value}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_without_panic(value in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        detect(&value);
    }

    #[test]
    fn anything_made_of_a_few_words_and_marks_is_read_without_panic(value in "([a-c,.'@:-]{0,2} ?){0,8}") {
        detect(value.as_bytes());
    }

    #[test]
    fn anything_made_of_the_characters_of_numbers_is_read_without_panic(value in "[0-9A-Za-z .:()+@/-]{0,40}") {
        detect(value.as_bytes());
    }
}
