//! A customer is erased: no version of any object and no table has their values, and the facts
//! stay.

use serde_json::{Value, json};
use shopflow::erase::{self, Proof, Request};
use shopflow_tests::{Cloud, Text, customers, products, transactions};

/// Whatever tells who customer 7 is.
const VALUES: [&str; 6] =
    ["zelda", "quixley", "zq@other.example", "zelda@quixley", "555-0107", "quixley.example"];

fn request(dry_run: bool) -> Request {
    Request { customer: 7, request_id: "letter-of-may".to_owned(), dry_run }
}

/// The customers with their phones; of customer 7 with this address.
fn with_zelda(email: &str) -> String {
    let mut file = String::from("id,name,email,registration_date,country,phone\n");
    for line in customers(1..21).lines().skip(1) {
        match line.strip_prefix("7,") {
            Some(_) => file.push_str(&format!("7,Zelda Quixley,{email},2023-05-06,FR,555-0107\n")),
            None => file.push_str(&format!("{line},555-9999\n")),
        }
    }
    file
}

/// Every version of every object, and every table.
async fn everything(cloud: &Cloud) -> Vec<Text> {
    let mut texts = Vec::new();
    for bucket in [&cloud.landing, &cloud.lake, &cloud.reports] {
        texts.extend(cloud.objects(bucket, "").await);
    }
    texts.extend(cloud.tables(&["core", "warehouse", "ops", "stream"]).await);
    texts
}

async fn places(cloud: &Cloud) -> Vec<String> {
    let texts = everything(cloud).await.into_iter();
    let with = texts.filter(|text| {
        let lower = text.text.to_lowercase();
        VALUES.iter().any(|value| lower.contains(value))
    });
    with.map(|text| text.place).collect()
}

async fn facts(cloud: &Cloud) -> Vec<Value> {
    let sql = "SELECT (SELECT json_agg(t ORDER BY t.customer_id) FROM warehouse.customer_lifetime_value AS t),
                      (SELECT to_json(sum(revenue)) FROM warehouse.daily_sales),
                      (SELECT json_agg(c ORDER BY id) FROM core.customers AS c WHERE id <> 7),
                      (SELECT to_json(count(*)) FROM warehouse.fact_sales
                       JOIN warehouse.dim_customer USING (customer_key) WHERE customer_id = 7)";
    let row = cloud.database.query_one(sql, &[]).await.unwrap();
    (0..4).map(|at| row.get(at)).collect()
}

#[tokio::test]
async fn an_erased_customer_is_in_no_version_of_any_object_and_in_no_table() {
    let cloud = Cloud::fresh().await;
    // Two files under one key, so that one is an older version; one refused row; changes captured.
    let key = "incoming/customers/run_id=early/all.csv";
    for email in ["zelda@quixley.example", "zq@other.example"] {
        let name = shopflow_testkit::unique("test");
        let version = cloud.land_at(key, "early", with_zelda(email)).await;
        let object = json!({"bucket": cloud.landing, "key": key, "version_id": version});
        let mut objects = vec![object];
        for (dataset, file) in [("products", products(1..6)), ("transactions", transactions(1..31))]
        {
            objects.push(cloud.land(&name, dataset, file).await);
        }
        let input = json!({"source": {"kind": "objects", "objects": objects}});
        let arn = cloud.start(&cloud.pipeline, &name, &input).await;
        cloud.wait(&arn).await.expect_success();
        cloud.invoke("cdc", &json!({})).await.unwrap();
    }
    // One that a user uploads, and whose run the upload starts.
    let before = cloud.executions("s3-").await.len();
    cloud.upload("incoming/customers/mine.csv", with_zelda("zelda@quixley.example")).await;
    cloud.begun("s3-", before, 1).await;
    cloud.settle().await;
    let refused = customers(30..50) + "7,Zelda Quixley,zq@other.example,2023-13-45,FR\n";
    cloud.run_files(&[("customers", refused)]).await.expect_success();
    let click = |number: u64| {
        json!({
            "event_id": format!("00000000-0000-4000-8000-{number:012}"), "session_id": "s-1",
            "event_type": "page_view", "device": "mobile", "country": "FR",
            "url": "/login?mail=zelda%40quixley.example", "timestamp": "2024-03-01T10:00:00Z",
        })
    };
    let clicks: String = (1..31).map(|number| format!("{}\n", click(number))).collect();
    cloud.run_files(&[("clickstream", clicks)]).await.expect_success();
    // One as it happens, and one that is refused; their file is not due before the test ends.
    let mut refused = click(32);
    refused["device"] = json!("zelda@quixley.example");
    cloud.put_clicks(&[click(31), refused]).await;
    let counts = cloud.has_read(2).await;
    assert_eq!((counts.applied, counts.refused), (1, 1));
    let later = "UPDATE stream.staged SET staged_at = staged_at + interval '1 day'";
    assert_eq!(cloud.database.execute(later, &[]).await.unwrap(), 1);

    let found = places(&cloud).await;
    let parts = [
        "incoming/",
        "raw/",
        "quarantine/customers/",
        "quarantine/clickstream/",
        "bronze/customers/",
        "bronze/_changes/",
        "bronze/_stream/",
        "silver/clickstream/",
        "core.customers",
        "core.customer_history",
        "dim_customer",
    ];
    for part in parts {
        assert!(found.iter().any(|place| place.contains(part)), "{part} is not in {found:#?}");
    }
    let known = facts(&cloud).await;

    let rehearsal = erase::erase(&cloud.target, &request(true)).await.unwrap();
    assert!(rehearsal.changed(), "{rehearsal:#?}");
    assert_eq!(places(&cloud).await, found, "a dry run changes nothing");

    let proof = erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert_eq!(proof.search.found, 0, "{proof:#?}");
    assert_eq!((proof.values.names, proof.values.emails), (1, 2));
    assert_eq!(proof.tables["core.customers"], 1);
    assert_eq!(places(&cloud).await, Vec::<String>::new(), "{}", proof.render());
    assert_eq!(facts(&cloud).await, known, "facts and other customers stay");
    let text = cloud.read(&cloud.reports, "erasure/letter-of-may.json").await;
    let written: Proof = serde_json::from_slice(&text).unwrap();
    assert_eq!(written, proof);

    // A rewritten upload starts no run.
    cloud.settle().await;
    assert_eq!(cloud.executions("s3-").await.len(), before + 1);

    // A second call finds nothing to do.
    let count = everything(&cloud).await.len();
    let again = erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert!(!again.changed() && again.search.found == 0, "{again:#?}");
    assert_eq!(everything(&cloud).await.len(), count);
    let text = cloud.read(&cloud.reports, "erasure/letter-of-may.json").await;
    assert_eq!(serde_json::from_slice::<Proof>(&text).unwrap(), proof);

    // The pipeline goes on, the same file loads as unchanged, and nothing comes back.
    let name = shopflow_testkit::unique("test");
    let head = cloud.s3.head_object().bucket(&cloud.landing).key(key).send().await.unwrap();
    let version = head.version_id().unwrap();
    let object = json!({"bucket": cloud.landing, "key": key, "version_id": version});
    let input = json!({"source": {"kind": "objects", "objects": [object]}});
    let arn = cloud.start(&cloud.pipeline, &name, &input).await;
    cloud.wait(&arn).await.expect_success();
    let ledger = cloud.ledger(&name).await;
    assert_eq!(ledger.line("load", "customers").unchanged, 20);
    cloud.invoke("cdc", &json!({})).await.unwrap();
    assert_eq!(places(&cloud).await, Vec::<String>::new());
    let erased = "SELECT count(*) FROM core.customers
                  WHERE id = 7 AND name = '[erased]' AND email = 'erased-7@erased.invalid'";
    assert_eq!(cloud.count(erased).await, 1);
    let run = cloud.run_files(&[("transactions", transactions(31..61))]).await.expect_success();
    assert_eq!(cloud.count("SELECT count(*) FROM warehouse.fact_sales").await, 60);
    cloud.ledger(&run.name).await.assert_balanced();
}

#[tokio::test]
async fn values_that_others_have_too_stay_theirs() {
    let cloud = Cloud::fresh().await;
    let file = customers(1..21).replace("Person 8,person8@", "Person 7,person7@");
    cloud.run_files(&[("customers", file)]).await.expect_success();
    let proof = erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert_eq!((proof.values.shared_with_others, proof.search.found), (2, 0), "{proof:#?}");
    let named = "SELECT count(*) FROM core.customers WHERE name = 'Person 7'";
    assert_eq!(cloud.count(named).await, 1);
    let texts = cloud.objects(&cloud.lake, "bronze/customers/").await;
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].text.matches("person7@example.com").count(), 1);
}

#[tokio::test]
async fn a_customer_nobody_knows_is_erased_without_a_trace_of_change() {
    let cloud = Cloud::fresh().await;
    cloud.run_files(&[("customers", customers(100..121))]).await.expect_success();
    let proof = erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert!(!proof.changed() && proof.search.found == 0, "{proof:#?}");
}

#[tokio::test]
async fn an_erased_customer_who_is_delivered_again_stays_erased() {
    let cloud = Cloud::fresh().await;
    let first = with_zelda("zelda@quixley.example");
    cloud.run_files(&[("customers", first.clone())]).await.expect_success();
    erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert_eq!(places(&cloud).await, Vec::<String>::new());

    // The file of before once more, a new address, and a row that is refused.
    for file in [first, with_zelda("zq@other.example")] {
        let run = cloud.run_files(&[("customers", file)]).await.expect_success();
        let ledger = cloud.ledger(&run.name).await;
        ledger.assert_balanced();
        assert_eq!(ledger.line("load", "customers").unchanged, 20);
        let reports = cloud.objects(&cloud.reports, "validation/").await;
        let of_run = reports.iter().find(|text| text.place.contains(&run.name)).unwrap();
        let report: Value = serde_json::from_str(&of_run.text).unwrap();
        assert_eq!(report["rows_kept_erased"], 1, "{report}");
    }
    let refused = customers(30..50) + "7,Zelda Quixley,zq@other.example,2023-13-45,FR\n";
    let run = cloud.run_files(&[("customers", refused)]).await.expect_success();
    assert_eq!(cloud.ledger(&run.name).await.line("validate", "customers").quarantined, 1);
    cloud.invoke("cdc", &json!({})).await.unwrap();

    let found = places(&cloud).await;
    let delivered = |place: &String| place.contains("/incoming/customers/");
    assert!(found.len() == 3 && found.iter().all(delivered), "only what was delivered: {found:#?}");
    let erased = "SELECT count(*) FROM core.customers WHERE id = 7 AND name = '[erased]'
                  AND email = 'erased-7@erased.invalid' AND extra IS NULL";
    assert_eq!(cloud.count(erased).await, 1);

    // Asked again, what was delivered goes as well.
    let again = Request { request_id: "letter-of-june".to_owned(), ..request(false) };
    assert_eq!(erase::erase(&cloud.target, &again).await.unwrap().search.found, 0);
    assert_eq!(places(&cloud).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_an_erased_customer_never_had_stays_missing_and_the_row_is_unchanged() {
    let cloud = Cloud::fresh().await;
    let file = with_zelda("").replace(",2023-05-06,FR,", ",,,");
    cloud.run_files(&[("customers", file.clone())]).await.expect_success();
    erase::erase(&cloud.target, &request(false)).await.unwrap();
    let erased = "SELECT count(*) FROM core.customers WHERE id = 7 AND name = '[erased]'
                  AND email IS NULL AND registration_date IS NULL AND country IS NULL";
    assert_eq!(cloud.count(erased).await, 1);
    let run = cloud.run_files(&[("customers", file)]).await.expect_success();
    let ledger = cloud.ledger(&run.name).await;
    ledger.assert_balanced();
    assert_eq!(ledger.line("load", "customers").unchanged, 20);
    assert_eq!(cloud.count(erased).await, 1);
}

/// Everything that manifests and `ops.cdc_files` say of files of the change log, and that they are
/// not.
async fn misnoted(cloud: &Cloud) -> Vec<String> {
    let mut said: Vec<(String, i64, String)> = Vec::new();
    for key in cloud.keys(&cloud.lake, "bronze/_changes/").await {
        if key.ends_with("/_manifest.json") {
            let text = cloud.read(&cloud.lake, &key).await;
            let manifest: Value = serde_json::from_slice(&text).unwrap();
            let partitions = manifest["partitions"].as_object().unwrap().values();
            said.extend(partitions.flat_map(|files| files.as_array().unwrap()).map(|file| {
                let text = |name: &str| file[name].as_str().unwrap().to_owned();
                (text("key"), file["bytes"].as_i64().unwrap(), text("sha256"))
            }));
        }
    }
    assert!(!said.is_empty(), "nothing was captured");
    let noted = "SELECT key, bytes, sha256 FROM ops.cdc_files";
    let noted = cloud.database.query(noted, &[]).await.unwrap();
    said.extend(noted.iter().map(|row| (row.get(0), row.get(1), row.get(2))));
    let mut wrong = Vec::new();
    for (key, bytes, sha256) in said {
        let content = cloud.read(&cloud.lake, &key).await;
        let digest = "SELECT encode(sha256($1::bytea), 'hex')";
        let row = cloud.database.query_one(digest, &[&content]).await.unwrap();
        if (content.len() as i64, row.get::<_, String>(0)) != (bytes, sha256) {
            wrong.push(key);
        }
    }
    wrong
}

#[tokio::test]
async fn the_change_log_of_every_table_is_noted_as_it_is_after_an_erasure() {
    let cloud = Cloud::fresh().await;
    // An address stands in a product, in a column that the dataset does not know.
    let goods: String = products(1..6)
        .lines()
        .enumerate()
        .map(|(line, text)| match line {
            0 => format!("{text},note\n"),
            1 => format!("{text},ask zelda@quixley.example\n"),
            _ => format!("{text},\n"),
        })
        .collect();
    let file = with_zelda("zelda@quixley.example");
    cloud.run_files(&[("customers", file), ("products", goods)]).await.expect_success();
    cloud.invoke("cdc", &json!({})).await.unwrap();
    let found = places(&cloud).await;
    assert!(found.iter().any(|place| place.contains("bronze/_changes/products/")), "{found:#?}");
    assert_eq!(misnoted(&cloud).await, Vec::<String>::new());

    let proof = erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert_eq!(proof.search.found, 0, "{proof:#?}");
    assert_eq!(places(&cloud).await, Vec::<String>::new());
    assert_eq!(misnoted(&cloud).await, Vec::<String>::new());

    // A crash between the manifest and the row of a file: the next call sees to it.
    let stale = "UPDATE ops.cdc_files SET bytes = 1, sha256 = '' WHERE table_name = 'products'";
    assert!(cloud.database.execute(stale, &[]).await.unwrap() > 0);
    let again = erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert!(again.references > 0, "{again:#?}");
    assert_eq!(misnoted(&cloud).await, Vec::<String>::new());
}

#[tokio::test]
async fn refused_rows_are_told_apart_by_the_header_of_their_upload() {
    let cloud = Cloud::fresh().await;
    let mut file = String::new();
    for (line, text) in customers(30..130).lines().enumerate() {
        let phone = if line == 0 { "phone" } else { "5559999" };
        file.push_str(&format!("{phone},{text}\n"));
    }
    // Theirs, behind another number; and somebody else's, with theirs in another column.
    file.push_str("5550107,7,Zelda,zelda@quixley.example,2023-13-45,FR\n");
    file.push_str("7,9,Bob Byrd,bob@byrd.example,2023-13-45,FR\n");
    cloud.run_files(&[("customers", file)]).await.expect_success();
    let quarantined = || cloud.objects(&cloud.landing, "quarantine/customers/");
    assert!(quarantined().await.iter().any(|text| text.text.contains("5550107,7,Zelda")));

    let proof = erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert_eq!(proof.search.found, 0, "{proof:#?}");
    assert_eq!(places(&cloud).await, Vec::<String>::new());
    let left = quarantined().await;
    assert_eq!(left.len(), 1, "one version of one file");
    let text = &left[0].text;
    assert!(text.contains(",7,[erased],erased-7@erased.invalid,2023-13-45,FR"), "{text}");
    assert!(!text.contains("5550107"), "{text}");
    assert!(text.contains("7,9,Bob Byrd,bob@byrd.example,2023-13-45,FR"), "{text}");

    // The upload has another version now, and still its header.
    let again = erase::erase(&cloud.target, &request(false)).await.unwrap();
    assert!(!again.changed() && again.search.found == 0, "{again:#?}");
}
