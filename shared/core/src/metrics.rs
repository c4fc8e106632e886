//! CloudWatch metrics: collected during an invocation, sent in one batched call at its end.
//!
//! The numbers go out through `PutMetricData`, so that they look the same on AWS and on a laptop.

use std::sync::Mutex;

use aws_config::SdkConfig;
use chrono::Utc;
use shopflow_aws::cloudwatch::{BATCH, Datum, Unit, put_metric_data};

use crate::meter::METER;
use crate::settings::MetricsSettings;

/// Collects the metrics of one invocation.
#[derive(Debug)]
pub struct Metrics {
    /// How CloudWatch is reached; absent when metrics are switched off.
    aws: Option<SdkConfig>,
    namespace: String,
    function: &'static str,
    data: Mutex<Vec<Datum>>,
}

impl Metrics {
    /// A collector for `function`; it discards everything when metrics are switched off.
    pub fn new(settings: &MetricsSettings, aws: &SdkConfig, function: &'static str) -> Self {
        Metrics {
            aws: settings.enabled.then(|| aws.clone()),
            namespace: settings.namespace.clone(),
            function,
            data: Mutex::new(Vec::new()),
        }
    }

    /// Adds a count, such as rows, with extra dimensions (`[("Dataset", "products")]`).
    pub fn count(&self, name: &str, value: u64, dimensions: &[(&str, &str)]) {
        self.put(name, value as f64, Unit::Count, dimensions);
    }

    /// Adds a duration in milliseconds.
    pub fn millis(&self, name: &str, value: u64, dimensions: &[(&str, &str)]) {
        self.put(name, value as f64, Unit::Milliseconds, dimensions);
    }

    /// Adds a number without unit, such as a score or a rate.
    pub fn gauge(&self, name: &str, value: f64, dimensions: &[(&str, &str)]) {
        self.put(name, value, Unit::None, dimensions);
    }

    fn put(&self, name: &str, value: f64, unit: Unit, dimensions: &[(&str, &str)]) {
        if self.aws.is_none() {
            return;
        }
        let own = [("Function", self.function)];
        let dimensions = own.iter().chain(dimensions);
        let dimensions =
            dimensions.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if let Ok(mut data) = self.data.lock() {
            data.push(Datum { name: name.to_owned(), value, unit, dimensions });
        }
    }

    /// What was collected, which is then no longer here.
    pub(crate) fn take(&self) -> Vec<Datum> {
        self.data.lock().map(|mut data| std::mem::take(&mut *data)).unwrap_or_default()
    }

    /// Adds what was taken from another collector.
    pub(crate) fn add(&self, more: Vec<Datum>) {
        if let Ok(mut data) = self.data.lock() {
            data.extend(more);
        }
    }

    /// Sends what was collected. A failure is logged, never returned: metrics fail no run.
    pub async fn flush(&self) {
        let Some(aws) = &self.aws else { return };
        let data = self.take();
        let hour = Utc::now().timestamp().unsigned_abs() / 3600;
        for batch in data.chunks(BATCH) {
            match put_metric_data(aws, &self.namespace, batch).await {
                Ok(()) => METER.sent_metrics(batch.iter().map(identity), hour),
                Err(error) => tracing::warn!(
                    error = ?error.into_source(),
                    count = batch.len(),
                    "send metrics failed"
                ),
            }
        }
    }
}

/// What tells a metric apart from others: its name and its dimensions.
fn identity(datum: &Datum) -> String {
    let mut identity = datum.name.clone();
    for (name, value) in &datum.dimensions {
        identity.push_str(&format!(" {name}={value}"));
    }
    identity
}
