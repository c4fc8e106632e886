//! CloudWatch metrics: collected during an invocation, sent in one batched call at its end.
//!
//! The numbers go out through `PutMetricData`, so that they look the same on AWS and on a laptop.

use std::sync::Mutex;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use chrono::Utc;

use crate::runtime::METER;
use crate::settings::MetricsSettings;

/// `PutMetricData` takes at most this many data per call.
const BATCH: usize = 1000;

/// Collects the metrics of one invocation.
#[derive(Debug)]
pub struct Metrics {
    client: Option<Client>,
    namespace: String,
    function: &'static str,
    data: Mutex<Vec<MetricDatum>>,
}

impl Metrics {
    /// A collector for `function`; it discards everything when metrics are switched off.
    pub fn new(
        settings: &MetricsSettings,
        config: &aws_config::SdkConfig,
        function: &'static str,
    ) -> Self {
        Metrics {
            client: settings.enabled.then(|| Client::new(config)),
            namespace: settings.namespace.clone(),
            function,
            data: Mutex::new(Vec::new()),
        }
    }

    /// Adds a count, such as rows, with extra dimensions (`[("Dataset", "products")]`).
    pub fn count(&self, name: &str, value: u64, dimensions: &[(&str, &str)]) {
        self.put(name, value as f64, StandardUnit::Count, dimensions);
    }

    /// Adds a duration in milliseconds.
    pub fn millis(&self, name: &str, value: u64, dimensions: &[(&str, &str)]) {
        self.put(name, value as f64, StandardUnit::Milliseconds, dimensions);
    }

    /// Adds a number without unit, such as a score or a rate.
    pub fn gauge(&self, name: &str, value: f64, dimensions: &[(&str, &str)]) {
        self.put(name, value, StandardUnit::None, dimensions);
    }

    fn put(&self, name: &str, value: f64, unit: StandardUnit, dimensions: &[(&str, &str)]) {
        if self.client.is_none() {
            return;
        }
        let mut datum = MetricDatum::builder()
            .metric_name(name)
            .value(value)
            .unit(unit)
            .dimensions(Dimension::builder().name("Function").value(self.function).build());
        for (dimension, value) in dimensions {
            datum = datum.dimensions(Dimension::builder().name(*dimension).value(*value).build());
        }
        if let Ok(mut data) = self.data.lock() {
            data.push(datum.build());
        }
    }

    /// Sends what was collected. A failure is logged, never returned: metrics fail no run.
    pub async fn flush(&self) {
        let Some(client) = &self.client else { return };
        let data = match self.data.lock() {
            Ok(mut data) => std::mem::take(&mut *data),
            Err(_) => return,
        };
        let hour = Utc::now().timestamp().unsigned_abs() / 3600;
        for batch in data.chunks(BATCH) {
            let sent = client
                .put_metric_data()
                .namespace(&self.namespace)
                .set_metric_data(Some(batch.to_vec()))
                .send()
                .await;
            match sent {
                Ok(_) => METER.sent_metrics(batch.iter().map(identity), hour),
                Err(error) => tracing::warn!(
                    error = ?error.into_service_error(),
                    count = batch.len(),
                    "send metrics failed"
                ),
            }
        }
    }
}

/// What tells a metric apart from others: its name and its dimensions.
fn identity(datum: &MetricDatum) -> String {
    let mut identity = datum.metric_name().unwrap_or_default().to_owned();
    for dimension in datum.dimensions() {
        let (name, value) = (dimension.name(), dimension.value());
        identity.push_str(&format!(" {}={}", name.unwrap_or_default(), value.unwrap_or_default()));
    }
    identity
}
