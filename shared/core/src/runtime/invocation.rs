//! What a call is, for the handler: metrics, time left, what was used.

use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};

use crate::contract::Usage;
use crate::meter::METER;
use crate::metrics::Metrics;

/// What a handler gets with each event besides the event itself.
#[derive(Debug)]
pub struct Invocation {
    pub metrics: Metrics,
    /// When Lambda will stop the function.
    pub deadline: SystemTime,
    pub request_id: String,
    /// What the call has used so far.
    pub call: Call,
}

/// A call under way.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    function: &'static str,
    started: Instant,
    started_at: DateTime<Utc>,
    init_ms: u64,
}

impl Call {
    pub(super) fn begin(function: &'static str, init_ms: u64) -> Call {
        Call { function, started: Instant::now(), started_at: Utc::now(), init_ms }
    }

    pub(super) fn function(&self) -> &'static str {
        self.function
    }

    pub(super) fn duration_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// What it has used until now.
    pub fn usage(&self) -> Usage {
        Usage {
            function: self.function.to_owned(),
            duration_ms: self.duration_ms(),
            memory_mb: memory_mb(),
            started_at: Some(self.started_at),
            init_ms: self.init_ms,
            billed: METER.read(),
        }
    }
}

impl Invocation {
    /// Time left before Lambda stops the function.
    pub fn remaining(&self) -> Duration {
        self.deadline.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// An invocation outside Lambda, for tests and the command line: an hour left, no metrics.
    pub fn detached(aws: &aws_config::SdkConfig, function: &'static str) -> Self {
        let metrics = crate::settings::MetricsSettings { enabled: false, namespace: String::new() };
        Invocation {
            metrics: Metrics::new(&metrics, aws, function),
            deadline: SystemTime::now() + Duration::from_secs(3600),
            request_id: "detached".to_owned(),
            call: Call::begin(function, 0),
        }
    }
}

/// Memory that Lambda gave the function.
fn memory_mb() -> u64 {
    let size = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok();
    size.and_then(|size| size.parse().ok()).unwrap_or(128)
}
