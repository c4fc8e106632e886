//! A search for what is near.

/// The first of `from..end` that is not before, where all that are before come first. Near ones are
/// found in few steps.
pub(super) fn gallop(from: usize, end: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (from, 1);
    while low + step <= end && is_before(low + step - 1) {
        low += step;
        step *= 2;
    }
    let mut high = end.min(low + step - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::gallop;

    #[test]
    fn gallop_finds_the_first_that_is_not_before() {
        for end in 0..40 {
            for from in 0..=end {
                for border in 0..=end + 2 {
                    let found = gallop(from, end, |at| at < border);
                    assert_eq!(found, border.clamp(from, end), "{from} {end} {border}");
                }
            }
        }
    }
}
