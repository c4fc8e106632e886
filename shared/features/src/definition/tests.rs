use super::*;
use crate::transform::Transformation;

const SALES: &str =
    "-- every sale\nSELECT customer_id, amount, units, category, is_purchase FROM t\n";
const SHOP: &str = "\
entities:
  customer: {description: who buys, keys: {customer_id: int64}}
  product: {description: what is bought, keys: {product_id: int64}}
sources:
  sales:
    description: lines of sales
    entities: customer
    sql: sales.sql
    columns: {amount: money, units: int64, category: text, is_purchase: boolean}
    reads: [core.transactions]
views:
  purchases:
    description: what customers buy
    owner: analytics
    entity: customer
    source: sales
    tile: 1d
    ttl: 90d
    personal_data: pseudonymous
    features:
      revenue_7d: {description: revenue, aggregate: sum, column: amount, window: 7d}
      lines: {description: lines, aggregate: count, filter: {category: [a, b]}, window: ever}
      last_at: {description: latest, aggregate: last, column: event_timestamp, window: ever}
  attributes:
    description: what customers are
    owner: analytics
    entity: customer
    sql: customers.sql
    reads: [core.customers]
    features: {country: {description: country, type: text, personal_data: quasi_identifier}}
on_demand:
  recency:
    description: how long ago
    inputs: {views: [purchases], request: {now: timestamp}}
    personal_data: pseudonymous
    features: {days_ago: {description: days, expression: days(now - last_at), type: float64}}
services:
  churn:
    description: who leaves
    owner: analytics
    features: [purchases:lines, recency, purchases:revenue_7d, attributes]
";

fn read_with(shop: &str, sales: &str) -> shopflow_core::Result<Definitions> {
    let customers = "SELECT customer_id, country FROM t";
    Definitions::from_files([
        ("shop.yaml", shop),
        ("sql/sales.sql", sales),
        ("sql/customers.sql", customers),
    ])
}

fn read(shop: &str) -> shopflow_core::Result<Definitions> {
    read_with(shop, SALES)
}

#[test]
fn the_built_in_definitions_are_without_problems() {
    let definitions = Definitions::built_in().unwrap();
    let stored: usize = definitions.views.iter().map(|view| view.features.len()).sum();
    assert!(stored >= 30, "{stored} features");
    assert!(definitions.views.len() >= 6);
    let entities: Vec<_> = definitions.entities.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(entities, ["customer", "customer_product", "product"]);
    let view = definitions.view("customer_purchases").unwrap();
    assert_eq!(view.feature("revenue_30d").unwrap().kind, Type::Float64);
    assert_eq!(view.feature("last_purchase_at").unwrap().kind, Type::Timestamp);
    assert_eq!(view.feature("orders_90d").unwrap().kind, Type::Int64);
    for view in definitions.views.iter().filter(|view| view.entity != "product") {
        for feature in &view.features {
            assert_ne!(feature.personal_data, PersonalData::None, "{}", feature.name);
        }
    }
}

/// A query is read by names: what a definition promises must be in it.
#[test]
fn queries_have_what_the_definitions_say() {
    let definitions = Definitions::built_in().unwrap();
    let keys = |entity: &str| definitions.entity(entity).unwrap().keys.clone();
    for view in &definitions.views {
        let (sql, reads, mut names) = match &view.kind {
            ViewKind::Aggregated(of) => {
                let source = definitions.source(&of.source).unwrap();
                let columns = source.columns.iter().map(|column| column.name.as_str());
                let times = ["event_timestamp", "known_from", "known_to"];
                (&source.sql, &source.reads, columns.chain(times).collect::<Vec<_>>())
            }
            ViewKind::Sql { sql, reads } => {
                let features = view.features.iter().map(|feature| feature.name.as_str());
                let times = ["event_timestamp", "created_timestamp"];
                (sql, reads, features.chain(times).collect())
            }
        };
        let keys = keys(&view.entity);
        names.extend(keys.iter().map(|(name, _)| name.as_str()));
        for name in names.into_iter().chain(reads.iter().map(String::as_str)) {
            assert!(sql.contains(name), "{}: the query lacks {name}", view.name);
        }
        let query = version::without_comments(sql);
        assert!(!query.contains(';') && !query.contains('$'), "{}", view.name);
    }
}

#[test]
fn every_on_demand_feature_can_be_computed_and_is_null_of_nothing() {
    let definitions = Definitions::built_in().unwrap();
    for on_demand in &definitions.on_demand {
        let transformation = Transformation::new(&definitions, on_demand).unwrap();
        let nothing = vec![Value::Null; transformation.inputs().len()];
        let values = transformation.evaluate(&nothing);
        assert_eq!(values.len(), on_demand.features.len());
        for ((feature, _), value) in on_demand.features.iter().zip(values) {
            let expected = match feature.name.as_str() {
                "has_bought" => Value::Boolean(false),
                _ => Value::Null,
            };
            assert_eq!(value, expected, "{}", feature.name);
        }
    }
}

#[test]
fn a_view_is_read_as_it_is_written() {
    let definitions = read(SHOP).unwrap();
    let view = definitions.view("purchases").unwrap();
    assert_eq!(view.ttl, Some(90 * 86_400_000_000));
    let aggregated = Aggregated { source: "sales".to_owned(), tile: 86_400_000_000 };
    assert_eq!(view.kind, ViewKind::Aggregated(aggregated));
    let expected = AggregateOf {
        aggregate: Aggregate::Count,
        column: None,
        filter: vec![(2, vec![Value::Text("a".to_owned()), Value::Text("b".to_owned())])],
        window: None,
    };
    assert_eq!(view.feature("lines").unwrap().made, FeatureKind::Aggregate(expected));
    let country = definitions.view("attributes").unwrap().feature("country").unwrap();
    assert_eq!(country.personal_data, PersonalData::QuasiIdentifier);
    let asked = &definitions.service("churn").unwrap().features;
    let asked: Vec<_> = asked.iter().map(|(view, names)| format!("{view} {names:?}")).collect();
    let expected = [
        r#"purchases ["lines", "revenue_7d"]"#,
        r#"recency ["days_ago"]"#,
        r#"attributes ["country"]"#,
    ];
    assert_eq!(asked, expected);
}

/// Rows that are kept are read by the version of their definition.
#[test]
fn the_version_changes_with_what_decides_the_values_and_with_nothing_else() {
    let version = |shop: &str, sales: &str, view: &str| {
        let definitions = read_with(shop, sales).unwrap();
        definitions.view(view).unwrap().version.clone()
    };
    let usual = version(SHOP, SALES, "purchases");
    assert_eq!(usual.len(), 12);
    assert!(usual.bytes().all(|byte| byte.is_ascii_hexdigit()));
    for (from, to) in [
        ("description: what customers buy", "description: another one"),
        ("description: revenue", "description: another one"),
        (
            "owner: analytics\n    entity: customer\n    source",
            "owner: me\n    entity: customer\n    source",
        ),
        ("    ttl: 90d\n", ""),
        ("    ttl: 90d\n", "    tags: [rfm]\n"),
        ("personal_data: pseudonymous\n    features:\n", "personal_data: none\n    features:\n"),
        ("[core.transactions]", "[core.transactions, core.products]"),
        ("[a, b]", "[b, a]"),
        ("type: text", "type: int64"),
    ] {
        let shop = SHOP.replacen(from, to, 1);
        assert_ne!(shop, SHOP, "{from}");
        assert_eq!(version(&shop, SALES, "purchases"), usual, "{to}");
    }
    for (from, to) in [
        ("tile: 1d", "tile: 1h"),
        ("aggregate: sum", "aggregate: max"),
        ("column: amount", "column: units"),
        ("window: 7d", "window: 8d"),
        ("window: ever}", "window: 30d}"),
        ("[a, b]", "[a]"),
        ("filter: {category: [a, b]}", "filter: {is_purchase: true}"),
        ("revenue_7d: {", "turnover_7d: {"),
        ("units: int64", "units: float64"),
        ("{customer_id: int64}", "{customer_id: text}"),
    ] {
        let shop = SHOP.replace("purchases:revenue_7d, ", "").replacen(from, to, 1);
        assert_ne!(version(&shop, SALES, "purchases"), usual, "{to}");
    }
    assert_eq!(version(SHOP, &SALES.replace("-- every sale", "-- each"), "purchases"), usual);
    assert_ne!(version(SHOP, &SALES.replace("FROM t", "FROM u"), "purchases"), usual);
    let attributes = version(SHOP, SALES, "attributes");
    assert_eq!(version(SHOP, "SELECT 1 AS one", "attributes"), attributes);
    assert_ne!(
        version(&SHOP.replace("type: text", "type: int64"), SALES, "attributes"),
        attributes
    );
}

#[test]
fn changes_are_told_in_words() {
    let view = |shop: &str, sales: &str| {
        read_with(shop, sales).unwrap().view("purchases").unwrap().clone()
    };
    let old = view(SHOP, SALES);
    let told = |shop: &str, sales: &str| changes(&old, &view(shop, sales));
    assert!(told(SHOP, SALES).is_empty());
    for (from, to, expected) in [
        ("ttl: 90d", "ttl: 36h", "the ttl was 90d and is 36h"),
        ("window: 7d", "window: 14d", "the window of 'revenue_7d' was 7d and is 14d"),
        ("window: ever}", "window: 1d}", "the window of 'lines' was ever and is 1d"),
        ("column: amount", "column: units", "the type of 'revenue_7d' was float64 and is int64"),
        ("[a, b]", "[a]", "other rows count in 'lines'"),
        ("tile: 1d", "tile: 1h", "the tile was 1d and is 1h"),
        ("aggregate: sum", "aggregate: max", "the aggregate of 'revenue_7d' was sum and is max"),
        (
            "      last_at: {",
            "      first_at: {description: first, aggregate: first, column: event_timestamp, \
             window: ever}\n      last_at: {",
            "the feature 'first_at' is new",
        ),
    ] {
        let told = told(&SHOP.replacen(from, to, 1), SALES);
        assert!(told.iter().any(|it| it == expected), "'{expected}' is missing in {told:?}");
    }
    let query = told(SHOP, &SALES.replace("FROM t", "FROM u"));
    assert_eq!(query, ["the query or a column of the source 'sales' has changed"]);
}

#[test]
fn every_problem_of_every_file_is_told_at_once_with_the_name_that_may_be_meant() {
    let wrong = "\
entities:
  custmer: {keys: {customer_id: float64, known_to: int64}, description: x, keyz: 1}
sources:
  sales: {description: x, entities: [customer, product], sql: sale.sql, reads: transactions,
          columns: {amount: mony}}
  visits: {description: x, entities: product, sql: sales.sql, reads: [core.visits],
           columns: {count: int64, price: money, at: timestamp, kind: text, is_new: boolean}}
views:
  Other: {description: x, owner: me, entity: customer}
  attributes: {description: x, owner: me, entity: customer, sql: sales.sql, tile: 1d, reads: [a.b],
               features: {customer_id: {description: x, type: texts, personal_data: noone}}}
  of_visits:
    description: x
    owner: me
    entity: customer
    source: visits
    tile: 2d
    features: {}
  of_product:
    description: x
    owner: me
    entity: product
    source: visits
    tile: 1d
    ttl: 5m
    reads: [core.visits]
    personal_data: none
    features:
      a: {description: x, aggregate: sum, column: kind, window: 7d}
      b: {description: x, aggregate: most, column: kind, window: 36h}
      c: {description: x, aggregate: max, column: coun, window: 500d}
      d: {description: x, aggregate: count, column: count, window: soon}
      e: {description: x, aggregate: mean, column: event_timestamp, window: ever}
      f: {description: x, aggregate: count, window: 0d,
          filter: {kind: 3, is_new: yes, price: 1.999, count: [1, 1], at: 2026, knd: a}}
on_demand:
  sums:
    description: x
    inputs: {views: [purchase], request: {now: time}}
    personal_data: none
    features: {a: {description: x, type: int64, expression: 1 + }}
  trends:
    description: x
    inputs: {views: [purchases], request: {now: timestamp}}
    personal_data: none
    features:
      a: {description: x, type: float64, expression: revenue_8d / 2}
      b: {description: x, type: float64, expression: now - last_at}
      c: {description: x, type: int64, expression: revenue_7d}
      d: {description: x, type: boolean, expression: revenue_7d = 'a'}
      e: {description: x, type: float64, expression: rond(revenue_7d)}
services:
  churn: {description: x, owner: me, features: [purchases]}
  other: {description: x, owner: me, features: [purchses, purchases:line, recency, recency]}
view: {}
";
    let files = [
        ("shop.yaml", SHOP),
        ("sql/sales.sql", SALES),
        ("sql/customers.sql", SALES),
        ("wrong.yaml", wrong),
        ("other.yaml", "a: [1"),
        ("notes.txt", ""),
        ("shop.yaml", ""),
    ];
    let error = Definitions::from_files(files).unwrap_err().to_string();
    for part in [
        "features/wrong.yaml: there is no field 'view'; did you mean 'views'?",
        "features/other.yaml: it is not YAML",
        "features/notes.txt: it must be a .yaml file, or a .sql file in sql/",
        "features/shop.yaml: there is another one of this name",
        "entities.custmer: there is no field 'keyz'; did you mean 'keys'?",
        "entities.custmer.keys.customer_id: a key is int64 or text",
        "entities.custmer.keys.known_to: this name has a meaning of its own",
        "sources.sales: shop.yaml has another one of this name",
        "views.attributes: shop.yaml has another one of this name",
        "services.churn: shop.yaml has another one of this name",
        "views.Other: its name must have small letters",
        "views.Other.source: a view has either a source or sql",
        "views.of_visits.source: 'visits' has no keys of the entity 'customer'",
        "views.of_visits.tile: it must be 1h or 1d",
        "views.of_product.ttl: it must be a time from 1h to 3660d",
        "views.of_product.reads: only a view of sql has it",
        "features.a.column: sum is made of money, int64, float64, not of text",
        "features.b.aggregate: there is no aggregate 'most'; there is count, sum",
        "features.b.window: it must be one or more tiles",
        "features.c.column: there is no column 'coun'; did you mean 'count'?",
        "features.c.window: it is longer than 400d",
        "features.d.column: count counts rows; count_distinct has a column",
        "features.d.window: it must be ever, or a time such as 24h or 30d",
        "features.e.column: only first and last are made of event_timestamp",
        "features.f.window: it must be one or more tiles",
        "features.f.filter.kind: it must be a text, or a list of texts",
        "features.f.filter.is_new: it must be true or false",
        "features.f.filter.price: it must be an amount with at most two decimals",
        "features.f.filter.count: it has a value twice",
        "features.f.filter.at: rows cannot be chosen by a moment",
        "features.f.filter: there is no column 'knd'; did you mean 'kind'?",
        "on_demand.sums.inputs.views: there is no view 'purchase'; did you mean 'purchases'?",
        "on_demand.sums.inputs.request.now: there is no type 'time'",
        "on_demand.sums.features.a.expression: it ends too early",
        "trends.features.a.expression: there is no input 'revenue_8d'; did you mean 'revenue_7d'?",
        "trends.features.b.expression: a duration is no feature",
        "trends.features.c.expression: it gives float64, not int64",
        "trends.features.d.expression: there is no float64 = text",
        "trends.features.e.expression: there is no function 'rond'; did you mean 'round'?",
        "services.other.features: there is no view 'purchses'; did you mean 'purchases'?",
        "services.other.features: there is no feature of purchases 'line'; did you mean 'lines'?",
        "services.other.features: it has 'recency:days_ago' twice",
    ] {
        assert!(error.contains(part), "'{part}' is missing in:\n{error}");
    }
    assert!(!error.contains("no entity 'customer'"), "{error}");
}

#[test]
fn problems_of_one_view_are_told_with_those_of_its_features() {
    let shop = SHOP
        .replace("sql: sales.sql", "sql: sale.sql")
        .replace("[core.transactions]", "transactions")
        .replace("amount: money", "amount: mony")
        .replace("type: text", "type: texts")
        .replace("personal_data: quasi_identifier", "personal_data: noone")
        .replace("country:", "customer_id:");
    let error = read(&shop).unwrap_err().to_string();
    for part in [
        "there is no file in features/sql 'sale.sql'; did you mean 'sales.sql'?",
        "sources.sales.reads: 'transactions' is no table such as core.products",
        "sources.sales.columns.amount: there is no type of a column 'mony'; did you mean 'money'?",
        "features.customer_id: this name is that of a key",
        "features.customer_id.type: there is no type 'texts'; did you mean 'text'?",
        "there is no class of personal data 'noone'; did you mean 'none'?",
    ] {
        assert!(error.contains(part), "'{part}' is missing in:\n{error}");
    }
}

#[test]
fn a_feature_without_a_class_of_personal_data_is_refused() {
    let shop = SHOP.replace(", personal_data: quasi_identifier", "");
    let error = read(&shop).unwrap_err().to_string();
    assert!(error.contains("country.personal_data: it is missing"), "{error}");
}

#[test]
fn names_of_two_inputs_are_refused() {
    let shop = SHOP
        .replace("{country:", "{last_at:")
        .replace("views: [purchases]", "views: [purchases, attributes]");
    let error = read(&shop).unwrap_err().to_string();
    assert!(error.contains("'last_at' is the name of several inputs"), "{error}");
}

#[test]
fn what_is_no_mapping_is_refused() {
    for text in ["", "[1]", "a: 1\n---\nb: 2", "views: 3", "1: 2"] {
        assert!(Definitions::from_files([("a.yaml", text)]).is_err(), "{text}");
    }
    assert!(read(SHOP).is_ok());
}
