//! Configuration and suites in a real bucket, over the built-in ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;

use shopflow_core::overlay::{self, Overlay};
use shopflow_core::{Settings, Storage, keys};
use shopflow_testkit::{bucket, storage};

async fn put(storage: &Storage, bucket: &str, key: &str, text: &str) {
    storage.write_all(bucket, key, "text/yaml", text.to_owned()).await.unwrap();
}

#[tokio::test]
async fn files_below_the_prefix_are_read_with_their_versions_and_nothing_else() {
    let storage = storage().await;
    let bucket = bucket(&storage, "config").await;
    put(&storage, &bucket, "shop/config/base.yaml", "business: {time_zone: Europe/Berlin}").await;
    put(&storage, &bucket, "shop/suites/products.yaml", "suite: products").await;
    put(&storage, &bucket, "shop/README.md", "what this is").await;
    put(&storage, &bucket, "shop/config/", "").await;
    put(&storage, &bucket, "shop2/config/base.yaml", "validation: {max_reject_rate: 1}").await;
    let overlay = Overlay::read(&storage, &format!("s3://{bucket}/shop")).await.unwrap();
    let names: Vec<&String> = overlay.files.keys().collect();
    assert_eq!(names, ["config/base.yaml", "suites/products.yaml"]);
    assert_eq!(overlay.problems, Vec::<String>::new());
    let head = shopflow_core::ObjectRef {
        bucket: bucket.clone(),
        key: "shop/config/base.yaml".to_owned(),
        version_id: None,
    };
    let version = storage.head(&head).await.unwrap().version_id;
    let read = overlay.files["config/base.yaml"].version_id.as_deref().unwrap_or("null");
    assert_eq!(read, version);

    let settings = Settings::from_layers("prod", &overlay, HashMap::new(), &[]).unwrap();
    assert_eq!(settings.business.time_zone.to_string(), "Europe/Berlin");
    assert_eq!(settings.validation.max_reject_rate, 0.05);
}

#[tokio::test]
async fn what_a_run_follows_is_kept_under_its_version_and_reads_back_the_same() {
    let storage = storage().await;
    let bucket = bucket(&storage, "config").await;
    let uri = format!("s3://{bucket}/");
    let nothing = Overlay::read(&storage, &uri).await.unwrap();
    assert_eq!(overlay::keep(&storage, &bucket, &nothing).await.unwrap(), None);
    put(&storage, &bucket, "config/prod.yaml", "validation: {max_reject_rate: 0.2}").await;
    let overlay = Overlay::read(&storage, &uri).await.unwrap();
    let version = overlay::keep(&storage, &bucket, &overlay).await.unwrap().unwrap();
    // Twice is once.
    assert_eq!(overlay::keep(&storage, &bucket, &overlay).await.unwrap().unwrap(), version);
    assert_eq!(overlay::kept(&storage, &bucket, Some(&version)).await.unwrap(), overlay);
    assert_eq!(overlay::kept(&storage, &bucket, None).await.unwrap(), Overlay::default());

    let key = keys::config(&version);
    put(&storage, &bucket, &key, r#"{"uri": "", "files": {}}"#).await;
    let error = overlay::kept(&storage, &bucket, Some(&version)).await.unwrap_err();
    assert!(error.to_string().contains("not of its version"), "{error}");
}

#[tokio::test]
async fn what_is_not_read_is_listed_with_what_is_wrong_in_the_others() {
    let storage = storage().await;
    let bucket = bucket(&storage, "config").await;
    put(&storage, &bucket, "config/qa.yaml", "a: 1").await;
    put(&storage, &bucket, "config/base.yaml", "colour: red").await;
    storage
        .write_all(&bucket, "suites/products.yaml", "text/yaml", &b"suite: caf\xE9"[..])
        .await
        .unwrap();
    let overlay = Overlay::read(&storage, &format!("s3://{bucket}")).await.unwrap();
    let error = Settings::from_layers("prod", &overlay, HashMap::new(), &[]).unwrap_err();
    let text = error.to_string();
    for part in ["config/qa.yaml is not", "has colour", "suites/products.yaml is not UTF-8"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}
