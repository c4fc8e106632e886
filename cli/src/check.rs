//! A suite of expectations over a file or a table of one's own, without the pipeline.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_expectations::source::{csv, parquet, postgres};
use shopflow_expectations::{Options, Plan, Problem, State, Suite, ValidationResult, into_error};
use tokio_postgres::Client;

use crate::paths;
use crate::table::Table;

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, the types of its columns where they are no texts, and the threads that read it.
    Csv {
        path: PathBuf,
        types: Vec<String>,
        threads: usize,
    },
    Parquet(PathBuf),
    /// A table or view, which may be qualified.
    Postgres(String),
}

impl Source {
    /// A source by its name: the ending of a file, else a table.
    ///
    /// # Errors
    /// `InvalidInput` when types are given for something else than a CSV file.
    pub fn named(name: &str, types: &[String], threads: usize) -> Result<Source> {
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
        let source = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => {
                let types = types.to_vec();
                return Ok(Source::Csv { path: name.into(), types, threads });
            }
            Some("parquet") => Source::Parquet(name.into()),
            _ => Source::Postgres(name.to_owned()),
        };
        if types.is_empty() {
            return Ok(source);
        }
        Err(Error::invalid("only the columns of a CSV file need types").with("source", name))
    }
}

/// Reads a suite: JSON is that of Great Expectations.
///
/// # Errors
/// `InvalidInput` with every problem of the suite, each with the nearest known name.
pub fn suite(path: &Path) -> Result<Suite> {
    let text = std::fs::read_to_string(path)
        .or_error(ErrorKind::InvalidInput, "read the suite failed")
        .map_err(|error| error.with("file", path.display()))?;
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let suite = if is_json { Suite::parse_gx_json(&text) } else { Suite::parse_yaml(&text) };
    let refused = |problems: Vec<Problem>| into_error(&path.display().to_string(), &problems);
    let suite = suite
        .and_then(|suite| suite.with_parameters(&Vocabularies::default().parameters()))
        .map_err(refused)?;
    let unknown = suite.unknown_names();
    if unknown.is_empty() { Ok(suite) } else { Err(refused(unknown)) }
}

/// Judges all rows of the source. Only [`Source::Postgres`] needs a client.
///
/// # Errors
/// `InvalidInput` when the suite asks for a column or a type that the source has not, or the source
/// cannot be read; `Transient.Database`.
pub async fn validate(
    suite: &Suite,
    source: &Source,
    client: Option<&Client>,
) -> Result<ValidationResult> {
    let compile = |schema: Schema| {
        Plan::compile(&suite.fitting(&schema), Arc::new(schema), &Options::default())
            .map_err(|problems| into_error(&suite.name, &problems))
    };
    let state: State = match source {
        Source::Csv { path, types, threads } => {
            let plan = compile(typed(csv::text_schema(path)?, types)?)?;
            csv::validate_file(&plan, path, *threads)?
        }
        Source::Parquet(path) => {
            let open = || File::open(path).map_err(|error| paths::unreadable(path, error));
            parquet::validate(&compile(parquet::schema(open()?)?)?, open()?)?
        }
        Source::Postgres(table) => {
            let client = client.ok_or_else(|| Error::invalid("a table needs a database"))?;
            let plan = compile(postgres::schema(client, table).await?)?;
            postgres::validate(&plan, client, table).await?
        }
    };
    Ok(state.finish())
}

/// The columns of a file with the types that were named.
fn typed(texts: Schema, types: &[String]) -> Result<Schema> {
    let mut fields: Vec<Field> =
        texts.fields().iter().map(|field| field.as_ref().clone()).collect();
    for given in types {
        let refused = |why| Error::invalid(why).with("type", given);
        let (column, kind) =
            given.split_once('=').ok_or_else(|| refused("a type is given as column=type"))?;
        let kind = match kind {
            "integer" => DataType::Int64,
            "number" => DataType::Float64,
            "date" => DataType::Date32,
            "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            "text" => DataType::Utf8,
            _ => {
                let known = "types are integer, number, date, timestamp and text";
                return Err(refused("the type is not known").hint(known));
            }
        };
        let field = fields.iter_mut().find(|field| field.name() == column);
        let field = field.ok_or_else(|| refused("the file has no such column"))?;
        *field = Field::new(column, kind, true);
    }
    Ok(Schema::new(fields))
}

/// One line per expectation, the failed ones first.
pub fn render(result: &ValidationResult) -> String {
    let mut table = Table::new(&["", "expectation", "about", "severity", "unexpected", "examples"]);
    let mut results: Vec<_> = result.results.iter().collect();
    results.sort_by_key(|result| result.success);
    for one in results {
        let kwargs = &one.expectation_config["kwargs"];
        let about = ["column", "column_A", "column_list", "column_set"]
            .iter()
            .find_map(|name| kwargs.get(*name));
        let number = |name: &str| one.result.get(name).and_then(serde_json::Value::as_u64);
        let unexpected = match (number("unexpected_count"), number("element_count")) {
            (Some(unexpected), Some(all)) => format!("{unexpected} of {all}"),
            (Some(unexpected), None) => unexpected.to_string(),
            _ => one
                .result
                .get("observed_value")
                .map(|value| format!("observed {value}"))
                .unwrap_or_default(),
        };
        let examples = one.result.get("partial_unexpected_list").and_then(|list| list.as_array());
        let examples: Vec<String> =
            examples.into_iter().flatten().take(3).map(ToString::to_string).collect();
        let why = one.exception_info.exception_message.clone().unwrap_or_default();
        table.push([
            if one.success { "ok" } else { "failed" }.to_owned(),
            one.name().trim_start_matches("expect_").to_owned(),
            about.map(plain).unwrap_or_default(),
            one.severity().to_string(),
            if why.is_empty() { unexpected } else { why },
            if one.success { String::new() } else { examples.join(", ") },
        ]);
    }
    let statistics = &result.statistics;
    format!(
        "{}\n{} rows, {} of {} expectations hold\n",
        table.render(),
        result.meta["row_count"],
        statistics.successful_expectations,
        statistics.evaluated_expectations
    )
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_by_its_name() {
        let types = ["id=integer".to_owned()];
        let csv = Source::Csv { path: "a/b.CSV".into(), types: types.to_vec(), threads: 2 };
        assert_eq!(Source::named("a/b.CSV", &types, 2).unwrap(), csv);
        assert_eq!(
            Source::named("x.parquet", &[], 1).unwrap(),
            Source::Parquet("x.parquet".into())
        );
        let table = Source::Postgres("core.customers".to_owned());
        assert_eq!(Source::named("core.customers", &[], 1).unwrap(), table);
        assert!(Source::named("core.customers", &types, 1).is_err());
    }

    #[test]
    fn types_are_checked_against_the_file() {
        let texts = || Schema::new(vec![Field::new("id", DataType::Utf8, true)]);
        let schema = typed(texts(), &["id=integer".to_owned()]).unwrap();
        assert_eq!(schema.field(0).data_type(), &DataType::Int64);
        for (given, why) in [("id", "column=type"), ("id=int", "not known"), ("x=text", "no such")]
        {
            let error = typed(texts(), &[given.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
