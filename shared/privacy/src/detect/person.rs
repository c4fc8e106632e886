//! Names of persons. No check digit helps here: the shape of the words and a dictionary are
//! evidence of stated strength, and the name of the column is most of the rest.

use super::words;
use crate::rule::{Matches, Rule};

const MOST_WORDS: usize = 5;

/// A value without digits.
pub(super) fn detect(value: &[u8], matches: &mut Matches) {
    if value.len() > 60 {
        return;
    }
    let mut parts: [&[u8]; MOST_WORDS] = [b""; MOST_WORDS];
    let mut count = 0;
    let mut reversed = false;
    for part in value.split(|&byte| byte == b' ').filter(|part| !part.is_empty()) {
        // `Lovelace, Ada`
        let part = match part.strip_suffix(b",") {
            Some(part) if count == 0 => {
                reversed = true;
                part
            }
            _ => part,
        };
        if count == 0 && words::is_title(part) || count > 0 && words::is_suffix(part) {
            continue;
        }
        let Some(slot) = parts.get_mut(count) else { return };
        *slot = part;
        count += 1;
    }
    let parts = &parts[..count];
    if count == 0 || count > 4 || (reversed && count < 2) || !parts.iter().all(|part| is_word(part))
    {
        return;
    }
    if parts.iter().any(|part| words::is_no_name(part)) {
        return;
    }
    let ambiguous = parts.iter().any(|part| words::is_surname_and_word(part));
    if ambiguous && !parts.iter().any(|part| words::is_given(part)) {
        return;
    }
    let shaped = parts.iter().all(|part| is_capitalised(part) || words::is_particle(part))
        || parts.iter().all(|part| part.iter().all(u8::is_ascii_uppercase));
    let (given, surname) = match reversed {
        true => (parts[count - 1], parts[0]),
        false => (parts[0], parts[count - 1]),
    };
    // The surname may be one that is a given name as well (Thomas, Martin), not the other way round.
    let known = (words::is_given(given), words::is_surname(surname));
    matches.add(match (count, shaped, known) {
        (1, true, (given, surname)) if given || surname => Rule::NameWord,
        (1, ..) => Rule::NameText,
        // Without capitals nothing but the dictionary speaks for a name.
        (_, _, (true, true)) => Rule::NameDictionary,
        (_, false, _) => Rule::NameText,
        (_, true, (false, true)) => Rule::NameSurname,
        (_, true, (true, false)) => Rule::NameGiven,
        (_, true, (false, false)) => Rule::NameShape,
    });
}

/// Letters, with apostrophes, hyphens and the dot of an initial inside.
fn is_word(part: &[u8]) -> bool {
    let letters = part.iter().all(|&byte| {
        byte.is_ascii_alphabetic() || byte >= 0x80 || matches!(byte, b'\'' | b'-' | b'.')
    });
    // A dot ends an initial (`J.`, `J.R.`) or it is no name (`example.com`).
    let initials = part.split(|&byte| byte == b'.').all(|initial| initial.len() <= 2);
    letters && !part.is_empty() && !part.starts_with(b"-") && (!part.contains(&b'.') || initials)
}

fn is_capitalised(part: &[u8]) -> bool {
    match part {
        [first, rest @ ..] if first.is_ascii_uppercase() || *first >= 0x80 => {
            // McDonald and O'Neill have a second capital; SKU and iPad are no names.
            rest.is_empty() || !rest.iter().all(u8::is_ascii_uppercase)
        }
        _ => false,
    }
}
