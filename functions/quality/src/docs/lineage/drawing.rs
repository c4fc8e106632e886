//! The graph as SVG: a column per layer, and one more where tables of a layer read each other.

use std::collections::BTreeMap;

use shopflow_lineage::Graph;
use shopflow_page::chart::{Caption, fitted, svg, text};
use shopflow_page::{Html, html};

use super::super::shell::Tone;
use super::{Standing, id};

const BOX: f64 = 158.0;
const HEIGHT: f64 = 26.0;
const ROW: f64 = 36.0;
/// Room between two columns for the lines.
const GAP: f64 = 46.0;
const TOP: f64 = 34.0;
/// Room of a name within its box.
const PADDING: f64 = 8.0;

/// Place of a table: which column, and which row of it.
type Place = (usize, usize);

/// The drawing, and how many steps it shows.
pub fn draw(graph: &Graph, standing: &Standing<'_>) -> (Html, usize) {
    let places = places(graph);
    let columns = places.values().map(|(column, _)| column + 1).max().unwrap_or(0);
    let rows = places.values().map(|(_, row)| row + 1).max().unwrap_or(0);
    let width = (columns as f64 * (BOX + GAP) - GAP).max(1.0);
    let height = TOP + rows as f64 * ROW;
    let mut content = heads(graph, &places);
    let mut edges = 0;
    for (from, to) in graph.edges() {
        if let (Some(from), Some(to)) = (places.get(from), places.get(to)) {
            content.push(edge(*from, *to));
            edges += 1;
        }
    }
    for dataset in &graph.datasets {
        if let Some(place) = places.get(dataset.name.as_str()) {
            content.push(node(&dataset.name, dataset.table(), *place, standing));
        }
    }
    let description = format!("{} tables and {edges} steps between them", places.len());
    let caption = Caption { id: "lineage", title: "Lineage of tables", description: &description };
    (html!("{}", svg(width, height, "lineage", &caption, &content)), edges)
}

fn x(column: usize) -> f64 {
    column as f64 * (BOX + GAP)
}

fn y(row: usize) -> f64 {
    TOP + row as f64 * ROW
}

/// A column per layer and depth within it; in a column, tables stand near what they are made from.
fn places(graph: &Graph) -> BTreeMap<&str, Place> {
    let mut ranks: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    // What is read stands before what is written from it.
    for dataset in &graph.datasets {
        let layer = dataset.layer().map_or(0, |layer| layer as usize);
        let inputs = dataset.inputs();
        let depth = inputs
            .iter()
            .filter_map(|input| ranks.get(input))
            .filter(|(of_input, _)| *of_input == layer)
            .map(|(_, depth)| depth + 1)
            .max()
            .unwrap_or(0);
        ranks.insert(&dataset.name, (layer, depth));
    }
    let mut columns: Vec<(usize, usize)> = ranks.values().copied().collect();
    columns.sort_unstable();
    columns.dedup();
    let mut places: BTreeMap<&str, Place> = BTreeMap::new();
    for (column, rank) in columns.iter().enumerate() {
        let mut tables: Vec<(f64, usize, &str)> = graph
            .datasets
            .iter()
            .enumerate()
            .filter(|(_, dataset)| ranks.get(dataset.name.as_str()) == Some(rank))
            .map(|(at, dataset)| {
                let inputs = dataset.inputs();
                let rows: Vec<usize> = inputs
                    .iter()
                    .filter_map(|input| places.get(input))
                    .map(|(_, row)| *row)
                    .collect();
                let middle = rows.iter().sum::<usize>() as f64 / rows.len().max(1) as f64;
                (middle, at, dataset.name.as_str())
            })
            .collect();
        tables.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (row, (_, _, name)) in tables.into_iter().enumerate() {
            places.insert(name, (column, row));
        }
    }
    places
}

/// The name of each layer above its first column.
fn heads(graph: &Graph, places: &BTreeMap<&str, Place>) -> Html {
    let mut columns: BTreeMap<&str, usize> = BTreeMap::new();
    for dataset in &graph.datasets {
        let Some((column, _)) = places.get(dataset.name.as_str()) else { continue };
        let layer = dataset.layer().map_or("", |layer| layer.name());
        let first = columns.entry(layer).or_insert(*column);
        *first = (*first).min(*column);
    }
    columns.iter().map(|(layer, column)| text(x(*column), 14.0, "start", "group", layer)).collect()
}

fn edge(from: Place, to: Place) -> Html {
    let (start, end) = (x(from.0) + BOX, x(to.0));
    let (from, to) = (y(from.1) + HEIGHT / 2.0, y(to.1) + HEIGHT / 2.0);
    let bend = GAP * 0.55;
    html!(
        "<path class=\"edge\" d=\"M{:.0} {:.0}C{:.0} {:.0} {:.0} {:.0} {:.0} {:.0}\"/>",
        start,
        from,
        start + bend,
        from,
        end - bend,
        to,
        end,
        to
    )
}

fn node(name: &str, table: &str, place: Place, standing: &Standing<'_>) -> Html {
    let (class, words) = match standing.get(name) {
        Some((_, Tone::Good)) => ("node good", ", suite met"),
        Some((_, Tone::Quiet)) => ("node info", ", suite met with information"),
        Some(_) => ("node bad", ", suite not met"),
        None => ("node", ""),
    };
    let (left, top) = (x(place.0), y(place.1));
    html!(
        "<a href=\"#{id}\" aria-label=\"{name}{words}\"><rect class=\"{class}\" x=\"{left:.0}\" \
         y=\"{top:.0}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>{label}</a>";
        id = id(name),
        name = name,
        words = words,
        class = class,
        left = left,
        top = top,
        width = BOX,
        height = HEIGHT,
        label = text(
            left + PADDING,
            top + 17.0,
            "start",
            "label",
            &fitted(table, BOX - 2.0 * PADDING)
        )
    )
}
