//! The graph as SVG: every table one column to the right of what it is made from.

use std::collections::BTreeMap;

use shopflow_lineage::{Dataset, Graph, Layer};
use shopflow_page::chart::{shortened, text};
use shopflow_page::{Html, html, slug};

use super::super::shell::Tone;

const BOX: f64 = 172.0;
const HEIGHT: f64 = 34.0;
const ROW: f64 = 42.0;
/// Room between two columns for the lines.
const GAP: f64 = 34.0;
/// Room of a name within its box.
const PADDING: f64 = 8.0;
/// Characters of a name that fit.
const ROOM: usize = 25;

/// How a table stands in this run, by its name in the graph.
pub(super) type Standing<'a> = BTreeMap<String, (&'a str, Tone)>;

/// The id of a table on the page.
pub(super) fn id(name: &str) -> String {
    format!("table-{}", slug(name))
}

/// Place of a table: which column, and which row of it.
type Place = (usize, usize);

/// The drawing, and how many steps it shows.
pub fn draw(graph: &Graph, standing: &Standing<'_>) -> (Html, usize) {
    let places = places(graph);
    let columns = places.values().map(|(column, _)| column + 1).max().unwrap_or(0);
    let rows = places.values().map(|(_, row)| row + 1).max().unwrap_or(0);
    let width = (columns as f64 * (BOX + GAP) - GAP).max(1.0);
    let height = (rows as f64 * ROW).max(1.0);
    let mut content = Html::default();
    let mut edges = 0;
    for (from, to) in graph.edges() {
        if let (Some(from), Some(to)) = (places.get(from), places.get(to)) {
            content.push(edge(*from, *to));
            edges += 1;
        }
    }
    for dataset in &graph.datasets {
        if let Some(place) = places.get(dataset.name.as_str()) {
            content.push(node(dataset, *place, standing));
        }
    }
    // No picture to those who do not see it, but a group of links.
    let drawing = html!(
        "<svg class=\"chart lineage\" viewBox=\"0 0 {} {}\" role=\"group\" \
         aria-label=\"Tables and what they are made from\">{}</svg>",
        width,
        height,
        content
    );
    (drawing, edges)
}

fn x(column: usize) -> f64 {
    column as f64 * (BOX + GAP)
}

fn y(row: usize) -> f64 {
    2.0 + row as f64 * ROW
}

/// How many steps a table is from the files. Tables that nothing is read into or from have no rank;
/// one that is not made from files stands right before what is made from it.
fn ranks(graph: &Graph) -> BTreeMap<&str, usize> {
    let mut ranks: BTreeMap<&str, usize> = BTreeMap::new();
    // What is read stands before what is written from it.
    for dataset in &graph.datasets {
        let inputs = dataset.inputs();
        let rank = inputs.iter().filter_map(|input| ranks.get(input)).max().map(|rank| rank + 1);
        if let Some(rank) = rank.or((dataset.layer() == Some(Layer::Raw)).then_some(0)) {
            ranks.insert(&dataset.name, rank);
        } else if !inputs.is_empty() {
            ranks.insert(&dataset.name, 1);
        }
    }
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for (from, to) in graph.edges() {
        if let (None, Some(rank)) = (ranks.get(from), ranks.get(to)) {
            let before = rank.saturating_sub(1);
            let known = others.entry(from).or_insert(before);
            *known = (*known).min(before);
        }
    }
    ranks.extend(others);
    ranks
}

/// In a column, tables stand near what they are made from.
fn places(graph: &Graph) -> BTreeMap<&str, Place> {
    let ranks = ranks(graph);
    let columns = ranks.values().max().map_or(0, |most| most + 1);
    let mut places: BTreeMap<&str, Place> = BTreeMap::new();
    for column in 0..columns {
        let of_column = graph.datasets.iter().enumerate();
        let mut tables: Vec<(f64, usize, &str)> = of_column
            .filter(|(_, dataset)| ranks.get(dataset.name.as_str()) == Some(&column))
            .map(|(at, dataset)| {
                let inputs = dataset.inputs();
                let inputs = inputs.iter().filter_map(|input| places.get(input));
                let rows: Vec<usize> = inputs.map(|(_, row)| *row).collect();
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

fn edge(from: Place, to: Place) -> Html {
    let (start, end) = (x(from.0) + BOX, x(to.0));
    let (from, to) = (y(from.1) + HEIGHT / 2.0, y(to.1) + HEIGHT / 2.0);
    let bend = (end - start) * 0.5;
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

fn node(dataset: &Dataset, place: Place, standing: &Standing<'_>) -> Html {
    let (class, words) = match standing.get(&dataset.name) {
        Some((_, Tone::Good)) => ("node good", ", suite met"),
        Some((_, Tone::Quiet)) => ("node info", ", suite met with information"),
        Some(_) => ("node bad", ", suite not met"),
        None => ("node", ""),
    };
    let (left, top) = (x(place.0), y(place.1));
    let layer = dataset.layer().map_or("", Layer::name);
    let mut label = text(left + PADDING, top + 13.0, "start", "tick", layer);
    let table = shortened(dataset.table(), ROOM);
    label.push(text(left + PADDING, top + 27.0, "start", "label", &table));
    html!(
        "<a href=\"#{id}\" aria-label=\"{name}{words}\"><rect class=\"{class}\" x=\"{left:.0}\" \
         y=\"{top:.0}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>{label}</a>";
        id = id(&dataset.name),
        name = dataset.name,
        words = words,
        class = class,
        left = left,
        top = top,
        width = BOX,
        height = HEIGHT,
        label = label
    )
}
