//! What holds after every run, and the figures that tests compare.

use std::sync::Arc;

use serde_json::Value;
use shopflow_core::contract::{QualityAction, QualityEvent, Run};
use shopflow_core::runtime::Init;
use shopflow_core::{Dataset, ObjectRef, keys};
use shopflow_quality::QualityAnswer;
use shopflow_transform::gold::tables::AGGREGATES;

use super::cases;
use super::world::{Ran, World};

/// Ways to pay that nobody has configured are accepted.
pub const PAYMENT_METHODS_EVOLVE: &[(&str, &str)] =
    &[("SHOPFLOW__VOCABULARY__PAYMENT_METHODS__CONTRACT", "evolve")];

/// Lines, customers, units and revenue of each day.
pub const DAYS: &str = "SELECT event_date, transactions, customers, units, revenue \
     FROM warehouse.daily_sales ORDER BY 1";
/// Lines, units and revenue of each product.
pub const PRODUCTS: &str =
    "SELECT product_id, transactions, units, revenue FROM warehouse.product_sales ORDER BY 1";
/// Lines, revenue and average value of each customer.
pub const CUSTOMERS: &str = "SELECT customer_id, transactions, revenue, average_order_value \
     FROM warehouse.customer_lifetime_value ORDER BY 1";
/// Baskets, units and revenue by the number of lines in a basket.
pub const BASKETS: &str =
    "SELECT lines, baskets, units, revenue FROM warehouse.basket_sizes ORDER BY 1";
/// Customers and revenue by the number of baskets they have bought.
pub const FREQUENCY: &str =
    "SELECT baskets, customers, revenue FROM warehouse.purchase_frequency ORDER BY 1";
/// Lines and revenue of each country, over all months.
pub const COUNTRIES: &str = "SELECT country, sum(transactions) AS lines, sum(revenue) AS revenue \
     FROM warehouse.country_sales GROUP BY country ORDER BY country COLLATE \"C\"";
/// Lines and revenue of each category, over all months.
pub const CATEGORIES: &str = "SELECT category, sum(transactions) AS lines, sum(revenue) AS revenue \
     FROM warehouse.category_sales GROUP BY category ORDER BY category COLLATE \"C\"";
/// Lines by the way they were paid.
pub const PAYMENT_METHODS: &str = "SELECT coalesce(payment_method, 'unknown') AS method, \
         count(*) AS lines \
     FROM warehouse.fact_sales LEFT JOIN warehouse.dim_payment_method USING (payment_method_key) \
     GROUP BY 1 ORDER BY 2, 1";

/// Payments by the way they were made.
pub const PAID: &str = "SELECT payment_method, count(*) AS payments, round(sum(amount), 2) AS paid \
     FROM warehouse.payments GROUP BY payment_method ORDER BY payment_method COLLATE \"C\"";
/// Orders beside their payments: number, currency, charged, tax, shipping, payments, paid.
pub const ORDER_PAYMENTS: &str = "SELECT order_id, currency, charged, tax, shipping, payments, \
         round(paid, 2) AS paid \
     FROM warehouse.order_payments ORDER BY order_id COLLATE \"C\", currency";
/// What sales are in the shop's currency, and in their own.
pub const CONVERTED: &str = "SELECT transaction_id, unit_price, amount, discount, tax, shipping, \
         currency, exchange_rate, charged \
     FROM warehouse.fact_sales ORDER BY 1";

/// What the facts come to. Gross is what sales would have brought at their prices, those that were
/// given back as a whole included; what is neither a discount nor net has come back.
const TOTALS: &str = "
SELECT format('%s lines, %s units: gross %s, discounts %s, returns %s, net %s',
              lines, units, gross, discounts, gross - discounts - net, net) AS money,
       format('(%s to guests %s, to customers %s)', guests, of_guests, net - of_guests) AS whose
FROM (
    SELECT count(*) AS lines, sum(quantity) AS units,
           coalesce(sum(CASE
               WHEN status IN ('refunded', 'returned') THEN round(quantity * unit_price, 2)
               WHEN status IS DISTINCT FROM 'cancelled' THEN amount + coalesce(discount, 0)
           END) FILTER (WHERE quantity > 0), 0.00) AS gross,
           coalesce(sum(discount) FILTER (
               WHERE quantity > 0 AND status IS DISTINCT FROM 'cancelled'), 0.00) AS discounts,
           coalesce(sum(amount), 0.00) AS net,
           count(*) FILTER (WHERE customer_key IS NULL) AS guests,
           coalesce(sum(amount) FILTER (WHERE customer_key IS NULL), 0.00) AS of_guests
    FROM warehouse.fact_sales
) AS s";

/// Columns of a sale that the view of the warehouse and gold have alike.
const SALE: [&str; 15] = [
    "transaction_id",
    "customer_id",
    "product_id",
    "quantity",
    "unit_price",
    "amount",
    "order_id",
    "discount",
    "status",
    "tax",
    "shipping",
    "cost",
    "currency",
    "exchange_rate",
    "charged",
];

/// An empty shop with these settings over those of production.
pub async fn shop(variables: &[(&str, &str)]) -> World {
    let world = World::under(variables).await;
    world.migrate().await;
    world
}

/// Runs files of sales with the customers and products that they name; quality passes the run.
pub async fn sold(world: &World, date: &str, files: &[&str]) -> Ran {
    let base =
        [(Dataset::Customers, cases::CUSTOMERS), (Dataset::Products, cases::PRODUCTS)].into_iter();
    let sales = files.iter().map(|file| (Dataset::Transactions, *file));
    let files: Vec<(Dataset, &str)> = base.chain(sales).collect();
    world.passed(date, &files).await
}

impl World {
    /// Runs files, whose ledger balances, and asserts that quality lets the run be published.
    pub async fn passed(&self, date: &str, files: &[(Dataset, &str)]) -> Ran {
        let ran = self.run(date, files).await;
        let context = self.quality().await;
        let run = Run { run_id: format!("run-{date}"), run_date: date.parse().unwrap() };
        let manifest =
            ObjectRef { bucket: self.landing.clone(), key: keys::manifest(&run), version_id: None };
        let event = QualityEvent {
            action: QualityAction::Judge,
            run,
            ledger: ran.ledger.clone(),
            manifest: Some(manifest),
            outcomes: None,
        };
        let answer = shopflow_quality::handle(&context, event, &self.invocation).await.unwrap();
        let QualityAnswer::Judged(result) = answer else { panic!("{answer:?}") };
        let report: Value = self.storage.read_json(&result.report).await.unwrap();
        let checks = report["checks"].as_array().unwrap();
        let failed: Vec<&Value> = checks
            .iter()
            .filter(|check| check["passed"] == false && check["severity"] == "critical")
            .collect();
        assert!(failed.is_empty(), "{date}: {failed:#?}");
        assert!(result.gate_passed);
        let has = |name: &str| checks.iter().any(|check| check["name"] == name);
        for name in ["expectations.transactions", "warehouse.daily_sales.totals"] {
            assert!(has(name), "{date}: nothing was checked by {name}");
        }
        ran
    }

    async fn quality(&self) -> shopflow_quality::Context {
        let aws = shopflow_testkit::aws().await;
        let sns = aws_sdk_sns::Client::new(&aws);
        let name = shopflow_testkit::unique("alerts");
        let topic = sns.create_topic().name(name).send().await.unwrap();
        let mut settings = self.settings.clone();
        settings.alert_topic_arn = topic.topic_arn().map(str::to_owned);
        let init = Init {
            settings: Arc::new(settings),
            aws,
            storage: self.storage.clone(),
            overlay: Arc::default(),
        };
        shopflow_quality::Context::new(&init).await.unwrap()
    }

    /// Asserts that gold and the warehouse have the same rows, and that a rebuild of everything
    /// makes the same files of gold.
    pub async fn agrees(&self) {
        for table in AGGREGATES.iter() {
            let fields = table.schema.fields().iter();
            let columns: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
            self.has_same_rows(table.name, table.name, &columns).await;
        }
        self.has_same_rows("fact_sales", "sales", &SALE).await;
        self.gold_is_a_rebuild_s().await;
    }

    async fn has_same_rows(&self, gold: &str, published: &str, columns: &[&str]) {
        let sql = format!("SELECT {} FROM warehouse.{published}", columns.join(", "));
        let mut expected = self.query(&sql).await;
        expected.sort();
        let found = self.lake_rows(&keys::gold_table(gold), columns).await;
        assert_eq!(found, expected, "gold/{gold} is not warehouse.{published}");
    }

    /// What the facts come to, in one line.
    pub async fn totals(&self) -> String {
        self.query(TOTALS).await.join("; ")
    }
}
