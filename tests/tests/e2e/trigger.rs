//! Files that users upload start executions by themselves, once.

use serde_json::{Value, json};
use shopflow_testkit::wait::{self, Wait};
use shopflow_tests::{Cloud, customers, products, transactions};

/// Waits until the trigger has started as many executions, and they are through.
async fn executions(cloud: &Cloud, prefix: &str, before: usize, more: usize) -> Vec<String> {
    cloud.begun(prefix, before, more).await;
    cloud.settle().await;
    cloud.executions(prefix).await
}

/// An S3 event as the bucket sends it.
fn event(cloud: &Cloud, key: &str, version: &str) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-01-15T10:00:00.000Z", "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "user"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"}, "responseElements": {},
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "incoming",
            "bucket": {"name": cloud.landing, "ownerIdentity": {"principalId": "user"},
                       "arn": format!("arn:aws:s3:::{}", cloud.landing)},
            "object": {"key": key, "size": 1, "eTag": "x", "versionId": version,
                       "sequencer": "0055AED6DCD90281E5"}
        }
    }]})
}

#[tokio::test]
async fn an_uploaded_file_arrives_in_every_layer() {
    let cloud = Cloud::fresh().await;
    let before = cloud.executions("s3-").await.len();
    cloud.upload("incoming/customers/shop one+two.csv", customers(1..11)).await;
    cloud.upload("incoming/products/p.csv", products(1..6)).await;
    cloud.upload("incoming/transactions/t.csv", transactions(1..101)).await;
    executions(&cloud, "s3-", before, 3).await;

    assert_eq!(cloud.count("SELECT count(*) FROM core.customers WHERE NOT is_inferred").await, 10);
    assert_eq!(cloud.count("SELECT count(*) FROM core.products WHERE NOT is_inferred").await, 5);
    assert_eq!(cloud.count("SELECT count(*) FROM core.transactions").await, 100);
    assert_eq!(
        cloud.count("SELECT count(*) FROM warehouse.fact_sales WHERE amount IS NOT NULL").await,
        100
    );
    for prefix in ["raw/", "bronze/"] {
        let bucket = if prefix == "raw/" { &cloud.landing } else { &cloud.lake };
        let keys = cloud.keys(bucket, prefix).await;
        for dataset in ["customers", "products", "transactions"] {
            let found = keys.iter().any(|key| key.contains(&format!("/{dataset}/")));
            assert!(found, "{dataset} is missing in {keys:?}");
        }
    }
    assert!(!cloud.keys(&cloud.lake, "silver/transactions/month=2024-03/").await.is_empty());
    assert!(!cloud.keys(&cloud.lake, "gold/daily_sales/").await.is_empty());
}

#[tokio::test]
async fn the_same_event_three_times_in_another_order_changes_nothing_more() {
    let cloud = Cloud::fresh().await;
    let before = cloud.executions("s3-").await.len();
    let mut versions = Vec::new();
    for price in ["1.00", "2.00", "3.00"] {
        let file = format!("id,name,category,price,supplier\n1,Thing,books,{price},Acme\n");
        versions.push(cloud.upload("incoming/products/p.csv", file).await);
        // The order of versions needs different times.
        wait::next_second().await;
    }
    cloud.upload("incoming/transactions/t.csv", transactions(1..51)).await;
    executions(&cloud, "s3-", before, 4).await;
    let state = snapshot(&cloud).await;
    let runs = cloud.executions("s3-").await;

    for version in [&versions[2], &versions[0], &versions[1], &versions[0], &versions[2]] {
        let body = event(&cloud, "incoming/products/p.csv", version).to_string();
        cloud.sqs.send_message().queue_url(&cloud.queue).message_body(body).send().await.unwrap();
    }
    cloud.settle().await;

    assert_eq!(cloud.executions("s3-").await, runs, "no further execution began");
    assert_eq!(snapshot(&cloud).await, state);
    assert_eq!(cloud.waiting(&cloud.dead_letters).await, 0);
    let price = cloud.count("SELECT (price * 100)::bigint FROM core.products WHERE id = 1").await;
    assert_eq!(price, 300, "the last upload wins");
}

#[tokio::test]
async fn versions_processed_out_of_order_end_like_those_in_order() {
    let mut states = Vec::new();
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let cloud = Cloud::fresh().await;
        let mut objects = Vec::new();
        for price in ["1.00", "2.00", "1.00"] {
            let file = format!("id,name,category,price,supplier\n1,Thing,books,{price},Acme\n");
            objects.push(cloud.land("other", "products", file).await);
            wait::next_second().await;
        }
        for index in order {
            let source = json!({"kind": "objects", "objects": [objects[index]]});
            cloud.run(json!({"source": source})).await.expect_success();
        }
        let rows = cloud
            .database
            .query(
                "SELECT price::text, (valid_from = '-infinity'), is_current
                 FROM warehouse.dim_product WHERE product_id = 1 ORDER BY valid_from",
                &[],
            )
            .await
            .unwrap();
        let history: Vec<(String, bool, bool)> =
            rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        states.push(history);
    }
    let expected = [("1.00", true, false), ("2.00", false, false), ("1.00", false, true)];
    let expected: Vec<_> =
        expected.iter().map(|(price, first, now)| ((*price).to_owned(), *first, *now)).collect();
    assert_eq!(states, vec![expected.clone(), expected.clone(), expected]);
}

#[tokio::test]
async fn a_poisoned_message_ends_in_the_dead_letter_queue_and_stops_nobody() {
    let cloud = Cloud::fresh().await;
    let before = cloud.executions("s3-").await.len();
    let poison = "this is not an S3 event";
    cloud.sqs.send_message().queue_url(&cloud.queue).message_body(poison).send().await.unwrap();
    cloud.upload("incoming/customers/c.csv", customers(1..4)).await;
    executions(&cloud, "s3-", before, 1).await;

    let wait = Wait::until("the message is in the dead-letter queue");
    while cloud.waiting(&cloud.dead_letters).await == 0 {
        wait.pause(200).await;
    }
    let letters = cloud
        .sqs
        .receive_message()
        .queue_url(&cloud.dead_letters)
        .max_number_of_messages(10)
        .send()
        .await
        .unwrap();
    let bodies: Vec<_> = letters.messages().iter().filter_map(|message| message.body()).collect();
    assert_eq!(bodies, [poison]);
    assert_eq!(cloud.count("SELECT count(*) FROM core.customers").await, 3);
}

/// Every row of the tables a user looks at, without the columns that tell when they were written.
async fn snapshot(cloud: &Cloud) -> Vec<String> {
    let mut rows = Vec::new();
    for query in [
        "SELECT (id, name, price, row_version)::text FROM core.products ORDER BY id",
        "SELECT (id, customer_id, product_id, quantity)::text FROM core.transactions ORDER BY id",
        "SELECT (product_id, price, valid_from, valid_to)::text FROM warehouse.dim_product
         ORDER BY product_id, valid_from",
        "SELECT (transaction_id, unit_price, amount)::text FROM warehouse.fact_sales
         ORDER BY transaction_id",
        "SELECT daily::text FROM warehouse.daily_sales AS daily ORDER BY event_date",
    ] {
        for row in cloud.database.query(query, &[]).await.expect("snapshot") {
            rows.push(row.get(0));
        }
    }
    rows
}
