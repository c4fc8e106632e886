//! Aggregates by their names in definitions, and what each can be made of.

use shopflow_core::definitions::Problems;

use super::kinds::column_type_name;
use crate::aggregate::Aggregate;
use crate::value::{ColumnType, Type};

const ALL: [(&str, Aggregate); 9] = [
    ("count", Aggregate::Count),
    ("sum", Aggregate::Sum),
    ("mean", Aggregate::Mean),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("count_distinct", Aggregate::CountDistinct),
    ("first", Aggregate::First),
    ("last", Aggregate::Last),
    ("most_frequent", Aggregate::MostFrequent),
];

/// The aggregate of this name; what is none is a problem.
pub(super) fn aggregate_of(name: &str, place: &str, problems: &mut Problems) -> Option<Aggregate> {
    let found = ALL.into_iter().find(|(known, _)| *known == name);
    if found.is_none() {
        problems.unknown(place, "aggregate", name, &ALL.map(|(known, _)| known));
    }
    found.map(|(_, aggregate)| aggregate)
}

/// The name of an aggregate.
pub(super) fn name_of(aggregate: Aggregate) -> &'static str {
    ALL.into_iter().find(|(_, known)| *known == aggregate).map_or("", |(name, _)| name)
}

/// What an aggregate makes of a column; `None` where it makes no sense.
pub(super) fn made_of(aggregate: Aggregate, column: ColumnType) -> Option<Type> {
    let ColumnType::Plain(kind) = column else {
        let is_told_apart = matches!(aggregate, Aggregate::CountDistinct | Aggregate::MostFrequent);
        return aggregate.of(column).filter(|_| !is_told_apart);
    };
    let makes_sense = match aggregate {
        Aggregate::CountDistinct | Aggregate::MostFrequent => {
            matches!(kind, Type::Text | Type::Int64 | Type::Boolean)
        }
        Aggregate::Min | Aggregate::Max => kind != Type::Boolean,
        _ => true,
    };
    aggregate.of(column).filter(|_| makes_sense)
}

/// Why an aggregate makes no sense of a column.
pub(super) fn senseless(aggregate: Aggregate, column: ColumnType) -> String {
    let fitting: Vec<&str> = [ColumnType::Money]
        .into_iter()
        .chain(Type::ALL.map(ColumnType::Plain))
        .filter(|kind| made_of(aggregate, *kind).is_some())
        .map(column_type_name)
        .collect();
    let (name, kind) = (name_of(aggregate), column_type_name(column));
    format!("{name} is made of {}, not of {kind}", fitting.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_from_aggregate_and_column() {
        let plain = ColumnType::Plain;
        for (name, column, expected) in [
            ("sum", plain(Type::Int64), Some(Type::Int64)),
            ("sum", ColumnType::Money, Some(Type::Float64)),
            ("sum", plain(Type::Text), None),
            ("mean", plain(Type::Int64), Some(Type::Float64)),
            ("mean", plain(Type::Timestamp), None),
            ("max", ColumnType::Money, Some(Type::Float64)),
            ("min", plain(Type::Boolean), None),
            ("last", plain(Type::Boolean), Some(Type::Boolean)),
            ("first", plain(Type::Timestamp), Some(Type::Timestamp)),
            ("count_distinct", plain(Type::Text), Some(Type::Int64)),
            ("count_distinct", ColumnType::Money, None),
            ("most_frequent", plain(Type::Text), Some(Type::Text)),
            ("most_frequent", plain(Type::Float64), None),
        ] {
            let mut problems = Problems::of_folder("features");
            let aggregate = aggregate_of(name, "", &mut problems).unwrap();
            assert_eq!(name_of(aggregate), name);
            assert_eq!(made_of(aggregate, column), expected, "{name} of {column:?}");
        }
        let expected = "mean is made of money, int64, float64, not of text";
        assert_eq!(senseless(Aggregate::Mean, plain(Type::Text)), expected);
    }
}
