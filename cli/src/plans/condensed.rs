//! Plans as people read them: the same for the same data, and no longer than needed.

use std::fmt::Write;

/// A plan without what differs between two executions, and with one of the partitions of a table in
/// place of all of them.
pub fn condensed(lines: &[&str]) -> String {
    let varies = [
        "Planning Time:",
        "Execution Time:",
        "Memory Usage:",
        "Sort Method:",
        "Buckets:",
        "Batches:",
        "Storage:",
        "Window:",
        "Heap Fetches:",
        "Index Searches:",
    ];
    let mut text = String::new();
    // The last partition that was not, and its indent.
    let (mut last, mut of_last): (Option<String>, usize) = (None, 0);
    let mut more = 0;
    // Whatever is indented further belongs to a partition that is left out.
    let mut left_out = usize::MAX;
    for line in lines {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if indent > left_out || varies.iter().any(|start| content.starts_with(start)) {
            continue;
        }
        left_out = usize::MAX;
        let part = partition_scan(line);
        if part.is_some() && part == last {
            more += 1;
            left_out = indent;
            continue;
        }
        add_left_out(&mut text, &mut more);
        if part.is_some() || indent <= of_last {
            (last, of_last) = (part, indent);
        }
        // A scan that found less than a row a time says 0.50; whole numbers are easier to read.
        text.push_str(&line.replace(".00 loops", " loops"));
        text.push('\n');
    }
    add_left_out(&mut text, &mut more);
    text
}

/// Says how many partitions were left out, if any.
fn add_left_out(text: &mut String, more: &mut usize) {
    if *more > 0 {
        // Writing to a String does not fail.
        let partitions = if *more == 1 { "partition" } else { "partitions" };
        let _ = writeln!(text, "        … and {more} more {partitions}");
        *more = 0;
    }
}

/// The kind of scan and the table when a line scans a monthly partition: `…Seq Scan on fact_sales`.
fn partition_scan(line: &str) -> Option<String> {
    let (scan, rest) = line.split_once(" on fact_")?;
    let name = rest.split_whitespace().next()?;
    let is_month = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let table = match name.strip_suffix("_default") {
        Some(table) => table,
        None => {
            let (front, month) = name.rsplit_once('_')?;
            let (table, year) = front.rsplit_once('_')?;
            if !is_month(year) || month.len() != 2 {
                return None;
            }
            table
        }
    };
    let scan = scan.split(" using ").next()?;
    Some(format!("{scan} on fact_{table}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_shown_once_and_what_varies_not_at_all() {
        let lines = [
            "Append (actual rows=12.00 loops=1)",
            "  ->  Seq Scan on fact_sales_2025_01 f_1 (actual rows=4.00 loops=1)",
            "  ->  Seq Scan on fact_sales_2025_02 f_2 (actual rows=8.00 loops=1)",
            "  ->  Seq Scan on fact_sales_default f_3 (actual rows=0.00 loops=1)",
            "  ->  Bitmap Heap Scan on fact_sales_2025_01 f_1 (actual rows=4.00 loops=1)",
            "        ->  Bitmap Index Scan on fact_sales_2025_01_pkey (actual rows=4.00 loops=1)",
            "  ->  Bitmap Heap Scan on fact_sales_2025_02 f_2 (actual rows=8.00 loops=1)",
            "        ->  Bitmap Index Scan on fact_sales_2025_02_pkey (actual rows=8.00 loops=1)",
            "  ->  Seq Scan on dim_date d (actual rows=9.00 loops=1)",
            "        Buckets: 1024  Batches: 1  Memory Usage: 9kB",
            "Planning Time: 0.1 ms",
        ];
        assert_eq!(
            condensed(&lines),
            "Append (actual rows=12 loops=1)\n\
             \x20 ->  Seq Scan on fact_sales_2025_01 f_1 (actual rows=4 loops=1)\n\
             \x20       … and 2 more partitions\n\
             \x20 ->  Bitmap Heap Scan on fact_sales_2025_01 f_1 (actual rows=4 loops=1)\n\
             \x20       ->  Bitmap Index Scan on fact_sales_2025_01_pkey (actual rows=4 loops=1)\n\
             \x20       … and 1 more partition\n\
             \x20 ->  Seq Scan on dim_date d (actual rows=9 loops=1)\n"
        );
    }

    #[test]
    fn only_scans_of_months_are_partitions() {
        let scan = |name: &str| partition_scan(&format!("  ->  Seq Scan on {name} f"));
        assert_eq!(scan("fact_sales_2025_01"), scan("fact_sales_default"));
        assert_ne!(scan("fact_sales_2025_01"), scan("fact_sessions_2025_01"));
        assert_eq!(scan("fact_sales"), None);
        assert_eq!(scan("dim_date"), None);
    }
}
