//! The SQL that brings a dimension in step with the history of its entities, made from its
//! definition.
//!
//! First a temporary table gets what is to be done: the versions that each dirty entity should have,
//! beside those it has, as far as they differ. A row without a key is a new version, one without
//! wanted values (`is_wanted`) a version that goes, and the others get other values.
//!
//! There is one version per change of a tracked attribute (type 2). Of the others (type 1) every
//! version has the latest known value. The first version begins at -infinity, the last ends at
//! infinity. An entity without history is an inferred member: one version, nothing known.
//!
//! Before the moment since which its history changed, the versions of an entity are as they should
//! be. The last one that began before (kept) says what was true then; of the history only the rows
//! from that moment on are read, of the dimension only the later versions. Where that version is
//! not there, the entity is compared from the start, and so are those marked without a moment: many
//! after a first load or for a full rebuild, so they are joined and not looked up one by one.

use shopflow_core::Dataset;
use shopflow_core::dataset::{Attribute, Change, Dimension, Kind, Made, Role};

/// To compile these statements takes longer than to run them.
pub const PREPARE: &str = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off;";

/// Before the dimensions are written. Versions are found by their keys, in time that grows with the
/// changes: the planner would rather read the whole dimension, for a tenth of it several times
/// slower.
pub const BEGIN: &str = "
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;";

/// After they are written.
pub const END: &str = "
SET LOCAL enable_hashjoin TO DEFAULT;
SET LOCAL enable_mergejoin TO DEFAULT;
SET LOCAL jit TO DEFAULT;";

/// A dimension with what its statements need to know.
#[derive(Debug, Clone, Copy)]
pub struct Star {
    pub dataset: Dataset,
    pub dimension: Dimension,
    history: &'static str,
}

/// Every dimension, in the order of the datasets.
pub fn all() -> Vec<Star> {
    Dataset::all().filter_map(Star::of).collect()
}

/// Adds the entities of every dimension, from their beginning, to the pending ones.
pub fn mark_all() -> String {
    let of = |star: Star| {
        let dataset = star.dataset;
        format!("SELECT '{dataset}', id, '-infinity'::timestamptz FROM core.{dataset}")
    };
    let entities: Vec<String> = all().into_iter().map(of).collect();
    format!(
        "INSERT INTO pending_entities (dataset, id, since)
{}
ON CONFLICT (dataset, id) DO UPDATE SET since = excluded.since;",
        entities.join("\nUNION ALL\n")
    )
}

impl Star {
    /// The dimension of a dataset, if it has one.
    pub fn of(dataset: Dataset) -> Option<Star> {
        let Role::Entity(entity) = dataset.role() else { return None };
        let dimension = entity.dimension?;
        Some(Star { dataset, dimension, history: entity.history })
    }

    /// The temporary table of what is to be done.
    pub fn changes_table(&self) -> String {
        format!("{}_changes", self.dimension.table.trim_start_matches("dim_"))
    }

    /// What a version says, in the order of the table's columns.
    pub fn attributes(&self) -> impl Iterator<Item = &'static Attribute> + use<> {
        self.dimension.attributes.iter()
    }

    /// What the values of an attribute are.
    pub fn kind(&self, attribute: &Attribute) -> Kind {
        let column = self.dataset.definition().column(attribute.column);
        match (attribute.made, column) {
            (Made::Copied, Some(column)) => column.kind,
            (Made::Domain, _) | (Made::Copied, None) => Kind::Text(usize::MAX),
        }
    }

    /// True when the attribute came to a dimension that was there already.
    pub fn is_later(&self, attribute: &Attribute) -> bool {
        let column = self.dataset.definition().column(attribute.column);
        column.is_some_and(|column| column.since.is_some())
    }

    fn of_change(&self, change: Change) -> impl Iterator<Item = &'static Attribute> + use<> {
        self.attributes().filter(move |attribute| attribute.change == change)
    }

    /// Each attribute as `write` has it, in the order of the table.
    fn list(&self, write: impl Fn(&Attribute) -> String) -> String {
        join(self.attributes().map(write))
    }

    /// The columns of the history that attributes are made from, each once.
    fn sources(&self) -> String {
        let mut columns: Vec<&str> = Vec::new();
        for attribute in self.attributes() {
            if !columns.contains(&attribute.column) {
                columns.push(attribute.column);
            }
        }
        join(columns.into_iter().map(|column| format!("h.{column}")))
    }

    /// True when rows may lack the attribute although they are there.
    fn is_optional(&self, attribute: &Attribute) -> bool {
        let column = self.dataset.definition().column(attribute.column);
        column.is_some_and(|column| !column.required)
    }

    /// The statement that creates and fills the table of changes.
    pub fn changes(&self) -> String {
        let Dimension { table, key, id, .. } = self.dimension;
        let (dataset, history, changes) = (self.dataset, self.history, self.changes_table());
        let overwritten = || self.of_change(Change::Overwrite);
        let versioned = || self.of_change(Change::Version);
        let known = self.list(|attribute| {
            let Attribute { name, column, .. } = attribute;
            let value = match attribute.made {
                Made::Copied => (*column).to_owned(),
                Made::Domain => format!("lower(split_part({column}, '@', -1))"),
            };
            // Without a row from the moment on, what is kept stays true.
            if self.is_optional(attribute) {
                format!(
                    "CASE WHEN effective_at IS NULL THEN kept_{name} ELSE {value} END AS {name}"
                )
            } else {
                format!("coalesce({value}, kept_{name}) AS {name}")
            }
        });
        let latest = overwritten().map(|Attribute { name, .. }| {
            format!(",\n           last_value({name}) OVER history AS latest_{name}")
        });
        let wanted = self.list(|Attribute { name, change, .. }| match change {
            Change::Overwrite => format!("latest_{name} AS {name}"),
            Change::Version => (*name).to_owned(),
        });
        let corrected = differ(
            overwritten().map(|it| format!("latest_{}", it.name)),
            overwritten().map(|it| format!("kept_{}", it.name)),
        );
        let different = differ(
            versioned().map(|it| it.name.to_owned()),
            versioned().map(|it| format!("lag({0}, 1, kept_{0}) OVER history", it.name)),
        );
        let kept_or_latest = self.list(|Attribute { name, change, .. }| match change {
            Change::Overwrite => format!("latest_{name}"),
            Change::Version => format!("kept_{name}"),
        });
        let corrections = self.list(|Attribute { name, change, .. }| match change {
            Change::Overwrite => format!("c.{name}"),
            Change::Version => format!("d.{name}"),
        });
        format!(
            "
-- OFFSET 0 keeps a subquery apart from the query: a look into an index per entity, which costs
-- little when few rows are wanted of many, where the planner would rather read the whole table.
CREATE TEMP TABLE {changes} ON COMMIT DROP AS
WITH dirty AS MATERIALIZED (
    SELECT p.id AS {id},
           CASE WHEN kept.{key} IS NULL THEN '-infinity' ELSE p.since END AS since,
           kept.{key} AS kept_key, kept.valid_from AS kept_from, kept.valid_to AS kept_to,
           {kept_as}
    FROM pending_entities AS p
    LEFT JOIN LATERAL (
        SELECT * FROM warehouse.{table} AS d
        WHERE d.{id} = p.id AND d.valid_from < p.since
        ORDER BY d.valid_from DESC LIMIT 1
    ) AS kept
      ON NOT kept.is_inferred
    WHERE p.dataset = '{dataset}' AND p.since > '-infinity'
), accepted AS (
    SELECT dirty.*, h.effective_at, {sources}
    FROM dirty
    LEFT JOIN LATERAL (
        SELECT * FROM core.{history} AS h
        WHERE h.id = dirty.{id} AND h.effective_at >= dirty.since OFFSET 0
    ) AS h ON true
    UNION ALL
    SELECT p.id, p.since, NULL, NULL, NULL, {nulls},
           h.effective_at, {sources}
    FROM pending_entities AS p
    LEFT JOIN core.{history} AS h USING (id)
    WHERE p.dataset = '{dataset}' AND p.since = '-infinity'
), known AS (
    SELECT {id}, effective_at, kept_key, kept_from, kept_to, {kept},
           {known}
    FROM accepted
), compared AS (
    SELECT *, row_number() OVER history = 1 AS is_first,
           {different} AS is_different{latest}
    FROM known
    WINDOW history AS (PARTITION BY {id} ORDER BY effective_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), begun AS (
    SELECT *, is_different OR kept_key IS NULL AS is_wanted,
           lead(effective_at, 1, 'infinity') OVER (PARTITION BY {id} ORDER BY effective_at)
               AS valid_to
    FROM compared
    WHERE is_different OR is_first
), wanted AS (
    SELECT {id}, {wanted},
           effective_at IS NULL AS is_inferred,
           CASE WHEN is_first AND kept_key IS NULL THEN '-infinity' ELSE effective_at END AS valid_from,
           valid_to
    FROM begun
    WHERE is_wanted
), kept AS (
    SELECT *, CASE WHEN is_wanted THEN effective_at ELSE valid_to END AS kept_until,
           {corrected} AS is_corrected
    FROM begun
    WHERE is_first AND kept_key IS NOT NULL
), present AS (
    SELECT d.*
    FROM dirty
    CROSS JOIN LATERAL (
        SELECT * FROM warehouse.{table} AS d
        WHERE d.{id} = dirty.{id} AND d.valid_from >= dirty.since OFFSET 0
    ) AS d
    WHERE dirty.kept_to IS DISTINCT FROM 'infinity'
    UNION ALL
    SELECT d.*
    FROM pending_entities AS p
    JOIN warehouse.{table} AS d ON d.{id} = p.id
    WHERE p.dataset = '{dataset}' AND p.since = '-infinity'
)
SELECT {id}, valid_from, d.{key}, w.is_inferred IS NOT NULL AS is_wanted,
       {of_wanted}, w.is_inferred, w.valid_to,
       d.valid_to AS previous_valid_to, {previous}, false AS is_corrected
FROM wanted AS w
FULL JOIN present AS d USING ({id}, valid_from)
WHERE (w.valid_to, w.is_inferred, {of_wanted})
      IS DISTINCT FROM (d.valid_to, d.is_inferred, {of_present})
UNION ALL
SELECT {id}, kept_from, kept_key, true, {kept_or_latest},
       false, kept_until, kept_to, {kept}, is_corrected
FROM kept
WHERE kept_until <> kept_to OR is_corrected;

-- The type 1 attributes of a kept version are those of the versions before it as well.
INSERT INTO {changes}
SELECT d.{id}, d.valid_from, d.{key}, true, {corrections},
       d.is_inferred, d.valid_to, d.valid_to, {of_present}, false
FROM {changes} AS c
CROSS JOIN LATERAL (
    SELECT * FROM warehouse.{table} AS d
    WHERE d.{id} = c.{id} AND d.valid_from < c.valid_from OFFSET 0
) AS d
WHERE c.is_corrected;
",
            kept_as = self.list(|it| format!("kept.{0} AS kept_{0}", it.name)),
            sources = self.sources(),
            nulls = self.list(|_| "NULL".to_owned()),
            kept = self.list(|it| format!("kept_{}", it.name)),
            latest = latest.collect::<String>(),
            of_wanted = self.list(|it| format!("w.{}", it.name)),
            of_present = self.list(|it| format!("d.{}", it.name)),
            previous = self.list(|it| format!("d.{0} AS previous_{0}", it.name)),
        )
    }

    /// The statements that bring the dimension to the wanted versions. A version that stays keeps
    /// its surrogate key; versions are removed before others become current. Facts of a removed
    /// version get their new one afterwards.
    pub fn update(&self) -> String {
        let Dimension { table, key, id, .. } = self.dimension;
        let changes = self.changes_table();
        let versioned = |of: &str| {
            let names = self.of_change(Change::Version).map(|it| it.name);
            join([format!("{of}is_inferred")].into_iter().chain(names.map(|n| format!("{of}{n}"))))
        };
        format!(
            "
DELETE FROM warehouse.{table} AS d
USING {changes} AS c
WHERE d.{key} = c.{key} AND NOT c.is_wanted;

UPDATE warehouse.{table} AS d
SET {set},
    is_inferred = c.is_inferred, valid_to = c.valid_to, is_current = c.valid_to = 'infinity',
    row_hash = CASE WHEN ({new}) IS NOT DISTINCT FROM ({old}) THEN d.row_hash
                    WHEN c.is_inferred THEN sha256('inferred')
                    ELSE {hash_of_change} END
FROM {changes} AS c
WHERE d.{key} = c.{key} AND c.is_wanted;

INSERT INTO warehouse.{table} ({id}, {names},
                               is_inferred, valid_from, valid_to, is_current, row_hash)
SELECT {id}, {names}, is_inferred, valid_from, valid_to,
       valid_to = 'infinity',
       CASE WHEN is_inferred THEN sha256('inferred') ELSE {hash} END
FROM {changes}
WHERE {key} IS NULL
ORDER BY {id}, valid_from;
",
            set = self.list(|it| format!("{0} = c.{0}", it.name)),
            new = versioned("c."),
            old = versioned("d."),
            hash_of_change = self.hash("c."),
            hash = self.hash(""),
            names = self.list(|it| it.name.to_owned()),
        )
    }

    /// The hash of the tracked attributes. One that came later counts only where it has a value, so
    /// the hashes of before stay.
    pub fn hash(&self, of: &str) -> String {
        let tracked = || self.of_change(Change::Version);
        let first =
            join(tracked().filter(|it| !self.is_later(it)).map(|it| format!("{of}{}", it.name)));
        let later: String = tracked()
            .filter(|it| self.is_later(it))
            .map(|Attribute { name, .. }| {
                format!(
                    " || CASE WHEN {of}{name} IS NULL THEN '[]'::jsonb
                           ELSE jsonb_build_array('{name}', {of}{name}) END"
                )
            })
            .collect();
        let values = match later.is_empty() {
            true => format!("jsonb_build_array({first})"),
            false => format!("(jsonb_build_array({first}){later})"),
        };
        format!("sha256(convert_to({values}::text, 'UTF8'))")
    }
}

/// A comparison of two rows; false when they have no columns.
fn differ(one: impl Iterator<Item = String>, other: impl Iterator<Item = String>) -> String {
    match join(one) {
        none if none.is_empty() => "false".to_owned(),
        one => format!("({one}) IS DISTINCT FROM ({})", join(other)),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
