//! `env`: shell lines that point any AWS tool at the local cloud.

use std::process::ExitCode;

use shopflow_core::Result;

use crate::local::{self, Cloud, emulator, home::Home};

/// Prints one `export` line per variable.
pub async fn env() -> Result<ExitCode> {
    let home = Home::locate()?;
    let cloud = local::connect(&home).await?;
    let programs = home.venv().join("bin");
    print!("{}", render(&cloud, &programs.to_string_lossy())?);
    Ok(ExitCode::SUCCESS)
}

fn render(cloud: &Cloud, programs: &str) -> Result<String> {
    let stack = &cloud.stack;
    let collect = stack.function_url("CollectUrl", Some(&cloud.endpoint))?;
    let dashboard = stack.function_url("DashboardUrl", Some(&cloud.endpoint))?;
    let variables = [
        ("AWS_ENDPOINT_URL", cloud.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", emulator::CREDENTIAL),
        ("AWS_SECRET_ACCESS_KEY", emulator::CREDENTIAL),
        ("AWS_REGION", emulator::REGION),
        ("AWS_DEFAULT_REGION", emulator::REGION),
        ("DATABASE_URL", &cloud.database_url),
        ("LANDING_BUCKET", stack.landing()?),
        ("LAKE_BUCKET", stack.lake()?),
        ("REPORTS_BUCKET", stack.reports()?),
        ("PIPELINE_ARN", stack.pipeline()?),
        ("BACKFILL_ARN", stack.backfill()?),
        ("INGEST_QUEUE_URL", stack.output("IngestQueueUrl")?),
        ("INGEST_DEAD_LETTER_QUEUE_URL", stack.output("IngestDeadLetterQueueUrl")?),
        ("CLICK_STREAM", stack.output("ClickStreamName")?),
        ("COLLECT_URL", collect.as_str()),
        ("DASHBOARD_URL", dashboard.as_str()),
    ];
    let mut text = String::new();
    for (name, value) in variables {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    // A session of another account would go along with the keys above.
    text.push_str("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    // `cargo lambda`, `sam` and `cfn-lint` as pinned.
    text.push_str(&format!("export PATH={}:\"$PATH\"\n", quoted(programs)));
    Ok(text)
}

/// A word for a POSIX shell.
fn quoted(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@=,+".contains(letter);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::stack::Stack;

    #[test]
    fn the_lines_are_what_a_shell_takes() {
        let outputs = [
            "LandingBucket",
            "LakeBucket",
            "ReportsBucket",
            "PipelineStateMachineArn",
            "BackfillStateMachineArn",
            "IngestQueueUrl",
            "IngestDeadLetterQueueUrl",
            "ClickStreamName",
        ];
        let mut outputs: BTreeMap<String, String> =
            outputs.iter().map(|name| ((*name).to_owned(), format!("the-{name}"))).collect();
        for (name, id) in [("CollectUrl", "c0"), ("DashboardUrl", "d1")] {
            let url = format!("https://{id}.lambda-url.us-east-1.on.aws/");
            outputs.insert(name.to_owned(), url);
        }
        let cloud = Cloud {
            endpoint: "http://127.0.0.1:4566".to_owned(),
            aws: aws_config::SdkConfig::builder().build(),
            stack: Stack::new("local", outputs),
            database_url: "postgres://shopflow:pw@127.0.0.1:5432/shopflow".to_owned(),
        };
        let expected = "\
export AWS_ENDPOINT_URL=http://127.0.0.1:4566
export AWS_ACCESS_KEY_ID=test
export AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=us-east-1
export AWS_DEFAULT_REGION=us-east-1
export DATABASE_URL=postgres://shopflow:pw@127.0.0.1:5432/shopflow
export LANDING_BUCKET=the-LandingBucket
export LAKE_BUCKET=the-LakeBucket
export REPORTS_BUCKET=the-ReportsBucket
export PIPELINE_ARN=the-PipelineStateMachineArn
export BACKFILL_ARN=the-BackfillStateMachineArn
export INGEST_QUEUE_URL=the-IngestQueueUrl
export INGEST_DEAD_LETTER_QUEUE_URL=the-IngestDeadLetterQueueUrl
export CLICK_STREAM=the-ClickStreamName
export COLLECT_URL=http://127.0.0.1:4566/_aws/lambda-url/c0/
export DASHBOARD_URL=http://127.0.0.1:4566/_aws/lambda-url/d1/
unset AWS_SESSION_TOKEN AWS_PROFILE
export PATH='/home/ana/my shop/bin':\"$PATH\"
";
        assert_eq!(render(&cloud, "/home/ana/my shop/bin").unwrap(), expected);
    }

    #[test]
    fn quotes_within_a_value_survive_the_shell() {
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("$HOME"), "'$HOME'");
        assert_eq!(quoted(""), "''");
    }
}
