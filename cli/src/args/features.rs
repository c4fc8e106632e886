//! Arguments of the commands about features.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::Environment;

#[derive(Debug, Subcommand)]
pub enum Features {
    /// List entities, views with their features, and services
    List(FeaturesList),
    /// Show a view, an on-demand definition or a service, with every feature
    Show(FeaturesShow),
    /// Put the features of a service beside rows of yours, as they were known at the moment of each
    TrainingSet(TrainingSet),
}

#[derive(Debug, Args)]
pub struct FeaturesList {
    /// Print the list as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct FeaturesShow {
    /// Name of a view, an on-demand definition or a service
    pub name: String,
    /// Print the definition as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TrainingSet {
    /// CSV or Parquet file with the keys, event_timestamp, and whatever shall stay beside the features
    #[arg(long, value_name = "FILE")]
    pub spine: PathBuf,
    /// Whose features
    #[arg(long, value_name = "NAME")]
    pub service: String,
    /// Parquet file to write; its manifest and its card go beside it
    #[arg(long, short, value_name = "FILE", value_parser = parquet_file)]
    pub output: PathBuf,
    /// Write the rows from this day on (UTC) to a file of their own, <output>.test.parquet
    #[arg(long, value_name = "DATE")]
    pub split: Option<NaiveDate>,
    /// Count only what was known to the training set of this manifest: with the same spine it comes
    /// out the same
    #[arg(long, value_name = "MANIFEST")]
    pub as_of: Option<PathBuf>,
    /// Call columns <view>__<feature>
    #[arg(long)]
    pub full_names: bool,
    /// Print the manifest, and no progress
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub environment: Environment,
}

/// The files beside it are called after it.
fn parquet_file(name: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("parquet") => Ok(path),
        _ => Err("give a name that ends in .parquet".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Arguments;

    #[test]
    fn a_training_set_is_a_parquet_file() {
        let parse = |output: &str| {
            let start = ["shopflow", "features", "training-set", "--spine", "a.csv"];
            let rest = ["--service", "churn", "-o", output, "--split", "2026-06-01"];
            Arguments::try_parse_from(start.into_iter().chain(rest))
        };
        assert!(parse("train.parquet").is_ok());
        assert!(parse("train.csv").is_err());
    }
}
