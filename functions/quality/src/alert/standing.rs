//! Which failures people know about: one small object, replaced only if nobody else did so
//! meanwhile. It tells a new failure from one that lasts, and says when one is over.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::checks::{Check, Severity};
use crate::report::Report;

/// The failures that are not over, by the name of their check.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub failures: BTreeMap<String, Failure>,
}

/// A check that fails, since when, and what was told about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub severity: Severity,
    pub since: DateTime<Utc>,
    pub since_run: String,
    /// Runs it failed in, the latest of them is `last_run`.
    pub runs: u64,
    pub last_run: String,
    pub told_at: DateTime<Utc>,
    /// What was expected and found when it was told.
    pub told: String,
}

/// A failure to tell people about.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    pub check: Check,
    pub failure: Failure,
}

/// A failure that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    pub check: String,
    pub failure: Failure,
}

/// What a report changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Failures that are new, are worse than before, or were told long ago.
    pub news: Vec<News>,
    /// How many others last and are not told again.
    pub lasting: usize,
    pub recovered: Vec<Recovery>,
}

impl Standing {
    /// Takes a report in. A failure is told when it is new, when it is worse than what was told,
    /// when the same run finds something else, and again after `repeat_after`. It is over when its
    /// check passes; a check that the run did not make says nothing.
    pub fn update(
        &mut self,
        report: &Report,
        now: DateTime<Utc>,
        repeat_after: TimeDelta,
    ) -> Changes {
        let mut changes = Changes::default();
        for check in &report.checks {
            if check.passed {
                if let Some(failure) = self.failures.remove(&check.name) {
                    changes.recovered.push(Recovery { check: check.name.clone(), failure });
                }
            } else {
                match self.fails(check, &report.run.run_id, now, repeat_after) {
                    Some(failure) => changes.news.push(News { check: check.clone(), failure }),
                    None => changes.lasting += 1,
                }
            }
        }
        changes
    }

    /// Notes a failure; `Some` when it is to be told.
    fn fails(
        &mut self,
        check: &Check,
        run_id: &str,
        now: DateTime<Utc>,
        repeat_after: TimeDelta,
    ) -> Option<Failure> {
        let told = format!("{} / {}", check.expected, check.actual);
        let Some(failure) = self.failures.get_mut(&check.name) else {
            let failure = Failure {
                severity: check.severity,
                since: now,
                since_run: run_id.to_owned(),
                runs: 1,
                last_run: run_id.to_owned(),
                told_at: now,
                told,
            };
            self.failures.insert(check.name.clone(), failure.clone());
            return Some(failure);
        };
        let same_run = failure.last_run == run_id;
        let worse = check.severity == Severity::Critical && failure.severity == Severity::Warning;
        let news = worse
            || (same_run && failure.told != told)
            || (!same_run && now - failure.told_at >= repeat_after);
        if !same_run {
            failure.runs += 1;
            run_id.clone_into(&mut failure.last_run);
        }
        failure.severity = check.severity;
        if news {
            failure.told_at = now;
            failure.told = told;
        }
        news.then(|| failure.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Layer;
    use chrono::NaiveDate;
    use shopflow_core::contract::Run;

    const DAY: TimeDelta = TimeDelta::hours(24);

    fn hour(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn rows(actual: u32) -> Check {
        Check::equal(Layer::Warehouse, "rows", 4, actual)
    }

    /// The checks that are news, how many last, and those that recovered with their number of runs.
    fn update(
        standing: &mut Standing,
        run: &str,
        at: i64,
        checks: Vec<Check>,
    ) -> (Vec<String>, usize, Vec<(String, u64)>) {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
        let report = Report::new(&Run { run_id: run.to_owned(), run_date }, checks);
        let changes = standing.update(&report, hour(at), DAY);
        (
            changes.news.into_iter().map(|news| news.check.name).collect(),
            changes.lasting,
            changes.recovered.into_iter().map(|over| (over.check, over.failure.runs)).collect(),
        )
    }

    #[test]
    fn a_failure_that_lasts_is_told_once_a_day_and_its_end_too() {
        let mut standing = Standing::default();
        let told = (vec!["rows".to_owned()], 0, vec![]);
        let quiet = (vec![], 1, vec![]);
        assert_eq!(update(&mut standing, "a", 0, vec![rows(3)]), told);
        assert_eq!(update(&mut standing, "b", 1, vec![rows(3)]), quiet);
        assert_eq!(update(&mut standing, "c", 23, vec![rows(2)]), quiet);
        assert_eq!(update(&mut standing, "d", 24, vec![rows(2)]), told);
        assert_eq!(update(&mut standing, "e", 25, vec![]), (vec![], 0, vec![]), "not looked at");
        let failure = &standing.failures["rows"];
        assert_eq!((failure.since, failure.since_run.as_str()), (hour(0), "a"));
        let over = (vec![], 0, vec![("rows".to_owned(), 4)]);
        assert_eq!(update(&mut standing, "f", 26, vec![rows(4)]), over);
        assert_eq!(update(&mut standing, "g", 27, vec![rows(4)]), (vec![], 0, vec![]));
        assert_eq!(update(&mut standing, "h", 28, vec![rows(3)]), told, "a new failure");
    }

    #[test]
    fn a_warning_that_becomes_critical_is_told_and_the_other_way_is_not() {
        let mut standing = Standing::default();
        assert_eq!(update(&mut standing, "a", 0, vec![rows(3).warning()]).0, ["rows"]);
        assert_eq!(update(&mut standing, "b", 1, vec![rows(3)]).0, ["rows"]);
        assert!(update(&mut standing, "c", 2, vec![rows(3).warning()]).0.is_empty());
    }

    #[test]
    fn a_repeated_call_tells_nothing_unless_it_finds_something_else() {
        let mut standing = Standing::default();
        assert_eq!(update(&mut standing, "a", 0, vec![rows(3)]).0, ["rows"]);
        let before = standing.clone();
        assert!(update(&mut standing, "a", 30, vec![rows(3)]).0.is_empty());
        assert_eq!(standing, before);
        assert_eq!(update(&mut standing, "a", 30, vec![rows(2)]).0, ["rows"]);
    }
}
