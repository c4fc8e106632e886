//! Planted defects: which rows carry one, which one, and the list of truths.
//!
//! Everything follows from dataset and row number, so the list is made without the data. A
//! defect makes its own row bad and no other: a repeated id is that of an earlier sound row, an
//! orphan's id exists nowhere.

use shopflow_core::Dataset;
use shopflow_core::contract::{GenerateSpec, Profile};
use shopflow_core::schema_contract::Mode;
use shopflow_core::vocabulary::{Terms, Vocabularies, Vocabulary};

use super::ids::event_id;
use super::kinds::Kind;
use super::menus::menus;
use super::rng::{Draws, Stream};

/// Orphans are this much above every real id, and each is different.
const ORPHANS: u64 = 1_000_000_000_000;
/// How many earlier rows are tried for a sound one to repeat.
const TRIES: u32 = 64;

/// How a defect changes its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The column becomes this text; in JSON a string.
    Text(String),
    /// The column has no value: an empty field in CSV, `null` in JSON.
    Null,
    /// The JSON field is left out.
    Leave,
    /// The last CSV field is cut off, with its comma.
    CutField,
    /// The JSON object loses its end.
    CutEnd,
    /// A byte that is no UTF-8 gets into the column.
    Garble,
}

/// One defect of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    pub kind: Kind,
    /// Absent when the row as a whole is wrong.
    pub column: Option<&'static str>,
    pub edit: Edit,
}

/// Decides which rows carry a defect.
#[derive(Debug)]
pub struct Defects {
    profile: Profile,
    /// A row is hit when its number is not above this; absent when no row is.
    threshold: Option<u64>,
    /// By dataset.
    streams: [Stream; 6],
    event_stream: Stream,
    sets: Vocabularies,
}

impl Defects {
    /// The defects that a spec asks for; `event_stream` names the click events.
    pub fn new(spec: &GenerateSpec, event_stream: Stream, sets: &Vocabularies) -> Self {
        let (seed, rate) = (spec.seed, spec.defect_rate);
        let stream = |dataset: Dataset| Stream::new(seed, &format!("defects of {dataset}"));
        Defects {
            profile: spec.profile,
            threshold: (rate > 0.0).then_some((rate * u64::MAX as f64) as u64),
            streams: crate::FULL_DATASETS.map(stream),
            event_stream,
            sets: sets.clone(),
        }
    }

    /// True when `row`, counted from 0, carries a defect.
    #[inline]
    pub fn hits(&self, dataset: Dataset, row: u64) -> bool {
        match self.threshold {
            Some(threshold) => self.streams[dataset.position()].one(row) <= threshold,
            None => false,
        }
    }

    /// True when there may be defects at all.
    #[inline]
    pub fn any(&self) -> bool {
        self.threshold.is_some()
    }

    /// The defect of a row that is hit.
    pub fn at(&self, dataset: Dataset, row: u64) -> Defect {
        let [menu, more] = menus(dataset, self.profile);
        let mut draws = self.streams[dataset.position()].at(row);
        let at = draws.below((menu.len() + more.len()) as u64) as usize;
        let (kind, columns) = if at < menu.len() { menu[at] } else { more[at - menu.len()] };
        let column = if columns.is_empty() { None } else { Some(*draws.pick(columns)) };
        let edit = match kind {
            Kind::DuplicateId => match self.earlier(dataset, row, &mut draws) {
                Some(earlier) => Edit::Text(self.id(dataset, earlier)),
                // Nothing sound came before: there is no id to repeat.
                None => return without_id(dataset),
            },
            Kind::OrphanReference => Edit::Text((ORPHANS + row).to_string()),
            // A set that evolves takes any value: there is nothing wrong with an unknown one.
            _ if self.set_of(kind).is_some_and(|set| set.contract() == Mode::Evolve) => {
                return without_id(dataset);
            }
            _ => edit(kind, column, row, &mut draws),
        };
        let edit = match (self.set_of(kind), edit) {
            (Some(set), Edit::Text(text)) if set.contains(text.as_bytes()) => {
                Edit::Text(format!("{text}?"))
            }
            (_, edit) => edit,
        };
        Defect { kind, column, edit }
    }

    /// The set that a defect of this kind breaks.
    fn set_of(&self, kind: Kind) -> Option<&Terms> {
        let set = match kind {
            Kind::UnknownCategory => Vocabulary::Categories,
            Kind::UnknownPaymentMethod => Vocabulary::PaymentMethods,
            Kind::UnknownEventType => Vocabulary::EventTypes,
            Kind::UnknownDevice => Vocabulary::Devices,
            _ => return None,
        };
        Some(self.sets.of(set))
    }

    /// The text of the id that a row has, or would have without its defect.
    pub fn id(&self, dataset: Dataset, row: u64) -> String {
        if dataset.id_column().kind == shopflow_core::dataset::Kind::Uuid {
            event_id(self.event_stream, row).into_iter().map(char::from).collect()
        } else {
            (row + 1).to_string()
        }
    }

    fn earlier(&self, dataset: Dataset, row: u64, draws: &mut Draws) -> Option<u64> {
        let candidates = (0..TRIES).map(|_| draws.below(row));
        candidates.filter(|&earlier| earlier < row).find(|&earlier| !self.hits(dataset, earlier))
    }
}

fn edit(kind: Kind, column: Option<&str>, row: u64, draws: &mut Draws) -> Edit {
    let texts: &[&str] = match kind {
        Kind::NegativePrice => &["-0.01", "-19.99", "-250.00"],
        Kind::ZeroPrice => &["0.00"],
        Kind::NotANumber if is_never_missing(column) => &["abc", "twelve", "n/a", "1O"],
        Kind::NotANumber => &["abc", "twelve", "1O"],
        Kind::ImpossibleDate if column == Some("timestamp") => {
            &["2024-02-30T10:15:00Z", "2023-02-29T23:59:59Z", "2024-13-01T00:00:00Z"]
        }
        Kind::ImpossibleDate => &["2024-02-30", "2023-02-29", "2024-04-31", "2024-13-01"],
        Kind::BadTimestamp => {
            &["yesterday", "2024-05-01", "01/05/2024 10:15:00", "2024-05-01T25:00:00Z"]
        }
        Kind::UnknownPaymentMethod => &["bitcoin", "cheque", "CREDIT_CARD"],
        Kind::UnknownCategory => &["furniture", "Books", "misc"],
        Kind::UnknownEventType => &["hover", "PURCHASE", "click"],
        Kind::UnknownDevice => &["fridge", "Mobile", "tv"],
        Kind::BadCountry => &["XX", "UK", "EU", "Germany"],
        Kind::BadCurrency => &["XXX", "EURO", "US$", "840"],
        Kind::ZeroRate => &["0", "0.0000"],
        Kind::ZeroQuantity | Kind::ZeroLine => &["0"],
        Kind::NegativeDiscount => &["-0.1", "-0.25", "-1"],
        Kind::TooPrecise => &["0.12345", "0.00001", "0.999999"],
        Kind::UnknownStatus => &["shipped", "open", "lost"],
        Kind::TextTooLong => return Edit::Text(format!("S-{row:0>80}")),
        Kind::BadEmail => {
            return Edit::Text(match draws.below(4) {
                0 => format!("user{row}.example.com"),
                1 => format!("user{row}@@example.com"),
                2 => format!("user{row}@example"),
                _ => "@example.com".to_owned(),
            });
        }
        Kind::WrongFieldCount => return Edit::CutField,
        Kind::InvalidUtf8 => return Edit::Garble,
        Kind::BadJson => return Edit::CutEnd,
        Kind::MissingField => return Edit::Leave,
        // Those with an id of another row are made in `Defects::at`.
        Kind::NullValue | Kind::DuplicateId | Kind::OrphanReference => return Edit::Null,
    };
    Edit::Text((*draws.pick(texts)).to_owned())
}

/// True for numbers in whose place a word for a missing value is wrong, too. Click events have numbers
/// or nothing, and no words.
fn is_never_missing(column: Option<&str>) -> bool {
    matches!(column, Some("price" | "quantity" | "amount" | "customer_id" | "product_id"))
}

/// What takes the place of a defect that a row cannot have.
fn without_id(dataset: Dataset) -> Defect {
    let column = Some(dataset.id_column().name);
    Defect { kind: Kind::NullValue, column, edit: Edit::Null }
}

#[cfg(test)]
mod tests {
    use super::super::header;
    use super::super::menus::Choice;
    use super::*;
    use proptest::prelude::*;
    use shopflow_core::dataset::Format;

    fn defects(seed: u64, rate: f64) -> Defects {
        let spec = GenerateSpec { seed, defect_rate: rate, ..GenerateSpec::default() };
        Defects::new(&spec, Stream::new(seed, "events"), &Vocabularies::default())
    }

    /// Every dataset and profile with what can be wrong with it.
    fn all_menus() -> impl Iterator<Item = (Dataset, Profile, Vec<Choice>)> {
        Profile::ALL.into_iter().flat_map(|profile| {
            let menu = move |dataset: &Dataset| menus(*dataset, profile).concat();
            let datasets = crate::datasets(profile).iter();
            datasets.map(move |dataset| (*dataset, profile, menu(dataset)))
        })
    }

    #[test]
    fn no_rate_hits_no_row_and_a_full_rate_hits_all() {
        let (none, all) = (defects(42, 0.0), defects(42, 1.0));
        for row in 0..10_000 {
            assert!(!none.hits(Dataset::Products, row));
            assert!(all.hits(Dataset::Products, row));
        }
    }

    #[test]
    fn every_defect_of_every_menu_occurs() {
        for (dataset, profile, menu) in all_menus() {
            let defects = Defects { profile, ..defects(42, 0.5) };
            for (kind, columns) in menu {
                let found = |column: Option<&str>| {
                    (0..5_000).filter(|&row| defects.hits(dataset, row)).any(|row| {
                        let defect = defects.at(dataset, row);
                        defect.kind == kind && defect.column == column
                    })
                };
                if columns.is_empty() {
                    assert!(found(None), "{dataset} {kind:?}");
                }
                assert!(columns.iter().all(|column| found(Some(column))), "{dataset} {kind:?}");
            }
        }
    }

    #[test]
    fn every_column_of_a_menu_exists() {
        for (dataset, profile, menu) in all_menus() {
            let known = header::columns(dataset, profile);
            for column in menu.iter().flat_map(|(_, columns)| *columns) {
                let known = match dataset.format() {
                    Format::Csv => known.contains(column),
                    // What is optional has no header there.
                    Format::JsonLines => dataset.columns().iter().any(|it| it.name == *column),
                };
                assert!(known, "{dataset} {column}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_repeated_id_is_that_of_an_earlier_sound_row(seed: u64, rate in 0.01f64..0.99) {
            let defects = defects(seed, rate);
            for row in (0..500).filter(|&row| defects.hits(Dataset::Customers, row)) {
                let defect = defects.at(Dataset::Customers, row);
                if defect.kind == Kind::DuplicateId {
                    let Edit::Text(id) = defect.edit else { panic!("{defect:?}") };
                    let original = id.parse::<u64>().unwrap() - 1;
                    prop_assert!(original < row);
                    prop_assert!(!defects.hits(Dataset::Customers, original));
                }
            }
        }

        #[test]
        fn the_rate_is_kept(seed: u64, rate in 0.0f64..1.0) {
            let defects = defects(seed, rate);
            let hits = (0..20_000).filter(|&row| defects.hits(Dataset::Transactions, row)).count();
            prop_assert!((hits as f64 / 20_000.0 - rate).abs() < 0.025, "{hits}");
        }
    }
}
