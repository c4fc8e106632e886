//! Names of datasets as OpenLineage asks for them: a bucket and the prefix of its keys, a Postgres
//! server and database, schema and table.

use shopflow_core::Result;
use shopflow_core::settings::Buckets;
use shopflow_lineage::Layer;
use shopflow_postgres::Database;

/// Where the layers are.
#[derive(Debug, Clone)]
pub struct Places {
    pub landing: String,
    pub lake: String,
    pub reports: String,
    /// `host:port` of Postgres.
    pub server: String,
    pub database: String,
}

/// A dataset's name for others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    pub namespace: String,
    pub name: String,
}

impl Places {
    /// The buckets, and the server that `database` connects to.
    ///
    /// # Errors
    /// As [`Database::address`].
    pub async fn of(buckets: &Buckets, database: &Database) -> Result<Places> {
        let Buckets { landing, lake, reports } = buckets.clone();
        let (host, port) = database.address().await?;
        let server = format!("{host}:{port}");
        Ok(Places { landing, lake, reports, server, database: database.name().to_owned() })
    }

    /// Name of a dataset of the lineage graph. The raw columns of a file are in several folders of
    /// the landing bucket on its way: `folder` says which is meant.
    pub fn name(&self, dataset: &str, folder: &str) -> Name {
        let (layer, table) = dataset.split_once('.').unwrap_or((dataset, ""));
        if layer == Layer::Raw.name() {
            return self.landing(folder, table);
        }
        if layer == Layer::Core.name() || layer == Layer::Warehouse.name() {
            return Name {
                namespace: format!("postgres://{}", self.server),
                name: format!("{}.{dataset}", self.database),
            };
        }
        Name { namespace: format!("s3://{}", self.lake), name: format!("{layer}/{table}") }
    }

    fn landing(&self, folder: &str, table: &str) -> Name {
        Name { namespace: format!("s3://{}", self.landing), name: format!("{folder}/{table}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_naming_specification() {
        let places = Places {
            landing: "land".to_owned(),
            lake: "lake".to_owned(),
            reports: "reports".to_owned(),
            server: "db.example.com:5432".to_owned(),
            database: "shop".to_owned(),
        };
        let name = |dataset, folder| {
            let Name { namespace, name } = places.name(dataset, folder);
            (namespace, name)
        };
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(name("raw.customers", "incoming"), pair("s3://land", "incoming/customers"));
        assert_eq!(name("gold.daily_sales", "raw"), pair("s3://lake", "gold/daily_sales"));
        assert_eq!(
            name("core.customers", "raw"),
            pair("postgres://db.example.com:5432", "shop.core.customers")
        );
    }
}
