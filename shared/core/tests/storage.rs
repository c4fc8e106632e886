//! Storage against the emulator's S3.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use sha2::{Digest, Sha256};
use shopflow_core::storage::Precondition;
use shopflow_core::{ErrorKind, ObjectRef};

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn a_large_object_goes_out_in_parts_and_comes_back_whole() {
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "storage").await;
    let content = pattern(12 * 1024 * 1024 + 17);

    let mut writer = storage.write(&bucket, "big", "application/octet-stream");
    for piece in content.chunks(1_000_003) {
        writer.write(piece).await.unwrap();
    }
    let stored = writer.finish().await.unwrap();

    assert_eq!(stored.bytes, content.len() as u64);
    assert_eq!(stored.sha256, hex::encode(Sha256::digest(&content)));
    assert!(stored.version_id.is_some());
    let back = storage.read_all(&stored.reference()).await.unwrap();
    assert_eq!(Sha256::digest(&back), Sha256::digest(&content));
    let parts = storage.client().list_multipart_uploads().bucket(&bucket).send().await.unwrap();
    assert!(parts.uploads().is_empty(), "no upload is left open");
}

#[tokio::test]
async fn nothing_is_visible_before_finish() {
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "storage").await;
    let mut writer = storage.write(&bucket, "half", "text/plain");
    writer.write(&pattern(6 * 1024 * 1024)).await.unwrap();
    drop(writer);

    let object = ObjectRef { bucket, key: "half".to_owned(), version_id: None };
    let error = storage.head(&object).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("key=half"), "{error}");
}

#[tokio::test]
async fn a_version_stays_readable_after_it_was_replaced() {
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "storage").await;
    let first = storage.write_all(&bucket, "k", "text/plain", &b"one"[..]).await.unwrap();
    let second = storage.write_all(&bucket, "k", "text/plain", &b"two"[..]).await.unwrap();

    assert_ne!(first.version_id, second.version_id);
    assert_eq!(storage.read_all(&first.reference()).await.unwrap(), Bytes::from_static(b"one"));
    let latest = ObjectRef { bucket, key: "k".to_owned(), version_id: None };
    assert_eq!(storage.read_all(&latest).await.unwrap(), Bytes::from_static(b"two"));
}

#[tokio::test]
async fn of_two_conditional_writers_only_the_first_wins() {
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "storage").await;
    let write = async |content: &'static str, precondition: &Precondition| {
        storage.write_if(&bucket, "m", "text/plain", content, precondition).await.unwrap()
    };

    let etag = write("0", &Precondition::Absent).await.expect("created");
    assert_eq!(write("1", &Precondition::Absent).await, None);
    let seen = Precondition::Etag(etag);
    assert!(write("2", &seen).await.is_some());
    assert_eq!(write("3", &seen).await, None);
    let object = ObjectRef { bucket: bucket.clone(), key: "m".to_owned(), version_id: None };
    assert_eq!(storage.read_all(&object).await.unwrap(), Bytes::from_static(b"2"));
}

#[tokio::test]
async fn metadata_and_deletes_reach_s3() {
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "storage").await;
    let mut writer = storage.write(&bucket, "a", "text/plain").metadata("shopflow-run-id", "r1");
    writer.write(b"x").await.unwrap();
    let stored = writer.finish().await.unwrap();

    let info = storage.head(&stored.reference()).await.unwrap();
    assert_eq!(info.metadata.get("shopflow-run-id").map(String::as_str), Some("r1"));
    storage.delete(&bucket, &["a".to_owned(), "never-there".to_owned()]).await.unwrap();
    let latest = ObjectRef { version_id: None, ..stored.reference() };
    assert!(storage.head(&latest).await.is_err());
}

#[tokio::test]
async fn a_json_object_that_is_not_there_is_none_and_a_wrong_one_names_its_key() {
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "storage").await;
    let none = storage.read_json_if_exists::<Vec<u32>>(&bucket, "list.json").await.unwrap();
    assert!(none.is_none());
    storage.write_all(&bucket, "list.json", "application/json", &b"{}"[..]).await.unwrap();
    let error = storage.read_json_if_exists::<Vec<u32>>(&bucket, "list.json").await.unwrap_err();
    assert!(error.to_string().contains("key=list.json"), "{error}");
}

#[tokio::test]
async fn a_read_that_breaks_off_goes_on_where_it_was() {
    let direct = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&direct, "storage").await;
    let content = pattern(9 * 1024 * 1024);
    let stored =
        direct.write_all(&bucket, "k", "application/octet-stream", content.clone()).await.unwrap();

    let upstream = shopflow_testkit::emulator_address();
    let proxy = shopflow_testkit::proxy::cutting(upstream, 2 * 1024 * 1024, 3).await;
    let flaky = shopflow_testkit::storage_at(&format!("http://{proxy}")).await;
    let back = flaky.read_all(&stored.reference()).await.unwrap();

    assert_eq!(back.len(), content.len());
    let differs = back.iter().zip(&content).position(|(left, right)| left != right);
    assert_eq!(differs, None, "first byte that differs");
}

#[tokio::test]
async fn a_read_that_always_breaks_off_is_a_transient_failure() {
    let direct = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&direct, "storage").await;
    let content = pattern(9 * 1024 * 1024);
    let stored = direct.write_all(&bucket, "k", "application/octet-stream", content).await.unwrap();

    let upstream = shopflow_testkit::emulator_address();
    let proxy = shopflow_testkit::proxy::cutting(upstream, 64 * 1024, u32::MAX).await;
    let flaky = shopflow_testkit::storage_at(&format!("http://{proxy}")).await;
    let error = flaky.read_all(&stored.reference()).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TransientStorage);
    assert!(error.to_string().contains("key=k"), "{error}");
}

#[tokio::test]
async fn a_range_is_the_bytes_between_its_ends_also_over_a_broken_connection() {
    let direct = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&direct, "storage").await;
    let content = pattern(3 * 1024 * 1024);
    let stored =
        direct.write_all(&bucket, "k", "application/octet-stream", content.clone()).await.unwrap();
    let upstream = shopflow_testkit::emulator_address();
    let proxy = shopflow_testkit::proxy::cutting(upstream, 512 * 1024, 2).await;
    let flaky = shopflow_testkit::storage_at(&format!("http://{proxy}")).await;
    let length = content.len() as u64;
    for storage in [flaky, direct] {
        for range in [0..1, 7..7, 100_000..2_500_000, length - 8..length, 0..length] {
            let part = storage.read_range(&stored.reference(), range.clone()).await.unwrap();
            let expected = &content[range.start as usize..range.end as usize];
            assert!(part == expected, "bytes {range:?}");
        }
    }
}

#[tokio::test]
async fn a_range_beyond_the_end_is_an_error_and_no_shorter_answer() {
    let storage = shopflow_testkit::storage().await;
    let bucket = shopflow_testkit::bucket(&storage, "storage").await;
    let stored = storage.write_all(&bucket, "k", "text/plain", &b"short"[..]).await.unwrap();
    let error = storage.read_range(&stored.reference(), 2..9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransientStorage, "{error}");
}
