//! Puts the graph together: each dataset from the source that says most about it.

use std::collections::{BTreeMap, HashMap};

use arrow::datatypes::SchemaRef;
use shopflow_core::dataset::Kind;
use shopflow_core::{Dataset as Files, Settings};
use shopflow_lake::schema;
use shopflow_lineage::{Column, Dataset, Graph, Layer, Source, Transformation, dataset_of};
use shopflow_postgres::dimensions as stars;
use shopflow_privacy::Layer::Silver;
use shopflow_privacy::Treatment;
use shopflow_transform::gold::{dimensions, modelled, rates, tables};

use super::lake::Question;
use super::postgres::{self, Table};
use super::relation::{Relation, Sources};
use super::{lake, models, plan};

/// The whole graph.
pub async fn graph() -> Graph {
    let mut datasets: Vec<Dataset> = Vec::new();
    for files in Files::all() {
        datasets.extend([raw(files), bronze(files), silver(files)]);
    }
    let schema = postgres::schema().await;
    let mut written = postgres::lineage(&schema);
    datasets.extend(core(&schema.tables));
    let questions = gold(&mut written).await;
    let published: Vec<&Dataset> = questions.iter().filter(|d| is_published(d)).collect();
    datasets.extend(warehouse(&schema.tables, &written.written, &published));
    datasets.extend(questions);
    sorted(datasets)
}

fn source(column: String, by: Transformation) -> Source {
    Source { column, by, masking: false }
}

fn raw_column(files: Files, column: &str) -> Source {
    source(format!("raw.{files}.{column}"), Transformation::Identity)
}

fn raw(files: Files) -> Dataset {
    let columns = files.columns().iter().map(|column| Column {
        name: column.name.to_owned(),
        data_type: type_of(column.kind),
        from: Vec::new(),
    });
    Dataset { name: format!("raw.{files}"), columns: columns.collect(), rows: Vec::new() }
}

/// The type of a value in a file.
fn type_of(kind: Kind) -> String {
    match kind {
        Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => "integer".to_owned(),
        Kind::Uuid => "uuid".to_owned(),
        Kind::Text(bytes) => format!("text({bytes})"),
        Kind::Email => "email".to_owned(),
        Kind::Date => "date".to_owned(),
        Kind::Timestamp => "timestamp".to_owned(),
        Kind::Price => "decimal(10, 2)".to_owned(),
        Kind::Amount | Kind::Discount | Kind::Money => "decimal(12, 4)".to_owned(),
        Kind::Rate => "decimal(18, 8)".to_owned(),
        Kind::Country => "country".to_owned(),
        Kind::Currency => "currency".to_owned(),
        Kind::OneOf(_) => "enum".to_owned(),
    }
}

/// Columns of a schema, with sources by name.
fn columns(schema: &SchemaRef, mut from: impl FnMut(&str) -> Vec<Source>) -> Vec<Column> {
    let fields = schema.fields().iter();
    fields
        .map(|field| Column {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            from: from(field.name()),
        })
        .collect()
}

/// `upload` writes what is in the file, and where it came from.
fn bronze(files: Files) -> Dataset {
    let from = |name: &str| {
        let own = files.columns().iter().filter(|column| column.name == name);
        own.map(|column| raw_column(files, column.name)).collect()
    };
    let columns = columns(&schema::bronze(files), from);
    Dataset { name: format!("bronze.{files}"), columns, rows: Vec::new() }
}

/// `transform` keeps one row per key, that of the latest source, and treats personal values as the
/// policies of `config/base.yaml` say.
fn silver(files: Files) -> Dataset {
    let privacy = Settings::from_sources("prod", HashMap::new(), &[]).unwrap().privacy;
    let treated = |name: &str| {
        let column = files.columns().iter().find(|column| column.name == name);
        column.is_some_and(|column| {
            privacy.decide(files, column).treatment(Silver) != Treatment::Keep
        })
    };
    let bronze = |name: &str, by| source(format!("bronze.{files}.{name}"), by);
    let from = |name: &str| {
        vec![match treated(name) {
            true => Source { masking: true, ..bronze(name, Transformation::Transformation) },
            false => bronze(name, Transformation::Identity),
        }]
    };
    let order = [schema::EFFECTIVE_AT, schema::SOURCE_MODIFIED_AT, schema::SOURCE_VERSION_ID];
    let mut rows = vec![bronze(files.id_column().name, Transformation::GroupBy)];
    rows.extend(order.map(|name| bronze(name, Transformation::Sort)));
    let columns = columns(&schema::silver(files), from);
    Dataset { name: format!("silver.{files}"), columns, rows }
}

/// The files that a table of `core` is loaded from: a table is called like its dataset, its
/// history like one row of it.
fn files_of(table: &str) -> Option<Files> {
    Files::all().find(|files| {
        let one = files.name().trim_end_matches('s');
        table == format!("core.{files}") || table == format!("core.{one}_history")
    })
}

/// `load` writes columns by their names in the file. A closed or repeated text becomes the key
/// `<name>_id` of a table of names, and the hash of a row is that of all its columns.
fn core(tables: &[Table]) -> Vec<Dataset> {
    let core = tables.iter().filter(|table| table.name.starts_with("core."));
    let loaded = core.clone().filter_map(|table| files_of(&table.name).map(|files| (table, files)));
    let keyed = |files: Files, column: &str| {
        let name = column.strip_suffix("_id")?;
        files.columns().iter().find(|known| known.name == name)
    };
    let mut names: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for (table, files) in loaded {
        for (column, (lookup, _)) in &table.references {
            if let Some(text) = keyed(files, column) {
                names.entry(lookup.clone()).or_default().push(raw_column(files, text.name));
            }
        }
    }
    let from = |table: &Table, column: &str| -> Vec<Source> {
        if let Some(sources) = names.get(&table.name) {
            return if column == "name" { sources.clone() } else { Vec::new() };
        }
        let Some(files) = files_of(&table.name) else { return Vec::new() };
        let computed =
            |name| Source { by: Transformation::Transformation, ..raw_column(files, name) };
        if column == "row_hash" {
            return files.columns().iter().map(|known| computed(known.name)).collect();
        }
        let own = files.columns().iter().find(|known| known.name == column);
        match (own, keyed(files, column)) {
            (Some(own), _) => vec![raw_column(files, own.name)],
            (None, Some(text)) => vec![computed(text.name)],
            (None, None) => Vec::new(),
        }
    };
    let rows = |table: &Table| match files_of(&table.name) {
        Some(files) => vec![Source {
            by: Transformation::GroupBy,
            ..raw_column(files, files.id_column().name)
        }],
        None => Vec::new(),
    };
    core.map(|table| dataset(table, |column| from(table, column), rows(table))).collect()
}

fn dataset(table: &Table, from: impl Fn(&str) -> Vec<Source>, rows: Vec<Source>) -> Dataset {
    let columns = table.columns.iter().map(|(name, data_type)| Column {
        name: name.clone(),
        data_type: data_type.clone(),
        from: from(name),
    });
    Dataset { name: table.name.clone(), columns: columns.collect(), rows }
}

/// The gold tables: dimensions and rates are read from Postgres, facts and answers by their questions.
async fn gold(warehouse: &mut super::sql::Database) -> Vec<Dataset> {
    let mut gold = Vec::new();
    for star in stars::all() {
        let lineage = warehouse.query(&dimensions::sql(&star));
        gold.push(answer(star.dimension.table, &tables::dimension(&star), &lineage));
    }
    let rates = warehouse.query(rates::SQL);
    for Question { name, sql, schema } in lake::questions() {
        let lineage = plan::of(sql, &lake::inputs()).await.resolved(lake::RATES, &rates);
        if name != lake::PURCHASES {
            gold.push(answer(name, &schema, &lineage));
            continue;
        }
        let models = modelled::MODELLED.iter().filter(|table| table.sql == sql);
        for (table, lineage) in models.zip(models::observe(&lineage)) {
            gold.push(answer(table.name, &table.schema, &lineage));
        }
    }
    gold
}

/// A table whose columns are those of an answer, in the order of its schema.
fn answer(name: &str, schema: &SchemaRef, lineage: &Relation) -> Dataset {
    assert_eq!(schema.fields().len(), lineage.columns.len(), "columns of {name}");
    let name = format!("gold.{name}");
    let mut answers = lineage.columns.iter();
    let from = |_: &str| sources(&name, &answers.next().unwrap().1);
    let columns = columns(schema, from);
    Dataset { columns, rows: sources(&name, &lineage.rows), name }
}

/// Sources within the graph. What a table keeps of itself and the marks in `ops` are none.
fn sources(table: &str, sources: &Sources) -> Vec<Source> {
    let known = |column: &str| {
        let dataset = dataset_of(column);
        dataset != table && Layer::ALL.iter().any(|l| dataset.split('.').next() == Some(l.name()))
    };
    let sources = sources.iter().filter(|(column, _)| known(column));
    sources.map(|(column, by)| source(column.clone(), *by)).collect()
}

/// Answers and sessions have a copy of the same name in the warehouse.
fn is_published(gold: &Dataset) -> bool {
    let dimensions = stars::all().into_iter().map(|star| star.dimension.table);
    !dimensions.chain([tables::FACT_SALES]).any(|table| table == gold.table())
}

fn warehouse(
    tables: &[Table],
    written: &BTreeMap<String, Relation>,
    published: &[&Dataset],
) -> Vec<Dataset> {
    let tables = tables.iter().filter(|table| table.name.starts_with("warehouse."));
    let of = |table: &Table| {
        let name = table.name.as_str();
        let short = name.trim_start_matches("warehouse.");
        let copied = published.iter().find(|gold| gold.table() == short);
        let lineage = written.get(name);
        let from = |column: &str| -> Vec<Source> {
            let copy = copied.filter(|gold| gold.column(column).is_some());
            let copy = copy.map(|gold| format!("{}.{column}", gold.name));
            let copy = copy.map(|name| source(name, Transformation::Identity));
            let mut columns = lineage.iter().flat_map(|relation| &relation.columns);
            let scripted = columns.find(|(known, _)| known == column);
            let scripted = scripted.map(|(_, found)| sources(name, found)).unwrap_or_default();
            copy.into_iter().chain(scripted).collect()
        };
        let rows = lineage.map(|relation| sources(name, &relation.rows)).unwrap_or_default();
        dataset(table, from, rows)
    };
    tables.map(of).collect()
}

/// What is read before what is written from it; else by layer and name.
fn sorted(mut open: Vec<Dataset>) -> Graph {
    open.sort_by_key(|dataset| (dataset.layer(), dataset.name.clone()));
    let mut datasets: Vec<Dataset> = Vec::new();
    while !open.is_empty() {
        let ready = open.iter().position(|dataset| {
            dataset.inputs().iter().all(|input| datasets.iter().any(|done| done.name == *input))
        });
        let Some(ready) = ready else {
            let rest: Vec<_> =
                open.iter().map(|dataset| (&dataset.name, dataset.inputs())).collect();
            panic!("a dataset is missing, or some read each other: {rest:#?}")
        };
        datasets.push(open.remove(ready));
    }
    Graph { datasets }
}
