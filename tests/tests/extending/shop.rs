//! The definitions of these tests: products have a weight, and there are returns. This is all that
//! a column and a dataset of entities take besides a migration.

use std::sync::Once;

use shopflow_core::Dataset;
use shopflow_core::dataset::{
    Attribute, Column, Definition, Dimension, Entity, Format, Kind, Role, built_in, install,
};
use shopflow_core::vocabulary::ValueSet;

use super::world::World;

/// The migration that adds the weight.
pub const WEIGHT: &str = "
    ALTER TABLE core.products ADD COLUMN weight_grams integer;
    ALTER TABLE core.product_history ADD COLUMN weight_grams integer;
    ALTER TABLE warehouse.dim_product ADD COLUMN weight_grams integer;";

/// The migration that adds the returns.
pub const RETURNS: &str = "
    CREATE TABLE core.return_reasons (
        reason_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE
    );
    CREATE TABLE core.returns (
        id bigint PRIMARY KEY,
        customer_id bigint REFERENCES core.customers (id),
        product_id bigint REFERENCES core.products (id),
        returned_on date,
        reason_id smallint REFERENCES core.return_reasons (reason_id),
        refund numeric(10, 2),
        extra jsonb,
        is_inferred boolean NOT NULL DEFAULT false,
        row_hash bytea,
        row_version integer NOT NULL DEFAULT 1,
        effective_at timestamptz NOT NULL,
        source_modified_at timestamptz NOT NULL,
        source_version_id text NOT NULL,
        source_run_id text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE core.return_history (
        id bigint NOT NULL REFERENCES core.returns (id),
        effective_at timestamptz NOT NULL,
        customer_id bigint NOT NULL,
        product_id bigint NOT NULL,
        returned_on date NOT NULL,
        reason text NOT NULL,
        refund numeric(10, 2),
        extra jsonb,
        row_hash bytea NOT NULL,
        source_modified_at timestamptz NOT NULL,
        source_version_id text NOT NULL,
        source_run_id text NOT NULL,
        PRIMARY KEY (id, effective_at)
    );
    CREATE TABLE warehouse.dim_return (
        return_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        return_id bigint NOT NULL,
        customer_id bigint,
        product_id bigint,
        returned_on date,
        reason text,
        refund numeric(10, 2),
        is_inferred boolean NOT NULL,
        valid_from timestamptz NOT NULL,
        valid_to timestamptz NOT NULL,
        is_current boolean NOT NULL,
        row_hash bytea NOT NULL,
        UNIQUE (return_id, valid_from)
    );";

const REASONS: &[&str] = &["broken", "late", "unwanted"];

static RETURN_DEFINITION: Definition = Definition {
    name: "returns",
    format: Format::Csv,
    columns: &[
        Column::required("id", Kind::Id, "return number"),
        Column::required("customer_id", Kind::Reference(Dataset::Customers), "who returned it"),
        Column::required("product_id", Kind::Reference(Dataset::Products), "what was returned"),
        Column::required("returned_on", Kind::Date, "day it arrived"),
        Column::required("reason", Kind::OneOf(ValueSet::Fixed(REASONS)), "why")
            .looked_up("return_reasons", "reason_id"),
        Column::optional("refund", Kind::Price, "what was paid back, once it was"),
    ],
    role: Role::Entity(Entity {
        history: "return_history",
        dimension: Some(Dimension {
            table: "dim_return",
            key: "return_key",
            id: "return_id",
            attributes: &[
                Attribute::overwritten("customer_id"),
                Attribute::overwritten("product_id"),
                Attribute::overwritten("returned_on"),
                Attribute::versioned("reason"),
                Attribute::versioned("refund"),
            ],
        }),
    }),
};

impl World {
    /// An empty cloud with the tables of the definitions.
    pub async fn new() -> World {
        let world = World::without_tables().await;
        world.client.batch_execute(WEIGHT).await.unwrap();
        world.client.batch_execute(RETURNS).await.unwrap();
        world
    }

    /// An empty cloud with the tables of the published migrations alone.
    pub async fn without_tables() -> World {
        let world = World::without_schema().await;
        world.migrate().await;
        world
    }

    /// An empty cloud with an empty database.
    pub async fn without_schema() -> World {
        define();
        World::under(&[]).await
    }
}

/// Puts the definitions in place, before any test has asked for a dataset.
pub fn define() {
    static DEFINED: Once = Once::new();
    DEFINED.call_once(|| {
        let mut definitions = built_in().to_vec();
        let products = Dataset::Products.position();
        definitions[products] = Box::leak(Box::new(with_weight(definitions[products])));
        definitions.push(&RETURN_DEFINITION);
        install(definitions).unwrap();
    });
}

fn with_weight(products: &Definition) -> Definition {
    let weight = Column::optional("weight_grams", Kind::Quantity, "weight when packed").since(27);
    let columns = [products.columns, &[weight]].concat();
    let Role::Entity(entity) = products.role else { panic!("products are entities") };
    let dimension = entity.dimension.unwrap();
    let attributes = [dimension.attributes, &[Attribute::versioned("weight_grams")]].concat();
    let dimension = Some(Dimension { attributes: attributes.leak(), ..dimension });
    let role = Role::Entity(Entity { dimension, ..entity });
    Definition { columns: columns.leak(), role, ..*products }
}

/// The returns.
pub fn returns() -> Dataset {
    "returns".parse().unwrap()
}
