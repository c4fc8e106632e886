//! Events of S3, as messages bring them.

use serde_json::Value;
use shopflow_ingest::execution::Execution;
use shopflow_ingest::notification::{self, Notice};

/// Longest name that Step Functions takes.
const NAME_CHARACTERS: usize = 80;

/// The body of a message, and the executions that its objects ask for.
pub fn event(data: &[u8]) {
    let Ok(body) = std::str::from_utf8(data) else { return };
    let Ok(notices) = notification::read(body) else { return };
    assert!(notices.len() <= body.len(), "objects that nobody named");
    for notice in notices {
        let Notice::Landed(landed) = notice else { continue };
        assert!(!landed.object.key.ends_with('/'));
        let Ok(execution) = Execution::of(&landed) else { continue };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(execution.name.len() <= NAME_CHARACTERS && execution.name.bytes().all(is_plain));
        let input: Value = serde_json::from_str(&execution.input).expect("input is JSON");
        assert_eq!(input["source"]["objects"][0]["key"], landed.object.key.as_str());
        assert_eq!(Execution::of(&landed).ok(), Some(execution));
    }
}
