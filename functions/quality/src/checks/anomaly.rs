//! Are the rows of a run, and the tables of gold after it, like those of the runs before it?
//!
//! A figure is far out when it lies more than 3.5 robust standard deviations from the median: the
//! modified z-score of Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993), with the
//! median absolute deviation, which a few odd runs do not move. Runs are compared with those of the
//! same day of the week where there are enough of them.

mod baseline;
mod distribution;
pub mod personal;
pub mod vocabulary;

use std::collections::BTreeSet;

use shopflow_core::Dataset;
use shopflow_core::dataset::Kind;

use self::baseline::{Band, LEAST_RUNS, baseline};
use super::{Check, Layer};
use crate::expectations::history::{ColumnFigures, Compared, RunFigures};

/// Shops whose runs are always alike are not told about this share of rows more or less.
const LEAST_VOLUME_CHANGE: f64 = 0.1;
/// Nor about this change of a share of missing values or refused rows.
const LEAST_SHARE_CHANGE: f64 = 0.01;
/// Nor about data that is this many days older.
const LEAST_DELAY: f64 = 1.0;

/// Warnings about volume, missing values, refused rows, freshness, schema and distribution; none
/// while there are too few runs to compare with, except about the schema, which the first run shows.
pub fn judge(compared: &[Compared]) -> Vec<Check> {
    let mut checks = Vec::new();
    for compared in compared {
        if compared.dataset.is_some() {
            checks.extend(schema(compared));
        }
        let before = baseline(compared);
        if before.len() >= LEAST_RUNS {
            checks.push(volume(compared, &before));
            checks.push(null_share(compared, &before));
            checks.extend(reject_rate(compared, &before));
            checks.extend(freshness(compared, &before));
            checks.extend(distribution(compared, &before));
        }
    }
    checks
}

fn volume(compared: &Compared, before: &[&RunFigures]) -> Check {
    let rows = compared.present.rows;
    let band =
        Band::new(before.iter().map(|run| run.rows as f64), |median| median * LEAST_VOLUME_CHANGE);
    warning(
        compared,
        "rows",
        format!("{:.0} to {:.0}", band.from.ceil(), band.to.floor()),
        rows.to_string(),
    )
    .passed_if(band.holds(rows as f64))
    .detail(format!("median of {} runs: {:.0}", before.len(), band.median))
}

/// The column whose share of missing values is furthest from what it was.
fn null_share(compared: &Compared, before: &[&RunFigures]) -> Check {
    let bands = compared.present.columns.iter().filter_map(|column| {
        let shares = null_shares(before, column);
        let band = (shares.len() >= LEAST_RUNS)
            .then(|| Band::new(shares.into_iter(), |_| LEAST_SHARE_CHANGE))?;
        Some((column, band))
    });
    let worst = bands.max_by(|(a, of_a), (b, of_b)| {
        of_a.distance(a.null_share).total_cmp(&of_b.distance(b.null_share))
    });
    let Some((column, band)) = worst else {
        return warning(compared, "null_share", "no columns".to_owned(), "no columns".to_owned());
    };
    warning(
        compared,
        "null_share",
        format!("{} to {}", percent(band.from), percent(band.to)),
        percent(column.null_share),
    )
    .passed_if(band.holds(column.null_share))
    .detail(format!("missing values of {}, the column furthest from its median", column.name))
}

fn null_shares(before: &[&RunFigures], column: &ColumnFigures) -> Vec<f64> {
    let columns = before.iter().flat_map(|run| &run.columns);
    columns.filter(|of_run| of_run.name == column.name).map(|column| column.null_share).collect()
}

/// Are more rows refused than usual? Fewer are no reason to worry.
fn reject_rate(compared: &Compared, before: &[&RunFigures]) -> Option<Check> {
    let rate = compared.present.reject_rate?;
    let rates: Vec<f64> = before.iter().filter_map(|run| run.reject_rate).collect();
    if rates.len() < LEAST_RUNS {
        return None;
    }
    let runs = rates.len();
    let band = Band::new(rates.into_iter(), |_| LEAST_SHARE_CHANGE);
    let expected = format!("up to {}", percent(band.to));
    let check = warning(compared, "reject_rate", expected, percent(rate));
    let detail = format!("median of {runs} runs: {}", percent(band.median));
    Some(check.passed_if(rate <= band.to).detail(detail))
}

/// Is the latest event as old as usual?
fn freshness(compared: &Compared, before: &[&RunFigures]) -> Option<Check> {
    let lag = compared.present.lag_days?;
    let lags: Vec<f64> =
        before.iter().filter_map(|run| run.lag_days).map(|lag| lag.max(0) as f64).collect();
    if lags.len() < LEAST_RUNS {
        return None;
    }
    let runs = lags.len();
    let band = Band::new(lags.into_iter(), |_| LEAST_DELAY);
    let check = warning(
        compared,
        "freshness",
        format!("up to {:.0} days", band.to.floor()),
        format!("{lag} days"),
    );
    let detail =
        format!("from the latest event to the run date; median of {runs} runs: {:.0}", band.median);
    Some(check.passed_if(lag as f64 <= band.to).detail(detail))
}

/// Do the files have the columns they had? Known columns are the business of the schema contract;
/// here it is about those that the dataset does not know.
fn schema(compared: &Compared) -> Option<Check> {
    let mut before = compared.before.iter().map(|run| &run.extra_columns);
    let first = before.next()?;
    let (mut ever, mut always) = (first.clone(), first.clone());
    for columns in before {
        ever.extend(columns.iter().cloned());
        always.retain(|column| columns.contains(column));
    }
    let present = &compared.present.extra_columns;
    let new: Vec<&str> = present.difference(&ever).map(String::as_str).collect();
    let gone: Vec<&str> = always.difference(present).map(String::as_str).collect();
    let mut detail = Vec::new();
    if !new.is_empty() {
        detail.push(format!("new: {}", new.join(", ")));
    }
    if !gone.is_empty() {
        detail.push(format!("gone: {}", gone.join(", ")));
    }
    let names = |columns: &BTreeSet<String>| match columns.len() {
        0 => "no unknown columns".to_owned(),
        _ => columns.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    };
    let check = warning(compared, "schema", names(&always), names(present));
    Some(check.passed_if(new.is_empty() && gone.is_empty()).detail(detail.join("; ")))
}

/// The column whose values are spread furthest from how they were.
fn distribution(compared: &Compared, before: &[&RunFigures]) -> Option<Check> {
    let comparable = |column: &str| match compared.dataset {
        Some(dataset) => is_comparable(dataset, column),
        None => is_measure(column),
    };
    let shift = distribution::furthest(&compared.present, before, comparable)?;
    let check = warning(
        compared,
        "distribution",
        format!("moved up to {}", percent(shift.limit)),
        percent(shift.distance),
    );
    let detail =
        format!("values of {}, the column that moved most of {} runs", shift.column, before.len());
    Some(check.passed_if(!shift.is_odd()).detail(detail))
}

/// Numbers that name something and moments move with time.
fn is_comparable(dataset: Dataset, name: &str) -> bool {
    let column = dataset.columns().iter().find(|column| column.name == name);
    column.is_some_and(|column| {
        !matches!(
            column.kind,
            Kind::Id | Kind::Uuid | Kind::Reference(_) | Kind::Date | Kind::Timestamp
        )
    })
}

/// Of gold, whose columns no dataset defines: keys and moments by the names that all its tables
/// have.
fn is_measure(name: &str) -> bool {
    let named = |what: &str| name == what || name.ends_with(&format!("_{what}"));
    !["id", "key", "date", "at", "timestamp", "day", "week", "month", "start"]
        .into_iter()
        .any(named)
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn warning(compared: &Compared, metric: &str, expected: String, actual: String) -> Check {
    let name = format!("anomaly.{}.{metric}", compared.table);
    Check::equal(Layer::Lake, name, expected, actual).warning()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Days, NaiveDate};
    use shopflow_core::contract::Run;
    use std::collections::BTreeMap;

    fn figures(rows: u64, null_share: f64) -> RunFigures {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let column = |name: &str, null_share| ColumnFigures {
            name: name.to_owned(),
            null_share,
            distinct: 1,
            mean: None,
            quantiles: Vec::new(),
            shares: BTreeMap::new(),
        };
        RunFigures {
            run: Run { run_id: "r".to_owned(), run_date },
            rows,
            lag_days: None,
            reject_rate: None,
            extra_columns: BTreeSet::new(),
            columns: vec![column("id", 0.0), column("referrer", null_share)],
        }
    }

    fn failed(before: &[(u64, f64)], present: (u64, f64)) -> Vec<String> {
        let before = before.iter().map(|(rows, share)| figures(*rows, *share)).collect();
        let present = figures(present.0, present.1);
        let compared =
            Compared { table: "clickstream", dataset: Some(Dataset::Clickstream), present, before };
        let checks = judge(&[compared]);
        assert!(checks.iter().all(|check| check.severity == crate::checks::Severity::Warning));
        checks.into_iter().filter(|check| !check.passed).map(|check| check.name).collect()
    }

    const STEADY: [(u64, f64); 8] = [
        (1000, 0.20),
        (1040, 0.21),
        (980, 0.19),
        (1010, 0.20),
        (990, 0.21),
        (1020, 0.19),
        (5000, 0.20),
        (1005, 0.20),
    ];

    #[test]
    fn a_tenth_of_the_usual_rows_and_many_missing_values_are_odd() {
        assert!(failed(&STEADY, (1030, 0.21)).is_empty());
        assert_eq!(failed(&STEADY, (100, 0.2)), ["anomaly.clickstream.rows"]);
        assert_eq!(failed(&STEADY, (1000, 0.9)), ["anomaly.clickstream.null_share"]);
    }

    #[test]
    fn one_odd_run_before_does_not_hide_the_next() {
        assert_eq!(failed(&STEADY, (5000, 0.2)), ["anomaly.clickstream.rows"]);
    }

    #[test]
    fn runs_that_were_always_alike_may_differ_a_little() {
        let alike = [(1000, 0.0); 8];
        assert!(failed(&alike, (1100, 0.01)).is_empty());
        assert_eq!(failed(&alike, (1101, 0.0)), ["anomaly.clickstream.rows"]);
        assert_eq!(failed(&alike, (1000, 0.011)), ["anomaly.clickstream.null_share"]);
    }

    #[test]
    fn too_few_runs_say_nothing() {
        assert!(failed(&STEADY[..7], (1, 1.0)).is_empty());
    }

    /// The failed checks of a run that `change` makes differ from ten others.
    fn odd(change: impl Fn(&mut RunFigures)) -> Vec<String> {
        let quantiles = |run: u64| {
            let at = |q: f64| (q, 100.0 * q + (run % 3) as f64);
            [0.05, 0.25, 0.5, 0.75, 0.95].map(at).to_vec()
        };
        let run = |number: u64| {
            let mut run = figures(1000 + number, 0.0);
            run.lag_days = Some((number % 2) as i64);
            run.reject_rate = Some(0.01);
            run.extra_columns = BTreeSet::from(["campaign".to_owned()]);
            let wobble = 0.01 * (number % 3) as f64;
            run.columns[0].name = "price".to_owned();
            run.columns[0].quantiles = quantiles(number);
            run.columns[1].name = "category".to_owned();
            run.columns[1].shares = BTreeMap::from([
                ("toys".to_owned(), 0.5 + wobble),
                ("books".to_owned(), 0.5 - wobble),
            ]);
            run
        };
        let before = (0..10).map(run).collect();
        let mut present = run(11);
        change(&mut present);
        let compared =
            Compared { table: "products", dataset: Some(Dataset::Products), present, before };
        let failed = judge(&[compared]).into_iter().filter(|check| !check.passed);
        failed.map(|check| check.name.replace("anomaly.products.", "")).collect()
    }

    #[test]
    fn older_data_more_refused_rows_and_other_columns_are_odd() {
        assert!(odd(|_| ()).is_empty());
        assert!(odd(|run| run.lag_days = Some(-3)).is_empty(), "fresher than ever");
        assert_eq!(odd(|run| run.lag_days = Some(9)), ["freshness"]);
        assert!(odd(|run| run.reject_rate = Some(0.0)).is_empty());
        assert_eq!(odd(|run| run.reject_rate = Some(0.05)), ["reject_rate"]);
        assert_eq!(odd(|run| run.extra_columns.clear()), ["schema"]);
        let more = |run: &mut RunFigures| {
            run.extra_columns.insert("colour".to_owned());
        };
        assert_eq!(odd(more), ["schema"]);
    }

    #[test]
    fn numbers_and_shares_that_move_are_odd() {
        let scale = |factor: f64| {
            odd(move |run| run.columns[0].quantiles.iter_mut().for_each(|(_, v)| *v *= factor))
        };
        assert!(scale(1.1).is_empty());
        assert_eq!(scale(1.5), ["distribution"]);
        let share = |toys: f64| {
            odd(move |run| {
                run.columns[1].shares =
                    BTreeMap::from([("toys".to_owned(), toys), ("books".to_owned(), 1.0 - toys)]);
            })
        };
        assert!(share(0.55).is_empty());
        assert_eq!(share(0.9), ["distribution"]);
        assert_eq!(
            odd(|run| run.columns[1].shares = BTreeMap::from([("games".to_owned(), 1.0)])),
            ["distribution"]
        );
    }

    #[test]
    fn a_gold_table_that_shrinks_or_whose_measures_move_is_odd_and_keys_may_grow() {
        let run = |rows: u64, revenue: f64| {
            let mut run = figures(rows, 0.0);
            for (column, name, scale) in [(0, "sale_key", rows as f64), (1, "revenue", revenue)] {
                run.columns[column].name = name.to_owned();
                run.columns[column].quantiles =
                    [0.05, 0.25, 0.5, 0.75, 0.95].map(|q| (q, q * scale)).to_vec();
            }
            run
        };
        let before: Vec<RunFigures> = (0..10).map(|day| run(1000 + 100 * day, 50.0)).collect();
        let odd = |present: RunFigures| -> Vec<String> {
            let before = before.clone();
            let compared = Compared { table: "fact_sales", dataset: None, present, before };
            let failed = judge(&[compared]).into_iter().filter(|check| !check.passed);
            failed.map(|check| check.name).collect()
        };
        assert!(odd(run(2000, 50.0)).is_empty(), "a table that grows as it did");
        assert_eq!(odd(run(10, 50.0)), ["anomaly.fact_sales.rows"]);
        assert_eq!(odd(run(2000, 90.0)), ["anomaly.fact_sales.distribution"]);
    }

    #[test]
    fn where_runs_have_a_week_sundays_are_compared_with_sundays() {
        let first = NaiveDate::from_ymd_opt(2026, 1, 4).unwrap();
        let day = |number: u64, rows: u64| {
            let mut run = figures(rows, 0.2);
            run.run.run_date = first + Days::new(number);
            run
        };
        let usual = |number: u64| if number.is_multiple_of(7) { 100 } else { 1000 + number };
        let before: Vec<RunFigures> = (0..70).map(|number| day(number, usual(number))).collect();
        let odd = |rows: u64| {
            let compared = Compared {
                table: "clickstream",
                dataset: Some(Dataset::Clickstream),
                present: day(70, rows),
                before: before.clone(),
            };
            judge(&[compared]).iter().any(|check| !check.passed)
        };
        assert!(!odd(100), "few rows are usual on this day");
        assert!(odd(1000));
    }
}
