//! Runs the engine over a whole file and reads its quarantine back.
#![allow(dead_code)]

use shopflow_core::Dataset;
use shopflow_core::natural_key::NaturalKeys;
use shopflow_core::schema_contract::Contract;
use shopflow_core::vocabulary::Vocabularies;
use shopflow_validate::clock::Zone;
use shopflow_validate::engine::{Split, Summary, Validator};

pub const TRANSACTIONS: &str = "id,customer_id,product_id,quantity,timestamp,payment_method\n";
pub const PRODUCTS: &str = "id,name,category,price,supplier\n";
pub const CUSTOMERS: &str = "id,name,email,registration_date,country\n";

/// One line of a quarantine file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub line: u64,
    pub column: String,
    pub rule: String,
    pub value: String,
    pub reason: String,
    pub row: Vec<u8>,
}

#[derive(Debug)]
pub struct Outcome {
    pub good: Vec<u8>,
    pub bad: Vec<u8>,
    pub refused: Vec<Refused>,
    pub summary: Summary,
}

impl Outcome {
    pub fn good_text(&self) -> &str {
        std::str::from_utf8(&self.good).unwrap()
    }

    /// Line, column and rule of every refused row.
    pub fn verdicts(&self) -> Vec<(u64, &str, &str)> {
        self.refused
            .iter()
            .map(|refused| (refused.line, refused.column.as_str(), refused.rule.as_str()))
            .collect()
    }

    pub fn rejected_by(&self) -> Option<&'static str> {
        self.summary.rejection.as_ref().map(|rejection| rejection.rule.name())
    }
}

pub fn validate(dataset: Dataset, file: impl AsRef<[u8]>) -> Outcome {
    validate_cut(dataset, file.as_ref(), &[])
}

/// Feeds the file in pieces that end at the given positions.
pub fn validate_cut(dataset: Dataset, file: &[u8], cuts: &[usize]) -> Outcome {
    validate_under(dataset, Contract::default(), file, cuts)
}

/// Under a schema contract of its own.
pub fn validate_under(
    dataset: Dataset,
    contract: Contract,
    file: &[u8],
    cuts: &[usize],
) -> Outcome {
    run(Validator::under(dataset, contract), file, cuts)
}

/// With sets of values of its own.
pub fn validate_knowing(
    dataset: Dataset,
    sets: &Vocabularies,
    file: &[u8],
    cuts: &[usize],
) -> Outcome {
    run(Validator::new(dataset).knowing(sets), file, cuts)
}

/// With times without an offset in a zone.
pub fn validate_in(zone: Zone, dataset: Dataset, file: &[u8]) -> Outcome {
    run(Validator::new(dataset).in_zone(zone), file, &[])
}

/// With keys in other forms than numbers.
pub fn validate_keyed(
    dataset: Dataset,
    keys: &NaturalKeys,
    file: &[u8],
    cuts: &[usize],
) -> Outcome {
    run(Validator::new(dataset).keyed(keys), file, cuts)
}

fn run(mut validator: Validator, file: &[u8], cuts: &[usize]) -> Outcome {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut % (file.len() + 1)).collect();
    cuts.sort_unstable();
    let mut split = Split::default();
    let mut from = 0;
    for to in cuts.into_iter().chain([file.len()]) {
        validator.feed(&file[from..to], &mut split);
        from = to;
    }
    let summary = validator.finish(&mut split);
    let refused = read_quarantine(&split.bad);
    assert_eq!(summary.rows_in, summary.rows_good + summary.rows_quarantined, "rows are lost");
    assert_eq!(summary.rows_quarantined, refused.len() as u64, "quarantine is incomplete");
    assert_eq!(summary.counts.values().sum::<u64>(), summary.rows_quarantined);
    assert_eq!(summary.bytes, file.len() as u64);
    Outcome { good: split.good, bad: split.bad, refused, summary }
}

pub fn read_quarantine(bad: &[u8]) -> Vec<Refused> {
    let mut reader = csv::Reader::from_reader(bad);
    if !bad.is_empty() {
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(header, ["line", "column", "rule", "value", "reason", "row"]);
    }
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            Refused {
                line: record[0].parse().unwrap(),
                column: record[1].to_owned(),
                rule: record[2].to_owned(),
                value: record[3].to_owned(),
                reason: record[4].to_owned(),
                row: record[5].as_bytes().to_vec(),
            }
        })
        .collect()
}
