//! Files of a run, published by `upload` as in the pipeline.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use shopflow_core::contract::{
    CopyEvent, ManifestEntry, PublishEvent, Run, SourceObject, StoredObject, UploadEvent,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, ObjectRef, keys};
use shopflow_lake::parquet;
use shopflow_testkit::bucket;
use shopflow_upload::UploadResult;

use crate::support::{RUN_ID, Shop};

/// The files of the small shop: two customers, two products, four sales.
pub const CUSTOMERS: &str = "id,name,email,registration_date,country\n\
    1,Zoe Quill,zoe.quill@example.org,2024-10-01,DE\n\
    2,Bo Marsh,bo.marsh@example.com,2024-10-01,FR\n";
pub const PRODUCTS: &str = "id,name,category,price,supplier\n\
    1,Lamp,home,12.00,Supplier\n\
    2,Book,books,20.00,Supplier\n";
pub const TRANSACTIONS: &str = "id,customer_id,product_id,quantity,timestamp,payment_method\n\
    1,1,1,2,2026-01-13T23:30:00Z,paypal\n\
    2,2,1,1,2026-01-14T12:00:00Z,paypal\n\
    3,1,2,3,2026-01-14T18:00:00Z,credit_card\n\
    4,1,1,1,2026-01-15T01:00:00Z,paypal\n";

/// What the small shop's run brought.
pub fn of_the_shop() -> Vec<(Dataset, Vec<u8>)> {
    vec![
        (Dataset::Customers, CUSTOMERS.into()),
        (Dataset::Products, PRODUCTS.into()),
        (Dataset::Transactions, TRANSACTIONS.into()),
    ]
}

/// Texts of files, and what stands in bronze in their place: values that `upload` refuses, as a
/// release with other rules may have let them pass. A bell in a name, an address without a domain, a
/// country that is none.
const DAMAGES: [(&str, &str); 3] = [
    ("Zoe-Bell-Quill", "Zoe\u{7}Quill"),
    ("bo.marsh@home.example", "bo.marsh at home"),
    ("AQ", "XX"),
];

/// Replaces the texts of [`DAMAGES`] in the bronze file of a file that has some.
async fn damage(shop: &Shop, entry: &mut ManifestEntry, content: &[u8]) {
    let content = String::from_utf8_lossy(content);
    if !DAMAGES.iter().any(|(text, _)| content.contains(text)) {
        return;
    }
    let bronze = shop.storage.read_all(&entry.bronze.reference()).await.unwrap();
    let batches = parquet::decode(bronze).unwrap();
    let damaged: Vec<RecordBatch> = batches.iter().map(damaged).collect();
    let content = parquet::encode(damaged[0].schema(), &damaged).unwrap();
    let StoredObject { bucket, key, .. } = &entry.bronze;
    let written = shop.storage.write_all(bucket, key, parquet::CONTENT_TYPE, content).await;
    entry.bronze = written.unwrap();
}

fn damaged(batch: &RecordBatch) -> RecordBatch {
    let columns = batch.columns().iter().map(|column| -> ArrayRef {
        let Some(texts) = column.as_string_opt::<i32>() else { return Arc::clone(column) };
        let replace = |text: &str| {
            DAMAGES.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
        };
        Arc::new(texts.iter().map(|text| text.map(replace)).collect::<StringArray>())
    });
    RecordBatch::try_new(batch.schema(), columns.collect()).unwrap()
}

/// Writes validated files to raw and bronze and publishes their manifest.
pub async fn publish(shop: &Shop, files: &[(Dataset, Vec<u8>)]) -> ObjectRef {
    let landing = bucket(&shop.storage, "landing").await;
    let context = shopflow_upload::Context {
        storage: shop.storage.clone(),
        landing: landing.clone(),
        lake: shop.lake.clone(),
    };
    let invocation = Invocation::detached(&shop.aws, "upload");
    let run = Run { run_id: RUN_ID.to_owned(), run_date: "2026-01-16".parse().unwrap() };
    let mut entries: Vec<ManifestEntry> = Vec::new();
    for (part, (dataset, content)) in files.iter().enumerate() {
        let key = keys::validated(*dataset, RUN_ID, &format!("{part:016}"));
        let write = shop.storage.write_all(&landing, &key, "text/csv", content.clone());
        let validated = write.await.unwrap();
        let at = "2026-01-16T08:00:00Z".parse().unwrap();
        let source = SourceObject {
            bucket: landing.clone(),
            key: format!("incoming/{dataset}/file-{part}"),
            version_id: format!("version-{part}"),
            bytes: validated.bytes,
            modified_at: at,
            effective_at: at,
        };
        let (run, dataset, part) = (run.clone(), *dataset, part as u32);
        let event = UploadEvent::Copy(CopyEvent { run, part, dataset, source, validated });
        match shopflow_upload::handle(&context, event, &invocation).await.unwrap() {
            UploadResult::Copy(mut copied) => {
                damage(shop, &mut copied.entry, content).await;
                entries.push(copied.entry);
            }
            UploadResult::Publish(_) => panic!("copied, not published"),
        }
    }
    let event = UploadEvent::Publish(PublishEvent { run, entries });
    match shopflow_upload::handle(&context, event, &invocation).await.unwrap() {
        UploadResult::Publish(published) => published.manifest,
        UploadResult::Copy(_) => panic!("published, not copied"),
    }
}
