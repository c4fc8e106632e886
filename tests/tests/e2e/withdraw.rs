//! Sales that are taken back count no longer, and what they were is kept.

use chrono::NaiveDate;
use serde_json::json;
use shopflow::execution::Poll;
use shopflow::withdraw::{self, Choice, Found, Period};
use shopflow_core::Dataset;
use shopflow_core::natural_key::Form;
use shopflow_tests::{Cloud, Ledger, customers, products, transactions};

/// Of a run, so that the upload itself starts none.
const JUNE: &str = "incoming/transactions/run_id=june/june.csv";
const BROUGHT: &str = "SELECT coalesce(sum(revenue) * 100, 0)::bigint FROM warehouse.daily_sales";
const OF_FACTS: &str = "SELECT coalesce(sum(amount) * 100, 0)::bigint FROM warehouse.fact_sales";
const CANCELLED: &str = "SELECT count(*) FROM core.transactions WHERE status = 'cancelled'";

/// Cents that the sales with these ids bring (`shopflow_tests::transactions`).
fn cents(ids: impl Iterator<Item = i64>) -> i64 {
    ids.map(|id| (1 + id % 3) * ((1 + id % 5) * 100 + 50)).sum()
}

async fn load(cloud: &Cloud, content: &str) {
    let name = shopflow_testkit::unique("test");
    let version = cloud.land_at(JUNE, "june", content).await;
    let object = json!({"bucket": cloud.landing, "key": JUNE, "version_id": version});
    let input = json!({"source": {"kind": "objects", "objects": [object]}});
    // Twice, as an upload that somebody also starts by hand: core has two sources of one version.
    for name in [name.clone(), format!("{name}-again")] {
        let arn = cloud.start(&cloud.pipeline, &name, &input).await;
        cloud.wait(&arn).await.expect_success();
    }
}

async fn found(cloud: &Cloud, choice: &Choice) -> Found {
    withdraw::find(&cloud.target, choice).await.unwrap().found
}

async fn take_back(cloud: &Cloud, choice: &Choice) -> String {
    let withdrawal = withdraw::find(&cloud.target, choice).await.unwrap();
    let execution = withdrawal.start(&cloud.target).await.unwrap();
    let outcome = execution.wait(Poll::local(), |_| ()).await.unwrap();
    assert!(outcome.succeeded(), "{outcome:?}");
    let ledger = cloud.ledger(execution.name()).await;
    ledger.assert_balanced();
    assert_eq!(ledger.line("load", "transactions").loaded, withdrawal.found.sales as i64);
    assert_eq!(found(cloud, choice).await.sales, 0, "they are taken back once");
    execution.name().to_owned()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[tokio::test]
async fn what_the_new_version_of_a_file_lacks_is_taken_back_and_can_come_again() {
    let cloud = Cloud::fresh().await;
    let base = [("customers", customers(1..11)), ("products", products(1..6))];
    cloud.run_files(&base).await.expect_success();
    load(&cloud, &transactions(1..21)).await;
    // The new version repeats some, changes one and lacks four.
    let corrected = transactions(1..17).replace("\n16,7,2,2,", "\n16,7,2,3,");
    assert!(corrected.contains("\n16,7,2,3,"), "{corrected}");
    load(&cloud, &corrected).await;
    let all = cents(1..=20) + 250;
    assert_eq!(cloud.count(BROUGHT).await, all);

    let lacking =
        Choice { file: Some(JUNE.to_owned()), keep: Some(JUNE.to_owned()), ..Choice::default() };
    let sales = found(&cloud, &lacking).await;
    assert_eq!(sales.sales, 4);
    assert_eq!(sales.revenue.replace('.', "").parse::<i64>().unwrap(), cents(17..=20));
    let run = take_back(&cloud, &lacking).await;
    assert!(run.starts_with("withdraw-"), "{run}");

    assert_eq!(cloud.count(CANCELLED).await, 4);
    let left = all - cents(17..=20);
    assert_eq!((cloud.count(BROUGHT).await, cloud.count(OF_FACTS).await), (left, left));
    let before = "SELECT count(*) FROM core.transaction_history \
        WHERE id BETWEEN 17 AND 20 AND status IS NULL";
    assert_eq!(cloud.count(before).await, 4);

    // Days are those of the shop, and both ends count.
    let some = Choice {
        ids: vec![1, 2, 3, 19],
        period: Some(Period { from: day("2024-03-02"), to: day("2024-03-03") }),
        ..Choice::default()
    };
    let sales = found(&cloud, &some).await;
    assert_eq!((sales.sales, sales.first.as_deref()), (2, Some("2024-03-02")));
    assert_eq!(sales.last.as_deref(), Some("2024-03-03"));
    take_back(&cloud, &some).await;
    assert_eq!(cloud.count(CANCELLED).await, 6);
    assert_eq!(cloud.count(BROUGHT).await, left - cents(1..=2));

    // A later file brings them back, and they can be taken back again.
    load(&cloud, &transactions(1..21)).await;
    assert_eq!(cloud.count(CANCELLED).await, 0);
    assert_eq!(cloud.count(BROUGHT).await, cents(1..=20));
    take_back(&cloud, &some).await;
    assert_eq!(cloud.count(BROUGHT).await, cents(3..=20));
    Ledger::assert_conserved(&cloud.database).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_file_with_returns_and_what_a_later_file_has_is_kept() {
    let cloud = Cloud::fresh().await;
    let base = [("customers", customers(1..11)), ("products", products(1..6))];
    cloud.run_files(&base).await.expect_success();
    let header = "id,customer_id,product_id,quantity,timestamp,payment_method,tax,shipping,\
                  currency,unit_price,discount\n";
    let row = |rest: &str| format!("{rest},2024-03-02T10:00:00Z,credit_card,1.9,4.95,eur,");
    let sold = format!("{}10.00,0.5\n", row("1,1,1,4"));
    let returned = format!("{}10.00,0.5\n", row("2,1,1,-4"));
    load(&cloud, &format!("{header}{sold}{returned}")).await;
    // A later file corrects the sale, and so it is no longer the file's to take back.
    let later = format!("{header}{}10.00,\n", row("1,1,1,5"));
    cloud.run_files(&[("transactions", later)]).await.expect_success();
    assert_eq!(cloud.count(BROUGHT).await, 5000 - 2000);

    let period = Some(Period { from: day("2024-03-02"), to: day("2024-03-02") });
    let but_june = Choice { period, keep: Some(JUNE.to_owned()), ..Choice::default() };
    assert_eq!(found(&cloud, &but_june).await.sales, 0);
    take_back(&cloud, &Choice { period, ..Choice::default() }).await;
    assert_eq!((cloud.count(BROUGHT).await, cloud.count(OF_FACTS).await), (0, 0));
    for nothing in ["units", "tax", "shipping"] {
        let left =
            format!("SELECT coalesce(sum({nothing}) * 100, 0)::bigint FROM warehouse.daily_sales");
        assert_eq!(cloud.count(&left).await, 0, "{nothing}");
    }
    let kept = "SELECT count(*) FROM core.transactions \
        WHERE (tax, shipping, currency) = (1.9, 4.95, 'EUR')";
    assert_eq!(cloud.count(kept).await, 2);
}

#[tokio::test]
async fn a_withdrawal_says_what_it_means() {
    let cloud = Cloud::fresh().await;
    cloud.run_files(&[("transactions", transactions(1..3))]).await.expect_success();
    let error = withdraw::find(&cloud.target, &Choice::default()).await.unwrap_err().to_string();
    assert!(error.contains("nothing says which sales are meant"), "{error}");
    let file =
        Choice { file: Some("incoming/transactions/july.csv".to_owned()), ..Choice::default() };
    let error = withdraw::find(&cloud.target, &file).await.unwrap_err().to_string();
    assert!(error.contains("knows no sales of this file") && error.contains("july"), "{error}");
}

#[tokio::test]
async fn keys_are_written_as_the_functions_read_them() {
    let cloud = Cloud::fresh().await;
    // Two forms in the bucket, one of them overruled by a variable.
    cloud.overlay();
    let forms = "natural_keys: {products: text, transactions: number}";
    cloud.upload("overlay/config/base.yaml", forms).await;
    let _text = cloud.variables(&[("SHOPFLOW__NATURAL_KEYS__TRANSACTIONS", "text")]);
    let settings = cloud.target.settings("validate").await.unwrap();
    let form = |dataset| settings.natural_keys.of(dataset);
    assert_eq!(form(Dataset::Products), Form::Text);
    assert_eq!(form(Dataset::Transactions), Form::Text);
    assert_eq!(form(Dataset::Customers), Form::Number);

    let products = "id,name,category,price,supplier\nMUG-1,Mug,home,5.00,Acme\n".to_owned();
    let base = [("customers", customers(1..3)), ("products", products)];
    cloud.run_files(&base).await.expect_success();
    let header = "id,customer_id,product_id,quantity,timestamp,payment_method\n";
    let line = |id: &str| format!("{id},1,MUG-1,1,2024-03-02T10:00:00Z,credit_card\n");
    load(&cloud, &format!("{header}{}{}", line("A-1"), line("A-2"))).await;
    assert_eq!(cloud.count(BROUGHT).await, 1000);
    take_back(&cloud, &Choice { file: Some(JUNE.to_owned()), ..Choice::default() }).await;
    assert_eq!(cloud.count(BROUGHT).await, 0);
    // No second row stands beside a sale that was taken back.
    assert_eq!(cloud.count("SELECT count(*) FROM core.transactions").await, 2);
    assert_eq!(cloud.count("SELECT count(*) FROM core.products").await, 1);
}
