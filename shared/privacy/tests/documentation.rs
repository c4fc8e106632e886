//! docs/privacy.md says what the code does.

use shopflow_privacy::{Policies, Rule, Treatment};

const PAGE: &str = include_str!("../../../docs/privacy.md");

#[test]
fn every_rule_is_listed_as_it_is() {
    for rule in Rule::ALL {
        let row = format!(
            "| `{rule}` | {} | {} | {} | {} |",
            rule.kind(),
            rule.meaning(),
            rule.chance(),
            rule.ceiling()
        );
        assert!(PAGE.contains(&row), "missing: {row}");
    }
    assert_eq!(
        PAGE.lines()
            .filter(|line| line.starts_with("| `") && line.matches('|').count() == 6)
            .count(),
        Rule::ALL.len() + Treatment::ALL.len()
    );
}

#[test]
fn the_policies_shown_are_valid() {
    let yaml = PAGE.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let policies: Result<Policies, _> = config::Config::builder()
        .add_source(config::File::from_str(yaml, config::FileFormat::Yaml))
        .build()
        .and_then(config::Config::try_deserialize);
    assert!(policies.is_ok(), "{policies:?}");
}

#[test]
fn every_treatment_is_explained() {
    for treatment in Treatment::ALL {
        assert!(PAGE.contains(&format!("| `{treatment}` | ")), "{treatment}");
    }
}
