//! The one error type of the pipeline.
//!
//! An [`Error`] says what failed, where, and what to do about it, and its [`ErrorKind`] is the
//! name Step Functions sees. Only the `Transient.*` names are retried by the state machine.
//!
//! ```
//! use shopflow_core::{Error, ErrorKind};
//!
//! let error = Error::new(ErrorKind::InvalidInput, "column 'price' is missing")
//!     .with("key", "incoming/products/p.csv")
//!     .hint("add the column to the header and upload the file again");
//! assert_eq!(error.kind().name(), "InvalidInput");
//! assert_eq!(
//!     error.to_string(),
//!     "column 'price' is missing (key=incoming/products/p.csv); \
//!      add the column to the header and upload the file again"
//! );
//! ```

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The result of everything that can fail in the pipeline.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of a failure: the error name in Step Functions, and whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// S3 was throttled, timed out or answered 5xx.
    TransientStorage,
    /// Postgres refused, dropped or aborted the connection or transaction.
    TransientDatabase,
    /// Another AWS service was throttled, timed out or answered 5xx.
    TransientService,
    /// The event, the file or the configuration is wrong; a retry gives the same answer.
    InvalidInput,
    /// The gold layer failed a critical expectation.
    QualityGateFailed,
    /// A defect, a missing permission or a broken invariant of ours.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order the documentation lists them.
    pub const ALL: [ErrorKind; 6] = [
        ErrorKind::TransientStorage,
        ErrorKind::TransientDatabase,
        ErrorKind::TransientService,
        ErrorKind::InvalidInput,
        ErrorKind::QualityGateFailed,
        ErrorKind::Internal,
    ];

    /// The error name that Step Functions matches in `Retry` and `Catch`.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::TransientStorage => "Transient.Storage",
            ErrorKind::TransientDatabase => "Transient.Database",
            ErrorKind::TransientService => "Transient.Service",
            ErrorKind::InvalidInput => "InvalidInput",
            ErrorKind::QualityGateFailed => "QualityGateFailed",
            ErrorKind::Internal => "Internal",
        }
    }

    /// True when the same input may succeed later.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            ErrorKind::TransientStorage
                | ErrorKind::TransientDatabase
                | ErrorKind::TransientService
        )
    }
}

/// A failure with its kind, its place and its remedy.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    context: Vec<(&'static str, String)>,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of `kind`; `message` is lower case and without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), context: Vec::new(), hint: None, source: None }
    }

    /// Shorthand for [`ErrorKind::InvalidInput`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// Shorthand for [`ErrorKind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Internal, message)
    }

    /// Adds one fact about where it failed (a key, a table, a row).
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((name, value.to_string()));
        self
    }

    /// Says what the reader should do now.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Keeps the cause; its text is part of [`fmt::Display`].
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The class of this failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// A failed AWS call: `action` in words ("get object"), classified by what the service said.
    ///
    /// Throttling, time-outs, connection failures and 5xx answers become `transient`; anything
    /// else is [`ErrorKind::Internal`], since the request itself was refused.
    pub fn aws<E, R>(transient: ErrorKind, action: &str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or("").to_owned();
        let throttled = [
            "Throttl",
            "SlowDown",
            "TooManyRequests",
            "RequestLimitExceeded",
            "ThroughputExceeded",
            "Timeout",
            "InternalError",
            "InternalFailure",
            "ServiceUnavailable",
            "503",
        ]
        .iter()
        .any(|part| code.contains(part));
        let transient_shape = match &error {
            SdkError::ServiceError(_) => throttled,
            SdkError::ConstructionFailure(_) => false,
            _ => true,
        };
        let kind = if transient_shape { transient } else { ErrorKind::Internal };
        Error::new(kind, format!("{action} failed")).because(DisplayChain::of(&error))
    }
}

/// The texts of an error and all its causes, joined: SDK errors hide theirs behind `source`.
#[derive(Debug)]
struct DisplayChain(String);

impl DisplayChain {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text.push_str(": ");
                text.push_str(&inner_text);
            }
            cause = inner.source();
        }
        DisplayChain(text)
    }
}

impl fmt::Display for DisplayChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for DisplayChain {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (index, (name, value)) in self.context.iter().enumerate() {
            let open = if index == 0 { " (" } else { ", " };
            write!(f, "{open}{name}={value}")?;
        }
        if !self.context.is_empty() {
            f.write_str(")")?;
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<Error> for lambda_runtime::Diagnostic {
    fn from(error: Error) -> Self {
        lambda_runtime::Diagnostic {
            error_type: error.kind.name().to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// Turns foreign errors into [`Error`] where they happen.
pub trait ResultExt<T> {
    /// Maps the error to `kind` with `message`, keeping the cause.
    fn or_error(self, kind: ErrorKind, message: impl Into<String>) -> Result<T>;
}

impl<T, E> ResultExt<T> for std::result::Result<T, E>
where
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    fn or_error(self, kind: ErrorKind, message: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::new(kind, message).because(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_names_carry_the_transient_prefix() {
        for kind in ErrorKind::ALL {
            assert_eq!(kind.name().starts_with("Transient."), kind.is_transient(), "{kind:?}");
        }
    }

    #[test]
    fn diagnostic_carries_the_name_step_functions_matches() {
        let diagnostic: lambda_runtime::Diagnostic = Error::invalid("no such dataset").into();
        assert_eq!(diagnostic.error_type, "InvalidInput");
        assert_eq!(diagnostic.error_message, "no such dataset");
    }

    #[test]
    fn cause_stands_between_context_and_hint() {
        let error = Error::internal("read report failed")
            .with("key", "validation/r.json")
            .because(std::io::Error::other("disk full"))
            .hint("free some space");
        assert_eq!(
            error.to_string(),
            "read report failed (key=validation/r.json): disk full; free some space"
        );
    }
}
