//! What tables and columns mean, from the `COMMENT` statements of the migrations.

use std::collections::HashMap;
use std::sync::LazyLock;

use shopflow_core::Dataset;
use shopflow_core::dataset::Role;

static COMMENTS: LazyLock<HashMap<String, String>> =
    LazyLock::new(|| parse(include_str!(concat!(env!("OUT_DIR"), "/ddl.sql"))));

/// Columns of gold that the warehouse's copy of the table does not have.
const LAKE_ONLY: [(&str, &str, &str); 1] =
    [("fact_sales", "business_date", "Date of the sale in the shop's time zone")];

/// The meaning of a gold table: that of its published copy.
pub(crate) fn of_table(table: &str) -> Option<&'static str> {
    COMMENTS.get(&format!("warehouse.{table}")).map(String::as_str)
}

/// The meaning of a column of a gold table: that of its published copy, of the view that says the
/// same as the table does, or of the dataset's column it comes from.
pub(crate) fn of_column(table: &str, column: &str) -> Option<&'static str> {
    let view = if table == "fact_sales" { "sales" } else { table };
    let known = [table, view].into_iter().find_map(|relation| {
        COMMENTS.get(&format!("warehouse.{relation}.{column}")).map(String::as_str)
    });
    let lake_only = || {
        let found = LAKE_ONLY.iter().find(|(of, name, _)| (*of, *name) == (table, column));
        found.map(|(_, _, comment)| *comment)
    };
    let of_dataset = || {
        let events = Dataset::all().filter(|dataset| matches!(dataset.role(), Role::Event(_)));
        let mut columns = events.flat_map(Dataset::columns);
        columns.find(|known| known.name == column).map(|known| known.description)
    };
    known.or_else(lake_only).or_else(of_dataset)
}

/// `schema.relation` or `schema.relation.column` to its comment; a later statement wins.
fn parse(ddl: &str) -> HashMap<String, String> {
    let mut comments = HashMap::new();
    for statement in ddl.split("COMMENT ON ").skip(1) {
        let Some((head, rest)) = statement.split_once('\'') else { continue };
        let words: Vec<&str> = head.split_whitespace().collect();
        // TABLE name IS, MATERIALIZED VIEW name IS, COLUMN name IS
        let [.., name, "IS"] = words.as_slice() else { continue };
        comments.insert((*name).to_owned(), literal(rest));
    }
    comments
}

/// The text up to the end of a literal whose opening quote was read: a doubled quote stands for
/// one, and a literal that goes on after white space belongs to it.
fn literal(mut rest: &str) -> String {
    let mut text = String::new();
    while let Some((part, after)) = rest.split_once('\'') {
        text.push_str(part);
        if let Some(quoted) = after.strip_prefix('\'') {
            text.push('\'');
            rest = quoted;
        } else if let Some(next) = after.trim_start().strip_prefix('\'') {
            rest = next;
        } else {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_read_as_postgres_reads_them() {
        let comments = parse(
            "COMMENT ON TABLE a.b IS 'a customer''s day';\n\
             COMMENT ON COLUMN a.b.c IS\n    'first '\n    'second';\n\
             COMMENT ON MATERIALIZED VIEW a.v IS 'old';\nCOMMENT ON VIEW a.v IS 'new';\n\
             COMMENT ON TABLE a.n IS NULL;\n",
        );
        assert_eq!(comments["a.b"], "a customer's day");
        assert_eq!(comments["a.b.c"], "first second");
        assert_eq!(comments["a.v"], "new");
    }

    #[test]
    fn the_star_is_explained() {
        assert!(of_table("fact_sales").is_some_and(|text| text.starts_with("Sales: one row")));
        for column in ["sold_at", "event_date", "business_date", "customer_id", "payment_method"] {
            assert!(of_column("fact_sales", column).is_some(), "{column}");
        }
        assert_eq!(of_column("fact_sales", "unheard_of"), None);
    }
}
