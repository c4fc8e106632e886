//! Addresses of computers: IPv4, IPv6 (RFC 4291) and MAC.

use std::net::Ipv6Addr;

use crate::rule::{Matches, Rule};

/// Digits and three dots.
pub(super) fn ipv4(value: &[u8], matches: &mut Matches) {
    let mut octets = [0; 4];
    let mut parts = value.split(|&byte| byte == b'.');
    for octet in &mut octets {
        let Some(number) = parts.next().and_then(decimal_octet) else { return };
        *octet = number;
    }
    // 10/8 and 127/8 are the networks of small numbers that people do write.
    let version_like = octets.iter().all(|&octet| octet < 64) && octets[0] != 10;
    match version_like {
        true => matches.add(Rule::Ipv4VersionLike),
        false => matches.add(Rule::Ipv4),
    }
}

fn decimal_octet(text: &[u8]) -> Option<u8> {
    let leading_zero = text.len() > 1 && text[0] == b'0';
    if text.is_empty() || text.len() > 3 || leading_zero {
        return None;
    }
    let number = text.iter().fold(0, |number, byte| number * 10 + u32::from(byte - b'0'));
    u8::try_from(number).ok()
}

/// Values with colons, or with the separators of a MAC address.
pub(super) fn hexadecimal(value: &[u8], matches: &mut Matches) {
    if is_mac(value) {
        matches.add(Rule::MacOctets);
        return;
    }
    let possible = value.len() <= 45
        && value.len() > 2
        && value.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    let parsed = possible.then_some(value).and_then(|text| std::str::from_utf8(text).ok());
    matches.add_if(parsed.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok()), Rule::Ipv6);
}

/// `00:1A:2b:3c:4d:5e`, `00-1A-…` or `001a.2b3c.4d5e`.
fn is_mac(value: &[u8]) -> bool {
    let (group, separator) = match value.len() {
        17 => (2, value[2]),
        14 => (4, value[4]),
        _ => return false,
    };
    let fits = match group {
        2 => matches!(separator, b':' | b'-'),
        _ => separator == b'.',
    };
    fits && value.iter().enumerate().all(|(place, &byte)| match place % (group + 1) == group {
        true => byte == separator,
        false => byte.is_ascii_hexdigit(),
    })
}
