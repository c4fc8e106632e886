//! Copies one synthetic file of the given size and prints the peak memory of the process and the
//! throughput: `SHOPFLOW_TEST_ENDPOINT=… cargo run --release --example memory -p shopflow-upload 1024`.
//!
//! The argument is in MiB; a second one names the dataset (`transactions` or `clickstream`). The
//! input is streamed to the emulator, so its size does not count towards the memory shown.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::time::Instant;

use shopflow_core::contract::{CopyEvent, Run, SourceObject, StoredObject, UploadEvent};
use shopflow_core::runtime::Invocation;
use shopflow_core::storage::ObjectWriter;
use shopflow_core::{Dataset, Error, Result, Storage};
use shopflow_upload::{Context, UploadResult, handle};

const MIB: u64 = 1024 * 1024;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mib = arguments.next().and_then(|size| size.parse().ok()).unwrap_or(10);
    let dataset = arguments.next().map_or(Ok(Dataset::Transactions), |name| name.parse())?;
    let aws = shopflow_testkit::aws().await;
    let settings =
        shopflow_core::settings::Settings::from_sources("prod", Default::default(), &[])?;
    let storage = Storage::new(&aws, &settings.storage);
    let landing = shopflow_testkit::bucket(&storage, "landing").await;
    let lake = shopflow_testkit::bucket(&storage, "lake").await;

    let validated = input(&storage, &landing, dataset, mib * MIB).await?;
    // Linux forgets the peak so far, which was the making of the input.
    let forgotten = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = peak_mib();
    let now = chrono::Utc::now();
    let event = CopyEvent {
        run: Run { run_id: "memory".to_owned(), run_date: now.date_naive() },
        part: 0,
        dataset,
        source: SourceObject {
            bucket: landing.clone(),
            key: format!("incoming/{dataset}/memory"),
            version_id: "null".to_owned(),
            bytes: validated.bytes,
            modified_at: now,
            effective_at: now,
        },
        validated: validated.clone(),
    };
    let context =
        Context { storage: storage.clone(), landing: landing.clone(), lake: lake.clone() };
    let started = Instant::now();
    let result =
        handle(&context, UploadEvent::Copy(event), &Invocation::detached(&aws, "upload")).await?;
    let seconds = started.elapsed().as_secs_f64();
    let UploadResult::Copy(result) = result else { return Err(Error::internal("not a copy")) };
    println!(
        "{dataset}: {mib} MiB, {} rows in {seconds:.2} s: {:.0} MiB/s, {:.2} M rows/s; bronze {:.1} MiB; peak {} MiB ({before} MiB before the copy{})",
        result.entry.rows,
        mib as f64 / seconds,
        result.entry.rows as f64 / seconds / 1e6,
        result.entry.bronze.bytes as f64 / MIB as f64,
        peak_mib(),
        if forgotten { "" } else { ", the making of the input included" },
    );
    for (bucket, object) in
        [(&landing, &validated), (&landing, &result.entry.raw), (&lake, &result.entry.bronze)]
    {
        let deleted = storage
            .client()
            .delete_object()
            .bucket(bucket)
            .key(&object.key)
            .set_version_id(object.version_id.clone())
            .send()
            .await;
        if let Err(error) = deleted {
            eprintln!("delete {} failed: {error}", object.key);
        }
    }
    Ok(())
}

async fn input(
    storage: &Storage,
    bucket: &str,
    dataset: Dataset,
    bytes: u64,
) -> Result<StoredObject> {
    let mut writer: ObjectWriter = storage.write(bucket, "validated/memory", "text/csv");
    let mut block = Vec::new();
    if dataset == Dataset::Transactions {
        block.extend_from_slice(b"id,customer_id,product_id,quantity,timestamp,payment_method\n");
    }
    let start = chrono::DateTime::from_timestamp_nanos(1_700_000_000_000_000_000);
    let mut id = 0_u64;
    while writer.bytes() < bytes {
        for _ in 0..10_000 {
            id += 1;
            // A multiplicative hash: values that look random and cost nothing.
            let random = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            let time = (start + chrono::Duration::milliseconds((id * 37) as i64))
                .format("%Y-%m-%dT%H:%M:%S%.3fZ");
            let (customer, product) = (random % 1_000_000 + 1, random % 50_000 + 1);
            let written = if dataset == Dataset::Transactions {
                writeln!(block, "{id},{customer},{product},{},{time},credit_card", random % 5 + 1)
            } else {
                writeln!(
                    block,
                    "{{\"event_id\":\"00000000-0000-4000-8000-{id:012x}\",\"session_id\":\"s{}\",\"customer_id\":{customer},\"event_type\":\"page_view\",\"product_id\":{product},\"url\":\"https://shop.example/p/{product}\",\"referrer\":null,\"device\":\"mobile\",\"country\":\"DE\",\"timestamp\":\"{time}\"}}",
                    id / 12
                )
            };
            written.map_err(|error| Error::internal("format row failed").because(error))?;
        }
        writer.write(&block).await?;
        block.clear();
    }
    writer.finish().await
}

/// Peak resident memory of this process so far.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
