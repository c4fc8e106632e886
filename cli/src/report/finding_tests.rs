use super::*;

fn table(columns: &str, rows: &[&str]) -> Table {
    let columns: Vec<&str> = columns.split('|').collect();
    let mut table = Table::new(&columns);
    for row in rows {
        let cells = row.split('|').map(|cell| (cell != "-").then(|| cell.to_owned()));
        table.rows.push(cells.collect());
    }
    table
}

fn sentence(question: &str, columns: &str, rows: &[&str]) -> String {
    finding(question, &table(columns, rows), Some("2026-03-14")).unwrap_or_default()
}

#[test]
fn a_month_that_is_not_over_is_not_compared() {
    let columns = "month|revenue|growth_percent";
    let rows = ["2026-01|100.00|-", "2026-02|90.00|-10.00", "2026-03|30.00|-66.67"];
    assert_eq!(
        sentence("monthly_revenue_trend", columns, &rows),
        "Revenue fell 10.0% in February 2026, the latest complete month (March 2026 is not over \
         yet); the best was January 2026 with 100.00."
    );
    assert!(!cuts_short("2026-02-28", Some("2026-02")), "its last day is there");
    assert!(cuts_short("2026-02-27", Some("2026-02")));
    assert!(!cuts_short("2026-03-01", Some("2026-02")));
}

#[test]
fn customers_who_bought_once_have_not_come_back() {
    let columns = "baskets|customers|revenue_percent";
    let rows = ["1|40|10.00", "2|30|30.00", "5+|30|60.00"];
    assert_eq!(
        sentence("repeat_purchase_rate", columns, &rows),
        "60.0% of 100 customers have come back, and they bring 90.0% of revenue."
    );
    assert_eq!(
        sentence("repeat_purchase_rate", columns, &["2|5|100.00"]),
        "100.0% of 5 customers have come back, and they bring 100.0% of revenue."
    );
}

#[test]
fn the_funnel_names_the_step_that_loses_most() {
    let columns = "step|sessions|of_all_percent|of_step_percent";
    let rows = ["visit|1000|100.00|-", "product view|800|80.00|80.00", "purchase|40|4.00|5.00"];
    assert_eq!(
        sentence("conversion_funnel", columns, &rows),
        "4.0% of 1,000 visits end in a purchase; most are lost before “purchase”, which 5.0% of \
         those before it reach."
    );
}

#[test]
fn only_cohorts_whose_month_is_over_count_for_retention() {
    let columns = "cohort|month|customers|active";
    let rows = [
        "2026-01|0|100|100",
        "2026-01|1|100|30",
        "2026-01|2|100|5",
        "2026-02|0|50|50",
        "2026-02|1|50|1",
        "2026-03|0|10|10",
    ];
    assert_eq!(
        sentence("cohort_retention", columns, &rows),
        "Of the customers of a month, 30.0% buy again in the month after their first purchase."
    );
}

#[test]
fn inferred_products_are_named_by_number() {
    let columns = "category|product_id|product|units";
    assert_eq!(
        sentence("best_selling_products", columns, &["books|1|Atlas|7", "unknown|30|-|9"]),
        "Product 30 (unknown) sells best of all, with 9 units."
    );
    let columns = "category|product_id|product_key|product|units";
    assert_eq!(
        sentence("best_selling_products", columns, &["unknown|5000000000000000000|MUG-1|-|9"]),
        "Product MUG-1 (unknown) sells best of all, with 9 units."
    );
}

#[test]
fn the_way_to_pay_that_brings_most_is_that_of_all_months_together() {
    let columns = "month|payment_method|amount";
    let rows = ["2026-01|paypal|60.00", "2026-01|credit_card|50.00", "2026-02|credit_card|30.00"];
    assert_eq!(
        sentence("payment_mix", columns, &rows),
        "Most is paid by credit card: 57.1% of all amounts of the last twelve months."
    );
    for rows in [["2026-01|unknown|60.00"], ["2026-01|paypal|-5.00"], ["2026-01|paypal|-"]] {
        assert_eq!(sentence("payment_mix", columns, &rows), "", "{rows:?}");
    }
}

#[test]
fn the_category_with_the_largest_margin_is_named() {
    let columns = "category|margin|margin_percent";
    assert_eq!(
        sentence("margin_by_category", columns, &["toys|1028.50|95.00", "books|12.50|62.50"]),
        "Toys has the largest margin, 1,028.50, 95.00% of its revenue whose cost is known."
    );
    assert_eq!(
        sentence("margin_by_category", columns, &["toys|-2.00|-"]),
        "Toys has the largest margin, -2.00."
    );
}

#[test]
fn an_empty_answer_has_no_sentence() {
    for question in [
        "average_order_value_by_country",
        "basket_size",
        "best_selling_products",
        "category_mix",
        "cohort_retention",
        "conversion_funnel",
        "margin_by_category",
        "monthly_revenue_trend",
        "payment_mix",
        "repeat_purchase_rate",
        "supplier_performance",
        "top_customers",
        "weekly_growth",
        "a_question_of_tomorrow",
    ] {
        assert_eq!(finding(question, &Table::default(), None), None, "{question}");
    }
}
