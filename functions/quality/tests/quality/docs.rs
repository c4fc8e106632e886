//! The data docs: pages that lead to each other and are the same however often they are written.

use std::collections::{BTreeMap, BTreeSet};

use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, keys};

use crate::support::{RUN_ID, Shop};
use crate::{files, gold};

/// Everything that the pages are or lead to: `docs/` and `quality/` of the reports bucket.
pub async fn site(shop: &Shop) -> BTreeMap<String, String> {
    let client = shop.storage.client();
    let mut site = BTreeMap::new();
    for prefix in ["docs/", "quality/"] {
        let listed = client.list_objects_v2().bucket(&shop.reports).prefix(prefix).send().await;
        for object in listed.unwrap().contents() {
            let key = object.key().unwrap();
            let object = client.get_object().bucket(&shop.reports).key(key).send().await.unwrap();
            if key.ends_with(".html") {
                assert_eq!(object.content_type(), Some("text/html; charset=utf-8"), "{key}");
            }
            let bytes = object.body.collect().await.unwrap().to_vec();
            site.insert(key.to_owned(), String::from_utf8(bytes).unwrap());
        }
    }
    site
}

/// A shop whose gold has a value outside its closed set, and whose customers a name with a bell.
pub async fn broken_shop() -> Shop {
    let mut facts = gold::of_the_shop();
    facts[2].payment_method = "<script>alert(1)</script>".to_owned();
    let mut shop = Shop::open().await;
    gold::write(&shop, &facts).await;
    let mut all = files::of_the_shop();
    all[0].1 = "id,name,email,registration_date,country\n\
        1,Zoe-Bell-Quill,zoe.quill@example.org,2024-10-01,DE\n\
        2,Bo Marsh,bo.marsh@example.com,2024-10-01,AQ\n"
        .into();
    shop.manifest = Some(files::publish(&shop, &all).await);
    shop
}

/// Where a link of the page `key` leads within the bucket.
fn target(key: &str, address: &str) -> String {
    let address = address.split('#').next().unwrap();
    if address.is_empty() {
        return key.to_owned();
    }
    let mut parts: Vec<&str> = key.split('/').collect();
    parts.pop();
    for part in address.split('/') {
        match part {
            ".." => assert!(parts.pop().is_some(), "{address} of {key} leaves the bucket"),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[tokio::test]
async fn every_link_leads_to_something_that_is_there() {
    let shop = broken_shop().await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    for run in ["before-1", "before-2", RUN_ID] {
        shop.check_as(run, &invocation).await;
    }
    let site = site(&shop).await;
    let pages = site.iter().filter(|(key, _)| key.ends_with(".html"));
    let mut reached = BTreeSet::from(["docs/index.html".to_owned()]);
    for (key, page) in pages.clone() {
        for address in page.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let target = target(key, address);
            let found = site.get(&target);
            assert!(found.is_some(), "{address} of {key} leads to {target}, which is not there");
            if let Some((_, id)) = address.split_once('#') {
                let marked = found.unwrap().matches(&format!("id=\"{id}\"")).count();
                assert_eq!(marked, 1, "{address} of {key}");
            }
            reached.insert(target);
        }
        let ids: Vec<&str> =
            page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "ids of {key}: {ids:?}");
        assert!(page.len() < 200_000, "{key} has {} bytes", page.len());
    }
    for (key, _) in pages {
        assert!(reached.contains(key), "nothing leads to {key}");
    }
}

#[tokio::test]
async fn a_repeated_call_writes_the_same_pages() {
    let shop = broken_shop().await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    shop.check_as("before", &invocation).await;
    shop.check().await;
    let first = site(&shop).await;
    shop.check().await;
    assert_eq!(site(&shop).await, first);
    shop.check_as("after", &invocation).await;
    let later = site(&shop).await;
    shop.check().await;
    assert_eq!(site(&shop).await, later, "a later run does not change what a repeated call writes");
    let own = |site: &BTreeMap<String, String>| -> Vec<String> {
        let prefix = format!("docs/run_id={RUN_ID}/");
        site.iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(_, page)| page.clone())
            .collect()
    };
    assert_eq!(own(&later), own(&first));
}

#[tokio::test]
async fn runs_that_finish_at_the_same_time_are_all_in_the_index() {
    let shop = Shop::open().await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    let names: Vec<String> = (0..6).map(|number| format!("side-by-side-{number}")).collect();
    let runs = names.iter().map(|name| shop.check_as(name, &invocation));
    futures::future::join_all(runs).await;
    let site = site(&shop).await;
    for page in ["docs/index.html", "docs/runs-00000.html"] {
        for name in &names {
            let link = format!("<a href=\"run_id={name}/index.html\">{name}</a>");
            assert!(site[page].contains(&link), "{name} is missing in {page}");
        }
    }
}

#[tokio::test]
async fn pages_say_what_failed_and_hide_personal_values() {
    let shop = broken_shop().await;
    shop.check().await;
    let site = site(&shop).await;
    let page = |name: &str| &site[&format!("docs/run_id={RUN_ID}/{name}.html")];

    let overview = page("index");
    assert!(overview.contains("The gate is closed: "), "{overview}");
    assert!(overview.contains("expectations.<wbr>fact_sales"), "{overview}");
    let customers = page("customers");
    assert!(customers.contains("<code>name</code>: no value matches the pattern"), "{customers}");
    assert!(customers.contains("<code>country</code>: values are one of AD, AE,"), "{customers}");
    assert!(customers.contains("<span class=\"private\">hidden</span>"), "{customers}");
    let sales = page("fact_sales");
    assert!(sales.contains("<code>&lt;script&gt;alert(1)&lt;/script&gt;</code>"), "{sales}");
    assert!(site["docs/index.html"].contains("and was not published: 2 critical."));
    for (key, page) in &site {
        for personal in ["Zoe", "Quill", "quill", "Marsh", "marsh", "example.org", "example.com"] {
            assert!(!page.contains(personal), "{personal} in {key}");
        }
        assert!(!key.ends_with(".html") || !page.contains("<script"), "{key}");
    }
    for dataset in [Dataset::Customers, Dataset::Products, Dataset::Transactions] {
        let page = page(dataset.name());
        for column in dataset.columns() {
            assert!(
                page.contains(&format!("<h3 id=\"column-{}\">", column.name.replace('_', "-")))
            );
            let description = shopflow_page::escape(column.description);
            assert!(page.contains(&description), "{}", column.name);
        }
    }
}

#[tokio::test]
async fn pages_that_cannot_be_written_hold_back_neither_the_alert_nor_the_run() {
    let shop = Shop::open().await;
    let unreadable = b"not the list of runs".to_vec();
    shop.storage
        .write_all(&shop.reports, keys::DOCS_RUNS, "application/json", unreadable)
        .await
        .unwrap();
    shop.db.batch_execute("UPDATE warehouse.monthly_sales SET revenue = 1").await.unwrap();
    let result = shop.check().await;
    assert!(!result.gate_passed);
    assert_eq!(shop.alerts().await.len(), 1);
    let site = site(&shop).await;
    assert!(site.contains_key(&keys::quality_report(RUN_ID)), "{:?}", site.keys());
    assert!(!site.keys().any(|key| key.ends_with(".html")), "{:?}", site.keys());

    let emptied = b"{\"first\": 0, \"runs\": []}".to_vec();
    shop.storage
        .write_all(&shop.reports, keys::DOCS_RUNS, "application/json", emptied)
        .await
        .unwrap();
    assert_eq!(shop.check().await, result);
    assert!(shop.alerts().await.is_empty(), "the repeated call tells nobody again");
    assert!(self::site(&shop).await.contains_key("docs/index.html"));
}

#[tokio::test]
async fn pages_name_rows_by_their_keys() {
    let mut shop = Shop::open().await;
    // The row of a product with a number that was made of its key; the sale names it.
    let products = "id,name,category,price,supplier,natural_key\n\
        5000000000000000000,Mug,home,5.00,Acme,MUG-1\n";
    let sales = "id,customer_id,product_id,quantity,timestamp,payment_method\n\
        9,1,5000000000000000000,1,2026-01-15T02:00:00Z,paypal\n";
    let files: [(Dataset, Vec<u8>); 2] =
        [(Dataset::Products, products.into()), (Dataset::Transactions, sales.into())];
    shop.manifest = Some(files::publish(&shop, &files).await);
    shop.db
        .batch_execute(
            "INSERT INTO core.products (id, name, category_id, price, natural_key, row_hash, effective_at,
                 source_modified_at, source_version_id, source_run_id)
             SELECT 5000000000000000000, name, category_id, price, 'MUG-1', row_hash, effective_at,
                 source_modified_at, source_version_id, source_run_id
             FROM core.products ORDER BY id LIMIT 1",
        )
        .await
        .unwrap();
    shop.check().await;
    let site = site(&shop).await;
    let page = |name: &str| &site[&format!("docs/run_id={RUN_ID}/{name}.html")];
    for name in ["products", "transactions"] {
        assert!(page(name).contains("<code>MUG-1</code>"), "{}", page(name));
        assert!(!page(name).contains("<code>5000000000000000000</code>"), "{}", page(name));
    }
}
