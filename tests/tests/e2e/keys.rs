//! Files under keys that need care, and files that lie where nobody looks.

use std::collections::BTreeSet;

use shopflow::unwatched;
use shopflow_core::Dataset;
use shopflow_tests::Cloud;

macro_rules! case {
    ($path:literal) => {
        include_str!(concat!("../../cases/real/", $path))
    };
}

/// Keys with what S3 encodes in its events, what people take for encoded, and other letters.
const ODD: [(&str, &str); 12] = [
    ("incoming/transactions/a b.csv", case!("12-keys/k0.csv")),
    ("incoming/transactions/a+b.csv", case!("12-keys/k1.csv")),
    ("incoming/transactions/a%20b.csv", case!("12-keys/k2.csv")),
    ("incoming/transactions/a%2Bb%.csv", case!("12-keys/k3.csv")),
    ("incoming/transactions/März 売上.csv", case!("12-keys/k4.csv")),
    ("incoming/transactions/k&v=1.csv", case!("12-keys/k5.csv")),
    ("incoming/transactions/it's (1)!.csv", case!("12-keys/k6.csv")),
    ("incoming/transactions/one;two,three.csv", case!("12-keys/k7.csv")),
    ("incoming/transactions/$at@tilde~.csv", case!("12-keys/k8.csv")),
    ("incoming/transactions/2026/run_id=mine/part-00000.csv", case!("12-keys/k9.csv")),
    ("incoming/transactions/2026/01/nested.csv", case!("12-keys/nested.csv")),
    ("incoming/transactions/{long}/long.csv", case!("12-keys/longkey.csv")),
];

/// Files astray, and a marker where files are looked for.
const ASTRAY: [(&str, &str); 3] = [
    ("incoming/order/wrong_folder.csv", case!("12-keys/wrong_folder.csv")),
    ("Incoming/transactions/upper_folder.csv", case!("12-keys/upper_folder.csv")),
    ("root.csv", case!("12-keys/root.csv")),
];
const MARKER: &str = case!("12-keys/success_marker");

/// A key of nearly the longest length, 1,024 bytes, in folders of usual ones.
fn spelled(key: &str) -> String {
    key.replace("{long}", &vec!["f".repeat(190); 5].join("/"))
}

#[tokio::test]
async fn every_key_is_exact_and_a_file_astray_is_seen() {
    let cloud = Cloud::fresh().await;
    let base = [
        ("customers", case!("00-base/customers.csv").to_owned()),
        ("products", case!("00-base/products.csv").to_owned()),
    ];
    cloud.run_files(&base).await.expect_success();
    let before = cloud.executions("s3-").await.len();
    for (key, content) in ODD.iter().chain(&ASTRAY) {
        cloud.upload(&spelled(key), *content).await;
    }
    for marker in ["incoming/transactions/_SUCCESS", "incoming/transactions/2026/", "done/_SUCCESS"]
    {
        cloud.upload(marker, MARKER).await;
    }
    cloud.begun("s3-", before, ODD.len()).await;
    cloud.settle().await;

    let keys = "SELECT key FROM core.sources WHERE dataset = 'transactions'";
    let rows = cloud.database.query(keys, &[]).await.unwrap();
    let loaded: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(loaded, BTreeSet::from(ODD.map(|(key, _)| spelled(key))));
    assert_eq!(cloud.count("SELECT count(*) FROM core.transactions").await, 24);
    // Each file sells one of article 1 and two of article 2: 12 times 6.50.
    let revenue = "SELECT (sum(amount) * 100)::bigint FROM warehouse.fact_sales";
    assert_eq!(cloud.count(revenue).await, 7_800);

    let runs = cloud.executions("s3-").await;
    assert_eq!(runs.len(), before + ODD.len(), "markers and files astray start none");
    for name in ["a-b", "a-20b", "a-2Bb", "M-rz", "nested", "long"] {
        let start = format!("s3-transactions-{name}-");
        assert!(runs.iter().any(|run| run.starts_with(&start)), "{start} is not among {runs:?}");
    }

    let storage = cloud.target.storage();
    let found = unwatched::find(&storage, &cloud.landing, 10).await.unwrap();
    let seen: BTreeSet<&str> = found.files.iter().map(|stray| stray.key.as_str()).collect();
    assert_eq!(seen, BTreeSet::from(ASTRAY.map(|(key, _)| key)));
    assert!(found.is_complete && found.more == 0, "{found:?}");
    for stray in &found.files {
        assert_eq!(stray.dataset, Some(Dataset::Transactions), "{stray:?}");
        assert!(stray.place().starts_with("incoming/transactions/"), "{stray:?}");
    }
    let latest = unwatched::find(&storage, &cloud.landing, 1).await.unwrap();
    assert_eq!((latest.files.len(), latest.more), (1, 2));
}
