//! Work on a few threads with results that do not depend on their number.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More threads than this gain nothing on the processors a Lambda function gets.
pub const MAX_THREADS: usize = 4;
/// Below this many elements a thread costs more than it gives.
const SORT_APART: usize = 1 << 16;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS))
}

/// Cuts `0..length` into pieces of `size` and works on them with as many threads as there are
/// processors. Results come in the order of the pieces, so a sum over them is the same for any
/// number of threads.
pub fn pieces<T: Send>(
    length: usize,
    size: usize,
    work: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let count = length.div_ceil(size);
    let piece = |number: usize| work(number * size..length.min((number + 1) * size));
    let workers = threads().min(count);
    if workers <= 1 {
        return (0..count).map(piece).collect();
    }
    let next = AtomicUsize::new(0);
    let labour = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return done;
            }
            done.push((number, piece(number)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(labour)).collect();
        let mut done = labour();
        for other in others {
            match other.join() {
                Ok(results) => done.extend(results),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Sorts; the halves of a large slice on two threads.
pub fn sort<T: Ord + Send + Clone>(values: &mut [T]) {
    if values.len() < SORT_APART || threads() < 2 {
        values.sort_unstable();
        return;
    }
    let middle = values.len() / 2;
    let (left, right) = values.split_at_mut(middle);
    std::thread::scope(|scope| {
        scope.spawn(|| right.sort_unstable());
        left.sort_unstable();
    });
    // The stable sort finds the two runs and merges them.
    values.sort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_order_and_cover_everything_once() {
        let ranges = pieces(1003, 10, |range| range);
        assert_eq!(ranges.len(), 101);
        assert!(ranges.iter().flat_map(Clone::clone).eq(0..1003));
        assert!(pieces(0, 10, |range| range).is_empty());
    }

    #[test]
    fn a_large_slice_is_sorted() {
        let mut values: Vec<u64> =
            (0..200_000u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20).collect();
        let mut expected = values.clone();
        expected.sort_unstable();
        sort(&mut values);
        assert_eq!(values, expected);
    }
}
