//! `docs/lineage.md`, and the way of one column on screen.

use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::{Dataset, Result};
use shopflow_lineage::{Graph, Layer, Source, Step, Transformation, dataset_of};

/// The document: the datasets as a diagram, then each column of gold and of the dimensions with
/// what it comes from, then where personal values go.
pub fn document(graph: &Graph) -> String {
    let mut text = "# Lineage\n\n\
         <!-- Written by `cargo shopflow lineage`; do not edit. -->\n\n\
         Where every column comes from. It is derived, not typed: from the \
         [definitions of the datasets](../shared/core/src/dataset/built_in.rs), the migrated database, the \
         [SQL of the warehouse](../sql/warehouse) and the logical plans of the \
         [SQL of gold](../sql/gold) ([decision 0024](decisions/0024-lineage.md)). The same lineage \
         is in the OpenLineage events of each run ([record](../functions/record/README.md)), and \
         on screen:\n\n\
         ```sh\n\
         cargo shopflow lineage --column gold.daily_sales.revenue\n\
         cargo shopflow lineage --downstream customers.email\n\
         ```\n\n"
        .to_owned();
    text.push_str(&diagram(graph));
    text.push_str(&gold(graph));
    text.push_str(&personal(graph));
    text
}

fn diagram(graph: &Graph) -> String {
    let mut text = "## Datasets\n\n\
         `raw` are the columns of the files that land in `incoming/`, `core` and `warehouse` are \
         in Postgres, the rest is Parquet. Copies of gold tables in `warehouse` have the same \
         columns and are left out here.\n\n```mermaid\nflowchart LR\n"
        .to_owned();
    let shown =
        |name: &str| graph.dataset(name).is_some_and(|dataset| !is_copy(graph, &dataset.name));
    for layer in Layer::ALL {
        text.push_str(&format!("    subgraph {}\n", layer.name()));
        let tables = graph.datasets.iter().filter(|dataset| dataset.layer() == Some(layer));
        let connected: BTreeSet<&str> = graph.edges().flat_map(|(from, to)| [from, to]).collect();
        for dataset in tables.filter(|table| connected.contains(table.name.as_str())) {
            if shown(&dataset.name) {
                text.push_str(&format!("        {}[{}]\n", node(&dataset.name), dataset.table()));
            }
        }
        text.push_str("    end\n");
    }
    for (from, to) in graph.edges().filter(|(from, to)| shown(from) && shown(to)) {
        text.push_str(&format!("    {} --> {}\n", node(from), node(to)));
    }
    text.push_str("```\n\n");
    text
}

fn node(name: &str) -> String {
    name.replace('.', "_")
}

/// Whether a table of the warehouse is the published copy of a gold table.
fn is_copy(graph: &Graph, name: &str) -> bool {
    let Some(table) = name.strip_prefix("warehouse.") else { return false };
    let gold = format!("gold.{table}");
    graph.dataset(name).is_some_and(|dataset| dataset.inputs().contains(gold.as_str()))
}

fn gold(graph: &Graph) -> String {
    let mut text = "## Gold\n\n\
         For each column what it is computed from right before, and the columns of the files it \
         goes back to. A count of rows comes from no column: the columns that decide about the \
         rows are named above each table, with how (OpenLineage's terms).\n"
        .to_owned();
    for dataset in graph.datasets.iter().filter(|dataset| dataset.layer() == Some(Layer::Gold)) {
        text.push_str(&format!("\n### {}\n\n", dataset.name));
        if !dataset.rows.is_empty() {
            text.push_str(&format!("Rows: {}.\n\n", sources(&dataset.rows)));
        }
        text.push_str("| column | computed from | in the files |\n|---|---|---|\n");
        for column in &dataset.columns {
            let name = format!("{}.{}", dataset.name, column.name);
            let direct = if column.from.is_empty() { String::new() } else { sources(&column.from) };
            let files: Vec<String> =
                origins(graph, &name).iter().map(|origin| format!("`{origin}`")).collect();
            text.push_str(&format!("| `{}` | {direct} | {} |\n", column.name, files.join(", ")));
        }
    }
    text.push('\n');
    text
}

/// `a.b` (JOIN, FILTER), …: each column once.
fn sources(sources: &[Source]) -> String {
    let mut ways: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in sources {
        ways.entry(&source.column).or_default().push(source.by.name());
    }
    let each = ways.iter().map(|(column, ways)| format!("`{column}` ({})", ways.join(", ")));
    each.collect::<Vec<_>>().join(", ")
}

/// Columns of files that the value of a column is made from.
fn origins(graph: &Graph, column: &str) -> BTreeSet<String> {
    let mut open = vec![column.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        let column = graph
            .dataset(dataset_of(&name))
            .and_then(|dataset| dataset.column(name.rsplit('.').next().unwrap_or_default()));
        let direct = column.into_iter().flat_map(|column| &column.from);
        for source in direct.filter(|source| source.by.is_direct()) {
            if seen.insert(source.column.clone()) {
                open.push(source.column.clone());
            }
        }
    }
    seen.retain(|name| name.starts_with("raw."));
    seen
}

fn personal(graph: &Graph) -> String {
    let mut text = "## Personal values\n\n\
         Columns that are made from a personal column of a file. *masked* means that the value \
         cannot be recognised from there on.\n\n\
         | column of the file | as it is | computed from it | masked |\n|---|---|---|---|\n"
        .to_owned();
    for dataset in Dataset::all() {
        for column in dataset.columns().iter().filter(|column| column.is_personal()) {
            let name = format!("raw.{dataset}.{}", column.name);
            let reach = Reach::of(graph, &name);
            text.push_str(&format!(
                "| `{name}` | {} | {} | {} |\n",
                listed(&reach.identical),
                listed(&reach.computed),
                listed(&reach.masked)
            ));
        }
    }
    text
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Where the values of a column go.
#[derive(Default)]
struct Reach {
    identical: BTreeSet<String>,
    computed: BTreeSet<String>,
    masked: BTreeSet<String>,
}

impl Reach {
    fn of(graph: &Graph, column: &str) -> Reach {
        let mut reach = Reach::default();
        // A value that was changed once stays changed.
        for step in graph.downstream(column, false) {
            let Step { column: target, source: Source { column: from, by, masking }, .. } = step;
            if !by.is_direct() {
                continue;
            }
            let (whole, masked) = (
                from == column || reach.identical.contains(&from),
                masking || reach.masked.contains(&from),
            );
            if masked {
                reach.masked.insert(target);
            } else if whole && by == Transformation::Identity {
                reach.identical.insert(target);
            } else if whole || reach.computed.contains(&from) {
                reach.computed.insert(target);
            }
        }
        reach
    }
}

/// What a column is computed from, step by step.
///
/// # Errors
/// `InvalidInput` when there is no such column.
pub fn upstream(graph: &Graph, column: &str) -> Result<String> {
    let name = graph.resolve(column)?;
    let steps = graph.upstream(&name, true);
    let mut text = format!("{name}\n");
    for step in &steps {
        let indent = "  ".repeat(step.depth);
        let of = if step.rows {
            format!("rows of {}", dataset_of(&step.column))
        } else {
            step.column.clone()
        };
        text.push_str(&format!("{indent}{} <- {}\n", of, way(&step.source)));
    }
    let origins = origins(graph, &name);
    if !origins.is_empty() {
        let origins: Vec<String> = origins.into_iter().collect();
        text.push_str(&format!("in the files: {}\n", origins.join(", ")));
    }
    Ok(text)
}

/// What a column has an effect on, step by step.
///
/// # Errors
/// `InvalidInput` when there is no such column.
pub fn downstream(graph: &Graph, column: &str) -> Result<String> {
    let name = graph.resolve(column)?;
    let steps = graph.downstream(&name, true);
    let mut text = format!("{name}\n");
    for step in &steps {
        let indent = "  ".repeat(step.depth);
        let target =
            if step.rows { format!("rows of {}", step.column) } else { step.column.clone() };
        text.push_str(&format!("{indent}{} -> {target}\n", way(&step.source)));
    }
    let datasets: BTreeSet<&str> = steps
        .iter()
        .map(|step| if step.rows { step.column.as_str() } else { dataset_of(&step.column) })
        .collect();
    let count = datasets.len();
    text.push_str(&format!("{count} datasets: {}\n", Vec::from_iter(datasets).join(", ")));
    Ok(text)
}

fn way(source: &Source) -> String {
    let masked = if source.masking { ", masked" } else { "" };
    format!("{} ({}{masked})", source.column, source.by.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revenue_goes_back_to_quantity_and_price() {
        let graph = shopflow_lineage::graph().unwrap();
        let text = upstream(&graph, "gold.daily_sales.revenue").unwrap();
        assert!(text.contains("<- gold.fact_sales.amount (AGGREGATION)"), "{text}");
        let files = "in the files: raw.exchange_rates.rate, raw.products.price, \
                     raw.transactions.currency, raw.transactions.discount, \
                     raw.transactions.quantity, raw.transactions.timestamp, \
                     raw.transactions.unit_price\n";
        assert!(text.ends_with(files), "{text}");
    }

    #[test]
    fn an_email_is_masked_in_silver_and_only_its_domain_reaches_the_warehouse() {
        let graph = shopflow_lineage::graph().unwrap();
        let text = downstream(&graph, "customers.email").unwrap();
        assert!(text.starts_with("raw.customers.email\n"), "{text}");
        let reach = Reach::of(&graph, "raw.customers.email");
        assert!(reach.masked.contains("silver.customers.email"), "{:?}", reach.masked);
        assert!(reach.computed.contains("warehouse.dim_customer.email_domain"));
        let open = |name: &&String| !name.starts_with("bronze.") && !name.starts_with("core.");
        assert_eq!(reach.identical.iter().find(open), None);
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_those_that_are() {
        let graph = shopflow_lineage::graph().unwrap();
        let error = upstream(&graph, "gold.daily_sales.revenues").unwrap_err().to_string();
        assert!(error.contains("'revenues'") && error.contains("unpriced_transactions"), "{error}");
        let error = upstream(&graph, "gold.nothing.at_all").unwrap_err().to_string();
        assert!(error.contains("gold.nothing"), "{error}");
    }
}
