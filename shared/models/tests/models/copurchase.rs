//! Co-purchases against counting by brute force.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shopflow_models::baskets::{Baskets, Builder, MAX_PRODUCTS};
use shopflow_models::copurchase::{Association, Companion, best, companions};

type Lines = Vec<(u64, i64)>;

fn collect(days: &[Lines], memory: usize) -> Baskets {
    let mut builder = Builder::new(memory);
    for lines in days {
        builder.add(lines.iter().copied()).unwrap();
    }
    builder.finish().unwrap()
}

fn pairs(baskets: &Baskets, minimum: u32, memory: usize) -> BTreeMap<(i64, i64), u32> {
    let ids = baskets.products();
    let all = companions(baskets, minimum, memory, |product, others, out: &mut Vec<_>| {
        let ids = |other: &Companion| (ids[product as usize], ids[other.product as usize]);
        out.extend(others.iter().map(|other| (ids(other), other.together)));
    })
    .unwrap();
    assert!(all.is_sorted(), "by product, then by companion");
    all.into_iter().collect()
}

fn by_force(days: &[Lines], minimum: u32) -> BTreeMap<(i64, i64), u32> {
    let mut counts = BTreeMap::new();
    for lines in days {
        let mut baskets: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
        for (basket, product) in lines {
            baskets.entry(*basket).or_default().insert(*product);
        }
        for products in baskets.values() {
            for first in products {
                for second in products.iter().filter(|second| *second != first) {
                    *counts.entry((*first, *second)).or_insert(0) += 1;
                }
            }
        }
    }
    counts.retain(|_, count| *count >= minimum);
    counts
}

proptest! {
    #[test]
    fn counts_are_those_of_brute_force_whatever_the_memory(
        days in prop::collection::vec(prop::collection::vec((0u64..6, -3i64..25), 0..60), 0..8),
        minimum in 1u32..4,
        memory in prop::sample::select(vec![0, 16, 100, 1000, 1 << 20]),
    ) {
        let baskets = collect(&days, memory);
        prop_assert_eq!(pairs(&baskets, minimum, memory), by_force(&days, minimum));
    }
}

#[test]
fn baskets_of_one_product_count_but_make_no_pairs() {
    let baskets = collect(&[vec![(1, 7), (1, 7), (2, 7), (2, 5)], vec![(1, 5)]], 1 << 20);
    assert_eq!((baskets.baskets(), baskets.products()), (3, &[5, 7][..]));
    assert_eq!(baskets.counts(), [2, 2]);
    assert_eq!(pairs(&baskets, 1, 1 << 20), BTreeMap::from([((5, 7), 1), ((7, 5), 1)]));
}

#[test]
fn a_basket_that_is_no_basket_makes_no_pairs() {
    let import: Lines = (0..=MAX_PRODUCTS as i64).map(|product| (1, product)).collect();
    let baskets = collect(&[import], 1 << 20);
    assert_eq!((baskets.baskets(), baskets.oversized()), (1, 1));
    assert!(pairs(&baskets, 1, 1 << 20).is_empty());
}

#[test]
fn associations_follow_from_counts() {
    let one = Association::new(100, 20, 10, 8);
    assert_eq!(one.support(), 0.08);
    assert_eq!(one.confidence(), (0.4, 0.8));
    assert_eq!(one.lift(), 4.0);
    assert!((one.cosine() - 8.0 / 200f64.sqrt()).abs() < 1e-15);
    assert!((one.jaccard() - 8.0 / 22.0).abs() < 1e-15);
}

#[test]
fn the_best_are_sorted_by_score_and_ties_by_product() {
    let others: Vec<Companion> =
        (0..10).map(|product| Companion { product, together: product % 3 }).collect();
    let found = best(&others, 5, |one| f64::from(one.together));
    let products: Vec<u32> = found.iter().map(|(one, _)| one.product).collect();
    assert_eq!(products, [2, 5, 8, 1, 4]);
    assert!(best(&others, 0, |_| 0.0).is_empty());
    assert_eq!(best(&others, 50, |_| 0.0).len(), 10);
}
