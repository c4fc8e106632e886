//! Refused rows: each is a field of a record of quarantine, and the header they came under is in
//! their upload (`erase/headers.rs`).
//!
//! A row is the customer's where the column of ids says so, or, where that has no id, the column of
//! addresses. Where the columns cannot be told, since the upload is gone or the row has another number
//! of fields, any field that is the customer's number, key or address makes it theirs: a refused row
//! of somebody else is emptied rather than a value left.

use std::collections::BTreeMap;

use csv::ByteRecord;
use shopflow_core::values;

use super::{Rewriter, column_name, encode, parse, usual};
use crate::erase::person;

/// Names of the columns by the key of the quarantine file. Files whose header is not known are not in
/// it.
pub type Headers = BTreeMap<String, Vec<String>>;

/// The columns that a header names; nothing for one without ids, which tells no customer.
pub fn columns(header: &[u8]) -> Option<Vec<String>> {
    let names: Vec<String> = parse(header)?.iter().map(column_name).collect();
    names.iter().any(|name| name == "id").then_some(names)
}

impl Rewriter<'_> {
    /// Takes the columns that refused rows came under, if they are known.
    pub fn under(mut self, columns: Option<&Vec<String>>) -> Self {
        self.header = columns.cloned();
        self
    }

    /// A record of quarantine: `line,column,rule,value,reason,row`.
    pub(super) fn refused_row(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        if !self.named.may_stand_in(raw) && self.needles.count(raw) == 0 {
            return None;
        }
        let record = parse(raw)?;
        let (value, row) = (record.get(3)?, record.get(5)?);
        let inner = parse(row)?;
        let columns = self.columns_of_own(&inner)?;
        let fields = self.erased(&inner, &columns);
        let row = encode(&inner, &fields, row)?;
        let mut fields: Vec<Vec<u8>> = record.iter().map(<[u8]>::to_vec).collect();
        if value.iter().any(u8::is_ascii_alphabetic) {
            fields[3] = person::NAME.as_bytes().to_vec();
        }
        fields[5] = row;
        encode(&record, &fields, raw)
    }

    /// The columns by which a row of the customer is erased, none where they cannot be told; nothing
    /// for a row of somebody else.
    fn columns_of_own(&self, row: &ByteRecord) -> Option<Vec<String>> {
        match &self.header {
            Some(columns) => {
                let field = |name: &str| {
                    let at = columns.iter().position(|column| column == name)?;
                    row.get(at)
                };
                let id = field("id");
                if id.is_some_and(|id| self.named.is(id)) {
                    return Some(columns.clone());
                }
                if row.len() == columns.len() {
                    let has_no_id = id.is_none_or(|id| self.named.is_of_nobody(id));
                    let is_own = has_no_id && field("email").is_some_and(|it| self.is_address(it));
                    // What stands in the place of the id can be anything.
                    return is_own.then(Vec::new);
                }
            }
            None => {
                let usual = usual();
                let is_usual = row.len() == usual.len();
                if is_usual && row.get(0).is_some_and(|id| self.named.is(id)) {
                    return Some(usual);
                }
            }
        }
        let is_own = row.iter().any(|field| self.named.is(field) || self.is_address(field));
        is_own.then(Vec::new)
    }

    /// True for a field that is an address of the customer and nothing else.
    fn is_address(&self, field: &[u8]) -> bool {
        let text = values::trimmed(field);
        text.contains(&b'@')
            && self.needles.replace(text).is_some_and(|left| left == person::NAME.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shopflow_core::Dataset;
    use shopflow_core::natural_key::{self, NaturalKeys};

    use super::*;
    use crate::erase::person::{Needles, Values};
    use crate::erase::shape::Shape;

    const COLUMNS: &str = "line,column,rule,value,reason,row\n";
    const USUAL: &str = "id,name,email,registration_date,country";

    /// The refused rows `rows` once customer 7, who has the address `ann@x.org`, is erased.
    fn rewrite(customer: i64, keys: &NaturalKeys, header: Option<&str>, rows: &[&str]) -> String {
        let mut values = Values::default();
        values.add_email("ann@x.org");
        let needles = Needles::new(&values).unwrap();
        let columns = header.map(|header| columns(header.as_bytes()).unwrap());
        let pass = |file: &str| {
            let mut rewriter =
                Rewriter::new(customer, keys, &needles, Shape::Quarantine).under(columns.as_ref());
            let mut out = Vec::new();
            rewriter.feed(file.as_bytes(), &mut out);
            rewriter.finish(&mut out);
            (String::from_utf8(out).unwrap(), rewriter.changed)
        };
        let (out, _) = pass(&format!("{COLUMNS}{}\n", rows.join("\n")));
        assert_eq!(pass(&out), (out.clone(), 0), "a second pass");
        out.strip_prefix(COLUMNS).unwrap().trim_end().to_owned()
    }

    fn numbers(header: Option<&str>, row: &str) -> String {
        let record = format!("2,email,invalid_email,[redacted],r,\"{row}\"");
        let out = rewrite(7, &NaturalKeys::default(), header, &[&record]);
        let (_, row) = out.split_once(",r,").unwrap();
        row.trim_matches('"').to_owned()
    }

    #[test]
    fn a_row_of_the_customer_loses_its_values_and_stays_refused() {
        let rows = [
            "2,email,invalid_email,[redacted],r,\"7,Ann Lee,ann.x.org,2024-01-05,DE\"",
            "3,id,not_a_number,Ann Lee,r,\"Ann Lee,7,ann@y.org,2024-01-05,DE,x\"",
            "4,email,invalid_email,[redacted],r,\"8,Bob,7,2024-01-05,DE\"",
        ];
        assert_eq!(
            rewrite(7, &NaturalKeys::default(), Some(USUAL), &rows),
            "2,email,invalid_email,[erased],r,\"7,[erased],[erased],2024-01-05,DE\"\n\
             3,id,not_a_number,[erased],r,\"[erased],7,erased-7@erased.invalid,2024-01-05,DE,x\"\n\
             4,email,invalid_email,[redacted],r,\"8,Bob,7,2024-01-05,DE\""
        );
    }

    #[test]
    fn the_header_says_which_field_is_the_id() {
        let header = Some("Phone,Customer,ID,Name,E-Mail");
        for (row, left) in [
            // Neither a number before the id nor the same number in another column misleads.
            ("5550107,x,7,Ann,ann.x.org", ",,7,[erased],[erased]"),
            ("7,7,8,Bob,bob.x.org", "7,7,8,Bob,bob.x.org"),
            ("7,7,,Bob,bob.x.org", "7,7,,Bob,bob.x.org"),
        ] {
            assert_eq!(numbers(header, row), left);
        }
    }

    #[test]
    fn a_row_without_an_id_is_told_by_its_address() {
        for (row, left) in [
            ("x,Ann,ann@x.org,2024-13-05,DE", "x,[erased],erased-7@erased.invalid,[erased],DE"),
            (",Ann,ANN@x.org ,2024-01-05,DE", ",[erased],erased-7@erased.invalid,2024-01-05,DE"),
            // The id of somebody else says whose row it is; the address goes all the same.
            ("8,Bob,ann@x.org,2024-13-05,DE", "8,Bob,[erased],2024-13-05,DE"),
            ("x,Bob,bob@x.org,2024-13-05,DE", "x,Bob,bob@x.org,2024-13-05,DE"),
        ] {
            assert_eq!(numbers(Some(USUAL), row), left);
        }
    }

    #[test]
    fn where_columns_cannot_be_told_any_field_that_names_the_customer_empties_the_row() {
        for (header, row, left) in [
            // More or fewer fields than the header has.
            (
                Some(USUAL),
                "Lee,Ann,7,555-0107,a@y.org,2024-01-05,DE",
                "[erased],[erased],7,[erased],erased-7@erased.invalid,2024-01-05,DE",
            ),
            (Some(USUAL), "8,Bob,7", "[erased],[erased],7"),
            (Some(USUAL), "Ann,ann@x.org", "[erased],erased-7@erased.invalid"),
            (Some(USUAL), "8,Bob,70", "8,Bob,70"),
            // The upload is gone.
            (None, "5550107,7,Ann,a@y.org", "[erased],7,[erased],erased-7@erased.invalid"),
            (None, "8,Bob,7,2024-01-05,DE", "[erased],[erased],7,2024-01-05,DE"),
            (
                None,
                "7,Ann,a@y.org,2024-13-05,DE",
                "7,[erased],erased-7@erased.invalid,2024-13-05,DE",
            ),
            (None, "8,Bob,bob@x.org,2024-01-05,DE", "8,Bob,bob@x.org,2024-01-05,DE"),
        ] {
            assert_eq!(numbers(header, row), left, "{header:?}");
        }
    }

    #[test]
    fn keys_that_are_texts_are_found_as_they_are_written() {
        let texts: NaturalKeys = serde_json::from_value(json!({"customers": "text"})).unwrap();
        let rows = [
            "2,name,null_value,,r,\"\"\"Lee, Eve\"\",Eve Lee,e@x.org\"",
            "3,name,null_value,,r,\"007,Ann Lee,a@x.org\"",
        ];
        let eve = natural_key::number(Dataset::Customers, b"Lee, Eve").unwrap() as i64;
        for header in [None, Some("id,name,email"), Some(USUAL)] {
            let left = rewrite(eve, &texts, header, &rows);
            assert!(!left.contains("Eve Lee") && left.contains("Ann Lee"), "{left}");
            assert_eq!(rewrite(7, &texts, header, &rows), rows.join("\n"));
        }
    }

    #[test]
    fn a_header_without_ids_tells_nothing() {
        assert_eq!(columns(b"id;name;email"), None);
        assert_eq!(columns(b"E-Mail,\"ID\"").unwrap(), ["email", "id"]);
    }
}
