//! `generate`: how much synthetic data to make.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ObjectRef;

/// How much synthetic data to make, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateSpec {
    /// Multiplies 1,000 customers, 500 products and 5,000 transactions.
    pub scale: f64,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Share of rows that carry one planted defect, 0 to 1.
    pub defect_rate: f64,
    /// Length of the sales history in days; it ends the day before the run date.
    pub days: u32,
}

impl Default for GenerateSpec {
    fn default() -> Self {
        GenerateSpec { scale: 1.0, seed: 42, defect_rate: 0.0, days: 365 }
    }
}

/// Event of `generate`. Without `run_id` the files are left for the S3 trigger to pick up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateEvent {
    #[serde(default)]
    pub run_id: Option<String>,
    /// Defaults to today (UTC).
    #[serde(default)]
    pub run_date: Option<NaiveDate>,
    #[serde(default)]
    pub spec: GenerateSpec,
}

/// Result of `generate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateResult {
    /// One per written file, in load order (customers, products, transactions, clickstream).
    pub objects: Vec<ObjectRef>,
    /// The true list of planted defects (JSON lines).
    pub truths: ObjectRef,
    /// Data rows written over all files.
    pub rows: u64,
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_of_the_generate_spec_is_refused_by_name() {
        let error = serde_json::from_str::<GenerateSpec>(r#"{"sclae": 2}"#).unwrap_err();
        assert!(error.to_string().contains("sclae"), "{error}");
    }

    #[test]
    fn the_design_s_input_for_generate_is_accepted_in_part() {
        let spec: GenerateSpec = serde_json::from_str(r#"{"seed": 7}"#).unwrap();
        assert_eq!(spec, GenerateSpec { seed: 7, ..GenerateSpec::default() });
    }
}
