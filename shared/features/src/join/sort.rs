//! Sorting rows by a number, and texts into numbers.

use arrow::array::StringArray;

/// A row under 32 bits, of which greater ones come later and the same are equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placed(u64);

impl Placed {
    pub fn new(code: u32, row: u32) -> Placed {
        Placed((u64::from(code) << 32) | u64::from(row))
    }

    pub fn code(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub fn row(self) -> u32 {
        self.0 as u32
    }
}

/// Bits that one pass sorts by: its counters stay in the fastest cache.
const BITS: u32 = 11;
const BUCKETS: usize = 1 << BITS;
/// Fewer are sorted by comparing.
const FEW: usize = 1 << 12;

/// Sorts rows by their codes; rows with the same keep their order, which must be that of the rows.
pub(super) fn sort_rows(codes: &[u64], rows: &[u32]) -> Vec<Placed> {
    let (least, greatest) = codes
        .iter()
        .fold((u64::MAX, 0), |(least, greatest), code| (least.min(*code), greatest.max(*code)));
    let span = greatest.saturating_sub(least);
    let bits = u64::BITS - span.leading_zeros();
    let each = codes.iter().map(|code| code - least).zip(rows);
    if bits <= u32::BITS {
        let placed = each.map(|(code, row)| Placed::new(code as u32, *row)).collect();
        return radix(placed, bits, |placed: &Placed| u64::from(placed.code()));
    }
    let sorted = radix(each.map(|(code, row)| (code, *row)).collect(), bits, |pair| pair.0);
    let mut rank = 0;
    let ranked = sorted.iter().enumerate().map(|(at, (code, row))| {
        rank += u32::from(at > 0 && sorted[at - 1].0 != *code);
        Placed::new(rank, *row)
    });
    ranked.collect()
}

/// Sorts by the lower `bits` of what the items are sorted by.
fn radix<T: Copy + Default + Ord>(
    mut items: Vec<T>,
    bits: u32,
    code: impl Fn(&T) -> u64,
) -> Vec<T> {
    if items.len() < FEW {
        items.sort_unstable();
        return items;
    }
    let mut other = vec![T::default(); items.len()];
    for pass in 0..bits.div_ceil(BITS) {
        let digit = |item: &T| (code(item) >> (pass * BITS)) as usize % BUCKETS;
        let mut places = [0_u32; BUCKETS];
        for item in &items {
            places[digit(item)] += 1;
        }
        let mut before = 0;
        for place in &mut places {
            (*place, before) = (before, before + *place);
        }
        for item in &items {
            let place = &mut places[digit(item)];
            other[*place as usize] = *item;
            *place += 1;
        }
        std::mem::swap(&mut items, &mut other);
    }
    items
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
    let places: Vec<u32> = (0..rows.len() as u32).collect();
    let heads = places.iter().map(|at| head(&text(*at).as_bytes()[common..]));
    let mut sorted = sort_rows(&heads.collect::<Vec<u64>>(), &places);
    let mut ranks = vec![0; rows.len()];
    let mut rank = 0;
    for group in sorted.chunk_by_mut(|one, other| one.code() == other.code()) {
        let sample = text(group[0].row());
        if group.iter().any(|placed| text(placed.row()) != sample) {
            group.sort_unstable_by(|one, other| text(one.row()).cmp(text(other.row())));
        }
        let mut last = text(group[0].row());
        for placed in group {
            let this = text(placed.row());
            rank += u64::from(this != last);
            last = this;
            ranks[placed.row() as usize] = rank;
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
    fn many_rows_are_sorted_and_those_with_the_same_code_keep_their_order() {
        for (shift, count) in [(0, 20_000_u32), (20, 20_000), (44, 20_000), (60, 20_000), (0, 9)] {
            let rows: Vec<u32> = (0..count).collect();
            let codes: Vec<u64> = rows
                .iter()
                .map(|row| u64::from(row / 3).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift)
                .collect();
            let mut expected: Vec<(u64, u32)> = codes.iter().copied().zip(rows.clone()).collect();
            expected.sort_unstable();
            let sorted = sort_rows(&codes, &rows);
            let found = sorted.iter().map(|placed| (codes[placed.row() as usize], placed.row()));
            assert!(found.eq(expected), "{shift}");
            for pair in sorted.windows(2) {
                let same = codes[pair[0].row() as usize] == codes[pair[1].row() as usize];
                assert_eq!(pair[0].code() == pair[1].code(), same);
            }
        }
        assert!(sort_rows(&[], &[]).is_empty());
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
