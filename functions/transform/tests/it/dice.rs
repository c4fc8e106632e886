//! Random numbers for tests.

/// A small deterministic generator: a failing seed fails again.
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0 to `sides` - 1.
    pub fn roll(&mut self, sides: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides as u64) as i64
    }

    pub fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.roll(values.len() as i64) as usize]
    }
}
