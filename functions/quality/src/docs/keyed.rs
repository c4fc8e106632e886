//! Rows are named by their keys: what is shown of them has the key in the place of the number that was
//! made of it.

use serde_json::Value;
use shopflow_core::Dataset;
use shopflow_core::dataset::Kind;

use super::expectation;
use crate::expectations::sample::Cell;
use crate::expectations::{Outcome, Sample};
use crate::known_as::{Keys, KnownAs, Rows};

/// The column of gold that names a sale; other rows have an id in their dimension.
const SALE: &str = "transaction_id";

/// The rows that the pages would name by a number made of a key.
pub fn rows_shown(outcomes: &[Outcome], known_as: &KnownAs) -> Rows {
    let mut rows = Rows::new();
    for outcome in outcomes {
        walk(&mut outcome.clone(), &mut |dataset, id| {
            if known_as.shows(dataset, id) {
                rows.insert((dataset, id));
            }
            None
        });
    }
    rows
}

/// The outcomes with these keys in the place of their numbers.
pub fn with_keys(outcomes: &[Outcome], keys: &Keys) -> Vec<Outcome> {
    let mut shown = outcomes.to_vec();
    if !keys.is_empty() {
        for outcome in &mut shown {
            walk(outcome, &mut |dataset, id| keys.get(&(dataset, id)).cloned());
        }
    }
    shown
}

/// Whose rows the numbers of a column stand for.
fn of_column(dataset: Option<Dataset>, name: &str) -> Option<Dataset> {
    let Some(dataset) = dataset else {
        let has = |dataset: &Dataset| dataset.dimension().is_some_and(|it| it.id == name);
        return if name == SALE { Some(Dataset::Transactions) } else { Dataset::all().find(has) };
    };
    match dataset.definition().column(name)?.kind {
        Kind::Id => Some(dataset),
        Kind::Reference(of) => Some(of),
        _ => None,
    }
}

/// Hands each number that stands for a row to `key`, and puts what it answers in its place.
fn walk(outcome: &mut Outcome, key: &mut impl FnMut(Dataset, i64) -> Option<String>) {
    let dataset = outcome.dataset;
    let Sample { columns, rows } = &mut outcome.sample;
    for (at, name) in columns.iter().enumerate() {
        let Some(of) = of_column(dataset, name) else { continue };
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(at)) {
            if let Cell::Value(text) = cell
                && let Ok(id) = text.parse::<i64>()
                && let Some(found) = key(of, id)
            {
                *text = found;
            }
        }
    }
    let mut change = |of: Option<Dataset>, value: &mut Value| {
        if let Some(of) = of
            && let Some(id) = value.as_i64()
            && let Some(found) = key(of, id)
        {
            *value = Value::String(found);
        }
    };
    for column in outcome.profile.iter_mut().flat_map(|profile| &mut profile.columns) {
        let of = of_column(dataset, &column.name);
        column.top_values.iter_mut().for_each(|top| change(of, &mut top.value));
    }
    for result in &mut outcome.result.results {
        let of = expectation::column(result).and_then(|name| of_column(dataset, name));
        for (name, found) in &mut result.result {
            let Some(list) = found.as_array_mut() else { continue };
            match name.as_str() {
                "partial_unexpected_list" => list.iter_mut().for_each(|value| change(of, value)),
                "partial_unexpected_counts" => {
                    let values = list.iter_mut().filter_map(|count| count.get_mut("value"));
                    values.for_each(|value| change(of, value));
                }
                "partial_unexpected_index_list" => {
                    for (name, value) in list.iter_mut().filter_map(Value::as_object_mut).flatten()
                    {
                        change(of_column(dataset, name), value);
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;
    use shopflow_core::Settings;

    use super::*;

    const MADE: i64 = 5_000_000_000_000_000_000;

    /// Rows of sales with a made id, of a made product and of a made customer.
    fn outcome(dataset: Option<Dataset>, columns: [&str; 3]) -> Outcome {
        let [id, product, customer] = [MADE, MADE + 1, MADE + 2];
        let result = json!({
            "success": false,
            "expectation_config": {"type": "expect_column_values_to_be_unique",
                "kwargs": {"column": columns[1]}, "meta": {}, "severity": "warning"},
            "result": {
                "partial_unexpected_list": [product, 7, null],
                "partial_unexpected_counts": [{"value": product, "count": 2}],
                "partial_unexpected_index_list": [{columns[0]: id, columns[2]: customer}],
            },
            "exception_info": {"raised_exception": false, "exception_message": null,
                "exception_traceback": null},
            "meta": {},
        });
        let cells = [id, product, customer].map(|id| Cell::Value(id.to_string()));
        Outcome {
            suite: "any",
            dataset,
            result: serde_json::from_value(json!({
                "success": false, "results": [result], "suite_name": "any",
                "suite_parameters": {}, "meta": {},
                "statistics": {"evaluated_expectations": 1, "successful_expectations": 0,
                    "unsuccessful_expectations": 1, "success_percent": 0.0},
            }))
            .unwrap(),
            profile: None,
            sample: Sample {
                columns: columns.map(str::to_owned).to_vec(),
                rows: vec![cells.to_vec(), vec![Cell::Missing, Cell::Hidden, Cell::Missing]],
            },
        }
    }

    #[test]
    fn rows_are_named_by_their_keys_wherever_they_are_shown() {
        let settings = Settings::from_sources("prod", HashMap::new(), &[]).unwrap();
        let known_as = KnownAs::new(&settings.privacy, &settings.natural_keys);
        let of_run = outcome(Some(Dataset::Transactions), ["id", "product_id", "customer_id"]);
        let of_gold = outcome(None, ["transaction_id", "product_id", "customer_id"]);
        for outcome in [of_run, of_gold] {
            let outcomes = [outcome];
            let rows = rows_shown(&outcomes, &known_as);
            let (sale, product) = ((Dataset::Transactions, MADE), (Dataset::Products, MADE + 1));
            assert_eq!(rows, Rows::from([product, sale]), "customers keep their numbers");

            let keys = Keys::from([(sale, "A-1/2".to_owned()), (product, "MUG".to_owned())]);
            let all = with_keys(&outcomes, &keys);
            let shown = &all[0];
            let cells = ["A-1/2", "MUG", "5000000000000000002"].map(str::to_owned);
            assert_eq!(shown.sample.rows[0], cells.map(Cell::Value));
            assert_eq!(shown.sample.rows[1], outcomes[0].sample.rows[1]);
            let found = &shown.result.results[0].result;
            assert_eq!(found["partial_unexpected_list"], json!(["MUG", 7, null]));
            assert_eq!(found["partial_unexpected_counts"][0]["value"], "MUG");
            let row = &found["partial_unexpected_index_list"][0];
            assert_eq!(row[&shown.sample.columns[0]], "A-1/2");
            assert_eq!(row["customer_id"], MADE + 2);
            assert_eq!(with_keys(&outcomes, &Keys::new()), outcomes);
        }
    }
}
