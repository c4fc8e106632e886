//! What happens to the rows of a view when events come late, are corrected, moved or withdrawn.

use arrow::array::AsArray;

use super::given::{
    AMOUNT, CATEGORY, COLUMNS, Event, IS_PURCHASE, Row, SCORE, entity, fill, keys, made, of, read,
    shown, source, view,
};
use crate::Micros;
use crate::aggregate::{Aggregate, Cell, History, Horizon, Plan, SourceRows};
use crate::definition::View;
use crate::value::Value;

const DAY: Micros = 86_400_000_000;

fn event(at: Micros, from: Micros, to: Option<Micros>, cents: i64) -> Event {
    let mut values = vec![Value::Null; COLUMNS.len()];
    values[AMOUNT] = Value::Int64(cents);
    Event { at, from, to, values }
}

/// The number of events of two days, and the amount of all.
fn sales() -> View {
    let features =
        [of(Aggregate::Count, None, Some(2 * DAY)), of(Aggregate::Sum, Some(AMOUNT), None)];
    view("sales", DAY, &features)
}

/// Rows in days, counts and units.
fn rows(events: &[Event], until: Micros) -> Vec<(f64, f64, i64, f64)> {
    let [rows] = <[Vec<Row>; 1]>::try_from(made(&[sales()], events, None, until)).unwrap();
    let number = |text: &str| {
        let text = text.split(['(', ')']).nth(1).unwrap();
        text.parse::<f64>().unwrap()
    };
    let days = |moment: Micros| moment as f64 / DAY as f64;
    let shown =
        |(p, k, values): Row| (days(p), days(k), number(&values[0]) as i64, number(&values[1]));
    rows.into_iter().map(shown).collect()
}

#[test]
fn an_event_in_order_counts_from_the_end_of_its_tile_until_it_leaves() {
    let noon = DAY / 2;
    let once = event(noon, noon, None, 1250);
    let all = [(1.0, 1.0, 1, 12.5), (3.0, 3.0, 0, 12.5)];
    assert_eq!(rows(std::slice::from_ref(&once), 10 * DAY), all);
    // The horizon is inclusive.
    assert_eq!(rows(std::slice::from_ref(&once), 3 * DAY), all);
    assert_eq!(rows(std::slice::from_ref(&once), 3 * DAY - 1), all[..1]);
    assert_eq!(rows(std::slice::from_ref(&once), DAY - 1), []);
    // At the very beginning of a tile it is in that tile.
    assert_eq!(rows(&[event(0, 0, None, 1250)], 10 * DAY), all);
    let before = [(0.0, 0.0, 1, 12.5), (2.0, 2.0, 0, 12.5)];
    assert_eq!(rows(&[event(-1, -1, None, 1250)], 10 * DAY), before);
}

/// The picture in the description of the module.
#[test]
fn a_late_event_corrects_the_boundaries_since() {
    let a = event(DAY + DAY / 2, DAY + DAY / 2, None, 100);
    let b = event(2 * DAY + DAY / 2, 4 * DAY + DAY / 2, None, 200);
    let expected = [
        (2.0, 2.0, 1, 1.0),
        (3.0, 4.5, 2, 3.0),
        (4.0, 4.0, 0, 1.0),
        (4.0, 4.5, 1, 3.0),
        (5.0, 5.0, 0, 3.0),
    ];
    assert_eq!(rows(&[a, b], 10 * DAY), expected);
}

#[test]
fn events_that_are_known_with_a_delay_have_rows_from_then_on() {
    let events = [1.0, 1.2, 2.5].map(|days| {
        let at = (days * DAY as f64) as Micros;
        event(at, at + DAY, None, 100)
    });
    let expected = [
        // Two times in one tile.
        (2.0, 2.0, 1, 1.0),
        (2.0, 2.2, 2, 2.0),
        (3.0, 3.5, 3, 3.0),
        (4.0, 4.0, 1, 3.0),
        (5.0, 5.0, 0, 3.0),
    ];
    assert_eq!(rows(&events, 10 * DAY), expected);
}

#[test]
fn a_correction_that_moves_an_event_changes_both_days() {
    let first = event(DAY / 2, DAY / 2, Some(5 * DAY + 1), 100);
    let second = event(3 * DAY + DAY / 2, 5 * DAY + 1, None, 150);
    let moved = 5.0 + 1.0 / DAY as f64;
    let expected = [
        (1.0, 1.0, 1, 1.0),
        (1.0, moved, 0, 0.0),
        (3.0, 3.0, 0, 1.0),
        (3.0, moved, 0, 0.0),
        (4.0, moved, 1, 1.5),
        (6.0, 6.0, 0, 1.5),
    ];
    assert_eq!(rows(&[first, second], 10 * DAY), expected);
}

#[test]
fn a_withdrawn_event_leaves_empty_values() {
    let noon = DAY / 2;
    let withdrawn = event(noon, noon, Some(2 * DAY + noon), 100);
    assert_eq!(
        rows(&[withdrawn], 10 * DAY),
        [(1.0, 1.0, 1, 1.0), (1.0, 2.5, 0, 0.0), (3.0, 3.0, 0, 1.0)][..2]
    );
    // Nobody ever saw it.
    assert_eq!(rows(&[event(noon, noon, Some(DAY), 100)], 10 * DAY), []);
}

#[test]
fn an_event_of_the_future_counts_when_it_has_happened() {
    let planned = event(4 * DAY + DAY / 2, DAY, None, 100);
    assert_eq!(rows(&[planned], 10 * DAY), [(5.0, 5.0, 1, 1.0), (7.0, 7.0, 0, 1.0)]);
    // It was put off before it happened.
    let first = event(4 * DAY, DAY, Some(3 * DAY), 100);
    let second = event(6 * DAY, 3 * DAY, None, 100);
    assert_eq!(rows(&[first, second], 10 * DAY), [(7.0, 7.0, 1, 1.0), (9.0, 9.0, 0, 1.0)]);
}

#[test]
fn empty_windows_have_zeros_and_nulls() {
    let features = [
        of(Aggregate::Count, None, Some(DAY)),
        of(Aggregate::CountDistinct, Some(CATEGORY), Some(DAY)),
        of(Aggregate::Sum, Some(SCORE), Some(DAY)),
        of(Aggregate::Mean, Some(AMOUNT), Some(DAY)),
        of(Aggregate::Min, Some(AMOUNT), Some(DAY)),
        of(Aggregate::First, Some(CATEGORY), Some(DAY)),
        of(Aggregate::Last, None, Some(DAY)),
        of(Aggregate::MostFrequent, Some(IS_PURCHASE), Some(DAY)),
    ];
    let made = made(&[view("empty", DAY, &features)], &[event(0, 0, None, 100)], None, 10 * DAY);
    let (.., full) = &made[0][0];
    let expected = [
        "Int64(1)",
        "Int64(0)",
        "Float64(0.0)",
        "Float64(1.0)",
        "Float64(1.0)",
        "Null",
        "Timestamp(0)",
        "Null",
    ];
    assert_eq!(full, &expected);
    let (.., empty) = &made[0][1];
    let expected = ["Int64(0)", "Int64(0)", "Float64(0.0)", "Null", "Null", "Null", "Null", "Null"];
    assert_eq!(empty, &expected);
}

/// One that counts nothing of an entity still says so: its zeros are known.
#[test]
fn a_filter_that_no_row_passes_leaves_empty_values() {
    let mut count = of(Aggregate::Count, None, Some(DAY));
    count.filter = vec![(IS_PURCHASE, vec![Value::Boolean(true)])];
    let made = made(&[view("filtered", DAY, &[count])], &[event(0, 0, None, 100)], None, 10 * DAY);
    assert_eq!(made, [[(DAY, DAY, vec![String::from("Int64(0)")])]]);
}

#[test]
fn views_with_the_same_features_share_their_columns() {
    let [count, sum] =
        [of(Aggregate::Count, None, None), of(Aggregate::Sum, Some(AMOUNT), Some(DAY))];
    let views = [
        view("one", DAY, &[count.clone(), sum.clone()]),
        view("other", 2 * DAY, std::slice::from_ref(&count)),
        view("same", DAY, &[sum, count]),
    ];
    let views = views.each_ref();
    let plan = Plan::new(&entity(), &source(), &views).unwrap();
    let mut history = History::new(&plan, Horizon { since: None, until: 10 * DAY });
    let mut rows = SourceRows::new(&plan);
    for customer in 0..3 {
        fill(&mut rows, &[event(DAY * customer, 0, None, 100)]);
        let keys = [Value::Int64(customer), Value::Text(String::from("north"))];
        history.add(&keys, &mut rows).unwrap();
    }
    assert_eq!(history.take(100).unwrap(), []);
    let batches = history.take(1).unwrap();
    assert_eq!(batches.iter().map(|(view, _)| *view).collect::<Vec<_>>(), [0, 1, 2]);
    let [(_, one), _, (_, same)] = &batches[..] else { panic!() };
    assert_eq!(one.num_rows(), 6);
    assert_eq!(one.column_by_name("feature_0"), same.column_by_name("feature_1"));
    let pointer = |batch: &arrow::array::RecordBatch, name: &str| {
        std::sync::Arc::as_ptr(batch.column_by_name(name).unwrap()).cast::<()>()
    };
    assert_eq!(pointer(one, "feature_0"), pointer(same, "feature_1"));
    assert_eq!(history.take(1).unwrap(), []);
}

/// Their rows are kept once for all views that count nothing of them, up to a point.
#[test]
fn many_entities_that_a_view_counts_nothing_of_keep_their_order() {
    const CUSTOMERS: i64 = 40_000;
    let mut count = of(Aggregate::Count, None, None);
    count.filter = vec![(AMOUNT, vec![Value::Int64(100)])];
    let mut text = of(Aggregate::Last, Some(CATEGORY), None);
    text.filter = count.filter.clone();
    let views = [view("rare", DAY, &[count]), view("text", DAY, &[text])];
    let plan = Plan::new(&entity(), &source(), &views.each_ref()).unwrap();
    let mut history = History::new(&plan, Horizon { since: None, until: 10 * DAY });
    let mut rows = SourceRows::new(&plan);
    let is_counted = |customer: i64| customer % 7_000 == 6_999 || customer % 9_000 < 3;
    for customer in 0..CUSTOMERS {
        let mut event = event(0, 0, None, if is_counted(customer) { 100 } else { 1 });
        event.values[CATEGORY] = Value::Text(format!("category {customer}"));
        fill(&mut rows, &[event]);
        let keys = [Value::Int64(customer), Value::Text(format!("shop {customer}"))];
        history.add(&keys, &mut rows).unwrap();
    }
    let batches = history.take(1).unwrap();
    let values = |customer: i64| {
        let text = Value::Text(format!("category {customer}"));
        let values = [Value::Int64(1), text].map(|value| shown(&value));
        let empty = [Value::Int64(0), Value::Null].map(|value| shown(&value));
        if is_counted(customer) { values } else { empty }
    };
    for (view, batch) in &batches {
        assert_eq!(keys(batch), (0..CUSTOMERS).collect::<Vec<_>>());
        let expected = (0..CUSTOMERS).map(|it| (DAY, DAY, vec![values(it)[*view].clone()]));
        assert_eq!(read(batch), expected.collect::<Vec<_>>());
        let shops = batch.column(1).as_string::<i32>();
        assert!((0..CUSTOMERS).zip(shops).all(|(it, shop)| shop == Some(&format!("shop {it}"))));
    }
}

#[test]
fn definitions_that_make_no_sense_are_refused() {
    let refused = |views: &[&View]| Plan::new(&entity(), &source(), views).unwrap_err().to_string();
    let mut other = sales();
    other.entity = String::from("product");
    assert!(refused(&[&other]).contains("another entity or source"));
    let mut uneven = sales();
    let count = of(Aggregate::Count, None, Some(DAY + 1));
    uneven.features = view("uneven", DAY, &[count]).features;
    assert!(refused(&[&uneven]).contains("no multiple of the tile"));
    let mut text = sales();
    let count = of(Aggregate::Count, None, None);
    text.features = view("text", DAY, &[count]).features;
    text.features[0].made = crate::FeatureKind::Aggregate(of(Aggregate::Sum, Some(CATEGORY), None));
    assert!(refused(&[&text]).contains("does not make this type"));
}

#[test]
fn rows_that_do_not_fit_the_source_are_refused_whole() {
    let features =
        [of(Aggregate::Sum, Some(AMOUNT), None), of(Aggregate::Last, Some(CATEGORY), None)];
    let view = view("both", DAY, &features);
    let plan = Plan::new(&entity(), &source(), &[&view]).unwrap();
    let mut rows = SourceRows::new(&plan);
    let mut cells = [Cell::Null; COLUMNS.len()];
    assert!(rows.push(0, 0, None, &cells[..2]).is_err());
    assert!(rows.push(Micros::MAX, 0, None, &cells).is_err());
    cells[AMOUNT] = Cell::Int64(100);
    cells[CATEGORY] = Cell::Boolean(true);
    let error = rows.push(0, 0, None, &cells).unwrap_err();
    assert!(error.to_string().contains("category"));
    cells[CATEGORY] = Cell::Text("books");
    rows.push(0, 0, None, &cells).unwrap();
    let mut history = History::new(&plan, Horizon { since: None, until: 10 * DAY });
    assert!(history.add(&[Value::Int64(1)], &mut rows).is_err());
    let text = Value::Text(String::from("1"));
    assert!(history.add(&[text.clone(), text.clone()], &mut rows).is_err());
    history.add(&[Value::Int64(1), text], &mut rows).unwrap();
}
