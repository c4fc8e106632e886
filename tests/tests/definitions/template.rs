//! What the template promises.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use shopflow::local::home::Home;
use yaml_rust2::Yaml;

use crate::yaml::{entries, get, holders, load, texts};

/// Actions that AWS only grants on `*`.
const WITHOUT_RESOURCES: [&str; 3] = ["cloudwatch:PutMetricData", "logs:", "kms:"];

fn template() -> Yaml {
    load("template.yaml")
}

/// The resources of a type: logical name and properties.
fn resources<'a>(template: &'a Yaml, kind: &str) -> Vec<(&'a str, &'a Yaml)> {
    entries(&template["Resources"])
        .into_iter()
        .filter(|(_, resource)| resource["Type"].as_str() == Some(kind))
        .collect()
}

/// Every statement of every policy that allows something to a role of ours.
fn allowed(resource: &Yaml) -> Vec<&Yaml> {
    let mut found = Vec::new();
    holders(resource, "Effect", &mut found);
    found.retain(|statement| statement["Effect"].as_str() == Some("Allow"));
    found
}

/// Seconds a function may run, on AWS. `function` is capitalised, as in `LoadFunction`.
pub fn timeout(function: &str) -> u64 {
    let template = template();
    let properties = ["Resources", &format!("{function}Function"), "Properties", "Timeout"];
    let own = get(&template, &properties);
    let value = match own {
        Yaml::BadValue => get(&template, &["Globals", "Function", "Timeout"]),
        // !If [IsLocal, local, AWS]
        Yaml::Array(branches) => &branches[2],
        value => value,
    };
    value.as_i64().and_then(|seconds| u64::try_from(seconds).ok()).unwrap()
}

/// What the template fills into the definition of a state machine.
pub fn substitutions(machine: &str) -> BTreeSet<String> {
    let template = template();
    entries(filled_in(&template, machine)).into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// The condition, and the kind of a run's source when it holds and when it does not.
pub fn default_source(machine: &str) -> Vec<String> {
    let template = template();
    let source = &filled_in(&template, machine)["DefaultSource"];
    texts(source).into_iter().map(str::to_owned).collect()
}

fn filled_in<'a>(template: &'a Yaml, machine: &str) -> &'a Yaml {
    let uri = format!("statemachines/{machine}.asl.json");
    let found = resources(template, "AWS::Serverless::StateMachine")
        .into_iter()
        .find(|(_, resource)| {
            get(resource, &["Properties", "DefinitionUri"]).as_str() == Some(&uri)
        })
        .unwrap_or_else(|| panic!("no state machine from {uri}"));
    get(found.1, &["Properties", "DefinitionSubstitutions"])
}

#[test]
fn every_function_crate_is_deployed_as_it_was_compiled() {
    let template = template();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
    let crates: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let functions = resources(&template, "AWS::Serverless::Function");
    let mut deployed = BTreeSet::new();
    for (id, function) in functions {
        let code = get(function, &["Properties", "CodeUri"]).as_str().unwrap();
        let name = code.trim_start_matches("target/lambda/").trim_end_matches('/').to_owned();
        let named = get(function, &["Properties", "FunctionName"]).as_str().unwrap();
        assert_eq!(named, format!("shopflow-${{Environment}}-{name}"), "{id}");
        assert_eq!(get(function, &["Metadata", "SkipBuild"]).as_bool(), Some(true), "{id}");
        deployed.insert(name);
    }
    assert_eq!(deployed, crates);
}

#[test]
fn every_function_has_a_role_of_its_own_and_says_what_it_may() {
    let template = template();
    for (id, function) in resources(&template, "AWS::Serverless::Function") {
        // Without Role, SAM makes one per function from its policies.
        assert!(get(function, &["Properties", "Role"]).is_badvalue(), "{id} shares a role");
        assert!(!allowed(function).is_empty(), "{id} states no policy of its own");
    }
}

#[test]
fn nothing_is_allowed_on_everything() {
    let template = template();
    for (id, resource) in entries(&template["Resources"]) {
        for statement in allowed(resource) {
            let actions = texts(&statement["Action"]);
            assert!(!actions.is_empty(), "{id}");
            for action in &actions {
                // A key policy speaks about its own key only.
                let own_key = id == "TopicKey";
                assert!(own_key || !action.contains('*'), "{id} allows {action}");
            }
            if !texts(&statement["Resource"]).contains(&"*") {
                continue;
            }
            for action in actions {
                let known = WITHOUT_RESOURCES.iter().any(|known| action.starts_with(known));
                assert!(known, "{id} allows {action} on everything");
            }
        }
    }
}

#[test]
fn only_generate_and_the_stream_write_where_a_write_starts_a_run() {
    let template = template();
    let rules = ["NotificationConfiguration", "QueueConfigurations"];
    let bucket = &template["Resources"]["LandingBucket"]["Properties"];
    let triggers = get(bucket, &rules).as_vec().unwrap();
    assert_eq!(triggers.len(), 1);
    let filter = get(&triggers[0], &["Filter", "S3Key", "Rules"]);
    assert_eq!(filter[0]["Value"].as_str(), Some("incoming/"));

    let mut writers = BTreeSet::new();
    for (id, resource) in entries(&template["Resources"]) {
        for statement in allowed(resource) {
            if !texts(&statement["Action"]).contains(&"s3:PutObject") {
                continue;
            }
            let landing = texts(&statement["Resource"]).into_iter().filter(|resource| {
                resource.starts_with("${LandingBucket.Arn}/incoming")
                    || resource.starts_with("${LandingBucket.Arn}/*")
                    || *resource == "*"
            });
            writers.extend(landing.map(|resource| (id, resource)));
        }
    }
    let expected = [
        ("GenerateFunction", "${LandingBucket.Arn}/incoming/*"),
        // What it hands over is to start a run; no other file can be overwritten by it.
        ("StreamFunction", "${LandingBucket.Arn}/incoming/clickstream/stream/*"),
    ];
    assert_eq!(writers, BTreeSet::from(expected));
}

#[test]
fn every_function_and_state_machine_logs_into_a_group_with_an_end() {
    let template = template();
    let kept: BTreeSet<&str> = resources(&template, "AWS::Logs::LogGroup")
        .into_iter()
        .filter(|(_, group)| !get(group, &["Properties", "RetentionInDays"]).is_badvalue())
        .map(|(id, _)| id)
        .collect();
    for (id, function) in resources(&template, "AWS::Serverless::Function") {
        let group = get(function, &["Properties", "LoggingConfig", "LogGroup"]).as_str();
        assert!(group.is_some_and(|group| kept.contains(group)), "{id}: {group:?}");
    }
    for (id, machine) in resources(&template, "AWS::Serverless::StateMachine") {
        let destination = &get(machine, &["Properties", "Logging", "Destinations"])[0];
        let group = get(destination, &["CloudWatchLogsLogGroup", "LogGroupArn"]).as_str();
        let group = group.and_then(|arn| arn.strip_suffix(".Arn"));
        assert!(group.is_some_and(|group| kept.contains(group)), "{id}: {group:?}");
        assert_eq!(get(machine, &["Properties", "Tracing", "Enabled"]).as_bool(), Some(true));
    }
    assert_eq!(get(&template, &["Globals", "Function", "Tracing"]).as_str(), Some("Active"));
}

#[test]
fn every_bucket_is_private_versioned_encrypted_and_tidy() {
    let template = template();
    let buckets = resources(&template, "AWS::S3::Bucket");
    assert_eq!(buckets.len(), 3);
    for (id, bucket) in buckets {
        let properties = &bucket["Properties"];
        let status = get(properties, &["VersioningConfiguration", "Status"]).as_str();
        assert_eq!(status, Some("Enabled"), "{id}");
        assert!(!properties["BucketEncryption"].is_badvalue(), "{id}");
        let block = entries(&properties["PublicAccessBlockConfiguration"]);
        assert_eq!(block.len(), 4, "{id}");
        assert!(block.iter().all(|(_, on)| on.as_bool() == Some(true)), "{id}");
        let lifecycle = get(properties, &["LifecycleConfiguration", "Rules"]);
        for rule in ["AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"] {
            let mut found = Vec::new();
            holders(lifecycle, rule, &mut found);
            assert!(!found.is_empty(), "{id} lacks {rule}");
        }
        let deleted = bucket["DeletionPolicy"].as_str();
        assert_eq!(deleted, Some("RetainExceptOnCreate"), "{id} goes with its stack");
        let policy = &template["Resources"][format!("{id}Policy").as_str()];
        let statement = &get(policy, &["Properties", "PolicyDocument", "Statement"])[0];
        assert_eq!(statement["Effect"].as_str(), Some("Deny"), "{id} answers without TLS");
        let secure = get(statement, &["Condition", "Bool", "aws:SecureTransport"]).as_str();
        assert_eq!(secure, Some("false"), "{id} answers without TLS");
    }
}

#[test]
fn an_event_that_cannot_be_handled_is_kept() {
    let template = template();
    let queue = &template["Resources"]["IngestQueue"]["Properties"];
    let target = get(queue, &["RedrivePolicy", "deadLetterTargetArn"]).as_str();
    assert_eq!(target, Some("IngestDeadLetterQueue.Arn"));
    let visible = queue["VisibilityTimeout"][2].as_i64().unwrap();
    let own = i64::try_from(timeout("Ingest")).unwrap();
    assert!(visible >= 6 * own, "hidden for {visible} s, handled for up to {own} s");
    let events = &template["Resources"]["IngestEvents"]["Properties"];
    assert_eq!(texts(&events["FunctionResponseTypes"]), ["ReportBatchItemFailures"]);
    let schedule = get(&template, &["Resources", "NightlySchedule", "Properties", "Target"]);
    assert!(!schedule["DeadLetterConfig"].is_badvalue());
}

/// Without it the first connection fails, and with it the start of the function.
#[test]
fn exactly_the_functions_with_a_database_are_packaged_with_its_authorities() {
    let template = template();
    let with_database: BTreeSet<&str> = resources(&template, "AWS::Serverless::Function")
        .into_iter()
        .filter(|(_, function)| {
            let variables = get(function, &["Properties", "Environment", "Variables"]);
            entries(variables).iter().any(|(name, _)| name.starts_with("SHOPFLOW__DATABASE__"))
        })
        .map(|(_, function)| get(function, &["Properties", "CodeUri"]).as_str().unwrap())
        .map(|code| code.trim_start_matches("target/lambda/").trim_end_matches('/'))
        .collect();
    let functions = shopflow::package::functions(&Home::locate().unwrap()).unwrap();
    let packaged: BTreeSet<&str> = functions
        .iter()
        .filter(|function| function.talks_to_postgres)
        .map(|function| function.name.as_str())
        .collect();
    assert_eq!(packaged, with_database);
    assert!(packaged.contains("load") && packaged.len() < functions.len(), "{packaged:?}");
}

/// Neither in production nor anywhere else, whatever the default of a run is.
#[test]
fn the_schedule_invents_no_data() {
    let template = template();
    let schedule = get(&template, &["Resources", "NightlySchedule", "Properties", "Target"]);
    assert_eq!(schedule["Arn"].as_str(), Some("PipelineStateMachine"));
    let input: serde_json::Value =
        serde_json::from_str(schedule["Input"].as_str().unwrap()).unwrap();
    assert_eq!(input, serde_json::json!({"source": {"kind": "pending"}}));
}

#[test]
fn every_function_and_state_machine_has_an_alarm_that_somebody_hears() {
    let template = template();
    let mut watched = BTreeSet::new();
    for (id, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        assert_eq!(texts(&properties["AlarmActions"]), ["AlertTopic"], "{id}");
        watched.extend(texts(&properties["Dimensions"][0]["Value"]));
    }
    for kind in ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"] {
        for (id, _) in resources(&template, kind) {
            assert!(watched.contains(id), "nothing watches {id}");
        }
    }
}

/// The name stands as a text in the function, or in the runtime of all of them.
#[test]
fn alarms_are_about_metrics_that_the_functions_send() {
    let template = template();
    let mut metrics = Vec::new();
    for (_, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
        holders(alarm, "MetricName", &mut metrics);
    }
    metrics.retain(|metric| metric["Namespace"].as_str() == Some("ShopFlow/${Environment}"));
    assert!(!metrics.is_empty());
    for metric in metrics {
        let name = metric["MetricName"].as_str().unwrap();
        let function = texts(&metric["Dimensions"][0]["Value"])[0];
        let text = format!("\"{name}\"");
        let folders = [format!("functions/{function}/src"), "shared/core/src".to_owned()];
        let is_sent = folders.iter().any(|folder| sources(folder).contains(&text));
        assert!(is_sent, "{function} sends no {name}");
    }
}

/// The code of a folder of the repository, all files behind each other.
fn sources(folder: &str) -> String {
    let mut code = String::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                code.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    code
}

#[test]
fn the_endpoint_of_a_local_cloud_cannot_reach_an_account() {
    let template = template();
    let variables = get(&template, &["Globals", "Function", "Environment", "Variables"]);
    let endpoint = texts(&variables["AWS_ENDPOINT_URL"]);
    assert_eq!(endpoint, ["IsLocal", "LocalEndpoint", "AWS::NoValue"]);
    assert_eq!(texts(&variables["SHOPFLOW__LOG_DIR"])[0], "HasLogDir");
}

#[test]
fn configuration_over_the_built_in_one_is_read_by_every_function_and_only_where_it_is_named() {
    let template = template();
    let variables = get(&template, &["Globals", "Function", "Environment", "Variables"]);
    let uri = &variables["SHOPFLOW_CONFIG_URI"];
    assert_eq!(texts(uri), ["HasConfigUri", "ConfigUri", "AWS::NoValue"]);
    let policy = &template["Resources"]["ConfigPolicy"];
    assert_eq!(policy["Condition"].as_str(), Some("HasConfigUri"));
    for statement in allowed(policy) {
        for action in texts(&statement["Action"]) {
            assert!(["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"].contains(&action));
        }
    }
    for (id, function) in resources(&template, "AWS::Serverless::Function") {
        let policies = get(function, &["Properties", "Policies"]).as_vec().unwrap();
        let wanted = ["HasConfigUri", "ConfigPolicy", "AWS::NoValue"];
        assert!(policies.iter().any(|policy| texts(policy) == wanted), "{id} may not read it");
    }
}
