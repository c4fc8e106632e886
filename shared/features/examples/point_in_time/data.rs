//! Spines and rows of views that are the same for the same arguments.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use shopflow_features::Type;

use crate::DAY;
use crate::files::compressed;

pub const KEY: &str = "customer_id";
const FEATURES: [&str; 5] =
    ["purchases_30d", "revenue_30d", "mean_amount", "share_returned", "days_between"];
/// 1 January 2024, in days since 1970.
const FIRST_DAY: i64 = 19_723;
const DAYS: i64 = 730;
const HOURS: i64 = DAYS * 24;
/// Rows that are encoded at a time.
const CHUNK: usize = 64 * 1024;

pub fn features() -> Vec<(String, Type)> {
    FEATURES.map(|name| (name.to_owned(), Type::Float64)).to_vec()
}

/// Files of the view in a folder, in the order in which they were known.
pub fn view_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("view-"));
    files.sort();
    files
}

pub struct Made {
    pub spine: usize,
    pub rows: usize,
    pub files: usize,
    pub keys: usize,
    pub is_late: bool,
    pub is_text: bool,
}

/// A row of the view.
struct Row {
    key: i64,
    event: i64,
    created: i64,
    features: [f64; 5],
}

impl Made {
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        self.write_spine(&folder.join("spine.parquet"));
        self.write_view(folder);
    }

    fn key(&self, keys: impl Iterator<Item = i64>) -> ArrayRef {
        if self.is_text {
            Arc::new(StringArray::from_iter_values(keys.map(|key| format!("customer-{key:08}"))))
        } else {
            Arc::new(Int64Array::from_iter_values(keys))
        }
    }

    fn write_spine(&self, path: &Path) {
        let mut draw = random(1);
        let mut writer = Writer::new(path.to_owned());
        for first in (0..self.spine).step_by(CHUNK) {
            let rows = first..self.spine.min(first + CHUNK);
            let keys: Vec<i64> = rows.clone().map(|_| 1 + draw(self.keys as i64)).collect();
            let moments = rows.clone().map(|_| FIRST_DAY * DAY + draw(DAYS * DAY));
            let moments = moments_of(moments.collect());
            let labels = Float64Array::from_iter_values(rows.clone().map(|_| draw(2) as f64));
            let numbers = Int64Array::from_iter_values(rows.map(|row| row as i64));
            let columns: [(&str, ArrayRef); 4] = [
                ("row", Arc::new(numbers)),
                (KEY, self.key(keys.into_iter())),
                ("event_timestamp", moments),
                ("churned", Arc::new(labels)),
            ];
            writer.write(&RecordBatch::try_from_iter(columns).unwrap());
        }
        writer.close();
    }

    /// Key by key, the hours of each in their order, each row in the file of when it was known.
    fn write_view(&self, folder: &Path) {
        let mut draw = random(2);
        let file = |number: usize| Writer::new(folder.join(format!("view-{number:04}.parquet")));
        let mut files: Vec<(Writer, Vec<Row>)> =
            (0..self.files).map(|number| (file(number), Vec::new())).collect();
        let mut put = |row: Row| {
            let span = (row.created / DAY - FIRST_DAY) * self.files as i64 / DAYS;
            let (writer, rows) = &mut files[span.clamp(0, self.files as i64 - 1) as usize];
            rows.push(row);
            if rows.len() == CHUNK {
                writer.write(&self.batch(rows));
                rows.clear();
            }
        };
        let mut made = 0;
        for key in 1..=self.keys {
            let target = self.rows * key / self.keys;
            let count = (target - made) as i64;
            for number in 0..count {
                // One of the hours that this row may be about, so that no two are about one.
                let (from, to) = (number * HOURS / count, (number + 1) * HOURS / count);
                let event = FIRST_DAY * DAY + (from + draw((to - from).max(1))) * DAY / 24;
                let mut row =
                    |created| Row { key: key as i64, event, created, features: values(&mut draw) };
                let first = row(event);
                if !self.is_late {
                    put(first);
                } else {
                    // Most rows are known within a day, some up to a month later; some are corrected.
                    let delay = match number * 7 % 10 {
                        0 => 30 * DAY,
                        _ => DAY / 2,
                    };
                    let created = event + 1 + (first.features[1] * 1e6) as i64 % delay;
                    put(Row { created, ..first });
                    if number * 3 % 20 == 1 {
                        put(row(created + 5 * DAY));
                    }
                }
            }
            made = target;
        }
        for (mut writer, rows) in files {
            writer.write(&self.batch(&rows));
            writer.close();
        }
    }

    fn batch(&self, rows: &[Row]) -> RecordBatch {
        let moments = |of: fn(&Row) -> i64| moments_of(rows.iter().map(of).collect());
        let feature = |number: usize| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.features[number])))
        };
        let columns = [
            (KEY, self.key(rows.iter().map(|row| row.key))),
            ("event_timestamp", moments(|row| row.event)),
            ("created_timestamp", moments(|row| row.created)),
        ];
        let features = FEATURES.iter().enumerate().map(|(number, name)| (*name, feature(number)));
        RecordBatch::try_from_iter(columns.into_iter().chain(features)).unwrap()
    }
}

fn moments_of(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

fn values(draw: &mut impl FnMut(i64) -> i64) -> [f64; 5] {
    let purchases = draw(40);
    let cents = draw(500_000);
    [
        purchases as f64,
        cents as f64 / 100.0,
        cents as f64 / (purchases + 1) as f64 / 100.0,
        draw(1_000_000) as f64 / 1e6,
        draw(365) as f64,
    ]
}

/// Numbers below the one that is given.
fn random(seed: u64) -> impl FnMut(i64) -> i64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed + 1);
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(state >> 11) * below as u128) >> 53) as i64
    }
}

/// A Parquet file as the lake's, made with its first batch.
struct Writer {
    path: PathBuf,
    writer: Option<ArrowWriter<File>>,
}

impl Writer {
    fn new(path: PathBuf) -> Writer {
        Writer { path, writer: None }
    }

    fn write(&mut self, batch: &RecordBatch) {
        let path = &self.path;
        let writer = self.writer.get_or_insert_with(|| {
            let file = File::create(path).unwrap();
            ArrowWriter::try_new(file, batch.schema(), Some(compressed())).unwrap()
        });
        writer.write(batch).unwrap();
    }

    fn close(self) {
        if let Some(writer) = self.writer {
            writer.close().unwrap();
        }
    }
}
