//! What makes the data look like a shop's: order, references, seasons, favourites.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Datelike, Duration, NaiveDate, Timelike, Utc};
use common::{events, file, full, midnight, number, rows, run_date, spec, time};
use serde_json::Value;
use shopflow_core::dataset::COUNTRIES;
use shopflow_core::vocabulary::{Vocabularies, Vocabulary};
use shopflow_core::{Dataset, Settings};
use shopflow_generate::{GenerateSpec, Shop, write_to_dir};

fn is_word(set: Vocabulary, value: &str) -> bool {
    Vocabularies::default().of(set).contains(value.as_bytes())
}

fn sales(scale: f64) -> Vec<(DateTime<Utc>, u64, u64)> {
    rows(&spec(scale, 0.0), Dataset::Transactions)
        .iter()
        .map(|row| {
            (time(&row["timestamp"]), number(&row["customer_id"]), number(&row["product_id"]))
        })
        .collect()
}

#[test]
fn every_value_is_within_its_contract() {
    let spec = spec(1.0, 0.0);
    for (index, row) in rows(&spec, Dataset::Customers).iter().enumerate() {
        assert_eq!(number(&row["id"]), index as u64 + 1);
        let (local, domain) = row["email"].split_once('@').unwrap();
        assert!(!local.is_empty() && domain.starts_with("example."), "{row:?}");
        assert!(row["email"].is_ascii() && !row["email"].contains(' '), "{row:?}");
        assert!(!row["name"].is_empty() && row["name"].len() <= 200);
        assert!(COUNTRIES.contains(&row["country"].as_str()), "{row:?}");
        assert!(row["registration_date"].parse::<NaiveDate>().is_ok());
    }
    for row in rows(&spec, Dataset::Products) {
        assert!(is_word(Vocabulary::Categories, &row["category"]), "{row:?}");
        let (whole, cents) = row["price"].split_once('.').unwrap();
        assert!(cents.len() == 2 && number(whole) + number(cents) > 0, "{row:?}");
        assert!(!row["name"].is_empty() && !row["supplier"].is_empty());
    }
    for (index, row) in rows(&spec, Dataset::Transactions).iter().enumerate() {
        assert_eq!(number(&row["id"]), index as u64 + 1);
        assert!((1..=10).contains(&number(&row["quantity"])), "{row:?}");
        assert!(is_word(Vocabulary::PaymentMethods, &row["payment_method"]), "{row:?}");
        assert_eq!(row["timestamp"].len(), "2026-01-14T00:00:00Z".len());
    }
}

#[test]
fn csv_is_quoted_exactly_where_rfc_4180_asks_for_it() {
    // Large enough that every name of every language occurs: some contain commas and quotes.
    let spec = spec(20.0, 0.0);
    let full = full(1.0, 0.0);
    for (spec, dataset) in [
        (&spec, Dataset::Customers),
        (&spec, Dataset::Products),
        (&spec, Dataset::Transactions),
        (&full, Dataset::Products),
        (&full, Dataset::ExchangeRates),
        (&full, Dataset::Payments),
    ] {
        let file = file(spec, dataset);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_slice());
        for record in reader.byte_records() {
            writer.write_byte_record(&record.unwrap()).unwrap();
        }
        let written = writer.into_inner().unwrap();
        for (ours, theirs) in common::lines(&file).iter().zip(common::lines(&written)) {
            assert_eq!(String::from_utf8_lossy(ours), String::from_utf8_lossy(theirs));
        }
        assert_eq!(file.len(), written.len());
    }
}

#[test]
fn sales_come_in_order_and_end_before_the_run_date() {
    let sales = sales(1.0);
    assert!(sales.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    assert!(sales[0].0 >= midnight() - Duration::days(365));
    assert!(sales[sales.len() - 1].0 < midnight());
    assert!(sales[sales.len() - 1].0 >= midnight() - Duration::days(1), "the last day sells too");
}

#[test]
fn one_day_of_history_is_the_day_before_the_run_date() {
    let spec = GenerateSpec { days: 1, ..spec(0.1, 0.0) };
    for row in rows(&spec, Dataset::Transactions) {
        assert_eq!(time(&row["timestamp"]).date_naive(), run_date().pred_opt().unwrap());
    }
}

#[test]
fn customers_register_before_they_buy() {
    let first = run_date() - Duration::days(365);
    let rows = rows(&spec(1.0, 0.0), Dataset::Customers);
    let dates: Vec<NaiveDate> =
        rows.iter().map(|row| row["registration_date"].parse().unwrap()).collect();
    assert!(dates.iter().all(|&date| date < first && date >= first - Duration::days(730)));
    assert!(dates.windows(2).all(|pair| pair[0] <= pair[1]), "ids in order of registration");
    assert!(dates.iter().collect::<HashSet<_>>().len() > 400, "spread over two years");
}

#[test]
fn every_reference_resolves() {
    for defect_rate in [0.0, 0.2] {
        let spec = spec(0.5, defect_rate);
        let spoiled: HashSet<(Dataset, u64)> = common::truths(&spec)
            .iter()
            .filter_map(|truth| Some((truth.dataset, truth.id.as_u64()?)))
            .collect();
        let text = file(&spec, Dataset::Transactions);
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut checked = 0;
        for (index, line) in text.lines().skip(1).enumerate() {
            if spoiled.contains(&(Dataset::Transactions, index as u64 + 1)) {
                continue;
            }
            let fields: Vec<&str> = line.split(',').collect();
            for (dataset, field, count) in
                [(Dataset::Customers, fields[1], 500), (Dataset::Products, fields[2], 250)]
            {
                let id = number(field);
                assert!((1..=count).contains(&id), "{line}");
                assert!(!spoiled.contains(&(dataset, id)), "{line} refers to a spoiled row");
                checked += 1;
            }
        }
        assert!(checked > 3_000);
    }
}

#[test]
fn purchases_in_the_clickstream_are_transactions() {
    for defect_rate in [0.0, 0.1] {
        let spec = spec(0.5, defect_rate);
        let text = file(&spec, Dataset::Transactions);
        let text = String::from_utf8_lossy(&text).into_owned();
        // By position, which is the id: a spoiled row may repeat the id of another.
        let sales: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let clicks = file(&spec, Dataset::Clickstream);
        let spoiled: HashSet<usize> = common::truths(&spec)
            .iter()
            .filter(|truth| truth.dataset == Dataset::Clickstream)
            .map(|truth| truth.line)
            .collect();
        let mut purchases = 0;
        for (index, line) in common::lines(&clicks).into_iter().enumerate() {
            if spoiled.contains(&(index + 1)) {
                continue;
            }
            let event: Value = serde_json::from_slice(line).unwrap();
            if event["event_type"] != "purchase" {
                continue;
            }
            let order = event["url"].as_str().unwrap().rsplit('/').next().unwrap();
            let sale = &sales[order.parse::<usize>().unwrap()];
            assert_eq!(sale[0], order, "the sale itself is sound");
            assert_eq!(event["customer_id"].to_string(), sale[1]);
            assert_eq!(event["product_id"].to_string(), sale[2]);
            assert_eq!(event["timestamp"], sale[4]);
            purchases += 1;
        }
        assert!((500..1_100).contains(&purchases), "about 35 % of 2,500: {purchases}");
    }
}

#[test]
fn sessions_lead_step_by_step_to_the_purchase_or_only_look_around() {
    let mut sessions: HashMap<String, Vec<Value>> = HashMap::new();
    let mut order = Vec::new();
    for event in events(&spec(1.0, 0.0)) {
        let session = event["session_id"].as_str().unwrap().to_owned();
        if !sessions.contains_key(&session) {
            order.push(session.clone());
        }
        assert_eq!(order.last(), Some(&session), "the events of a session stand together");
        sessions.entry(session).or_default().push(event);
    }
    let (mut buying, mut browsing, mut anonymous) = (0, 0, 0);
    for events in sessions.values() {
        let types: Vec<&str> =
            events.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
        let times: Vec<_> =
            events.iter().map(|event| time(event["timestamp"].as_str().unwrap())).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{types:?} {times:?}");
        assert!(times[times.len() - 1] < midnight());
        for field in ["customer_id", "device", "country"] {
            assert!(events.iter().all(|event| event.get(field) == events[0].get(field)));
        }
        assert!(types.iter().all(|kind| is_word(Vocabulary::EventTypes, kind)));
        assert!(is_word(Vocabulary::Devices, events[0]["device"].as_str().unwrap()));
        if types.contains(&"purchase") {
            let steps: Vec<&str> = types.into_iter().filter(|kind| *kind != "search").collect();
            assert_eq!(steps, ["page_view", "product_view", "add_to_cart", "checkout", "purchase"]);
            buying += 1;
        } else {
            browsing += 1;
            anonymous += usize::from(events[0].get("customer_id").is_none());
        }
    }
    assert!((1_600..1_900).contains(&buying), "{buying}");
    assert!((2_300..2_700).contains(&browsing), "{browsing}");
    assert!(anonymous * 3 > browsing, "some visitors are not signed in: {anonymous}");
}

#[test]
fn event_ids_are_unique() {
    let events = events(&spec(1.0, 0.0));
    let ids: HashSet<&str> =
        events.iter().map(|event| event["event_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
}

#[test]
fn weekends_sell_more_than_the_middle_of_the_week() {
    let mut by_weekday = [0usize; 7];
    for (moment, ..) in sales(2.0) {
        by_weekday[moment.weekday().num_days_from_monday() as usize] += 1;
    }
    assert!(by_weekday[5] * 100 > by_weekday[2] * 125, "{by_weekday:?}");
}

#[test]
fn december_sells_more_than_february() {
    let mut by_month = [0.0; 12];
    for (moment, ..) in sales(2.0) {
        by_month[moment.month0() as usize] += 1.0;
    }
    assert!(by_month[11] / 31.0 > 1.4 * by_month[1] / 28.0, "{by_month:?}");
}

#[test]
fn evenings_sell_more_than_nights() {
    let hours: Vec<u32> = sales(1.0).iter().map(|(moment, ..)| moment.hour()).collect();
    let between = |from, to| hours.iter().filter(|hour| (from..to).contains(*hour)).count();
    assert!(between(18, 22) > 8 * between(2, 6));
}

#[test]
fn a_few_products_sell_most_and_customers_come_back() {
    let sales = sales(2.0);
    let share_of_top_fifth = |ids: Vec<u64>, count: usize| {
        let mut counts: HashMap<u64, usize> = HashMap::new();
        ids.iter().for_each(|id| *counts.entry(*id).or_default() += 1);
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts[..count / 5].iter().sum::<usize>() as f64 / ids.len() as f64
    };
    let products = share_of_top_fifth(sales.iter().map(|sale| sale.2).collect(), 1_000);
    let customers = share_of_top_fifth(sales.iter().map(|sale| sale.1).collect(), 2_000);
    assert!((0.68..0.80).contains(&products), "{products}");
    assert!((0.48..0.65).contains(&customers), "{customers}");
}

#[test]
fn some_products_and_suppliers_need_quotes_and_some_names_are_not_ascii() {
    let spec = spec(1.0, 0.0);
    let products = rows(&spec, Dataset::Products);
    for column in ["name", "supplier"] {
        for mark in [',', '"'] {
            assert!(products.iter().any(|row| row[column].contains(mark)), "{column} {mark}");
        }
    }
    let suppliers: HashSet<&String> = products.iter().map(|row| &row["supplier"]).collect();
    assert!((50..=120).contains(&suppliers.len()), "a modest list: {}", suppliers.len());
    assert!(rows(&spec, Dataset::Customers).iter().any(|row| !row["name"].is_ascii()));
    let file = file(&spec, Dataset::Products);
    assert!(!file.contains(&b'\r'), "line feeds only");
}

#[test]
fn prices_differ_by_category() {
    let mut prices: HashMap<String, Vec<f64>> = HashMap::new();
    for row in rows(&spec(2.0, 0.0), Dataset::Products) {
        prices.entry(row["category"].clone()).or_default().push(row["price"].parse().unwrap());
    }
    let mean = |category: &str| {
        let prices = &prices[category];
        prices.iter().sum::<f64>() / prices.len() as f64
    };
    assert!(mean("electronics") > 10.0 * mean("grocery"));
    assert_eq!(prices.len(), Vocabularies::default().of(Vocabulary::Categories).values().len());
}

#[test]
fn the_folder_gets_the_same_bytes_as_memory_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data/raw");
    let spec = spec(0.2, 0.05);
    let summary = write_to_dir(&folder, run_date(), &spec).unwrap();
    for (dataset, file_summary) in shopflow_generate::DATASETS.into_iter().zip(&summary.files) {
        let content = std::fs::read(&file_summary.path).unwrap();
        assert_eq!(content, file(&spec, dataset));
        assert_eq!(file_summary.bytes, content.len() as u64);
    }
    assert_eq!(std::fs::read(&summary.truths.path).unwrap(), common::truths_file(&spec));
    assert_eq!(summary.rows, summary.files.iter().map(|file| file.rows).sum::<u64>());
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["clickstream.jsonl", "customers.csv", "defects.jsonl", "products.csv", "transactions.csv"]
    );
    let full = full(0.2, 0.05);
    let summary = write_to_dir(&folder, run_date(), &full).unwrap();
    let files = shopflow_generate::datasets(full.profile).iter().zip(&summary.files);
    assert_eq!(files.len(), 6);
    for (dataset, file_summary) in files {
        assert_eq!(std::fs::read(&file_summary.path).unwrap(), file(&full, *dataset), "{dataset}");
    }
}

#[test]
fn the_usual_profile_has_neither_rates_nor_payments() {
    let shop = Shop::new(run_date(), &spec(0.1, 0.0)).unwrap();
    for dataset in [Dataset::ExchangeRates, Dataset::Payments] {
        let error = shop.write(dataset, std::io::sink()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::Unsupported, "{dataset}");
    }
}

#[test]
fn a_shop_invents_only_from_the_configured_words() {
    let variables = [
        ("CATEGORIES__VALUES", "garden,home \"&\" more,toys"),
        ("PAYMENT_METHODS__VALUES", "cheque,paypal"),
        ("DEVICES__VALUES", "fridge,mobile"),
        ("EVENT_TYPES__VALUES", "add_to_cart,checkout,page_view,product_view,purchase,search,wish"),
    ];
    let variables = variables
        .map(|(name, value)| (format!("SHOPFLOW__VOCABULARY__{name}"), value.to_owned()))
        .into();
    let sets = Settings::from_sources("prod", variables, &[]).unwrap().vocabulary;
    let shop = Shop::speaking(&sets, run_date(), &spec(1.0, 0.0)).unwrap();
    let written = |dataset| {
        let mut file = Vec::new();
        shop.write(dataset, &mut file).unwrap();
        file
    };
    let column = |dataset: Dataset, name: &str| -> HashSet<String> {
        let file = written(dataset);
        let mut reader = csv::Reader::from_reader(&file[..]);
        let at = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
        reader.records().map(|record| record.unwrap()[at].to_owned()).collect()
    };
    let field = |name: &str| -> HashSet<String> {
        let file = String::from_utf8(written(Dataset::Clickstream)).unwrap();
        let events = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.map(|event| event[name].as_str().unwrap().to_owned()).collect()
    };
    let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let categories: HashSet<String> = set(&["garden", "home \"&\" more", "toys"]);
    assert_eq!(column(Dataset::Products, "category"), categories);
    assert_eq!(column(Dataset::Transactions, "payment_method"), set(&["cheque", "paypal"]));
    assert_eq!(field("device"), set(&["fridge", "mobile"]));
    assert!(!field("event_type").contains("wish"), "no page of the invented shop is a wish");
    assert!(field("url").contains("https://shop.example/c/home%20%22%26%22%20more"));
}
