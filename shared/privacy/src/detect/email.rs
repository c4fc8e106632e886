//! E-mail addresses: the dot-atom form of RFC 5322 with the lengths of RFC 5321.
//!
//! Quoted local parts and address literals (`"a b"@[192.0.2.1]`) are legal and not recognised.

use memchr::{memchr, memchr_iter};

/// Endings of file names that follow an `@` (`logo@2x.png`) and are no top-level domain.
const FILE_ENDINGS: [&[u8]; 10] =
    [b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js", b"html", b"pdf"];

/// True when the whole value is an address.
pub(super) fn is_address(value: &[u8]) -> bool {
    let Some(at) = memchr(b'@', value) else { return false };
    value.len() <= 254 && is_local(&value[..at]) && is_domain(&value[at + 1..])
}

/// True when an address stands somewhere within the text.
pub(super) fn is_in_text(text: &[u8]) -> bool {
    memchr_iter(b'@', text).any(|at| {
        let start =
            text[..at].iter().rposition(|&byte| !is_local_byte(byte)).map_or(0, |end| end + 1);
        let rest = &text[at + 1..];
        let end = rest.iter().position(|&byte| !is_domain_byte(byte)).unwrap_or(rest.len());
        let domain = rest[..end].trim_ascii_end();
        let domain = domain.strip_suffix(b".").unwrap_or(domain);
        let local = text[start..at].iter().position(|&byte| byte != b'.').unwrap_or(0);
        // `user@host:path` is a repository, `//user@host` a URL.
        let next = rest.get(end).copied();
        let before = text[..start].last().copied();
        next != Some(b':')
            && before != Some(b'/')
            && next != Some(b'@')
            && is_local(&text[start + local..at])
            && is_domain(domain)
    })
}

fn is_local_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"!#$%&'*+-=?^_`{|}~.".contains(&byte)
}

fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || byte == b'-' || byte == b'.'
}

fn is_local(local: &[u8]) -> bool {
    (1..=64).contains(&local.len())
        && local.iter().all(|&byte| is_local_byte(byte))
        && local.split(|&byte| byte == b'.').all(|atom| !atom.is_empty())
}

fn is_domain(domain: &[u8]) -> bool {
    let mut labels = 0;
    let mut top: &[u8] = &[];
    for label in domain.split(|&byte| byte == b'.') {
        if label.is_empty() || label.len() > 63 || label.starts_with(b"-") || label.ends_with(b"-")
        {
            return false;
        }
        if !label.iter().all(|&byte| is_domain_byte(byte)) {
            return false;
        }
        labels += 1;
        top = label;
    }
    let known = top.starts_with(b"xn--")
        || (top.len() >= 2 && top.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80));
    labels >= 2 && known && !FILE_ENDINGS.iter().any(|ending| top.eq_ignore_ascii_case(ending))
}
