//! Questions to Athena. Over plain HTTP: the SDK's client for it would be one more to compile.

use serde_json::{Value, json};

use crate::http;
use crate::wait::Wait;

/// The answer to a question, row by row, each value as Athena's text.
pub async fn ask(bucket: &str, database: &str, sql: &str) -> Vec<Vec<String>> {
    let address = crate::emulator_address();
    let answer = ask_at(&address, bucket, database, sql).await;
    answer.unwrap_or_else(|status| panic!("{sql}: {status:#}"))
}

/// [`ask`] the emulator at `host:port`; the status of a query that fails.
///
/// # Errors
/// The status with the reason, such as a table that does not exist.
pub async fn ask_at(
    address: &str,
    bucket: &str,
    database: &str,
    sql: &str,
) -> Result<Vec<Vec<String>>, Value> {
    let started = call(
        address,
        "StartQueryExecution",
        &json!({
            "QueryString": sql,
            "QueryExecutionContext": {"Database": database},
            "ResultConfiguration": {"OutputLocation": format!("s3://{bucket}/_athena/")},
        }),
    )
    .await;
    let id = json!({"QueryExecutionId": started["QueryExecutionId"]});
    let wait = Wait::until("Athena has answered");
    loop {
        let status =
            call(address, "GetQueryExecution", &id).await["QueryExecution"]["Status"].clone();
        match status["State"].as_str() {
            Some("SUCCEEDED") => {
                return Ok(rows(&call(address, "GetQueryResults", &id).await));
            }
            Some("FAILED" | "CANCELLED") => return Err(status),
            _ => wait.pause(50).await,
        }
    }
}

/// The only value of the answer.
pub async fn ask_number(bucket: &str, database: &str, sql: &str) -> i64 {
    let rows = ask(bucket, database, sql).await;
    assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
    rows[0][0].parse().unwrap()
}

/// The first row of Athena's answer holds the names of the columns.
fn rows(answer: &Value) -> Vec<Vec<String>> {
    let rows = answer["ResultSet"]["Rows"].as_array().unwrap().iter().skip(1);
    rows.map(|row| {
        let values = row["Data"].as_array().unwrap().iter();
        values.map(|value| value["VarCharValue"].as_str().unwrap_or("").to_owned()).collect()
    })
    .collect()
}

async fn call(address: &str, action: &str, body: &Value) -> Value {
    let target = format!("AmazonAthena.{action}");
    let headers = [
        // The emulator takes account and region from here and checks no signature.
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/athena/aws4_request, \
             SignedHeaders=host, Signature=none",
        ),
        ("x-amz-target", target.as_str()),
        ("content-type", "application/x-amz-json-1.1"),
    ];
    let answer = http::post(&format!("http://{address}/"), &headers, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{action}: {}", answer.text());
    answer.json()
}
