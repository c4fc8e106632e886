//! Exact counts, the notes for the next stages, and what repeats do.

use shopflow_core::{Dataset, ErrorKind};

use crate::world::{World, at, counts, customers, products, transactions};

#[tokio::test]
async fn rows_are_counted_as_inserted_updated_and_unchanged() {
    let world = World::new().await;
    let first = customers(&[(1, "Ann"), (2, "Bob"), (3, "Cem")]);
    let result = world.load_file("r1", Dataset::Customers, &at("01"), &first).await.unwrap();
    assert_eq!(counts(&result), [3, 0, 0, 0]);
    let second = customers(&[(1, "Ann"), (2, "Bobby"), (4, "Dee")]);
    let result = world.load_file("r2", Dataset::Customers, &at("02"), &second).await.unwrap();
    assert_eq!(counts(&result), [1, 1, 1, 0]);
    let ledger = result.ledger.unwrap();
    assert_eq!((ledger.rows_in, ledger.rows_loaded, ledger.rows_unchanged), (3, 2, 1));
    assert_eq!(
        world.lines("SELECT id, name, row_version FROM core.customers ORDER BY id").await,
        [
            r#"{"id":1,"name":"Ann","row_version":1}"#,
            r#"{"id":2,"name":"Bobby","row_version":2}"#,
            r#"{"id":3,"name":"Cem","row_version":1}"#,
            r#"{"id":4,"name":"Dee","row_version":1}"#,
        ]
    );
}

#[tokio::test]
async fn values_arrive_as_they_were_written() {
    let world = World::new().await;
    let csv = "country,email,extra,id,name,registration_date\r\n\
               FR,zoe@example.org,\"x\ny\",9,\"Zoë, \"\"Z\"\" Smith\",1999-12-31\r\n";
    let entry = world.file("r1", Dataset::Customers, 0, &at("01"), csv).await;
    let entry = shopflow_core::contract::ManifestEntry { rows: 1, ..entry };
    let manifest = world.publish("r1", vec![entry]).await;
    world.load("r1", Dataset::Customers, &manifest).await.unwrap();
    let rows =
        world.lines("SELECT id, name, email, registration_date, country FROM core.customers").await;
    assert_eq!(
        rows,
        [
            r#"{"id":9,"name":"Zoë, \"Z\" Smith","email":"zoe@example.org","registration_date":"1999-12-31","country":"FR"}"#
        ]
    );

    let csv =
        "id,name,category,price,supplier\n7,Lamp,home,99999999.99,Lux\n8,Pen,books,0.01,Lux\n";
    world.load_file("r2", Dataset::Products, &at("01"), csv).await.unwrap();
    let rows = world
        .lines(
            "SELECT id, price, c.name AS category, s.name AS supplier FROM core.products p \
             JOIN core.categories c USING (category_id) JOIN core.suppliers s USING (supplier_id) \
             ORDER BY id",
        )
        .await;
    assert_eq!(
        rows,
        [
            r#"{"id":7,"price":99999999.99,"category":"home","supplier":"Lux"}"#,
            r#"{"id":8,"price":0.01,"category":"books","supplier":"Lux"}"#,
        ]
    );

    let csv = "id,customer_id,product_id,quantity,timestamp,payment_method\n\
               5,9,7,3,2026-01-01T00:30:00.25+01:00,gift_card\n";
    world.load_file("r3", Dataset::Transactions, &at("01"), csv).await.unwrap();
    let rows = world
        .lines(
            "SELECT id, customer_id, product_id, quantity, \
             (\"timestamp\" AT TIME ZONE 'UTC')::text AS at, m.name AS method \
             FROM core.transactions JOIN core.payment_methods m USING (payment_method_id)",
        )
        .await;
    assert_eq!(
        rows,
        [
            r#"{"id":5,"customer_id":9,"product_id":7,"quantity":3,"at":"2025-12-31 23:30:00.25","method":"gift_card"}"#
        ]
    );
    // The event date is the UTC date.
    assert_eq!(
        world.lines("SELECT event_date FROM ops.dirty_dates").await,
        [r#"{"event_date":"2025-12-31"}"#]
    );
}

#[tokio::test]
async fn a_sale_arrives_with_its_own_price_and_without_a_customer() {
    let world = World::new().await;
    let csv = "id,customer_id,product_id,quantity,timestamp,payment_method,order_id,line,\
               unit_price,discount,status\n\
               5,9,7,3,2026-01-01T00:30:00Z,gift_card,A-007,2,1.5,0.2,\n\
               6,,7,-2,2026-01-01T00:40:00Z,gift_card,,,957.5775,5,returned\n\
               8,,7,1,2026-01-01T00:50:00Z,gift_card,,,0,,completed\n";
    let result = world.load_file("r1", Dataset::Transactions, &at("01"), csv).await.unwrap();
    // A customer and a product that no file has brought.
    assert_eq!(counts(&result), [3, 0, 0, 2]);
    let rows = "SELECT id, customer_id AS customer, quantity, order_id, line, \
                unit_price::text AS price, discount::text AS discount, status \
                FROM core.transactions ORDER BY id";
    let stored = [
        r#"{"id":5,"customer":9,"quantity":3,"order_id":"A-007","line":2,"price":"1.5000","discount":"0.2000","status":null}"#,
        r#"{"id":6,"customer":null,"quantity":-2,"order_id":null,"line":null,"price":"957.5775","discount":"5.0000","status":"returned"}"#,
        r#"{"id":8,"customer":null,"quantity":1,"order_id":null,"line":null,"price":"0.0000","discount":null,"status":"completed"}"#,
    ];
    assert_eq!(world.lines(rows).await, stored);
    // The same in another spelling is no change.
    let again =
        csv.replace(",1.5,0.2,", ",+1.50,0.2000,").replace(",957.5775,5,", ",957.5775,5.0,");
    let result = world.load_file("r2", Dataset::Transactions, &at("02"), &again).await.unwrap();
    assert_eq!(counts(&result), [0, 0, 3, 0]);
    assert_eq!(world.lines(rows).await, stored);
}

#[tokio::test]
async fn what_may_be_missing_arrives_as_nothing() {
    let world = World::new().await;
    let csv = "id,name,email,registration_date,country\n1,Ann,,,\n2,Bob,b@x.org,2024-01-05,DE\n";
    world.load_file("r1", Dataset::Customers, &at("01"), csv).await.unwrap();
    let csv = "id,name,category,price\n7,Lamp,home,9.50\n";
    world.load_file("r2", Dataset::Products, &at("01"), csv).await.unwrap();
    let csv = "id,customer_id,product_id,quantity,timestamp,payment_method,unit_price\n\
               5,1,7,3,2026-01-01T00:30:00Z,,\n\
               6,1,,1,2026-01-01T00:30:00Z,gift_card,4.95\n";
    let result = world.load_file("r3", Dataset::Transactions, &at("01"), csv).await.unwrap();
    assert_eq!(counts(&result), [2, 0, 0, 0], "a line without a product names none");
    let arrived: [(&str, &[&str]); 5] = [
        (
            "SELECT id, email, registration_date AS since, country FROM core.customers ORDER BY 1",
            &[
                r#"{"id":1,"email":null,"since":null,"country":null}"#,
                r#"{"id":2,"email":"b@x.org","since":"2024-01-05","country":"DE"}"#,
            ],
        ),
        (
            "SELECT id, price, supplier_id FROM core.products",
            &[r#"{"id":7,"price":9.50,"supplier_id":null}"#],
        ),
        ("SELECT id, supplier FROM core.product_history", &[r#"{"id":7,"supplier":null}"#]),
        ("SELECT count(*) AS suppliers FROM core.suppliers", &[r#"{"suppliers":0}"#]),
        (
            "SELECT id, product_id AS product, payment_method_id IS NULL AS unknown \
             FROM core.transactions ORDER BY 1",
            &[
                r#"{"id":5,"product":7,"unknown":true}"#,
                r#"{"id":6,"product":null,"unknown":false}"#,
            ],
        ),
    ];
    for (query, expected) in arrived {
        assert_eq!(world.lines(query).await, expected, "{query}");
    }
    // The same files without the columns that have nothing.
    let again = "id,name\n1,Ann\n";
    let result = world.load_file("r4", Dataset::Customers, &at("02"), again).await.unwrap();
    assert_eq!(counts(&result), [0, 0, 1, 0]);
    let again = "id,quantity,timestamp,payment_method,unit_price\n\
                 6,1,2026-01-01T00:30:00Z,gift_card,4.95\n";
    let result = world.load_file("r5", Dataset::Transactions, &at("02"), again).await.unwrap();
    assert_eq!(counts(&result), [0, 1, 0, 0], "it had a customer");
}

#[tokio::test]
async fn a_value_that_is_missing_in_a_later_file_is_gone_and_kept_in_the_history() {
    let world = World::new().await;
    let of = |values: &str| format!("id,name,email,registration_date,country\n1,Ann,{values}\n");
    for (run, hour, values) in
        [("r1", "01", "a@x.org,2024-01-05,DE"), ("r2", "02", ",,"), ("r3", "03", "a@x.org,,FR")]
    {
        let file = of(values);
        let result = world.load_file(run, Dataset::Customers, &at(hour), &file).await.unwrap();
        assert_eq!(result.ledger.unwrap().rows_loaded, 1, "{run}");
    }
    let versions = "SELECT email, registration_date AS since, country FROM core.customer_history \
                    ORDER BY effective_at";
    assert_eq!(
        world.lines(versions).await,
        [
            r#"{"email":"a@x.org","since":"2024-01-05","country":"DE"}"#,
            r#"{"email":null,"since":null,"country":null}"#,
            r#"{"email":"a@x.org","since":null,"country":"FR"}"#,
        ]
    );
    let sale = |product: &str, method: &str| {
        format!(
            "id,customer_id,product_id,quantity,timestamp,payment_method,unit_price\n\
             5,1,{product},3,2026-01-01T00:30:00Z,{method},2\n"
        )
    };
    let file = sale("7", "paypal");
    world.load_file("r4", Dataset::Transactions, &at("01"), &file).await.unwrap();
    let file = sale("", "");
    let result = world.load_file("r5", Dataset::Transactions, &at("02"), &file).await.unwrap();
    assert_eq!(counts(&result), [0, 1, 0, 0]);
    let before = "SELECT h.product_id AS was, m.name AS method, t.product_id AS now \
                  FROM core.transaction_history h JOIN core.transactions t USING (id) \
                  JOIN core.payment_methods m ON m.payment_method_id = h.payment_method_id";
    assert_eq!(world.lines(before).await, [r#"{"was":7,"method":"paypal","now":null}"#]);
}

#[tokio::test]
async fn a_repeated_event_answers_with_the_recorded_counts_and_changes_nothing() {
    let world = World::new().await;
    let content = products(&[(1, "9.99"), (2, "5.00")]);
    let entry = world.file("r1", Dataset::Products, 0, &at("01"), content).await;
    let manifest = world.publish("r1", vec![entry]).await;
    let first = world.load("r1", Dataset::Products, &manifest).await.unwrap();
    let everything = "SELECT xmin::text, * FROM core.products ORDER BY id";
    let before = world.lines(everything).await;
    let second = world.load("r1", Dataset::Products, &manifest).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(world.lines(everything).await, before);
    assert_eq!(world.number("SELECT count(*) FROM ops.load_audit").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM ops.lake_queue").await, 1);
}

#[tokio::test]
async fn the_same_source_in_another_run_is_unchanged_and_writes_no_row() {
    let world = World::new().await;
    let content = transactions(&[(1, 1, 1, 1), (2, 1, 2, 2)]);
    world.load_file("r1", Dataset::Transactions, &at("01"), &content).await.unwrap();
    let everything = "SELECT xmin::text, * FROM core.transactions ORDER BY id";
    let before = world.lines(everything).await;
    let again = world.load_file("r2", Dataset::Transactions, &at("01"), &content).await.unwrap();
    assert_eq!(counts(&again), [0, 0, 2, 0]);
    assert_eq!(world.lines(everything).await, before);
    assert_eq!(world.number("SELECT count(*) FROM ops.load_audit").await, 2);
}

#[tokio::test]
async fn the_files_of_a_dataset_are_loaded_in_part_order_and_added_up() {
    let world = World::new().await;
    let mut entries = Vec::new();
    // The parts come in reverse, and the later part has the later source.
    for (part, hour, name) in [(1, "02", "new"), (0, "01", "old")] {
        let content = customers(&[(1, name), (part + 10, "x")]);
        entries.push(world.file("r1", Dataset::Customers, part, &at(hour), content).await);
    }
    let manifest = world.publish("r1", entries).await;
    let result = world.load("r1", Dataset::Customers, &manifest).await.unwrap();
    assert_eq!((result.objects, counts(&result)), (2, [3, 1, 0, 0]));
    let audit =
        world.lines("SELECT part, inserted, updated FROM ops.load_audit ORDER BY part").await;
    assert_eq!(
        audit,
        [r#"{"part":0,"inserted":2,"updated":0}"#, r#"{"part":1,"inserted":1,"updated":1}"#]
    );
}

#[tokio::test]
async fn unknown_references_become_inferred_members_that_their_own_row_completes() {
    let world = World::new().await;
    world.load_file("r1", Dataset::Customers, &at("01"), &customers(&[(1, "Ann")])).await.unwrap();
    world.sql.batch_execute("DELETE FROM ops.dirty_entities").await.unwrap();
    let content = transactions(&[(1, 1, 5, 1), (2, 2, 5, 1), (3, 2, 6, 1)]);
    let result = world.load_file("r2", Dataset::Transactions, &at("02"), &content).await.unwrap();
    assert_eq!(counts(&result), [3, 0, 0, 3]);
    let dirty = world.lines("SELECT dataset, id FROM ops.dirty_entities ORDER BY 1, 2").await;
    assert_eq!(
        dirty,
        [
            r#"{"dataset":"customers","id":2}"#,
            r#"{"dataset":"products","id":5}"#,
            r#"{"dataset":"products","id":6}"#,
        ]
    );
    // Even a source from long before completes it.
    let result = world
        .load_file("r3", Dataset::Customers, &at("00"), &customers(&[(2, "Bob")]))
        .await
        .unwrap();
    assert_eq!(counts(&result), [1, 0, 0, 0]);
    assert_eq!(
        world.lines("SELECT id, name, is_inferred FROM core.customers ORDER BY id").await,
        [
            r#"{"id":1,"name":"Ann","is_inferred":false}"#,
            r#"{"id":2,"name":"Bob","is_inferred":false}"#,
        ]
    );
    assert_eq!(world.number("SELECT count(*) FROM core.products WHERE is_inferred").await, 2);
}

#[tokio::test]
async fn a_moved_transaction_dirties_both_dates_and_is_dropped_from_the_old_one() {
    let world = World::new().await;
    let load = async |run: &'static str, hour: &'static str, day: u32| {
        let content = transactions(&[(1, 1, 1, day), (2, 1, 1, 9)]);
        world.load_file(run, Dataset::Transactions, &at(hour), &content).await.unwrap()
    };
    let dates = "SELECT event_date::text FROM ops.dirty_dates ORDER BY 1";
    let moves = "SELECT id, from_date::text FROM ops.moved_rows ORDER BY 1, 2";
    load("r1", "01", 3).await;
    assert_eq!(
        world.lines(dates).await,
        [r#"{"event_date":"2026-01-03"}"#, r#"{"event_date":"2026-01-09"}"#]
    );
    world.sql.batch_execute("DELETE FROM ops.dirty_dates").await.unwrap();

    assert_eq!(counts(&load("r2", "02", 4).await), [0, 1, 1, 0]);
    assert_eq!(
        world.lines(dates).await,
        [r#"{"event_date":"2026-01-03"}"#, r#"{"event_date":"2026-01-04"}"#]
    );
    assert_eq!(world.lines(moves).await, [r#"{"id":1,"from_date":"2026-01-03"}"#]);

    // Back again: it must now be dropped from the date in between only.
    load("r3", "03", 3).await;
    assert_eq!(world.lines(moves).await, [r#"{"id":1,"from_date":"2026-01-04"}"#]);

    // An earlier version arrives late: its bronze file puts the id on a date it is not on.
    assert_eq!(counts(&load("r0", "00", 7).await), [0, 0, 2, 0]);
    assert_eq!(
        world.lines(moves).await,
        [r#"{"id":1,"from_date":"2026-01-04"}"#, r#"{"id":1,"from_date":"2026-01-07"}"#]
    );
}

#[tokio::test]
async fn clickstream_is_only_queued_for_the_lake() {
    let world = World::new().await;
    let entry = world.file("r1", Dataset::Clickstream, 3, &at("01"), "{}\n").await;
    let manifest = world.publish("r1", vec![entry.clone()]).await;
    for _ in 0..2 {
        let result = world.load("r1", Dataset::Clickstream, &manifest).await.unwrap();
        assert_eq!((result.objects, counts(&result), result.ledger), (1, [0; 4], None));
    }
    let row =
        world.sql.query_one("SELECT dataset, part, entry FROM ops.lake_queue", &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), ("clickstream", 3));
    let queued: serde_json::Value = row.get(2);
    assert_eq!(queued, serde_json::to_value(&entry).unwrap());
    assert_eq!(world.number("SELECT count(*) FROM ops.load_audit").await, 0);
}

#[tokio::test]
async fn a_dataset_the_run_has_no_files_of_is_empty_and_balanced() {
    let world = World::new().await;
    let manifest = world.publish("r1", Vec::new()).await;
    let result = world.load("r1", Dataset::Products, &manifest).await.unwrap();
    assert_eq!((result.objects, counts(&result)), (0, [0; 4]));
    assert_eq!(result.ledger.unwrap().rows_in, 0);
}

#[tokio::test]
async fn a_manifest_of_another_run_is_refused() {
    let world = World::new().await;
    let manifest = world.publish("r1", Vec::new()).await;
    let error = world.load("r2", Dataset::Products, &manifest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("manifest_run_id=r1"), "{error}");
}
