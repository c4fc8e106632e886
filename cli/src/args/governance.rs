//! Arguments of the commands about the quality of runs, and about rows and messages that were
//! refused.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use shopflow_core::{Dataset, natural_key};

use super::Environment;

#[derive(Debug, Subcommand)]
pub enum Quarantine {
    /// List the files with refused rows: why, how many good rows are held, what came of them
    List(QuarantineList),
    /// Show the refused rows of a run, personal values masked
    Show(QuarantineShow),
    /// Write the refused rows to a file, as they are, so that they can be repaired
    Export(QuarantineExport),
    /// Send refused rows through the pipeline again, in the place of their original file
    Replay(QuarantineReplay),
    /// Load a file that was rejected for too many refused rows; those stay in quarantine
    Accept(QuarantineAccept),
}

#[derive(Debug, Args)]
pub struct Lineage {
    /// Print what a column is computed from, such as gold.daily_sales.revenue
    #[arg(long, value_name = "COLUMN")]
    pub column: Option<String>,
    /// Print what a column has an effect on, such as customers.email
    #[arg(long, value_name = "COLUMN", conflicts_with = "column")]
    pub downstream: Option<String>,
    /// Write nothing; exit code 1 when the file is out of date
    #[arg(long, conflicts_with_all = ["column", "downstream"])]
    pub check: bool,
}

#[derive(Debug, Args)]
pub struct QuarantineList {
    #[command(flatten)]
    pub environment: Environment,
    /// Only this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Only this dataset
    #[arg(long)]
    pub dataset: Option<Dataset>,
    /// Files to list, newest first
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Print the list as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct QuarantineShow {
    /// The run that refused the rows
    pub run_id: String,
    /// Only this dataset
    pub dataset: Option<Dataset>,
    #[command(flatten)]
    pub environment: Environment,
    /// Only the rows of this file, by the id that `list` shows
    #[arg(long, value_name = "ID")]
    pub part: Option<String>,
    /// Only rows that broke this rule
    #[arg(long)]
    pub rule: Option<String>,
    /// Rows to show
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Print the rows as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct QuarantineExport {
    /// The run that refused the rows
    pub run_id: String,
    pub dataset: Dataset,
    #[command(flatten)]
    pub environment: Environment,
    /// The file whose rows are meant, if there are several, by the id that `list` shows
    #[arg(long, value_name = "ID")]
    pub part: Option<String>,
    /// Only rows that broke this rule
    #[arg(long)]
    pub rule: Option<String>,
    /// File to write; must not exist. Readable by you only: the rows may hold personal data
    #[arg(long, short, value_name = "PATH")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
pub struct QuarantineReplay {
    /// The run that refused the rows
    pub run_id: String,
    pub dataset: Dataset,
    #[command(flatten)]
    pub environment: Environment,
    /// The file whose rows are meant, if there are several, by the id that `list` shows
    #[arg(long, value_name = "ID")]
    pub part: Option<String>,
    /// Repaired rows under their header [default: the rows as they are]
    #[arg(long, value_name = "PATH", conflicts_with = "rule")]
    pub file: Option<PathBuf>,
    /// Of the rows as they are, only those that broke this rule
    #[arg(long)]
    pub rule: Option<String>,
    /// Replay once more what was replayed with success
    #[arg(long)]
    pub again: bool,
    /// Print the outcome as JSON, and no progress
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct QuarantineAccept {
    /// The run that rejected the file
    pub run_id: String,
    /// Only files of this dataset
    pub dataset: Option<Dataset>,
    #[command(flatten)]
    pub environment: Environment,
    /// Only this file of the run, by the id that `list` shows
    #[arg(long, value_name = "ID")]
    pub part: Option<String>,
    /// The reason, which is recorded with your name and the time
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub why: String,
    /// Print the outcome as JSON, and no progress
    #[arg(long)]
    pub json: bool,
}

/// A queue whose messages can end among its dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Queue {
    /// Uploads that could not be turned into a run
    Ingest,
    /// Calls of change data capture that failed
    Cdc,
    /// Nightly runs that the schedule could not start
    Schedule,
}

#[derive(Debug, Args)]
pub struct Redrive {
    #[command(flatten)]
    pub environment: Environment,
    /// Only the dead letters of this queue [default: all]
    #[arg(long)]
    pub queue: Option<Queue>,
    /// Messages per queue
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Only say what would be done, and why each message had failed
    #[arg(long)]
    pub dry_run: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Docs {
    #[command(flatten)]
    pub environment: Environment,
    /// Folder to fetch them into
    #[arg(long, value_name = "FOLDER", default_value = "reports/data-docs")]
    pub out: PathBuf,
    /// Runs to fetch, newest first; the index lists 50
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub runs: u32,
    /// Open the first page in the browser
    #[arg(long)]
    pub open: bool,
}

#[derive(Debug, Args)]
pub struct Erase {
    #[command(flatten)]
    pub environment: Environment,
    /// Number of the customer, or the key if keys are texts
    #[arg(long, value_name = "ID", value_parser = customer)]
    pub customer: i64,
    /// Name of the request, and of the proof [default: customer-<ID>]
    #[arg(long, value_name = "NAME", value_parser = request_name)]
    pub request: Option<String>,
    /// Change nothing, only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Print the proof as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Withdraw {
    #[command(flatten)]
    pub environment: Environment,
    /// Sales with this id
    #[arg(long, value_name = "ID")]
    pub id: Vec<i64>,
    /// Sales that any version of this file brought, by its key in the landing bucket
    #[arg(long, value_name = "KEY")]
    pub file: Option<String>,
    /// Sales from this day on, in the shop's time zone
    #[arg(long, value_name = "DATE", requires = "to")]
    pub from: Option<NaiveDate>,
    /// Sales up to this day
    #[arg(long, value_name = "DATE", requires = "from")]
    pub to: Option<NaiveDate>,
    /// But not the sales that the latest version of this file has, or a file after it
    #[arg(long, value_name = "KEY")]
    pub keep: Option<String>,
    /// Change nothing, only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Print the outcome as JSON, and no progress
    #[arg(long)]
    pub json: bool,
}

/// The id of a customer, or the one that is made of a key that is a text.
fn customer(key: &str) -> Result<i64, String> {
    // `007` is a text: where keys are texts, it is somebody else than 7.
    let is_plain = key.starts_with(|first| matches!(first, '1'..='9'))
        && key.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain {
        return key.parse().map_err(|_| "the number is too large".to_owned());
    }
    natural_key::number(Dataset::Customers, key.as_bytes())
        .ok()
        .and_then(|id| i64::try_from(id).ok())
        .ok_or_else(|| "give the number of the customer, or the key as files have it".to_owned())
}

/// Whoever reads it later wants to know.
fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say why".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// The name becomes part of a key.
fn request_name(name: &str) -> Result<String, String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.len() > 100 || !name.chars().all(allowed) {
        return Err("use letters, digits, '-', '_' and '.', at most 100".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    #[test]
    fn customers_are_named_by_number_or_by_key() {
        assert_eq!(customer("4711"), Ok(4711));
        for key in ["007", "7.0", "+7", "AB-1"] {
            assert!(customer(key).unwrap() > natural_key::LARGEST_NUMBER as i64, "{key}");
        }
        for wrong in ["", " ", "99999999999999999999"] {
            assert!(customer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_replay_takes_repaired_rows_or_those_of_a_rule() {
        let parse = |rest: &[&str]| {
            let start = ["shopflow", "quarantine", "replay", "run-1", "products"];
            Arguments::try_parse_from(start.iter().chain(rest))
        };
        let parsed = parse(&["--file", "rows.csv", "--env", "dev"]).unwrap();
        let Command::Quarantine(Quarantine::Replay(replay)) = parsed.command else {
            panic!("replay was asked for")
        };
        assert_eq!((replay.run_id.as_str(), replay.dataset), ("run-1", Dataset::Products));
        assert_eq!(replay.environment.name, "dev");
        assert!(parse(&["--rule", "field_count"]).is_ok());
        assert!(parse(&["--rule", "field_count", "--file", "rows.csv"]).is_err());
    }

    #[test]
    fn an_acceptance_has_a_reason() {
        let parse = |rest: &[&str]| {
            let start = ["shopflow", "quarantine", "accept", "run-1"];
            Arguments::try_parse_from(start.iter().chain(rest))
        };
        assert!(parse(&["products", "--why", "the till was broken"]).is_ok());
        assert!(parse(&["--part", "00aa"]).is_err());
        assert!(parse(&["products", "--why", " "]).is_err());
    }

    #[test]
    fn an_unknown_dataset_is_answered_with_those_there_are() {
        let parsed =
            Arguments::try_parse_from(["shopflow", "quarantine", "show", "run-1", "orders"]);
        assert!(parsed.unwrap_err().to_string().contains("customers, products"));
    }
}
