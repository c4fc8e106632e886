//! What a call asks of S3: requests cost time and money, so their number must not grow with the
//! number of runs.

use chrono::Duration;
use shopflow_testkit::proxy;
use uuid::Uuid;

use crate::common::{Event, Sale, Shop, at, source};

const DAYS: i64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_stays_one_small_file_that_each_run_fetches_and_stores_once() {
    let mut shop = Shop::open().await;
    let (address, requests) = proxy::noting(shopflow_testkit::emulator_address()).await;
    shop.context.storage = shopflow_testkit::storage_at(&format!("http://{address}")).await;
    for run in 1..=3 {
        let id = format!("r{run}");
        let moments = (0..DAYS).map(|day| at("2026-01-05T12:00:00Z") + Duration::days(day));
        let sales: Vec<Sale> = moments
            .clone()
            .zip(100 * run..)
            .map(|(moment, id)| Sale(id, 1 + id % 3, 1 + id % 2, 1, moment))
            .collect();
        let events: Vec<Event> = moments
            .zip(100 * run..)
            .map(|(moment, number)| Event {
                id: Uuid::from_u128(number as u128),
                session: format!("s{number}"),
                customer: None,
                kind: "page_view",
                url: "/".to_owned(),
                at: moment,
            })
            .collect();
        shop.sales(&source(&id, 0, "2026-02-01"), &sales).await;
        shop.events(&source(&id, 1, "2026-02-01"), &events).await;
        requests.take();
        shop.transform(&id).await.unwrap();
        let asked = requests.take();
        for table in ["silver/transactions/event_date", "silver/clickstream/event_date"] {
            let count = |method: &str| {
                let is_of_table = |line: &&String| line.starts_with(method) && line.contains(table);
                asked.iter().filter(is_of_table).count() as i64
            };
            // What a run has written itself, it does not fetch for gold.
            let present = if run == 1 { 0 } else { DAYS };
            assert_eq!((count("GET"), count("PUT")), (present, DAYS), "{table} of run {run}");
        }
    }
    for table in ["silver/transactions", "silver/clickstream"] {
        assert_eq!(shop.files(table).await.len() as i64, DAYS, "{table}");
    }
}
