//! Does the ledger of the run add up, within each stage and from one stage to the next?

use std::collections::BTreeMap;

use shopflow_core::{Dataset, LedgerEntry, Stage};

use super::{Check, Layer};

/// Sums of the entries of one stage and dataset; a run may have several files per dataset.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    rows_in: u64,
    rows_loaded: u64,
    accounted: u64,
    unbalanced: u64,
}

/// Checks of the ledger of a run that brought files, or none. A stage that has no entry for a dataset
/// had no rows of it.
pub fn judge(ledger: &[LedgerEntry], has_files: bool) -> Vec<Check> {
    let mut lines: BTreeMap<(Dataset, Stage), Line> = BTreeMap::new();
    for entry in ledger {
        let line = lines.entry((entry.dataset, entry.stage)).or_default();
        line.rows_in += entry.rows_in;
        line.rows_loaded += entry.rows_loaded;
        line.accounted += entry.rows_loaded + entry.rows_quarantined + entry.rows_unchanged;
        line.unbalanced += u64::from(!entry.is_balanced());
    }
    let mut checks = Vec::new();
    if has_files || !ledger.is_empty() {
        checks.push(present(ledger));
    }
    checks.extend(lines.iter().map(|((dataset, stage), line)| balanced(*dataset, *stage, line)));
    for dataset in Dataset::all() {
        let line = |stage| lines.get(&(dataset, stage)).copied().unwrap_or_default();
        if lines.keys().any(|(of, _)| *of == dataset) {
            checks.extend(continuous(dataset, line));
        }
    }
    checks
}

fn present(ledger: &[LedgerEntry]) -> Check {
    let entries = ledger.len();
    Check::equal(Layer::Ledger, "ledger.present", "at least 1 entry", entries)
        .passed_if(entries > 0)
        .warning()
        .detail("without entries nothing proves where the rows of the run went")
}

fn balanced(dataset: Dataset, stage: Stage, line: &Line) -> Check {
    let name = format!("ledger.balanced.{}.{dataset}", stage.name());
    // Two wrong entries may cancel out in the sum, so each one has to balance.
    let detail = match line.unbalanced {
        0 => String::new(),
        count => format!("{count} entries do not balance"),
    };
    Check::equal(Layer::Ledger, name, line.rows_in, line.accounted)
        .passed_if(line.unbalanced == 0)
        .detail(detail)
}

/// What one stage passed on is what the next one got. Rows that the transform of another run took
/// along stand in the ledger of the run that loaded them, so runs side by side do not mix.
fn continuous(dataset: Dataset, line: impl Fn(Stage) -> Line) -> Vec<Check> {
    let check = |from: Stage, to: Stage, expected: u64, actual: u64| {
        let name = format!("ledger.continuous.{}_to_{}.{dataset}", from.name(), to.name());
        Check::equal(Layer::Ledger, name, expected, actual)
    };
    let (validate, upload) = (line(Stage::Validate), line(Stage::Upload));
    let (load, transform) = (line(Stage::Load), line(Stage::Transform));
    let mut checks =
        vec![check(Stage::Validate, Stage::Upload, validate.rows_loaded, upload.rows_in)];
    // Clickstream has no table in Postgres: it goes from upload straight into the lake.
    let (before, given) = if dataset.is_stored() {
        checks.push(check(Stage::Upload, Stage::Load, upload.rows_in, load.rows_in));
        (Stage::Load, load.rows_in)
    } else {
        (Stage::Upload, upload.rows_in)
    };
    checks.push(check(before, Stage::Transform, given, transform.rows_in));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(stage: Stage, dataset: Dataset, rows_in: u64, rows_loaded: u64) -> LedgerEntry {
        let rows_quarantined = if stage == Stage::Validate { rows_in - rows_loaded } else { 0 };
        let rows_unchanged = if stage == Stage::Validate { 0 } else { rows_in - rows_loaded };
        LedgerEntry {
            stage,
            dataset,
            rows_in,
            rows_loaded,
            rows_quarantined,
            rows_unchanged,
            rows_replaced: 0,
        }
    }

    fn healthy() -> Vec<LedgerEntry> {
        vec![
            entry(Stage::Validate, Dataset::Products, 100, 90),
            entry(Stage::Upload, Dataset::Products, 90, 90),
            entry(Stage::Load, Dataset::Products, 90, 40),
            entry(Stage::Transform, Dataset::Products, 90, 40),
            entry(Stage::Validate, Dataset::Clickstream, 7, 7),
            entry(Stage::Upload, Dataset::Clickstream, 7, 7),
            entry(Stage::Transform, Dataset::Clickstream, 7, 7),
        ]
    }

    fn failed(ledger: &[LedgerEntry]) -> Vec<String> {
        let checks = judge(ledger, true);
        checks.into_iter().filter(|check| !check.passed).map(|check| check.name).collect()
    }

    #[test]
    fn a_ledger_that_adds_up_passes() {
        assert!(failed(&healthy()).is_empty());
        // present, 7 balances, 3 steps for products, 2 for clickstream
        assert_eq!(judge(&healthy(), true).len(), 13);
    }

    #[test]
    fn a_row_that_vanishes_within_a_stage_is_found_there() {
        let mut ledger = healthy();
        ledger[2].rows_unchanged -= 1;
        assert_eq!(failed(&ledger), ["ledger.balanced.load.products"]);
    }

    #[test]
    fn errors_that_cancel_out_over_two_files_are_found() {
        let mut ledger = healthy();
        ledger.push(ledger[0].clone());
        ledger.push(ledger[1].clone());
        ledger.push(ledger[2].clone());
        ledger.push(ledger[3].clone());
        assert!(failed(&ledger).is_empty(), "two files add up");
        ledger[0].rows_quarantined += 1;
        ledger[7].rows_quarantined -= 1;
        assert_eq!(failed(&ledger), ["ledger.balanced.validate.products"]);
    }

    #[test]
    fn rows_that_vanish_between_stages_are_found_at_the_step() {
        let steps = [
            (1, "ledger.continuous.validate_to_upload.products"),
            (2, "ledger.continuous.upload_to_load.products"),
            (3, "ledger.continuous.load_to_transform.products"),
            (6, "ledger.continuous.upload_to_transform.clickstream"),
        ];
        for (index, name) in steps {
            let mut ledger = healthy();
            ledger[index].rows_in -= 1;
            ledger[index].rows_loaded -= 1;
            assert!(failed(&ledger).contains(&name.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_stage_that_never_ran_is_found() {
        let mut ledger = healthy();
        ledger.truncate(3);
        assert_eq!(failed(&ledger), ["ledger.continuous.load_to_transform.products"]);
    }

    #[test]
    fn a_file_without_good_rows_ends_at_validate() {
        let ledger = [entry(Stage::Validate, Dataset::Customers, 5, 0)];
        assert!(failed(&ledger).is_empty());
    }

    #[test]
    fn rows_of_another_run_in_the_ledger_are_found() {
        let mut ledger = healthy();
        ledger[3].rows_in += 10;
        ledger[3].rows_loaded += 10;
        assert_eq!(failed(&ledger), ["ledger.continuous.load_to_transform.products"]);
    }

    #[test]
    fn an_empty_ledger_is_a_warning() {
        assert_eq!(failed(&[]), ["ledger.present"]);
    }

    /// Nothing is said, lest a warning of an earlier run is taken for one that is over.
    #[test]
    fn a_run_without_files_has_nothing_to_account_for() {
        assert_eq!(judge(&[], false), []);
    }
}
