//! Values that are no personal data and look like it.

use fake::Fake;
use fake::faker::address::raw::CityName;
use fake::faker::company::raw::CompanyName;
use fake::locales::EN;
use rand::RngExt;

use crate::labelled::{Maker, Random, fill, pick};

/// Each family is a column of its own.
pub const FAMILIES: [(&str, Maker); 29] = [
    ("order number in the form of a card", |random| card_failing_luhn(random, "4##############")),
    ("order number, 9 digits", |random| fill(random, "#########")),
    ("order number, 10 digits", |random| fill(random, "30########")),
    ("order number, 11 digits", |random| fill(random, "###########")),
    ("order number, 12 digits", |random| fill(random, "############")),
    ("order number, 16 digits", |random| fill(random, "################")),
    ("order number in groups", |random| fill(random, "###-#######-#######")),
    ("ISBN-13", |random| isbn_13(random)),
    ("ISBN-10", |random| fill(random, "0-306-#####-#")),
    ("EAN-13", |random| ean_13(random, "40##########")),
    ("version", |random| {
        let mut part = |most: u32| random.random_range(0..most);
        format!("{}.{}.{}.{}", part(5), part(12), part(20), part(60))
    }),
    ("version with three parts", |random| fill(random, "v#.#.#")),
    ("product code", |random| fill(random, "@@-####-@")),
    ("stock keeping unit", |random| fill(random, "SKU-######")),
    ("date", |random| {
        format!(
            "20{:02}-{:02}-{:02}",
            number(random, 10, 27),
            number(random, 1, 13),
            number(random, 1, 29)
        )
    }),
    ("date, day first", |random| {
        format!(
            "{:02}.{:02}.20{:02}",
            number(random, 1, 29),
            number(random, 1, 13),
            number(random, 10, 27)
        )
    }),
    ("timestamp", |random| fill(random, "2026-01-1#T1#:3#:4#Z")),
    ("seconds since 1970", |random| fill(random, "17########")),
    ("UUID", uuid),
    ("SHA-1", |random| format!("{}{}", uuid(random).replace('-', ""), fill(random, "########"))),
    ("amount", |random| fill(random, "###.##")),
    ("product name", product),
    ("company", |random| CompanyName(EN).fake_with_rng(random)),
    ("city", |random| CityName(EN).fake_with_rng(random)),
    ("image", |random| format!("icon-{}@2x.png", number(random, 1, 900))),
    ("URL", |random| fill(random, "https://shop.example.com/p/######?ref=mail")),
    ("IMEI", |random| fill(random, "35#############")),
    ("parcel number", |random| fill(random, "1Z###@@#########")),
    ("status", |random| {
        pick(random, &["in transit", "Delivered", "PENDING", "returned", "On Hold"]).to_owned()
    }),
];

fn number(random: &mut Random, from: u32, to: u32) -> u32 {
    random.random_range(from..to)
}

fn card_failing_luhn(random: &mut Random, form: &str) -> String {
    let number = fill(random, form);
    let sum: u32 = number
        .chars()
        .rev()
        .enumerate()
        .filter_map(|(place, letter)| Some((place, letter.to_digit(10)?)))
        .map(|(place, digit)| if place % 2 == 0 { digit * 2 % 10 + digit * 2 / 10 } else { digit })
        .sum();
    format!("{number}{}", (10 - sum % 10 + random.random_range(1..10)) % 10)
}

fn ean_13(random: &mut Random, form: &str) -> String {
    let number = fill(random, form);
    let sum: u32 = number
        .chars()
        .filter_map(|letter| letter.to_digit(10))
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit } else { digit * 3 })
        .sum();
    format!("{number}{}", (10 - sum % 10) % 10)
}

fn isbn_13(random: &mut Random) -> String {
    let number = ean_13(random, "978#########");
    match random.random_bool(0.5) {
        true => format!(
            "{}-{}-{}-{}-{}",
            &number[..3],
            &number[3..4],
            &number[4..7],
            &number[7..12],
            &number[12..]
        ),
        false => number,
    }
}

fn uuid(random: &mut Random) -> String {
    let mut hexadecimal = |length: usize| -> String {
        (0..length).map(|_| char::from(b"0123456789abcdef"[random.random_range(0..16)])).collect()
    };
    format!(
        "{}-{}-4{}-a{}-{}",
        hexadecimal(8),
        hexadecimal(4),
        hexadecimal(3),
        hexadecimal(3),
        hexadecimal(12)
    )
}

/// Goods that are not in the dictionaries of the detection; a third is called after people.
fn product(random: &mut Random) -> String {
    const FIRST: [&str; 12] = [
        "Granite", "Stella", "Nordic", "Rose", "Oscar", "Crystal", "Urban", "Victoria", "Solar",
        "Compact", "Luna", "Heritage",
    ];
    const SECOND: [&str; 12] = [
        "Tripod",
        "Hammock",
        "Thermostat",
        "Drill",
        "Candle",
        "Notebook",
        "Router",
        "Skillet",
        "Planter",
        "Teapot",
        "Armchair",
        "Binoculars",
    ];
    format!("{} {}", pick(random, &FIRST), pick(random, &SECOND))
}
