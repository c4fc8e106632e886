//! The files that settings are merged from, and what is wrong with those that are not compiled in.

use std::collections::HashMap;

use config::{Config, ConfigError, Environment, File, FileFormat};
use serde::de::DeserializeOwned;

use crate::built_in::{BASE, ENVIRONMENTS};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::overlay::Overlay;
use crate::yaml::check_size;

/// The files of an environment, each over the ones before it, and what is wrong with those of
/// `overlay`: what cannot be read is left out, what nobody knows is named.
///
/// # Errors
/// `InvalidInput` for an unknown environment.
pub(super) fn files<'a, T: DeserializeOwned>(
    environment: &str,
    overlay: &'a Overlay,
) -> Result<(Vec<&'a str>, Vec<String>)> {
    let (_, own) = ENVIRONMENTS.iter().find(|(name, _)| *name == environment).ok_or_else(|| {
        Error::invalid(format!("unknown environment '{environment}'"))
            .hint("set SHOPFLOW_ENV to local, dev, staging or prod")
    })?;
    let mut files = vec![BASE, *own];
    let mut problems = overlay.problems.clone();
    for (name, text) in overlay.suites() {
        problems.extend(suite_problem(name, text));
    }
    // Files of other environments are read as well: a mistake in them should not wait for theirs.
    for (name, file) in &overlay.files {
        if !name.starts_with("config/") {
            continue;
        }
        match build(&[file.text.as_str()], None) {
            Err(error) => problems.push(format!("{name} cannot be read: {error}")),
            Ok(_) => problems.extend(
                unknown_keys::<T>(&[BASE, file.text.as_str()])
                    .into_iter()
                    .map(|key| format!("{name} has {key}, which is no setting")),
            ),
        }
    }
    for name in ["config/base.yaml".to_owned(), format!("config/{environment}.yaml")] {
        files.extend(overlay.text(&name).filter(|text| build(&[*text], None).is_ok()));
    }
    Ok((files, problems))
}

/// The settings of these files, with the variables over them.
///
/// # Errors
/// `InvalidInput` when a value has another type than its setting.
pub(super) fn merged<T: DeserializeOwned>(
    files: &[&str],
    variables: HashMap<String, String>,
) -> Result<T> {
    build(files, Some(variables))
        .and_then(Config::try_deserialize)
        .or_error(ErrorKind::InvalidInput, "read configuration failed")
}

fn build(
    files: &[&str],
    variables: Option<HashMap<String, String>>,
) -> std::result::Result<Config, ConfigError> {
    let mut builder = Config::builder();
    for file in files {
        check_size(file).map_err(ConfigError::Message)?;
        builder = builder.add_source(File::from_str(file, FileFormat::Yaml));
    }
    if let Some(variables) = variables {
        let overrides = Environment::with_prefix("SHOPFLOW")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .ignore_empty(true)
            .source(Some(variables));
        builder = builder.add_source(overrides);
    }
    builder.build()
}

/// Keys that no setting has. A value of a wrong type ends the search; it is found again when the
/// settings are made.
fn unknown_keys<T: DeserializeOwned>(files: &[&str]) -> Vec<String> {
    let Ok(config) = build(files, None) else { return Vec::new() };
    let mut unknown = Vec::new();
    let _ = serde_ignored::deserialize::<_, _, T>(config, |path| {
        unknown.push(path.to_string());
    });
    unknown
}

/// What can be said of a suite without knowing expectations; `quality` says the rest.
fn suite_problem(name: &str, text: &str) -> Option<String> {
    let suite = match build(&[text], None) {
        Ok(suite) => suite,
        Err(error) => return Some(format!("suites/{name}.yaml cannot be read: {error}")),
    };
    match suite.get_string("suite") {
        Ok(suite) if suite == name => None,
        Ok(suite) => Some(format!("suites/{name}.yaml is the suite '{suite}'")),
        Err(_) => Some(format!("suites/{name}.yaml does not say 'suite: {name}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlay::OverlaidFile;
    use crate::settings::{Need, Settings};

    fn overlay(files: &[(&str, &str)]) -> Overlay {
        let file = |(name, text): &(&str, &str)| {
            let file = OverlaidFile { version_id: None, text: (*text).to_owned() };
            ((*name).to_owned(), file)
        };
        Overlay {
            uri: "s3://b/p/".to_owned(),
            files: files.iter().map(file).collect(),
            problems: Vec::new(),
        }
    }

    fn settings(files: &[(&str, &str)], needs: &[Need]) -> Result<Settings> {
        let variable = ("SHOPFLOW__COMPACT__MIN_SMALL_FILES".to_owned(), "9".to_owned());
        Settings::from_layers("local", &overlay(files), HashMap::from([variable]), needs)
    }

    #[test]
    fn the_built_in_files_have_no_unknown_keys() {
        for (environment, own) in ENVIRONMENTS {
            assert_eq!(
                unknown_keys::<Settings>(&[BASE, own]),
                Vec::<String>::new(),
                "{environment}"
            );
        }
    }

    #[test]
    fn overlaid_files_override_the_built_in_ones_and_variables_override_all() {
        let files = [
            (
                "config/base.yaml",
                "validation: {max_reject_rate: 0.5}\ncompact: {min_small_files: 7}",
            ),
            (
                "config/local.yaml",
                "compact: {target_file_mib: 33}\nbusiness: {time_zone: Europe/Berlin}",
            ),
            ("config/prod.yaml", "validation: {max_reject_rate: 0.9}"),
        ];
        let settings = settings(&files, &[]).unwrap();
        assert_eq!(settings.validation.max_reject_rate, 0.5);
        assert_eq!(settings.compact.target_file_mib, 33);
        assert_eq!(settings.compact.min_small_files, 9);
        assert_eq!(settings.business.time_zone.to_string(), "Europe/Berlin");
        assert_eq!(settings.environment, "local");
    }

    #[test]
    fn every_problem_of_every_file_is_listed_at_once() {
        let files = [
            ("config/base.yaml", "validation: {max_reject_rate: 7, max_reject_rat: 0.1}"),
            ("config/local.yaml", "compact: [unclosed"),
            ("config/prod.yaml", "colour: red"),
            ("suites/products.yaml", "suite: [x"),
            ("suites/customers.yaml", "suite: clients\nexpectations: []"),
        ];
        let error = settings(&files, &[Need::Landing]).unwrap_err().to_string();
        for part in [
            "validation.max_reject_rate must be between 0 and 1",
            "config/base.yaml has validation.max_reject_rat, which is no setting",
            "config/local.yaml cannot be read",
            "config/prod.yaml has colour, which is no setting",
            "suites/products.yaml cannot be read",
            "suites/customers.yaml is the suite 'clients'",
            "buckets.landing is not set",
            "s3://b/p/",
        ] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }

    #[test]
    fn a_file_that_is_small_and_becomes_large_is_refused_by_name() {
        let (nested, suite) = ("- ".repeat(200_000), format!("suite: {}", "[".repeat(200)));
        let files = [("config/base.yaml", &nested[..]), ("suites/products.yaml", &suite[..])];
        let error = settings(&files, &[]).unwrap_err().to_string();
        for name in ["config/base.yaml", "suites/products.yaml"] {
            let told = format!("{name} cannot be read: lists and mappings are nested over");
            assert!(error.contains(&told), "{name}: {error}");
        }
    }

    #[test]
    fn a_value_of_a_wrong_type_is_named_beside_the_other_problems() {
        let files = [
            ("config/base.yaml", "compact: {min_small_files: many}"),
            ("config/prod.yaml", "colour: red"),
        ];
        let variables = HashMap::new();
        let overlay = overlay(&files);
        let error =
            Settings::from_layers("prod", &overlay, variables, &[]).unwrap_err().to_string();
        assert!(error.contains("min_small_files"), "{error}");
        assert!(error.contains("colour"), "{error}");
    }
}
