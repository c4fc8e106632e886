//! Suites: every problem at once, the shipped suites over generated data, personal values masked.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use shopflow_core::Dataset;
use shopflow_core::dataset::{AMOUNT_PRECISION, AMOUNT_SCALE, Kind, PRICE_PRECISION, PRICE_SCALE};
use shopflow_core::vocabulary::Vocabularies;
use shopflow_expectations::source::csv;
use shopflow_expectations::{Options, Plan, READABLE_ROWS, Suite, ValidationResult};

fn schema(dataset: Dataset) -> SchemaRef {
    let fields = dataset.columns().iter().map(|column| {
        let data_type = match column.kind {
            Kind::Id | Kind::Reference(_) => DataType::Int64,
            Kind::Quantity | Kind::Units => DataType::Int32,
            Kind::Date => DataType::Date32,
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Price => DataType::Decimal128(PRICE_PRECISION, PRICE_SCALE as i8),
            Kind::Amount | Kind::Discount | Kind::Money => {
                DataType::Decimal128(AMOUNT_PRECISION, AMOUNT_SCALE as i8)
            }
            _ => DataType::Utf8,
        };
        Field::new(column.name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn shipped(name: &str) -> Suite {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../suites")
        .join(name)
        .with_extension("yaml");
    let suite = Suite::parse_yaml(&std::fs::read_to_string(path).unwrap());
    suite
        .and_then(|suite| suite.with_parameters(&Vocabularies::default().parameters()))
        .unwrap_or_else(|p| panic!("{p:#?}"))
}

fn options(dataset: Dataset) -> Options {
    let personal = dataset.columns().iter().filter(|column| column.is_personal());
    Options {
        personal: personal.map(|column| column.name.to_owned()).collect(),
        ..Options::default()
    }
}

/// What the shipped suite of a dataset asks of a file with these columns.
fn planned(dataset: Dataset, text: &str) -> Arc<Plan> {
    let header: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    let fields = schema(dataset).fields().clone();
    let there = fields.iter().filter(|field| header.contains(&field.name().as_str()));
    let schema = Arc::new(Schema::new(there.cloned().collect::<Vec<_>>()));
    let suite = shipped(dataset.name()).fitting(&schema);
    Plan::compile(&suite, schema, &options(dataset)).unwrap_or_else(|p| panic!("{p:#?}"))
}

fn validate(dataset: Dataset, text: &str) -> ValidationResult {
    csv::validate(&planned(dataset, text), text.as_bytes()).unwrap().finish()
}

fn failed(result: &ValidationResult) -> Vec<(String, u64)> {
    result
        .results
        .iter()
        .filter(|result| !result.success)
        .map(|r| {
            let column = r.expectation_config["kwargs"]["column"].as_str().unwrap_or("");
            let count = r.result.get("unexpected_count").and_then(|count| count.as_u64());
            (format!("{} {column}", r.name()), count.unwrap_or(0))
        })
        .collect()
}

#[test]
fn every_problem_of_a_suite_is_listed_with_the_nearest_name() {
    let suite = Suite::parse_yaml(
        "suite: s\nexpectations:\n\
         - expect_column_values_to_be_betwen: {column: id}\n\
         - expect_column_values_to_be_between: {column: id, min_vale: 1}\n\
         - expect_column_values_to_be_in_set: {column: payment_metod, value_set: [a]}\n\
         - expect_column_values_to_match_regex: {column: payment_method, regex: '('}\n\
         - expect_column_values_to_not_be_null: {column: id, mostly: 1.5}\n\
         - expect_column_values_to_be_unique: {column: id, row_condition: 'quantity >'}\n\
         - expect_column_mean_to_be_between: {column: payment_method, min_value: 1}\n\
         - expect_column_values_to_be_between: {column: timestamp, min_value: soon}\n",
    )
    .unwrap();
    let problems =
        Plan::compile(&suite, schema(Dataset::Transactions), &Options::default()).unwrap_err();
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in [
        "did you mean 'expect_column_values_to_be_between'?",
        "unknown argument 'min_vale'; did you mean 'min_value'?",
        "needs 'min_value' or 'max_value'",
        "there is no column 'payment_metod'; did you mean 'payment_method'?",
        "the pattern '(' is refused",
        "'mostly' is 1.5 and not between 0 and 1",
        "the row_condition ends too early",
        "column 'payment_method' has values of type text, not numbers",
        "column 'timestamp' of type timestamp cannot be compared",
    ] {
        assert!(text.iter().any(|problem| problem.contains(part)), "{part}\n{text:#?}");
    }
    assert_eq!(problems.len(), 9, "{text:#?}");
}

#[test]
fn a_distribution_without_a_bin_is_a_problem() {
    let text = "suite: s\nexpectations:\n- expect_column_kl_divergence_to_be_less_than: \
                {column: price, partition_object: {weights: [], tail_weights: [0.5, 0.5], bins: [1]}}\n";
    let suite = Suite::parse_yaml(text).unwrap();
    let problems = Plan::compile(&suite, schema(Dataset::Products), &Options::default());
    let problems = problems.unwrap_err();
    assert!(problems[0].message.contains("'bins'"), "{problems:#?}");
}

#[test]
fn generated_rows_meet_the_shipped_suites() {
    let golden =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions/generate/tests/golden");
    for dataset in [Dataset::Products, Dataset::Transactions] {
        let text =
            std::fs::read_to_string(golden.join(dataset.name()).with_extension("csv")).unwrap();
        let result = validate(dataset, &text);
        assert!(result.meta["row_count"].as_u64() > Some(0));
        println!("{dataset}: {:?}", failed(&result));
    }
}

#[test]
fn every_rule_about_a_value_has_an_expectation_that_finds_it() {
    let good = "1,10,100,2,2025-03-01T10:00:00Z,paypal";
    for (bad, expectation) in [
        (",10,100,2,2025-03-01T10:00:00Z,paypal", "expect_column_values_to_not_be_null id"),
        ("x,10,100,2,2025-03-01T10:00:00Z,paypal", "expect_column_values_to_be_of_type id"),
        ("1,10,100,2,2025-03-01T10:00:00Z,paypal", "expect_column_values_to_be_unique id"),
        ("2,0,100,2,2025-03-01T10:00:00Z,paypal", "expect_column_values_to_be_between customer_id"),
        ("2,10,-1,2,2025-03-01T10:00:00Z,paypal", "expect_column_values_to_be_between product_id"),
        (
            "2,10,100,0,2025-03-01T10:00:00Z,paypal",
            "expect_column_values_to_not_be_in_set quantity",
        ),
        (
            "2,10,100,2147483648,2025-03-01T10:00:00Z,paypal",
            "expect_column_values_to_be_between quantity",
        ),
        ("2,10,100,2,2025-02-30T10:00:00Z,paypal", "expect_column_values_to_be_of_type timestamp"),
        ("2,10,100,2,1825-03-01T10:00:00Z,paypal", "expect_column_values_to_be_between timestamp"),
        (
            "2,10,100,2,2025-03-01T10:00:00Z,barter",
            "expect_column_values_to_be_in_set payment_method",
        ),
        ("2,10,100,2,2025-03-01T10:00:00Z", &format!("{READABLE_ROWS} ")),
        ("2,10,\"100,2,2025-03-01T10:00:00Z,paypal", &format!("{READABLE_ROWS} ")),
    ] {
        let header = "id,customer_id,product_id,quantity,timestamp,payment_method";
        let result = validate(Dataset::Transactions, &format!("{header}\n{good}\n{bad}\n"));
        let failed = failed(&result);
        assert!(
            failed.iter().any(|(name, count)| name == expectation && *count > 0),
            "{bad}: {failed:?}"
        );
        assert!(!result.success);
    }
}

#[test]
fn personal_values_are_in_no_result_and_in_no_state() {
    let text = "id,name,email,registration_date,country\n\
                1,Ann\u{7},no-address-of-ann,2024-01-01,DE\n2,Bob,bob@example.org,2024-01-01,DE\n";
    let dataset = Dataset::Customers;
    let plan = Plan::compile(&shipped("customers"), schema(dataset), &options(dataset)).unwrap();
    let state = csv::validate(&plan, text.as_bytes()).unwrap();
    let result = state.finish();
    let names: Vec<String> = failed(&result).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "expect_column_values_to_not_match_regex name",
            "expect_column_values_to_match_regex email"
        ]
    );
    for text in [result.to_json().to_string(), state.to_json().unwrap().to_string()] {
        assert!(
            !text.contains("Ann") && !text.contains("no-address") && !text.contains("example.org"),
            "{text}"
        );
        assert!(text.contains("***") && text.contains("\"id\":1"), "{text}");
    }
    let suite = Suite::parse_yaml(
        "suite: s\nexpectations:\n- expect_column_max_to_be_between: {column: email}\n",
    )
    .unwrap();
    let problems = Plan::compile(&suite, schema(dataset), &options(dataset)).unwrap_err();
    assert!(problems[0].message.contains("is personal"), "{problems:?}");
}

#[test]
fn a_file_read_on_several_threads_gives_the_same_verdict() {
    let mut text = String::from("supplier,price,id,category,name,extra\n");
    for id in 0..200_000 {
        let name = if id % 1000 == 7 { "\"two\nlines, \"\"quoted\"\"\"" } else { "Lämp" };
        text.push_str(&format!("Acme,{}.50,{},toys,{name},x\n", id % 90, id - id % 5000 / 4999));
    }
    let dataset = Dataset::Products;
    let plan = planned(dataset, &text);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let one = csv::validate_file(&plan, file.path(), 1).unwrap().finish();
    assert_eq!(one.meta["row_count"], 200_000);
    assert!(
        failed(&one).contains(&("expect_column_values_to_be_unique id".to_owned(), 80)),
        "{:?}",
        failed(&one)
    );
    for threads in [2, 3] {
        let many = csv::validate_file(&plan, file.path(), threads).unwrap().finish();
        assert_eq!(failed(&many), failed(&one), "{threads} threads");
    }
}

#[test]
fn without_a_dataset_the_columns_of_a_file_are_texts() {
    let mut text = b"\xEF\xBB\xBFid,\"quantity, sold\"\n".to_vec();
    for id in 0..3000 {
        text.extend(format!("{id},{}\n", id % 7).bytes());
    }
    // Neither characters beyond ASCII nor a row that is not UTF-8 disturb the rows around them.
    text.extend("0,zwölf\n0007,\n3000,1\r\n".bytes());
    text.extend(b"3001,\xFFx\n3002,2");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let schema = csv::text_schema(file.path()).unwrap();
    let suite = Suite::parse_yaml(
        "suite: s\nkey_columns: [id]\nexpectations:\n\
         - expect_column_values_to_be_unique: {column: id}\n\
         - expect_column_values_to_match_regex: {column: 'quantity, sold', regex: '^[0-9]+$'}\n",
    )
    .unwrap();
    let plan = Plan::compile(&suite, Arc::new(schema), &Options::default()).unwrap();
    let result = csv::validate_file(&plan, file.path(), 2).unwrap().finish();
    assert_eq!(result.meta["row_count"], 3004);
    let counts: Vec<_> =
        result.results.iter().map(|r| r.result["unexpected_count"].clone()).collect();
    // Both rows of a repeated id, one quantity in words, one row that cannot be read.
    assert_eq!(counts, [2, 1, 1]);
    let row = serde_json::json!([{"id": "0", "quantity, sold": "zwölf"}]);
    assert_eq!(result.results[1].result["partial_unexpected_index_list"], row);

    std::fs::write(file.path(), "").unwrap();
    assert!(csv::text_schema(file.path()).unwrap_err().to_string().contains("the file is empty"));
}
