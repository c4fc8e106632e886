//! Reads the lineage of Postgres statements off their syntax. What it does not know is an error:
//! a statement that changes its form is noticed, not skipped.

mod query;

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{
    self, AssignmentTarget, ObjectName, Statement, TableFactor, TableObject, UpdateTableFromKind,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::relation::{Relation, Sources};
use query::Scope;

/// Statements that move no data.
const SILENT: &[&str] = &["SET", "ANALYZE", "ALTER", "DROP"];

/// The tables that statements can read, and what they write.
#[derive(Debug, Default)]
pub struct Database {
    /// Tables and views, and temporary tables with the sources of their columns.
    tables: BTreeMap<String, Relation>,
    /// The part of a temporary table in which a column has one value, by table, column and value.
    parts: BTreeMap<(String, String, String), Relation>,
    /// What functions read besides their arguments, by name.
    functions: BTreeMap<String, Sources>,
    /// Of every table that a statement writes.
    pub written: BTreeMap<String, Relation>,
}

impl Database {
    /// Adds a table or view that can be read.
    pub fn add(&mut self, name: &str, columns: impl IntoIterator<Item = String>) {
        self.tables.insert(name.to_owned(), Relation::table(name, columns));
    }

    /// Adds a table that queries call by another name.
    pub fn alias(&mut self, name: &str, called: &str, columns: impl IntoIterator<Item = String>) {
        self.tables.insert(called.to_owned(), Relation::table(name, columns));
    }

    /// Adds a function that is one query.
    pub fn function(&mut self, name: &str, sql: &str) {
        let answer = self.query(sql);
        self.functions.insert(name.to_owned(), &answer.all() | &answer.rows);
    }

    /// Adds a view as something its query writes.
    pub fn view(&mut self, name: &str, sql: &str) {
        let relation = self.query(sql);
        self.written.insert(name.to_owned(), relation);
    }

    /// Lineage of one query.
    pub fn query(&mut self, sql: &str) -> Relation {
        let statements = parse(sql);
        let [Statement::Query(query)] = &statements[..] else { panic!("not one query: {sql}") };
        Scope::default().query(self, query)
    }

    /// Reads the statements of a script one after the other.
    pub fn script(&mut self, script: &str) {
        let code: Vec<&str> =
            script.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        for statement in code.join("\n").split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let verb = statement.split_whitespace().next().unwrap_or_default();
            if !SILENT.contains(&verb) {
                for statement in parse(statement) {
                    self.statement(&statement, &Scope::default());
                }
            }
        }
    }

    fn table(&self, name: &str) -> Option<&Relation> {
        self.tables.get(name.trim_start_matches("pg_temp."))
    }

    /// The rows of a table in which a column has a value, if they were inserted by themselves.
    fn part(&self, table: &str, column: &str, value: &str) -> Option<&Relation> {
        self.parts.get(&(table.to_owned(), column.to_owned(), value.to_owned()))
    }

    fn statement(&mut self, statement: &Statement, scope: &Scope<'_>) {
        match statement {
            Statement::Query(query) => {
                scope.inner().query(self, query);
            }
            Statement::CreateTable(table) => {
                assert!(table.temporary, "only temporary tables are made while data moves");
                let query = table.query.as_ref().expect("a temporary table is made by a query");
                let relation = scope.inner().query(self, query);
                self.tables.insert(name(&table.name), relation);
            }
            Statement::Insert(insert) => self.insert(insert, scope),
            Statement::Update(update) => self.update(update, scope),
            Statement::Delete(_) => {}
            other => panic!("lineage of this statement is not known: {other}"),
        }
    }

    fn insert(&mut self, insert: &ast::Insert, scope: &Scope<'_>) {
        let TableObject::TableName(table) = &insert.table else { panic!("not a table: {insert}") };
        let table = name(table);
        let source = insert.source.as_ref().expect("rows are inserted by a query");
        let mut rows = scope.inner().query(self, source);
        let known = self.table(&table).unwrap_or_else(|| panic!("no table {table}"));
        let columns: Vec<String> = match &insert.columns[..] {
            [] => known.columns.iter().map(|(column, _)| column.clone()).collect(),
            named => named.iter().map(|column| column.value.clone()).collect(),
        };
        assert!(rows.columns.len() <= columns.len(), "more values than columns: {insert}");
        for branch in query::branches(&source.body) {
            if let Some(value) = query::first_constant(branch) {
                let mut part = scope.inner().body(self, branch);
                rename(&mut part, &columns);
                let at = (table.clone(), columns[0].clone(), value);
                self.parts.entry(at).or_default().merge(part);
            }
        }
        rename(&mut rows, &columns);
        self.write(&table, rows);
    }

    fn update(&mut self, update: &ast::Update, scope: &Scope<'_>) {
        let mut inner = scope.inner();
        let TableFactor::Table { name: target, .. } = &update.table.relation else {
            panic!("not a table: {update}")
        };
        inner.from(self, &update.table);
        let from = match &update.from {
            Some(UpdateTableFromKind::AfterSet(from) | UpdateTableFromKind::BeforeSet(from)) => {
                from
            }
            None => &Vec::new(),
        };
        for table in from {
            inner.from(self, table);
        }
        let columns = update.assignments.iter().map(|assignment| {
            let AssignmentTarget::ColumnName(column) = &assignment.target else {
                panic!("not a column: {assignment}")
            };
            (name(column), inner.value(self, &assignment.value))
        });
        let columns = columns.collect::<Vec<_>>();
        // Which rows there are is what inserts them; that they are kept in step is no lineage.
        self.write(&name(target), Relation { columns, rows: Sources::new() });
    }

    /// Temporary tables pass on what is written to them; others are where a path ends.
    fn write(&mut self, table: &str, rows: Relation) {
        let table = table.trim_start_matches("pg_temp.");
        if table.contains('.') {
            self.written.entry(table.to_owned()).or_default().merge(rows);
        } else {
            self.tables.entry(table.to_owned()).or_default().merge(rows);
        }
    }
}

fn rename(relation: &mut Relation, columns: &[String]) {
    for ((column, _), target) in relation.columns.iter_mut().zip(columns) {
        column.clone_from(target);
    }
}

fn parse(sql: &str) -> Vec<Statement> {
    Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// A name without quotes.
fn name(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| match part.as_ident() {
        Some(ident) => ident.value.clone(),
        None => panic!("not a name: {name}"),
    });
    parts.collect::<Vec<_>>().join(".")
}
