//! The bytes themselves: they must not change unless somebody means it.
//!
//! `SHOPFLOW_UPDATE_GOLDEN=1 cargo test -p shopflow-generate --test golden` rewrites them;
//! then `FORMAT` in `src/spec.rs` (`FULL_FORMAT` for the full profile) must be raised, since the same
//! spec gives other bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use common::{file, full, lines, run_date, spec, truths_file};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use shopflow_core::Dataset;
use shopflow_generate::{GenerateSpec, Profile, Shop};

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn check(name: &str, actual: &[u8]) {
    let path = golden(name);
    if std::env::var_os("SHOPFLOW_UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(
        String::from_utf8_lossy(actual),
        String::from_utf8_lossy(&expected),
        "{name} differs"
    );
}

#[test]
fn every_file_has_its_golden_digest() {
    let mut digests = BTreeMap::new();
    for (label, defect_rate) in [("clean", 0.0), ("defects", 0.1)] {
        let spec = spec(0.01, defect_rate);
        for dataset in shopflow_generate::DATASETS {
            let digest = hex::encode(Sha256::digest(file(&spec, dataset)));
            digests.insert(format!("{label}/{dataset}.{}", dataset.extension()), digest);
        }
        digests.insert(
            format!("{label}/defects.jsonl"),
            hex::encode(Sha256::digest(truths_file(&spec))),
        );
    }
    let mut listing = serde_json::to_vec_pretty(&digests).unwrap();
    listing.push(b'\n');
    check("sha256.json", &listing);
}

/// Customers are those of the usual profile, and so are products but for their cost. Large enough for
/// returns.
#[test]
fn the_files_of_the_full_profile_have_their_golden_digests() {
    let mut digests = BTreeMap::new();
    for (label, defect_rate) in [("clean", 0.0), ("defects", 0.1)] {
        let spec = full(0.1, defect_rate);
        let usual = GenerateSpec { profile: Profile::Usual, ..spec };
        assert_eq!(file(&spec, Dataset::Customers), file(&usual, Dataset::Customers));
        let files = shopflow_generate::datasets(Profile::Full).iter().skip(1).map(|dataset| {
            (format!("{label}/{dataset}.{}", dataset.extension()), file(&spec, *dataset))
        });
        for (name, content) in files.chain([(format!("{label}/defects.jsonl"), truths_file(&spec))])
        {
            digests.insert(name, hex::encode(Sha256::digest(content)));
        }
    }
    let products = file(&full(0.1, 0.0), Dataset::Products);
    let without_cost: Vec<&[u8]> = lines(&products)
        .into_iter()
        .map(|line| &line[..line.iter().rposition(|byte| *byte == b',').unwrap()])
        .collect();
    assert_eq!(without_cost, lines(&file(&spec(0.1, 0.0), Dataset::Products)));
    let mut listing = serde_json::to_vec_pretty(&digests).unwrap();
    listing.push(b'\n');
    check("full.json", &listing);
}

#[test]
fn the_first_lines_of_the_full_profile_are_literally_the_golden_ones() {
    for (dataset, count) in [
        (Dataset::Products, 6),
        (Dataset::Transactions, 21),
        (Dataset::ExchangeRates, 6),
        (Dataset::Payments, 21),
    ] {
        let file = file(&full(0.1, 0.0), dataset);
        let mut first = lines(&file)[..count].join(&b'\n');
        first.push(b'\n');
        check(&format!("full_{dataset}.csv"), &first);
    }
}

#[test]
fn the_first_lines_are_literally_the_golden_ones() {
    for dataset in shopflow_generate::DATASETS {
        let file = file(&spec(0.01, 0.0), dataset);
        let mut first = lines(&file)[..6].join(&b'\n');
        first.push(b'\n');
        check(&format!("{dataset}.{}", dataset.extension()), &first);
    }
    let truths = truths_file(&spec(0.01, 0.1));
    let mut first = lines(&truths)[..6].join(&b'\n');
    first.push(b'\n');
    check("defects.jsonl", &first);
}

fn digest(spec: &GenerateSpec, dataset: Dataset) -> Vec<u8> {
    Sha256::digest(file(spec, dataset)).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others(
        seed: u64, scale in 0.01f64..0.1, defect_rate in 0.0f64..0.3, days in 1u32..500,
        is_full: bool,
    ) {
        let profile = if is_full { Profile::Full } else { Profile::Usual };
        let spec = GenerateSpec { scale, seed, defect_rate, days, profile };
        let other = GenerateSpec { seed: seed.wrapping_add(1), ..spec };
        for &dataset in shopflow_generate::datasets(profile) {
            prop_assert_eq!(digest(&spec, dataset), digest(&spec, dataset));
            prop_assert_ne!(digest(&spec, dataset), digest(&other, dataset));
        }
        prop_assert_eq!(truths_file(&spec), truths_file(&spec));
    }

    #[test]
    fn scale_multiplies_the_rows(scale in 0.0001f64..3.0, seed: u64, is_full: bool) {
        let profile = if is_full { Profile::Full } else { Profile::Usual };
        let spec = GenerateSpec { scale, seed, profile, ..GenerateSpec::default() };
        let shop = Shop::new(run_date(), &spec).unwrap();
        for (dataset, base) in [
            (Dataset::Customers, 1000.0), (Dataset::Products, 500.0), (Dataset::Transactions, 5000.0),
        ] {
            let wanted = ((base * scale).round() as u64).max(1);
            let written = shop.write(dataset, std::io::sink()).unwrap();
            prop_assert_eq!(written.rows, wanted);
            prop_assert_eq!(shop.rows_planned(dataset), wanted);
        }
        for &dataset in &shopflow_generate::datasets(profile)[3..] {
            let rows = shop.write(dataset, std::io::sink()).unwrap().rows;
            prop_assert_eq!(shop.rows_planned(dataset), rows);
        }
    }
}

#[test]
fn the_default_sizes_are_those_of_the_design_in_both_profiles() {
    for profile in Profile::ALL {
        let spec = GenerateSpec { profile, ..GenerateSpec::default() };
        let rows = shopflow_generate::DATASETS.map(|dataset| {
            Shop::new(run_date(), &spec).unwrap().write(dataset, std::io::sink()).unwrap().rows
        });
        assert_eq!(rows[..3], [1_000, 500, 5_000]);
        assert!((14_000..16_000).contains(&rows[3]), "about three events per sale: {}", rows[3]);
    }
}
