//! What may be asked for, and the text that identifies it.

use chrono::{Days, NaiveDate};
use shopflow_core::contract::{GenerateSpec, Profile};
use shopflow_core::settings::Generate;
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Error, Result};

/// Largest scale: a billion customers, five billion transactions.
const MAX_SCALE: f64 = 1_000_000.0;
/// Longest sales history: ten years.
const MAX_DAYS: u32 = 3650;
/// Customers registered at most this many days before the first sale.
pub(crate) const REGISTRATION_DAYS: u32 = 730;
/// Part of [`fingerprint`]; raised whenever the same spec of the usual profile gives other bytes than
/// before.
const FORMAT: u32 = 4;
/// The same for the full profile; both are raised where both change.
const FULL_FORMAT: u32 = 5;

/// Checks that data may be generated where these settings hold.
///
/// # Errors
/// `InvalidInput` that says what to do instead.
pub fn check_allowed(settings: Generate) -> Result<()> {
    if settings.allowed {
        return Ok(());
    }
    Err(Error::invalid("no data is generated in this environment")
        .with("setting", "generate.allowed")
        .hint(
            "name files with a source of kind objects (`cargo shopflow run --file` or --object), or \
             process what waits with kind pending (--pending)",
        ))
}

/// Checks a spec and a run date.
///
/// # Errors
/// `InvalidInput` that names every field that is out of range.
pub fn check(run_date: NaiveDate, spec: &GenerateSpec) -> Result<()> {
    let mut problems: Vec<String> = Vec::new();
    if !(spec.scale > 0.0 && spec.scale <= MAX_SCALE) {
        problems.push(format!("scale must be over 0 and at most {MAX_SCALE}, not {}", spec.scale));
    }
    if !(0.0..=1.0).contains(&spec.defect_rate) {
        problems.push(format!("defect_rate must be from 0 to 1, not {}", spec.defect_rate));
    }
    if !(1..=MAX_DAYS).contains(&spec.days) {
        problems.push(format!("days must be from 1 to {MAX_DAYS}, not {}", spec.days));
    } else if !run_date_fits(run_date, spec.days) {
        problems
            .push(format!("run_date must leave every date between 1900 and 2100, not {run_date}"));
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!("generate spec is wrong: {}", problems.join("; ")))
        .hint("correct the fields and start again"))
}

fn run_date_fits(run_date: NaiveDate, days: u32) -> bool {
    let earliest = NaiveDate::from_ymd_opt(1900, 1, 2);
    let latest = NaiveDate::from_ymd_opt(2100, 12, 31);
    let first = run_date.checked_sub_days(Days::new(u64::from(days + REGISTRATION_DAYS)));
    match (earliest, latest, first) {
        (Some(earliest), Some(latest), Some(first)) => earliest <= first && run_date <= latest,
        _ => false,
    }
}

/// Everything the bytes depend on, in one line: two objects with the same fingerprint under the
/// same key have the same content.
pub(crate) fn fingerprint(run_date: NaiveDate, spec: &GenerateSpec, sets: &Vocabularies) -> String {
    let GenerateSpec { scale, seed, defect_rate, days, profile } = spec;
    let format = match profile {
        Profile::Usual => FORMAT,
        Profile::Full => FULL_FORMAT,
    };
    let mut text = format!(
        "format={format} run_date={run_date} scale={scale} seed={seed} \
         defect_rate={defect_rate} days={days}"
    );
    // Objects of the usual profile keep the text that they have.
    if *profile != Profile::Usual {
        text.push_str(&format!(" profile={profile}"));
    }
    if *sets != Vocabularies::default() {
        text.push_str(&format!(" vocabulary={:016x}", sets.fingerprint()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_date() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 15).unwrap()
    }

    #[test]
    fn every_field_out_of_range_is_named_at_once() {
        let spec =
            GenerateSpec { scale: 0.0, defect_rate: 1.5, days: 0, ..GenerateSpec::default() };
        let error = check(run_date(), &spec).unwrap_err();
        assert_eq!(error.kind().name(), "InvalidInput");
        for field in ["scale", "defect_rate", "days"] {
            assert!(error.to_string().contains(field), "{field} is missing in: {error}");
        }
    }

    #[test]
    fn numbers_that_are_no_numbers_are_refused() {
        for scale in [f64::NAN, f64::INFINITY, -1.0, 1_000_001.0] {
            let spec = GenerateSpec { scale, ..GenerateSpec::default() };
            assert!(check(run_date(), &spec).is_err(), "{scale}");
        }
        let spec = GenerateSpec { defect_rate: f64::NAN, ..GenerateSpec::default() };
        assert!(check(run_date(), &spec).is_err());
    }

    #[test]
    fn the_limits_themselves_are_accepted() {
        let spec = GenerateSpec {
            scale: 1_000_000.0,
            seed: 0,
            defect_rate: 1.0,
            days: 3650,
            profile: Profile::Full,
        };
        check(run_date(), &spec).unwrap();
    }

    #[test]
    fn a_run_date_whose_history_starts_before_1900_is_refused() {
        let early = NaiveDate::from_ymd_opt(1902, 1, 1).unwrap();
        let error = check(early, &GenerateSpec::default()).unwrap_err();
        assert!(error.to_string().contains("run_date"), "{error}");
        let late = NaiveDate::from_ymd_opt(2101, 1, 1).unwrap();
        assert!(check(late, &GenerateSpec::default()).is_err());
    }

    #[test]
    fn the_fingerprint_tells_every_input_apart() {
        let spec = GenerateSpec::default();
        let built_in = Vocabularies::default();
        let same = fingerprint(run_date(), &spec, &built_in);
        for later in ["vocabulary", "profile"] {
            assert!(!same.contains(later), "the usual profile has no word for itself: {same}");
        }
        assert!(same.starts_with("format=4 "), "usual files stay what they were: {same}");
        let others = [
            GenerateSpec { scale: 1.5, ..spec },
            GenerateSpec { seed: 43, ..spec },
            GenerateSpec { defect_rate: 0.1, ..spec },
            GenerateSpec { days: 30, ..spec },
            GenerateSpec { profile: Profile::Full, ..spec },
        ];
        for other in others {
            assert_ne!(fingerprint(run_date(), &other, &built_in), same);
        }
        assert_ne!(fingerprint(run_date().succ_opt().unwrap(), &spec, &built_in), same);
    }
}
