//! Random numbers by position: what belongs to row 7 depends on the seed and on 7 alone.
//!
//! Any row can be recomputed anywhere, which is what lets the clickstream quote a transaction, a
//! transaction ask whether a customer's row is sound, and all files be written side by side,
//! without holding a single row. The generator is SplitMix64: one multiplication chain per number.

/// The golden ratio in 64 bits: consecutive multiples are spread evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's output function, a bijection on 64 bits.
pub fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A family of random numbers, one sequence per index.
#[derive(Debug, Clone, Copy)]
pub struct Stream(u64);

impl Stream {
    /// The stream called `name` under `seed`; different names are independent.
    pub fn new(seed: u64, name: &str) -> Self {
        let start = mix(seed.wrapping_add(GOLDEN));
        Stream(
            name.bytes().fold(start, |key, byte| mix(key ^ u64::from(byte)).wrapping_add(GOLDEN)),
        )
    }

    /// One number for `index`; distinct indexes give distinct numbers.
    #[inline]
    pub fn one(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(index.wrapping_mul(GOLDEN)))
    }

    /// As many numbers as wanted for `index`.
    #[inline]
    pub fn at(self, index: u64) -> Draws {
        Draws(self.one(index))
    }
}

/// The numbers that belong to one index of a [`Stream`].
#[derive(Debug, Clone)]
pub struct Draws(u64);

impl Draws {
    /// The next 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Leaves out the next `count` draws, whatever they are.
    #[inline]
    pub fn skip(&mut self, count: u64) {
        self.0 = self.0.wrapping_add(GOLDEN.wrapping_mul(count));
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// One of `items`, which must not be empty.
    #[inline]
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// A number from 0 up to, but not including, 1.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_seed_name_and_index() {
        let number = |seed, name, index| Stream::new(seed, name).one(index);
        assert_eq!(number(1, "a", 5), number(1, "a", 5));
        assert_ne!(number(1, "a", 5), number(2, "a", 5));
        assert_ne!(number(1, "a", 5), number(1, "b", 5));
        assert_ne!(number(1, "a", 5), number(1, "a", 6));
        assert_ne!(number(1, "ab", 5), number(1, "ba", 5));
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let stream = Stream::new(42, "spread");
        let mut buckets = [0u32; 10];
        let mut sum = 0.0;
        for index in 0..100_000 {
            let mut draws = stream.at(index);
            buckets[draws.below(10) as usize] += 1;
            sum += draws.unit();
        }
        assert!(buckets.iter().all(|&count| (9_500..10_500).contains(&count)), "{buckets:?}");
        assert!((sum / 100_000.0 - 0.5).abs() < 0.01, "{sum}");
    }
}
