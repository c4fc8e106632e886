//! What is defined, as tables and as JSON.

use serde_json::{Value, json};
use shopflow_core::Result;
use shopflow_features::{
    Aggregated, Definitions, Feature, Micros, OnDemand, Service, View, ViewKind,
};

use super::card::personal_data;
use super::plan::{Plan, unknown};
use crate::table::Table;

const HOUR: Micros = 3_600_000_000;

/// Entities, views with their features, on-demand features and services.
pub fn list(definitions: &Definitions) -> String {
    let mut entities = Table::new(&["entity", "keys", "what it is"]);
    for entity in &definitions.entities {
        let keys = entity.keys.iter().map(|(name, kind)| format!("{name} {}", kind.name()));
        let keys = keys.collect::<Vec<_>>().join(", ");
        entities.push([entity.name.clone(), keys, entity.description.clone()]);
    }
    let mut features = Table::new(&["view", "version", "feature", "type", "what it is"]);
    for view in &definitions.views {
        for feature in &view.features {
            features.push(line(&view.name, &view.version, feature));
        }
    }
    for on_demand in &definitions.on_demand {
        for (feature, _) in &on_demand.features {
            features.push(line(&on_demand.name, "on demand", feature));
        }
    }
    let mut services = Table::new(&["service", "features", "owner", "what it is"]);
    for service in &definitions.services {
        let count: usize = service.features.iter().map(|(_, features)| features.len()).sum();
        let (name, owner) = (service.name.clone(), service.owner.clone());
        services.push([name, count.to_string(), owner, service.description.clone()]);
    }
    format!("{}\n{}\n{}", entities.render(), features.render(), services.render())
}

fn line(of: &str, version: &str, feature: &Feature) -> [String; 5] {
    let kind = feature.kind.name().to_owned();
    let (name, description) = (feature.name.clone(), feature.description.clone());
    [of.to_owned(), version.to_owned(), name, kind, description]
}

/// [`list`] as JSON.
pub fn list_json(definitions: &Definitions) -> Value {
    let entities = definitions.entities.iter().map(|entity| {
        let keys = entity.keys.iter().map(|(name, kind)| (name.clone(), json!(kind.name())));
        json!({
            "name": entity.name, "description": entity.description,
            "keys": Value::Object(keys.collect()),
        })
    });
    json!({
        "entities": entities.collect::<Vec<_>>(),
        "views": definitions.views.iter().map(|it| view_json(definitions, it)).collect::<Vec<_>>(),
        "on_demand": definitions.on_demand.iter().map(on_demand_json).collect::<Vec<_>>(),
        "services": definitions.services.iter().map(service_json).collect::<Vec<_>>(),
    })
}

/// What has a name.
enum Named<'d> {
    View(&'d View),
    OnDemand(&'d OnDemand),
    Service(&'d Service),
}

fn named<'d>(definitions: &'d Definitions, name: &str) -> Result<Named<'d>> {
    let found = definitions
        .view(name)
        .map(Named::View)
        .or_else(|| definitions.on_demand(name).map(Named::OnDemand))
        .or_else(|| definitions.service(name).map(Named::Service));
    found.ok_or_else(|| {
        let views = definitions.views.iter().map(|it| it.name.as_str());
        let on_demand = definitions.on_demand.iter().map(|it| it.name.as_str());
        let services = definitions.services.iter().map(|it| it.name.as_str());
        let known: Vec<&str> = views.chain(on_demand).chain(services).collect();
        unknown("view or service", name, &known)
    })
}

/// A view, an on-demand definition or a service, with every feature.
///
/// # Errors
/// `InvalidInput` when nothing has this name.
pub fn show(definitions: &Definitions, name: &str) -> Result<String> {
    match named(definitions, name)? {
        Named::View(view) => Ok(shown_view(definitions, view)),
        Named::OnDemand(on_demand) => Ok(shown_on_demand(on_demand)),
        Named::Service(service) => shown_service(definitions, service),
    }
}

/// [`show`] as JSON.
///
/// # Errors
/// As [`show`].
pub fn show_json(definitions: &Definitions, name: &str) -> Result<Value> {
    Ok(match named(definitions, name)? {
        Named::View(view) => view_json(definitions, view),
        Named::OnDemand(on_demand) => on_demand_json(on_demand),
        Named::Service(service) => service_json(service),
    })
}

fn shown_view(definitions: &Definitions, view: &View) -> String {
    let mut text = format!("{}: {}\n", view.name, view.description);
    text.push_str(&format!("version {}, entity {}\n", view.version, view.entity));
    text.push_str(&format!("owner {}, tags {}\n", view.owner, or_none(&view.tags.join(", "))));
    text.push_str(&match &view.kind {
        ViewKind::Aggregated(Aggregated { source, tile }) => {
            format!(
                "source {source}, tiles of {}, from {}\n",
                span(*tile),
                reads(definitions, view)
            )
        }
        ViewKind::Sql { .. } => format!("a query of {}\n", reads(definitions, view)),
    });
    let ttl = view
        .ttl
        .map_or_else(|| "never too old".to_owned(), |ttl| format!("too old after {}", span(ttl)));
    text.push_str(&format!("values are {ttl}\n\n"));
    let mut table = Table::new(&["feature", "type", "personal data", "what it is"]);
    for feature in &view.features {
        table.push(described(feature, &feature.description));
    }
    text + &table.render()
}

fn described(feature: &Feature, description: &str) -> [String; 4] {
    let kind = feature.kind.name().to_owned();
    let personal = personal_data(feature.personal_data);
    [feature.name.clone(), kind, personal, description.to_owned()]
}

fn shown_on_demand(on_demand: &OnDemand) -> String {
    let mut text = format!("{}: {}\n", on_demand.name, on_demand.description);
    let request: Vec<String> =
        on_demand.request.iter().map(|(name, kind)| format!("{name} {}", kind.name())).collect();
    text.push_str(&format!("computed of the views {}", on_demand.views.join(", ")));
    text.push_str(&format!(", and of the request: {}\n\n", or_none(&request.join(", "))));
    let mut table = Table::new(&["feature", "type", "personal data", "what it is"]);
    for (feature, expression) in &on_demand.features {
        table.push(described(feature, &format!("{}: {expression}", feature.description)));
    }
    text + &table.render()
}

fn shown_service(definitions: &Definitions, service: &Service) -> Result<String> {
    let plan = Plan::new(definitions, &service.name, true)?;
    let mut text = format!("{}: {}\n", service.name, service.description);
    text.push_str(&format!("owner {}\n", service.owner));
    let asked: Vec<String> =
        plan.asked.iter().map(|it| format!("{} {}", it.name, it.kind.name())).collect();
    text.push_str(&format!("asked by {} and a moment\n\n", asked.join(", ")));
    let mut table = Table::new(&["view", "feature", "type", "personal data", "what it is"]);
    for output in &plan.outputs {
        let [name, kind, personal, what] = described(output.feature, &output.feature.description);
        table.push([plan.of(output).to_owned(), name, kind, personal, what]);
    }
    Ok(text + &table.render())
}

/// The tables that a view is made of.
fn reads(definitions: &Definitions, view: &View) -> String {
    match &view.kind {
        ViewKind::Sql { reads, .. } => reads.join(", "),
        ViewKind::Aggregated(Aggregated { source, .. }) => {
            definitions.source(source).map(|source| source.reads.join(", ")).unwrap_or_default()
        }
    }
}

fn view_json(definitions: &Definitions, view: &View) -> Value {
    let (source, tile) = match &view.kind {
        ViewKind::Aggregated(Aggregated { source, tile }) => (Some(source), Some(span(*tile))),
        ViewKind::Sql { .. } => (None, None),
    };
    json!({
        "name": view.name, "description": view.description, "version": view.version,
        "owner": view.owner, "tags": view.tags, "entity": view.entity, "source": source,
        "tile": tile, "reads": reads(definitions, view), "ttl": view.ttl.map(span),
        "features": view.features.iter().map(feature_json).collect::<Vec<_>>(),
    })
}

fn on_demand_json(on_demand: &OnDemand) -> Value {
    let request = on_demand.request.iter().map(|(name, kind)| (name.clone(), json!(kind.name())));
    let features = on_demand.features.iter().map(|(feature, expression)| {
        let mut feature = feature_json(feature);
        feature["expression"] = json!(expression);
        feature
    });
    json!({
        "name": on_demand.name, "description": on_demand.description, "views": on_demand.views,
        "request": Value::Object(request.collect()), "features": features.collect::<Vec<_>>(),
    })
}

fn service_json(service: &Service) -> Value {
    let features = service.features.iter().flat_map(|(of, features)| {
        features.iter().map(move |feature| json!({"of": of, "name": feature}))
    });
    json!({
        "name": service.name, "description": service.description, "owner": service.owner,
        "features": features.collect::<Vec<_>>(),
    })
}

fn feature_json(feature: &Feature) -> Value {
    json!({
        "name": feature.name, "description": feature.description, "type": feature.kind.name(),
        "personal_data": feature.personal_data.name(),
    })
}

/// A duration in days where they are whole, else in hours.
fn span(micros: Micros) -> String {
    match micros / HOUR {
        hours if hours % 24 == 0 => format!("{}d", hours / 24),
        hours => format!("{hours}h"),
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_defined_is_listed_and_shown() {
        let definitions = Definitions::built_in().unwrap();
        let text = list(&definitions);
        let json = list_json(&definitions);
        for view in &definitions.views {
            assert!(text.contains(&view.name) && text.contains(&view.version), "{}", view.name);
            assert!(show(&definitions, &view.name).unwrap().contains(&view.version));
        }
        assert_eq!(json["views"].as_array().unwrap().len(), definitions.views.len());
        let recency = show(&definitions, "customer_recency").unwrap();
        assert!(recency.contains("days(now - last_purchase_at)"), "{recency}");
        let churn = show(&definitions, "churn").unwrap();
        assert!(churn.contains("asked by customer_id int64 and a moment"), "{churn}");
        assert_eq!(show_json(&definitions, "churn").unwrap()["owner"], "analytics");
        let error = show(&definitions, "custmer_basket").unwrap_err().to_string();
        assert!(error.contains("did you mean 'customer_basket'?"), "{error}");
    }
}
