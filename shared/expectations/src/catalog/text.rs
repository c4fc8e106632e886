//! Expectations about the text of values.

use super::values_satisfy;
use crate::builder::{Builder, Target};
use crate::column::Kind;
use crate::evidence::Judge;
use crate::predicate::format::Readable;
use crate::predicate::pattern::{Match, Matcher, Patterns, like, regex};
use crate::predicate::range::{Length, Range};
use crate::predicate::strptime::Format;
use crate::spec::{Domain, Spec};

const fn spec(
    name: &'static str,
    description: &'static str,
    arguments: &'static [&'static str],
    build: fn(&mut Builder<'_>) -> Option<Judge>,
) -> Spec {
    Spec { name, description, arguments, domain: Domain::Values, build }
}

pub(crate) const SPECS: &[Spec] = &[
    spec("expect_column_values_to_match_regex", "values match a pattern", &["regex"], |b| {
        regexes(b, Match::Any, false)
    }),
    spec(
        "expect_column_values_to_not_match_regex",
        "no value matches a pattern",
        &["regex"],
        |b| regexes(b, Match::None, false),
    ),
    spec(
        "expect_column_values_to_match_regex_list",
        "values match any or all of several patterns",
        &["regex_list", "match_on"],
        |b| {
            let wanted = match_on(b)?;
            regexes(b, wanted, true)
        },
    ),
    spec(
        "expect_column_values_to_not_match_regex_list",
        "no value matches any of several patterns",
        &["regex_list"],
        |b| regexes(b, Match::None, true),
    ),
    spec(
        "expect_column_values_to_match_like_pattern",
        "values match a LIKE pattern",
        &["like_pattern", "escape"],
        |b| likes(b, Match::Any, false),
    ),
    spec(
        "expect_column_values_to_not_match_like_pattern",
        "no value matches a LIKE pattern",
        &["like_pattern", "escape"],
        |b| likes(b, Match::None, false),
    ),
    spec(
        "expect_column_values_to_match_like_pattern_list",
        "values match any or all of several LIKE patterns",
        &["like_pattern_list", "match_on", "escape"],
        |b| {
            let wanted = match_on(b)?;
            likes(b, wanted, true)
        },
    ),
    spec(
        "expect_column_values_to_not_match_like_pattern_list",
        "no value matches any of several LIKE patterns",
        &["like_pattern_list", "escape"],
        |b| likes(b, Match::None, true),
    ),
    spec(
        "expect_column_value_lengths_to_be_between",
        "values have so many characters",
        &["min_value", "max_value", "strict_min", "strict_max"],
        lengths,
    ),
    spec(
        "expect_column_value_lengths_to_equal",
        "values have exactly so many characters",
        &["value"],
        |b| {
            let target = b.column("column")?;
            b.need("value")?;
            let value = Some(b.number("value")?);
            let range = Range { min: value, max: value, strict_min: false, strict_max: false };
            Some(values_satisfy(b, &target, Length::new(&range)))
        },
    ),
    spec(
        "expect_column_values_to_match_strftime_format",
        "values are dates in a format",
        &["strftime_format"],
        |b| {
            let target = text_column(b)?;
            b.need("strftime_format")?;
            let format = b.text("strftime_format")?;
            match Format::new(&format) {
                Ok(format) => Some(values_satisfy(b, &target, Readable::Strftime(format))),
                Err(message) => {
                    b.fail(message);
                    None
                }
            }
        },
    ),
    spec(
        "expect_column_values_to_be_dateutil_parseable",
        "values are dates in common forms",
        &[],
        |b| {
            let target = text_column(b)?;
            Some(values_satisfy(b, &target, Readable::Date))
        },
    ),
    spec("expect_column_values_to_be_json_parseable", "values are JSON", &[], |b| {
        let target = text_column(b)?;
        Some(values_satisfy(b, &target, Readable::Json))
    }),
];

fn text_column(b: &mut Builder<'_>) -> Option<Target> {
    let target = b.column("column")?;
    if target.kind == Kind::Text {
        return Some(target);
    }
    let (name, kind) = (&target.name, target.kind.name());
    b.fail(format!("column '{name}' has values of type {kind}, not texts"));
    None
}

fn match_on(b: &mut Builder<'_>) -> Option<Match> {
    Some(if b.word("match_on", &["any", "all"])? == "any" { Match::Any } else { Match::All })
}

/// The one pattern or the list of them.
fn patterns(b: &mut Builder<'_>, argument: &str, list: bool) -> Option<Vec<String>> {
    b.need(argument)?;
    let patterns = if list { b.texts(argument)? } else { vec![b.text(argument)?] };
    if patterns.is_empty() {
        b.fail(format!("the argument '{argument}' has no pattern"));
        return None;
    }
    Some(patterns)
}

fn regexes(b: &mut Builder<'_>, wanted: Match, list: bool) -> Option<Judge> {
    let target = b.column("column")?;
    let written = patterns(b, if list { "regex_list" } else { "regex" }, list)?;
    let compiled = written.iter().map(|pattern| regex(pattern)).collect::<Result<Vec<_>, _>>();
    finish(b, &target, compiled, wanted)
}

fn likes(b: &mut Builder<'_>, wanted: Match, list: bool) -> Option<Judge> {
    let target = b.column("column")?;
    let argument = if list { "like_pattern_list" } else { "like_pattern" };
    let written = patterns(b, argument, list)?;
    let escape = match b.text("escape") {
        None => None,
        Some(text) => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(one), None) => Some(one),
                _ => {
                    b.fail("the argument 'escape' is not one character");
                    return None;
                }
            }
        }
    };
    let compiled =
        written.iter().map(|pattern| like(pattern, escape)).collect::<Result<Vec<_>, _>>();
    finish(b, &target, compiled, wanted)
}

fn finish(
    b: &mut Builder<'_>,
    target: &Target,
    compiled: Result<Vec<Matcher>, String>,
    wanted: Match,
) -> Option<Judge> {
    match compiled {
        Ok(patterns) => Some(values_satisfy(b, target, Patterns { patterns, wanted })),
        Err(message) => {
            b.fail(message);
            None
        }
    }
}

fn lengths(b: &mut Builder<'_>) -> Option<Judge> {
    let target = b.column("column")?;
    let range = b.numbers()?;
    if range.min.is_none() && range.max.is_none() {
        b.fail("needs 'min_value' or 'max_value'");
        return None;
    }
    Some(values_satisfy(b, &target, Length::new(&range)))
}
