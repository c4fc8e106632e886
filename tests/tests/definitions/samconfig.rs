//! What `samconfig.toml` promises: SAM reads of it what people do.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use yaml_rust2::Yaml;

use crate::read;
use crate::yaml::{get, load};

type Parameters = BTreeMap<String, String>;

/// The parameters of every environment as SAM itself reads them from the `samconfig.toml` of a folder.
fn as_sam_reads_them(folder: &Path) -> BTreeMap<String, Parameters> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let script = repository.join("infrastructure/sam_parameters.py");
    let printed = shopflow_testkit::python(&script, &[folder.to_str().unwrap()]);
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// The same as people read them: `Name=value`, or `Name="a value with spaces"`.
fn as_people_read_them(text: &str) -> BTreeMap<String, Parameters> {
    let mut found = BTreeMap::new();
    let mut environment = "";
    for line in text.lines() {
        if let Some(section) = line.strip_prefix('[') {
            environment = section.strip_suffix(".deploy.parameters]").unwrap_or_default();
        } else if let Some(list) = line.strip_prefix("parameter_overrides = ") {
            let quote = list.chars().next().unwrap();
            let list = list.trim_matches(quote).replace("\\\"", "\"");
            assert_ne!(environment, "", "parameters outside of a deployment: {line}");
            found.insert(environment.to_owned(), pairs(&list));
        }
    }
    found
}

fn pairs(list: &str) -> Parameters {
    let mut found = Parameters::new();
    let mut rest = list.trim_start();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').unwrap_or_else(|| panic!("no value: {rest}"));
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => value.split_once(' ').unwrap_or((value, "")),
        };
        assert!(found.insert(name.to_owned(), value.to_owned()).is_none(), "{name} twice");
        rest = after.trim_start();
    }
    found
}

/// Why CloudFormation would refuse the value of a parameter.
fn complaint(parameter: &Yaml, value: &str) -> Option<String> {
    let scalar = |value: &Yaml| match value {
        Yaml::String(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    if let Some(allowed) = parameter["AllowedValues"].as_vec()
        && !allowed.iter().any(|one| scalar(one) == value)
    {
        return Some("not among AllowedValues".to_owned());
    }
    if let Some(pattern) = parameter["AllowedPattern"].as_str()
        && !Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(value)
    {
        return Some(format!("does not match {pattern}"));
    }
    if parameter["Type"].as_str() == Some("Number") {
        let Ok(number) = value.parse::<i64>() else { return Some("no number".to_owned()) };
        let least = parameter["MinValue"].as_i64().unwrap_or(i64::MIN);
        let most = parameter["MaxValue"].as_i64().unwrap_or(i64::MAX);
        if !(least..=most).contains(&number) {
            return Some(format!("not between {least} and {most}"));
        }
    }
    None
}

#[test]
fn sam_reads_every_parameter_of_every_environment_as_people_do() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read_by_sam = as_sam_reads_them(&repository);
    let names: Vec<&str> = read_by_sam.keys().map(String::as_str).collect();
    assert_eq!(names, ["default", "dev", "local", "prod", "staging"]);
    assert_eq!(read_by_sam, as_people_read_them(&read("samconfig.toml")));
}

#[test]
fn every_environment_gives_the_template_values_that_it_allows() {
    let template = load("template.yaml");
    for (environment, parameters) in as_people_read_them(&read("samconfig.toml")) {
        let own = if environment == "default" { "dev" } else { environment.as_str() };
        assert_eq!(parameters["Environment"], own);
        for (name, value) in parameters {
            let parameter = get(&template, &["Parameters", &name]);
            assert!(!parameter.is_badvalue(), "{environment}: the template has no {name}");
            let complaint = complaint(parameter, &value);
            assert_eq!(complaint, None, "{environment}: {name}={value}");
        }
    }
}

#[test]
fn an_origin_that_collect_would_not_start_with_is_not_deployed() {
    let template = load("template.yaml");
    let parameter = get(&template, &["Parameters", "CollectOrigins"]);
    let local = "http://localhost:8080,http://[::1]:8080";
    for origins in
        ["", "*", "https://shop.example", "https://shop.example, https://a-b.example", local]
    {
        assert_eq!(complaint(parameter, origins), None, "{origins}");
    }
    for origins in ["shop.example", "https://", "https://Shop.example", "https://a.example/", "*,*"]
    {
        assert!(complaint(parameter, origins).is_some(), "{origins}");
    }
}

#[test]
fn production_runs_by_itself_each_night() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let parameters = &as_sam_reads_them(&repository)["prod"];
    assert_eq!(parameters["ScheduleExpression"], "cron(0 2 * * ? *)");
}

/// How it was once: the stack came without a schedule, and nobody was told.
#[test]
fn a_schedule_that_sam_would_drop_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = "version = 0.1\n[prod.deploy.parameters]\nstack_name = \"shop\"\n\
        parameter_overrides = \"Environment=prod 'ScheduleExpression=cron(0 2 * * ? *)'\"\n";
    std::fs::write(folder.path().join("samconfig.toml"), wrong).unwrap();
    let read_by_sam = as_sam_reads_them(folder.path());
    assert!(!read_by_sam["prod"].contains_key("ScheduleExpression"), "{read_by_sam:?}");
    let template = load("template.yaml");
    let parameter = get(&template, &["Parameters", "ScheduleExpression"]);
    for cut in ["cron(0", "'cron(0 2 * * ? *)'", "nightly"] {
        assert!(complaint(parameter, cut).is_some(), "{cut}");
    }
    for right in ["", "cron(0 2 * * ? *)", "rate(1 day)"] {
        assert_eq!(complaint(parameter, right), None, "{right}");
    }
}
