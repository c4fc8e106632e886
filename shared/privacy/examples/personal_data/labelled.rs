//! Values whose kind is known, because they are made here: check digits are computed forwards from
//! their definitions, not with the checks under test. Everything is synthetic.

use fake::Fake;
use fake::faker::address::raw::StreetName;
use fake::faker::name::raw::{FirstName, LastName};
use fake::locales::{DE_DE, EN, FR_FR, IT_IT, NL_NL, PT_BR};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub type Random = ChaCha8Rng;
pub type Maker = fn(&mut Random) -> String;

/// Kinds as they are named in reports, and what makes their values.
pub const KINDS: [(&str, Maker); 18] = [
    ("email", email),
    ("phone", phone),
    ("person_name", person),
    ("postal_address", address),
    ("card_number", card),
    ("iban", iban),
    ("us_ssn", ssn),
    ("uk_nino", nino),
    ("de_steuer_id", steuer_id),
    ("fr_nir", nir),
    ("es_nif", nif),
    ("it_codice_fiscale", codice_fiscale),
    ("nl_bsn", bsn),
    ("pl_pesel", pesel),
    ("br_cpf", cpf),
    ("in_aadhaar", aadhaar),
    ("ip_address", ip),
    ("mac_address", mac),
];

pub fn pick<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    from[random.random_range(0..from.len())]
}

/// Replaces each `#` by a digit and each `@` by a capital.
pub fn fill(random: &mut Random, form: &str) -> String {
    form.chars()
        .map(|letter| match letter {
            '#' => char::from(b'0' + random.random_range(0..10u8)),
            '@' => char::from(b'A' + random.random_range(0..26u8)),
            other => other,
        })
        .collect()
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.chars().filter_map(|letter| letter.to_digit(10))
}

fn first(random: &mut Random) -> String {
    match random.random_range(0..6) {
        0 => FirstName(DE_DE).fake_with_rng(random),
        1 => FirstName(FR_FR).fake_with_rng(random),
        2 => FirstName(IT_IT).fake_with_rng(random),
        3 => FirstName(NL_NL).fake_with_rng(random),
        4 => FirstName(PT_BR).fake_with_rng(random),
        _ => FirstName(EN).fake_with_rng(random),
    }
}

fn last(random: &mut Random) -> String {
    match random.random_range(0..6) {
        0 => LastName(DE_DE).fake_with_rng(random),
        1 => LastName(FR_FR).fake_with_rng(random),
        2 => LastName(IT_IT).fake_with_rng(random),
        3 => LastName(NL_NL).fake_with_rng(random),
        4 => LastName(PT_BR).fake_with_rng(random),
        _ => LastName(EN).fake_with_rng(random),
    }
}

fn person(random: &mut Random) -> String {
    let (first, last) = (first(random), last(random));
    match random.random_range(0..10) {
        0 => format!("{last}, {first}"),
        1 => fill(random, &format!("{first} @. {last}")),
        _ => format!("{first} {last}"),
    }
}

fn email(random: &mut Random) -> String {
    let slug = |text: String| -> String {
        text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let (first, last) = (slug(first(random)), slug(last(random)));
    let domain = pick(
        random,
        &[
            "example.com",
            "example.org",
            "mail.example.net",
            "shop.example.co.uk",
            "example.de",
            "example.io",
        ],
    );
    let form = match random.random_range(0..4) {
        0 => format!("{first}.{last}@{domain}"),
        1 => format!("{first}_{last}##@{domain}"),
        2 => format!("a{last}+shop@{domain}"),
        _ => format!("x{first}##@{domain}"),
    };
    // The capital of `fill` is not wanted here.
    form.replace('#', pick(random, &["1", "7", "42"]))
}

/// Numbers of seven national plans, each in the ways people write it.
fn phone(random: &mut Random) -> String {
    #[rustfmt::skip]
    const FORMS: [&str; 30] = [
        "+1 212-55#-####", "(415) 55#-####", "303-55#-####", "1-617-55#-####", "+1206555####", "512.55#.####", "(646) 55#-#### x##",
        "+44 20 79## ####", "020 79## ####", "+4478########", "077## ######", "+44 (0)161 49# ####",
        "+49 30 901####", "030 901####", "0151 2345####", "+4915123######", "089/4567####",
        "+33 6 12 ## ## ##", "06 12 ## ## ##", "01.42.##.##.##", "+331427#####",
        "+34 612 ### ###", "612 ## ## ##", "+34912######",
        "+91 98### #####", "98### #####", "+9198########",
        "+55 11 9#### ####", "(11) 9####-####", "+48 601 ### ###",
    ];
    let form = pick(random, &FORMS);
    fill(random, form)
}

fn address(random: &mut Random) -> String {
    let number = random.random_range(1..300);
    let name = last(random);
    let city = pick(random, &["Springfield", "Leeds", "Lyon", "Porto", "Berlin", "Utrecht"]);
    let form = match random.random_range(0..6) {
        0 => format!("{number} {}", StreetName(EN).fake_with_rng::<String, _>(random)),
        1 => format!("{name}straße {number}, ##### {city}"),
        2 => format!("{number} rue {name}, ##### {city}"),
        3 => format!("Calle {name} {number}"),
        4 => format!(
            "{number} {name} {}, {city}",
            pick(random, &["St.", "Street", "Ave", "Road", "Lane", "Drive"])
        ),
        _ => format!("{name}straat {number}"),
    };
    fill(random, &form)
}

fn with_luhn(number: &str) -> String {
    let sum: u32 = digits(number)
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit * 2 % 10 + digit * 2 / 10 } else { digit })
        .sum();
    format!("{number}{}", (10 - sum % 10) % 10)
}

fn card(random: &mut Random) -> String {
    let form = pick(
        random,
        &[
            "4##############",
            "4##############",
            "52#############",
            "2345###########",
            "6011###########",
            "37############",
            "3530###########",
        ],
    );
    let number = with_luhn(&fill(random, form));
    let separator = pick(random, &["", "", " ", "-"]);
    let sizes: &[usize] = if number.len() == 15 { &[4, 6, 5] } else { &[4, 4, 4, 4] };
    grouped(&number, sizes, separator)
}

fn grouped(number: &str, sizes: &[usize], separator: &str) -> String {
    let mut rest = number;
    let groups: Vec<&str> = sizes
        .iter()
        .map(|size| {
            let (group, after) = rest.split_at(*size);
            rest = after;
            group
        })
        .collect();
    groups.join(separator)
}

fn iban(random: &mut Random) -> String {
    let (country, form) = [
        ("DE", "##################"),
        ("GB", "NWBK##############"),
        ("NL", "ABNA##########"),
        ("FR", "###################A####"),
        ("ES", "####################"),
        ("IT", "X######################"),
        ("PL", "########################"),
        ("BE", "############"),
    ][random.random_range(0..8)];
    let form = form.get(..if country == "FR" { 23 } else { form.len() }).unwrap_or(form);
    let account = fill(random, form);
    let rest = format!("{account}{country}00").chars().fold(0u32, |rest, letter| {
        match letter.to_digit(36).unwrap_or(0) {
            digit @ 0..10 => (rest * 10 + digit) % 97,
            letter => (rest * 100 + letter) % 97,
        }
    });
    let compact = format!("{country}{:02}{account}", 98 - rest);
    match random.random_bool(0.4) {
        true => {
            compact.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
        }
        false => compact,
    }
}

fn ssn(random: &mut Random) -> String {
    let area =
        [random.random_range(1..666), random.random_range(667..900)][random.random_range(0..2)];
    format!("{area:03}-{:02}-{:04}", random.random_range(1..100), random.random_range(1..10_000))
}

fn nino(random: &mut Random) -> String {
    let prefix = pick(random, &["AB", "CE", "GH", "JK", "LM", "PR", "ST", "WX", "YZ", "NE"]);
    let form = pick(random, &["######", "######", " ## ## ## "]);
    format!("{prefix}{}{}", fill(random, form), pick(random, &["A", "B", "C", "D"]))
}

fn steuer_id(random: &mut Random) -> String {
    let mut pool: Vec<u32> = (0..10).collect();
    for place in (1..10).rev() {
        pool.swap(place, random.random_range(0..=place));
    }
    // One digit twice, one never.
    pool[9] = pool[random.random_range(1..8)];
    if pool[0] == 0 {
        pool.swap(0, 8);
    }
    let product = pool.iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    pool.push((11 - product) % 10);
    pool.iter().map(u32::to_string).collect()
}

fn nir(random: &mut Random) -> String {
    let (sex, month, department) =
        (random.random_range(1..3), random.random_range(1..13), random.random_range(1..96));
    let number = fill(random, &format!("{sex}##{month:02}{department:02}######"));
    let key = 97 - number.parse::<u64>().unwrap_or(0) % 97;
    match random.random_bool(0.5) {
        true => format!("{number}{key:02}"),
        false => grouped(&format!("{number}{key:02}"), &[1, 2, 2, 2, 3, 3, 2], " "),
    }
}

fn nif(random: &mut Random) -> String {
    let letter = |number: u32| char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[number as usize % 23]);
    let number = random.random_range(1_000_000..10_000_000);
    match random.random_range(0..3u32) {
        0 => format!(
            "{}{number:07}{}",
            ["X", "Y", "Z"][number as usize % 3],
            letter(number % 3 * 10_000_000 + number)
        ),
        tens => format!("{:08}{}", tens * 10_000_000 + number, letter(tens * 10_000_000 + number)),
    }
}

fn codice_fiscale(random: &mut Random) -> String {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let day = random.random_range(1..29) + 40 * random.random_range(0..2);
    let month = pick(random, &["A", "B", "C", "D", "E", "H", "L", "M", "P", "R", "S", "T"]);
    // Most names begin with three consonants for the code.
    let consonants: String =
        (0..6).map(|_| char::from(b"BCDFGLMNPRSTVZ"[random.random_range(0..14)])).collect();
    let code = fill(random, &format!("{consonants}##{month}{day:02}H###"));
    let sum: u32 = code
        .bytes()
        .enumerate()
        .map(|(place, byte)| {
            let worth = if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
            if place % 2 == 0 { ODD[usize::from(worth)] } else { u32::from(worth) }
        })
        .sum();
    format!("{code}{}", char::from(b'A' + (sum % 26) as u8))
}

fn bsn(random: &mut Random) -> String {
    loop {
        let number = fill(random, "########");
        let check =
            digits(&number).zip((2..=9).rev()).map(|(digit, weight)| digit * weight).sum::<u32>()
                % 11;
        if check < 10 {
            return format!("{number}{check}");
        }
    }
}

fn pesel(random: &mut Random) -> String {
    let month = random.random_range(1..13) + 20 * random.random_range(0..2);
    let day = random.random_range(1..29);
    let number = fill(random, &format!("##{month:02}{day:02}####"));
    let sum: u32 = digits(&number)
        .zip([1, 3, 7, 9, 1, 3, 7, 9, 1, 3])
        .map(|(digit, weight)| digit * weight)
        .sum();
    format!("{number}{}", (10 - sum % 10) % 10)
}

fn cpf(random: &mut Random) -> String {
    let mut number = fill(random, "#########");
    for longest in [10, 11] {
        let sum: u32 =
            digits(&number).zip((2..=longest).rev()).map(|(digit, weight)| digit * weight).sum();
        number.push_str(&(if sum % 11 < 2 { 0 } else { 11 - sum % 11 }).to_string());
    }
    match random.random_bool(0.5) {
        true => format!("{}.{}.{}-{}", &number[..3], &number[3..6], &number[6..9], &number[9..]),
        false => number,
    }
}

fn aadhaar(random: &mut Random) -> String {
    // Verhoeff's scheme as tables (his 1969 report): products and permuted digits.
    const TIMES: [[usize; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const PERMUTED: [[usize; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let first = random.random_range(2..10);
    let number = fill(random, &format!("{first}##########"));
    let product = digits(&number).rev().enumerate().fold(0, |product, (place, digit)| {
        TIMES[product][PERMUTED[(place + 1) % 8][digit as usize]]
    });
    let check = (0..10).find(|check| TIMES[product][*check] == 0).unwrap_or(0);
    let separator = pick(random, &["", " "]);
    grouped(&format!("{number}{check}"), &[4, 4, 4], separator)
}

fn ip(random: &mut Random) -> String {
    let mut octet = || random.random_range(0..256u32);
    let (a, b, c, d) = (octet(), octet(), octet(), octet());
    match a % 4 {
        0 => format!("2001:db8:{b:x}::{:x}", c * 256 + d + 1),
        1 => format!("10.{b}.{c}.{d}"),
        2 => format!("192.168.{c}.{d}"),
        _ => format!("{}.{b}.{c}.{d}", a.max(1)),
    }
}

fn mac(random: &mut Random) -> String {
    let octets: Vec<String> =
        (0..6).map(|_| format!("{:02x}", random.random_range(0..256))).collect();
    match random.random_range(0..3) {
        0 => octets.join(":"),
        1 => octets.join("-").to_uppercase(),
        _ => octets.chunks(2).map(|pair| pair.concat()).collect::<Vec<_>>().join("."),
    }
}
