//! What is different between two definitions of a view.

use super::{AggregateOf, Feature, FeatureKind, View, ViewKind};
use crate::Micros;
use crate::definition::aggregates::name_of;
use crate::value::Type;

/// What has changed, each in a sentence; nothing where a view is the same.
pub fn changes(old: &View, new: &View) -> Vec<String> {
    let mut told = Vec::new();
    let mut texts = |what: &str, old: &str, new: &str| {
        if old != new {
            told.push(format!("{what} was '{old}' and is '{new}'"));
        }
    };
    texts("the entity", &old.entity, &new.entity);
    texts("the description", &old.description, &new.description);
    texts("the owner", &old.owner, &new.owner);
    texts("the list of tags", &old.tags.join(", "), &new.tags.join(", "));
    if old.ttl != new.ttl {
        let [old, new] = [old.ttl, new.ttl].map(|ttl| ttl.map_or("none".to_owned(), length));
        told.push(format!("the ttl was {old} and is {new}"));
    }
    made(&old.kind, &new.kind, &mut told);
    features(&old.features, &new.features, &mut told);
    if old.version != new.version && is_made_alike(old, new) {
        told.push(match &new.kind {
            ViewKind::Aggregated(of) => {
                format!("the query or a column of the source '{}' has changed", of.source)
            }
            ViewKind::Sql { .. } => "the keys of the entity have changed".to_owned(),
        });
    }
    told
}

/// True when nothing in the views themselves says why their versions differ.
fn is_made_alike(old: &View, new: &View) -> bool {
    let features = |view: &View| -> Vec<(String, Type, FeatureKind)> {
        let parts = |it: &Feature| (it.name.clone(), it.kind, it.made.clone());
        view.features.iter().map(parts).collect()
    };
    old.entity == new.entity && old.kind == new.kind && features(old) == features(new)
}

fn made(old: &ViewKind, new: &ViewKind, told: &mut Vec<String>) {
    match (old, new) {
        (ViewKind::Aggregated(old), ViewKind::Aggregated(new)) => {
            if old.source != new.source {
                let (old, new) = (&old.source, &new.source);
                told.push(format!("the source was '{old}' and is '{new}'"));
            }
            if old.tile != new.tile {
                let (old, new) = (length(old.tile), length(new.tile));
                told.push(format!("the tile was {old} and is {new}"));
            }
        }
        (ViewKind::Sql { sql: old, reads: before }, ViewKind::Sql { sql: new, reads: after }) => {
            if old != new {
                told.push("the query has changed".to_owned());
            }
            if before != after {
                let (before, after) = (before.join(", "), after.join(", "));
                told.push(format!("it read {before} and reads {after}"));
            }
        }
        (ViewKind::Aggregated(_), ViewKind::Sql { .. }) => {
            told.push("it was made of a source and is a query".to_owned());
        }
        (ViewKind::Sql { .. }, ViewKind::Aggregated(_)) => {
            told.push("it was a query and is made of a source".to_owned());
        }
    }
}

fn features(old: &[Feature], new: &[Feature], told: &mut Vec<String>) {
    let of = |features: &'_ [Feature], name: &str| features.iter().position(|it| it.name == name);
    for feature in old.iter().filter(|feature| of(new, &feature.name).is_none()) {
        told.push(format!("the feature '{}' is gone", feature.name));
    }
    for feature in new {
        match of(old, &feature.name) {
            None => told.push(format!("the feature '{}' is new", feature.name)),
            Some(place) => compare(&old[place], feature, told),
        }
    }
    let order = |features: &[Feature], others: &[Feature]| -> Vec<String> {
        let both = features.iter().filter(|feature| of(others, &feature.name).is_some());
        both.map(|feature| feature.name.clone()).collect()
    };
    if order(old, new) != order(new, old) {
        told.push("the features have another order".to_owned());
    }
}

fn compare(old: &Feature, new: &Feature, told: &mut Vec<String>) {
    let name = &new.name;
    if old.description != new.description {
        told.push(format!("the feature '{name}' has another description"));
    }
    if old.personal_data != new.personal_data {
        let (old, new) = (old.personal_data.name(), new.personal_data.name());
        told.push(format!("the personal data of '{name}' was {old} and is {new}"));
    }
    if old.kind != new.kind {
        let (old, new) = (old.kind.name(), new.kind.name());
        told.push(format!("the type of '{name}' was {old} and is {new}"));
    }
    match (&old.made, &new.made) {
        (FeatureKind::Aggregate(old), FeatureKind::Aggregate(new)) => {
            compare_aggregates(name, old, new, told);
        }
        (old, new) if old != new => told.push(format!("the feature '{name}' is made otherwise")),
        _ => {}
    }
}

fn compare_aggregates(name: &str, old: &AggregateOf, new: &AggregateOf, told: &mut Vec<String>) {
    if old.aggregate != new.aggregate {
        let (old, new) = (name_of(old.aggregate), name_of(new.aggregate));
        told.push(format!("the aggregate of '{name}' was {old} and is {new}"));
    }
    if old.window != new.window {
        let [old, new] =
            [old.window, new.window].map(|window| window.map_or("ever".to_owned(), length));
        told.push(format!("the window of '{name}' was {old} and is {new}"));
    }
    if old.column != new.column {
        told.push(format!("the feature '{name}' is made of another column"));
    }
    if old.filter != new.filter {
        told.push(format!("other rows count in '{name}'"));
    }
}

/// A length of time as definitions write it.
fn length(micros: Micros) -> String {
    let seconds = micros / 1_000_000;
    for (unit, name) in [(86_400, 'd'), (3600, 'h'), (60, 'm')] {
        if seconds % unit == 0 {
            return format!("{}{name}", seconds / unit);
        }
    }
    format!("{seconds}s")
}
