//! How somebody is reached: e-mail, telephone, computers.

use shopflow_privacy::{Matches, Rule, detect};

use crate::{assert_all, assert_none};

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
