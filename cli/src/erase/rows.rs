//! Text objects without the values of a customer: records pass through one by one, and only those
//! that are about the customer are rewritten, so all others keep their bytes.

mod refused;

use csv::ByteRecord;
use shopflow_core::natural_key::NaturalKeys;
use shopflow_core::{Dataset, header};

use super::looks;
use super::named::Named;
use super::person::{self, Erased, Needles, Values};
use super::shape::Shape;

pub use refused::{Headers, columns};

/// A record that is longer is taken line by line: a quote that is never closed must not fill the
/// memory.
const LONGEST_RECORD: usize = 1024 * 1024;

/// Rewrites one object, fed in chunks.
#[derive(Debug)]
pub struct Rewriter<'a> {
    customer: i64,
    named: Named,
    needles: &'a Needles,
    shape: Shape,
    /// Names of the columns, once the header has passed; those of refused rows are elsewhere.
    header: Option<Vec<String>>,
    carry: Vec<u8>,
    /// Records that had values of the customer.
    pub changed: u64,
    /// The values that stood in rows of the customer.
    pub found: Values,
}

impl<'a> Rewriter<'a> {
    /// A rewriter for one object; `keys` says how files write keys.
    pub fn new(customer: i64, keys: &NaturalKeys, needles: &'a Needles, shape: Shape) -> Self {
        let named = match shape {
            Shape::Validated => Named::by_number(customer),
            Shape::Customers | Shape::Quarantine | Shape::Text => Named::by_key(customer, keys),
        };
        Rewriter {
            customer,
            named,
            needles,
            shape,
            header: None,
            carry: Vec::new(),
            changed: 0,
            found: Values::default(),
        }
    }

    /// Takes the next chunk; appends the records it completes to `out`.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut bytes = std::mem::take(&mut self.carry);
        let mut searched = bytes.len();
        bytes.extend_from_slice(chunk);
        let (mut start, mut quotes) = (0, bytes[..searched].iter().filter(|b| **b == b'"').count());
        while let Some(at) = bytes[searched..].iter().position(|byte| matches!(byte, b'"' | b'\n'))
        {
            let at = searched + at;
            searched = at + 1;
            if bytes[at] == b'"' {
                quotes += 1;
                continue;
            }
            let whole = self.shape == Shape::Text || quotes % 2 == 0;
            if whole {
                self.record(&bytes[start..=at], out);
            } else if at - start > LONGEST_RECORD {
                for line in bytes[start..=at].split_inclusive(|byte| *byte == b'\n') {
                    self.record(line, out);
                }
            } else {
                continue;
            }
            (start, quotes) = (at + 1, 0);
        }
        self.carry = bytes.split_off(start);
    }

    /// Takes what is left after the last chunk.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = std::mem::take(&mut self.carry);
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            self.record(line, out);
        }
    }

    fn record(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        let erased = match self.shape {
            Shape::Text => None,
            Shape::Customers | Shape::Validated => self.customer_row(raw),
            Shape::Quarantine => self.refused_row(raw),
        };
        let rest = erased.as_deref().unwrap_or(raw);
        let cleaned = self.needles.replace(rest);
        self.changed += u64::from(erased.is_some() || cleaned.is_some());
        out.extend_from_slice(cleaned.as_deref().unwrap_or(rest));
    }

    fn customer_row(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        if self.header.is_none() {
            let names = parse(raw)?;
            let names: Vec<String> = names.iter().map(column_name).collect();
            if names.iter().all(|name| header::is_blank(name)) {
                // Separators before the header.
                return None;
            }
            if names.iter().any(|name| name == "id") {
                self.header = Some(names);
                return None;
            }
            // Without a header the rows are read as if they had the usual one.
            self.header = Some(usual());
        }
        self.named.may_stand_in(raw).then_some(())?;
        let record = parse(raw)?;
        let header = self.header.clone().unwrap_or_default();
        let id = header.iter().position(|name| name == "id").and_then(|at| record.get(at));
        if !self.named.is(id?) {
            return None;
        }
        let fields = self.erased(&record, &header);
        encode(&record, &fields, raw)
    }

    /// The fields of a row of the customer. What is no name and no address stays where it looks
    /// like what its column holds; columns that the dataset does not know are emptied. Where it is not
    /// known what a field holds, dates and codes of countries stay, and what names the customer.
    fn erased(&mut self, record: &ByteRecord, header: &[String]) -> Vec<Vec<u8>> {
        let mut fields = Vec::with_capacity(record.len());
        for (at, field) in record.iter().enumerate() {
            let text = String::from_utf8_lossy(field);
            let text = text.trim();
            let name = header.get(at).map(String::as_str);
            let column = name.and_then(person::column);
            let stays = match (name, column) {
                _ if text.is_empty() => true,
                (Some(_), Some(column)) => match person::erased(column, self.customer) {
                    Erased::Stays => looks::like(column.kind, text),
                    Erased::Text(_) => {
                        self.found.add(column, text);
                        false
                    }
                    Erased::Nothing => {
                        self.found.add(column, text);
                        fields.push(Vec::new());
                        continue;
                    }
                },
                (Some(_), None) => {
                    fields.push(Vec::new());
                    continue;
                }
                (None, _) => self.named.is(field) || looks::tells_nothing(text),
            };
            fields.push(match stays {
                true => field.to_vec(),
                // An address that was none stays none: the row is to be judged as it was.
                false if text.contains('@') => person::email(self.customer).into_bytes(),
                false => person::NAME.as_bytes().to_vec(),
            });
        }
        fields
    }
}

/// What a name in a header means: the name of the column, if it is one.
fn column_name(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    match header::column(Dataset::Customers.columns(), &name) {
        Some(column) => column.name.to_owned(),
        None => name.into_owned(),
    }
}

fn usual() -> Vec<String> {
    let columns = Dataset::Customers.columns().iter().filter(|column| column.is_usual());
    columns.map(|column| column.name.to_owned()).collect()
}

fn parse(raw: &[u8]) -> Option<ByteRecord> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(raw);
    reader.byte_records().next()?.ok()
}

/// The record with other fields, its line break as before; nothing when no field is another.
fn encode(record: &ByteRecord, fields: &[Vec<u8>], raw: &[u8]) -> Option<Vec<u8>> {
    if record.iter().eq(fields.iter().map(Vec::as_slice)) {
        return None;
    }
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    writer.write_record(fields).ok()?;
    let mut line = writer.into_inner().ok()?;
    line.pop();
    let end = raw.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    line.extend_from_slice(&raw[end..]);
    Some(line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shopflow_core::natural_key;

    use super::*;

    fn rewrite(shape: Shape, values: &Values, text: &str, chunk: usize) -> (String, u64, Values) {
        rewrite_of(7, shape, values, text, chunk)
    }

    fn rewrite_of(
        customer: i64,
        shape: Shape,
        values: &Values,
        text: &str,
        chunk: usize,
    ) -> (String, u64, Values) {
        rewrite_keyed(customer, &NaturalKeys::default(), shape, values, text, chunk)
    }

    fn rewrite_keyed(
        customer: i64,
        keys: &NaturalKeys,
        shape: Shape,
        values: &Values,
        text: &str,
        chunk: usize,
    ) -> (String, u64, Values) {
        let needles = Needles::new(values).unwrap();
        let mut rewriter = Rewriter::new(customer, keys, &needles, shape);
        let mut out = Vec::new();
        for chunk in text.as_bytes().chunks(chunk) {
            rewriter.feed(chunk, &mut out);
        }
        rewriter.finish(&mut out);
        (String::from_utf8(out).unwrap(), rewriter.changed, rewriter.found)
    }

    fn values(names: &[&str], emails: &[&str]) -> Values {
        let mut values = Values::default();
        names.iter().for_each(|name| values.add_name(name));
        emails.iter().for_each(|email| values.add_email(email));
        values
    }

    #[test]
    fn a_customer_with_a_text_for_a_key_is_found_by_it_and_by_its_number() {
        let id = natural_key::number(Dataset::Customers, b"AB-1").unwrap();
        let file = format!("id,name,natural_key\nAB-1,Ann,\nAB-12,Bob,\n{id},Ann,AB-1\n7,Eve,\n");
        let values = Values::default();
        let (out, changed, _) = rewrite_of(id as i64, Shape::Customers, &values, &file, 1000);
        assert_eq!(
            out,
            format!("id,name,natural_key\nAB-1,[erased],\nAB-12,Bob,\n{id},[erased],\n7,Eve,\n")
        );
        assert_eq!(changed, 2);
    }

    #[test]
    fn where_keys_are_texts_another_spelling_is_another_customer() {
        let texts: NaturalKeys = serde_json::from_value(json!({"customers": "text"})).unwrap();
        let file = "id,name\n007,Ann\n7,Bob\n7.0,Cat\n 7 ,Dan\n\"Lee, Eve\",Eve\n";
        let left = |customer: i64, shape| {
            rewrite_keyed(customer, &texts, shape, &Values::default(), file, 1000).0
        };
        let of =
            |key: &str| natural_key::number(Dataset::Customers, key.as_bytes()).unwrap() as i64;
        for (customer, shape, names) in [
            (7, Shape::Customers, ["Ann", "[erased]", "Cat", "[erased]", "Eve"]),
            (of("007"), Shape::Customers, ["[erased]", "Bob", "Cat", "Dan", "Eve"]),
            (of("Lee, Eve"), Shape::Customers, ["Ann", "Bob", "Cat", "Dan", "[erased]"]),
            // An earlier release passed `007` on for 7, and numbers have one spelling else.
            (7, Shape::Validated, ["[erased]", "[erased]", "[erased]", "[erased]", "Eve"]),
        ] {
            let left = left(customer, shape);
            let found: Vec<&str> =
                left.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
            assert_eq!(found, names, "{customer} {shape:?}");
        }
    }

    #[test]
    fn rows_of_the_customer_lose_their_values_and_others_keep_their_bytes() {
        let file = "email,id,country,name,registration_date,phone\r\n\
                    a@x.org,7,DE,\"Lee, \"\"Ann\"\"\r\nB\",2024-01-05,+49 30 1234\r\n\
                    b@x.org,70,FR,\"Bob\",2024-01-05,7\r\n\
                    ,007,DE,Ann,x,\r\n\
                    ,+7.0,DE,Ann,x,\r\n";
        for chunk in [1, 3, 1000] {
            let (out, changed, found) = rewrite(Shape::Customers, &Values::default(), file, chunk);
            assert_eq!(
                out,
                "email,id,country,name,registration_date,phone\r\n\
                 erased-7@erased.invalid,7,DE,[erased],2024-01-05,\r\n\
                 b@x.org,70,FR,\"Bob\",2024-01-05,7\r\n\
                 ,007,DE,[erased],[erased],\r\n\
                 ,+7.0,DE,[erased],[erased],\r\n"
            );
            assert_eq!(changed, 3);
            assert_eq!(found.emails.iter().collect::<Vec<_>>(), ["a@x.org"]);
            // A second pass finds nothing.
            let (again, changed, found) =
                rewrite(Shape::Customers, &Values::default(), &out, chunk);
            assert_eq!((again, changed, found), (out, 0, Values::default()));
        }
    }

    #[test]
    fn the_header_may_be_written_in_any_way_and_stand_below_separators() {
        let file = "\u{feff},,,,\nE-Mail,\"ID\",Country,Name,Registration Date\n\
                    a@x.org,7,DE,Ann Lee,2024-01-05\n";
        let (out, changed, _) = rewrite(Shape::Customers, &Values::default(), file, 1000);
        assert!(out.ends_with("\nerased-7@erased.invalid,7,DE,[erased],2024-01-05\n"), "{out}");
        assert_eq!(changed, 1);
    }

    #[test]
    fn values_are_found_in_rows_without_the_number_of_the_customer() {
        let values = values(&["Ann Lee"], &["ann@x.org"]);
        let file = "id,name,email,registration_date,country\n,Ann Lee,ann@x.org,2024-01-05,DE\n\
                    8,Ann Leeson,joann@x.org,2024-01-05,DE\n";
        let (out, changed, _) = rewrite(Shape::Customers, &values, file, 10);
        let left = "id,name,email,registration_date,country\n,[erased],[erased],2024-01-05,DE\n\
                    8,Ann Leeson,joann@x.org,2024-01-05,DE\n";
        assert_eq!((out.as_str(), changed), (left, 1));
        let click = "{\"url\":\"/login?mail=ann%40x.org\"}\n";
        assert_eq!(
            rewrite(Shape::Text, &values, click, 5).0,
            "{\"url\":\"/login?mail=[erased]\"}\n"
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_hides_no_row() {
        let mut file = String::from("id,name,email,registration_date,country\n1,\"x,,,\n");
        for _ in 0..60_000 {
            file.push_str("1,Some Body,body@x.org,2024\n");
        }
        file.push_str("7,Ann Lee,ann@x.org,2024-01-05,DE\n");
        let (out, changed, _) = rewrite(Shape::Customers, &Values::default(), &file, 65_536);
        assert!(out.ends_with("\n7,[erased],erased-7@erased.invalid,2024-01-05,DE\n"));
        assert_eq!(changed, 1);
    }
}
