//! Features that are asked for together.

use shopflow_core::definitions::{Fields, Problems, texts};

use super::entry::Entry;
use super::{OnDemand, Service, View};

const FIELDS: [&str; 3] = ["description", "owner", "features"];

/// Reads the services, by name. Known are the names of all views and on-demand features.
pub(super) fn read(
    entries: &[Entry<'_>],
    known: &[&str],
    views: &[View],
    on_demand: &[OnDemand],
    problems: &mut Problems,
) -> Vec<Service> {
    let features = |name: &str| {
        let of_view = views.iter().find(|view| view.name == name);
        let of_view = of_view.map(|view| view.features.iter().collect::<Vec<_>>());
        let of_on_demand = on_demand.iter().find(|on_demand| on_demand.name == name);
        let of_on_demand = of_on_demand
            .map(|it| it.features.iter().map(|(feature, _)| feature).collect::<Vec<_>>());
        let found = of_view.or(of_on_demand)?;
        Some(found.into_iter().map(|feature| feature.name.as_str()).collect::<Vec<&str>>())
    };
    entries.iter().filter_map(|entry| service(entry, known, features, problems)).collect()
}

fn service<'a>(
    entry: &Entry<'_>,
    known: &[&str],
    features: impl Fn(&str) -> Option<Vec<&'a str>>,
    problems: &mut Problems,
) -> Option<Service> {
    let fields = entry.read(&FIELDS, problems)?;
    let description = fields.text("description", problems);
    let owner = fields.text("owner", problems);
    let features = asked(&fields, known, features, problems);
    Some(Service {
        name: entry.name.to_owned(),
        description: description?.to_owned(),
        owner: owner?.to_owned(),
        features,
    })
}

/// Every view that is asked for once, with the features of it that are asked for.
fn asked<'a>(
    fields: &Fields<'_>,
    known: &[&str],
    features: impl Fn(&str) -> Option<Vec<&'a str>>,
    problems: &mut Problems,
) -> Vec<(String, Vec<String>)> {
    let Some(yaml) = fields.need("features", problems) else { return Vec::new() };
    let place = fields.place("features");
    let texts = texts(yaml, &place, problems);
    if texts.is_empty() {
        problems.add(&place, "there must be one");
    }
    let mut asked: Vec<(String, Vec<String>)> = Vec::new();
    for text in texts {
        let (view, feature) = match text.split_once(':') {
            Some((view, feature)) => (view, Some(feature)),
            None => (text, None),
        };
        if !known.contains(&view) {
            problems.unknown(&place, "view", view, known);
            continue;
        }
        // One that is wrong is told where it is defined.
        let Some(found) = features(view) else { continue };
        let wanted = match feature {
            Some(feature) if !found.contains(&feature) => {
                problems.unknown(&place, &format!("feature of {view}"), feature, &found);
                continue;
            }
            Some(feature) => vec![feature],
            None => found,
        };
        let at = asked.iter().position(|(name, _)| name == view).unwrap_or_else(|| {
            asked.push((view.to_owned(), Vec::new()));
            asked.len() - 1
        });
        for feature in wanted {
            if asked[at].1.iter().any(|known| known == feature) {
                problems.add(&place, format!("it has '{view}:{feature}' twice"));
            } else {
                asked[at].1.push(feature.to_owned());
            }
        }
    }
    asked
}
