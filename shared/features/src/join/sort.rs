//! Sorting rows by a number, and texts into numbers.

use arrow::array::StringArray;

/// What a row is sorted by, and the row.
pub(super) type Pair = (u64, u32);

/// Bits that one pass sorts by: its counters stay in the fastest cache.
const BITS: u32 = 11;
const BUCKETS: usize = 1 << BITS;
/// Fewer are sorted by comparing.
const FEW: usize = 1 << 12;

/// Sorts by the number; equal ones keep their order, which must be that of their rows.
pub(super) fn sort_pairs(mut pairs: Vec<Pair>) -> Vec<Pair> {
    if pairs.len() < FEW {
        pairs.sort_unstable();
        return pairs;
    }
    let least = pairs.iter().map(|pair| pair.0).min().unwrap_or(0);
    let greatest = pairs.iter().map(|pair| pair.0).max().unwrap_or(0);
    let passes = (u64::BITS - (greatest - least).leading_zeros()).div_ceil(BITS);
    let mut other = vec![(0, 0); pairs.len()];
    for pass in 0..passes {
        let digit = |pair: &Pair| ((pair.0 - least) >> (pass * BITS)) as usize % BUCKETS;
        let mut places = [0_u32; BUCKETS];
        for pair in &pairs {
            places[digit(pair)] += 1;
        }
        let mut before = 0;
        for place in &mut places {
            (*place, before) = (before, before + *place);
        }
        for pair in &pairs {
            let place = &mut places[digit(pair)];
            other[*place as usize] = *pair;
            *place += 1;
        }
        std::mem::swap(&mut pairs, &mut other);
    }
    pairs
}

/// For each of the rows, in their order, the rank of its text among the different ones.
pub(super) fn text_ranks(texts: &StringArray, rows: &[u32]) -> Vec<u64> {
    let text = |at: u32| texts.value(rows[at as usize] as usize);
    let Some(first) = rows.first() else { return Vec::new() };
    let first = texts.value(*first as usize).as_bytes();
    // What all begin with, as numbers with a prefix do, says nothing about the order.
    let common = rows.iter().fold(first.len(), |common, row| {
        let other = texts.value(*row as usize).as_bytes();
        first[..common].iter().zip(other).take_while(|(one, other)| one == other).count()
    });
    let heads = (0..rows.len() as u32).map(|at| (head(&text(at).as_bytes()[common..]), at));
    let mut sorted = sort_pairs(heads.collect());
    let mut ranks = vec![0; rows.len()];
    let mut rank = 0;
    for group in sorted.chunk_by_mut(|one, other| one.0 == other.0) {
        let sample = text(group[0].1);
        if group.iter().any(|(_, at)| text(*at) != sample) {
            group.sort_unstable_by(|(_, one), (_, other)| text(*one).cmp(text(*other)));
        }
        let mut last = text(group[0].1);
        for (_, at) in group {
            let this = text(*at);
            rank += u64::from(this != last);
            last = this;
            ranks[*at as usize] = rank;
        }
        rank += 1;
    }
    ranks
}

/// The first eight bytes as a number that sorts as they do.
fn head(bytes: &[u8]) -> u64 {
    let mut head = [0; 8];
    let length = bytes.len().min(8);
    head[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_pairs_are_sorted_and_equal_ones_keep_their_order() {
        for shift in [0, 20, 44, 60] {
            let pairs: Vec<Pair> = (0..20_000_u32)
                .map(|row| (u64::from(row).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift, row))
                .collect();
            let mut expected = pairs.clone();
            expected.sort_unstable();
            assert_eq!(sort_pairs(pairs), expected, "{shift}");
        }
    }

    #[test]
    fn texts_rank_by_their_bytes() {
        let texts =
            vec!["id-b", "id-a", "id-a\0", "id-", "id-bbbbbbbbbbb", "id-bbbbbbbbbba", "id-a"];
        let array = StringArray::from(texts.clone());
        let rows: Vec<u32> = (0..texts.len() as u32).collect();
        let mut different = texts.clone();
        different.sort_unstable();
        different.dedup();
        let expected: Vec<u64> = texts
            .iter()
            .map(|text| different.iter().position(|it| it == text).unwrap() as u64)
            .collect();
        assert_eq!(text_ranks(&array, &rows), expected);
        assert!(text_ranks(&array, &[]).is_empty());
    }
}
