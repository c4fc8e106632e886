//! Which products share baskets, and how remarkable that is.
//!
//! Counting goes product by product: all companions of a product are gathered and counted in an
//! array over the products. The space of pairs is cut into ranges of products whose companions
//! fit into the memory given; ranges are worked on in parallel, each in one pass over the baskets.
//! The bound holds for any data: a product with too many companions for the memory is counted
//! directly while the baskets pass by.

use std::io;
use std::ops::Range;

use crate::baskets::Baskets;
use crate::parallel;

/// Ranges are at least so many, to share the work between threads.
const RANGES: usize = 8;

/// A product that shares baskets with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Companion {
    /// Number of the product in [`Baskets::products`].
    pub product: u32,
    /// Baskets that have both.
    pub together: u32,
}

/// How much two products have to do with each other. All follow from four counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Association {
    baskets: f64,
    first: f64,
    second: f64,
    together: f64,
}

impl Association {
    /// Of two products: `together` of `baskets` have both, `first` and `second` have each.
    pub fn new(baskets: u64, first: u32, second: u32, together: u32) -> Association {
        Association {
            baskets: baskets as f64,
            first: f64::from(first),
            second: f64::from(second),
            together: f64::from(together),
        }
    }

    /// Share of all baskets that have both.
    pub fn support(&self) -> f64 {
        self.together / self.baskets
    }

    /// Share of the baskets with the first product that have the second, and the other way round.
    pub fn confidence(&self) -> (f64, f64) {
        (self.together / self.first, self.together / self.second)
    }

    /// How many times more often than if both were independent.
    pub fn lift(&self) -> f64 {
        self.together * self.baskets / (self.first * self.second)
    }

    /// Cosine of the angle between the products as vectors over baskets.
    pub fn cosine(&self) -> f64 {
        self.together / libm::sqrt(self.first * self.second)
    }

    /// Baskets with both, of those with either.
    pub fn jaccard(&self) -> f64 {
        self.together / (self.first + self.second - self.together)
    }
}

/// Shows each product with its companions that share at least `minimum` baskets with it, sorted
/// by number, and gathers what `visit` makes of it, in the order of the products. About `memory`
/// bytes are used beside the results and four per product and thread.
///
/// # Errors
/// When spilled baskets cannot be read.
pub fn companions<T: Send>(
    baskets: &Baskets,
    minimum: u32,
    memory: usize,
    visit: impl Fn(u32, &[Companion], &mut Vec<T>) + Sync,
) -> io::Result<Vec<T>> {
    let mut gathered = vec![0u64; baskets.products().len()];
    baskets.for_each(|basket| {
        for product in basket {
            gathered[*product as usize] += basket.len() as u64 - 1;
        }
    })?;
    // Workers share the memory.
    let memory = memory / parallel::MAX_THREADS;
    let ranges = ranges(&gathered, memory);
    let parts = parallel::pieces(ranges.len(), 1, |one| {
        let range = ranges[one.start].clone();
        count(baskets, range, &gathered, minimum, memory, &visit)
    });
    let mut all = Vec::new();
    for part in parts {
        all.append(&mut part?);
    }
    Ok(all)
}

/// Cuts the products into ranges that gather at most the memory of one worker each.
fn ranges(gathered: &[u64], memory: usize) -> Vec<Range<usize>> {
    let total: u64 = gathered.iter().sum();
    let limit = ((memory / size_of::<u32>()) as u64).min(total / RANGES as u64).max(1);
    let mut ranges = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (product, count) in gathered.iter().enumerate() {
        if sum > 0 && sum + count > limit {
            ranges.push(start..product);
            (start, sum) = (product, 0);
        }
        sum += count;
    }
    if start < gathered.len() {
        ranges.push(start..gathered.len());
    }
    ranges
}

fn count<T>(
    baskets: &Baskets,
    range: Range<usize>,
    gathered: &[u64],
    minimum: u32,
    memory: usize,
    visit: &impl Fn(u32, &[Companion], &mut Vec<T>),
) -> io::Result<Vec<T>> {
    let mut results = Vec::new();
    let mut tally = Tally::new(gathered.len(), minimum);
    let total: u64 = gathered[range.clone()].iter().sum();
    if total * size_of::<u32>() as u64 > memory as u64 && range.len() == 1 {
        baskets.for_each(|basket| {
            if basket.contains(&(range.start as u32)) {
                basket.iter().for_each(|other| tally.add(*other));
            }
        })?;
        visit(range.start as u32, tally.finish(range.start as u32), &mut results);
        return Ok(results);
    }
    // One stretch of the buffer per product of the range.
    let mut ends: Vec<usize> = Vec::with_capacity(range.len());
    let mut next = 0;
    for count in &gathered[range.clone()] {
        ends.push(next);
        next += *count as usize;
    }
    let mut buffer = vec![0u32; next];
    baskets.for_each(|basket| {
        for (place, product) in basket.iter().enumerate() {
            let Some(end) =
                (*product as usize).checked_sub(range.start).and_then(|at| ends.get_mut(at))
            else {
                continue;
            };
            let (before, after) = (&basket[..place], &basket[place + 1..]);
            let middle = *end + before.len();
            buffer[*end..middle].copy_from_slice(before);
            *end = middle + after.len();
            buffer[middle..*end].copy_from_slice(after);
        }
    })?;
    let mut start = 0;
    for (product, end) in range.zip(ends) {
        buffer[start..end].iter().for_each(|other| tally.add(*other));
        visit(product as u32, tally.finish(product as u32), &mut results);
        start = end;
    }
    Ok(results)
}

/// Counts the companions of one product after the other.
struct Tally {
    counts: Vec<u32>,
    touched: Vec<u32>,
    kept: Vec<Companion>,
    minimum: u32,
}

impl Tally {
    fn new(products: usize, minimum: u32) -> Tally {
        Tally { counts: vec![0; products], touched: Vec::new(), kept: Vec::new(), minimum }
    }

    fn add(&mut self, other: u32) {
        let count = &mut self.counts[other as usize];
        if *count == 0 {
            self.touched.push(other);
        }
        *count += 1;
    }

    /// The companions that were added often enough, without the product itself.
    fn finish(&mut self, product: u32) -> &[Companion] {
        self.kept.clear();
        for other in self.touched.drain(..) {
            let together = std::mem::take(&mut self.counts[other as usize]);
            if together >= self.minimum && other != product {
                self.kept.push(Companion { product: other, together });
            }
        }
        self.kept.sort_unstable_by_key(|companion| companion.product);
        &self.kept
    }
}

/// The best `limit` companions by `score`, highest first, equal scores by product.
pub fn best(
    companions: &[Companion],
    limit: usize,
    score: impl Fn(&Companion) -> f64,
) -> Vec<(Companion, f64)> {
    let mut scored: Vec<_> = companions.iter().map(|one| (*one, score(one))).collect();
    let order = |left: &(Companion, f64), right: &(Companion, f64)| {
        right.1.total_cmp(&left.1).then(left.0.product.cmp(&right.0.product))
    };
    if limit < scored.len() {
        scored.select_nth_unstable_by(limit, order);
        scored.truncate(limit);
    }
    scored.sort_unstable_by(order);
    scored
}
