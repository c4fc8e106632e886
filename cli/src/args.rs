//! The command line.

mod features;
mod governance;
mod streaming;

pub use features::{Features, FeaturesList, FeaturesShow, TrainingSet};
pub use governance::{
    Docs, Erase, Lineage, Quarantine, QuarantineAccept, QuarantineExport, QuarantineList,
    QuarantineReplay, QuarantineShow, Queue, Redrive, Withdraw,
};
pub use streaming::{Dashboard, Stream};

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};
use serde_json::{Map, Value, json};
use shopflow_core::Dataset;
use shopflow_core::contract::{GenerateSpec, Profile};

/// ShopFlow: an e-commerce analytics pipeline on AWS, and the same on this machine.
#[derive(Debug, Parser)]
#[command(name = "shopflow", version, bin_name = "cargo shopflow")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the local cloud: emulator, Postgres and the deployed stack
    Up(Up),
    /// Stop the local cloud
    Down(Down),
    /// Run the pipeline, show its progress and report the result
    Run(Run),
    /// Run the pipeline for every date of a range
    Backfill(Backfill),
    /// List the recent runs, or show one of them
    Status(Status),
    /// Send simulated clicks to the stream as they happen, and say what became of them
    Stream(Stream),
    /// Make a link to the live page of the stream, good for a while
    Dashboard(Dashboard),
    /// See the rows that validation refused, repair them and replay them
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Give the messages of the dead-letter queues another try
    Redrive(Redrive),
    /// Erase the personal values of a customer from every store, with proof
    Erase(Erase),
    /// Take sales back: those of a file, of a period, or some; the history keeps them
    Withdraw(Withdraw),
    /// Answer the questions of the business, on screen, as CSV and as one HTML page
    Report(Report),
    /// See what features there are, and make training sets of them
    #[command(subcommand)]
    Features(Features),
    /// Fetch the data docs, the pages about the quality of the latest runs, into a folder
    Docs(Docs),
    /// Judge a CSV file, a Parquet file or a table of Postgres by a suite of expectations
    Check(Check),
    /// Print expectations that the latest rows of a dataset suggest and its suite does not have
    Suggest(Suggest),
    /// Write docs/query-plans.md: how each question is executed, before and after indexing
    Plans(Plans),
    /// Write docs/data-dictionary.md: every dataset, table and column
    Dictionary(Dictionary),
    /// Write docs/lineage.md: where every column comes from; or print the way of one column
    Lineage(Lineage),
    /// Write synthetic data to a folder or to the landing bucket
    Generate(Generate),
    /// Build the functions for AWS and put beside them what they need there
    Package(Package),
    /// Print the variables that point aws, psql, terraform and any SDK at the local cloud
    Env,
    /// Hand the calls of `cargo lambda invoke` to the emulator (`up` starts it)
    #[command(hide = true)]
    Relay(Relay),
    /// Pack the command and the functions for people who do not want to compile
    Archive(Archive),
    /// Run every test against a local cloud of its own
    Test(Test),
    /// Check what the local cloud needs from this machine
    Doctor,
}

#[derive(Debug, Args)]
pub struct Up {
    /// Port of the emulator; Postgres takes the next one [default: free ones]
    #[arg(long, value_name = "PORT")]
    pub port_base: Option<u16>,
}

#[derive(Debug, Args)]
pub struct Down {
    /// Also delete data and logs (the Python environment stays)
    #[arg(long)]
    pub purge: bool,
}

#[derive(Debug, Args)]
pub struct Relay {
    /// Port to listen on
    #[arg(long)]
    pub port: u16,
    /// Port of the emulator
    #[arg(long)]
    pub target: u16,
}

/// Which deployment a command works on.
#[derive(Debug, Clone, Args)]
pub struct Environment {
    /// local, or a stack on AWS: dev, staging, prod
    #[arg(
        long = "env",
        value_name = "ENV",
        default_value = "local",
        value_parser = ["local", "dev", "staging", "prod"]
    )]
    pub name: String,
}

/// How much synthetic data, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct Spec {
    /// Multiplies 1,000 customers, 500 products and 5,000 transactions [default: 1]
    #[arg(long)]
    pub scale: Option<f64>,
    /// The same seed gives the same data [default: 42]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Share of rows with a planted defect, 0 to 1 [default: 0]
    #[arg(long, value_name = "SHARE")]
    pub defect_rate: Option<f64>,
    /// Days of sales history before the run date [default: 365]
    #[arg(long)]
    pub days: Option<u32>,
    /// usual, or full: orders of several lines, prices, discounts, returns and guests, currencies and
    /// payments [default: usual]
    #[arg(long)]
    pub profile: Option<Profile>,
}

impl Spec {
    /// The specification with its defaults.
    pub fn complete(&self) -> GenerateSpec {
        let usual = GenerateSpec::default();
        GenerateSpec {
            scale: self.scale.unwrap_or(usual.scale),
            seed: self.seed.unwrap_or(usual.seed),
            defect_rate: self.defect_rate.unwrap_or(usual.defect_rate),
            days: self.days.unwrap_or(usual.days),
            profile: self.profile.unwrap_or(usual.profile),
        }
    }

    /// The source of a state machine's input; what is not given is left to the pipeline.
    pub fn source(&self) -> Value {
        let mut source = Map::new();
        source.insert("kind".to_owned(), json!("generate"));
        let fields = [
            ("scale", self.scale.map(Value::from)),
            ("seed", self.seed.map(Value::from)),
            ("defect_rate", self.defect_rate.map(Value::from)),
            ("days", self.days.map(Value::from)),
            ("profile", self.profile.map(|profile| Value::from(profile.name()))),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                source.insert(name.to_owned(), value);
            }
        }
        Value::Object(source)
    }
}

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub environment: Environment,
    #[command(flatten)]
    pub spec: Spec,
    /// The business date of the run [default: today in UTC]
    #[arg(long, value_name = "DATE")]
    pub run_date: Option<NaiveDate>,
    /// Use this file instead of generated data; the dataset is told by its name or its header
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with_all = ["scale", "seed", "defect_rate", "days", "profile"]
    )]
    pub file: Vec<PathBuf>,
    /// Dataset of every --file, when neither name nor header tell
    #[arg(long, requires = "file")]
    pub dataset: Option<Dataset>,
    /// Use this landed object instead of generated data
    #[arg(
        long,
        value_name = "S3-URI",
        conflicts_with_all = ["file", "scale", "seed", "defect_rate", "days", "profile"]
    )]
    pub object: Vec<String>,
    /// Bring nothing new: transform what waits, check everything and compact
    #[arg(
        long,
        conflicts_with_all = ["file", "object", "scale", "seed", "defect_rate", "days", "profile"]
    )]
    pub pending: bool,
    /// Print the report as JSON, and no progress
    #[arg(long)]
    pub json: bool,
}

impl Run {
    /// True when nothing else is named: the run works on generated data.
    pub fn generates(&self) -> bool {
        self.file.is_empty() && self.object.is_empty() && !self.pending
    }
}

#[derive(Debug, Args)]
pub struct Backfill {
    #[command(flatten)]
    pub environment: Environment,
    #[command(flatten)]
    pub spec: Spec,
    /// First date
    #[arg(long, value_name = "DATE")]
    pub start: NaiveDate,
    /// Last date
    #[arg(long, value_name = "DATE")]
    pub end: NaiveDate,
    /// Dates that run at the same time, 1 to 10 [default: 2]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub max_concurrency: Option<u8>,
    /// Use landed objects instead of generated data; {date} in the key stands for each date
    #[arg(
        long,
        value_name = "S3-URI",
        conflicts_with_all = ["scale", "seed", "defect_rate", "days", "profile"]
    )]
    pub object: Vec<String>,
    /// Print the outcome as JSON, and no progress
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Status {
    /// The run to show
    pub run_id: Option<String>,
    #[command(flatten)]
    pub environment: Environment,
    /// Runs to list
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
}

#[derive(Debug, Args)]
pub struct Report {
    #[command(flatten)]
    pub environment: Environment,
    /// Folder for the CSV files and the page
    #[arg(long, value_name = "FOLDER", default_value = "reports")]
    pub out: PathBuf,
    /// Ask again even what has not changed since the last report
    #[arg(long)]
    pub afresh: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    /// A suite: YAML as in suites/, or JSON as Great Expectations writes it
    pub suite: PathBuf,
    /// A file that ends in .csv or .parquet, or a table like warehouse.fact_sales
    pub source: String,
    /// Types of columns of a CSV file, the others are texts: quantity=integer,at=timestamp
    /// (integer, number, date, timestamp, text)
    #[arg(long, value_delimiter = ',', value_name = "COLUMN=TYPE")]
    pub types: Vec<String>,
    /// Threads that read a CSV file
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Print the result as Great Expectations writes it
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub environment: Environment,
}

#[derive(Debug, Args)]
pub struct Suggest {
    /// customers, products, transactions, clickstream, exchange_rates or payments
    pub dataset: Dataset,
    #[command(flatten)]
    pub environment: Environment,
}

#[derive(Debug, Args)]
pub struct Plans {
    /// Multiplies 1,000 customers, 500 products and 5,000 sales
    #[arg(long, default_value_t = 50.0)]
    pub scale: f64,
    /// Address of a Postgres superuser; databases of the server stay as they are [default: the
    /// local cloud's]
    #[arg(long, value_name = "URL", env = "SHOPFLOW_TEST_DATABASE_URL", hide_env = true)]
    pub server: Option<String>,
}

#[derive(Debug, Args)]
pub struct Dictionary {
    /// Write nothing; exit code 1 when the file is out of date or a column has no comment
    #[arg(long)]
    pub check: bool,
    /// Address of a Postgres superuser; databases of the server stay as they are [default: the
    /// local cloud's]
    #[arg(long, value_name = "URL", env = "SHOPFLOW_TEST_DATABASE_URL", hide_env = true)]
    pub server: Option<String>,
}

#[derive(Debug, Args)]
pub struct Generate {
    #[command(flatten)]
    pub environment: Environment,
    #[command(flatten)]
    pub spec: Spec,
    /// The day after the last sale [default: today in UTC]
    #[arg(long, value_name = "DATE")]
    pub run_date: Option<NaiveDate>,
    /// Folder for the files
    #[arg(long, value_name = "FOLDER", default_value = "data/raw")]
    pub out: PathBuf,
    /// Write to the landing bucket, where the upload starts a run for each file
    #[arg(long, conflicts_with = "out")]
    pub to_s3: bool,
}

#[derive(Debug, Args)]
pub struct Package {
    /// For Graviton, as samconfig.toml has it; this is the default
    #[arg(long, conflicts_with = "x86_64")]
    pub arm64: bool,
    /// For Intel and AMD
    #[arg(long = "x86-64")]
    pub x86_64: bool,
    /// PEM file with the certificate authorities of the database [default: those of RDS, downloaded
    /// from AWS]
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Archive {
    /// Folder for shopflow-<version>-<architecture>.tar.gz and its SHA-256
    #[arg(long, value_name = "FOLDER", default_value = "target/archives")]
    pub out: PathBuf,
    /// Take the functions from this folder, as `<function>/bootstrap`, instead of building them
    /// here: for AWS, those that `package` has put into target/lambda
    #[arg(long, value_name = "FOLDER")]
    pub functions: Option<PathBuf>,
    /// Take the command from this file instead of the one that runs
    #[arg(long, value_name = "FILE")]
    pub command: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Run only the tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Run only the tests of this package
    #[arg(long, short, value_name = "NAME")]
    pub package: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn only_what_is_given_goes_into_the_source() {
        let parsed = Arguments::parse_from(["shopflow", "run", "--seed", "7", "--scale", "0.5"]);
        let Command::Run(run) = parsed.command else { panic!("run was asked for") };
        assert_eq!(run.spec.source(), json!({"kind": "generate", "seed": 7, "scale": 0.5}));
        assert_eq!(run.environment.name, "local");
    }

    #[test]
    fn a_profile_goes_to_the_pipeline_by_its_name() {
        let parsed = Arguments::parse_from(["shopflow", "run", "--profile", "full"]);
        let Command::Run(run) = parsed.command else { panic!("run was asked for") };
        assert_eq!(run.spec.source(), json!({"kind": "generate", "profile": "full"}));
        assert_eq!(run.spec.complete().profile, Profile::Full);
        let unknown = ["shopflow", "generate", "--profile", "complete"];
        let error = Arguments::try_parse_from(unknown).unwrap_err().to_string();
        assert!(error.contains("unknown profile 'complete'"), "{error}");
    }

    #[test]
    fn what_waits_is_asked_for_alone() {
        let parsed = Arguments::parse_from(["shopflow", "run", "--pending", "--env", "prod"]);
        let Command::Run(run) = parsed.command else { panic!("run was asked for") };
        assert!(!run.generates());
        let others =
            [["--file", "a.csv"], ["--object", "s3://b/k"], ["--seed", "1"], ["--profile", "full"]];
        for other in others {
            let both = ["shopflow", "run", "--pending"].into_iter().chain(other);
            assert!(Arguments::try_parse_from(both).is_err(), "{other:?}");
        }
    }

    #[test]
    fn files_and_generated_data_exclude_each_other() {
        let both = ["shopflow", "run", "--file", "a.csv", "--seed", "1"];
        assert!(Arguments::try_parse_from(both).is_err());
        let two = ["shopflow", "run", "--file", "a.csv", "--file", "b.csv"];
        assert!(Arguments::try_parse_from(two).is_ok());
    }
}
