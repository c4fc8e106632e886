//! The default run: generated data through every stage.

use serde_json::{Value, json};
use shopflow_testkit::athena;
use shopflow_testkit::wait::Wait;
use shopflow_tests::Cloud;

use crate::planted::Planted;

#[tokio::test]
async fn the_default_run_fills_every_layer_with_exact_counts() {
    let cloud = Cloud::fresh().await;
    let run = cloud.run(json!({})).await.expect_success();

    for (table, rows) in [("customers", 1_000), ("products", 500), ("transactions", 5_000)] {
        assert_eq!(cloud.count(&format!("SELECT count(*) FROM core.{table}")).await, rows);
    }
    assert_eq!(cloud.count("SELECT count(*) FROM warehouse.fact_sales").await, 5_000);
    let ledger = cloud.ledger(&run.name).await;
    ledger.assert_balanced();
    for stage in ["validate", "upload", "load", "transform"] {
        assert_eq!(ledger.line(stage, "transactions").rows_in, 5_000, "{stage}");
        assert_eq!(ledger.line(stage, "transactions").loaded, 5_000, "{stage}");
    }
    assert!(ledger.line("transform", "clickstream").loaded > 5_000);

    let same_revenue = "SELECT count(*) FROM
        (SELECT sum(amount) AS total FROM warehouse.fact_sales) AS facts,
        (SELECT sum(revenue) AS total FROM warehouse.daily_sales) AS days,
        (SELECT sum(revenue) AS total FROM warehouse.monthly_sales) AS months
        WHERE facts.total = days.total AND days.total = months.total AND facts.total > 0";
    assert_eq!(cloud.count(same_revenue).await, 1);
    for prefix in ["bronze/customers/", "silver/transactions/", "silver/clickstream/"] {
        assert!(!cloud.keys(&cloud.lake, prefix).await.is_empty(), "{prefix} is empty");
    }
    for table in ["daily_sales", "monthly_sales", "customer_lifetime_value", "fact_sales"] {
        let keys = cloud.keys(&cloud.lake, &format!("gold/{table}/")).await;
        assert!(keys.iter().any(|key| key.ends_with(".parquet")), "{table}: {keys:?}");
    }
    assert_eq!(run.output["quality_score"], json!(100.0), "{:#}", run.output);
    let summary = cloud.read(&cloud.reports, &format!("runs/{}.json", run.name)).await;
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["status"], "succeeded");
    assert!(summary["cost"]["total_usd"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn athena_answers_from_the_catalog_that_a_run_has_brought_in_step() {
    let cloud = Cloud::fresh().await;
    cloud.run(json!({})).await.expect_success();
    let address = cloud.endpoint.trim_start_matches("http://").trim_end_matches('/');
    let ask =
        async |sql: &str| athena::ask_at(address, &cloud.lake, "shopflow_local_gold", sql).await;
    // The run does not wait for the catalog.
    let question = "SELECT sum(transactions), sum(revenue) FROM daily_sales";
    let expected = "SELECT sum(transactions)::bigint FROM warehouse.daily_sales
                    UNION ALL SELECT (sum(revenue) * 100)::bigint FROM warehouse.daily_sales";
    let wait = Wait::until("the catalog shows all sales");
    let rows = loop {
        match ask(question).await {
            Ok(rows) if rows[0][0] == "5000" => break rows,
            _ => wait.pause(200).await,
        }
    };
    let expected = cloud.database.query(expected, &[]).await.unwrap();
    let cents = rows[0][1].replace('.', "").parse::<i64>().unwrap();
    let found = (rows[0][0].parse::<i64>().unwrap(), cents);
    assert_eq!(found, (expected[0].get(0), expected[1].get(0)));
}

#[tokio::test]
async fn the_same_seed_again_changes_nothing() {
    let cloud = Cloud::fresh().await;
    let first = cloud.run(json!({"run_date": "2026-01-15"})).await.expect_success();
    let gold = gold_digest(&cloud).await;
    let second = cloud.run(json!({"run_date": "2026-01-15"})).await.expect_success();

    let ledger = cloud.ledger(&second.name).await;
    ledger.assert_balanced();
    for stage in ["load", "transform"] {
        for dataset in ["customers", "products", "transactions"] {
            let line = ledger.line(stage, dataset);
            assert_eq!((line.loaded, line.unchanged), (0, line.rows_in), "{line:?}");
        }
    }
    assert_eq!(gold_digest(&cloud).await, gold);
    assert_ne!(first.name, second.name);
}

#[tokio::test]
async fn validation_finds_every_planted_defect_and_nothing_else() {
    let cloud = Cloud::fresh().await;
    let source = json!({"kind": "generate", "defect_rate": 0.03, "seed": 11, "scale": 4});
    let run = cloud.run(json!({"source": source})).await.expect_success();
    cloud.ledger(&run.name).await.assert_balanced();
    Planted::read(&cloud, &run).await.assert_found(&cloud).await;
}

/// Names of the gold files: they come from the content.
async fn gold_digest(cloud: &Cloud) -> Vec<String> {
    let keys = cloud.keys(&cloud.lake, "gold/").await;
    keys.into_iter().filter(|key| key.ends_with(".parquet")).collect()
}

/// States on the regular way of the branches of Parallels that call no function: the emulator does not
/// tell that they are entered.
fn untold_states() -> usize {
    let definition = include_str!("../../../statemachines/pipeline.asl.json");
    let definition: Value = serde_json::from_str(definition).unwrap();
    let states = definition["States"].as_object().unwrap().values();
    let branches = states.filter_map(|state| state["Branches"].as_array()).flatten();
    let untold = branches.map(|branch| {
        let (mut count, mut next) = (0, branch["StartAt"].as_str());
        while let Some(name) = next {
            let state = &branch["States"][name];
            count += usize::from(state["Type"] != "Task");
            next = state["Default"].as_str().or(state["Next"].as_str());
        }
        count
    });
    untold.sum()
}

#[tokio::test]
async fn the_cost_statement_counts_the_states_and_the_requests_of_the_run() {
    let cloud = Cloud::fresh().await;
    let run = cloud.run(json!({})).await.expect_success();
    let mut entered = 0;
    let mut pages =
        cloud.sfn.get_execution_history().execution_arn(&run.arn).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        let kinds = page.events().iter().map(|event| event.r#type().as_str());
        // The emulator does not tell that states within a map are entered, but that tasks begin.
        entered += kinds
            .filter(|kind| *kind == "TaskScheduled" || kind.ends_with("StateEntered"))
            .filter(|kind| *kind != "TaskStateEntered")
            .count();
    }
    let summary = cloud.read(&cloud.reports, &format!("runs/{}.json", run.name)).await;
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    let cost = &summary["cost"];
    let transitions = cost["step_functions_usd"].as_f64().unwrap() / 0.000_025;
    assert_eq!(transitions.round() as usize, entered + untold_states(), "{cost:#}");

    let total = |what: &str| -> u64 {
        let calls = summary["usage"].as_array().unwrap();
        calls.iter().filter_map(|call| call["billed"][what].as_u64()).sum()
    };
    // Each object of the lake is written with at least one request, and S3 was read, too.
    let objects = cloud.keys(&cloud.lake, "").await.len() as u64;
    assert!(total("s3_writes") >= objects && total("s3_reads") > 0, "{cost:#}");
    let lake = cloud.s3.list_objects_v2().bucket(&cloud.lake).send().await.unwrap();
    let bytes: i64 = lake.contents().iter().filter_map(|object| object.size()).sum();
    assert!(total("s3_bytes") >= bytes.unsigned_abs(), "{cost:#}");
    for function in ["generate", "validate", "load", "transform", "quality", "record"] {
        let calls = summary["usage"].as_array().unwrap();
        let call = calls.iter().find(|call| call["function"] == function).unwrap();
        assert!(call["billed"]["log_bytes"].as_u64() > Some(0), "{call:#}");
    }
    for part in ["lambda_usd", "s3_requests_usd", "database_usd", "cloudwatch_usd"] {
        assert!(cost[part].as_f64().unwrap() > 0.0, "{part}: {cost:#}");
    }
}
