//! The features of a view.

use shopflow_core::definitions::{Fields, Problems, duration};

use crate::Micros;
use crate::aggregate::Aggregate;
use crate::definition::kinds::micros;
use crate::definition::{
    AggregateOf, Entity, Feature, FeatureKind, PersonalData, Source, aggregates, filters, kinds,
};
use crate::value::{ColumnType, Type};

const AGGREGATED: [&str; 6] =
    ["aggregate", "column", "filter", "window", "description", "personal_data"];
const OF_QUERY: [&str; 3] = ["type", "description", "personal_data"];
const MOST_FEATURES: usize = 200;
const LONGEST: &str = "400d";
const EVER: &str = "ever";
/// The moment of an event, which every source has.
const MOMENT: &str = "event_timestamp";

/// What features are made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Made<'a> {
    Of { source: &'a Source, tile: Micros },
    Query,
}

/// Reads the features in the order of the file.
pub(super) fn read(
    view: &Fields<'_>,
    made: Made<'_>,
    entity: Option<&Entity>,
    problems: &mut Problems,
) -> Vec<Feature> {
    let usual = kinds::personal_data(view, problems);
    let Some(yaml) = view.need("features", problems) else { return Vec::new() };
    let place = view.place("features");
    let Some(fields) = Fields::read_any(yaml, &place, problems) else { return Vec::new() };
    if !(1..=MOST_FEATURES).contains(&fields.iter().count()) {
        problems.add(&place, format!("there must be 1 to {MOST_FEATURES}"));
    }
    let mut features = Vec::new();
    for (name, yaml) in fields.iter() {
        let place = fields.place(name);
        kinds::check_column(name, &place, problems);
        if entity.is_some_and(|entity| entity.keys.iter().any(|(key, _)| key == name)) {
            problems.add(&place, "this name is that of a key");
        }
        let known = match made {
            Made::Of { .. } => AGGREGATED.as_slice(),
            Made::Query => OF_QUERY.as_slice(),
        };
        let Some(fields) = Fields::read(yaml, &place, known, problems) else { continue };
        let description = fields.text("description", problems);
        let personal_data = personal_data(&fields, usual, problems);
        let made = match made {
            Made::Of { source, tile } => aggregate(&fields, source, tile, problems),
            Made::Query => column(&fields, problems),
        };
        if let (Some(description), Some(personal_data), Some((made, kind))) =
            (description, personal_data, made)
        {
            let (name, description) = (name.to_owned(), description.to_owned());
            features.push(Feature { name, description, kind, personal_data, made });
        }
    }
    features
}

/// The class of a feature, or the one that all features have that say nothing else.
pub(in crate::definition) fn personal_data(
    fields: &Fields<'_>,
    usual: Option<PersonalData>,
    problems: &mut Problems,
) -> Option<PersonalData> {
    if usual.is_none() {
        fields.need("personal_data", problems)?;
    }
    kinds::personal_data(fields, problems).or(usual)
}

fn column(fields: &Fields<'_>, problems: &mut Problems) -> Option<(FeatureKind, Type)> {
    let kind = fields.text("type", problems)?;
    let kind = kinds::type_of(kind, &fields.place("type"), problems)?;
    Some((FeatureKind::Column, kind))
}

fn aggregate(
    fields: &Fields<'_>,
    source: &Source,
    tile: Micros,
    problems: &mut Problems,
) -> Option<(FeatureKind, Type)> {
    let window = window(fields, tile, problems);
    let filter = filters::read(fields, &source.columns, problems);
    let name = fields.text("aggregate", problems)?;
    let aggregate = aggregates::aggregate_of(name, &fields.place("aggregate"), problems)?;
    let (column, kind) = aggregated(fields, aggregate, source, problems)?;
    let window = window?;
    Some((FeatureKind::Aggregate(AggregateOf { aggregate, column, filter, window }), kind))
}

/// The column of an aggregate, and what comes of it.
fn aggregated(
    fields: &Fields<'_>,
    aggregate: Aggregate,
    source: &Source,
    problems: &mut Problems,
) -> Option<(Option<usize>, Type)> {
    let place = fields.place("column");
    if aggregate == Aggregate::Count {
        if fields.get("column").is_some() {
            problems.add(&place, "count counts rows; count_distinct has a column");
        }
        return Some((None, Type::Int64));
    }
    let name = fields.text("column", problems)?;
    if name == MOMENT {
        if !matches!(aggregate, Aggregate::First | Aggregate::Last) {
            problems.add(&place, "only first and last are made of event_timestamp");
        }
        return Some((None, Type::Timestamp));
    }
    let column = source.columns.iter().position(|column| column.name == name);
    let Some(column) = column else {
        let known: Vec<&str> = source.columns.iter().map(|it| it.name.as_str()).collect();
        problems.unknown(&place, "column", name, &known);
        return None;
    };
    let kind: ColumnType = source.columns[column].kind;
    let made = aggregates::made_of(aggregate, kind);
    if made.is_none() {
        problems.add(&place, aggregates::senseless(aggregate, kind));
    }
    Some((Some(column), made?))
}

/// The length of a window: `Some(None)` for ever.
fn window(fields: &Fields<'_>, tile: Micros, problems: &mut Problems) -> Option<Option<Micros>> {
    let text = fields.text("window", problems)?;
    if text == EVER {
        return Some(None);
    }
    let place = fields.place("window");
    let Some(length) = duration(text) else {
        problems.add(&place, "it must be ever, or a time such as 24h or 30d");
        return None;
    };
    if duration(LONGEST).is_some_and(|longest| length > longest) {
        problems.add(&place, format!("it is longer than {LONGEST}"));
    }
    let length = micros(length);
    if length == 0 || length % tile != 0 {
        problems.add(&place, "it must be one or more tiles");
    }
    Some(Some(length))
}
