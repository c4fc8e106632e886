//! What is known of a relation while a query is read: the sources of each column, and what decides
//! about its rows.

use std::collections::BTreeSet;

use shopflow_lineage::Transformation;

/// Columns of other datasets, and how they are used.
pub type Sources = BTreeSet<(String, Transformation)>;

/// The result of a query or a part of it.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    pub columns: Vec<(String, Sources)>,
    pub rows: Sources,
}

impl Relation {
    /// A table that is read: every column comes from itself.
    pub fn table(name: &str, columns: impl IntoIterator<Item = String>) -> Relation {
        let identity = |column: String| {
            let source = (format!("{name}.{column}"), Transformation::Identity);
            (column, Sources::from([source]))
        };
        Relation { columns: columns.into_iter().map(identity).collect(), rows: Sources::new() }
    }

    /// Everything its columns come from.
    pub fn all(&self) -> Sources {
        self.columns.iter().flat_map(|(_, sources)| sources.clone()).collect()
    }

    /// The same, with the columns of a table that it reads replaced by what those come from.
    pub fn resolved(self, table: &str, made: &Relation) -> Relation {
        let resolve = |sources: &Sources| -> Sources {
            let of_table = |column: &str| {
                let own = column.strip_prefix(table)?.strip_prefix('.')?;
                made.columns.iter().find(|(name, _)| name == own)
            };
            let resolved = sources.iter().map(|(column, by)| match of_table(column) {
                Some((_, from)) => through(from, *by),
                None => Sources::from([(column.clone(), *by)]),
            });
            resolved.flatten().collect()
        };
        let columns = self.columns.iter().map(|(name, sources)| (name.clone(), resolve(sources)));
        Relation { columns: columns.collect(), rows: resolve(&self.rows) }
    }

    /// Adds what another statement writes to the same columns.
    pub fn merge(&mut self, other: Relation) {
        for (name, sources) in other.columns {
            match self.columns.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.extend(sources),
                None => self.columns.push((name, sources)),
            }
        }
        self.rows.extend(other.rows);
    }
}

/// `outer` applied to something that depends on a column by `inner`. What is indirect stays so,
/// and an aggregate of a transformed value is an aggregation.
pub fn compose(outer: Transformation, inner: Transformation) -> Transformation {
    match (outer.is_direct(), inner.is_direct()) {
        (false, _) => outer,
        (true, false) => inner,
        (true, true) => outer.max(inner),
    }
}

/// All sources with `outer` applied.
pub fn through(sources: &Sources, outer: Transformation) -> Sources {
    sources.iter().map(|(column, inner)| (column.clone(), compose(outer, *inner))).collect()
}
