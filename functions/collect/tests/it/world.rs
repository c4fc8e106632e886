//! The function with a stream of its own, and requests to it.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use shopflow_collect::{Context, handle};
use shopflow_core::Settings;
use shopflow_core::http::{Body, Request, Response};
use shopflow_core::runtime::{Init, Invocation};
use shopflow_core::settings::Collect;
use uuid::Uuid;

use crate::stream::Stream;

pub struct World {
    pub stream: Stream,
    function: Function,
}

/// The function, with a stream that may be anywhere.
pub struct Function {
    context: Context,
    aws: SdkConfig,
}

impl World {
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    /// With other settings than the usual ones.
    pub async fn with(change: impl FnOnce(&mut Collect)) -> World {
        let aws = shopflow_testkit::aws().await;
        let stream = Stream::new(&aws).await;
        let function = Function::new(&aws, &stream.name, change).await;
        World { stream, function }
    }

    pub async fn send(&self, request: &Request) -> Response {
        self.function.send(request).await
    }
}

impl Function {
    pub async fn new(aws: &SdkConfig, stream: &str, change: impl FnOnce(&mut Collect)) -> Function {
        let mut settings = Settings::from_sources("local", HashMap::new(), &[]).unwrap();
        settings.stream.name = Some(stream.to_owned());
        change(&mut settings.collect);
        let init = Init {
            settings: Arc::new(settings),
            aws: aws.clone(),
            storage: shopflow_testkit::storage().await,
            overlay: Arc::default(),
        };
        Function { context: Context::new(&init).unwrap(), aws: aws.clone() }
    }

    pub async fn send(&self, request: &Request) -> Response {
        let invocation = Invocation::detached(&self.aws, "collect");
        handle(&self.context, request, &invocation).await.unwrap()
    }

    /// The same in a call that Lambda will stop after this time.
    pub async fn send_within(&self, time: Duration, request: &Request) -> Response {
        let deadline = SystemTime::now() + time;
        let invocation = Invocation { deadline, ..Invocation::detached(&self.aws, "collect") };
        handle(&self.context, request, &invocation).await.unwrap()
    }
}

/// A request with events.
pub fn post(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]),
        body: body.into(),
        source_ip: "192.0.2.7".to_owned(),
        ..Request::default()
    }
}

/// The same with another header.
pub fn with_header(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.insert(name.to_owned(), value.to_owned());
    request
}

/// A good event that no other test sends.
pub fn event(session_id: &str) -> Value {
    json!({
        "event_id": Uuid::new_v4(),
        "session_id": session_id,
        "event_type": "product_view",
        "product_id": 17,
        "url": "https://shop.example/p/17",
        "device": "mobile",
        "country": "DE",
        "timestamp": "2026-01-15T09:30:00Z",
    })
}

pub fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The body of a response as JSON.
pub fn told(response: &Response) -> Value {
    match &response.body {
        Body::Text(text) => serde_json::from_str(text).unwrap(),
        Body::Bytes(_) => panic!("the body is no text"),
    }
}

pub fn header<'a>(response: &'a Response, wanted: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    headers.find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}
