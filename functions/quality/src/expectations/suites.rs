//! The suites of `suites/`, compiled in or laid over those, and understood once at init.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Fields, Schema, SchemaRef};
use serde_json::{Map, Value};
use shopflow_core::dataset::Column;
use shopflow_core::overlay::Overlay;
use shopflow_core::privacy::Privacy;
use shopflow_core::schema_contract::Mode;
use shopflow_core::vocabulary::{Vocabularies, Vocabulary};
use shopflow_core::{Dataset, Error, Result, Settings};
use shopflow_expectations::{Options, Plan, Problem, Severity, Suite, into_error};
use shopflow_lake::schema;
use shopflow_privacy::Treatment;
use shopflow_privacy::treatment::mask::HIDDEN;

/// Name and text of every suite of `suites/`, by name. One that has the name of a dataset is over the
/// rows of a run, any other over a table of gold.
const BUILT_IN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/suites.rs"));

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

    /// True when an expectation is about another table, too.
    pub fn compares_with_a_table(&self) -> bool {
        self.suite.other_tables().next().is_some()
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

/// What suites are understood with.
struct Surroundings<'a> {
    privacy: &'a Privacy,
    sets: &'a Vocabularies,
}

impl Suites {
    /// Parses and checks every suite, those of `overlay` in the place of the built-in ones.
    ///
    /// # Errors
    /// `InvalidInput` with all problems of all suites; unknown expectations and arguments come with
    /// the nearest known name.
    pub fn load(settings: &Settings, overlay: &Overlay) -> Result<Suites> {
        let laid_over: BTreeMap<&str, &str> = overlay.suites().collect();
        let built_in: BTreeMap<&'static str, &str> = BUILT_IN.iter().copied().collect();
        let text = |name: &str| laid_over.get(name).or_else(|| built_in.get(name)).copied();
        let datasets: Vec<(Dataset, &str)> =
            Dataset::all().filter_map(|dataset| Some((dataset, text(dataset.name())?))).collect();
        let is_dataset = |name: &str| Dataset::all().any(|dataset| dataset.name() == name);
        let gold: Vec<(&'static str, &str)> = built_in
            .keys()
            .filter(|name| !is_dataset(name))
            .filter_map(|table| Some((*table, text(table)?)))
            .collect();
        let is_known = |name: &str| {
            datasets.iter().any(|(dataset, _)| dataset.name() == name)
                || gold.iter().any(|(table, _)| *table == name)
        };
        let unknown = laid_over.keys().filter(|name| !is_known(name)).map(|name| {
            format!("suites/{name}.yaml is about no dataset and no table of gold that has a suite")
        });
        let Settings { privacy, vocabulary: sets, .. } = settings;
        Suites::parse(&datasets, &gold, &Surroundings { privacy, sets }, unknown.collect())
    }

    fn parse(
        datasets: &[(Dataset, &str)],
        gold: &[(&'static str, &str)],
        surroundings: &Surroundings<'_>,
        mut problems: Vec<String>,
    ) -> Result<Suites> {
        let mut suites = Suites { datasets: Vec::new(), gold: Vec::new() };
        for (dataset, text) in datasets {
            let personal = personal(*dataset, surroundings.privacy);
            match parse(dataset.name(), text, surroundings.sets)
                .and_then(|suite| with_parameters(suite, &surroundings.sets.parameters()))
                .and_then(|suite| DatasetSuite::new(*dataset, suite, personal))
            {
                Ok(suite) => suites.datasets.push(suite),
                Err(error) => problems.push(error.to_string()),
            }
        }
        for (table, text) in gold {
            let parsed = parse(table, text, surroundings.sets).and_then(|suite| {
                match suite.unknown_names() {
                    unknown if unknown.is_empty() => {
                        with_parameters(suite.clone(), &surroundings.sets.parameters())?;
                        Ok(suite)
                    }
                    unknown => Err(into_error(&suite.name, &unknown)),
                }
            });
            match parsed {
                Ok(suite) => suites.gold.push(GoldSuite { table, suite }),
                Err(error) => problems.push(error.to_string()),
            }
        }
        if problems.is_empty() { Ok(suites) } else { Err(Error::invalid(problems.join("; "))) }
    }

    /// Suites over the rows of a run.
    pub fn datasets(&self) -> &[DatasetSuite] {
        &self.datasets
    }

    /// The suites over gold with these values of their parameters.
    ///
    /// # Errors
    /// None when the names of the parameters are those of the vocabulary.
    pub fn of_gold(&self, parameters: &Map<String, Value>) -> Result<Vec<GoldSuite>> {
        let with_values = self.gold.iter().map(|gold| {
            let suite = with_parameters(gold.suite.clone(), parameters)?;
            Ok(GoldSuite { table: gold.table, suite })
        });
        with_values.collect()
    }
}

fn parse(name: &str, text: &str, sets: &Vocabularies) -> Result<Suite> {
    let refused = |problems: Vec<Problem>| into_error(name, &problems);
    let mut suite = Suite::parse_yaml(text).map_err(refused)?;
    if suite.name != name {
        return Err(Error::invalid("a suite has another name than its table")
            .with("suite", suite.name)
            .with("table", name));
    }
    for expectation in &mut suite.expectations {
        // New values of such a set are accepted, and a check of its own reports them.
        if expectation.parameters().any(|name| evolves(name, sets)) {
            expectation.severity = Severity::Info;
        }
    }
    Ok(suite)
}

fn with_parameters(suite: Suite, parameters: &Map<String, Value>) -> Result<Suite> {
    let name = suite.name.clone();
    suite.with_parameters(parameters).map_err(|problems| into_error(&name, &problems))
}

fn evolves(name: &str, sets: &Vocabularies) -> bool {
    let set = Vocabulary::ALL.into_iter().find(|set| set.name() == name);
    set.is_some_and(|set| sets.of(set).contract() == Mode::Evolve)
}

/// The dataset's own columns as bronze has them; any may be null, since what is expected decides.
fn columns(dataset: Dataset) -> SchemaRef {
    let fields: Fields =
        dataset.columns().iter().map(|column| schema::field(column).with_nullable(true)).collect();
    Arc::new(Schema::new(fields))
}

/// What the policies do not let logs show as it is.
fn personal(dataset: Dataset, privacy: &Privacy) -> Vec<String> {
    let hidden = |column: &&Column| privacy.in_logs(dataset, column) != Treatment::Keep;
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

    use shopflow_core::overlay::OverlaidFile;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables = variables
            .iter()
            .map(|(name, value)| (format!("SHOPFLOW__VOCABULARY__{name}"), (*value).to_owned()));
        Settings::from_sources("prod", variables.collect(), &[]).unwrap()
    }

    fn overlay(files: &[(&str, &str)]) -> Overlay {
        let file = |(name, text): &(&str, &str)| {
            let file = OverlaidFile { version_id: None, text: (*text).to_owned() };
            (format!("suites/{name}.yaml"), file)
        };
        Overlay {
            uri: "s3://b/".to_owned(),
            files: files.iter().map(file).collect(),
            problems: Vec::new(),
        }
    }

    fn refused(files: &[(&str, &str)]) -> String {
        Suites::load(&settings(&[]), &overlay(files)).unwrap_err().to_string()
    }

    #[test]
    fn every_suite_of_the_folder_is_compiled_in_and_understood() {
        let suites = Suites::load(&settings(&[]), &Overlay::default()).unwrap();
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
    fn a_suite_is_replaced_by_the_one_laid_over_it_and_no_other() {
        let text = "suite: daily_sales\nexpectations:\n\
                    - expect_column_values_to_not_be_null: {column: revenue}\n";
        let suites = Suites::load(&settings(&[]), &overlay(&[("daily_sales", text)])).unwrap();
        let expectations = |suites: &Suites, table: &str| {
            let suite = suites.gold.iter().find(|suite| suite.table == table).unwrap();
            suite.suite.expectations.len()
        };
        let built_in = Suites::load(&settings(&[]), &Overlay::default()).unwrap();
        assert_eq!(expectations(&suites, "daily_sales"), 1);
        assert_eq!(expectations(&suites, "weekly_sales"), expectations(&built_in, "weekly_sales"));
    }

    #[test]
    fn a_suite_of_a_dataset_that_counts_another_table_is_told_apart() {
        let beside = |other: &str| {
            let text = format!(
                "suite: products\nexpectations:\n\
                 - expect_table_row_count_to_equal_other_table: {{other_table_name: {other}}}\n"
            );
            let suites = Suites::load(&settings(&[]), &overlay(&[("products", &text)])).unwrap();
            let told = suites.datasets.into_iter().filter(DatasetSuite::compares_with_a_table);
            told.map(|suite| suite.dataset).collect::<Vec<_>>()
        };
        assert_eq!(beside("product_sales"), [Dataset::Products]);
        assert_eq!(beside("customers"), [Dataset::Products]);
    }

    #[test]
    fn the_problems_of_all_suites_are_listed_at_once() {
        let error = refused(&[
            (
                "products",
                "suite: products\nexpectations:\n\
                 - expect_column_values_to_be_betwen: {column: price, min_value: 1}\n",
            ),
            (
                "daily_sales",
                "suite: daily_sales\nexpectations:\n\
                 - expect_column_values_to_be_between: {column: revenue, min_vale: 1}\n",
            ),
            ("weekly_sales", "suite: week\nexpectations: []\n"),
            (
                "clickstream",
                "suite: clickstream\nexpectations:\n\
                 - expect_column_values_to_be_in_set: {column: device, value_set: {$PARAMETER: device}}\n",
            ),
            ("colours", "suite: colours\nexpectations: []\n"),
        ]);
        for part in [
            "did you mean 'expect_column_values_to_be_between'?",
            "did you mean 'min_value'?",
            "another name",
            "the parameter 'device' has no value",
            "did you mean 'devices'?",
            "suites/colours.yaml",
        ] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }

    #[test]
    fn sets_come_from_the_vocabulary_and_are_no_reason_to_stop_where_they_evolve() {
        let expectation = |variables: &[(&str, &str)]| {
            let suites = Suites::load(&settings(variables), &Overlay::default()).unwrap();
            let suite = &suites.datasets.iter().find(|suite| suite.dataset == Dataset::Products);
            let expectations = suite.unwrap().suite.expectations.iter();
            let mut in_set = expectations
                .filter(|expectation| expectation.name == "expect_column_values_to_be_in_set");
            let found = in_set.next().unwrap();
            (found.kwargs["value_set"].clone(), found.severity)
        };
        let (values, severity) = expectation(&[("CATEGORIES__VALUES", "garden,toys")]);
        assert_eq!(values, serde_json::json!(["garden", "toys"]));
        assert_eq!(severity, Severity::Critical);
        let (_, severity) = expectation(&[("CATEGORIES__CONTRACT", "evolve")]);
        assert_eq!(severity, Severity::Info);
    }

    #[test]
    fn names_addresses_and_typed_text_are_masked() {
        let personal = |dataset| personal(dataset, &settings(&[]).privacy);
        assert_eq!(personal(Dataset::Customers), ["name", "email", "natural_key"]);
        assert_eq!(personal(Dataset::Clickstream), ["session_id", "url", "referrer"]);
        assert!(personal(Dataset::Transactions).is_empty());
    }
}
