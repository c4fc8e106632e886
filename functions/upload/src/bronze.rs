//! A validated file to bronze Parquet, in one pass over a stream and with flat memory.

use std::io::{BufRead, Write};
use std::sync::mpsc;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use shopflow_core::contract::{CopyEvent, TimeRange};
use shopflow_core::dataset::Format;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_lake::parquet::writer_properties;
use shopflow_lake::schema;

use crate::columns::Rows;
use crate::{csv, json};

/// Batches of rows that may wait to be encoded.
const BATCHES_AHEAD: usize = 1;

/// Changes when the same event would give other bytes.
pub(crate) const FORMAT: &str = "bronze-2";

/// What was found in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub rows: u64,
    pub time_range: Option<TimeRange>,
}

/// Reads the validated file from `input` and writes Parquet to `output`, encoding rows while the
/// next ones are read. Blocks.
///
/// # Errors
/// `Internal`, naming line and column, when a value does not parse.
pub fn convert(
    event: &CopyEvent,
    input: impl BufRead,
    output: impl Write + Send,
) -> Result<Summary> {
    let schema = schema::bronze(event.dataset);
    let writer = ArrowWriter::try_new(output, schema, Some(writer_properties()))
        .or_error(ErrorKind::Internal, "start bronze file failed")?;
    let mut rows = Rows::new(event);
    let written = std::thread::scope(|scope| {
        let (batches, waiting) = mpsc::sync_channel(BATCHES_AHEAD);
        let encoding = scope.spawn(move || encode(writer, waiting));
        let mut emit = |batch: RecordBatch| {
            batches.send(batch).or_error(ErrorKind::Internal, "encoding of bronze rows stopped")
        };
        let read = match event.dataset.format() {
            Format::Csv => csv::read(input, &mut rows, &mut emit),
            Format::JsonLines => json::read(input, &mut rows, &mut emit),
        };
        drop(batches);
        let encoded =
            encoding.join().map_err(|_| Error::internal("encoding of bronze rows died"))?;
        // Rows that cannot be sent are the consequence of a failed encoding, not the cause.
        let written = encoded?;
        read.map(|()| written)
    })?;
    if written != rows.rows() {
        return Err(Error::internal("bronze file does not hold every validated row")
            .with("rows_in", rows.rows())
            .with("rows_written", written));
    }
    Ok(Summary { rows: written, time_range: rows.time_range() })
}

/// Writes the batches that arrive, and the end of the file after the last; how many rows they had.
fn encode(
    mut writer: ArrowWriter<impl Write + Send>,
    batches: mpsc::Receiver<RecordBatch>,
) -> Result<u64> {
    for batch in batches {
        writer.write(&batch).or_error(ErrorKind::Internal, "encode bronze rows failed")?;
    }
    let file = writer.close().or_error(ErrorKind::Internal, "finish bronze file failed")?;
    Ok(file.file_metadata().num_rows() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ChunkReader;
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Date32Type, Decimal128Type, Int32Type, Int64Type};
    use bytes::Bytes;
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use shopflow_core::Dataset;
    use shopflow_core::contract::{Run, SourceObject, StoredObject};

    fn event(dataset: Dataset) -> CopyEvent {
        let at: DateTime<Utc> = "2024-01-15T09:30:00.5Z".parse().unwrap();
        CopyEvent {
            run: Run { run_id: "r".to_owned(), run_date: at.date_naive() },
            part: 0,
            dataset,
            source: SourceObject {
                bucket: "landing".to_owned(),
                key: "incoming/x".to_owned(),
                version_id: "v1".to_owned(),
                bytes: 1,
                modified_at: at,
                effective_at: at,
            },
            validated: StoredObject {
                bucket: "landing".to_owned(),
                key: "validated/x".to_owned(),
                version_id: None,
                bytes: 1,
                sha256: String::new(),
            },
        }
    }

    /// Converts content that arrives in chunks of the given length.
    fn converted(dataset: Dataset, content: &[u8], chunk: usize) -> Result<(Summary, Vec<u8>)> {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let chunks: Vec<Bytes> = content.chunks(chunk).map(Bytes::copy_from_slice).collect();
        let feeder = std::thread::spawn(move || {
            for chunk in chunks {
                let _ = sender.blocking_send(chunk);
            }
        });
        let mut output = Vec::new();
        let summary = convert(&event(dataset), ChunkReader::new(receiver), &mut output);
        feeder.join().unwrap();
        summary.map(|summary| (summary, output))
    }

    fn rows(dataset: Dataset, content: &str) -> RecordBatch {
        let (_, output) = converted(dataset, content.as_bytes(), 7).unwrap();
        let batches = shopflow_lake::parquet::decode(output.into()).unwrap();
        arrow::compute::concat_batches(&schema::bronze(dataset), &batches).unwrap()
    }

    fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
        let array = batch.column_by_name(column).unwrap().as_string::<i32>();
        array.iter().map(|text| text.map(str::to_owned)).collect()
    }

    fn decimals(batch: &RecordBatch, column: &str) -> Vec<Option<i128>> {
        batch.column_by_name(column).unwrap().as_primitive::<Decimal128Type>().iter().collect()
    }

    #[test]
    fn columns_are_typed_whatever_their_order() {
        let batch = rows(
            Dataset::Products,
            "supplier,price,id,name,category\r\n\"A, \"\"B\"\"\",0019.99,+7,Lamp,home\r\n",
        );
        let price = batch.column_by_name("price").unwrap().as_primitive::<Decimal128Type>();
        assert_eq!(price.value(0), 1999);
        let id = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
        assert_eq!(id.value(0), 7);
        assert_eq!(texts(&batch, "supplier"), [Some("A, \"B\"".to_owned())]);
        assert_eq!(texts(&batch, "category"), [Some("home".to_owned())]);
        assert_eq!(texts(&batch, "_extra"), [None]);
        assert_eq!(texts(&batch, "_source_version_id"), [Some("v1".to_owned())]);
    }

    #[test]
    fn a_sale_has_its_own_price_and_may_have_no_customer() {
        let batch = rows(
            Dataset::Transactions,
            "id,customer_id,product_id,quantity,timestamp,payment_method,unit_price,discount,order_id\n\
             1,,2,-3,2024-02-01T00:00:00Z,paypal,957.5775,0.2,A-007\n\
             2,9,2,1,2024-02-01T00:00:00Z,paypal,1.5,,\n",
        );
        let customer = batch.column_by_name("customer_id").unwrap().as_primitive::<Int64Type>();
        assert_eq!(customer.iter().collect::<Vec<_>>(), [None, Some(9)]);
        let quantity = batch.column_by_name("quantity").unwrap().as_primitive::<Int32Type>();
        assert_eq!(quantity.values(), &[-3, 1]);
        assert_eq!(decimals(&batch, "unit_price"), [Some(9_575_775), Some(15_000)]);
        assert_eq!(decimals(&batch, "discount"), [Some(2_000), None]);
        assert_eq!(texts(&batch, "order_id"), [Some("A-007".to_owned()), None]);
        assert_eq!(texts(&batch, "status"), [None, None]);
        assert_eq!(texts(&batch, "_extra"), [None, None]);
    }

    #[test]
    fn money_has_its_sign_and_a_rate_its_eight_places() {
        let batch = rows(
            Dataset::Transactions,
            "id,quantity,timestamp,unit_price,tax,shipping,currency\n\
             1,-3,2024-02-01T00:00:00Z,9.50,-1.9,+0.0001,usd\n\
             2,1,2024-02-01T00:00:00Z,9.50,-99999999.99,,\n",
        );
        assert_eq!(decimals(&batch, "tax"), [Some(-19_000), Some(-999_999_999_900)]);
        assert_eq!(decimals(&batch, "shipping"), [Some(1), None]);
        assert_eq!(texts(&batch, "currency"), [Some("USD".to_owned()), None]);

        let batch = rows(
            Dataset::ExchangeRates,
            "id,rate_date,currency,rate,natural_key\n\
             1,2026-01-02,USD,1.1530,2026-01-02/USD\n\
             2,2026-01-02,IDR,9999999999.99999999,2026-01-02/IDR\n",
        );
        let rates: [Option<i128>; 2] = [Some(115_300_000), Some(999_999_999_999_999_999)];
        assert_eq!(decimals(&batch, "rate"), rates);

        let batch = rows(Dataset::Payments, "id,order_id,amount\n7,A-1,-12.5\n");
        assert_eq!(decimals(&batch, "amount"), [Some(-125_000)]);
        assert_eq!(texts(&batch, "payment_method"), [None]);
    }

    #[test]
    fn unknown_columns_are_kept_by_name() {
        let batch = rows(
            Dataset::Customers,
            "note,id,name,email,registration_date,country,tier\n\
             \"say \"\"hi\"\"\",1,Ann,a@b.cd,1970-01-02,DE,\n",
        );
        assert_eq!(
            texts(&batch, "_extra"),
            [Some(r#"{"note":"say \"hi\"","tier":""}"#.to_owned())]
        );
        let date = batch.column_by_name("registration_date").unwrap().as_primitive::<Date32Type>();
        assert_eq!(date.value(0), 1);
    }

    #[test]
    fn fields_of_a_click_may_be_absent_null_or_unknown() {
        let batch = rows(
            Dataset::Clickstream,
            concat!(
                r#"{"event_id":"0F8FAD5B-D9CB-469F-A165-70867728950E","session_id":"s","event_type":"search","url":"/\u0061","device":"mobile","country":"DE","timestamp":"2024-01-15T00:00:00Z"}"#,
                "\n\n",
                r#"{"z":[1,{"b":2}],"a":"\ud83d\ude00","event_id":"6d87e2ab-2d74-4b27-9e6d-5d1c74b4d1f0","session_id":"s","event_type":"search","url":"/","device":"mobile","country":"DE","timestamp":"2024-01-15T00:00:00.25+01:00","customer_id":12,"product_id":null,"referrer":""}"#,
            ),
        );
        assert_eq!(
            texts(&batch, "event_id"),
            [
                Some("0f8fad5b-d9cb-469f-a165-70867728950e".to_owned()),
                Some("6d87e2ab-2d74-4b27-9e6d-5d1c74b4d1f0".to_owned())
            ]
        );
        assert_eq!(texts(&batch, "url"), [Some("/a".to_owned()), Some("/".to_owned())]);
        assert_eq!(texts(&batch, "referrer"), [None, None]);
        let customer = batch.column_by_name("customer_id").unwrap().as_primitive::<Int64Type>();
        assert_eq!(customer.iter().collect::<Vec<_>>(), [None, Some(12)]);
        assert_eq!(batch.column_by_name("product_id").unwrap().null_count(), 2);
        let extra = r#"{"a":"\u{1F600}","z":[1,{"b":2}]}"#.replace("\\u{1F600}", "\u{1F600}");
        assert_eq!(texts(&batch, "_extra"), [None, Some(extra)]);
        let lines = batch.column_by_name("_line").unwrap().as_primitive::<Int64Type>();
        assert_eq!(lines.values(), &[1, 2]);
    }

    #[test]
    fn an_unknown_value_that_is_no_text_does_not_stop_the_file() {
        let batch = rows(
            Dataset::Clickstream,
            r#"{"x":"\ud800","event_id":"6d87e2ab-2d74-4b27-9e6d-5d1c74b4d1f0","session_id":"s","event_type":"search","url":"/","device":"mobile","country":"DE","timestamp":"2024-01-15T00:00:00Z"}"#,
        );
        assert_eq!(texts(&batch, "_extra"), [Some(r#"{"x":null}"#.to_owned())]);
        assert_eq!(
            texts(&batch, "event_id"),
            [Some("6d87e2ab-2d74-4b27-9e6d-5d1c74b4d1f0".to_owned())]
        );
    }

    #[test]
    fn the_time_range_spans_every_batch() {
        let mut content =
            "id,customer_id,product_id,quantity,timestamp,payment_method\n".to_owned();
        let count = crate::columns::BATCH_ROWS * 2 + 3;
        for id in 1..=count {
            let day = 1 + (id * 5) % 28;
            content += &format!("{id},1,2,3,2024-02-{day:02}T00:00:00Z,paypal\n");
        }
        let (summary, output) =
            converted(Dataset::Transactions, content.as_bytes(), 100_000).unwrap();
        assert_eq!(summary.rows, count as u64);
        let range = summary.time_range.unwrap();
        assert_eq!(range.from.to_rfc3339(), "2024-02-01T00:00:00+00:00");
        assert_eq!(range.to.to_rfc3339(), "2024-02-28T00:00:00+00:00");
        let mut lines = 1_i64;
        for batch in shopflow_lake::parquet::decode(output.into()).unwrap() {
            for line in batch.column_by_name("_line").unwrap().as_primitive::<Int64Type>().values()
            {
                assert_eq!(*line, lines);
                lines += 1;
            }
            let quantity = batch.column_by_name("quantity").unwrap().as_primitive::<Int32Type>();
            assert!(quantity.values().iter().all(|value| *value == 3));
        }
        assert_eq!(lines, count as i64 + 1);
    }

    #[test]
    fn what_may_be_missing_is_null_whether_the_row_or_the_file_lacks_it() {
        let columns = ["email", "registration_date", "country"];
        for content in [
            "id,name,email,registration_date,country\n1,Ann,,,\n2,Bob,b@c.de,2024-01-01,DE\n",
            "id,name\n1,Ann\n2,Bob\n",
        ] {
            let batch = rows(Dataset::Customers, content);
            let is_null = |name: &&str| batch.column_by_name(name).unwrap().is_null(0);
            assert!(columns.iter().all(is_null), "{content}");
        }
        let batch = rows(
            Dataset::Transactions,
            "id,quantity,timestamp,unit_price\n1,1,2024-02-01T00:00:00Z,4.95\n",
        );
        for name in ["customer_id", "product_id", "payment_method"] {
            assert_eq!(batch.column_by_name(name).unwrap().null_count(), 1, "{name}");
        }
    }

    #[test]
    fn a_file_of_entities_has_no_time_range() {
        let content = b"id,name,category,price,supplier\n1,a,home,1.00,b\n";
        let (summary, _) = converted(Dataset::Products, content, 9).unwrap();
        assert_eq!(summary, Summary { rows: 1, time_range: None });
    }

    #[test]
    fn a_value_that_does_not_parse_is_named_by_place_and_not_shown() {
        let content = b"id,name,email,registration_date,country\n\
            1,Ann,a@b.cd,2024-01-01,DE\n2,Bob,b@c.de,secret,DE\n";
        let error = converted(Dataset::Customers, content, 11).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        let text = error.to_string();
        assert!(text.contains("line=2") && text.contains("column=registration_date"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn a_header_that_lacks_a_column_is_refused_by_name() {
        let error = converted(Dataset::Products, b"id,name,category,supplier\n", 9).unwrap_err();
        assert!(error.to_string().contains("column=price"), "{error}");
        let error = converted(Dataset::Products, b"", 9).unwrap_err();
        assert!(error.to_string().contains("no header"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_bytes_do_not_depend_on_how_the_content_arrives(
            names in prop::collection::vec("[a-zA-Z][a-zA-Z ,\"\u{e9}]{0,11}x", 1..20),
            chunk in 1_usize..60,
        ) {
            let mut content = "id,name,category,price,supplier\r\n".to_owned();
            for (id, name) in (1..).zip(&names) {
                content += &format!("{id},\"{}\",home,1.50,\"s\"\r\n", name.replace('"', "\"\""));
            }
            let whole = converted(Dataset::Products, content.as_bytes(), content.len()).unwrap();
            let pieces = converted(Dataset::Products, content.as_bytes(), chunk).unwrap();
            prop_assert!(whole == pieces);
            let batch = rows(Dataset::Products, &content);
            let expected: Vec<Option<String>> = names.into_iter().map(Some).collect();
            prop_assert_eq!(texts(&batch, "name"), expected);
        }
    }
}
