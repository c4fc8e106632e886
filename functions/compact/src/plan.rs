//! Which files of a partition to put together.

use std::collections::BTreeMap;

use shopflow_lake::FileEntry;

/// When a file is small, and how large a merged one may get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) target_bytes: u64,
    /// A partition with fewer small files is healthy.
    pub(crate) min_small_files: usize,
    /// A month with more bytes is kept by day: files of different days stay apart.
    pub(crate) month_bytes: u64,
}

impl Limits {
    fn is_small(&self, file: &FileEntry) -> bool {
        file.bytes < self.target_bytes / 2
    }
}

/// Bins of small files, each to become one file; empty for a healthy partition.
///
/// First-fit decreasing: at most one bin of a unit stays under half of the target. Within a bin the
/// files are sorted by key, so the order of the merged rows does not depend on the packing.
pub(crate) fn bins(files: &[FileEntry], limits: Limits) -> Vec<Vec<FileEntry>> {
    units(files, limits).into_iter().flat_map(|unit| bins_of(unit, limits)).collect()
}

/// The files that may be put together: all of a partition, or those of each day of a month that is
/// kept by day. There, files of several days are left to `transform`, which cuts them by day when it
/// touches them.
fn units(files: &[FileEntry], limits: Limits) -> Vec<Vec<&FileEntry>> {
    let mut days: BTreeMap<_, Vec<&FileEntry>> = BTreeMap::new();
    for file in files {
        if let Some(day) = file.only_day() {
            days.entry(day).or_default().push(file);
        }
    }
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    if days.is_empty() || bytes <= limits.month_bytes {
        return vec![files.iter().collect()];
    }
    days.into_values().collect()
}

fn bins_of(files: Vec<&FileEntry>, limits: Limits) -> Vec<Vec<FileEntry>> {
    let mut small: Vec<&FileEntry> =
        files.into_iter().filter(|file| limits.is_small(file)).collect();
    if small.len() < limits.min_small_files {
        return Vec::new();
    }
    small.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
    let mut bins: Vec<(u64, Vec<FileEntry>)> = Vec::new();
    for file in small {
        let fits = bins.iter_mut().find(|(bytes, _)| bytes + file.bytes <= limits.target_bytes);
        match fits {
            Some((bytes, bin)) => {
                *bytes += file.bytes;
                bin.push(file.clone());
            }
            None => bins.push((file.bytes, vec![file.clone()])),
        }
    }
    bins.retain(|(_, bin)| bin.len() > 1);
    bins.into_iter()
        .map(|(_, mut bin)| {
            bin.sort();
            bin
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shopflow_lake::DayRange;

    fn file(name: usize, bytes: u64) -> FileEntry {
        let key = format!("t/{name:04}");
        FileEntry { key, bytes, rows: bytes, sha256: String::new(), days: None }
    }

    fn of_days(file: FileEntry, first: u32, last: u32) -> FileEntry {
        let day = |day| chrono::NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        file.with_days(Some(DayRange { first: day(first), last: day(last) }))
    }

    fn files(sizes: &[u64]) -> Vec<FileEntry> {
        sizes.iter().enumerate().map(|(name, bytes)| file(name, *bytes)).collect()
    }

    const LIMITS: Limits = Limits { target_bytes: 100, min_small_files: 3, month_bytes: 1000 };

    #[test]
    fn a_partition_with_few_small_files_is_healthy() {
        assert!(bins(&files(&[10, 10, 90, 60, 50]), LIMITS).is_empty());
        assert!(bins(&[], LIMITS).is_empty());
    }

    #[test]
    fn files_of_half_the_target_stay_as_they_are() {
        let bins = bins(&files(&[10, 50, 10, 10]), LIMITS);
        assert_eq!(bins, [vec![file(0, 10), file(2, 10), file(3, 10)]]);
    }

    #[test]
    fn merged_files_are_sorted_by_key_whatever_their_sizes() {
        let bins = bins(&files(&[1, 30, 2]), LIMITS);
        assert_eq!(bins, [vec![file(0, 1), file(1, 30), file(2, 2)]]);
    }

    /// Three files of each day of a week, and one of them all.
    fn week(of_all: u64) -> Vec<FileEntry> {
        let mut files = vec![of_days(file(99, of_all), 1, 7)];
        let days = (0..21).map(|number| (number, 1 + number as u32 / 3));
        files.extend(days.map(|(number, day)| of_days(file(number, 1), day, day)));
        files
    }

    #[test]
    fn a_month_that_is_kept_by_day_stays_so() {
        let bins = bins(&week(1000), LIMITS);
        assert_eq!(bins.len(), 7);
        for bin in bins {
            assert_eq!(bin.len(), 3);
            assert!(bin.iter().all(|file| file.only_day() == bin[0].only_day()), "{bin:?}");
        }
    }

    #[test]
    fn files_of_a_smaller_month_are_put_together_whatever_their_days() {
        let bins = bins(&week(20), LIMITS);
        assert_eq!(bins.iter().map(Vec::len).collect::<Vec<_>>(), [22]);
    }

    #[test]
    fn tables_that_record_no_days_are_packed_by_size_however_large_they_are() {
        let bins = bins(&files(&[2000, 10, 10, 10]), LIMITS);
        assert_eq!(bins, [vec![file(1, 10), file(2, 10), file(3, 10)]]);
    }

    proptest! {
        #[test]
        fn bins_hold_each_small_file_at_most_once_and_never_too_much(
            sizes in prop::collection::vec(1_u64..120, 0..60),
        ) {
            let all = files(&sizes);
            let bins = bins(&all, LIMITS);
            let mut seen = std::collections::BTreeSet::new();
            for bin in &bins {
                prop_assert!(bin.len() > 1);
                prop_assert!(bin.iter().map(|file| file.bytes).sum::<u64>() <= 100);
                for file in bin {
                    prop_assert!(file.bytes < 50);
                    prop_assert!(seen.insert(file.key.clone()), "{} twice", file.key);
                }
            }
            // At most one small file is left alone: two could have shared a bin.
            let small = all.iter().filter(|file| file.bytes < 50).count();
            prop_assert!(small < 3 || small - seen.len() <= 1);
        }
    }
}
