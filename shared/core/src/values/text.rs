//! Free text and e-mail addresses.

use super::blank::is_blank;
use crate::rules::Rule;

/// Longest address that can be delivered to (RFC 5321).
const EMAIL_BYTES: usize = 254;
const LOCAL_BYTES: usize = 64;
const LABEL_BYTES: usize = 63;

/// Non-blank text of at most `limit` bytes without control characters.
pub fn text(value: &[u8], limit: usize) -> Result<(), Rule> {
    let first = value.first().copied().unwrap_or(b' ');
    if first == b' ' && is_blank(value) {
        return Err(Rule::NullValue);
    }
    if value.len() > limit {
        return Err(Rule::TextTooLong);
    }
    if has_control_character(value) {
        return Err(Rule::ControlCharacter);
    }
    Ok(())
}

fn has_control_character(value: &[u8]) -> bool {
    // No early exit, so that the compiler can look at many bytes at once.
    let found = value.iter().fold(false, |found, byte| found | (*byte < 0x20) | (*byte == 0x7F));
    // U+0080 to U+009F are two bytes in UTF-8.
    found || value.windows(2).any(|pair| pair[0] == 0xC2 && pair[1] < 0xA0)
}

/// One `@`, a local part, a domain with a dot.
pub fn email(value: &[u8]) -> Result<(), Rule> {
    let at = memchr::memchr(b'@', value).ok_or(Rule::InvalidEmail)?;
    let (local, domain) = (&value[..at], &value[at + 1..]);
    if value.len() <= EMAIL_BYTES && is_local_part(local) && is_domain(domain) {
        return Ok(());
    }
    Err(Rule::InvalidEmail)
}

fn is_local_part(local: &[u8]) -> bool {
    let mut before = b'.';
    for &byte in local {
        let allowed = match byte {
            b'.' => before != b'.',
            b'@' | b',' | b';' | b':' | b'"' | b'<' | b'>' | b'(' | b')' | b'[' | b']' | b'\\' => {
                false
            }
            _ => byte > b' ' && byte != 0x7F,
        };
        if !allowed {
            return false;
        }
        before = byte;
    }
    before != b'.' && local.len() <= LOCAL_BYTES && !has_control_character(local)
}

fn is_domain(domain: &[u8]) -> bool {
    let mut labels = 0;
    for label in domain.split(|byte| *byte == b'.') {
        let (Some(first), Some(last)) = (label.first(), label.last()) else { return false };
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte >= 0x80;
        let valid = label.len() <= LABEL_BYTES
            && *first != b'-'
            && *last != b'-'
            && label.iter().all(allowed);
        if !valid {
            return false;
        }
        labels += 1;
    }
    labels >= 2 && !has_control_character(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_limited_in_bytes_and_free_of_control_characters() {
        assert_eq!(text(b"Ann Lee", 200), Ok(()));
        assert_eq!(text("Zoë Ångström".as_bytes(), 200), Ok(()));
        assert_eq!(text(&[b'x'; 200], 200), Ok(()));
        assert_eq!(text(&[b'x'; 201], 200), Err(Rule::TextTooLong));
        assert_eq!(text("é".repeat(101).as_bytes(), 201), Err(Rule::TextTooLong));
        for control in ["a\nb", "a\tb", "a\rb", "a\0b", "a\u{7f}b", "a\u{80}b", "a\u{9f}b"] {
            assert_eq!(text(control.as_bytes(), 200), Err(Rule::ControlCharacter), "{control:?}");
        }
        assert_eq!(text("a\u{a0}b".as_bytes(), 200), Ok(()));
        assert_eq!(text(b"   ", 200), Err(Rule::NullValue));
        assert_eq!(text(b"", 200), Err(Rule::NullValue));
    }

    #[test]
    fn addresses_have_one_at_sign_a_local_part_and_a_dotted_domain() {
        for good in [
            "a@b.co",
            "first.last+tag@sub.example.com",
            "o'brien@example.org",
            "zoë@exämple.org",
            "x@1-2.example",
        ] {
            assert_eq!(email(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "",
            "plain",
            "@example.com",
            "a@",
            "a@b",
            "a@@b.co",
            "a@b@c.co",
            "a b@c.co",
            "a@b .co",
            "a@b..co",
            "a@.b.co",
            "a@b.co.",
            "a@-b.co",
            "a@b-.co",
            "a@b_c.co",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.co",
            "a,b@c.co",
            "a\n@b.co",
            " a@b.co",
        ] {
            assert_eq!(email(bad.as_bytes()), Err(Rule::InvalidEmail), "{bad}");
        }
    }

    #[test]
    fn addresses_are_limited_in_length() {
        let local = "x".repeat(64);
        assert_eq!(email(format!("{local}@b.co").as_bytes()), Ok(()));
        assert_eq!(email(format!("{local}x@b.co").as_bytes()), Err(Rule::InvalidEmail));
        let label = "y".repeat(63);
        let domain = format!("{label}.{label}.{}", "y".repeat(61));
        assert_eq!(email(format!("{local}@{domain}").as_bytes()), Ok(()));
        assert_eq!(email(format!("{local}@{domain}y").as_bytes()), Err(Rule::InvalidEmail));
        assert_eq!(email(format!("a@{label}y.co").as_bytes()), Err(Rule::InvalidEmail));
    }
}
