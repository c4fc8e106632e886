//! Estimates of how many different values there are.
//!
//! A HyperLogLog sketch of 2^12 registers: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the
//! analysis of a near-optimal cardinality estimation algorithm" (2007), whose standard error is
//! 1.04 / sqrt(registers). The estimate is that of Ertl, "New cardinality estimation algorithms for
//! HyperLogLog sketches" (arXiv:1702.01284, the improved raw estimator), which has no bias between
//! small and large numbers. It is made of products, sums and square roots, so it is the same on every
//! machine.

use shopflow_core::Result;

use crate::wire::{Input, broken};

/// Standard error of an estimate, relative: 1.04 / sqrt(4096).
pub const STANDARD_ERROR: f64 = 0.016_25;

/// Bits of a hash that choose its register.
const PRECISION: u32 = 12;
const REGISTERS: usize = 1 << PRECISION;
/// The largest rank: that of a hash with zeros behind those bits.
const LARGEST: usize = 64 - PRECISION as usize + 1;
/// Four registers of six bits are three bytes.
const PACKED: usize = REGISTERS / 4 * 3;

/// For each register the largest rank of its hashes, 0 without one.
#[derive(Debug, Clone)]
pub(crate) struct Sketch(Box<[u8; REGISTERS]>);

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch(Box::new([0; REGISTERS]))
    }
}

impl Sketch {
    #[inline]
    pub fn add(&mut self, hash: u64) {
        let register = &mut self.0[(hash >> (64 - PRECISION)) as usize];
        let rank = (hash << PRECISION | 1 << (PRECISION - 1)).leading_zeros() as u8 + 1;
        *register = (*register).max(rank);
    }

    pub fn merge(&mut self, other: &Sketch) {
        for (register, other) in self.0.iter_mut().zip(other.0.iter()) {
            *register = (*register).max(*other);
        }
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    pub fn count(&self) -> u64 {
        estimate(&self.0).round() as u64
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let (fours, _) = self.0.as_chunks::<4>();
        for four in fours {
            let bits = four.iter().fold(0, |bits, rank| bits << 6 | u32::from(*rank));
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
    }

    pub fn decode(input: &mut Input<'_>) -> Result<Sketch> {
        let (threes, _) = input.take(PACKED)?.as_chunks::<3>();
        let mut sketch = Sketch::default();
        let (fours, _) = sketch.0.as_chunks_mut::<4>();
        for (four, [a, b, c]) in fours.iter_mut().zip(threes) {
            let bits = u32::from_be_bytes([0, *a, *b, *c]);
            *four = [18, 12, 6, 0].map(|shift| (bits >> shift & 0x3F) as u8);
        }
        if sketch.0.iter().any(|rank| usize::from(*rank) > LARGEST) {
            return Err(broken("a rank is too large"));
        }
        Ok(sketch)
    }
}

fn estimate(registers: &[u8; REGISTERS]) -> f64 {
    const M: f64 = REGISTERS as f64;
    const ALPHA: f64 = 0.5 / std::f64::consts::LN_2;
    let counts = counts(registers);
    let mut sum = M * tau(1.0 - f64::from(counts[LARGEST]) / M);
    for rank in (1..LARGEST).rev() {
        sum = (sum + f64::from(counts[rank])) * 0.5;
    }
    sum += M * sigma(f64::from(counts[0]) / M);
    ALPHA * M * M / sum
}

/// How many registers have each rank. Most ranks are alike: one counter would wait for itself.
fn counts(registers: &[u8; REGISTERS]) -> [u32; LARGEST + 1] {
    let mut parts = [[0u32; LARGEST + 1]; 4];
    let (fours, _) = registers.as_chunks::<4>();
    for four in fours {
        for (part, rank) in parts.iter_mut().zip(four) {
            part[usize::from(*rank).min(LARGEST)] += 1;
        }
    }
    std::array::from_fn(|rank| parts.iter().map(|part| part[rank]).sum())
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
