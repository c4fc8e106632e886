//! The questions of the business: one SQL file each under `sql/analytics/`, answered by Postgres.
//!
//! A file explains itself in the comment at its head: the question, then `Theme`, `Grain`, `Reads`,
//! `Chart`, `Columns` and `Notes`. Everything below is one `SELECT` that depends on nothing but the
//! tables it reads, so that its answer can be [kept](cache) until one of them changes.

pub mod cache;
pub mod chart;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use shopflow_core::{Error, ErrorKind, Result};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::local::database;
use crate::table::Table;
use chart::Chart;

/// Themes in the order of the report; a question of another theme comes after these.
const THEMES: [&str; 4] = ["Revenue", "Products", "Customers", "Visits"];

/// A question and the SQL that answers it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// Name of the file without extension: `top_customers`.
    pub name: String,
    /// First line of the comment at the head of the file.
    pub title: String,
    pub sql: String,
    /// Part of the report it belongs to.
    pub theme: String,
    /// What one row of the answer stands for.
    pub grain: String,
    /// Tables and materialised views it reads, with their schema.
    pub reads: Vec<String>,
    /// How the answer is drawn, if at all.
    pub chart: Option<Chart>,
    pub notes: String,
}

impl Question {
    /// SHA-256 of the SQL, hexadecimal: changes with any change of the file.
    pub fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql.as_bytes()))
    }

    /// True when it reads facts, which are many, and not only the small tables made of them.
    pub fn reads_facts(&self) -> bool {
        self.reads.iter().any(|table| table.starts_with("warehouse.fact_"))
    }

    /// The statement without the comment at the head.
    pub fn statement(&self) -> &str {
        let comment: usize = self
            .sql
            .split_inclusive('\n')
            .take_while(|line| line.starts_with("--"))
            .map(str::len)
            .sum();
        self.sql.get(comment..).unwrap_or_default()
    }
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub question: Question,
    pub table: Table,
}

/// The questions in `folder`, by theme and name.
///
/// # Errors
/// `InvalidInput` when the folder has none, one has no title, or its chart cannot be understood.
pub fn questions(folder: &Path) -> Result<Vec<Question>> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Error::invalid("read questions failed").with("folder", folder.display()).because(error)
    })?;
    let files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    if files.is_empty() {
        return Err(Error::invalid("there are no questions").with("folder", folder.display()));
    }
    let mut questions: Vec<Question> =
        files.iter().map(|file| question(file)).collect::<Result<_>>()?;
    let place = |theme: &str| THEMES.iter().position(|known| *known == theme);
    questions.sort_by(|one, other| {
        let key = |question: &Question| {
            (place(&question.theme).unwrap_or(THEMES.len()), question.theme.clone())
        };
        key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name))
    });
    Ok(questions)
}

fn question(file: &Path) -> Result<Question> {
    let sql = std::fs::read_to_string(file).map_err(|error| {
        Error::invalid("read question failed").with("file", file.display()).because(error)
    })?;
    let title = title(&sql).ok_or_else(|| {
        Error::invalid("a question has no title")
            .with("file", file.display())
            .hint("begin the file with a comment: -- Top customers by spending")
    })?;
    let chart = match field(&sql, "Chart") {
        text if text.is_empty() => None,
        text => Some(text.parse().map_err(|error: Error| error.with("file", file.display()))?),
    };
    let reads = field(&sql, "Reads");
    Ok(Question {
        name: file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        title,
        theme: field(&sql, "Theme"),
        grain: field(&sql, "Grain"),
        reads: reads
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|n| !n.is_empty())
            .collect(),
        chart,
        notes: field(&sql, "Notes"),
        sql,
    })
}

fn title(sql: &str) -> Option<String> {
    let text = sql.lines().next()?.strip_prefix("--")?.trim();
    let text = text.strip_prefix("title:").unwrap_or(text).trim().trim_end_matches('.');
    (!text.is_empty()).then(|| text.to_owned())
}

/// What the comment at the head says after `-- <label>:`, lines joined; empty when it says nothing.
fn field(sql: &str, label: &str) -> String {
    let begin = format!("{label}:");
    let mut words: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in sql.lines().map_while(|line| line.strip_prefix("-- ")) {
        if let Some(rest) = line.strip_prefix(&begin) {
            inside = true;
            words.extend(rest.split_whitespace());
        } else if !line.starts_with(' ') {
            inside = false;
        } else if inside {
            words.extend(line.split_whitespace());
        }
    }
    words.join(" ")
}

/// Asks one question.
///
/// # Errors
/// When Postgres refuses the SQL, and with a hint when nothing was loaded yet.
pub async fn ask(client: &Client, question: &Question) -> Result<Answer> {
    let table = query(client, &question.sql).await.map_err(|error| {
        error
            .with("question", &question.name)
            .hint("the tables are made by the first run: `cargo shopflow run`")
    })?;
    Ok(Answer { question: question.clone(), table })
}

/// Runs SQL and keeps every value as Postgres writes it.
///
/// # Errors
/// `Internal` when Postgres refuses.
pub async fn query(client: &Client, sql: &str) -> Result<Table> {
    let messages = client
        .simple_query(sql)
        .await
        .map_err(|error| database::refused(ErrorKind::Internal, "query", error))?;
    let mut table = Table::default();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                table.columns = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                let cells = (0..row.len()).map(|index| row.get(index).map(str::to_owned));
                table.rows.push(cells.collect());
            }
            _ => {}
        }
    }
    Ok(table)
}

/// Writes each answer to `<folder>/<question>.csv`; the files written.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_csv(folder: &Path, answers: &[Answer]) -> Result<Vec<PathBuf>> {
    let problem = |error: std::io::Error| {
        Error::invalid("write report failed").with("folder", folder.display()).because(error)
    };
    std::fs::create_dir_all(folder).map_err(problem)?;
    let mut files = Vec::with_capacity(answers.len());
    for answer in answers {
        let path = folder.join(format!("{}.csv", answer.question.name));
        std::fs::write(&path, answer.table.to_csv()?).map_err(problem)?;
        files.push(path);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_file_is_its_title() {
        assert_eq!(title("-- Average order value.\nSELECT 1").unwrap(), "Average order value");
        assert_eq!(title("-- title: Revenue\n").unwrap(), "Revenue");
        assert_eq!(title("SELECT 1"), None);
        assert_eq!(title("--\n-- late"), None);
    }

    #[test]
    fn questions_are_read_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.sql"), "-- Second\nSELECT 2").unwrap();
        std::fs::write(folder.path().join("a.sql"), "-- First\nSELECT 1").unwrap();
        std::fs::write(folder.path().join("notes.md"), "none").unwrap();
        let questions = questions(folder.path()).unwrap();
        let titles: Vec<&str> = questions.iter().map(|question| question.title.as_str()).collect();
        assert_eq!(titles, ["First", "Second"]);
    }

    #[test]
    fn the_head_of_a_file_says_what_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let sql = "-- Who?\n-- Theme:  Visits\n-- Reads:  a.b,\n--         a.c\n\
                   -- Chart:  bars n by who\n-- Notes:  One.\n--         Two: three.\n\
                   SELECT 1 -- Reads: nothing\n";
        std::fs::write(folder.path().join("who.sql"), sql).unwrap();
        std::fs::write(folder.path().join("a.sql"), "-- Other\nSELECT 2").unwrap();
        let found = questions(folder.path()).unwrap();
        let who = &found[0];
        assert_eq!(
            (who.name.as_str(), who.theme.as_str()),
            ("who", "Visits"),
            "known themes first"
        );
        assert_eq!(who.reads, ["a.b", "a.c"]);
        assert_eq!(who.notes, "One. Two: three.");
        assert_eq!(who.statement(), "SELECT 1 -- Reads: nothing\n");
        assert!(who.chart.is_some() && found[1].chart.is_none());
    }

    #[test]
    fn a_chart_that_cannot_be_drawn_is_refused_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pie.sql"), "-- Pie\n-- Chart: pie of n\nSELECT 1")
            .unwrap();
        let text = questions(folder.path()).unwrap_err().to_string();
        assert!(text.contains("pie.sql") && text.contains("pie of n"), "{text}");
    }

    #[test]
    fn answers_become_files_named_after_their_questions() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = Table::new(&["country"]);
        table.push(["DE".to_owned()]);
        let question = Question { name: "orders".to_owned(), ..Question::default() };
        let out = folder.path().join("reports/today");
        let files = write_csv(&out, &[Answer { question, table }]).unwrap();
        assert_eq!(files, [out.join("orders.csv")]);
        assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), "country\nDE\n");
    }
}
