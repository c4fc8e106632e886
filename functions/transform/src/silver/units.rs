//! Which files of a month are merged together with which incoming days.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use shopflow_lake::{FileEntry, Layout};

/// Incoming days and the files that may hold rows of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub days: BTreeSet<NaiveDate>,
    /// Replaced when existing rows change.
    pub files: Vec<FileEntry>,
    /// Rows that are added are written together with those that are there.
    pub whole: bool,
    /// Each day is written as a file of its own.
    pub by_day: bool,
}

/// Divides the merge of some days into a month with these files.
///
/// A month up to the size of [`Layout::month_bytes`] is one unit. In a larger one each day is a
/// unit of its own; days that share a file, because the month was smaller once, come together, and
/// their file is cut by day.
pub fn plan(files: &[FileEntry], days: &BTreeSet<NaiveDate>, layout: Layout) -> Vec<Unit> {
    let small = |files: &[FileEntry]| bytes_of(files) <= layout.file_bytes;
    if bytes_of(files) <= layout.month_bytes {
        let whole = small(files);
        let touched = files.iter().filter(|file| whole || file.may_hold(days));
        let files = touched.cloned().collect();
        return vec![Unit { days: days.clone(), files, whole, by_day: false }];
    }
    let touched = files.iter().filter(|file| file.may_hold(days)).cloned();
    let (of_one_day, of_several): (Vec<FileEntry>, Vec<FileEntry>) =
        touched.partition(|file| file.only_day().is_some());
    let shares_file = |day: &&NaiveDate| {
        let holds = |file: &FileEntry| file.days.is_none_or(|range| range.holds(**day));
        of_several.iter().any(holds)
    };
    let (together, apart): (Vec<&NaiveDate>, Vec<&NaiveDate>) = days.iter().partition(shares_file);
    let files_of = |days: &BTreeSet<NaiveDate>| -> Vec<FileEntry> {
        of_one_day.iter().filter(|file| file.may_hold(days)).cloned().collect()
    };
    let mut units = Vec::new();
    if !together.is_empty() {
        let days: BTreeSet<NaiveDate> = together.into_iter().copied().collect();
        let files = of_several.iter().cloned().chain(files_of(&days)).collect();
        units.push(Unit { days, files, whole: true, by_day: true });
    }
    units.extend(apart.into_iter().map(|day| {
        let days = BTreeSet::from([*day]);
        let files = files_of(&days);
        let whole = small(&files);
        Unit { days, files, whole, by_day: true }
    }));
    units
}

/// Encoded bytes of files.
pub fn bytes_of(files: &[FileEntry]) -> u64 {
    files.iter().map(|file| file.bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_lake::DayRange;

    const LAYOUT: Layout = Layout { month_bytes: 100, file_bytes: 10 };

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
    }

    fn days<const N: usize>(numbers: [u32; N]) -> BTreeSet<NaiveDate> {
        numbers.into_iter().map(day).collect()
    }

    fn file(bytes: u64, days: Option<(u32, u32)>) -> FileEntry {
        let days = days.map(|(first, last)| DayRange { first: day(first), last: day(last) });
        let key = format!("{bytes} bytes of {days:?}");
        FileEntry { key, bytes, rows: 1, sha256: String::new(), days }
    }

    #[test]
    fn a_small_month_is_one_file_whichever_days_come() {
        let files = [file(4, Some((1, 2))), file(5, Some((9, 9)))];
        let units = plan(&files, &days([3, 30]), LAYOUT);
        let expected =
            Unit { days: days([3, 30]), files: files.to_vec(), whole: true, by_day: false };
        assert_eq!(units, [expected]);
    }

    #[test]
    fn of_a_larger_month_only_files_with_touched_days_are_read() {
        let files = [file(50, Some((1, 20))), file(20, Some((21, 21))), file(20, None)];
        let units = plan(&files, &days([5]), LAYOUT);
        let touched = vec![files[0].clone(), files[2].clone()];
        assert_eq!(units, [Unit { days: days([5]), files: touched, whole: false, by_day: false }]);
    }

    #[test]
    fn in_a_month_by_day_each_day_is_merged_by_itself() {
        let files = [file(90, Some((1, 1))), file(9, Some((2, 2))), file(60, Some((3, 3)))];
        let units = plan(&files, &days([1, 2, 4]), LAYOUT);
        let of = |number: u32, files: &[FileEntry], whole| Unit {
            days: days([number]),
            files: files.to_vec(),
            whole,
            by_day: true,
        };
        let expected = [of(1, &files[..1], false), of(2, &files[1..2], true), of(4, &[], true)];
        assert_eq!(units, expected);
    }

    #[test]
    fn a_month_that_has_outgrown_one_file_is_cut_when_its_days_are_touched() {
        let files = [file(99, Some((1, 20))), file(3, Some((5, 5))), file(3, Some((25, 25)))];
        let units = plan(&files, &days([5, 25]), LAYOUT);
        let cut = Unit { days: days([5]), files: files[..2].to_vec(), whole: true, by_day: true };
        let apart = Unit { days: days([25]), files: files[2..].to_vec(), ..cut.clone() };
        assert_eq!(units, [cut, apart]);
        // Elsewhere it stays as it is.
        let units = plan(&files, &days([25]), LAYOUT);
        assert_eq!(units.len(), 1);
        assert_eq!(units[0].files, files[2..]);
    }
}
