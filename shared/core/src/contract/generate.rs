//! `generate`: how much synthetic data to make.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ObjectRef;
use crate::error::Error;

/// What the sales of the synthetic shop look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The six columns that every file has: each sale has a customer and the list price.
    #[default]
    Usual,
    /// What shops have besides: orders of several lines, prices of their own, discounts, returns
    /// and guests, two currencies with their rates, tax, shipping, costs and payments.
    Full,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 2] = [Profile::Usual, Profile::Full];

    /// The name in events and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Usual => "usual",
            Profile::Full => "full",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(name: &str) -> Result<Profile, Error> {
        Profile::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(|| {
            Error::invalid(format!("unknown profile '{name}'"))
                .hint(format!("the profiles are {}", Profile::ALL.map(Profile::name).join(", ")))
        })
    }
}

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
    /// What the sales look like.
    pub profile: Profile,
}

impl Default for GenerateSpec {
    fn default() -> Self {
        GenerateSpec { scale: 1.0, seed: 42, defect_rate: 0.0, days: 365, profile: Profile::Usual }
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
    /// One per written file, in load order (customers, products, transactions, clickstream; in the full
    /// profile exchange rates and payments too).
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

    #[test]
    fn a_profile_has_one_name_in_events_and_commands() {
        for profile in Profile::ALL {
            let spec = format!(r#"{{"profile": "{profile}"}}"#);
            let spec: GenerateSpec = serde_json::from_str(&spec).unwrap();
            assert_eq!(spec.profile, profile);
            assert_eq!(profile.name().parse::<Profile>().unwrap(), profile);
        }
        let error = "complete".parse::<Profile>().unwrap_err().to_string();
        for part in ["complete", "usual", "full"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(serde_json::from_str::<GenerateSpec>(r#"{"profile": "complete"}"#).is_err());
    }
}
