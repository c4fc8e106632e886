//! Which products are bought together, and which are alike: features for recommendations.
//!
//! A basket is what one customer bought on one business day. What a guest bought on one day under one
//! order number is a basket too, and each line of a guest without a number is one of its own. What
//! came back or was cancelled is in none, nor is a line that is no product. Facts come by UTC date,
//! and a business day touches at most the dates before and after its own, so only a few days are open
//! at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array, PrimitiveArray, RecordBatch,
    StringArray,
};
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, Int64Type, Schema, SchemaRef};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_models::baskets::{Baskets, Builder};
use shopflow_models::copurchase::{Association, best, companions};

/// Digits behind the point of shares and scores.
const SCALE: i8 = 9;
/// Digits of shares and scores, 0 to 1.
const SHARE: DataType = DataType::Decimal128(10, SCALE);

/// Columns of `fact_sales` that baskets are made of.
pub const SALES_COLUMNS: [&str; 8] = [
    "transaction_id",
    "event_date",
    "business_date",
    "customer_id",
    "product_id",
    "quantity",
    "order_id",
    "status",
];
/// The status of a sale that never came about.
const CANCELLED: &str = "cancelled";
/// Columns of silver clickstream that sessions are made of.
pub const CLICK_COLUMNS: [&str; 2] = ["session_id", "product_id"];

/// How the baskets are counted.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Baskets that two products must share at least.
    pub minimum_baskets: u32,
    /// Similar products kept for each product.
    pub top: usize,
    /// Bytes that baskets, and the counting of pairs, may use each.
    pub memory: usize,
}

/// Columns of `gold/product_pairs`.
pub fn product_pairs() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("product_id", DataType::Int64, false),
        Field::new("other_product_id", DataType::Int64, false),
        Field::new("baskets", DataType::Int64, false),
        Field::new("product_baskets", DataType::Int64, false),
        Field::new("other_baskets", DataType::Int64, false),
        Field::new("support", SHARE, false),
        Field::new("confidence", SHARE, false),
        Field::new("other_confidence", SHARE, false),
        Field::new("lift", DataType::Decimal128(24, SCALE), false),
    ]))
}

/// Columns of `gold/product_similarity`.
pub fn product_similarity() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("product_id", DataType::Int64, false),
        Field::new("source", DataType::Utf8, false),
        Field::new("rank", DataType::Int32, false),
        Field::new("similar_product_id", DataType::Int64, false),
        Field::new("together", DataType::Int64, false),
        Field::new("cosine", SHARE, false),
        Field::new("jaccard", SHARE, false),
    ]))
}

/// Collects the baskets of sales.
#[derive(Debug)]
pub struct SalesBaskets {
    builder: Builder,
    /// Business days that may have further sales.
    open: BTreeMap<i32, Day>,
}

/// What was bought on one business day.
#[derive(Debug, Default)]
struct Day {
    /// Baskets and products.
    lines: Vec<(u64, i64)>,
    /// The baskets of guests by order number.
    orders: HashMap<String, u64>,
}

impl Day {
    /// The basket of an order of a guest, named by `line`, the first of its lines.
    fn order(&mut self, number: &str, line: u64) -> u64 {
        if let Some(basket) = self.orders.get(number) {
            return *basket;
        }
        self.orders.insert(number.to_owned(), line);
        line
    }
}

impl SalesBaskets {
    /// No baskets yet; beyond `memory` bytes they go to a temporary file.
    pub fn new(memory: usize) -> SalesBaskets {
        SalesBaskets { builder: Builder::new(memory), open: BTreeMap::new() }
    }

    /// Adds facts. They must come by UTC date, as the table is sorted.
    ///
    /// # Errors
    /// `Internal` when a column is missing, or the temporary file cannot be written.
    pub fn add(&mut self, facts: &RecordBatch) -> Result<()> {
        let dates = column::<Date32Type>(facts, "event_date")?;
        let days = column::<Date32Type>(facts, "business_date")?;
        let ids = column::<Int64Type>(facts, "transaction_id")?;
        let customers = column_with_nulls::<Int64Type>(facts, "customer_id")?;
        let products = column_with_nulls::<Int64Type>(facts, "product_id")?;
        let quantities = column::<Int32Type>(facts, "quantity")?;
        let (orders, statuses) = (texts(facts, "order_id")?, texts(facts, "status")?);
        // Most shops have no statuses, and then no text is looked at.
        let has_statuses = statuses.null_count() < statuses.len();
        let is_purchase = |row: usize| {
            let is_cancelled =
                has_statuses && statuses.is_valid(row) && statuses.value(row) == CANCELLED;
            quantities[row] > 0 && !is_cancelled
        };
        // Customers have positive numbers; a guest is known by the order, or by the line alone.
        let basket = |day: &mut Day, row: usize| {
            if customers.is_valid(row) {
                return customers.value(row) as u64;
            }
            let line = ids[row].wrapping_neg() as u64;
            if orders.is_valid(row) { day.order(orders.value(row), line) } else { line }
        };
        let mut start = 0;
        for run in dates.chunk_by(|left, right| left == right) {
            let end = start + run.len();
            self.close_before(run[0] - 1)?;
            let mut at = start;
            for day in days[start..end].chunk_by(|left, right| left == right) {
                let is_bought = |row: &usize| is_purchase(*row) && products.is_valid(*row);
                let open = self.open.entry(day[0]).or_default();
                for row in (at..at + day.len()).filter(is_bought) {
                    let basket = basket(open, row);
                    open.lines.push((basket, products.value(row)));
                }
                at += day.len();
            }
            start = end;
        }
        Ok(())
    }

    /// The baskets of all sales added.
    ///
    /// # Errors
    /// `Internal` when the temporary file cannot be written.
    pub fn finish(mut self) -> Result<Baskets> {
        self.close_before(i32::MAX)?;
        self.builder.finish().or_error(ErrorKind::Internal, "write of spilled baskets failed")
    }

    fn close_before(&mut self, day: i32) -> Result<()> {
        while let Some(first) = self.open.first_entry().filter(|first| *first.key() < day) {
            self.builder
                .add(first.remove().lines)
                .or_error(ErrorKind::Internal, "write of spilled baskets failed")?;
        }
        Ok(())
    }
}

/// Collects the baskets of visits: the products somebody looked at or took in one session. A
/// session that goes on after midnight is one basket; events come by date.
#[derive(Debug)]
pub struct SessionBaskets {
    builder: Builder,
    /// Sessions of the latest date, and those that came on the date before and again.
    open: BTreeMap<String, (i32, Vec<i64>)>,
    date: i32,
}

impl SessionBaskets {
    /// No baskets yet; beyond `memory` bytes they go to a temporary file.
    pub fn new(memory: usize) -> SessionBaskets {
        SessionBaskets { builder: Builder::new(memory), open: BTreeMap::new(), date: i32::MIN }
    }

    /// Adds the events of one date (days since the epoch); dates come in ascending order.
    ///
    /// # Errors
    /// `Internal` when a column is missing, or the temporary file cannot be written.
    pub fn add(&mut self, date: i32, events: &RecordBatch) -> Result<()> {
        if date != self.date {
            self.close_before(date - 1)?;
            self.date = date;
        }
        let missing =
            || Error::internal("column of silver is missing").with("column", "session_id");
        let sessions = events.column_by_name("session_id").ok_or_else(missing)?;
        let sessions = sessions.as_string_opt::<i32>().ok_or_else(missing)?;
        let missing =
            || Error::internal("column of silver is missing").with("column", "product_id");
        let products = events.column_by_name("product_id").ok_or_else(missing)?;
        let products = products.as_primitive_opt::<Int64Type>().ok_or_else(missing)?;
        for (session, product) in sessions.iter().zip(products) {
            let (Some(session), Some(product)) = (session, product) else { continue };
            match self.open.get_mut(session) {
                Some((latest, products)) => {
                    *latest = date;
                    products.push(product);
                }
                None => {
                    self.open.insert(session.to_owned(), (date, vec![product]));
                }
            }
        }
        Ok(())
    }

    /// The baskets of all sessions added.
    ///
    /// # Errors
    /// `Internal` when the temporary file cannot be written.
    pub fn finish(mut self) -> Result<Baskets> {
        self.close_before(i32::MAX)?;
        self.builder.finish().or_error(ErrorKind::Internal, "write of spilled baskets failed")
    }

    /// Closes the sessions whose latest event came before `date`.
    fn close_before(&mut self, date: i32) -> Result<()> {
        let closed = self.open.extract_if(.., |_, (latest, _)| *latest < date);
        let lines = (0u64..).zip(closed).flat_map(|(basket, (_, (_, products)))| {
            products.into_iter().map(move |product| (basket, product))
        });
        self.builder.add(lines).or_error(ErrorKind::Internal, "write of spilled baskets failed")
    }
}

/// The rows of `product_pairs`: each two products once, the lower id first, sorted by both.
///
/// # Errors
/// `Internal` when spilled baskets cannot be read.
pub fn pairs(baskets: &Baskets, settings: &Settings) -> Result<RecordBatch> {
    let counts = baskets.counts();
    let found = companions(
        baskets,
        settings.minimum_baskets,
        settings.memory,
        |product, others, rows: &mut Vec<(u32, u32, u32)>| {
            let after = others.partition_point(|other| other.product < product);
            rows.extend(others[after..].iter().map(|one| (product, one.product, one.together)));
        },
    )
    .or_error(ErrorKind::Internal, "read of spilled baskets failed")?;
    let ids = baskets.products();
    let id = |number: u32| ids[number as usize];
    let count = |number: u32| counts[number as usize];
    let measured = |measure: &dyn Fn(&Association) -> f64| {
        decimals(found.iter().map(|&(one, other, together)| {
            measure(&Association::new(baskets.baskets(), count(one), count(other), together))
        }))
    };
    let numbers = |number: &dyn Fn(&(u32, u32, u32)) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(found.iter().map(number)))
    };
    let columns = vec![
        numbers(&|row| id(row.0)),
        numbers(&|row| id(row.1)),
        numbers(&|row| i64::from(row.2)),
        numbers(&|row| i64::from(count(row.0))),
        numbers(&|row| i64::from(count(row.1))),
        share(measured(&Association::support), 10)?,
        share(measured(&|one| one.confidence().0), 10)?,
        share(measured(&|one| one.confidence().1), 10)?,
        share(measured(&Association::lift), 24)?,
    ];
    batch(product_pairs(), columns)
}

/// The rows of `product_similarity`: for each product the most similar ones by cosine, from each
/// source of baskets; equal scores by id.
///
/// # Errors
/// `Internal` when spilled baskets cannot be read.
pub fn similar(sources: &[(&'static str, &Baskets)], settings: &Settings) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for (source, baskets) in sources {
        let (ids, counts) = (baskets.products(), baskets.counts());
        let of_source = companions(
            baskets,
            settings.minimum_baskets,
            settings.memory,
            |product, others, rows: &mut Vec<Similar>| {
                let association = |other: u32, together: u32| {
                    let (first, second) = (counts[product as usize], counts[other as usize]);
                    Association::new(baskets.baskets(), first, second, together)
                };
                let found = best(others, settings.top, |one| {
                    association(one.product, one.together).cosine()
                });
                rows.extend((1..).zip(found).map(|(rank, (one, cosine))| Similar {
                    product: ids[product as usize],
                    source,
                    rank,
                    other: ids[one.product as usize],
                    together: i64::from(one.together),
                    cosine,
                    jaccard: association(one.product, one.together).jaccard(),
                }));
            },
        );
        rows.extend(of_source.or_error(ErrorKind::Internal, "read of spilled baskets failed")?);
    }
    // By product, then source, then rank; each source is sorted already.
    rows.sort_by_key(|row: &Similar| (row.product, row.source));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.product))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.source))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.rank))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.other))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.together))),
        share(decimals(rows.iter().map(|row| row.cosine)), 10)?,
        share(decimals(rows.iter().map(|row| row.jaccard)), 10)?,
    ];
    batch(product_similarity(), columns)
}

struct Similar {
    product: i64,
    source: &'static str,
    rank: i32,
    other: i64,
    together: i64,
    cosine: f64,
    jaccard: f64,
}

/// Rounded, so that the last bits of a quotient are nobody's concern.
fn decimals(values: impl Iterator<Item = f64>) -> Decimal128Array {
    let unit = 10f64.powi(i32::from(SCALE));
    Decimal128Array::from_iter_values(values.map(|value| (value * unit).round() as i128))
}

fn share(values: Decimal128Array, precision: u8) -> Result<ArrayRef> {
    let values = values.with_precision_and_scale(precision, SCALE);
    Ok(Arc::new(values.or_error(ErrorKind::Internal, "type of a score does not fit")?))
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema, columns)
        .or_error(ErrorKind::Internal, "recommendations do not have their schema")
}

fn column<'a, T: arrow::datatypes::ArrowPrimitiveType>(
    rows: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native]> {
    let values = column_with_nulls::<T>(rows, name)?;
    if values.null_count() > 0 {
        return Err(Error::internal("column of fact_sales has nulls").with("column", name));
    }
    Ok(values.values().as_ref())
}

fn texts<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    rows.column_by_name(name)
        .and_then(|values| values.as_string_opt::<i32>())
        .ok_or_else(|| Error::internal("column of fact_sales is missing").with("column", name))
}

fn column_with_nulls<'a, T: arrow::datatypes::ArrowPrimitiveType>(
    rows: &'a RecordBatch,
    name: &str,
) -> Result<&'a PrimitiveArray<T>> {
    rows.column_by_name(name)
        .and_then(|values| values.as_primitive_opt::<T>())
        .ok_or_else(|| Error::internal("column of fact_sales is missing").with("column", name))
}
