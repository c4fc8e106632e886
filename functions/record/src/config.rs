//! The configuration that a run follows: read when it starts, the same for all its stages.

use shopflow_core::overlay::{self, Overlay};
use shopflow_core::{Result, Settings, Storage};

/// Reads and checks the files over the built-in ones, keeps a copy in the bucket `reports`, and
/// answers with their version; `None` without an address or files.
///
/// # Errors
/// `InvalidInput` with every problem of the files; `Transient.Storage`.
pub async fn at_start(
    storage: &Storage,
    reports: &str,
    uri: Option<&str>,
) -> Result<Option<String>> {
    let Some(uri) = uri else { return Ok(None) };
    let overlay = Overlay::read(storage, uri).await?;
    Settings::load_over(&overlay, &[])?;
    overlay::keep(storage, reports, &overlay).await
}
