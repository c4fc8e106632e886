//! Datasets with their facets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shopflow_lineage::{Graph, Layer, Source, dataset_of};

use super::evidence::Evidence;
use super::facet::facet;
use super::jobs::Place;
use super::names::{Name, Places};

/// Makes datasets of events.
pub struct Datasets<'a> {
    pub graph: &'a Graph,
    pub places: &'a Places,
    pub evidence: &'a Evidence,
}

impl Datasets<'_> {
    /// Only the name.
    pub fn bare(&self, place: &Place) -> Value {
        let Name { namespace, name } = self.places.name(&place.dataset, place.folder);
        json!({"namespace": namespace, "name": name})
    }

    /// As it was read: with what is known of its quality.
    pub fn input(&self, place: &Place) -> Value {
        let mut dataset = self.bare(place);
        dataset["facets"] = self.facets(place).into();
        let mut facets = Map::new();
        let metrics = self.evidence.metrics.get(&place.dataset).cloned();
        let counted = place.rows.map(|rows| json!({"rowCount": rows, "columnMetrics": {}}));
        if let Some(metrics) = counted.or(metrics) {
            let metrics = facet("1-0-3/DataQualityMetricsInputDatasetFacet", metrics);
            facets.insert("dataQualityMetrics".to_owned(), metrics);
        }
        // Files on their way are judged by `validate`; suites judge tables.
        let assertions = self.evidence.assertions.get(&place.dataset);
        if let Some(assertions) = assertions.filter(|_| place.rows.is_none()) {
            let assertions = json!({"assertions": assertions});
            let assertions = facet("1-1-0/DataQualityAssertionsDatasetFacet", assertions);
            facets.insert("dataQualityAssertions".to_owned(), assertions);
        }
        dataset["inputFacets"] = facets.into();
        dataset
    }

    /// As it was written: with the lineage of its columns and the rows.
    pub fn output(&self, place: &Place, inputs: &[Place]) -> Value {
        let mut dataset = self.bare(place);
        let mut facets = self.facets(place);
        if let Some(lineage) = self.column_lineage(place, inputs) {
            facets.insert("columnLineage".to_owned(), lineage);
        }
        dataset["facets"] = facets.into();
        let mut statistics = Map::new();
        if let Some(rows) = place.rows {
            statistics.insert("rowCount".to_owned(), rows.into());
        }
        let known = self.evidence.sizes.get(&place.dataset);
        if let Some(size) = known.filter(|_| place.folder == "raw" && place.rows.is_some()) {
            statistics.insert("size".to_owned(), size.bytes.into());
            statistics.insert("fileCount".to_owned(), size.files.into());
        }
        let mut facets = Map::new();
        if !statistics.is_empty() {
            let statistics = facet("1-0-2/OutputStatisticsOutputDatasetFacet", statistics.into());
            facets.insert("outputStatistics".to_owned(), statistics);
        }
        dataset["outputFacets"] = facets.into();
        dataset
    }

    fn facets(&self, place: &Place) -> Map<String, Value> {
        let mut facets = Map::new();
        if let Some(known) = self.graph.dataset(&place.dataset) {
            let columns = known.columns.iter().enumerate();
            let fields: Vec<Value> = columns
                .map(|(at, column)| {
                    let place = at + 1;
                    json!({"name": column.name, "type": column.data_type, "ordinal_position": place})
                })
                .collect();
            let schema = facet("1-2-0/SchemaDatasetFacet", json!({"fields": fields}));
            facets.insert("schema".to_owned(), schema);
        }
        if let Some(version) = &place.version {
            let version = json!({"datasetVersion": version});
            let version = facet("1-0-1/DatasetVersionDatasetFacet", version);
            facets.insert("version".to_owned(), version);
        }
        facets
    }

    /// Where each column comes from, and what decides about the rows. Files keep their columns on
    /// the way through the landing bucket.
    fn column_lineage(&self, place: &Place, inputs: &[Place]) -> Option<Value> {
        let known = self.graph.dataset(&place.dataset)?;
        let copied = known.layer() == Some(Layer::Raw);
        if copied && inputs.is_empty() {
            return None;
        }
        let fields: Map<String, Value> = known
            .columns
            .iter()
            .map(|column| {
                let itself = [Source {
                    column: format!("{}.{}", known.name, column.name),
                    by: shopflow_lineage::Transformation::Identity,
                    masking: false,
                }];
                let from = if copied { &itself[..] } else { &column.from };
                (column.name.clone(), self.input_fields(from, inputs))
            })
            .filter(|(_, fields)| fields.as_array().is_some_and(|fields| !fields.is_empty()))
            .map(|(name, fields)| (name, json!({"inputFields": fields})))
            .collect();
        let rows = self.input_fields(&known.rows, inputs);
        if fields.is_empty() && rows.as_array().is_none_or(Vec::is_empty) {
            return None;
        }
        let lineage = json!({"fields": fields, "dataset": rows});
        Some(facet("1-2-0/ColumnLineageDatasetFacet", lineage))
    }

    /// One entry per column, with every way it is used.
    fn input_fields(&self, sources: &[Source], inputs: &[Place]) -> Value {
        let mut fields: BTreeMap<(Name, &str), Vec<Value>> = BTreeMap::new();
        for source in sources {
            let dataset = dataset_of(&source.column);
            let read = inputs.iter().find(|input| input.dataset == dataset);
            let name = self.places.name(dataset, read.map_or("raw", |input| input.folder));
            let column = source.column.rsplit('.').next().unwrap_or_default();
            let kind = if source.by.is_direct() { "DIRECT" } else { "INDIRECT" };
            let how = json!({
                "type": kind,
                "subtype": source.by.name(),
                "masking": source.masking,
            });
            fields.entry((name, column)).or_default().push(how);
        }
        let fields = fields.into_iter().map(|((Name { namespace, name }, field), how)| {
            json!({"namespace": namespace, "name": name, "field": field, "transformations": how})
        });
        fields.collect()
    }
}
