//! The card beside a training set: what it is, for people.

use shopflow_features::{PersonalData, ViewKind};
use shopflow_page::number::thousands;

use super::manifest::{Manifest, OfFeature};
use super::plan::{Made, Output, Plan};

const ASSUMPTIONS: &str = "\
- What the first load of a shop brought counts as known one day after it happened, and its products,
  customers and exchange rates as long as they were true: nothing says when the shop knew what.
- Everything later counts from when it was loaded.
- Sessions, minutes of the stream, predictions and pairs are stored in their last version only; their
  features know no earlier one.
";

/// The card in Markdown; the same for the same manifest and definitions.
pub fn render(plan: &Plan<'_>, manifest: &Manifest) -> String {
    let mut text = format!(
        "# Training set of the service {}\n\n{}. Owner: {}.\n\n",
        manifest.service,
        sentence(&plan.service.description),
        plan.service.owner
    );
    text.push_str(&format!(
        "Made for the {} rows of `{}`. Each value is what was known at the `event_timestamp` of its \
         row; what became known after {} is in none.\n\n",
        thousands(manifest.rows),
        manifest.spine.file,
        manifest.until
    ));
    text.push_str("| file | rows | from | to | SHA-256 |\n|---|---:|---|---|---|\n");
    for file in &manifest.files {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | `{}` |\n",
            file.file,
            thousands(file.rows),
            file.from.as_deref().unwrap_or("-"),
            file.to.as_deref().unwrap_or("-"),
            file.sha256
        ));
    }
    text.push_str(&views(plan, manifest));
    text.push_str(&features(plan, manifest));
    text.push_str(&format!("\n## Assumptions\n\n{ASSUMPTIONS}"));
    text
}

fn views(plan: &Plan<'_>, manifest: &Manifest) -> String {
    let mut text = format!(
        "\n## Known only later\n\nA join by `event_timestamp` alone would have given {} of {} rows \
         ({}) something that the shop learned after their moment. Here they have what was known \
         then.\n\n| view | version | made of | known later | missing | too old |\n\
         |---|---|---|---:|---:|---:|\n",
        thousands(manifest.rows_known_later),
        thousands(manifest.rows),
        share(manifest.rows_known_later, manifest.rows)
    );
    for (read, of) in plan.reads.iter().zip(&manifest.views) {
        let made_of = match &read.view.kind {
            ViewKind::Aggregated(aggregated) => aggregated.source.clone(),
            ViewKind::Sql { reads, .. } => reads.join(", "),
        };
        text.push_str(&format!(
            "| {} | `{}` | {} | {} | {} | {} |\n",
            of.name,
            of.version,
            made_of,
            thousands(of.known_later),
            share(of.missing, manifest.rows),
            share(of.outside_ttl, manifest.rows)
        ));
    }
    text
}

fn features(plan: &Plan<'_>, manifest: &Manifest) -> String {
    let mut text = String::from(
        "\n## Features\n\n| feature | type | what it is | of | owner | personal data | null | min | \
         mean | max |\n|---|---|---|---|---|---|---:|---:|---:|---:|\n",
    );
    for (output, of) in plan.outputs.iter().zip(&manifest.features) {
        text.push_str(&row(plan, output, of, manifest.rows));
    }
    text
}

fn row(plan: &Plan<'_>, output: &Output<'_>, of: &OfFeature, rows: u64) -> String {
    let owner = match output.made {
        Made::View(place) => &plan.reads[place].view.owner,
        Made::Computed(..) => &plan.service.owner,
    };
    let mut description = output.feature.description.clone();
    if let Some(expression) = &of.expression {
        description.push_str(&format!(": `{expression}`"));
    }
    let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), shown);
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        of.name,
        of.kind,
        description.replace('|', "\\|"),
        of.of,
        owner,
        personal_data(output.feature.personal_data),
        share(of.nulls, rows),
        number(of.min),
        number(of.mean),
        number(of.max)
    )
}

/// A class in words.
pub fn personal_data(class: PersonalData) -> String {
    class.name().replace('_', " ")
}

/// A number with two decimals at most.
fn shown(number: f64) -> String {
    let text = format!("{number:.2}");
    text.strip_suffix(".00").map_or_else(|| text.clone(), str::to_owned)
}

/// A share in per cent; only nothing at all is 0 %, and only all of it is 100 %.
fn share(part: u64, of: u64) -> String {
    if part == 0 || of == 0 {
        return "0 %".to_owned();
    }
    if part == of {
        return "100 %".to_owned();
    }
    let percent = part as f64 * 100.0 / of as f64;
    format!("{:.1} %", percent.clamp(0.1, 99.9))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_do_not_hide_that_there_is_something() {
        assert_eq!(share(0, 10), "0 %");
        assert_eq!(share(1, 100_000), "0.1 %");
        assert_eq!(share(99_999, 100_000), "99.9 %");
        assert_eq!(share(10, 10), "100 %");
        assert_eq!(share(0, 0), "0 %");
    }

    #[test]
    fn numbers_have_two_decimals_at_most() {
        assert_eq!((shown(3.0), shown(2.456)), ("3".to_owned(), "2.46".to_owned()));
    }
}
