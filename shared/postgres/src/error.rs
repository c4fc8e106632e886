//! Postgres errors as errors of the pipeline.

use std::error::Error as StdError;
use std::io;

use shopflow_core::{Error, ErrorKind, Result};

/// Classes and codes that say that the same statement may succeed later: the connection (08), too
/// few resources (53), conflicts between transactions, and a server that stops or starts. A
/// statement in a transaction that has already failed (25P02) tells nothing of its own: of two
/// statements sent side by side, the first to fail may be the second to be heard.
const TRANSIENT: &[&str] = &[
    "08", "53", "40001", "40P01", "40003", "55P03", "57014", "57P01", "57P02", "57P03", "57P05",
    "25P02", "25P03", "25P04", "58030",
];

/// Maps a Postgres error to `Transient.Database` or `Internal`; `action` says what was tried
/// ("insert customers"). Details and values of rows stay out of the text, since they may be
/// personal.
pub fn db_error(action: &str, error: tokio_postgres::Error) -> Error {
    let failed = format!("{action} failed");
    if let Some(db) = error.as_db_error() {
        let code = db.code().code();
        let transient = TRANSIENT.iter().any(|prefix| code.starts_with(prefix));
        let kind = if transient { ErrorKind::TransientDatabase } else { ErrorKind::Internal };
        let mut failure = Error::new(kind, failed).with("sqlstate", code);
        if let Some(table) = db.table() {
            failure = failure.with("table", table);
        }
        if let Some(constraint) = db.constraint() {
            failure = failure.with("constraint", constraint);
        }
        // Messages of class 22 (data exception) quote the value.
        if code.starts_with("22") {
            return failure;
        }
        return failure.because(db.message().to_owned());
    }
    if is_certificate_problem(&error) {
        return Error::internal(failed)
            .because(chain(&error))
            .hint("check that database.ca_file holds the authority of the server's certificate and that database.host is a name in it");
    }
    let lost = error.is_closed() || error.as_db_error().is_none() && has_io_cause(&error);
    let kind = if lost { ErrorKind::TransientDatabase } else { ErrorKind::Internal };
    Error::new(kind, failed).because(chain(&error))
}

/// Turns Postgres errors into [`Error`] where they happen.
pub trait PgResultExt<T> {
    /// [`db_error`] on the error side.
    ///
    /// # Errors
    /// `Transient.Database` or `Internal`.
    fn or_db(self, action: &str) -> Result<T>;
}

impl<T> PgResultExt<T> for std::result::Result<T, tokio_postgres::Error> {
    fn or_db(self, action: &str) -> Result<T> {
        self.map_err(|error| db_error(action, error))
    }
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn has_io_cause(error: &tokio_postgres::Error) -> bool {
    causes(error).any(|cause| cause.is::<io::Error>())
}

/// A failed handshake arrives as an I/O error around a rustls error; trying again cannot help.
fn is_certificate_problem(error: &tokio_postgres::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .filter_map(io::Error::get_ref)
        .filter_map(|inner| inner.downcast_ref::<rustls::Error>())
        .any(|tls| matches!(tls, rustls::Error::InvalidCertificate(_)))
}

fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let part = cause.to_string();
        if text.contains(&part) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&part);
    }
    text
}
