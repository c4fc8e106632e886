//! Customers that were erased on request stay erased: a delivery that names them again comes in
//! without their values.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use common::CUSTOMERS;
use proptest::prelude::*;
use shopflow_core::Dataset;
use shopflow_core::schema_contract::{Contract, Mode};
use shopflow_validate::engine::{Split, Summary, Validator};

fn validate(contract: Contract, file: &str, cuts: &[usize]) -> (String, String, Summary) {
    let erased = BTreeSet::from([7, 70]);
    let mut validator = Validator::under(Dataset::Customers, contract).without(erased);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut % (file.len() + 1)).collect();
    cuts.sort_unstable();
    let (mut split, mut from) = (Split::default(), 0);
    for to in cuts.into_iter().chain([file.len()]) {
        validator.feed(&file.as_bytes()[from..to], &mut split);
        from = to;
    }
    let summary = validator.finish(&mut split);
    assert_eq!(summary.rows_in, summary.rows_good + summary.rows_quarantined, "rows are lost");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(split.good), text(split.bad), summary)
}

const FILE: &str = "id,phone,name,email,registration_date,country\n\
    6,555-1,Ann Lee,ann@x.org,2024-01-05,DE\n\
    7,555-0107,Zelda Quixley,zelda@quixley.example,2023-05-06,FR\n\
    8,555-3,Bob,bob@x.org,2024-01-05,DE\n\
    70,\"555,0107\",\"Quixley, Zelda\",zq@other.example,2023-05-06,FR\n\
    9,555-4,Eve,eve@x.org,2024-01-05,DE\n";

#[test]
fn rows_of_erased_customers_come_in_without_their_values_and_others_keep_their_bytes() {
    let (good, bad, summary) = validate(Contract::default(), FILE, &[]);
    assert_eq!(
        good,
        "id,phone,name,email,registration_date,country\n\
         6,555-1,Ann Lee,ann@x.org,2024-01-05,DE\n\
         7,,[erased],erased-7@erased.invalid,2023-05-06,FR\n\
         8,555-3,Bob,bob@x.org,2024-01-05,DE\n\
         70,,[erased],erased-70@erased.invalid,2023-05-06,FR\n\
         9,555-4,Eve,eve@x.org,2024-01-05,DE\n"
    );
    assert_eq!((bad.as_str(), summary.rows_good, summary.rows_kept_erased), ("", 5, 2));
    // What comes out passes every rule, and passes through once more as it is.
    let (again, _, summary) = validate(Contract::default(), &good, &[]);
    assert_eq!((again, summary.rows_good), (good, 5));
}

#[test]
fn an_address_that_an_erased_customer_never_had_stays_missing() {
    let file = format!("{CUSTOMERS}7,Zelda Quixley,,2023-05-06,FR\n70,Quixley,q@x.org,,\n");
    let (good, _, summary) = validate(Contract::default(), &file, &[]);
    let left = "7,[erased],,2023-05-06,FR\n70,[erased],erased-70@erased.invalid,,\n";
    assert_eq!((good, summary.rows_kept_erased), (format!("{CUSTOMERS}{left}"), 2));
}

#[test]
fn an_erased_customer_is_known_in_any_spelling_of_the_number() {
    let file = format!(
        "{CUSTOMERS}+7.0,Zelda Quixley,zelda@quixley.example,2023-05-06,fr\n\
         70.0,Quixley,zq@other.example,2023-05-06,nowhere\n"
    );
    let (good, bad, summary) = validate(Contract::default(), &file, &[]);
    assert!(good.ends_with("+7.0,[erased],erased-7@erased.invalid,2023-05-06,fr\n"), "{good}");
    assert!(bad.contains("invalid_country") && !bad.contains("Quixley"), "{bad}");
    assert_eq!((summary.rows_kept_erased, summary.rows_quarantined), (2, 1));
}

#[test]
fn the_contract_leaves_columns_out_of_rows_of_erased_customers_as_of_others() {
    let contract = Contract { columns: Mode::DiscardValue, ..Contract::default() };
    let (good, _, _) = validate(contract, FILE, &[]);
    assert!(good.contains("\n7,[erased],erased-7@erased.invalid,2023-05-06,FR\n"), "{good}");
    assert!(!good.contains("555"), "{good}");
}

#[test]
fn refused_rows_of_erased_customers_have_no_values_in_quarantine_and_findings() {
    let rows = [
        "7,Zelda Quixley,zelda@quixley.example,2023-13-45,FR",
        "7,Zelda Quixley,no address of Quixley,2023-05-06,FR",
        "7,Zelda Quixley,2023-05-06,zelda@quixley.example,Quixley",
        "7,Zelda Quixley,zelda@quixley.example,2023-05-06",
        "7,\"Zelda Quixley,zelda@quixley.example,2023-05-06,FR",
        "\"70\",Zelda Quixley,zelda@quixley.example,2023-05-06,Quixley",
    ];
    let file = format!("{CUSTOMERS}{}\n8,Bob,no address,2024-01-05,DE\n", rows.join("\n"));
    let (good, bad, summary) = validate(Contract::default(), &file, &[]);
    assert_eq!((good.as_str(), summary.rows_quarantined), ("", 7));
    assert_eq!(summary.rows_kept_erased, 6);
    let told = format!("{bad} {:?}", summary.findings).to_lowercase();
    assert!(!told.contains("quixley") && !told.contains("zelda"), "{told}");
    assert!(bad.contains("7,[erased],erased-7@erased.invalid,[erased],FR"), "{bad}");
    assert!(bad.contains("8,Bob,no address,2024-01-05,DE"), "{bad}");
}

#[test]
fn a_rejected_file_has_no_values_of_erased_customers_in_quarantine() {
    let file = "id,name,mail,registration_date,country\n\
                7,Zelda Quixley,zelda@quixley.example,2023-05-06,FR\n8,Bob,b@x.org,2024-01-05,DE\n";
    let (_, bad, summary) = validate(Contract::default(), file, &[]);
    assert!(summary.rejection.is_some());
    assert!(bad.contains("7,[erased]") && !bad.contains("Zelda") && bad.contains("Bob"), "{bad}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn where_the_file_is_cut_changes_nothing(cuts in prop::collection::vec(0usize..400, 0..8)) {
        let whole = validate(Contract::default(), FILE, &[]);
        let cut = validate(Contract::default(), FILE, &cuts);
        prop_assert_eq!((whole.0, whole.1), (cut.0, cut.1));
        prop_assert_eq!(whole.2.rows_kept_erased, cut.2.rows_kept_erased);
    }
}
