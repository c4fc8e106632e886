//! CloudWatch: numbers that are sent.

use std::collections::BTreeMap;

use aws_config::SdkConfig;

use crate::query;
use crate::service::{Outcome, Service};

const SERVICE: Service = Service { id: "CloudWatch", name: "monitoring" };
const VERSION: &str = "2010-08-01";
/// `PutMetricData` takes at most this many data per call.
pub const BATCH: usize = 1000;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Milliseconds,
    None,
}

/// One number of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub name: String,
    pub value: f64,
    pub unit: Unit,
    pub dimensions: Vec<(String, String)>,
}

/// `PutMetricData`: sends at most [`BATCH`] numbers.
///
/// # Errors
/// What CloudWatch refuses.
pub async fn put_metric_data(aws: &SdkConfig, namespace: &str, data: &[Datum]) -> Outcome<()> {
    let form = form(namespace, data);
    let parameters: Vec<(&str, &str)> =
        form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    query::call(SERVICE, aws, (VERSION, "PutMetricData"), &parameters, |_| Ok(())).await
}

/// Lists are numbered from 1 in the Query protocol.
fn form(namespace: &str, data: &[Datum]) -> BTreeMap<String, String> {
    let mut form = BTreeMap::from([("Namespace".to_owned(), namespace.to_owned())]);
    for (number, datum) in (1..).zip(data) {
        let mut add = |name: &str, value: String| {
            form.insert(format!("MetricData.member.{number}.{name}"), value);
        };
        add("MetricName", datum.name.clone());
        add("Value", datum.value.to_string());
        add("Unit", format!("{:?}", datum.unit));
        for (number, (name, value)) in (1..).zip(&datum.dimensions) {
            add(&format!("Dimensions.member.{number}.Name"), name.clone());
            add(&format!("Dimensions.member.{number}.Value"), value.clone());
        }
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_unit_and_its_dimensions() {
        let dimensions = vec![("Function".to_owned(), "load".to_owned())];
        let datum = |name: &str, value, unit| Datum {
            name: name.to_owned(),
            value,
            unit,
            dimensions: dimensions.clone(),
        };
        let data = [datum("RowsLoaded", 5000.0, Unit::Count), datum("Score", 0.25, Unit::None)];
        let lines: Vec<String> = form("ShopFlow", &data)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let expected = "\
MetricData.member.1.Dimensions.member.1.Name=Function
MetricData.member.1.Dimensions.member.1.Value=load
MetricData.member.1.MetricName=RowsLoaded
MetricData.member.1.Unit=Count
MetricData.member.1.Value=5000
MetricData.member.2.Dimensions.member.1.Name=Function
MetricData.member.2.Dimensions.member.1.Value=load
MetricData.member.2.MetricName=Score
MetricData.member.2.Unit=None
MetricData.member.2.Value=0.25
Namespace=ShopFlow";
        assert_eq!(lines.join("\n"), expected);
    }
}
