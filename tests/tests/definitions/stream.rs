//! What the template promises about the stream of clicks and the two functions behind addresses.

use std::collections::{BTreeMap, BTreeSet};

use yaml_rust2::Yaml;

use crate::yaml::{entries, get, holders, load, texts};

const HOUR: i64 = 3600;

fn template() -> Yaml {
    load("template.yaml")
}

fn properties<'a>(template: &'a Yaml, id: &str) -> &'a Yaml {
    let found = get(template, &["Resources", id, "Properties"]);
    assert!(!found.is_badvalue(), "the template has no {id}");
    found
}

/// Ids and properties of the resources of a type.
fn of_type<'a>(template: &'a Yaml, kind: &str) -> Vec<(&'a str, &'a Yaml)> {
    let all = entries(&template["Resources"]).into_iter();
    let found = all.filter(|(_, resource)| resource["Type"].as_str() == Some(kind));
    found.map(|(id, resource)| (id, &resource["Properties"])).collect()
}

/// The resources whose policies allow an action.
fn allowed_to<'a>(template: &'a Yaml, action: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for (id, resource) in entries(&template["Resources"]) {
        let mut statements = Vec::new();
        holders(resource, "Effect", &mut statements);
        let allows = |statement: &&Yaml| {
            statement["Effect"].as_str() == Some("Allow")
                && texts(&statement["Action"]).contains(&action)
        };
        if statements.iter().any(allows) {
            found.insert(id);
        }
    }
    found
}

#[test]
fn records_that_are_given_up_are_told_of_while_the_stream_still_has_them() {
    let template = template();
    let mapping = properties(&template, "StreamMapping");
    assert_eq!(texts(&mapping["FunctionResponseTypes"]), ["ReportBatchItemFailures"]);
    assert_eq!(mapping["BisectBatchOnFunctionError"].as_bool(), Some(true));
    assert!(mapping["MaximumRetryAttempts"].as_i64().is_some_and(|tries| tries > 0));
    let destination = get(mapping, &["DestinationConfig", "OnFailure", "Destination"]);
    assert_eq!(destination.as_str(), Some("StreamFailuresQueue.Arn"));

    let retention = get(&template, &["Parameters", "StreamRetentionHours"]);
    let [least, most] =
        ["MinValue", "MaxValue"].map(|name| retention[name].as_i64().unwrap() * HOUR);
    let age = mapping["MaximumRecordAgeInSeconds"].as_i64().unwrap();
    assert!(2 * age <= least, "given up after {age} s, and gone after {least} s");
    let queue = properties(&template, "StreamFailuresQueue");
    assert!(queue["MessageRetentionPeriod"].as_i64().unwrap() >= most);
    // From the oldest record on: what came before the function was there counts as well.
    assert_eq!(mapping["StartingPosition"].as_str(), Some("TRIM_HORIZON"));
}

/// With another number in one of them, repeats would be taken for news, or news for repeats.
#[test]
fn the_function_knows_how_many_batches_of_a_shard_come_at_the_same_time() {
    let template = template();
    let mapping = properties(&template, "StreamMapping");
    let variables = get(properties(&template, "StreamFunction"), &["Environment", "Variables"]);
    let factor = mapping["ParallelizationFactor"].as_str();
    assert_eq!(factor, Some("StreamParallelizationFactor"));
    assert_eq!(variables["SHOPFLOW__STREAM__PARALLELIZATION_FACTOR"].as_str(), factor);
    let parameter = get(&template, &["Parameters", "StreamParallelizationFactor", "Default"]);
    assert_eq!(parameter.as_i64(), Some(1));
}

#[test]
fn windows_are_closed_every_minute_also_on_a_laptop() {
    let template = template();
    let schedule = get(&template, &["Resources", "StreamTickSchedule"]);
    assert!(schedule["Condition"].is_badvalue());
    let schedule = &schedule["Properties"];
    assert_eq!(schedule["ScheduleExpression"].as_str(), Some("rate(1 minute)"));
    let target = &schedule["Target"];
    assert_eq!(target["Arn"].as_str(), Some("StreamFunction.Arn"));
    let input: serde_json::Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
    assert_eq!(input, serde_json::json!({"tick": true}));
    // A tick that fails is not repeated when the next one is due.
    let invoked = &properties(&template, "StreamFunction")["EventInvokeConfig"];
    for late in [get(target, &["RetryPolicy"]), invoked] {
        assert_eq!(late["MaximumRetryAttempts"].as_i64(), Some(0));
        assert!(late["MaximumEventAgeInSeconds"].as_i64().is_some_and(|seconds| seconds <= 60));
    }
}

#[test]
fn clicks_are_encrypted_and_put_on_the_stream_by_collect_alone() {
    let template = template();
    let stream = properties(&template, "ClickStream");
    assert_eq!(get(stream, &["StreamEncryption", "EncryptionType"]).as_str(), Some("KMS"));
    assert_eq!(allowed_to(&template, "kinesis:PutRecords"), BTreeSet::from(["CollectFunction"]));
    assert_eq!(allowed_to(&template, "kinesis:GetRecords"), BTreeSet::from(["StreamFunction"]));
}

/// What the world can call has no way to the buckets, and only `dashboard` one to the database.
#[test]
fn functions_with_an_address_may_do_one_thing_each() {
    let template = template();
    let may = |id: &str| -> BTreeSet<String> {
        let mut statements = Vec::new();
        holders(properties(&template, id), "Effect", &mut statements);
        let actions = statements.iter().flat_map(|statement| texts(&statement["Action"]));
        actions.map(str::to_owned).collect()
    };
    assert_eq!(may("CollectFunction"), BTreeSet::from(["kinesis:PutRecords".to_owned()]));
    let read = BTreeSet::from(["secretsmanager:GetSecretValue".to_owned()]);
    assert_eq!(may("DashboardFunction"), read);
    let collect = properties(&template, "CollectFunction");
    assert!(collect["VpcConfig"].is_badvalue());
    let policies = collect["Policies"].as_vec().unwrap();
    assert!(!policies.iter().any(|policy| policy.as_str() == Some("DatabasePolicy")));
    let secret = properties(&template, "DashboardSecret");
    let length = get(secret, &["GenerateSecretString", "PasswordLength"]).as_i64();
    assert!(length.is_some_and(|length| length >= 32), "{length:?}");
}

/// Since October 2025 AWS asks for both; the second one must not open the function to calls of
/// another kind.
#[test]
fn every_address_has_the_two_permissions_it_needs_and_no_other_function_has_one() {
    let template = template();
    let urls = of_type(&template, "AWS::Lambda::Url");
    let functions: BTreeSet<&str> =
        urls.iter().filter_map(|(_, url)| url["TargetFunctionArn"].as_str()).collect();
    assert_eq!(functions, BTreeSet::from(["CollectFunction.Arn", "DashboardFunction.Arn"]));
    assert!(urls.iter().all(|(_, url)| url["AuthType"].as_str() == Some("NONE")));

    let mut permissions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (id, permission) in of_type(&template, "AWS::Lambda::Permission") {
        let action = permission["Action"].as_str().unwrap();
        match action {
            "lambda:InvokeFunctionUrl" => {
                assert_eq!(permission["FunctionUrlAuthType"].as_str(), Some("NONE"), "{id}");
            }
            "lambda:InvokeFunction" => {
                assert_eq!(permission["InvokedViaFunctionUrl"].as_bool(), Some(true), "{id}");
            }
            other => panic!("{id} allows {other}"),
        }
        let function = permission["FunctionName"].as_str().unwrap();
        permissions.entry(function).or_default().insert(action);
    }
    let both = BTreeSet::from(["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]);
    let expected = BTreeMap::from([("CollectFunction", both.clone()), ("DashboardFunction", both)]);
    assert_eq!(permissions, expected);
}

#[test]
fn the_stream_is_watched_from_its_arrival_to_its_windows() {
    let template = template();
    let mut watched = BTreeSet::new();
    for (id, alarm) in of_type(&template, "AWS::CloudWatch::Alarm") {
        if !id.starts_with("Stream") {
            continue;
        }
        let mut metrics = Vec::new();
        holders(alarm, "MetricName", &mut metrics);
        for metric in metrics {
            let of = texts(&metric["Dimensions"][0]["Value"]);
            watched.insert((metric["MetricName"].as_str().unwrap(), of[0]));
        }
    }
    let expected = [
        ("ApproximateNumberOfMessagesVisible", "StreamFailuresQueue.QueueName"),
        ("Errors", "StreamFunction"),
        ("EventsReceived", "stream"),
        ("EventsRefused", "stream"),
        ("IteratorAge", "StreamFunction"),
        ("UnusualVolume", "stream"),
        ("WatermarkLagSeconds", "stream"),
    ];
    assert_eq!(watched, BTreeSet::from(expected));
}

#[test]
fn staged_events_go_after_a_week_and_long_after_they_are_handed_over() {
    let template = template();
    let bucket = properties(&template, "LakeBucket");
    let rules = get(bucket, &["LifecycleConfiguration", "Rules"]).as_vec().unwrap();
    let staged = rules.iter().find(|rule| rule["Prefix"].as_str() == Some("bronze/_stream/"));
    assert_eq!(staged.unwrap()["ExpirationInDays"].as_i64(), Some(7));
    let expiring = rules.iter().filter(|rule| !rule["ExpirationInDays"].is_badvalue());
    assert_eq!(expiring.count(), 1, "nothing else of the lake expires");
}
