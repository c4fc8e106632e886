//! Values as they stand in JSON.

use std::fmt::Write as _;

use serde_json::Value;

/// Appends a number.
pub(crate) fn put_number(number: u64, out: &mut String) {
    let _ = write!(out, "{number}");
}

/// Appends a text between quotes.
pub(crate) fn put_text(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<u64>(), text in any::<String>()) {
            let mut out = String::from("[");
            put_number(number, &mut out);
            out.push(',');
            put_text(&text, &mut out);
            out.push(']');
            let read: (u64, String) = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(read, (number, text));
        }
    }
}
