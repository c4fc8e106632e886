//! The generated shop of the default size.

use chrono::{DateTime, Utc};
use shopflow_core::Dataset;
use shopflow_generate::GenerateSpec;

use crate::files;
use crate::gold::{self, Fact};
use crate::support::Shop;

/// Sales at a fixed price, as gold has them.
fn facts(transactions: &[u8]) -> Vec<Fact> {
    let text = std::str::from_utf8(transactions).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let number = |field: &str| field.parse::<i64>().unwrap();
    rows.map(|row| Fact {
        id: number(row[0]),
        customer: number(row[1]),
        product: number(row[2]),
        quantity: number(row[3]),
        sold_at: row[4].parse::<DateTime<Utc>>().unwrap(),
        cents: 999,
        discount: 0,
        payment_method: row[5].to_owned(),
    })
    .collect()
}

#[tokio::test]
async fn generated_rows_meet_every_suite() {
    let run_date = "2026-01-16".parse().unwrap();
    let spec = GenerateSpec { defect_rate: 0.0, ..GenerateSpec::default() };
    let generated = shopflow_generate::Shop::new(run_date, &spec).unwrap();
    let files: Vec<(Dataset, Vec<u8>)> = shopflow_generate::DATASETS
        .into_iter()
        .map(|dataset| {
            let mut file = Vec::new();
            assert!(generated.write(dataset, &mut file).unwrap().rows > 0);
            (dataset, file)
        })
        .collect();
    shopflow_quality::expectations::Suites::load(&crate::support::settings(), &Default::default())
        .unwrap();
    let mut shop = Shop::open().await;
    gold::write(&shop, &facts(&files[2].1)).await;
    shop.check().await;
    shop.manifest = Some(files::publish(&shop, &files).await);
    for _ in 0..2 {
        shop.check().await;
    }
    let report = shop.report().await;
    let checks = report["checks"].as_array().unwrap().iter();
    let suites: Vec<_> = checks
        .filter(|check| check["name"].as_str().unwrap().starts_with("expectations."))
        .collect();
    assert_eq!(suites.len(), 10);
    for check in suites {
        assert_eq!(check["passed"], true, "{check:#}");
        assert_eq!(check["expected"], check["actual"], "{check:#}");
    }
}
