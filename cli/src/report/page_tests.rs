use super::*;
use crate::report::figures::{AsOf, Figures};

/// A report in which every text is `text`.
fn report(text: &str) -> Report {
    let mut answers = Vec::new();
    for chart in [
        "bars n by name",
        "bars n by name in group",
        "columns n by name",
        "line n by name",
        "heat n by name and group",
    ] {
        let mut table = Table::new(&["name", "n", "group", "odd"]);
        for number in ["1", "2"] {
            let cells = [text, number, &format!("{text}{number}"), text];
            table.push(cells.map(str::to_owned));
        }
        table.columns[3] = text.to_owned();
        let question = Question {
            name: text.to_owned(),
            title: text.to_owned(),
            sql: text.to_owned(),
            theme: text.to_owned(),
            grain: text.to_owned(),
            reads: vec![text.to_owned()],
            chart: Some(chart.parse().unwrap()),
            notes: text.to_owned(),
        };
        answers.push(Answer { question, table });
    }
    Report {
        figures: Figures {
            transactions: text.to_owned(),
            revenue: text.to_owned(),
            gross: text.to_owned(),
            discounts: text.to_owned(),
            returns: text.to_owned(),
            tax: text.to_owned(),
            shipping: text.to_owned(),
            costed_revenue: text.to_owned(),
            margin: text.to_owned(),
            currency: text.to_owned(),
            average_order_value: Some(text.to_owned()),
            customers: text.to_owned(),
            days: Some((text.to_owned(), text.to_owned())),
        },
        as_of: AsOf {
            run_id: Some(text.to_owned()),
            finished_at: Some(text.to_owned()),
            quality_score: Some(text.to_owned()),
        },
        answers,
        kept: 0,
    }
}

#[test]
fn no_value_can_become_markup() {
    let hostile = "'\"><script>alert(1)</script><!--&\u{0}";
    let page = report(hostile).page(hostile);
    assert!(
        !page.contains("<script") && !page.contains("<!--") && !page.contains('\u{0}'),
        "{page}"
    );
    // The same page with a harmless text of the same length has the same elements: nothing broke out of its place.
    let word = "x".repeat(hostile.chars().count());
    let harmless = report(&word).page(&word);
    assert_eq!(page.matches('<').count(), harmless.matches('<').count());
    assert_eq!(page.matches('"').count(), harmless.matches('"').count());
    assert!(page.contains("&lt;script&gt;"), "it is shown as it is");
}

#[test]
fn the_page_asks_for_nothing_from_elsewhere() {
    let page = report("x").page("local");
    for forbidden in
        ["http://", "https://", "url(", "@import", "<script", "<link", " src=", "<iframe"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn every_chart_has_a_name_a_description_and_a_table() {
    let mut one = report("x");
    one.answers.truncate(1);
    let page = one.page("local");
    assert!(page.contains("<html lang=\"en\">") && page.contains("<main"), "{page}");
    let svg = page.split("<svg").nth(1).unwrap();
    let labelled = svg.split("aria-labelledby=\"").nth(1).unwrap().split('"').next().unwrap();
    for id in labelled.split(' ') {
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
    assert!(page.contains("<th scope=\"col\" class=\"number\">n</th>"), "{page}");
}

#[test]
fn a_shop_without_sales_has_a_page_too() {
    let mut empty = report("x");
    empty.figures = Figures { transactions: "0".to_owned(), ..Figures::default() };
    empty.as_of = AsOf::default();
    for answer in &mut empty.answers {
        answer.table.rows.clear();
    }
    let page = empty.page("local");
    assert_eq!(page.matches("There is no data for this yet.").count(), 5);
    assert!(!page.contains("<svg") && page.contains("no run has been recorded yet"), "{page}");
}

#[test]
fn what_is_between_gross_and_net_is_shown_where_there_is_something() {
    let parts = ["<dt>Gross</dt>", "<dt>Discounts</dt>", "<dt>Returns</dt>"];
    let mut sold = report("1");
    let page = sold.page("local");
    assert!(parts.iter().all(|part| !page.contains(part)), "{page}");
    sold.figures.gross = "1234.60".to_owned();
    let page = sold.page("local");
    assert!(parts.iter().all(|part| page.contains(part)), "{page}");
    assert!(page.contains("<dt>Gross</dt><dd>1,234.60</dd>"), "{page}");
}

#[test]
fn tax_shipping_and_margin_are_shown_where_there_are_any() {
    let parts = ["<dt>Tax</dt>", "<dt>Shipping</dt>", "<dt>Margin</dt>", "<dt>Cost known"];
    let mut sold = report("0.00");
    sold.figures.currency = "CHF".to_owned();
    let page = sold.page("local");
    assert!(parts.iter().all(|part| !page.contains(part)), "{page}");
    assert!(page.contains("environment local. Amounts are in CHF.</p>"), "{page}");
    let amount = |text: &str| text.to_owned();
    sold.figures = Figures {
        revenue: amount("2000.00"),
        tax: amount("1234.50"),
        costed_revenue: amount("1500.00"),
        margin: amount("-20.00"),
        ..sold.figures
    };
    let page = sold.page("local");
    for part in [
        "<dt>Tax</dt><dd>1,234.50</dd>",
        "<dt>Margin</dt><dd>-20.00</dd>",
        "<dt>Cost known, % of revenue</dt><dd>75.0</dd>",
    ] {
        assert!(page.contains(part), "{part} is missing in: {page}");
    }
    assert!(!page.contains("<dt>Shipping</dt>"), "{page}");
}

#[test]
fn numbers_are_written_for_people_and_names_are_not_amounts() {
    assert_eq!(shown(Some("1234567.5"), "revenue", true), "1,234,567.5");
    assert_eq!(shown(Some("1234"), "customer_id", true), "1234");
    assert_eq!(shown(None, "revenue", true), "–");
    assert_eq!(heading("recent_share_percent"), "recent share (%)");
    assert_eq!(day("2026-01-04"), "4 January 2026");
}
