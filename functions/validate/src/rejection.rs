//! Why a whole file is refused.

use shopflow_core::dataset::Column;

use crate::rules::Rule;

/// Bytes of the text that stand beside each row of a refused file, which may have many short rows.
const ROW_BYTES: usize = 512;

/// Why a whole file is refused.
#[derive(Debug, Clone)]
pub struct Rejection {
    pub rule: Rule,
    pub column: Option<&'static Column>,
    /// What is wrong, without the name of the file.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

impl Rejection {
    /// For a file with columns that a frozen schema does not have.
    pub(crate) fn frozen_columns(names: &[String]) -> Self {
        let listed: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        let what = if listed.len() == 1 { "column" } else { "columns" };
        Rejection {
            rule: Rule::UnknownColumn,
            column: None,
            text: format!("the schema is frozen and does not have {what} {}", listed.join(", ")),
            remedy: "remove them from the file, or set schema_contract to evolve, discard_row or \
                     discard_value"
                .to_owned(),
        }
    }

    /// The text as it stands beside each row.
    pub(crate) fn of_row(&self) -> &str {
        &self.text[..self.text.floor_char_boundary(ROW_BYTES)]
    }

    pub(crate) fn empty() -> Self {
        Rejection {
            rule: Rule::EmptyFile,
            column: None,
            text: "the file is empty".to_owned(),
            remedy: "export it again and check that the export ran to its end".to_owned(),
        }
    }
}
