//! What a function makes AWS bill besides its time: requests by class, bytes stored, lines logged,
//! metrics.
//!
//! Every client made from [`crate::runtime::init`]'s configuration sends its requests through one
//! HTTP client, which counts each as it goes out, retries included, since AWS bills those too. No
//! caller has to count anything. A request's service stands in its signature, so that what is not
//! sent to AWS, or not signed, is not counted.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;

use crate::contract::Billed;

/// Of the whole process: it runs one function, one call after the other. What a failed call used is
/// counted with the next that succeeds, usually its repeat.
pub(crate) static METER: LazyLock<Meter> = LazyLock::new(Meter::default);

/// Adds up what one process makes AWS bill.
#[derive(Debug, Default)]
pub struct Meter {
    billed: Mutex<Billed>,
    metrics: Mutex<MetricsOfTheHour>,
}

/// AWS bills a metric for each hour in which it is sent, however often that is.
#[derive(Debug, Default)]
struct MetricsOfTheHour {
    /// Hours since 1970.
    hour: u64,
    names: BTreeSet<String>,
}

impl Meter {
    /// What was used so far and not yet taken.
    pub fn read(&self) -> Billed {
        *locked(&self.billed)
    }

    /// What was used since the last time this was asked.
    pub fn take(&self) -> Billed {
        std::mem::take(&mut *locked(&self.billed))
    }

    /// Notes that metrics were sent, under names that tell them apart, in an hour since 1970.
    pub fn sent_metrics(&self, names: impl IntoIterator<Item = String>, hour: u64) {
        let mut seen = locked(&self.metrics);
        if seen.hour != hour {
            *seen = MetricsOfTheHour { hour, names: BTreeSet::new() };
        }
        let new = names.into_iter().filter(|name| seen.names.insert(name.clone())).count();
        locked(&self.billed).metric_hours += new as u64;
    }

    fn count(&self, request: &HttpRequest) {
        let headers = request.headers();
        let Some(service) = headers.get("authorization").and_then(signed_service) else { return };
        let mut billed = locked(&self.billed);
        match service {
            "s3" => match s3_class(request.method(), request.uri()) {
                S3Class::Write => {
                    billed.s3_writes += 1;
                    billed.s3_bytes += body_bytes(request);
                }
                S3Class::Read => billed.s3_reads += 1,
                S3Class::Free => {}
            },
            "monitoring" => billed.metric_requests += 1,
            "secretsmanager" => billed.secret_requests += 1,
            "glue" => billed.glue_requests += 1,
            "sns" => billed.notifications += 1,
            "sqs" => billed.queue_requests += 1,
            // Starting executions, invoking functions and asking about databases is free; what
            // they start has a price of its own.
            _ => {}
        }
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counters are right whatever happened to the thread that held them.
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The service in `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
fn signed_service(authorization: &str) -> Option<&str> {
    let (_, scope) = authorization.split_once("Credential=")?;
    scope.split('/').nth(3)
}

enum S3Class {
    Write,
    Read,
    Free,
}

/// The price class of a request to S3: writing and listing is dear, reading cheap, deleting free.
fn s3_class(method: &str, uri: &str) -> S3Class {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let asks = |wanted: &[&str]| {
        query.split('&').any(|field| wanted.contains(&field.split('=').next().unwrap_or(field)))
    };
    match method {
        "DELETE" => S3Class::Free,
        "POST" if asks(&["delete"]) => S3Class::Free,
        "PUT" | "POST" => S3Class::Write,
        "GET" if asks(&["list-type", "versions", "uploads"]) => S3Class::Write,
        _ => S3Class::Read,
    }
}

/// Length of what is stored; a body that is sent in signed chunks is longer than that.
fn body_bytes(request: &HttpRequest) -> u64 {
    let headers = request.headers();
    ["x-amz-decoded-content-length", "content-length"]
        .iter()
        .find_map(|name| headers.get(name)?.parse().ok())
        .unwrap_or(0)
}

/// The HTTP client that the SDK has by default, counting what it sends. Clients that share it share
/// their connections, too.
pub fn http_client(meter: &'static Meter) -> SharedHttpClient {
    let inner = Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = ConnectorBuilder::default()
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.build()
    });
    SharedHttpClient::new(CountingClient { inner, meter })
}

#[derive(Debug)]
struct CountingClient {
    inner: SharedHttpClient,
    meter: &'static Meter,
}

impl HttpClient for CountingClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(CountingConnector { inner, meter: self.meter })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

#[derive(Debug)]
struct CountingConnector {
    inner: SharedHttpConnector,
    meter: &'static Meter,
}

impl HttpConnector for CountingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.meter.count(&request);
        self.inner.call(request)
    }
}

/// A writer of log lines that counts their bytes.
#[derive(Debug)]
pub struct CountingWriter<W> {
    inner: W,
    meter: &'static Meter,
}

impl<W: Write> CountingWriter<W> {
    pub fn new(inner: W, meter: &'static Meter) -> Self {
        CountingWriter { inner, meter }
    }
}

impl<W: Write> Write for CountingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        locked(&self.meter.billed).log_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn request(service: &str, method: &str, uri: &str, length: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_method(method).unwrap();
        request.set_uri(uri).unwrap();
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20260115/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        request.headers_mut().insert("authorization", scope);
        request.headers_mut().insert("content-length", length.to_owned());
        request
    }

    fn counted(requests: &[(&str, &str, &str, &str)]) -> Billed {
        let meter = Meter::default();
        for (service, method, uri, length) in requests {
            meter.count(&request(service, method, uri, length));
        }
        meter.take()
    }

    #[test]
    fn requests_to_s3_count_in_the_class_they_are_billed_in() {
        let host = "https://lake.s3.us-east-1.amazonaws.com";
        let uri = |path: &str| format!("{host}{path}");
        let (put, part) = (uri("/a?x-id=PutObject"), uri("/a?partNumber=2&uploadId=u"));
        let (list, versions) = (uri("/?list-type=2&prefix=a"), uri("/?versions"));
        let (begin, get, delete) = (uri("/a?uploads"), uri("/a?versionId=v"), uri("/?delete"));
        let billed = counted(&[
            ("s3", "PUT", &put, "10"),
            ("s3", "PUT", &part, "5"),
            ("s3", "POST", &begin, "0"),
            ("s3", "GET", &list, "0"),
            ("s3", "GET", &versions, "0"),
            ("s3", "GET", &get, "0"),
            ("s3", "HEAD", &get, "0"),
            ("s3", "POST", &delete, "400"),
            ("s3", "DELETE", &get, "0"),
        ]);
        assert_eq!(billed, Billed { s3_writes: 5, s3_reads: 2, s3_bytes: 15, ..Billed::default() });
    }

    #[test]
    fn requests_to_other_services_are_told_by_their_signature() {
        let billed = counted(&[
            ("monitoring", "POST", "https://a.example/", "9"),
            ("secretsmanager", "POST", "https://b.example/", "9"),
            ("glue", "POST", "https://c.example/", "9"),
            ("sns", "POST", "https://d.example/", "9"),
            ("sqs", "POST", "https://e.example/", "9"),
            ("states", "POST", "https://f.example/", "9"),
        ]);
        let expected = Billed {
            metric_requests: 1,
            secret_requests: 1,
            glue_requests: 1,
            notifications: 1,
            queue_requests: 1,
            ..Billed::default()
        };
        assert_eq!(billed, expected);
        let meter = Meter::default();
        let mut unsigned = request("s3", "PUT", "https://a.example/", "9");
        unsigned.headers_mut().remove("authorization");
        meter.count(&unsigned);
        assert_eq!(meter.read(), Billed::default());
    }

    #[test]
    fn a_metric_counts_once_an_hour() {
        let meter = Meter::default();
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        meter.sent_metrics(names(&["rows", "failures"]), 7);
        meter.sent_metrics(names(&["rows", "duration"]), 7);
        assert_eq!(meter.take().metric_hours, 3);
        meter.sent_metrics(names(&["rows"]), 7);
        assert_eq!(meter.take().metric_hours, 0);
        meter.sent_metrics(names(&["rows"]), 8);
        assert_eq!(meter.take().metric_hours, 1);
    }

    #[test]
    fn what_is_taken_is_not_counted_again() {
        static METER: LazyLock<Meter> = LazyLock::new(Meter::default);
        let mut writer = CountingWriter::new(Vec::new(), &METER);
        writer.write_all(b"12 bytes in.").unwrap();
        assert_eq!(METER.read().log_bytes, 12);
        assert_eq!(METER.take().log_bytes, 12);
        assert_eq!(METER.take(), Billed::default());
    }
}
