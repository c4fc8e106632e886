//! Telling people that checks failed, once, and that they pass again.
//!
//! What was told is remembered in one object of the reports bucket ([`standing`]). Messages go out
//! before it is written: whoever dies in between tells it again rather than never.

pub mod message;
mod owners;
pub mod standing;

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use chrono::{TimeDelta, Utc};
use shopflow_core::settings::AlertSettings;
use shopflow_core::storage::Precondition;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage, keys};

use crate::report::Report;
pub use message::Kind;
use message::Links;
pub use owners::Owners;
use standing::{Changes, Standing};

/// Side by side runs replace the object in turn.
const ATTEMPTS: usize = 10;

/// The topic alerts go to.
#[derive(Debug, Clone)]
pub struct Alerts {
    client: Client,
    topic_arn: String,
    owners: Owners,
    repeat_after: TimeDelta,
    docs_url: Option<String>,
}

impl Alerts {
    /// Alerts to the topic with this ARN.
    pub fn new(aws: &aws_config::SdkConfig, topic_arn: &str, settings: &AlertSettings) -> Self {
        Alerts {
            client: Client::new(aws),
            topic_arn: topic_arn.to_owned(),
            owners: Owners::new(settings.owners.clone()),
            repeat_after: TimeDelta::hours(settings.repeat_after_hours.into()),
            docs_url: settings.docs_url.clone(),
        }
    }

    /// Tells what the report, which will lie in `bucket`, changes.
    ///
    /// # Errors
    /// `Transient.Service` or `Transient.Storage`; `Internal` when SNS refuses a request.
    pub async fn tell(&self, storage: &Storage, bucket: &str, report: &Report) -> Result<()> {
        let key = keys::standing_alerts();
        let links = self.links(bucket, report);
        let mut told = Changes::default();
        for _ in 0..ATTEMPTS {
            let found = storage.read_json_if_exists::<Standing>(bucket, &key).await?;
            let (before, precondition) = match found {
                Some((standing, etag)) => (standing, Precondition::Etag(etag)),
                None => (Standing::default(), Precondition::Absent),
            };
            let mut after = before.clone();
            let mut changes = after.update(report, Utc::now(), self.repeat_after);
            if after == before {
                return Ok(());
            }
            // Another run was faster: what this one has told already is no news.
            let is_told = |name: &str| told.news.iter().any(|news| news.check.name == name);
            changes.news.retain(|news| !is_told(&news.check.name));
            let was_told = |name: &str| told.recovered.iter().any(|over| over.check == name);
            changes.recovered.retain(|over| !was_told(&over.check));
            self.send(report, &changes, &links).await?;
            told.news.append(&mut changes.news);
            told.recovered.append(&mut changes.recovered);

            let content = serde_json::to_vec_pretty(&after)
                .or_error(ErrorKind::Internal, "encode alerts failed")?;
            let kind = "application/json";
            if storage.write_if(bucket, &key, kind, content, &precondition).await?.is_some() {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::TransientStorage, "other runs keep replacing the alerts")
            .with("bucket", bucket)
            .with("key", key))
    }

    fn links(&self, bucket: &str, report: &Report) -> Links {
        let docs = |base: &String| {
            format!("{}/docs/run_id={}/index.html", base.trim_end_matches('/'), report.run.run_id)
        };
        Links {
            report: format!("s3://{bucket}/{}", report.key()),
            docs: self.docs_url.as_ref().map(docs),
        }
    }

    async fn send(&self, report: &Report, changes: &Changes, links: &Links) -> Result<()> {
        if !changes.news.is_empty() {
            let checks = changes.news.iter().map(|news| news.check.name.as_str());
            let worst = changes.news.iter().map(|news| news.check.severity).max();
            let text = message::alert(report, changes, &self.owners, links);
            self.publish(Kind::Alert, report, worst, checks.collect(), text).await?;
        }
        if !changes.recovered.is_empty() {
            let checks = changes.recovered.iter().map(|over| over.check.as_str());
            let worst = changes.recovered.iter().map(|over| over.failure.severity).max();
            let text = message::recovery(report, changes, &self.owners, links);
            self.publish(Kind::Recovery, report, worst, checks.collect(), text).await?;
        }
        Ok(())
    }

    /// The attributes let subscribers choose: by kind, by the worst severity, by owner.
    async fn publish(
        &self,
        kind: Kind,
        report: &Report,
        severity: Option<crate::checks::Severity>,
        checks: Vec<&str>,
        text: String,
    ) -> Result<()> {
        let mut owners: Vec<&str> = checks.iter().map(|check| self.owners.of(check)).collect();
        owners.sort_unstable();
        owners.dedup();
        let owners =
            serde_json::to_string(&owners).or_error(ErrorKind::Internal, "encode owners failed")?;
        let severity = severity.map_or("warning", crate::checks::Severity::name);
        self.client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(message::subject(kind, report))
            .message(text)
            .message_attributes("kind", attribute("String", kind.name())?)
            .message_attributes("severity", attribute("String", severity)?)
            .message_attributes("owners", attribute("String.Array", &owners)?)
            .send()
            .await
            .map_err(|error| {
                Error::aws(ErrorKind::TransientService, "publish alert", error)
                    .with("topic", &self.topic_arn)
            })?;
        tracing::info!(topic = self.topic_arn, kind = kind.name(), severity, "alert published");
        Ok(())
    }
}

fn attribute(data_type: &str, value: &str) -> Result<MessageAttributeValue> {
    MessageAttributeValue::builder()
        .data_type(data_type)
        .string_value(value)
        .build()
        .or_error(ErrorKind::Internal, "message attribute is incomplete")
}
