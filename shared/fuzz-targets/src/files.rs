//! Files that were uploaded: what `validate` makes of any bytes, and that every reader behind it
//! sees the rows that it let pass.
//!
//! The first byte of an input chooses dataset and schema contract, the second one the size of the
//! pieces in which the file arrives; the rest is the file.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::Schema;
use bytes::BytesMut;
use chrono::DateTime;
use shopflow_core::contract::{CopyEvent, Run, SourceObject, StoredObject};
use shopflow_core::natural_key::NaturalKeys;
use shopflow_core::schema_contract::{Contract, Mode};
use shopflow_core::{Dataset, Settings};
use shopflow_expectations::source::csv::CsvReader;
use shopflow_expectations::{Options, Plan, READABLE_ROWS, Suite, ValidationResult};
use shopflow_load::encode::Encoder;
use shopflow_load::names::Names;
use shopflow_upload::bronze;
use shopflow_validate::clock::Zone;
use shopflow_validate::engine::{Split, Summary, Validator};

/// Bytes of quarantine for a refused row beside the row itself: its reason, and the value at fault.
const REFUSAL_BYTES: usize = 2048;
/// What a byte of a row comes to in quarantine at most: `\xE9`.
const ESCAPED_BYTES: usize = 4;
/// What a byte of JSON comes to at most where a line is written anew: `1E9` is `1000000000.0`.
const REWRITTEN_BYTES: usize = 8;

const MODES: [Mode; 4] = [Mode::Evolve, Mode::Freeze, Mode::DiscardRow, Mode::DiscardValue];

/// What a byte of a table of exchange rates comes to at most: a day is repeated with each of its
/// rates, and each row has a number and a key.
const TABLE_BYTES: usize = 64;

/// A zone whose clocks are changed twice a year.
static ZONE: LazyLock<Zone> = LazyLock::new(|| {
    let zone = ("SHOPFLOW__VALIDATION__TIME_ZONE".to_owned(), "Europe/Berlin".to_owned());
    let settings = Settings::from_sources("local", [zone].into(), &[]).expect("good settings");
    Zone::of(&settings).expect("a known zone")
});

/// What identifies rows, as it is configured by default: rates have no number in their files.
static KEYS: LazyLock<NaturalKeys> = LazyLock::new(|| {
    let settings = Settings::from_sources("local", Default::default(), &[]);
    settings.expect("good settings").natural_keys
});

/// A file under a contract, and how it arrives.
#[derive(Clone, Copy)]
struct Input<'a> {
    dataset: Dataset,
    contract: Contract,
    /// Rows have no number yet where several columns identify them.
    is_new: bool,
    /// Bytes of each piece.
    piece: usize,
    file: &'a [u8],
}

impl<'a> Input<'a> {
    /// An input whose dataset is one of `datasets`; `'0'` is the first one under the usual contract.
    fn read(data: &'a [u8], datasets: &[Dataset]) -> Option<Self> {
        let [choice, piece, file @ ..] = data else { return None };
        let choice = usize::from(choice ^ b'0');
        let types = match MODES[choice >> 6] {
            // No column can have several types.
            Mode::Evolve => Mode::DiscardRow,
            other => other,
        };
        Some(Input {
            dataset: datasets[(choice & 3) % datasets.len()],
            contract: Contract { columns: MODES[choice >> 2 & 3], data_type: types },
            is_new: true,
            piece: usize::from(*piece).max(1),
            file,
        })
    }
}

fn csv_input(data: &[u8]) -> Option<Input<'_>> {
    let (sales, rates) = (Dataset::Transactions, Dataset::ExchangeRates);
    Input::read(data, &[sales, Dataset::Products, Dataset::Customers, rates])
}

fn json_input(data: &[u8]) -> Option<Input<'_>> {
    Input::read(data, &[Dataset::Clickstream])
}

/// What `validate` makes of a file.
struct Validated {
    good: Vec<u8>,
    bad: Vec<u8>,
    summary: Summary,
}

impl Validated {
    /// Feeds the file in pieces of so many bytes.
    fn of(input: Input<'_>, piece: usize) -> Validated {
        let mut validator = Validator::under(input.dataset, input.contract).in_zone(*ZONE);
        if input.is_new {
            validator = validator.keyed(&KEYS);
        }
        let mut split = Split::default();
        for piece in input.file.chunks(piece.max(1)) {
            validator.feed(piece, &mut split);
        }
        let summary = validator.finish(&mut split);
        Validated { good: split.good, bad: split.bad, summary }
    }

    /// The account: every row is good or in quarantine, and the outputs are not larger than the
    /// input explains.
    fn assert_account(&self, input: Input<'_>) {
        let file = input.file;
        let Summary { rows_in, rows_good, rows_quarantined, .. } = self.summary;
        assert_eq!(rows_in, rows_good + rows_quarantined, "rows are lost");
        assert_eq!(self.summary.counts.values().sum::<u64>(), rows_quarantined);
        assert_eq!(self.summary.bytes, file.len() as u64);
        let mut quarantine = csv::Reader::from_reader(&self.bad[..]);
        for record in quarantine.byte_records().map(|record| record.expect("a record")) {
            let line: u64 = std::str::from_utf8(&record[0]).unwrap().parse().unwrap();
            let lines = file.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
        assert_eq!(records(&self.bad), rows_quarantined, "quarantine is incomplete");
        let most = ESCAPED_BYTES * file.len() + REFUSAL_BYTES * (rows_quarantined as usize + 1);
        assert!(self.bad.len() <= most, "{} of {}", self.bad.len(), file.len());
        let of_byte = match input.dataset == Dataset::ExchangeRates {
            true => TABLE_BYTES,
            false => REWRITTEN_BYTES,
        };
        let most = of_byte * file.len() + 64;
        assert!(self.good.len() <= most, "{} of {}", self.good.len(), file.len());
    }

    /// What went on, when anything does.
    fn accepted(&self) -> Option<&[u8]> {
        let is_accepted = self.summary.rejection.is_none() && self.summary.rows_good > 0;
        is_accepted.then_some(&self.good)
    }
}

/// Rows of a CSV file below its header, as the csv crate sees them.
fn records(file: &[u8]) -> u64 {
    let mut reader = csv::Reader::from_reader(file);
    reader.byte_records().inspect(|record| assert!(record.is_ok(), "{record:?}")).count() as u64
}

/// Checks that hold for the files of both formats.
fn validate(input: Input<'_>) -> Validated {
    let whole = Validated::of(input, input.file.len());
    whole.assert_account(input);
    let pieces = Validated::of(input, input.piece);
    assert!(whole.good == pieces.good, "good rows depend on the pieces");
    assert!(whole.bad == pieces.bad, "refused rows depend on the pieces");
    assert_eq!(whole.summary.warnings, pieces.summary.warnings);
    let why = |validated: &Validated| validated.summary.rejection.as_ref().map(|r| r.text.clone());
    assert_eq!(why(&whole), why(&pieces));
    if let Some(good) = whole.accepted() {
        let again = Validated::of(Input { file: good, is_new: false, ..input }, good.len());
        assert_eq!(again.summary.rows_good, whole.summary.rows_good);
        assert!(again.good == good, "what went on is changed when it comes again");
        assert_eq!(again.summary.rows_quarantined, 0);
    }
    whole
}

/// A CSV file through `validate`, and through the reader of the expectations.
pub fn validate_csv(data: &[u8]) {
    let Some(input) = csv_input(data) else { return };
    let validated = validate(input);
    let scanned = scan(input.file, input.file.len());
    let pieces = scan(input.file, input.piece);
    assert_eq!(scanned.as_ref().map(Scanned::of), pieces.as_ref().map(Scanned::of));
    if let Some(good) = validated.accepted() {
        let all = Scanned { rows: validated.summary.rows_good, unreadable: 0 };
        let scanned = scan(good, good.len());
        assert_eq!(scanned.as_ref().map(Scanned::of), Some(all), "the scanners see other rows");
        assert_eq!(records(good), validated.summary.rows_good);
    }
}

/// Rows that the expectations see.
#[derive(Debug, PartialEq, Eq)]
struct Scanned {
    rows: u64,
    unreadable: u64,
}

impl Scanned {
    fn of(result: &ValidationResult) -> Scanned {
        let refused = result.results.iter().find(|result| result.name() == READABLE_ROWS);
        let unreadable = refused.and_then(|refused| refused.result["unexpected_count"].as_u64());
        Scanned { rows: result.rows(), unreadable: unreadable.unwrap_or_default() }
    }
}

/// Reads a file with the reader of the expectations; nothing when it has no header.
fn scan(file: &[u8], piece: usize) -> Option<ValidationResult> {
    static PLAN: LazyLock<Arc<Plan>> = LazyLock::new(|| {
        let text = "suite: rows\nexpectations:\n\
                    - expect_table_row_count_to_be_between: {min_value: 0}\n";
        let suite = Suite::parse_yaml(text).expect("a suite");
        let schema = Arc::new(Schema::empty());
        Plan::compile(&suite, schema, &Options::default()).expect("a plan")
    });
    let mut reader = CsvReader::new(&PLAN);
    for piece in file.chunks(piece.max(1)) {
        reader.feed(piece).ok()?;
    }
    reader.finish().ok().map(|state| state.finish())
}

/// A CSV file, and the rows of it that went on, through the readers of `upload` and `load`.
pub fn read_csv(data: &[u8]) {
    let Some(input) = csv_input(data) else { return };
    // Whatever comes, the readers answer with rows or an error.
    let _ = uploaded(input.dataset, input.file);
    let _ = loaded(input.dataset, input.file);
    let validated = Validated::of(input, input.file.len());
    if let Some(good) = validated.accepted() {
        let rows = Some(validated.summary.rows_good);
        assert_eq!(uploaded(input.dataset, good), rows);
        assert_eq!(loaded(input.dataset, good), rows);
    }
}

/// A file of JSON lines through `validate`.
pub fn validate_json_lines(data: &[u8]) {
    let Some(input) = json_input(data) else { return };
    validate(input);
}

/// A file of JSON lines, and the rows of it that went on, through the reader of `upload`.
pub fn read_json_lines(data: &[u8]) {
    let Some(input) = json_input(data) else { return };
    let _ = uploaded(input.dataset, input.file);
    let validated = Validated::of(input, input.file.len());
    if let Some(good) = validated.accepted() {
        assert_eq!(uploaded(input.dataset, good), Some(validated.summary.rows_good));
    }
}

/// Rows that `upload` writes to bronze; nothing when it refuses the file.
pub(crate) fn uploaded(dataset: Dataset, file: &[u8]) -> Option<u64> {
    let moment = DateTime::UNIX_EPOCH;
    let event = CopyEvent {
        run: Run { run_id: "run".to_owned(), run_date: moment.date_naive() },
        part: 0,
        dataset,
        source: SourceObject {
            bucket: "landing".to_owned(),
            key: "incoming/x".to_owned(),
            version_id: "v1".to_owned(),
            bytes: file.len() as u64,
            modified_at: moment,
            effective_at: moment,
        },
        validated: StoredObject {
            bucket: "landing".to_owned(),
            key: "validated/x".to_owned(),
            version_id: None,
            bytes: file.len() as u64,
            sha256: String::new(),
        },
    };
    bronze::convert(&event, file, std::io::sink()).ok().map(|summary| summary.rows)
}

/// Rows that `load` sends to Postgres; nothing when it refuses the file.
pub(crate) fn loaded(dataset: Dataset, file: &[u8]) -> Option<u64> {
    let mut encoder = Encoder::new(dataset, Names::default()).with_extra(true);
    // As `load` opens it.
    let mut reader = csv::Reader::from_reader(file);
    encoder.bind(reader.headers().ok()?).ok()?;
    let mut out = BytesMut::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).ok()? {
        encoder.encode(&record, &mut out).ok()?;
    }
    Some(encoder.rows)
}

/// True when `validate` lets the one row of the file pass, and the file as it goes on.
pub(crate) fn one_row(dataset: Dataset, file: &[u8]) -> Option<Vec<u8>> {
    let contract = Contract::default();
    let input = Input { dataset, contract, is_new: false, piece: 1, file };
    let validated = Validated::of(input, file.len());
    (validated.summary.rows_in == 1 && validated.summary.rows_good == 1).then_some(validated.good)
}
