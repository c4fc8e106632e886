//! How many rows there will be, without making them.

use shopflow_core::Dataset;

use super::clickstream::Plan;
use super::model::Shop;
use super::payments;

/// Data rows of a dataset, none of one that the sample shop does not have. Clickstream takes a pass
/// over its sessions, payments one over the orders.
pub fn rows(shop: &Shop, dataset: Dataset) -> u64 {
    match dataset {
        Dataset::Customers => shop.customers.count(),
        Dataset::Products => shop.products.count(),
        Dataset::Transactions => shop.sales,
        Dataset::Clickstream => (0..shop.sales)
            .map(|row| Plan::new(shop, &mut shop.session_stream.at(row), row).events())
            .sum(),
        Dataset::ExchangeRates => shop.rates.count(),
        Dataset::Payments => payments::count(shop),
        _ => 0,
    }
}
