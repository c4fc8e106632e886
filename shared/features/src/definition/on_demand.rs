//! Features that are computed when they are asked for.

use shopflow_core::definitions::{Fields, Problems, texts};

use super::entry::Entry;
use super::views::personal_data;
use super::{Feature, FeatureKind, OnDemand, View, kinds};
use crate::transform::{Expression, Input, Scope, Typed};
use crate::value::Type;

const FIELDS: [&str; 4] = ["description", "inputs", "personal_data", "features"];
const INPUTS: [&str; 2] = ["views", "request"];
const OF_FEATURE: [&str; 4] = ["expression", "type", "description", "personal_data"];
const MOST_FEATURES: usize = 200;

/// Reads the on-demand features, by name. View names are those of all views.
pub(super) fn read(
    entries: &[Entry<'_>],
    views: &[View],
    view_names: &[&str],
    problems: &mut Problems,
) -> Vec<OnDemand> {
    let found = entries.iter().map(|entry| on_demand(entry, views, view_names, problems));
    found.flatten().collect()
}

fn on_demand(
    entry: &Entry<'_>,
    views: &[View],
    view_names: &[&str],
    problems: &mut Problems,
) -> Option<OnDemand> {
    let fields = entry.read(&FIELDS, problems)?;
    let description = fields.text("description", problems);
    let inputs = inputs(&fields, view_names, problems)?;
    let features = features(&fields, inputs.scope(views), problems);
    Some(OnDemand {
        name: entry.name.to_owned(),
        description: description?.to_owned(),
        views: inputs.views,
        request: inputs.request,
        features,
    })
}

struct Inputs {
    views: Vec<String>,
    request: Vec<(String, Type)>,
}

impl Inputs {
    /// What expressions may name; `None` when some of it could not be read.
    fn scope(&self, views: &[View]) -> Option<Scope> {
        let mut known = Vec::new();
        for name in &self.views {
            let view = views.iter().find(|view| view.name == *name)?;
            known.extend(Input::of_view(view));
        }
        known.extend(Input::of_request(&self.request));
        Some(Scope::new(known))
    }
}

fn inputs(fields: &Fields<'_>, view_names: &[&str], problems: &mut Problems) -> Option<Inputs> {
    let yaml = fields.need("inputs", problems)?;
    let fields = Fields::read(yaml, &fields.place("inputs"), &INPUTS, problems)?;
    let mut inputs = Inputs { views: Vec::new(), request: Vec::new() };
    if let Some(yaml) = fields.get("views") {
        let place = fields.place("views");
        for name in texts(yaml, &place, problems) {
            if !view_names.contains(&name) {
                problems.unknown(&place, "view", name, view_names);
            }
            if inputs.views.iter().any(|known| known == name) {
                problems.add(&place, format!("it has '{name}' twice"));
            }
            inputs.views.push(name.to_owned());
        }
    }
    if let Some(yaml) = fields.get("request") {
        let fields = Fields::read_any(yaml, &fields.place("request"), problems)?;
        for (name, _) in fields.iter() {
            let place = fields.place(name);
            kinds::check_column(name, &place, problems);
            let Some(kind) = fields.text(name, problems) else { continue };
            let kind = kinds::type_of(kind, &place, problems);
            inputs.request.extend(kind.map(|kind| (name.to_owned(), kind)));
        }
    }
    Some(inputs)
}

fn features(
    fields: &Fields<'_>,
    mut scope: Option<Scope>,
    problems: &mut Problems,
) -> Vec<(Feature, String)> {
    let usual = kinds::personal_data(fields, problems);
    let Some(yaml) = fields.need("features", problems) else { return Vec::new() };
    let place = fields.place("features");
    let Some(fields) = Fields::read_any(yaml, &place, problems) else { return Vec::new() };
    if !(1..=MOST_FEATURES).contains(&fields.iter().count()) {
        problems.add(&place, format!("there must be 1 to {MOST_FEATURES}"));
    }
    let mut features = Vec::new();
    for (name, yaml) in fields.iter() {
        let place = fields.place(name);
        kinds::check_column(name, &place, problems);
        let Some(fields) = Fields::read(yaml, &place, &OF_FEATURE, problems) else { continue };
        let description = fields.text("description", problems);
        let personal_data = personal_data(&fields, usual, problems);
        let made = expression(&fields, scope.as_mut(), problems);
        if let (Some(description), Some(personal_data), Some((kind, text))) =
            (description, personal_data, made)
        {
            let (name, description) = (name.to_owned(), description.to_owned());
            let made = FeatureKind::Expression;
            features.push((Feature { name, description, kind, personal_data, made }, text));
        }
    }
    features
}

/// The type of a feature, and its expression as it is kept: in the form in which it is printed.
fn expression(
    fields: &Fields<'_>,
    scope: Option<&mut Scope>,
    problems: &mut Problems,
) -> Option<(Type, String)> {
    let kind = fields
        .text("type", problems)
        .and_then(|name| kinds::type_of(name, &fields.place("type"), problems));
    let text = fields.text("expression", problems)?;
    let place = fields.place("expression");
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(problem) => {
            problems.add(&place, problem);
            return None;
        }
    };
    let kind = kind?;
    if let Err(found) = Typed::check(&expression, kind, scope?) {
        for problem in found {
            problems.add(&place, problem);
        }
    }
    Some((kind, expression.to_string()))
}
