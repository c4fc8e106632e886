//! Reads the arguments of one expectation and asks for the metrics it is judged from.

use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};

use crate::column::Kind;
use crate::condition::Condition;
use crate::literal::Literal;
use crate::metric::tally::Missing;
use crate::metric::{Metric, MetricId};
use crate::planner::Planner;
use crate::predicate::range::Range;
use crate::problem::Problem;

/// One column of the table.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub at: usize,
    pub kind: Kind,
    pub name: String,
}

/// The arguments of one expectation.
pub(crate) struct Builder<'a> {
    pub planner: &'a mut Planner,
    pub place: String,
    pub name: &'static str,
    pub kwargs: &'a Map<String, Value>,
    pub condition: Option<usize>,
}

impl Builder<'_> {
    /// Notes a problem.
    pub fn fail(&mut self, message: impl Into<String>) {
        let problem = Problem::new(self.place.clone(), message);
        self.planner.problems.push(problem);
    }

    /// Notes a problem and suggests the nearest of `candidates`.
    pub fn fail_near(&mut self, message: String, written: &str, candidates: &[&str]) {
        let problem = Problem::new(self.place.clone(), message);
        self.planner.problems.push(problem.suggest(written, candidates.iter().copied()));
    }

    fn schema(&self) -> SchemaRef {
        self.planner.schema.clone()
    }

    /// The argument, `None` when it is absent or null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.kwargs.get(name).filter(|value| !value.is_null())
    }

    /// The argument, which has to be there.
    pub fn need(&mut self, name: &str) -> Option<Value> {
        let value = self.get(name).cloned();
        if value.is_none() {
            self.fail(format!("the argument '{name}' is missing"));
        }
        value
    }

    fn typed<T>(
        &mut self,
        name: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(name)?;
        let read = read(value);
        if read.is_none() {
            let message = format!("the argument '{name}' is {value} and not {what}");
            self.fail(message);
        }
        read
    }

    /// A truth value, false when absent.
    pub fn flag(&mut self, name: &str) -> bool {
        self.typed(name, "true or false", Value::as_bool).unwrap_or(false)
    }

    /// A number.
    pub fn number(&mut self, name: &str) -> Option<f64> {
        self.typed(name, "a number", Value::as_f64)
    }

    /// A whole number that is not negative.
    pub fn count(&mut self, name: &str) -> Option<u64> {
        let whole = |value: &Value| {
            let float = value.as_f64().filter(|v| v.fract() == 0.0 && *v >= 0.0);
            value.as_u64().or(float.map(|value| value as u64))
        };
        self.typed(name, "a whole number from 0", whole)
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.typed(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// A list.
    pub fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        self.typed(name, "a list", |value| value.as_array().cloned())
    }

    /// A list of texts.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.typed(name, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    /// One of a few words; the first when absent.
    pub fn word(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let Some(value) = self.get(name) else { return words.first().copied() };
        let written = value.as_str().unwrap_or_default().to_owned();
        let found = words.iter().find(|word| **word == written).copied();
        if found.is_none() {
            self.fail_near(format!("the argument '{name}' is '{written}'"), &written, words);
        }
        found
    }

    /// `mostly`, 1 when absent.
    pub fn mostly(&mut self) -> f64 {
        let mostly = self.number("mostly").unwrap_or(1.0);
        if !(0.0..=1.0).contains(&mostly) {
            self.fail(format!("the argument 'mostly' is {mostly} and not between 0 and 1"));
        }
        mostly
    }

    /// The column that an argument names.
    pub fn column(&mut self, argument: &str) -> Option<Target> {
        let value = self.need(argument)?;
        let Some(name) = value.as_str() else {
            self.fail(format!("the argument '{argument}' is not the name of a column"));
            return None;
        };
        self.target(name)
    }

    /// The columns that an argument lists.
    pub fn columns(&mut self, argument: &str) -> Option<Vec<Target>> {
        self.need(argument)?;
        let names = self.texts(argument)?;
        if names.is_empty() {
            self.fail(format!("the argument '{argument}' names no column"));
            return None;
        }
        names.iter().map(|name| self.target(name)).collect()
    }

    /// The column of this name.
    fn target(&mut self, name: &str) -> Option<Target> {
        match self.planner.column(name) {
            Ok((at, kind)) => Some(Target { at, kind, name: name.to_owned() }),
            Err(message) => {
                let schema = self.schema();
                let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                self.fail_near(message, name, &names);
                None
            }
        }
    }

    /// A column one can calculate with.
    pub fn numeric(&mut self, argument: &str) -> Option<Target> {
        let target = self.column(argument)?;
        if target.kind.is_numeric() {
            return Some(target);
        }
        let (name, kind) = (&target.name, target.kind.name());
        self.fail(format!("column '{name}' has values of type {kind}, not numbers"));
        None
    }

    /// Refuses metrics that would keep personal values in the state.
    pub fn public(&mut self, target: &Target) -> Option<()> {
        if !self.planner.is_personal(target.at) {
            return Some(());
        }
        let name = &target.name;
        self.fail(format!("column '{name}' is personal, and this would keep its values"));
        None
    }

    /// `min_value`, `max_value`, `strict_min` and `strict_max`.
    pub fn range(&mut self) -> Option<Range<Literal>> {
        let mut bound = |name: &str| -> Option<Option<Literal>> {
            let Some(value) = self.get(name) else { return Some(None) };
            let literal = Literal::of(value);
            if literal.is_none() {
                self.fail(format!("the argument '{name}' is neither a number nor a text"));
            }
            literal.map(Some)
        };
        let (min, max) = (bound("min_value")?, bound("max_value")?);
        let (strict_min, strict_max) = (self.flag("strict_min"), self.flag("strict_max"));
        if let (Some(low), Some(high)) =
            (min.as_ref().and_then(Literal::number), max.as_ref().and_then(Literal::number))
            && low > high
        {
            self.fail("'min_value' is greater than 'max_value'");
            return None;
        }
        Some(Range { min, max, strict_min, strict_max })
    }

    /// A range of numbers.
    pub fn numbers(&mut self) -> Option<Range<f64>> {
        let range = self.range()?;
        let numeric = |bound: &Option<Literal>| bound.as_ref().is_none_or(|b| b.number().is_some());
        if !numeric(&range.min) || !numeric(&range.max) {
            self.fail("'min_value' and 'max_value' have to be numbers");
            return None;
        }
        Some(range.map(|literal| literal.number().unwrap_or(f64::NAN)))
    }

    /// `ignore_row_if` of pairs (`both`, `either`, `neither`) or of several columns.
    pub fn ignore_row_if(&mut self, pair: bool) -> Missing {
        const PAIR: [&str; 3] = ["both_values_are_missing", "either_value_is_missing", "neither"];
        const MANY: [&str; 3] = ["all_values_are_missing", "any_value_is_missing", "never"];
        match self.word("ignore_row_if", if pair { &PAIR } else { &MANY }) {
            Some("either_value_is_missing" | "any_value_is_missing") => Missing::Any,
            Some("neither" | "never") => Missing::Never,
            _ => Missing::All,
        }
    }

    /// Asks for a metric; one that is there already under `key` is shared.
    pub fn metric(&mut self, key: String, metric: Metric) -> MetricId {
        let key = format!("{key}|{:?}", self.condition);
        self.planner.metric(key, metric, self.condition)
    }

    /// Understands `row_condition`.
    pub fn read_condition(&mut self) {
        let parsers = [
            "pandas",
            "great_expectations",
            "great_expectations__experimental__",
            "spark",
            "python",
            "ge",
            "spark_sql",
            "sql",
        ];
        self.word("condition_parser", &parsers);
        let Some(value) = self.get("row_condition").cloned() else { return };
        let filter = Condition::of(&value)
            .and_then(|condition| condition.resolve(&mut |name| self.planner.column(name)));
        match filter {
            Ok(filter) => self.condition = Some(self.planner.condition(value.to_string(), filter)),
            Err(message) => self.fail(message),
        }
    }
}
