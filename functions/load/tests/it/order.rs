//! Whatever the order in which files arrive, the same rows and the same history are there at the
//! end, and each change that a dimension or a date shows was noted when it happened.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shopflow_core::Dataset;

use crate::world::{Source, World, at, counts, customers, products, transactions};

#[tokio::test]
async fn a_source_that_repeats_the_content_still_beats_an_earlier_one_that_comes_later() {
    for order in [["01", "03", "02"], ["03", "01", "02"], ["02", "01", "03"]] {
        let world = World::new().await;
        for hour in order {
            let name = if hour == "02" { "Bob" } else { "Ann" };
            world
                .load_file(hour, Dataset::Customers, &at(hour), &customers(&[(1, name)]))
                .await
                .unwrap();
        }
        assert_eq!(world.lines("SELECT name FROM core.customers").await, [r#"{"name":"Ann"}"#]);
        let history =
            world.lines("SELECT name FROM core.customer_history ORDER BY effective_at").await;
        assert_eq!(history, [r#"{"name":"Ann"}"#, r#"{"name":"Bob"}"#, r#"{"name":"Ann"}"#]);
    }
}

#[tokio::test]
async fn a_late_file_is_unchanged_but_stands_in_the_history_and_marks_the_dimension() {
    let world = World::new().await;
    world.load_file("r2", Dataset::Products, &at("02"), &products(&[(1, "2.00")])).await.unwrap();
    world.sql.batch_execute("DELETE FROM ops.dirty_entities").await.unwrap();
    let late = world
        .load_file("r1", Dataset::Products, &at("01"), &products(&[(1, "1.00")]))
        .await
        .unwrap();
    assert_eq!(counts(&late), [0, 0, 1, 0]);
    assert_eq!(world.lines("SELECT price FROM core.products").await, [r#"{"price":2.00}"#]);
    let history = world.lines("SELECT price FROM core.product_history ORDER BY effective_at").await;
    assert_eq!(history, [r#"{"price":1.00}"#, r#"{"price":2.00}"#]);
    assert_eq!(world.number("SELECT count(*) FROM ops.dirty_entities").await, 1);
}

#[tokio::test]
async fn a_mark_keeps_the_earliest_moment_of_a_change_until_it_is_taken() {
    let world = World::new().await;
    let since =
        "SELECT coalesce(nullif(since, '-infinity') AT TIME ZONE 'UTC', '-infinity') AS since
                 FROM ops.dirty_entities ORDER BY id";
    let corrected = Source { version: "w", ..at("05") };
    // Moment and price of each file, and what the mark says then; None takes it before.
    for step in [
        Some(("r1", at("02"), "2.00", "-infinity")),
        None,
        Some(("r2", at("05"), "5.00", "2026-01-15T05:00:00")),
        Some(("r3", at("06"), "6.00", "2026-01-15T05:00:00")),
        Some(("r4", at("03"), "3.00", "2026-01-15T03:00:00")),
        Some(("r5", at("04"), "4.00", "2026-01-15T03:00:00")),
        // Repeats what was true before: no change, though it is earlier.
        Some(("r6", at("02"), "2.00", "2026-01-15T03:00:00")),
        None,
        Some(("r7", corrected, "5.50", "2026-01-15T05:00:00")),
        // Before it nothing was known.
        Some(("r8", at("01"), "1.00", "-infinity")),
        Some(("r9", at("07"), "7.00", "-infinity")),
    ] {
        let Some((run, source, price, expected)) = step else {
            world.sql.batch_execute("DELETE FROM ops.dirty_entities").await.unwrap();
            continue;
        };
        world.load_file(run, Dataset::Products, &source, &products(&[(1, price)])).await.unwrap();
        assert_eq!(world.lines(since).await, [format!(r#"{{"since":"{expected}"}}"#)], "{run}");
    }
    world.sql.batch_execute("DELETE FROM ops.dirty_entities").await.unwrap();
    // The customer is known by name only, and its dimension has nothing to build on.
    let sale = transactions(&[(1, 1, 1, 1)]);
    world.load_file("sale", Dataset::Transactions, &at("06"), &sale).await.unwrap();
    assert_eq!(world.lines(since).await, [r#"{"since":"-infinity"}"#]);
}

#[tokio::test]
async fn the_only_version_corrected_is_compared_from_the_start() {
    let world = World::new().await;
    for (run, version, price) in [("r1", "v", "1.00"), ("r2", "w", "2.00")] {
        world.sql.batch_execute("DELETE FROM ops.dirty_entities").await.unwrap();
        let source = Source { version, ..at("01") };
        world.load_file(run, Dataset::Products, &source, &products(&[(1, price)])).await.unwrap();
        let marked = "SELECT since FROM ops.dirty_entities";
        assert_eq!(world.lines(marked).await, [r#"{"since":"-infinity"}"#], "{run}");
    }
}

/// One file of a random case: its source, and for each of four ids the content, if it has the id.
type File = (Source, Vec<Option<u32>>);

fn file() -> impl Strategy<Value = File> {
    let hour = || prop::sample::select(vec!["01", "02", "03"]);
    let version = prop::sample::select(vec!["A", "a", "B", "b_"]);
    let rows = prop::collection::vec(prop::option::weighted(0.8, 0_u32..3), 4);
    (hour(), hour(), version, rows).prop_map(|(effective, modified, version, rows)| {
        (Source { effective, modified, version }, rows)
    })
}

/// Three or four files, each from a source of its own: one version of an object has one content.
fn files() -> impl Strategy<Value = Vec<File>> {
    prop::collection::vec(file(), 3..=4).prop_filter("sources differ", |files| {
        files
            .iter()
            .enumerate()
            .all(|(i, (source, _))| files[..i].iter().all(|(other, _)| other != source))
    })
}

fn content(dataset: Dataset, rows: &[Option<u32>]) -> String {
    let rows = rows.iter().enumerate().filter_map(|(id, row)| row.map(|row| (id as u32 + 1, row)));
    match dataset {
        Dataset::Customers => {
            let names = ["Ann", "Bob", "Cem"];
            customers(&rows.map(|(id, row)| (id, names[row as usize])).collect::<Vec<_>>())
        }
        Dataset::Products => {
            let prices = ["1.00", "2.00", "3.00"];
            products(&rows.map(|(id, row)| (id, prices[row as usize])).collect::<Vec<_>>())
        }
        _ => {
            transactions(&rows.map(|(id, row)| (id, row + 1, row + 1, row + 1)).collect::<Vec<_>>())
        }
    }
}

const DATASETS: [Dataset; 3] = [Dataset::Customers, Dataset::Products, Dataset::Transactions];

/// Everything that must not depend on the order, and the moves silver has to follow.
const STATE: &str = "\
    SELECT 'c' AS what, id, concat_ws('|', name, email, country, is_inferred, row_hash, \
        effective_at, source_modified_at, source_version_id) AS content FROM core.customers \
    UNION ALL SELECT 'p', id, concat_ws('|', name, category_id, price, s.supplier, is_inferred, \
        row_hash, effective_at, source_modified_at, source_version_id) FROM core.products \
        LEFT JOIN LATERAL (SELECT n.name AS supplier FROM core.suppliers n \
            WHERE n.supplier_id = products.supplier_id) AS s ON true \
    UNION ALL SELECT 'ch', id, concat_ws('|', name, email, country, row_hash, effective_at, \
        source_modified_at, source_version_id) FROM core.customer_history \
    UNION ALL SELECT 'ph', id, concat_ws('|', name, category, price, supplier, row_hash, \
        effective_at, source_modified_at, source_version_id) FROM core.product_history \
    UNION ALL SELECT 't', id, concat_ws('|', customer_id, product_id, quantity, \"timestamp\", \
        row_hash, latest.seen) FROM core.transactions AS t, LATERAL ( \
            SELECT max(concat_ws('|', effective_at AT TIME ZONE 'UTC', \
                modified_at AT TIME ZONE 'UTC', version_id) COLLATE \"C\") AS seen \
            FROM core.sources AS s WHERE s.source_id = t.source_id OR EXISTS ( \
                SELECT 1 FROM core.confirmations AS c WHERE c.source_id = s.source_id \
                    AND s.source_id > t.source_id AND t.id BETWEEN c.first_id AND c.last_id) \
            OR EXISTS (SELECT 1 FROM core.confirmed_sources AS w \
                WHERE w.source_id = s.source_id AND w.confirmed_source_id = t.source_id) \
        ) AS latest \
    UNION ALL SELECT 'm', id, from_date::text FROM ops.moved_rows \
    ORDER BY 1, 2, 3";

/// Begin and content of a version.
type Version = (String, String);

/// What the dimension of an entity shows: its versions in time, equal neighbours as one.
async fn dimensions(world: &World) -> BTreeMap<String, Vec<Version>> {
    let rows = world
        .sql
        .query(
            "SELECT 'customers:' || id, effective_at::text, row_hash::text \
             FROM (SELECT id, row_hash, effective_at \
                 FROM core.customer_history ORDER BY id, effective_at) AS c \
             UNION ALL SELECT 'products:' || id, effective_at::text, row_hash::text \
             FROM (SELECT id, row_hash, effective_at \
                 FROM core.product_history ORDER BY id, effective_at) AS p",
            &[],
        )
        .await
        .unwrap();
    let mut versions: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for row in rows {
        versions.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    versions.values_mut().for_each(|all| all.dedup_by(|next, one| next.1 == one.1));
    versions
}

/// The moment from which on two lists of versions differ.
fn first_difference(before: &[Version], after: &[Version]) -> Option<String> {
    let same = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let begins = [before.get(same), after.get(same)].into_iter().flatten();
    begins.map(|version| version.0.clone()).min()
}

/// The transactions of each date.
async fn dates(world: &World) -> BTreeMap<String, Vec<String>> {
    let rows = world
        .sql
        .query(
            "SELECT (\"timestamp\" AT TIME ZONE 'UTC')::date::text, id || ' ' || row_hash::text \
             FROM core.transactions ORDER BY id",
            &[],
        )
        .await
        .unwrap();
    let mut dates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        dates.entry(row.get(0)).or_default().push(row.get(1));
    }
    dates
}

fn changed<V: PartialEq>(
    before: &BTreeMap<String, Vec<V>>,
    after: &BTreeMap<String, Vec<V>>,
) -> BTreeSet<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// What is marked, with the moment since which it changed, as text: -infinity sorts first.
async fn marked(world: &World) -> BTreeMap<String, String> {
    let rows = world
        .sql
        .query(
            "SELECT dataset || ':' || id, since::text FROM ops.dirty_entities \
             UNION ALL SELECT event_date::text, '' FROM ops.dirty_dates",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Marks with a moment although the history begins with it.
const MOMENTS_WITHOUT_A_PAST: &str = "
    SELECT count(*) FROM ops.dirty_entities AS d
    WHERE since > '-infinity' AND NOT EXISTS (
        SELECT FROM core.customer_history AS h
        WHERE d.dataset = 'customers' AND h.id = d.id AND h.effective_at < d.since
        UNION ALL
        SELECT FROM core.product_history AS h
        WHERE d.dataset = 'products' AND h.id = d.id AND h.effective_at < d.since)";

/// Loads the files in this order into an empty schema; the state at the end.
async fn replay(world: &World, files: &[File], order: &[usize]) -> Vec<String> {
    world
        .sql
        .batch_execute(
            "TRUNCATE core.customers, core.products, core.transactions, core.customer_history, \
             core.product_history, core.transaction_history, core.confirmations, core.confirmed_sources, core.sources, \
             ops.moved_rows, ops.load_audit, ops.lake_queue",
        )
        .await
        .unwrap();
    for index in order {
        let (source, rows) = &files[*index];
        for dataset in DATASETS {
            world.sql.batch_execute("TRUNCATE ops.dirty_entities, ops.dirty_dates").await.unwrap();
            let before = (dimensions(world).await, dates(world).await);
            let run_id = format!("run-{index}-{dataset}");
            let csv = content(dataset, rows);
            let result = world.load_file(&run_id, dataset, source, &csv).await.unwrap();
            assert!(result.ledger.unwrap().is_balanced());
            let after = (dimensions(world).await, dates(world).await);
            let marked = marked(world).await;
            let mut changes = changed(&before.0, &after.0);
            changes.extend(changed(&before.1, &after.1));
            let names = marked.keys().cloned().collect();
            assert!(changes.is_subset(&names), "{changes:?} changed, {marked:?} marked");
            assert_eq!(world.number(MOMENTS_WITHOUT_A_PAST).await, 0, "{marked:?}");
            for (entity, versions) in &after.0 {
                let earlier = before.0.get(entity).map_or(&[][..], Vec::as_slice);
                if let Some(moment) = first_difference(earlier, versions) {
                    assert!(marked[entity] <= moment, "{entity} {marked:?} {moment}");
                }
            }
        }
    }
    world.lines(STATE).await
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(count - 1) {
        for place in 0..=shorter.len() {
            let mut order = shorter.clone();
            order.insert(place, count - 1);
            all.push(order);
        }
    }
    all
}

#[test]
fn any_order_of_files_ends_in_the_same_rows_history_and_moves() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let mut runner =
        TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
    runner
        .run(&files(), |files| {
            let orders = permutations(files.len());
            let expected = runtime.block_on(replay(&world, &files, &orders[0]));
            // Every third order keeps the test short; over the cases all kinds come up.
            for order in orders[1..].iter().step_by(3) {
                let state = runtime.block_on(replay(&world, &files, order));
                prop_assert_eq!(&state, &expected, "order {:?}", order);
            }
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn what_a_chunk_as_a_whole_confirms_stays_before_earlier_files() {
    let rows = |day: u32| (1..=70_000).map(|id| (id, 1, 1, day)).collect::<Vec<_>>();
    let load = async |world: &World, run: &str, source: &Source, rows: &[(u32, u32, u32, u32)]| {
        let file = transactions(rows);
        counts(&world.load_file(run, Dataset::Transactions, source, &file).await.unwrap())
    };
    let world = World::new().await;
    assert_eq!(load(&world, "r1", &at("02"), &rows(5)).await, [70_000, 0, 0, 2]);
    // The first chunk repeats what is stored; the others do not have every row, or have another.
    let mut later = rows(5);
    later[39_999].3 = 6;
    later.remove(49_999);
    later.push((70_001, 1, 1, 5));
    assert_eq!(load(&world, "r2", &at("04"), &later).await, [1, 1, 69_998, 0]);
    let confirmed = "SELECT sum(last_id - first_id + 1)::bigint FROM core.confirmations";
    // Row 40,000 is the later file's own, so the range may run over it; row 50,000 is not in it.
    assert_eq!(world.number(confirmed).await, 69_999);
    // A file from between the two changes the one row that the later file does not have.
    assert_eq!(load(&world, "r3", &at("03"), &rows(7)).await, [0, 1, 69_999, 0]);
    let days = "SELECT count(*) AS rows, min(id) AS first FROM core.transactions \
                GROUP BY \"timestamp\" ORDER BY \"timestamp\"";
    let expected = [(69_999, 1), (1, 40_000), (1, 50_000)];
    let expected = expected.map(|(rows, first)| format!(r#"{{"rows":{rows},"first":{first}}}"#));
    assert_eq!(world.lines(days).await, expected);
    // The same again, in full and in part: nothing changes.
    assert_eq!(load(&world, "r4", &at("04"), &later).await, [0, 0, 70_000, 0]);
    assert_eq!(load(&world, "r5", &at("05"), &later[10..20]).await, [0, 0, 10, 0]);
    assert_eq!(world.lines(days).await, expected);
}
