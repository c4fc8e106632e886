use shopflow_core::{Dataset, Stage};

use super::*;

fn entry(stage: Stage, dataset: Dataset, rows_in: u64, quarantined: u64) -> LedgerEntry {
    LedgerEntry {
        stage,
        dataset,
        rows_in,
        rows_loaded: rows_in - quarantined,
        rows_quarantined: quarantined,
        rows_unchanged: 0,
        rows_replaced: 0,
    }
}

fn report() -> RunReport {
    RunReport {
        run_id: "run-1".to_owned(),
        status: "succeeded".to_owned(),
        duration_ms: Some(3_214),
        cost_usd: Some(0.001_381),
        cost: Some(Cost {
            lambda_usd: 0.000_023,
            step_functions_usd: 0.000_9,
            s3_requests_usd: 0.000_4,
            database_usd: 0.000_058,
            total_usd: 0.001_381,
            metric_hours_usd: 0.03,
            ..Cost::default()
        }),
        quality_score: Some(99.5),
        ledger: vec![
            entry(Stage::Load, Dataset::Products, 498, 0),
            entry(Stage::Validate, Dataset::Transactions, 5_000, 50),
            entry(Stage::Validate, Dataset::Products, 500, 2),
        ],
        business: Some(Business {
            transactions: "4950".to_owned(),
            revenue: "1234567.80".to_owned(),
            gross: "1234567.80".to_owned(),
            discounts: "0.00".to_owned(),
            returns: "0.00".to_owned(),
            tax: "0.00".to_owned(),
            shipping: "0.00".to_owned(),
            costed_revenue: "0.00".to_owned(),
            margin: "0.00".to_owned(),
            currency: "EUR".to_owned(),
            without_customer: "0".to_owned(),
            days: Some(("2025-01-15".to_owned(), "2026-01-14".to_owned())),
            top_customers: vec![TopCustomer {
                customer_id: "17".to_owned(),
                country: None,
                transactions: "42".to_owned(),
                revenue: "9876.50".to_owned(),
            }],
        }),
        new_values: BTreeMap::new(),
        replaced: BTreeMap::new(),
        waiting: None,
        warnings: Default::default(),
        config_version: None,
        error: None,
        cause: None,
        reports: "s3://reports/runs/run-1.json".to_owned(),
    }
}

#[test]
fn the_report_of_a_good_run() {
    let expected = "\
Run run-1 succeeded in 3.21 s

stage     dataset       rows in  rows out  quarantined  unchanged
────────  ────────────  ───────  ────────  ───────────  ─────────
validate  products          500       498            2          0
validate  transactions    5,000     4,950           50          0
load      products          498       498            0          0

quality score   99.5 of 100
revenue         1,234,567.80 EUR net from 4,950 lines of all runs, sold from 2025-01-15 to 2026-01-14
cost on AWS     $0.001381 (estimate)
                Step Functions 0.000900, Lambda 0.000023, S3 requests 0.000400
                database 0.000058
                besides, $0.030000 for custom metrics, once an hour however many runs

Top customers by spending, in all runs
customer  country  lines   revenue
────────  ───────  ─────  ────────
      17  -           42  9,876.50
";
    assert_eq!(report().render(), expected);
}

#[test]
fn what_is_between_gross_and_net_is_told_and_how_much_was_sold_to_guests() {
    let mut sold = report();
    sold.business = sold.business.map(|business| Business {
        transactions: "44".to_owned(),
        revenue: "410.00".to_owned(),
        gross: "418.50".to_owned(),
        discounts: "3.00".to_owned(),
        returns: "5.50".to_owned(),
        without_customer: "8".to_owned(),
        ..business
    });
    let line = "revenue         410.00 EUR net from 44 lines of all runs, sold from 2025-01-15 to \
                2026-01-14 (gross 418.50, discounts 3.00, returns 5.50), 8 without a customer\n";
    assert!(sold.render().contains(line), "{}", sold.render());
}

#[test]
fn tax_shipping_and_margin_are_told_where_there_are_any() {
    let told = |tax: &str, shipping: &str, costed: &str, margin: &str| {
        let text = |amount: &str| amount.to_owned();
        let business = report().business.map(|business| Business {
            revenue: text("2000.00"),
            tax: text(tax),
            shipping: text(shipping),
            costed_revenue: text(costed),
            margin: text(margin),
            currency: text("CHF"),
            ..business
        });
        let text = RunReport { business, ..report() }.render();
        let lines = text.lines().skip_while(|line| !line.starts_with("revenue"));
        let lines = lines.take_while(|line| !line.starts_with("cost on AWS")).skip(1);
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told("0.00", "0.00", "0.00", "0.00"), Vec::<String>::new());
    assert_eq!(
        told("1234.56", "98.70", "1500.00", "300.00"),
        [
            "                tax 1,234.56 and shipping 98.70, in no other sum",
            "margin          300.00 CHF, 20.0% of the revenue whose cost is known (75.0% of all)",
        ]
    );
    assert_eq!(
        told("0.00", "5.00", "0.00", "0.00"),
        ["                shipping 5.00, in no other sum"]
    );
    // More came back than was sold, of what has a known cost.
    assert_eq!(told("0.00", "0.00", "-10.00", "-4.00"), ["margin          -4.00 CHF"]);
}

#[test]
fn lines_that_wait_for_an_exchange_rate_are_told_with_what_to_do() {
    let check = |passed: bool, actual: &str| {
        let name = "warehouse.fact_sales.exchange_rates";
        let checks = serde_json::json!({"checks": [
            {"name": name, "passed": passed, "actual": actual},
        ]});
        serde_json::from_value::<Checked>(checks).unwrap().waiting()
    };
    assert_eq!(check(true, "none"), None);
    let waiting = check(false, "12 lines in USD, 1 line in GBP");
    let text = RunReport { waiting, ..report() }.render();
    let line = "no rate         12 lines in USD, 1 line in GBP: in no sum until there is an \
                exchange rate; upload exchange_rates (docs/currencies.md)\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn the_report_of_a_failed_run_names_error_cause_and_place() {
    let failed = RunReport {
        status: "failed".to_owned(),
        error: Some("InvalidInput".to_owned()),
        cause: Some("products.csv: column 'price' is missing".to_owned()),
        ledger: Vec::new(),
        business: None,
        quality_score: None,
        cost_usd: None,
        cost: None,
        ..report()
    };
    let expected = "\
Run run-1 failed in 3.21 s
  error   InvalidInput
  cause   products.csv: column 'price' is missing
  report  s3://reports/runs/run-1.json

";
    assert_eq!(failed.render(), expected);
}

#[test]
fn the_summary_that_record_writes_is_understood() {
    let text = r#"{"run_id": "r", "run_date": "2026-01-15", "status": "succeeded",
        "cost": {"lambda_usd": 0.1, "step_functions_usd": 0.2, "total_usd": 0.3},
        "quality_score": 100.0, "error": null, "usage": [], "input": {},
        "ledger": [{"stage": "load", "dataset": "products", "rows_in": 3, "rows_loaded": 2,
                    "rows_quarantined": 0, "rows_unchanged": 1}]}"#;
    let recorded: Recorded = serde_json::from_str(text).unwrap();
    // An older release wrote no more than this.
    let cost = recorded.cost.unwrap();
    assert_eq!((cost.total_usd, cost.lambda_usd, cost.s3_requests_usd), (0.3, 0.1, 0.0));
    assert_eq!(recorded.quality_score, Some(100.0));
    assert!(recorded.ledger[0].is_balanced());
}

#[test]
fn new_values_and_the_configuration_are_told() {
    let checked: Checked = serde_json::from_value(serde_json::json!({"checks": [
        {"name": "anomaly.products.vocabulary", "passed": false,
         "actual": "category 'garden' in 3 rows"},
        {"name": "anomaly.clickstream.vocabulary", "passed": true, "actual": "no new values"},
        {"name": "anomaly.products.schema", "passed": false, "actual": "colour"},
    ]}))
    .unwrap();
    let version = Some("0123456789abcdef".to_owned());
    let told = RunReport { new_values: checked.new_values(), config_version: version, ..report() };
    let text = told.render();
    for line in [
        "new values      products: category 'garden' in 3 rows\n",
        "configuration   0123456789abcdef\n",
    ] {
        assert!(text.contains(line), "{line} is missing in: {text}");
    }
    assert!(!text.contains("clickstream:") && !text.contains("colour"), "{text}");
}

#[test]
fn rows_that_replaced_others_are_counted_apart_and_their_files_are_named() {
    let check = |dataset: &str, passed: bool, actual: &str| {
        let name = format!("core.{dataset}.replaced");
        serde_json::json!({"name": name, "passed": passed, "actual": actual})
    };
    let found = "1 of 1 rows of incoming/transactions/b.csv (id 25103)";
    // Too few for an alert are told as well.
    for passed in [false, true] {
        let checks = [check("transactions", passed, found), check("returns", true, "none")];
        let checked: Checked =
            serde_json::from_value(serde_json::json!({"checks": checks})).unwrap();
        let mut load = entry(Stage::Load, Dataset::Transactions, 1, 0);
        load.rows_replaced = 1;
        let ledger = vec![entry(Stage::Validate, Dataset::Transactions, 1_200, 0), load];
        let told = RunReport { replaced: checked.replaced(), ledger, ..report() };
        let text = told.render();
        let table = "\
stage     dataset       rows in  rows out  quarantined  unchanged  of these replaced
────────  ────────────  ───────  ────────  ───────────  ─────────  ─────────────────
validate  transactions    1,200     1,200            0          0                  0
load      transactions        1         1            0          0                  1
";
        assert!(text.contains(table), "{text}");
        let line = format!(
            "replaced        transactions: {found} have the id of another customer's or product's \
             sale; the later one stays\n"
        );
        assert!(text.contains(&line) && !text.contains("returns:"), "{text}");
    }
}
