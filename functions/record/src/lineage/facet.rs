//! Facets: what is told of a run, a job or a dataset beside its name.

use serde_json::Value;

/// Who says so; this release of the function.
pub const PRODUCER: &str = concat!("urn:shopflow:record:", env!("CARGO_PKG_VERSION"));
const SPEC: &str = "https://openlineage.io/spec";
/// A facet of the given schema, such as `1-0-1/NominalTimeRunFacet`.
pub fn facet(schema: &str, mut fields: Value) -> Value {
    let name = schema.rsplit('/').next().unwrap_or(schema);
    if let Value::Object(fields) = &mut fields {
        fields.insert("_producer".to_owned(), PRODUCER.into());
        let url = format!("{SPEC}/facets/{schema}.json#/$defs/{name}");
        fields.insert("_schemaURL".to_owned(), url.into());
    }
    fields
}
