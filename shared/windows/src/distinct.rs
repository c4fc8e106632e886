//! How many different values there are: exact while they are few, then estimated.
//!
//! Up to [`EXACT`] values their hashes are kept. Beyond, a HyperLogLog sketch takes their place.
//!
//! Sets are united in any order and grouping to the same set, bit by bit: whether it is a sketch
//! depends on the number of its values alone.

mod few;
mod sketch;
mod union;

use shopflow_core::Result;

use crate::wire::{Input, broken, put_number};
use few::Few;
use sketch::Sketch;

pub use few::EXACT;
pub use sketch::STANDARD_ERROR;
pub(crate) use union::Union;

const TAG_EXACT: u8 = 0;
const TAG_SKETCH: u8 = 1;

/// A set of hashes; none of them is 0.
#[derive(Debug, Clone)]
pub(crate) struct Distinct(Form);

#[derive(Debug, Clone)]
enum Form {
    Exact(Few),
    Sketch(Sketch),
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct(Form::Exact(Few::default()))
    }
}

impl Distinct {
    #[inline]
    pub fn add(&mut self, hash: u64) {
        match &mut self.0 {
            Form::Sketch(sketch) => sketch.add(hash),
            Form::Exact(few) => {
                few.insert(hash);
                if few.len() > EXACT {
                    self.0 = Form::Sketch(few.sketch());
                }
            }
        }
    }

    pub fn merge(&mut self, other: &Distinct) {
        match (&mut self.0, &other.0) {
            (Form::Exact(few), Form::Exact(other)) => {
                few.reserve(other.len());
                other.for_each(|hash| self.add(hash));
            }
            (Form::Sketch(sketch), Form::Exact(other)) => other.for_each(|hash| sketch.add(hash)),
            (Form::Sketch(sketch), Form::Sketch(other)) => sketch.merge(other),
            (Form::Exact(few), Form::Sketch(other)) => {
                let mut all = other.clone();
                few.for_each(|hash| all.add(hash));
                self.0 = Form::Sketch(all);
            }
        }
    }

    /// How many different values were added.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Form::Exact(few) => few.len() as u64,
            Form::Sketch(sketch) => sketch.count(),
        }
    }

    /// Lays the values out for being read; when one is added, they move once more.
    pub fn settle(&mut self) {
        if let Form::Exact(few) = &mut self.0 {
            few.settle();
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Form::Exact(few) => {
                out.push(TAG_EXACT);
                put_number(few.len() as u64, out);
                few.sorted().iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
            }
            Form::Sketch(sketch) => {
                out.push(TAG_SKETCH);
                sketch.encode(out);
            }
        }
    }

    pub fn decode(input: &mut Input<'_>) -> Result<Distinct> {
        match input.byte()? {
            TAG_EXACT => {
                let len = input.number_to(EXACT)?;
                let (bytes, _) = input.take(len * size_of::<u64>())?.as_chunks::<8>();
                let hashes = bytes.iter().map(|bytes| u64::from_le_bytes(*bytes));
                let before = std::iter::once(0).chain(hashes.clone());
                if before.zip(hashes.clone()).any(|(before, hash)| hash <= before) {
                    return Err(broken("hashes are not in their order"));
                }
                Ok(Distinct(Form::Exact(Few::of_sorted(hashes))))
            }
            TAG_SKETCH => Sketch::decode(input).map(|sketch| Distinct(Form::Sketch(sketch))),
            _ => Err(broken("a set is neither exact nor a sketch")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        values.into_iter().for_each(|value| distinct.add(hash::number(value)));
        distinct
    }

    fn encoded(distinct: &Distinct) -> Vec<u8> {
        let mut out = Vec::new();
        distinct.encode(&mut out);
        out
    }

    #[test]
    fn the_count_is_exact_up_to_the_limit() {
        for n in [0, 1, 3, 4, 100, 255, EXACT as u64] {
            let twice = (0..n).chain(0..n);
            assert_eq!(of(twice).count(), n);
        }
        assert!(matches!(of(0..EXACT as u64), Distinct(Form::Exact(_))));
        assert!(matches!(of(0..EXACT as u64 + 1), Distinct(Form::Sketch(_))));
    }

    #[test]
    fn estimates_stay_within_five_standard_errors() {
        for (at, n) in [257u64, 300, 1_000, 4_000, 10_000, 15_000, 20_000, 50_000, 1_000_000]
            .into_iter()
            .enumerate()
        {
            // Of other values each time.
            let first = at as u64 * 10_000_000;
            let found = of(first..first + n).count() as f64;
            let error = (found - n as f64).abs() / n as f64;
            assert!(error < 5.0 * STANDARD_ERROR, "{n}: {found}");
        }
    }

    #[test]
    fn the_mean_of_estimates_is_right() {
        for n in [500u64, 5_000, 12_000, 40_000] {
            let rounds = 40;
            let sum: u64 = (0..rounds).map(|round| of(round * n..(round + 1) * n).count()).sum();
            let bias = (sum as f64 / (rounds * n) as f64 - 1.0).abs();
            // The error of a mean is that of one estimate through the root of their number.
            assert!(bias < 5.0 * STANDARD_ERROR / (rounds as f64).sqrt(), "{n}: {bias}");
        }
    }

    #[test]
    fn what_is_no_set_is_refused() {
        let exact = encoded(&of(0..20));
        let sketch = encoded(&of(0..1000));
        let mut large = sketch.clone();
        large[1] = 0xFF;
        let mut unsorted = exact.clone();
        unsorted[2..18].rotate_left(8);
        let cut = &sketch[..sketch.len() - 1];
        for wrong in [&exact[..30], cut, &large[..], &unsorted[..], &[2][..], &[][..]] {
            assert!(Distinct::decode(&mut Input::new(wrong)).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn parts_unite_to_the_whole_in_any_order(
            values in prop::collection::vec(0u64..2_000, 0..1_500),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let whole = encoded(&of(values.iter().copied()));
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(values.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(values.len());
            let mut from = 0;
            let mut parts = Vec::new();
            for cut in cuts {
                parts.push(of(values[from..cut].iter().copied()));
                from = cut;
            }
            let unite = |mut all: Distinct, part: &Distinct| {
                all.merge(part);
                all
            };
            let forth = parts.iter().fold(Distinct::default(), unite);
            let back = parts.iter().rev().fold(Distinct::default(), unite);
            prop_assert_eq!(&encoded(&forth), &whole);
            prop_assert_eq!(&encoded(&back), &whole);
            let again = Distinct::decode(&mut Input::new(&whole)).unwrap();
            prop_assert_eq!(&encoded(&again), &whole);
            prop_assert_eq!(again.count(), forth.count());
            prop_assert_eq!(Union::default().count(parts.iter()), forth.count());
            parts.iter_mut().for_each(Distinct::settle);
            let settled = parts.iter().fold(Distinct::default(), unite);
            prop_assert_eq!(&encoded(&settled), &whole);
            prop_assert_eq!(Union::default().count(parts.iter()), forth.count());
        }
    }
}
