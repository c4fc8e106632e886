//! A copy of the lake that goes by the size of objects, as `aws s3 sync` does.

use std::collections::BTreeMap;

use shopflow_lake::TableManifest;
use shopflow_lake::table::manifest_key;
use shopflow_tests::{Cloud, customers};

const ONE_MORE: &str = include_str!("../../cases/real/27-mirror/one-more-customer.csv");
const TABLE: &str = "silver/customers";

/// Makes the copy what the bucket has; an object of the same size is taken for the same.
async fn sync(cloud: &Cloud, mirror: &mut BTreeMap<String, Vec<u8>>) {
    let prefix = format!("{TABLE}/");
    let listed = cloud.s3.list_objects_v2().bucket(&cloud.lake).prefix(&prefix);
    let listed = listed.send().await.unwrap();
    let there: BTreeMap<String, usize> = listed
        .contents()
        .iter()
        .map(|object| (object.key().unwrap().to_owned(), object.size().unwrap() as usize))
        .collect();
    mirror.retain(|key, _| there.contains_key(key));
    for (key, size) in there {
        if mirror.get(&key).is_none_or(|content| content.len() != size) {
            let content = cloud.read(&cloud.lake, &key).await;
            mirror.insert(key, content);
        }
    }
}

/// Rows of the table as the copy has it; every file that its manifest names is there.
fn rows(mirror: &BTreeMap<String, Vec<u8>>) -> u64 {
    let manifest: TableManifest = serde_json::from_slice(&mirror[&manifest_key(TABLE)]).unwrap();
    for file in manifest.files() {
        assert_eq!(mirror.get(&file.key).map(Vec::len), Some(file.bytes as usize), "{}", file.key);
    }
    manifest.rows()
}

#[tokio::test]
async fn a_mirror_by_size_follows_the_runs() {
    let cloud = Cloud::fresh().await;
    cloud.run_files(&[("customers", customers(1..11))]).await.expect_success();
    let mut mirror = BTreeMap::new();
    sync(&cloud, &mut mirror).await;
    assert_eq!(rows(&mirror), 10);

    let before = cloud.executions("s3-").await.len();
    cloud.upload("incoming/customers/one-more.csv", ONE_MORE).await;
    cloud.begun("s3-", before, 1).await;
    cloud.settle().await;
    sync(&cloud, &mut mirror).await;
    assert_eq!(rows(&mirror), 11);

    // Equal in number of rows: one address changes, and another run compacts what is there.
    let moved = ONE_MORE.replace("27001@", "27009@");
    cloud.run_files(&[("customers", moved)]).await.expect_success();
    sync(&cloud, &mut mirror).await;
    let current = cloud.read(&cloud.lake, &manifest_key(TABLE)).await;
    assert_eq!(mirror[&manifest_key(TABLE)], current);
    rows(&mirror);
}
