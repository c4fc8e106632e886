//! How values are read: examples of spellings, and what the grammar makes of them.

use shopflow_core::dataset::Kind;
use shopflow_core::rules::Rule;
use shopflow_core::values::{self, Moment, time};

/// A kind of value with spellings that people and programs use.
struct Examples {
    what: &'static str,
    kind: Kind,
    spellings: &'static [&'static str],
}

const EXAMPLES: &[Examples] = &[
    Examples {
        what: "key",
        kind: Kind::Id,
        spellings: &["7", "+7", "7.0", "007", "0", "7.5", "A-7", "1,234"],
    },
    Examples {
        what: "whole number",
        kind: Kind::Quantity,
        spellings: &["5", "005", "+5", "5.0", "5.5", "1,234", "1.000", "1e3", "0", "5000000000"],
    },
    Examples {
        what: "units",
        kind: Kind::Units,
        spellings: &["3", "+3", "3.0", "-3", "-3.0", "0", "2.5", "1,234", "-5000000000"],
    },
    Examples {
        what: "price",
        kind: Kind::Price,
        spellings: &[
            "5.50", "5.5", "+5.50", "5", "5.5000", ".5", "5,50", "1,299.00", "9.990", "957.5775",
            "£2.55", "1e3", "0.00",
        ],
    },
    Examples {
        what: "amount, discount",
        kind: Kind::Amount,
        spellings: &[
            "957.5775",
            "5.5",
            "5.50",
            "5.5000",
            "0",
            "0.00",
            "0.2",
            ".2",
            "12.34567",
            "-1.00",
            "5,50",
            "20%",
            "100000000",
        ],
    },
    Examples {
        what: "money",
        kind: Kind::Money,
        spellings: &["1.90", "-1.9", "-1.90", "+2", "0", "1.23456", "-1,90", "(1.90)", "1.90-"],
    },
    Examples {
        what: "rate",
        kind: Kind::Rate,
        spellings: &["1.1530", "1.153", "19231.45", "1,153", "0", "-1.5", "1:1.15"],
    },
    Examples {
        what: "date",
        kind: Kind::Date,
        spellings: &[
            "2026-01-05",
            "2026-1-5",
            "2026/01/05",
            "2026-01-05 00:00:00",
            "05/01/2026",
            "5.1.26",
            "2026-02-29",
            "20260105",
            "1899-12-31",
        ],
    },
    Examples {
        what: "moment",
        kind: Kind::Timestamp,
        spellings: &[
            "2026-01-05T10:00:00Z",
            "2026-01-05 10:00:00Z",
            "2026-01-05T10:00:00+02:00",
            "2026-01-05 10:00:00 -0500",
            "2026-01-05 10:00 UTC",
            "2026-01-05T10:00:00,5Z",
            "2026-01-05T10:00:00.100000000Z",
            "2026-01-05 10:00:00",
            "2026-01-05T10:00:00.123456789Z",
            "2026-01-05 10:00:00 CST",
            "05/01/2026 10:00",
            "2026-01-05",
            "1767607200",
            "2026-01-05T24:00:00Z",
            "2026-12-31T23:59:60Z",
        ],
    },
    Examples { what: "country", kind: Kind::Country, spellings: &["DE", "de", "UK", "DEU"] },
    Examples { what: "currency", kind: Kind::Currency, spellings: &["EUR", "eur", "€", "978"] },
    Examples {
        what: "UUID",
        kind: Kind::Uuid,
        spellings: &[
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67E5504410B1426F9247BB680E5FE0C8",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
        ],
    },
];

/// The section of the dictionary.
pub(super) fn section() -> String {
    let mut text =
        "## How values are read\n\nBy one grammar in every stage, with or without blanks \
                    around them. A text is stored as it comes; any other value has one form, so a \
                    row that comes again in another spelling is unchanged. The \
                    [rules](../functions/validate/README.md#rules) name what is refused.\n\n\
                    | value | stored: as it may be written | refused |\n|---|---|---|\n"
            .to_owned();
    for Examples { what, kind, spellings } in EXAMPLES {
        let mut forms: Vec<(String, Vec<String>)> = Vec::new();
        let mut refused = Vec::new();
        for spelling in *spellings {
            match read(*kind, spelling.as_bytes()) {
                Ok(form) => match forms.iter_mut().find(|(known, _)| *known == form) {
                    Some((_, written)) => written.push(format!("`{spelling}`")),
                    None => forms.push((form, vec![format!("`{spelling}`")])),
                },
                Err(rule) => refused.push(format!("`{spelling}` {}", rule.name())),
            }
        }
        let forms: Vec<String> =
            forms.iter().map(|(form, written)| format!("{form}: {}", written.join(", "))).collect();
        text.push_str(&super::markdown::row(&[*what, &forms.join("; "), &refused.join(", ")]));
    }
    text.push('\n');
    text
}

/// The one form of a value.
fn read(kind: Kind, text: &[u8]) -> Result<String, Rule> {
    let quoted = |text: &str| format!("`{text}`");
    Ok(match kind {
        Kind::Id | Kind::Reference(_) => quoted(&values::key(text)?.to_string()),
        Kind::Quantity => quoted(&values::positive(text, i32::MAX as u64)?.to_string()),
        Kind::Units => quoted(&values::units(text)?.to_string()),
        Kind::Amount | Kind::Discount => {
            let amount = values::amount(text)?;
            quoted(&format!("{}.{:04}", amount / 10_000, amount % 10_000))
        }
        Kind::Money => {
            let money = values::money(text)?;
            let (sign, size) = (if money < 0 { "-" } else { "" }, money.unsigned_abs());
            quoted(&format!("{sign}{}.{:04}", size / 10_000, size % 10_000))
        }
        Kind::Rate => {
            let rate = values::rate(text)?;
            quoted(&format!("{}.{:08}", rate / 100_000_000, rate % 100_000_000))
        }
        Kind::Price => {
            let cents = values::price(text)?;
            quoted(&format!("{}.{:02}", cents / 100, cents % 100))
        }
        Kind::Date => {
            let date = chrono::NaiveDate::from_epoch_days(values::date(text)?);
            quoted(&date.unwrap_or_default().to_string())
        }
        Kind::Timestamp => match values::moment(text)? {
            Moment::At(micros) => {
                let mut out = Vec::new();
                time::write_moment(micros, &mut out);
                quoted(&String::from_utf8_lossy(&out))
            }
            Moment::OnClock(_) => "its moment in `validation.time_zone`".to_owned(),
        },
        Kind::Uuid
        | Kind::Text(_)
        | Kind::Email
        | Kind::Country
        | Kind::Currency
        | Kind::OneOf(_) => quoted(&values::stored_text(kind, text)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_spellings_that_are_read_and_some_that_are_refused() {
        for Examples { what, kind, spellings } in EXAMPLES {
            let good = spellings.iter().filter(|text| read(*kind, text.as_bytes()).is_ok()).count();
            assert!(good > 1 && good < spellings.len(), "{what}");
        }
    }
}
