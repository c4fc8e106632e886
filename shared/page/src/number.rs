//! Numbers as people read them.

/// A whole number with thousands separators: `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number for a label: `950`, `46.7k`, `1.2M`; two places below ten.
pub fn compact(number: f64) -> String {
    let size = number.abs();
    match size {
        _ if size >= 999_950_000.0 => format!("{:.1}B", number / 1e9),
        _ if size >= 999_950.0 => format!("{:.1}M", number / 1e6),
        _ if size >= 9_999.5 => format!("{:.1}k", number / 1e3),
        _ if size >= 10.0 || number.fract() == 0.0 => thousands_decimal(&format!("{number:.0}")),
        _ => format!("{number:.2}"),
    }
}

/// A decimal in text form with thousands separators: `-1234.50` becomes `-1,234.50`.
pub fn thousands_decimal(number: &str) -> String {
    let (sign, unsigned) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let Ok(whole) = whole.parse::<u64>() else { return number.to_owned() };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", thousands(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_on_both_sides_of_zero() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands_decimal("-1234.50"), "-1,234.50");
        assert_eq!(thousands_decimal("NaN"), "NaN");
    }

    #[test]
    fn labels_are_short_and_do_not_round_up_to_four_digits() {
        let labels = [3.456, 7.0, 45.6, 9_999.0, 12_345.0, 999_949.0, 999_950.0, 2.5e9, -1_500.0];
        let shown = ["3.46", "7", "46", "9,999", "12.3k", "999.9k", "1.0M", "2.5B", "-1,500"];
        assert_eq!(labels.map(compact), shown);
    }
}
