//! Policies are read, checked and followed.

use shopflow_privacy::{Class, ColumnScan, Kind, Layer, Policies, Treatment};

const POLICIES: &str = r#"
kinds: {email: confidential, card_number: restricted, iban: restricted, ip_address: internal}
other_kinds: confidential
columns: {customers.country: public, "*.iban": iban, "*.notes": restricted, products.*: public}
minimum_confidence: 0.5
treatments:
  public:       {bronze: keep, silver: keep, gold: keep, logs: keep}
  internal:     {bronze: keep, silver: keep, gold: keep, logs: redact}
  confidential: {bronze: keep, silver: hash, gold: hash, logs: redact}
  restricted:   {bronze: keep, silver: redact, gold: drop, logs: drop}
exceptions: {email: {silver: initial, gold: drop}}
"#;

fn read(yaml: &str) -> Result<Policies, String> {
    config::Config::builder()
        .add_source(config::File::from_str(yaml, config::FileFormat::Yaml))
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| error.to_string())
}

fn scanned(values: &[&str]) -> ColumnScan {
    let mut scan = ColumnScan::default();
    for value in values {
        scan.observe(value.as_bytes());
    }
    scan
}

#[test]
fn findings_decide_the_class_and_the_class_decides_the_treatment() {
    let policies = read(POLICIES).unwrap();
    let cards = scanned(&["4111111111111111", "5555555555554444", "378282246310005"]);
    let decision = policies.decide("payments", "c1", &cards.findings("c1"));
    assert_eq!((decision.class, decision.kind), (Class::Restricted, Some(Kind::CardNumber)));
    let layers = Layer::ALL.map(|layer| decision.treatment(layer));
    assert_eq!(layers, [Treatment::Keep, Treatment::Redact, Treatment::Drop, Treatment::Drop]);

    let plain = scanned(&["blue", "red"]);
    let decision = policies.decide("orders", "colour", &plain.findings("colour"));
    assert_eq!((decision.class, decision.kind), (Class::Internal, None));
}

#[test]
fn a_column_named_by_a_person_is_what_the_person_says() {
    let policies = read(POLICIES).unwrap();
    let emails = scanned(&["ada@example.com", "grace@example.org"]);
    let findings = emails.findings("c1");
    assert_eq!(policies.decide("customers", "c1", &findings).class, Class::Confidential);
    assert_eq!(policies.decide("products", "c1", &findings).class, Class::Public);
    let iban = policies.decide("suppliers", "iban", &findings);
    assert_eq!((iban.class, iban.kind), (Class::Restricted, Some(Kind::Iban)));
    let notes = policies.decide("suppliers", "notes", &[]);
    assert_eq!((notes.class, notes.kind), (Class::Restricted, None));
}

#[test]
fn exceptions_hold_for_their_kind_and_the_rest_follows_the_class() {
    let policies = read(POLICIES).unwrap();
    let emails = scanned(&["ada@example.com", "grace@example.org"]);
    let decision = policies.decide("customers", "contact", &emails.findings("contact"));
    let layers = Layer::ALL.map(|layer| decision.treatment(layer));
    assert_eq!(layers, [Treatment::Keep, Treatment::Initial, Treatment::Drop, Treatment::Redact]);
    // A restricted column stays restricted though its kind has an exception.
    let decision = policies.decide("suppliers", "notes", &emails.findings("notes"));
    assert_eq!(decision.treatment(Layer::Silver), Treatment::Redact);
}

#[test]
fn a_value_on_its_way_is_treated_once() {
    let policies = read(POLICIES).unwrap();
    let phones = scanned(&["+442079460018", "+442079460019"]);
    let decision = policies.decide("customers", "contact", &phones.findings("contact"));
    assert_eq!(decision.step(Layer::Bronze, Layer::Silver), Treatment::Hash);
    assert_eq!(decision.step(Layer::Silver, Layer::Gold), Treatment::Keep);
    assert_eq!(decision.step(Layer::Gold, Layer::Logs), Treatment::Redact);
}

#[test]
fn below_the_minimum_confidence_nothing_is_found() {
    let unsure = POLICIES.replace("minimum_confidence: 0.5", "minimum_confidence: 0.999");
    let phones = scanned(&["020 7946 0018"]).findings("contact");
    let decide = |yaml: &str| read(yaml).unwrap().decide("customers", "contact", &phones).class;
    assert_eq!(decide(POLICIES), Class::Confidential);
    assert_eq!(decide(&unsure), Class::Internal);
}

#[test]
fn all_problems_are_reported_at_once_with_the_nearest_name() {
    let wrong = r#"
kinds: {e-mail: confidential, phone: secrett}
other_kinds: restrictd
columns: {country: public, a.b: emial}
minimum_confidence: 1.5
treatment: {}
treatments:
  public:       {bronze: keep, silver: keep, gold: keep}
  internal:     {bronze: hash, silver: keep, gold: keep, logs: keep}
  confidential: {bronze: keep, silver: hahs, gold: hash, logs: keep}
  restricted:   {bronze: keep, silver: keep, gold: drop, logs: drop}
exceptions: {ibann: {sliver: hash}}
"#;
    let message = read(wrong).unwrap_err();
    for problem in [
        "policies: unknown section 'treatment'; did you mean 'treatments'?",
        "kinds: unknown kind of personal data 'e-mail'; did you mean 'email'?",
        "kinds.phone: unknown class 'secrett'; known are public, internal, confidential, restricted",
        "other_kinds: unknown class 'restrictd'; did you mean 'restricted'?",
        "columns.country: write it as dataset.column, one of which may be *",
        "columns.a.b: unknown class or kind of personal data 'emial'; did you mean 'email'?",
        "minimum_confidence: 1.5 is not between 0 and 1",
        "treatments.public: no treatment for logs",
        "treatments.internal: silver cannot be keep, as bronze is hash and silver is made from it",
        "treatments.confidential.silver: unknown treatment 'hahs'; did you mean 'hash'?",
        "treatments.restricted: silver cannot be keep for restricted data",
        "exceptions: unknown kind of personal data 'ibann'; did you mean 'iban'?",
        "exceptions.ibann: unknown layer 'sliver'; did you mean 'silver'?",
    ] {
        assert!(
            message.contains(problem),
            "{problem}\nis missing from\n{}",
            message.replace("; ", "\n")
        );
    }
}

#[test]
fn confidential_data_may_not_be_kept_in_logs() {
    let careless = POLICIES.replace("gold: hash, logs: redact}", "gold: hash, logs: keep}");
    let message = read(&careless).unwrap_err();
    assert!(message.contains("treatments.confidential: logs cannot be keep"), "{message}");
    // By way of an exception neither.
    let careless = POLICIES.replace("{silver: initial, gold: drop}", "{logs: keep}");
    assert!(read(&careless).unwrap_err().contains("exceptions.email: logs cannot be keep"));
}
