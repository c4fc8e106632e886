//! The suites of `suites/`, compiled in and understood once at init.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Fields, Schema, SchemaRef};
use serde_json::Value;
use shopflow_core::dataset::Column;
use shopflow_core::privacy::Privacy;
use shopflow_core::{Dataset, Error, Result};
use shopflow_expectations::{Options, Plan, Suite, into_error};
use shopflow_lake::schema;
use shopflow_privacy::Layer::Logs;
use shopflow_privacy::Treatment;
use shopflow_privacy::treatment::mask::HIDDEN;

/// Suites over the rows of a run.
const DATASETS: [(Dataset, &str); 4] = [
    (Dataset::Customers, include_str!("../../../../suites/customers.yaml")),
    (Dataset::Products, include_str!("../../../../suites/products.yaml")),
    (Dataset::Transactions, include_str!("../../../../suites/transactions.yaml")),
    (Dataset::Clickstream, include_str!("../../../../suites/clickstream.yaml")),
];

/// Suites over tables of gold.
const GOLD: [(&str, &str); 6] = [
    ("fact_sales", include_str!("../../../../suites/fact_sales.yaml")),
    ("daily_sales", include_str!("../../../../suites/daily_sales.yaml")),
    ("weekly_sales", include_str!("../../../../suites/weekly_sales.yaml")),
    ("monthly_sales", include_str!("../../../../suites/monthly_sales.yaml")),
    ("product_sales", include_str!("../../../../suites/product_sales.yaml")),
    ("customer_lifetime_value", include_str!("../../../../suites/customer_lifetime_value.yaml")),
];

/// The hashes of a pass live as long as the invocation, so their seed needs no secret; a fixed one
/// gives the same estimates when the call is repeated.
const HASH_SEED: u64 = 0x5f0f_f10b_a11e_d001;

/// The suite of a dataset, ready to run.
#[derive(Debug, Clone)]
pub struct DatasetSuite {
    pub dataset: Dataset,
    pub plan: Arc<Plan>,
    /// Columns whose values nobody is shown.
    pub personal: Vec<String>,
    suite: Suite,
}

impl DatasetSuite {
    fn new(dataset: Dataset, suite: Suite, personal: Vec<String>) -> Result<DatasetSuite> {
        let options = Options { personal: personal.clone(), profile: true, ..options() };
        let plan = Plan::compile(&suite, columns(dataset), &options)
            .map_err(|problems| into_error(&suite.name, &problems))?;
        Ok(DatasetSuite { dataset, plan, personal, suite })
    }

    /// The suite when no values of these columns are shown either.
    ///
    /// # Errors
    /// None that the suite did not have before.
    pub fn hiding(&self, columns: &BTreeSet<&str>) -> Result<DatasetSuite> {
        let mut personal = self.personal.clone();
        let is_shown = |column: &&&str| !self.personal.iter().any(|hidden| hidden == **column);
        personal.extend(columns.iter().filter(is_shown).map(|column| (*column).to_owned()));
        if personal.len() == self.personal.len() {
            return Ok(self.clone());
        }
        DatasetSuite::new(self.dataset, self.suite.clone(), personal)
    }
}

/// The suite of a gold table; its plan is made for the columns that the table's files have.
#[derive(Debug, Clone)]
pub struct GoldSuite {
    pub table: &'static str,
    pub suite: Suite,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Suites {
    datasets: Vec<DatasetSuite>,
    gold: Vec<GoldSuite>,
}

impl Suites {
    /// Parses and checks every suite.
    ///
    /// # Errors
    /// `InvalidInput` with all problems of the first suite that has any; unknown expectations and
    /// arguments come with the nearest known name.
    pub fn load(privacy: &Privacy) -> Result<Suites> {
        Suites::parse(&DATASETS, &GOLD, privacy)
    }

    fn parse(
        datasets: &[(Dataset, &str)],
        gold: &[(&'static str, &str)],
        privacy: &Privacy,
    ) -> Result<Suites> {
        let datasets = datasets.iter().map(|(dataset, text)| {
            let suite = parse(dataset.name(), text)?;
            DatasetSuite::new(*dataset, suite, personal(*dataset, privacy))
        });
        let gold = gold.iter().map(|(table, text)| {
            let suite = parse(table, text)?;
            match suite.unknown_names() {
                problems if problems.is_empty() => Ok(GoldSuite { table, suite }),
                problems => Err(into_error(&suite.name, &problems)),
            }
        });
        Ok(Suites {
            datasets: datasets.collect::<Result<_>>()?,
            gold: gold.collect::<Result<_>>()?,
        })
    }

    /// Suites over the rows of a run.
    pub fn datasets(&self) -> &[DatasetSuite] {
        &self.datasets
    }

    /// Suites over gold.
    pub fn gold(&self) -> &[GoldSuite] {
        &self.gold
    }
}

fn parse(name: &str, text: &str) -> Result<Suite> {
    let suite = Suite::parse_yaml(text).map_err(|problems| into_error(name, &problems))?;
    if suite.name != name {
        return Err(Error::invalid("a suite has another name than its table")
            .with("suite", suite.name)
            .with("table", name));
    }
    Ok(suite)
}

/// The dataset's own columns as bronze has them; any may be null, since what is expected decides.
fn columns(dataset: Dataset) -> SchemaRef {
    let fields: Fields =
        dataset.columns().iter().map(|column| schema::field(column).with_nullable(true)).collect();
    Arc::new(Schema::new(fields))
}

/// What the policies do not let logs show as it is.
fn personal(dataset: Dataset, privacy: &Privacy) -> Vec<String> {
    let hidden =
        |column: &&Column| privacy.decide(dataset, column).treatment(Logs) != Treatment::Keep;
    let personal = dataset.columns().iter().filter(hidden);
    personal.map(|column| column.name.to_owned()).collect()
}

/// Options of a gold table's suite: gold knows persons by number only.
pub(super) fn of_gold() -> Options {
    Options { profile: true, ..options() }
}

fn options() -> Options {
    Options {
        // Results are read by more people than the rows are, and the key columns name the row.
        masker: Arc::new(|_, _| Value::from(HIDDEN)),
        hash_seed: HASH_SEED,
        ..Options::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn privacy() -> Privacy {
        let settings = shopflow_core::Settings::from_sources("prod", Default::default(), &[]);
        settings.unwrap().privacy
    }

    #[test]
    fn every_suite_of_the_folder_is_compiled_in_and_understood() {
        let suites = Suites::load(&privacy()).unwrap();
        let ours = suites.datasets.iter().map(|suite| suite.dataset.name());
        let ours: BTreeSet<String> =
            ours.chain(suites.gold.iter().map(|suite| suite.table)).map(str::to_owned).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let files: BTreeSet<String> =
            files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(ours, files);
    }

    #[test]
    fn an_unknown_expectation_stops_init_with_the_name_that_is_meant() {
        let text = "suite: products\nexpectations:\n\
                    - expect_column_values_to_be_betwen: {column: price, min_value: 1}\n";
        let error = Suites::parse(&[(Dataset::Products, text)], &[], &privacy()).unwrap_err();
        let wanted = "did you mean 'expect_column_values_to_be_between'?";
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(error.to_string().contains("products"), "{error}");

        let text = "suite: daily_sales\nexpectations:\n\
                    - expect_column_values_to_be_between: {column: revenue, min_vale: 1}\n";
        let error = Suites::parse(&[], &[("daily_sales", text)], &privacy()).unwrap_err();
        assert!(error.to_string().contains("did you mean 'min_value'?"), "{error}");
    }

    #[test]
    fn a_suite_in_the_file_of_another_table_is_refused() {
        let error =
            Suites::parse(&[], &[("daily_sales", "suite: day\nexpectations: []\n")], &privacy())
                .unwrap_err();
        assert!(error.to_string().contains("another name"), "{error}");
    }

    #[test]
    fn names_addresses_and_typed_text_are_masked() {
        let personal = |dataset| personal(dataset, &privacy());
        assert_eq!(personal(Dataset::Customers), ["name", "email"]);
        assert_eq!(personal(Dataset::Clickstream), ["session_id", "url", "referrer"]);
        assert!(personal(Dataset::Transactions).is_empty());
    }
}
