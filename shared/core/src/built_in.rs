//! The configuration that is compiled in.

use config::{Config, ConfigError, File, FileFormat};
use serde::de::DeserializeOwned;

/// Defaults of every environment.
pub const BASE: &str = include_str!("../../../config/base.yaml");

/// The environments a deployment can be, and what differs in each.
pub const ENVIRONMENTS: &[(&str, &str)] = &[
    ("local", include_str!("../../../config/local.yaml")),
    ("dev", include_str!("../../../config/dev.yaml")),
    ("staging", include_str!("../../../config/staging.yaml")),
    ("prod", include_str!("../../../config/prod.yaml")),
];

/// One section of the defaults.
///
/// # Errors
/// When it is not there or has another form.
pub fn section<T: DeserializeOwned>(name: &str) -> Result<T, ConfigError> {
    Config::builder().add_source(File::from_str(BASE, FileFormat::Yaml)).build()?.get(name)
}
