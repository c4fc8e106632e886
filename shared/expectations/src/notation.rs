//! How suites are written.
//!
//! Two notations give the same [`Suite`]: our YAML, and the JSON that Great Expectations writes
//! (1.x with `name` and `type`, 0.18 with `expectation_suite_name` and `expectation_type`). Names
//! and arguments of expectations are those of Great Expectations.

use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::suite::{Expectation, Severity, Suite};
use crate::yaml;

impl Suite {
    /// Reads our YAML.
    ///
    /// ```
    /// use shopflow_expectations::Suite;
    ///
    /// let suite = Suite::parse_yaml(
    ///     "
    /// suite: orders
    /// key_columns: [id]
    /// expectations:
    /// - expect_column_values_to_be_unique: {column: id}
    /// - expect_column_values_to_be_between: {column: quantity, min_value: 1, mostly: 0.99}
    ///   severity: warning
    /// ",
    /// )
    /// .unwrap();
    /// assert_eq!(suite.expectations.len(), 2);
    /// ```
    ///
    /// # Errors
    /// Every problem of the notation; names and arguments are judged by
    /// [`Plan::compile`](crate::Plan::compile).
    pub fn parse_yaml(text: &str) -> Result<Suite, Vec<Problem>> {
        let value = yaml::parse(text).and_then(named);
        let value = value.map_err(|error| vec![Problem::new("suite", error)])?;
        let mut reader = Reader { problems: Vec::new() };
        let suite = reader.yaml(&value);
        reader.finish(suite)
    }

    /// Reads a suite that Great Expectations wrote, 1.x or 0.18.
    ///
    /// # Errors
    /// Every problem of the notation.
    pub fn parse_gx_json(text: &str) -> Result<Suite, Vec<Problem>> {
        let value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"));
        let value = value.and_then(named).map_err(|error| vec![Problem::new("suite", error)])?;
        let mut reader = Reader { problems: Vec::new() };
        let suite = reader.gx(&value);
        reader.finish(suite)
    }

    /// Our YAML of this suite.
    pub fn to_yaml(&self) -> String {
        written(self)
    }
}

/// The document, unless a name in it is too long.
fn named(value: Value) -> Result<Value, String> {
    yaml::check_names(&value)?;
    Ok(value)
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn finish(self, suite: Suite) -> Result<Suite, Vec<Problem>> {
        if self.problems.is_empty() { Ok(suite) } else { Err(self.problems) }
    }

    fn report(&mut self, place: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(place, message));
    }

    fn yaml(&mut self, value: &Value) -> Suite {
        let Some(map) = value.as_object() else {
            self.report("suite", "the file is not a mapping with 'suite' and 'expectations'");
            return Suite::new("");
        };
        self.known("suite", map, &["suite", "key_columns", "expectations", "meta"]);
        let mut suite = Suite::new(self.text("suite", map, "suite"));
        suite.meta = self.object("suite", map, "meta");
        suite.key_columns = self.key_columns(map);
        for (at, item) in self.list(map).iter().enumerate() {
            let place = format!("expectation {}", at + 1);
            let Some(item) = item.as_object() else {
                self.report(&place, "not a mapping from a name to arguments");
                continue;
            };
            let mut names =
                item.iter().filter(|(key, _)| !["severity", "meta"].contains(&key.as_str()));
            let (Some((name, kwargs)), None) = (names.next(), names.next()) else {
                self.report(&place, "needs exactly one name beside 'severity' and 'meta'");
                continue;
            };
            let place = format!("{place} {name}");
            let kwargs = match kwargs {
                Value::Object(kwargs) => kwargs.clone(),
                Value::Null => Map::new(),
                _ => {
                    self.report(&place, "the arguments are not a mapping");
                    continue;
                }
            };
            suite.expectations.push(Expectation {
                name: name.clone(),
                kwargs,
                severity: self.severity(&place, item.get("severity")),
                meta: self.object(&place, item, "meta"),
            });
        }
        suite
    }

    fn gx(&mut self, value: &Value) -> Suite {
        let Some(map) = value.as_object() else {
            self.report("suite", "not a JSON object");
            return Suite::new("");
        };
        let old = map.contains_key("expectation_suite_name");
        let name_key = if old { "expectation_suite_name" } else { "name" };
        let mut suite = Suite::new(self.text("suite", map, name_key));
        suite.meta = self.object("suite", map, "meta");
        for (at, item) in self.list(map).iter().enumerate() {
            let place = format!("expectation {}", at + 1);
            let Some(item) = item.as_object() else {
                self.report(&place, "not an object");
                continue;
            };
            let type_key =
                if item.contains_key("expectation_type") { "expectation_type" } else { "type" };
            let name = self.text(&place, item, type_key);
            let place = format!("{place} {name}");
            let known = [
                type_key,
                "kwargs",
                "meta",
                "severity",
                "id",
                "notes",
                "description",
                "rendered_content",
                "success_on_last_run",
                "ge_cloud_id",
                "expectation_context",
            ];
            self.known(&place, item, &known);
            suite.expectations.push(Expectation {
                kwargs: self.object(&place, item, "kwargs"),
                severity: self.severity(&place, item.get("severity")),
                meta: self.object(&place, item, "meta"),
                name,
            });
        }
        suite
    }

    fn known(&mut self, place: &str, map: &Map<String, Value>, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let problem = Problem::new(place, format!("unknown entry '{key}'"));
            self.problems.push(problem.suggest(key, known.iter().copied()));
        }
    }

    fn text(&mut self, place: &str, map: &Map<String, Value>, key: &str) -> String {
        match map.get(key).and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => {
                self.report(place, format!("'{key}' is missing or not a text"));
                String::new()
            }
        }
    }

    fn object(&mut self, place: &str, map: &Map<String, Value>, key: &str) -> Map<String, Value> {
        match map.get(key) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(object)) => object.clone(),
            Some(_) => {
                self.report(place, format!("'{key}' is not a mapping"));
                Map::new()
            }
        }
    }

    fn list<'a>(&mut self, map: &'a Map<String, Value>) -> &'a [Value] {
        match map.get("expectations") {
            Some(Value::Array(items)) => items,
            _ => {
                self.report("suite", "'expectations' is missing or not a list");
                &[]
            }
        }
    }

    fn key_columns(&mut self, map: &Map<String, Value>) -> Vec<String> {
        let Some(value) = map.get("key_columns") else { return Vec::new() };
        let names = value.as_array().map(|names| {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        match names.flatten() {
            Some(names) => names,
            None => {
                self.report("suite", "'key_columns' is not a list of names");
                Vec::new()
            }
        }
    }

    fn severity(&mut self, place: &str, value: Option<&Value>) -> Severity {
        let Some(value) = value else { return Severity::Critical };
        let written = value.as_str().unwrap_or_default();
        Severity::parse(written).unwrap_or_else(|| {
            let problem = Problem::new(place, format!("unknown severity '{written}'"));
            self.problems.push(problem.suggest(written, Severity::NAMES.into_iter()));
            Severity::Critical
        })
    }
}

/// The notation that [`Suite::parse_yaml`] reads.
fn written(suite: &Suite) -> String {
    let mut entries = vec![("suite", Value::from(suite.name.as_str()))];
    if !suite.key_columns.is_empty() {
        entries.push(("key_columns", Value::from(suite.key_columns.clone())));
    }
    if !suite.meta.is_empty() {
        entries.push(("meta", Value::Object(suite.meta.clone())));
    }
    let expectations = suite.expectations.iter().map(|expectation| {
        let mut item = Map::new();
        item.insert(expectation.name.clone(), Value::Object(expectation.kwargs.clone()));
        if expectation.severity != Severity::Critical {
            item.insert("severity".to_owned(), Value::from(expectation.severity.to_string()));
        }
        if !expectation.meta.is_empty() {
            item.insert("meta".to_owned(), Value::Object(expectation.meta.clone()));
        }
        Value::Object(item)
    });
    entries.push(("expectations", Value::Array(expectations.collect())));
    yaml::write(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_great_expectations_give_the_same_suite() {
        let new = r#"{"name": "s", "id": "x", "expectations": [
            {"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "meta": {"why": 1},
             "severity": "warning", "id": "1", "rendered_content": []}], "meta": {}, "notes": null}"#;
        let old = r#"{"expectation_suite_name": "s", "data_asset_type": null, "expectations": [
            {"expectation_type": "expect_column_to_exist", "kwargs": {"column": "a"},
             "meta": {"why": 1}}], "meta": {"great_expectations_version": "0.18.22"}}"#;
        let new = Suite::parse_gx_json(new).unwrap();
        let old = Suite::parse_gx_json(old).unwrap();
        assert_eq!(new.expectations[0].kwargs, old.expectations[0].kwargs);
        assert_eq!(new.expectations[0].severity, Severity::Warning);
        assert_eq!(old.expectations[0].severity, Severity::Critical);
        assert_eq!((new.name.as_str(), old.name.as_str()), ("s", "s"));
    }

    #[test]
    fn every_problem_of_the_notation_is_listed() {
        let problems = Suite::parse_yaml(
            "suite: s\nkey_colums: [id]\nexpectations:\n- expect_column_to_exist: {column: a}\n  severty: info\n- 5\n- expect_column_to_exist: {column: a}\n  severity: critcal\n",
        )
        .unwrap_err();
        let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(texts.len(), 4, "{texts:#?}");
        assert!(texts[0].contains("did you mean 'key_columns'"), "{texts:#?}");
        assert!(texts[1].contains("exactly one name"), "{texts:#?}");
        assert!(texts[3].contains("did you mean 'critical'"), "{texts:#?}");
    }

    #[test]
    fn unknown_names_are_found_without_a_table() {
        let suite = Suite::parse_yaml(
            "suite: s\nexpectations:\n\
             - expect_column_values_to_be_betwen: {column: a, min_value: 1}\n\
             - expect_column_values_to_be_between: {column: a, min_vale: 1}\n\
             - expect_column_values_to_be_between: {column: a, min_value: 1}\n",
        )
        .unwrap();
        let problems = suite.unknown_names();
        let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(texts.len(), 2, "{texts:#?}");
        assert!(texts[0].contains("did you mean 'expect_column_values_to_be_between'?"));
        assert!(texts[1].contains("unknown argument 'min_vale'; did you mean 'min_value'?"));
    }

    #[test]
    fn names_that_could_not_be_written_again_are_refused() {
        let named = |name: &str| {
            let yaml = format!("suite: s\nexpectations:\n- e: {{{name}}}\n");
            let json = format!(r#"{{"name": "s", "expectations": [], "meta": {{"{name}": 1}}}}"#);
            (Suite::parse_yaml(&yaml), Suite::parse_gx_json(&json))
        };
        let (yaml, json) = named(&"n".repeat(129));
        for problems in [yaml.unwrap_err(), json.unwrap_err()] {
            let problem = problems[0].to_string();
            assert!(problem.contains("nnnn…' in a mapping has over 128 characters"), "{problem}");
        }
        // Each is an escape of six characters.
        let (_, json) = named(&"\\u0001".repeat(128));
        let suite = json.unwrap();
        assert_eq!(Suite::parse_yaml(&suite.to_yaml()), Ok(suite));
    }

    #[test]
    fn a_written_suite_reads_back() {
        let text = "suite: s\nkey_columns: [id]\nmeta: {owner: shop}\nexpectations:\n- expect_column_values_to_be_in_set: {column: \"a: b\", value_set: [\"yes\", '1', 2, 0.5, true, null]}\n  severity: info\n";
        let suite = Suite::parse_yaml(text).unwrap();
        assert_eq!(Suite::parse_yaml(&suite.to_yaml()).unwrap(), suite, "{}", suite.to_yaml());
    }
}
