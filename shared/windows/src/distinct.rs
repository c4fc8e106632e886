//! How many different values there are: exact while they are few, then estimated.
//!
//! Up to [`EXACT`] values their hashes are kept. Beyond, a HyperLogLog sketch of 2^12 registers takes
//! their place: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal
//! cardinality estimation algorithm" (2007), whose standard error is 1.04 / sqrt(registers). The
//! estimate is that of Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (arXiv:1702.01284, the improved raw estimator), which has no bias between small and large numbers.
//! It is made of products, sums and square roots, so it is the same on every machine.
//!
//! Sets are united in any order and grouping to the same set, bit by bit: whether it is a sketch
//! depends on the number of its values alone.

use shopflow_core::Result;

use crate::wire::{Input, broken, put_number};

/// Values that are counted exactly.
pub const EXACT: usize = 256;
/// Standard error of the estimate beyond, relative: 1.04 / sqrt(4096).
pub const STANDARD_ERROR: f64 = 0.016_25;

/// Bits of a hash that choose its register.
const PRECISION: u32 = 12;
const REGISTERS: usize = 1 << PRECISION;
/// The largest rank: that of a hash with zeros behind those bits.
const LARGEST: usize = 64 - PRECISION as usize + 1;
/// Four registers of six bits are three bytes.
const PACKED: usize = REGISTERS / 4 * 3;

const TAG_EXACT: u8 = 0;
const TAG_SKETCH: u8 = 1;

/// A set of hashes; none of them is 0.
#[derive(Debug, Clone)]
pub(crate) enum Distinct {
    Exact(Few),
    Sketch(Box<[u8; REGISTERS]>),
}

/// A small set, in which 0 is a free place. Most rows of a slice have one or two values, and take no
/// memory of their own.
#[derive(Debug, Clone)]
pub(crate) enum Few {
    Inline([u64; 3]),
    /// A power of two of places.
    Table {
        places: Box<[u64]>,
        len: u32,
    },
}

/// Places of the first table.
const FIRST_TABLE: usize = 8;

impl Default for Few {
    fn default() -> Self {
        Few::Inline([0; 3])
    }
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct::Exact(Few::default())
    }
}

impl Distinct {
    #[inline]
    pub fn add(&mut self, hash: u64) {
        let sketch = match self {
            Distinct::Sketch(registers) => return observe(registers, hash),
            Distinct::Exact(few) => {
                few.insert(hash);
                if few.len() <= EXACT {
                    return;
                }
                few.sketch()
            }
        };
        *self = Distinct::Sketch(sketch);
    }

    pub fn merge(&mut self, other: &Distinct) {
        match (&mut *self, other) {
            (Distinct::Exact(few), Distinct::Exact(other)) if few.len() == 0 => {
                *few = other.clone()
            }
            (_, Distinct::Exact(other)) => other.hashes().for_each(|hash| self.add(hash)),
            (Distinct::Sketch(registers), Distinct::Sketch(other)) => {
                for (register, other) in registers.iter_mut().zip(other.iter()) {
                    *register = (*register).max(*other);
                }
            }
            (Distinct::Exact(few), Distinct::Sketch(other)) => {
                let mut all = other.clone();
                few.hashes().for_each(|hash| observe(&mut all, hash));
                *self = Distinct::Sketch(all);
            }
        }
    }

    /// How many different values were added.
    pub fn count(&self) -> u64 {
        match self {
            Distinct::Exact(few) => few.len() as u64,
            Distinct::Sketch(registers) => estimate(registers).round() as u64,
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Distinct::Exact(few) => {
                out.push(TAG_EXACT);
                put_number(few.len() as u64, out);
                let mut hashes: Vec<u64> = few.hashes().collect();
                hashes.sort_unstable();
                hashes.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
            }
            Distinct::Sketch(registers) => {
                out.push(TAG_SKETCH);
                let (fours, _) = registers.as_chunks::<4>();
                for four in fours {
                    let bits = four.iter().fold(0, |bits, rank| bits << 6 | u32::from(*rank));
                    out.extend_from_slice(&bits.to_be_bytes()[1..]);
                }
            }
        }
    }

    pub fn decode(input: &mut Input<'_>) -> Result<Distinct> {
        match input.byte()? {
            TAG_EXACT => {
                let mut few = Few::default();
                let mut before = 0;
                for _ in 0..input.number_to(EXACT)? {
                    let hash = u64::from_le_bytes(input.array()?);
                    if hash <= before {
                        return Err(broken("hashes are not in their order"));
                    }
                    few.insert(hash);
                    before = hash;
                }
                Ok(Distinct::Exact(few))
            }
            TAG_SKETCH => {
                let (threes, _) = input.take(PACKED)?.as_chunks::<3>();
                let mut registers = Box::new([0u8; REGISTERS]);
                let (fours, _) = registers.as_chunks_mut::<4>();
                for (four, [a, b, c]) in fours.iter_mut().zip(threes) {
                    let bits = u32::from_be_bytes([0, *a, *b, *c]);
                    *four = [18, 12, 6, 0].map(|shift| (bits >> shift & 0x3F) as u8);
                }
                if registers.iter().any(|rank| usize::from(*rank) > LARGEST) {
                    return Err(broken("a rank is too large"));
                }
                Ok(Distinct::Sketch(registers))
            }
            _ => Err(broken("a set is neither exact nor a sketch")),
        }
    }
}

impl Few {
    #[inline]
    fn len(&self) -> usize {
        match self {
            Few::Inline(first) => first.iter().filter(|hash| **hash != 0).count(),
            Few::Table { len, .. } => *len as usize,
        }
    }

    #[inline]
    fn insert(&mut self, hash: u64) {
        match self {
            Few::Inline(first) => {
                for place in first {
                    if *place == hash {
                        return;
                    }
                    if *place == 0 {
                        *place = hash;
                        return;
                    }
                }
            }
            // A quarter stays free, so that every search ends soon.
            Few::Table { places, len } if (*len as usize + 1) * 4 <= places.len() * 3 => {
                *len += u32::from(put(places, hash));
                return;
            }
            Few::Table { .. } => {}
        }
        self.grow();
        self.insert(hash);
    }

    #[cold]
    fn grow(&mut self) {
        let places = match self {
            Few::Inline(_) => FIRST_TABLE,
            Few::Table { places, .. } => places.len() * 2,
        };
        let mut places = vec![0; places].into_boxed_slice();
        let len = self.hashes().filter(|hash| put(&mut places, *hash)).count() as u32;
        *self = Few::Table { places, len };
    }

    fn hashes(&self) -> impl Iterator<Item = u64> {
        let places = match self {
            Few::Inline(first) => &first[..],
            Few::Table { places, .. } => places,
        };
        places.iter().copied().filter(|hash| *hash != 0)
    }

    #[cold]
    fn sketch(&self) -> Box<[u8; REGISTERS]> {
        let mut registers = Box::new([0u8; REGISTERS]);
        self.hashes().for_each(|hash| observe(&mut registers, hash));
        registers
    }
}

/// Puts a hash into a table that has room; false when it is there already.
#[inline]
fn put(places: &mut [u64], hash: u64) -> bool {
    let mask = places.len() - 1;
    let mut at = hash as usize & mask;
    loop {
        let found = places[at];
        if found == hash {
            return false;
        }
        if found == 0 {
            places[at] = hash;
            return true;
        }
        at = (at + 1) & mask;
    }
}

#[inline]
fn observe(registers: &mut [u8; REGISTERS], hash: u64) {
    let register = (hash >> (64 - PRECISION)) as usize;
    let rank = (hash << PRECISION | 1 << (PRECISION - 1)).leading_zeros() as u8 + 1;
    registers[register] = registers[register].max(rank);
}

fn estimate(registers: &[u8; REGISTERS]) -> f64 {
    const M: f64 = REGISTERS as f64;
    const ALPHA: f64 = 0.5 / std::f64::consts::LN_2;
    let mut counts = [0u32; LARGEST + 1];
    registers.iter().for_each(|rank| counts[usize::from(*rank).min(LARGEST)] += 1);
    let mut sum = M * tau(1.0 - f64::from(counts[LARGEST]) / M);
    for rank in (1..LARGEST).rev() {
        sum = (sum + f64::from(counts[rank])) * 0.5;
    }
    sum += M * sigma(f64::from(counts[0]) / M);
    ALPHA * M * M / sum
}

/// What empty registers add.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum == before {
            return sum;
        }
    }
}

/// What full registers take away.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * y;
        if sum == before {
            return sum / 3.0;
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
        assert!(matches!(of(0..EXACT as u64), Distinct::Exact(_)));
        assert!(matches!(of(0..EXACT as u64 + 1), Distinct::Sketch(_)));
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
            prop_assert_eq!(encoded(&again), whole);
            prop_assert_eq!(again.count(), forth.count());
        }
    }
}
