//! Policies about personal data: the section `privacy` of the configuration, checked against the
//! datasets it is about.

use serde::Deserialize;
use shopflow_privacy::{Decision, Layer, Policies, RawPolicies, Treatment};

use crate::dataset::{Column, Dataset, Kind};

/// Classes, treatments, and where the key of the keyed hash is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Written")]
pub struct Privacy {
    /// Secrets Manager secret whose text is the key (`transform`).
    pub key_secret_arn: Option<String>,
    /// What becomes of customers that were erased and are delivered again (`validate`).
    pub erased: Redelivery,
    /// What each layer does with which data. Where they are wrong, everything is dropped; nobody
    /// sees that, since init fails with all that is wrong.
    pub policies: Policies,
    problems: Vec<String>,
}

/// What becomes of the values of a customer who was erased and is delivered again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redelivery {
    /// They do not come in, whenever the file was made.
    #[default]
    StayErased,
    /// Those of a file that was uploaded after the erasure, and is true since after it, do: the
    /// customer is a customer again.
    Accept,
}

#[derive(Debug, Deserialize)]
struct Written {
    key_secret_arn: Option<String>,
    #[serde(default)]
    erased: Redelivery,
    #[serde(flatten)]
    policies: RawPolicies,
}

impl From<Written> for Privacy {
    fn from(written: Written) -> Self {
        let (key_secret_arn, erased) = (written.key_secret_arn, written.erased);
        match Policies::try_from(written.policies) {
            Ok(policies) => {
                let problems = check(&policies);
                Privacy { key_secret_arn, erased, policies, problems }
            }
            Err(wrong) => Privacy {
                key_secret_arn,
                erased,
                policies: Policies::default(),
                problems: wrong.problems().to_vec(),
            },
        }
    }
}

impl Privacy {
    /// What holds for a column of a dataset.
    pub fn decide(&self, dataset: Dataset, column: &Column) -> Decision {
        decide(&self.policies, dataset, column)
    }

    /// What logs, reports and pages show of a column. The key of a customer that is a text may be an
    /// address or a name, so it is no number that reports may name a row by, unless the configuration
    /// says what the column holds.
    pub fn in_logs(&self, dataset: Dataset, column: &Column) -> Treatment {
        let treatment = self.decide(dataset, column).treatment(Layer::Logs);
        let is_named = || self.policies.names(dataset.name(), column.name);
        match treatment {
            Treatment::Keep if column.is_erased() && !is_named() => Treatment::Redact,
            treatment => treatment,
        }
    }

    /// Everything that is wrong with the configuration.
    pub fn problems(&self) -> Vec<String> {
        self.problems.iter().map(|problem| format!("privacy.{problem}")).collect()
    }
}

fn decide(policies: &Policies, dataset: Dataset, column: &Column) -> Decision {
    policies.decide_declared(dataset.name(), column.name, column.holds)
}

/// What the pipeline cannot do, although the policies by themselves are sound.
fn check(policies: &Policies) -> Vec<String> {
    let mut problems = Vec::new();
    for dataset in Dataset::all() {
        for column in dataset.columns() {
            let decision = decide(policies, dataset, column);
            let place = format!("columns.{dataset}.{}", column.name);
            let of = |layer| decision.treatment(layer);
            if of(Layer::Bronze) != Treatment::Keep {
                problems.push(format!(
                    "{place}: bronze is {}, and can only be keep: it holds what arrived",
                    of(Layer::Bronze)
                ));
            }
            let silver = of(Layer::Silver);
            if !can_be(column, silver) {
                problems.push(format!(
                    "{place}: silver cannot be {silver}, as {}",
                    if is_text(column) {
                        "the tables need the column; use keep or hash"
                    } else {
                        "only text can be treated; use keep"
                    }
                ));
            }
            // No table of gold has names and addresses; what gold has, it has as silver has it.
            if !column.is_personal() && of(Layer::Gold) != silver {
                problems.push(format!(
                    "{place}: gold is {}, and can only be as silver: {silver}",
                    of(Layer::Gold)
                ));
            }
        }
    }
    for (dataset, column) in policies.named_columns() {
        let known =
            Dataset::all().filter(|known| matches!(dataset, "*") || known.name() == dataset);
        let mut columns = known.flat_map(Dataset::columns);
        if !columns.any(|known| column == "*" || known.name == column) {
            problems.push(format!(
                "columns.{dataset}.{column}: there is no such column; if files bring \
                 it along, name it under extra_columns"
            ));
        }
    }
    for (dataset, column) in policies.named_extra_columns() {
        let place = format!("extra_columns.{dataset}.{column}");
        let mut known = Dataset::all()
            .filter(|known| matches!(dataset, "*") || known.name() == dataset)
            .peekable();
        if known.peek().is_none() {
            problems.push(format!("{place}: there is no such dataset"));
        } else if column == "*" {
            problems.push(format!("{place}: name the column"));
        } else if known.flat_map(Dataset::columns).any(|known| known.name == column) {
            problems.push(format!("{place}: the dataset defines it; name it under columns"));
        }
    }
    problems
}

fn is_text(column: &Column) -> bool {
    matches!(column.kind, Kind::Text(_) | Kind::Email)
}

/// Silver keeps its columns, so only what nothing is computed from can be taken away.
fn can_be(column: &Column, treatment: Treatment) -> bool {
    match treatment {
        Treatment::Keep => true,
        Treatment::Hash => is_text(column),
        _ => is_text(column) && column.is_personal(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::natural_key::NATURAL_KEY;

    fn privacy(section: &str, column: &str, holds: &str) -> Privacy {
        let layers = |silver: &str, gold: &str, logs: &str| -> Value {
            json!({"bronze": "keep", "silver": silver, "gold": gold, "logs": logs})
        };
        let open = layers("keep", "keep", "keep");
        serde_json::from_value(json!({
            "kinds": {"customer_id": "internal", "session_id": "internal", "url": "internal"},
            "other_kinds": "restricted",
            section: {column: holds},
            "treatments": {
                "public": open,
                "internal": open,
                "confidential": layers("keep", "keep", "redact"),
                "restricted": layers("redact", "drop", "drop"),
            },
        }))
        .unwrap()
    }

    #[test]
    fn the_key_of_a_customer_is_shown_in_logs_if_it_is_a_number() {
        let in_logs = |privacy: &Privacy, name: &str| {
            let column = Dataset::Customers.definition().column(name).unwrap();
            privacy.in_logs(Dataset::Customers, column)
        };
        let usual = privacy("columns", "customers.country", "internal");
        assert_eq!(in_logs(&usual, "id"), Treatment::Keep);
        assert_eq!(in_logs(&usual, NATURAL_KEY), Treatment::Redact);
        let named = privacy("columns", "customers.natural_key", "internal");
        assert_eq!(in_logs(&named, NATURAL_KEY), Treatment::Keep);
    }

    #[test]
    fn columns_without_a_definition_are_named_apart_from_those_with_one() {
        let named = privacy("extra_columns", "customers.mobile", "phone");
        assert_eq!(named.problems(), [""; 0]);
        assert!(named.policies.names("customers", "mobile"));
        assert!(!named.policies.names("products", "mobile"));
        assert!(privacy("extra_columns", "*.mobile", "phone").policies.names("products", "mobile"));
        for (section, column, holds, problem) in [
            ("extra_columns", "customers.email", "email", "name it under columns"),
            ("extra_columns", "*.email", "email", "name it under columns"),
            ("extra_columns", "orders.phone", "phone", "there is no such dataset"),
            ("extra_columns", "customers.phone", "phnoe", "phone"),
            ("extra_columns", "customers.*", "internal", "name the column"),
            ("columns", "customers.mobile", "phone", "name it under extra_columns"),
        ] {
            let said = privacy(section, column, holds).problems().join("; ");
            assert!(said.contains(problem), "{section} {column}: {said}");
        }
    }
}
