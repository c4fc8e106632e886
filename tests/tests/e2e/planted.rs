//! Planted defects, beside the rows that validation has refused.

use std::collections::BTreeSet;

use serde_json::Value;
use shopflow_tests::{Cloud, Execution};

/// Rows by dataset and physical line.
pub type Rows = BTreeSet<(String, u64)>;

/// The defects of the files that a run has generated.
#[derive(Debug, Default)]
pub struct Planted {
    /// Rows that validation has to refuse.
    pub bad: Rows,
    /// Sound rows whose partner is in no file.
    pub orphans: u64,
}

impl Planted {
    /// Reads the list that the generator has written.
    pub async fn read(cloud: &Cloud, run: &Execution) -> Planted {
        let truths = format!("truths/run_id={}/defects.jsonl", run.name);
        let truths = cloud.read(&cloud.landing, &truths).await;
        let mut planted = Planted::default();
        for line in String::from_utf8(truths).unwrap().lines() {
            let truth: Value = serde_json::from_str(line).unwrap();
            let dataset = truth["dataset"].as_str().unwrap().to_owned();
            match truth["detected_by"].as_str().unwrap() {
                "validate" => drop(planted.bad.insert((dataset, truth["line"].as_u64().unwrap()))),
                "load" => planted.orphans += 1,
                other => panic!("unknown stage {other}"),
            }
        }
        planted
    }

    /// Panics unless validation has refused each bad row and no other, and `load` has inferred
    /// members for orphans.
    pub async fn assert_found(&self, cloud: &Cloud) {
        let found = quarantined(cloud).await;
        let hits = self.bad.intersection(&found).count() as f64;
        let (precision, recall) = (hits / found.len() as f64, hits / self.bad.len() as f64);
        println!(
            "validation: {} planted, {} found, precision {precision}, recall {recall}",
            self.bad.len(),
            found.len()
        );
        assert!(self.bad.len() > 500, "{} defects were planted", self.bad.len());
        assert_eq!(found, self.bad);
        assert!(self.orphans > 0, "no orphan was planted");
        let invented = "SELECT count(*) FROM (SELECT id FROM core.customers WHERE is_inferred
             UNION ALL SELECT id FROM core.products WHERE is_inferred) AS inferred";
        assert!(cloud.count(invented).await >= 1, "orphans have inferred members");
    }
}

async fn quarantined(cloud: &Cloud) -> Rows {
    let mut found = Rows::new();
    for key in cloud.keys(&cloud.landing, "quarantine/").await {
        let dataset = key.split('/').nth(1).unwrap().to_owned();
        let content = cloud.read(&cloud.landing, &key).await;
        let mut reader = csv::Reader::from_reader(content.as_slice());
        for record in reader.byte_records() {
            let line = String::from_utf8(record.unwrap()[0].to_vec()).unwrap();
            found.insert((dataset.clone(), line.parse().unwrap()));
        }
    }
    found
}
