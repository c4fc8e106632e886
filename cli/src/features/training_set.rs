//! A training set: features beside the rows of a spine, as they were known at the moment of each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef, TimestampMicrosecondType};
use chrono::NaiveDate;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_features::join::{Options, Side, join};
use shopflow_features::transform::{Input, Origin};
use shopflow_features::{Definitions, EVENT_TIMESTAMP, Micros, Type};
use tokio_postgres::{Client, IsolationLevel};

use super::columns::{Column, value};
use super::files::{KNOWN, Lookup, Workspace, Writer, pieces};
use super::manifest::{DataFile, FORMAT, Manifest, SpineFile};
use super::plan::{Computed, Made, NOW, Plan, full_name};
use super::profile::{Looked, Profile};
use super::spine::{Spine, column, shown};
use super::{card, horizon, rows};
use crate::console::Console;
use crate::local::database::refused;
use crate::release::FileEntry;

/// How queries of features are planned and answered.
const SESSION: &str =
    "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL jit = off;";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub service: String,
    /// A CSV or Parquet file with the rows that ask.
    pub spine: PathBuf,
    /// The Parquet file to write.
    pub output: PathBuf,
    /// Rows from this day on go to a file of their own.
    pub split: Option<NaiveDate>,
    /// The manifest of a training set that is made again.
    pub as_of: Option<PathBuf>,
    pub full_names: bool,
}

impl Request {
    /// A file beside the training set, `train.<ending>` beside `train.parquet`.
    pub fn beside(&self, ending: &str) -> PathBuf {
        self.output.with_extension(ending)
    }
}

/// Writes the training set, and beside it its manifest and its card.
///
/// # Errors
/// `InvalidInput` for what is wrong with the request or the spine; `Transient.Database`.
pub async fn make(
    client: &mut Client,
    definitions: &Definitions,
    request: &Request,
    console: Console,
) -> Result<Manifest> {
    let plan = Plan::new(definitions, &request.service, request.full_names)?;
    let until = until(client, &plan, request).await?;
    let spine = Spine::read(&request.spine, &plan.asked, until)?;
    let workspace = Workspace::new()?;
    let step = console.step(&format!("features: rows of {} views", plan.reads.len()));
    let files = read(client, &plan, &spine, until, &workspace).await?;
    step.done("made");
    let step = console.step(&format!("join: {} rows", spine.rows()));
    let mut outputs = Outputs::create(&plan, &spine, request)?;
    let mut profile = Profile::new(&plan);
    let sides = sides(&plan, &files)?;
    let joined = join(&spine.batches, &sides, &Options::default(), &workspace)?;
    for batch in joined {
        outputs.write(&plan, &batch?, &mut profile)?;
    }
    let manifest = Manifest {
        format: FORMAT,
        service: request.service.clone(),
        until: shown(until),
        spine: SpineFile {
            file: spine.name.clone(),
            sha256: spine.sha256.clone(),
            rows: spine.rows() as u64,
        },
        split: request.split.map(|day| day.to_string()),
        full_names: request.full_names,
        files: outputs.close()?,
        rows: profile.rows,
        rows_known_later: profile.rows_known_later,
        views: profile.views(&plan),
        features: profile.features(&plan),
    };
    save(&request.beside("manifest.json"), &manifest.text()?)?;
    save(&request.beside("card.md"), &card::render(&plan, &manifest))?;
    step.done("written");
    Ok(manifest)
}

/// Up to when something must have been known to count.
async fn until(client: &Client, plan: &Plan<'_>, request: &Request) -> Result<Micros> {
    let known = horizon::known_until(client).await?;
    let Some(path) = &request.as_of else { return Ok(known) };
    let until = Manifest::read(path)?.until_for(plan)?;
    if until > known {
        return Err(Error::invalid("not all is known yet as of the manifest")
            .with("until", shown(until))
            .with("known_until", shown(known))
            .hint("is it of another environment? Else try again once no run is under way"));
    }
    Ok(until)
}

/// The rows of the views, of one snapshot of the database.
async fn read(
    client: &mut Client,
    plan: &Plan<'_>,
    spine: &Spine,
    until: Micros,
    workspace: &Workspace,
) -> Result<Vec<PathBuf>> {
    let failed = |error| refused(ErrorKind::TransientDatabase, "open snapshot", error);
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start();
    let transaction = transaction.await.map_err(failed)?;
    transaction.batch_execute(SESSION).await.map_err(failed)?;
    let files = rows::make(&transaction, plan, spine, until, workspace).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(files)
}

/// Each view twice: as it was known, and as a join by `event_timestamp` alone takes it, which only says
/// when that was known.
fn sides(plan: &Plan<'_>, files: &[PathBuf]) -> Result<Vec<Side<'static>>> {
    let mut sides = Vec::with_capacity(2 * files.len());
    for (read, path) in plan.reads.iter().zip(files) {
        let names: Vec<&str> = read.features.iter().map(|it| it.name.as_str()).collect();
        let mut known = Side::of(read.view, read.entity, &names)?;
        known.shows_status = true;
        known.files = pieces(&read.view.name, path, Lookup::Known)?;
        let mut later = Side::of(read.view, read.entity, &[])?;
        later.view = later_of(&read.view.name);
        later.features = vec![(KNOWN.to_owned(), Type::Timestamp)];
        later.files = pieces(&read.view.name, path, Lookup::OfEvents)?;
        sides.extend([known, later]);
    }
    Ok(sides)
}

fn later_of(view: &str) -> String {
    format!("{view}__later")
}

/// The files of the training set, and the rows that go into each.
struct Outputs {
    schema: SchemaRef,
    /// How many columns are the spine's.
    spine: usize,
    split: Option<Micros>,
    files: Vec<Output>,
}

struct Output {
    path: PathBuf,
    writer: Writer,
    rows: u64,
    range: Option<(Micros, Micros)>,
}

impl Outputs {
    fn create(plan: &Plan<'_>, spine: &Spine, request: &Request) -> Result<Outputs> {
        let mut fields = spine.schema.fields().to_vec();
        let count = fields.len();
        for output in &plan.outputs {
            if fields.iter().any(|field| *field.name() == output.name) {
                return Err(Error::invalid("the spine has a column with the name of a feature")
                    .with("column", &output.name)
                    .hint("rename the column, or ask for --full-names"));
            }
            let kind = output.feature.kind.arrow();
            fields.push(Arc::new(Field::new(&output.name, kind, true)));
        }
        let schema = Arc::new(Schema::new(fields));
        let mut paths = vec![request.output.clone()];
        paths.extend(request.split.map(|_| request.beside("test.parquet")));
        let files = paths.into_iter().map(|path| Output::create(path, &schema));
        let files = files.collect::<Result<_>>()?;
        Ok(Outputs { schema, spine: count, split: request.split.map(midnight), files })
    }

    /// Writes a batch of the join: the spine's columns, and the features in the order of the service.
    fn write(
        &mut self,
        plan: &Plan<'_>,
        joined: &RecordBatch,
        profile: &mut Profile,
    ) -> Result<()> {
        let computed = plan.computed.iter().map(|computed| compute(computed, joined));
        let computed = computed.collect::<Result<Vec<_>>>()?;
        let mut values = Vec::with_capacity(plan.outputs.len());
        for output in &plan.outputs {
            values.push(match output.made {
                Made::View(place) => {
                    let view = &plan.reads[place].view.name;
                    Arc::clone(column(joined, &full_name(view, &output.feature.name))?)
                }
                Made::Computed(place, at) => Arc::clone(&computed[place][at]),
            });
        }
        let mut looked = Vec::with_capacity(plan.reads.len());
        for read in &plan.reads {
            let view = &read.view.name;
            looked.push(Looked {
                status: column(joined, &full_name(view, "status"))?,
                known: column(joined, &full_name(&later_of(view), KNOWN))?,
            });
        }
        profile.add(plan, joined, &looked, &values)?;
        let columns = joined.columns()[..self.spine].iter().cloned().chain(values).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .or_error(ErrorKind::Internal, "make batch of the training set failed")?;
        self.divide(&batch)
    }

    /// Rows before the day that divides them go to the first file, the others to the second.
    fn divide(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(split) = self.split else {
            return self.files.iter_mut().try_for_each(|file| file.write(batch));
        };
        let moments = column(batch, EVENT_TIMESTAMP)?;
        let moments = moments.as_primitive::<TimestampMicrosecondType>().values();
        for (place, file) in self.files.iter_mut().enumerate() {
            let kept = moments.iter().map(|moment| Some((*moment < split) == (place == 0)));
            let kept = filter_record_batch(batch, &kept.collect::<BooleanArray>())
                .or_error(ErrorKind::Internal, "divide rows failed")?;
            file.write(&kept)?;
        }
        Ok(())
    }

    fn close(self) -> Result<Vec<DataFile>> {
        self.files.into_iter().map(Output::close).collect()
    }
}

impl Output {
    /// The file has its name once it is whole.
    fn create(path: PathBuf, schema: &SchemaRef) -> Result<Output> {
        let writer = Writer::create(path.with_extension("part"), Arc::clone(schema))?;
        Ok(Output { path, writer, rows: 0, range: None })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let moments = column(batch, EVENT_TIMESTAMP)?;
        for moment in moments.as_primitive::<TimestampMicrosecondType>().values() {
            let (from, to) = self.range.unwrap_or((*moment, *moment));
            self.range = Some((from.min(*moment), to.max(*moment)));
        }
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch)
    }

    fn close(self) -> Result<DataFile> {
        let located = |error: Error| error.with("file", self.path.display());
        let written = self.writer.close()?;
        std::fs::rename(written, &self.path)
            .or_error(ErrorKind::InvalidInput, "write file failed")
            .map_err(located)?;
        let entry = FileEntry::of(&self.path)
            .or_error(ErrorKind::Internal, "read file failed")
            .map_err(located)?;
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(DataFile {
            file: name.unwrap_or_default(),
            sha256: entry.sha256,
            rows: self.rows,
            from: self.range.map(|(from, _)| shown(from)),
            to: self.range.map(|(_, to)| shown(to)),
        })
    }
}

/// The features of an on-demand definition, for each row.
fn compute(computed: &Computed<'_>, joined: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let features = &computed.on_demand.features;
    let inputs = computed.transformation.inputs();
    let arrays = inputs.iter().map(|input| column(joined, &input_name(input)));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let mut columns: Vec<Column> =
        features.iter().map(|(feature, _)| Column::new(feature.kind)).collect();
    for row in 0..joined.num_rows() {
        let given = inputs.iter().zip(&arrays);
        let given: Vec<_> = given.map(|(input, array)| value(array, input.kind, row)).collect();
        for (column, made) in columns.iter_mut().zip(computed.transformation.evaluate(&given)) {
            column.push(&made)?;
        }
    }
    Ok(columns.iter_mut().map(Column::take).collect())
}

/// Where an input is in a joined batch: `now` is the moment that the row asks about.
fn input_name(input: &Input) -> String {
    match &input.origin {
        Origin::View(view) => full_name(view, &input.name),
        Origin::Request if input.name == NOW => EVENT_TIMESTAMP.to_owned(),
        Origin::Request => input.name.clone(),
    }
}

fn midnight(day: NaiveDate) -> Micros {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()
}

fn save(path: &Path, text: &str) -> Result<()> {
    let saved = std::fs::write(path, text).or_error(ErrorKind::InvalidInput, "write file failed");
    saved.map_err(|error| error.with("file", path.display()))
}
