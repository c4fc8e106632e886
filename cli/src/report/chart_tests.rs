use shopflow_page::chart::{WIDTH, text_width};

use super::*;

fn table(rows: &[(&str, &str)]) -> Table {
    let mut table = Table::new(&["name", "n"]);
    for (name, number) in rows {
        table.push([(*name).to_owned(), (*number).to_owned()]);
    }
    table
}

fn drawn(chart: &str, table: &Table) -> String {
    let caption = Caption { id: "c", title: "T", description: "D" };
    let drawn = draw(&chart.parse().unwrap(), table, &caption, Some("2026-02-10"));
    drawn.into_iter().collect::<Html>().to_string()
}

/// The numbers of an attribute of all elements of a class.
fn attribute(svg: &str, class: &str, name: &str) -> Vec<f64> {
    let begin = format!("{name}=\"");
    svg.split('<')
        .filter(|element| element.contains(&format!("class=\"{class}\"")))
        .filter_map(|element| element.split(&begin).nth(1)?.split('"').next()?.parse().ok())
        .collect()
}

#[test]
fn bars_are_in_proportion_from_zero_and_carry_their_values() {
    let svg = drawn("bars n by name", &table(&[("a", "400"), ("b", "100"), ("c", "0")]));
    let most = attribute(&svg, "bar most", "width")[0];
    let others = attribute(&svg, "bar", "width");
    assert!((most / others[0] - 4.0).abs() < 0.01, "{most} {others:?}");
    assert!(others[1] <= 0.5, "{others:?}");
    assert!(svg.contains(">400</text>") && svg.contains(">100</text>"), "{svg}");
    let start = attribute(&svg, "bar most", "x")[0];
    assert!(start + most < WIDTH - text_width("400"), "the value fits beside the bar");
}

#[test]
fn long_names_are_cut_and_long_lists_say_what_is_left_out() {
    let rows: Vec<(String, String)> = (0..15)
        .map(|n| (format!("a supplier with a very long name {n}"), "5".to_owned()))
        .collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let svg = drawn("bars n by name", &table(&rows));
    assert!(svg.contains("a supplier with a very…") && !svg.contains("long name"), "{svg}");
    assert!(svg.contains("and 3 more in the figures"), "{svg}");
}

#[test]
fn a_month_that_is_not_over_is_drawn_lighter() {
    let svg = drawn("columns n by name", &table(&[("2026-01", "10"), ("2026-02", "4")]));
    assert_eq!(attribute(&svg, "bar cut", "height").len(), 1);
    assert_eq!(attribute(&svg, "bar most", "height").len(), 1);
    assert!(svg.contains(">Jan 26<") && svg.contains(">Feb<"), "{svg}");
}

#[test]
fn a_line_has_a_point_for_each_row_that_its_filter_keeps() {
    let mut table = Table::new(&["week", "n", "days"]);
    for (week, n, days) in
        [("2026-01-05", "3", "7"), ("2026-01-12", "9", "7"), ("2026-01-19", "1", "2")]
    {
        table.push([week.to_owned(), n.to_owned(), days.to_owned()]);
    }
    let svg = drawn("line n by week where days is 7", &table);
    let line = svg.split("<polyline class=\"line\" points=\"").nth(1).unwrap();
    assert_eq!(line.split('"').next().unwrap().split(' ').count(), 2);
}

#[test]
fn a_heat_map_leaves_out_the_column_that_is_always_the_whole() {
    let mut table = Table::new(&["cohort", "month", "n"]);
    for (cohort, month, n) in
        [("a", "0", "100"), ("a", "1", "40"), ("a", "2", "20"), ("b", "0", "100"), ("b", "1", "10")]
    {
        table.push([cohort.to_owned(), month.to_owned(), n.to_owned()]);
    }
    let svg = drawn("heat n by cohort and month", &table);
    assert_eq!(attribute(&svg, "cell", "fill-opacity"), [0.55, 0.28, 0.14]);
    assert!(svg.contains(">+1<") && !svg.contains(">+0<"), "{svg}");
}

#[test]
fn groups_share_a_scale() {
    let mut table = Table::new(&["name", "n", "of"]);
    for (name, n, of) in [("a", "10", "x"), ("b", "5", "y")] {
        table.push([name.to_owned(), n.to_owned(), of.to_owned()]);
    }
    let caption = Caption { id: "c", title: "T", ..Caption::default() };
    let drawings = draw(&"bars n by name in of".parse().unwrap(), &table, &caption, None);
    assert_eq!(drawings.len(), 2);
    let width = |svg: &str, class| attribute(svg, class, "width")[0];
    assert!(width(drawings[0].as_str(), "bar most") > 1.9 * width(drawings[1].as_str(), "bar"));
}

#[test]
fn what_cannot_be_drawn_is_left_out() {
    assert_eq!(drawn("bars n by name", &table(&[])), "");
    assert_eq!(drawn("bars missing by name", &table(&[("a", "1")])), "");
    assert_eq!(drawn("bars n by name", &table(&[("a", "NaN"), ("b", "many")])), "");
    for chart in ["columns n by name", "line n by name", "bars n by name"] {
        let svg = drawn(chart, &table(&[("a", "0"), ("b", "0")]));
        assert!(svg.contains("<svg") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
