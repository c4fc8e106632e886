//! What a run makes AWS bill, as an estimate from counts.
//!
//! Counted: time and requests of every call, the start of new processes included, and of this one
//! until now; state transitions; requests to S3 and a month of storage of what was written; the
//! database for as long as the run took; metrics, log lines, secrets, messages and their key.
//!
//! Not counted: what is billed whether or not anything runs (a database between runs, its storage,
//! endpoints, keys, kept logs, alarms), `catalog`, which the run does not wait for, `ingest`, which
//! serves many files at once, deliveries of messages to subscribers, and the free tier, which would
//! make most of this nothing.
//!
//! Custom metrics are apart: AWS bills each once an hour, however many runs send it, so the first run
//! of an hour bears what the others do not.

use shopflow_core::contract::{Billed, Cost, Usage};

use crate::prices;
use crate::transitions::Way;

/// What Lambda itself writes into the log of a call: START, END and REPORT lines.
const PLATFORM_LOG_BYTES: u64 = 400;
/// A topic with a key of its own asks KMS at most twice per message.
const KEY_REQUESTS_PER_MESSAGE: u64 = 2;
/// What the closing call does after the statement it is part of: it writes the summary and the events
/// of lineage, and sends its metrics.
const CLOSING_WRITES: u64 = 2;
const CLOSING_METRIC_REQUESTS: u64 = 1;

/// Adds up the calls of a run that took `duration_ms`, the closing one included.
pub fn cost(usage: &[Usage], duration_ms: u64) -> Cost {
    let way = Way::of_pipeline();
    let calls = usage.len() as u64;
    let mut billed = Billed {
        s3_writes: CLOSING_WRITES,
        metric_requests: CLOSING_METRIC_REQUESTS,
        ..Billed::default()
    };
    for call in usage {
        billed += call.billed;
    }
    billed.notifications += way.messages;
    billed.log_bytes += calls * PLATFORM_LOG_BYTES;

    let gb_seconds: f64 = usage.iter().map(gb_seconds).sum();
    let requests = calls + way.unwatched_calls;
    let keys = billed.notifications * KEY_REQUESTS_PER_MESSAGE;
    let lambda = gb_seconds * prices::LAMBDA_GB_SECOND + times(requests, prices::LAMBDA_REQUEST);
    let steps = times(way.transitions(usage), prices::STATE_TRANSITION);
    let s3_requests =
        times(billed.s3_writes, prices::S3_WRITE) + times(billed.s3_reads, prices::S3_READ);
    let s3_storage = times(billed.s3_bytes, prices::S3_BYTE_MONTH);
    let database = duration_ms as f64 / 1000.0 * prices::DATABASE_SECOND;
    let cloudwatch = times(billed.metric_requests, prices::METRIC_REQUEST)
        + times(billed.log_bytes, prices::LOG_BYTE);
    let other = times(billed.secret_requests, prices::SECRET_REQUEST)
        + times(billed.glue_requests, prices::GLUE_REQUEST)
        + times(billed.notifications, prices::NOTIFICATION)
        + times(keys, prices::KEY_REQUEST)
        + times(billed.queue_requests, prices::QUEUE_REQUEST);
    Cost {
        lambda_usd: rounded(lambda),
        step_functions_usd: rounded(steps),
        s3_requests_usd: rounded(s3_requests),
        s3_storage_usd: rounded(s3_storage),
        database_usd: rounded(database),
        cloudwatch_usd: rounded(cloudwatch),
        other_usd: rounded(other),
        total_usd: rounded(
            lambda + steps + s3_requests + s3_storage + database + cloudwatch + other,
        ),
        metric_hours_usd: rounded(times(billed.metric_hours, prices::METRIC_HOUR)),
    }
}

fn gb_seconds(call: &Usage) -> f64 {
    let milliseconds = call.duration_ms + call.init_ms;
    milliseconds as f64 / 1000.0 * (call.memory_mb as f64 / 1024.0)
}

fn times(count: u64, price: f64) -> f64 {
    count as f64 * price
}

fn rounded(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(duration_ms: u64, memory_mb: u64, billed: Billed) -> Usage {
        let function = "load".to_owned();
        Usage { function, duration_ms, memory_mb, started_at: None, init_ms: 0, billed }
    }

    #[test]
    fn a_gigabyte_for_a_thousand_seconds_costs_its_list_price() {
        let cost = cost(&[call(1_000_000, 1024, Billed::default())], 0);
        // 1000 GB-seconds, its own request and that of the catalog.
        assert_eq!(cost.lambda_usd, 0.013_334);
        let with_start = Usage { init_ms: 500_000, ..call(500_000, 1024, Billed::default()) };
        assert_eq!(super::cost(&[with_start], 0).lambda_usd, cost.lambda_usd);
    }

    #[test]
    fn what_was_counted_costs_its_list_price() {
        let billed = Billed {
            s3_writes: 998,
            s3_reads: 10_000,
            s3_bytes: 10 * 1024 * 1024 * 1024,
            metric_requests: 99,
            metric_hours: 73,
            secret_requests: 200,
            glue_requests: 1_000,
            ..Billed::default()
        };
        let cost = cost(&[call(0, 128, billed)], 3_600_000);
        assert_eq!(cost.s3_requests_usd, 0.009);
        assert_eq!(cost.s3_storage_usd, 0.23);
        assert_eq!(cost.database_usd, 0.065);
        assert_eq!(cost.cloudwatch_usd, 0.001);
        // 0.001 each for secrets and the catalog, and the message that tells of the run.
        assert!((cost.other_usd - 0.002_006_5).abs() < 1e-6, "{cost:?}");
        assert_eq!(cost.metric_hours_usd, 0.03);
    }

    proptest! {
        #[test]
        fn the_parts_make_the_total(
            calls in prop::collection::vec((0_u64..900_000, 128_u64..10_240, 0_u64..1_000), 1..40)
        ) {
            let usage: Vec<Usage> = calls
                .iter()
                .map(|(ms, mb, writes)| {
                    call(*ms, *mb, Billed { s3_writes: *writes, log_bytes: *writes, ..Billed::default() })
                })
                .collect();
            let cost = cost(&usage, 10_000);
            let parts = cost.lambda_usd + cost.step_functions_usd + cost.s3_requests_usd
                + cost.s3_storage_usd + cost.database_usd + cost.cloudwatch_usd + cost.other_usd;
            prop_assert!((cost.total_usd - parts).abs() < 5e-6, "{cost:?}");
            prop_assert!(super::cost(&usage[1..], 10_000).total_usd <= cost.total_usd);
        }
    }
}
