//! Exchange rates: the table that the European Central Bank publishes, and rows of the shop's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Outcome, validate_keyed};
use shopflow_core::natural_key::{self, Keys, NaturalKeys};
use shopflow_core::{Dataset, Settings};
use shopflow_validate::engine::{RECORD_LIMIT, Split, Validator};

const RATES: Dataset = Dataset::ExchangeRates;
const GOOD_HEADER: &str = "rate_date,currency,rate,id,natural_key\n";

/// As the bank publishes it: the latest day first, `N/A` for a currency that is not quoted on a day
/// (here those that the euro has replaced, or that came later), and a comma behind the last column.
const HISTORY: &str = "Date,USD,JPY,BGN,CYP,GBP,ISK,
2026-11-27,1.1601,181.15,N/A,N/A,0.87485,148.1,
2026-11-26,1.1586,181.02,N/A,N/A,0.8758,148.3,
2008-12-10,1.2911,119.73,1.9558,N/A,0.8745,290,
2007-12-31,1.4721,164.93,1.9558,0.585274,0.73335,N/A,
1999-01-04,1.1789,133.73,N/A,0.58231,0.7111,81.48,
";

/// Keys as they are configured by default.
fn keys() -> NaturalKeys {
    Settings::from_sources("prod", Default::default(), &[]).unwrap().natural_keys
}

/// However the file is cut, the outcome is the same.
fn validate(file: impl AsRef<[u8]>) -> Outcome {
    let (file, keys) = (file.as_ref(), keys());
    let whole = validate_keyed(RATES, &keys, file, &[]);
    let every_byte: Vec<usize> = (0..file.len()).collect();
    for cuts in (1..file.len()).map(|cut| vec![cut]).chain([every_byte]) {
        let cut = validate_keyed(RATES, &keys, file, &cuts);
        assert_eq!((&cut.good, &cut.bad), (&whole.good, &whole.bad), "{cuts:?}");
        assert_eq!(cut.summary.warnings, whole.summary.warnings, "{cuts:?}");
        assert_eq!(cut.rejected_by(), whole.rejected_by(), "{cuts:?}");
    }
    whole
}

/// A row as it goes on: `day` is the day as the file has it.
fn good(day: &str, currency: &str, rate: &str) -> String {
    let columns = RATES.columns().iter();
    let parts = columns.filter(|column| matches!(column.name, "rate_date" | "currency"));
    let values = [day.as_bytes(), currency.as_bytes()];
    let (id, key) = natural_key::joined(RATES, &Keys::default(), parts.zip(values)).unwrap();
    format!("{day},{currency},{rate},{id},{}\n", String::from_utf8(key).unwrap())
}

fn told(cells: u64) -> String {
    format!(
        "the column of each currency was read as one row per day; cells without a rate, which make \
         no row: {cells}"
    )
}

/// Rates of the history by hand, in its order.
fn history() -> String {
    let mut rows = GOOD_HEADER.to_owned();
    let codes = ["USD", "JPY", "BGN", "CYP", "GBP", "ISK"];
    for line in HISTORY.lines().skip(1) {
        let (day, rates) = line.split_once(',').unwrap();
        let quoted = codes.iter().zip(rates.split(',')).filter(|(_, rate)| *rate != "N/A");
        rows.extend(quoted.map(|(code, rate)| good(day, code, rate)));
    }
    rows
}

#[test]
fn the_history_as_it_is_published_becomes_rows() {
    let outcome = validate(HISTORY);
    assert_eq!(outcome.good_text(), history());
    assert!(outcome.good_text().contains("\n2026-11-27,USD,1.1601,"));
    assert_eq!((outcome.summary.rows_in, outcome.summary.rows_good), (23, 23));
    assert!(outcome.refused.is_empty() && outcome.rejected_by().is_none());
    assert_eq!(outcome.summary.warnings, [told(7)]);
}

#[test]
fn line_ends_marks_and_quotes_make_no_difference() {
    let crlf = HISTORY.replace('\n', "\r\n");
    let marked = format!("\u{feff}\n{HISTORY}");
    let plain = HISTORY.replace(",\n", "\n");
    let quoted = HISTORY.replace("Date,USD", "\"date\", usd ").replace("1.1601", "\" 1.1601 \"");
    for file in [&crlf, &marked, &plain, &quoted] {
        assert_eq!(validate(file).good_text(), history(), "{file}");
    }
    // With a comma behind each line, the last one is complete.
    let open = validate(HISTORY.trim_end_matches('\n'));
    assert_eq!(open.good_text(), history());
    assert_eq!(open.summary.warnings[1], "the last line has no line break; it may be cut off");
}

#[test]
fn the_daily_file_has_its_day_in_words() {
    let file = "Date, USD, JPY, GBP, \n27 November 2026, 1.1601, 181.15, 0.87485, \n";
    let rows = [("USD", "1.1601"), ("JPY", "181.15"), ("GBP", "0.87485")];
    let rows: String = rows.iter().map(|(code, rate)| good("2026-11-27", code, rate)).collect();
    let outcome = validate(file);
    assert_eq!(outcome.good_text(), format!("{GOOD_HEADER}{rows}"));
    assert_eq!(outcome.summary.warnings, [told(0)]);
}

#[test]
fn a_rate_that_is_none_is_refused_with_its_day_and_currency() {
    let file = "Date,USD,JPY,GBP,\n\
                2026-11-27,1.1601,\"181,15\",0.87485,\n\
                2026-11-26,0,n.a.,0.1234567891,\n\
                31 November 2026,1.16,,,\n\
                ,,,,\n\
                \n\
                ,1.16,,,\n\
                2026-11-27,1.17,,,\n\
                2026-11-25,-,-,-,\n";
    let outcome = validate(file);
    assert_eq!(
        outcome.good_text(),
        [GOOD_HEADER, &good("2026-11-27", "USD", "1.1601"), &good("2026-11-27", "GBP", "0.87485")]
            .concat()
    );
    assert_eq!(
        outcome.verdicts(),
        [
            (2, "rate", "ambiguous_number"),
            (3, "rate", "price_not_positive"),
            (3, "rate", "too_precise"),
            (4, "rate_date", "invalid_date"),
            (7, "rate_date", "null_value"),
            (8, "", "duplicate_id"),
        ]
    );
    let row = |at: usize| std::str::from_utf8(&outcome.refused[at].row).unwrap();
    assert_eq!((row(0), row(1)), ("2026-11-27,JPY,\"181,15\"", "2026-11-26,USD,0"));
    assert_eq!((row(3), row(4)), ("31 November 2026,USD,1.16", ",USD,1.16"));
    let reason = "an earlier row has the same rate_date and currency; the first one is kept";
    assert_eq!(outcome.refused[5].reason, reason);
    assert_eq!(
        outcome.summary.warnings,
        [
            told(10),
            "1 blank lines were skipped".to_owned(),
            "1 rows of nothing but separators were skipped".to_owned(),
        ]
    );
}

#[test]
fn a_line_that_is_broken_is_one_row() {
    let long = "9".repeat(80);
    let file = format!(
        "Date,USD,JPY,GBP,\n\
         2026-11-27,1.1601,181.15\n\
         2026-11-26,1,2,3,4\n\
         2026-11-25,\"1,2,3,\n\
         2026-11-24,1.1586,181.02,0.8758,\n\
         {long},1,2,3,\n\
         Total,9\n\
         2026-11-23,1.15,18"
    );
    let outcome = validate(file);
    assert_eq!(outcome.summary.rows_good, 3);
    assert_eq!(
        outcome.verdicts(),
        [
            (2, "", "field_count"),
            (3, "", "field_count"),
            (4, "", "broken_quoting"),
            (6, "rate_date", "invalid_date"),
            (7, "", "footer_row"),
            (8, "", "truncated_line"),
        ]
    );
    assert_eq!(outcome.refused[0].reason, "the row has 3 fields and the header 5");
    assert_eq!(outcome.refused[0].row, b"2026-11-27,1.1601,181.15");
}

#[test]
fn what_is_no_table_is_told_as_ever() {
    let rejected = |file: &str| {
        let outcome = validate(file);
        assert_eq!(outcome.summary.rows_good, 0, "{file}");
        let rejection = outcome.summary.rejection.unwrap();
        (rejection.rule.name(), rejection.text, rejection.remedy)
    };
    let (rule, text, remedy) = rejected("Date,USD,XYZ,JPY\n2026-11-27,1,2,3\n");
    assert_eq!(rule, "missing_header");
    assert_eq!(text, "the first line names none of the columns rate_date, currency, rate");
    assert!(remedy.contains("'XYZ'") && remedy.contains("ISO 4217"), "{remedy}");
    for file in [
        "Date;USD;JPY\n2026-11-27;1;2\n",
        "Date,USD,USD\n2026-11-27,1,2\n",
        "USD,JPY\n1,2\n",
        "2026-11-27,1.1601,181.15\n",
    ] {
        let (rule, _, remedy) = rejected(file);
        assert_eq!(rule, "missing_header", "{file}");
        assert_eq!(remedy, "start the file with a header line, separated by commas", "{file}");
    }
    let (rule, text, remedy) = rejected("day,code,value\n2026-11-27,USD,1.1601\n");
    assert_eq!(
        (rule, &*text),
        ("missing_column", "the header lacks columns 'rate_date', 'currency', 'rate'")
    );
    assert!(remedy.contains("call column 'code' 'currency'"), "{remedy}");
    let (rule, text, _) = rejected("rate_date;currency;rate\n2026-11-27;USD;1,16\n");
    assert_eq!(rule, "other_separator");
    assert!(text.contains("semicolons"), "{text}");
    assert_eq!(rejected("").0, "empty_file");
    assert_eq!(validate("Date,USD,\n").summary.warnings[0], "the file has a header and no rows");

    // Of another dataset it is no table.
    let other = common::validate(Dataset::Products, HISTORY);
    assert_eq!(other.rejected_by(), Some("missing_header"));
    // Nor where each rate has a number.
    let other = common::validate(RATES, HISTORY);
    assert!(other.summary.rejection.unwrap().remedy.contains("natural_keys.exchange_rates"));
}

#[test]
fn rows_of_the_shops_own_are_known_by_day_and_currency() {
    let file = "currency,Rate Date,rate,source\n\
                usd,2026-1-5,1.1601,bank\n\
                USD,2026-01-05,1.17,bank\n\
                JPY,2026-01-05,,bank\n\
                JPY,05.01.2026,181.15,bank\n\
                US$,2026-01-05,1.1,bank\n\
                GBP,2026-01-05,0.87485,bank\n";
    let outcome = validate(file);
    let number = |row: &str| row.rsplit(',').nth(1).unwrap().to_owned();
    let dollars = number(good("2026-01-05", "USD", "1.1601").trim_end());
    let pounds = number(good("2026-01-05", "GBP", "0.87485").trim_end());
    assert_eq!(
        outcome.good_text(),
        format!(
            "currency,rate_date,rate,source,id,natural_key\n\
             usd,2026-1-5,1.1601,bank,{dollars},2026-01-05/USD\n\
             GBP,2026-01-05,0.87485,bank,{pounds},2026-01-05/GBP\n"
        )
    );
    assert_eq!(
        outcome.verdicts(),
        [
            (3, "", "duplicate_id"),
            (4, "rate", "null_value"),
            (5, "rate_date", "ambiguous_date"),
            (6, "currency", "invalid_currency"),
        ]
    );
    let both = validate("id,rate_date,currency,rate\n1,2026-01-05,USD,1\n");
    assert_eq!(both.rejected_by(), Some("duplicate_column"));
}

/// What the engine holds does not grow with the file, and not with what stands in a line either.
#[test]
fn a_long_table_goes_on_piece_by_piece() {
    let mut validator = Validator::new(RATES).keyed(&keys());
    let mut split = Split::default();
    validator.feed(b"Date,USD,JPY,GBP,CHF,SEK,\n", &mut split);
    let (mut most, mut days) = (0, 0);
    for year in 1999..2020 {
        for month in 1..=12 {
            let mut lines = String::new();
            for day in 1..=28 {
                days += 1;
                lines.push_str(&format!("{year}-{month:02}-{day:02},1.1,181.15,N/A,0.95,11.2,\n"));
            }
            validator.feed(lines.as_bytes(), &mut split);
            most = most.max(split.good.len());
            split.good.clear();
        }
    }
    // A line over the limit is refused, and costs no other.
    let long = "1".repeat(RECORD_LIMIT);
    validator.feed(format!("2100-01-01,{long},").as_bytes(), &mut split);
    validator.feed(b"2,3,4,5,\n2100-01-02,1.1,2,3,4,5,\n", &mut split);
    let summary = validator.finish(&mut split);
    assert_eq!((summary.rows_good, summary.rows_quarantined), (4 * days + 5, 1));
    // A row of the table is about 40 bytes, and what it becomes about 220.
    assert!(most < 64 * 1024, "{most} bytes at once");
    let refused = format!("line,column,rule,value,reason,row\n{},,record_too_long,", days + 2);
    assert!(split.bad.starts_with(refused.as_bytes()));
}
