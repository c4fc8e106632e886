//! The questions of the business: one SQL file each under `sql/analytics/`, answered by Postgres.

use std::path::{Path, PathBuf};

use shopflow_core::{Error, ErrorKind, Result};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::local::database;
use crate::table::Table;

/// A question and the SQL that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Name of the file without extension: `top_customers`.
    pub name: String,
    /// First line of the comment at the head of the file.
    pub title: String,
    pub sql: String,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub question: Question,
    pub table: Table,
}

/// The questions in `folder`, by file name.
///
/// # Errors
/// `InvalidInput` when the folder has none or one has no title.
pub fn questions(folder: &Path) -> Result<Vec<Question>> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Error::invalid("read questions failed").with("folder", folder.display()).because(error)
    })?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::invalid("there are no questions").with("folder", folder.display()));
    }
    files.iter().map(|file| question(file)).collect()
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
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    Ok(Question { name: name.unwrap_or_default(), title, sql })
}

fn title(sql: &str) -> Option<String> {
    let text = sql.lines().next()?.strip_prefix("--")?.trim();
    let text = text.strip_prefix("title:").unwrap_or(text).trim().trim_end_matches('.');
    (!text.is_empty()).then(|| text.to_owned())
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
    fn answers_become_files_named_after_their_questions() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = Table::new(&["country"]);
        table.push(["DE".to_owned()]);
        let question =
            Question { name: "orders".to_owned(), title: String::new(), sql: String::new() };
        let out = folder.path().join("reports/today");
        let files = write_csv(&out, &[Answer { question, table }]).unwrap();
        assert_eq!(files, [out.join("orders.csv")]);
        assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), "country\nDE\n");
    }
}
