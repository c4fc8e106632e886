//! What an expectation found.

use serde_json::{Map, Value};

/// What an expectation found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub success: bool,
    pub result: Map<String, Value>,
    /// Why it could not be judged; it has failed then.
    pub exception: Option<String>,
}

impl Outcome {
    pub fn observed(success: bool, observed: impl Into<Value>) -> Outcome {
        let mut result = Map::new();
        result.insert("observed_value".to_owned(), observed.into());
        Outcome { success, result, exception: None }
    }

    pub fn exception(message: impl Into<String>) -> Outcome {
        Outcome { exception: Some(message.into()), ..Outcome::default() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Outcome {
        self.result.insert(name.to_owned(), value.into());
        self
    }

    /// Says how many values took no part because they could not be read, if there were any.
    #[must_use]
    pub fn malformed(self, malformed: u64) -> Outcome {
        if malformed == 0 { self } else { self.with("malformed_count", malformed) }
    }

    /// Says how exact an estimated number is.
    #[must_use]
    pub fn estimated(self, relative_error: Option<f64>) -> Outcome {
        match relative_error {
            None => self,
            Some(error) => self.with("approximate", true).with("relative_error", error),
        }
    }
}
