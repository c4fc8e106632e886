//! One number for a run, and whether its gate is open.

use crate::checks::{Check, Severity};

/// A failed critical check costs as much as this many warnings.
const CRITICAL_WEIGHT: u64 = 3;
const WARNING_WEIGHT: u64 = 1;

fn weight(check: &Check) -> u64 {
    match check.severity {
        Severity::Critical => CRITICAL_WEIGHT,
        Severity::Warning => WARNING_WEIGHT,
    }
}

/// Share of passed checks weighted by severity, 0 to 100, cut to two decimals: only a flawless run
/// scores 100.
pub fn score(checks: &[Check]) -> f64 {
    let total: u64 = checks.iter().map(weight).sum();
    if total == 0 {
        return 100.0;
    }
    let passed: u64 = checks.iter().filter(|check| check.passed).map(weight).sum();
    (passed * 10_000 / total) as f64 / 100.0
}

/// Names of the failed critical checks; the gate is open when there are none.
pub fn critical(checks: &[Check]) -> Vec<String> {
    let failed = checks.iter().filter(|check| !check.passed);
    failed
        .filter(|check| check.severity == Severity::Critical)
        .map(|check| check.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Layer;

    fn check(name: &str, passed: bool) -> Check {
        Check::equal(Layer::Core, name, true, passed)
    }

    #[test]
    fn a_critical_check_weighs_as_much_as_three_warnings() {
        let critical_failed = [check("a", false), check("b", true).warning()];
        let warning_failed = [check("a", true), check("b", false).warning()];
        assert_eq!(score(&critical_failed), 25.0);
        assert_eq!(score(&warning_failed), 75.0);
    }

    #[test]
    fn only_a_flawless_run_scores_100() {
        let mut checks: Vec<Check> = (0..100_000).map(|_| check("a", true)).collect();
        assert_eq!(score(&checks), 100.0);
        checks.push(check("b", false).warning());
        assert_eq!(score(&checks), 99.99);
        assert_eq!(score(&[]), 100.0);
    }

    #[test]
    fn warnings_leave_the_gate_open() {
        let checks = [check("a", true), check("b", false).warning(), check("c", false)];
        assert_eq!(critical(&checks), ["c"]);
        assert!(critical(&checks[..2]).is_empty());
    }
}
