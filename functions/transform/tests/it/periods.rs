//! The tables by period ask one question, which is written for days; `SHOPFLOW_UPDATE_GOLDEN=1`
//! writes it for weeks and months.

use std::path::Path;

/// Where a question begins, below the lines that explain it.
const BEGIN: &str = "WITH lines AS (";

#[test]
fn weeks_and_months_are_asked_what_days_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/gold");
    let read = |table: &str| std::fs::read_to_string(folder.join(format!("{table}.sql"))).unwrap();
    let text = read("daily_sales");
    let (_, of_days) = text.split_once(BEGIN).unwrap();
    for (table, unit, key) in
        [("weekly_sales", "week", "week_start"), ("monthly_sales", "month", "month_start")]
    {
        let start = format!("CAST(date_trunc('{unit}', business_date) AS date) AS {key}");
        let expected =
            of_days.replace("business_date AS event_date", &start).replace("event_date", key);
        let text = read(table);
        let (head, question) = text.split_once(BEGIN).unwrap();
        if std::env::var_os("SHOPFLOW_UPDATE_GOLDEN").is_some() {
            let written = format!("{head}{BEGIN}{expected}");
            std::fs::write(folder.join(format!("{table}.sql")), written).unwrap();
            continue;
        }
        assert_eq!(
            question, expected,
            "{table}.sql asks something else than daily_sales.sql; SHOPFLOW_UPDATE_GOLDEN=1 writes \
             it again"
        );
    }
}
