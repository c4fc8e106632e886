//! Masks. They keep what a reader needs to recognise the form of a value; they are no encryption,
//! have no key and cannot be undone.

/// Every letter becomes `x` or `X`, every digit `0`; ASCII punctuation and blanks stay, so that
/// length and form do. Whatever is not ASCII becomes `x`, or `X` for a capital.
///
/// ```
/// use shopflow_privacy::treatment::mask;
///
/// assert_eq!(mask::all("+44 20 7946 0018"), "+00 00 0000 0000");
/// assert_eq!(mask::all("SW1A 2AA"), "XX0X 0XX");
/// ```
pub fn all(value: &str) -> String {
    value.chars().map(mask).collect()
}

/// As [`all`], but the last four letters and digits stay where there are at least twelve, as
/// receipts show a card. Fewer would be a third or more of the value, and nothing stays.
///
/// ```
/// use shopflow_privacy::treatment::mask;
///
/// assert_eq!(mask::last_four("4111-1111-1111-1234"), "0000-0000-0000-1234");
/// assert_eq!(mask::last_four("078-05-1120"), "000-00-0000");
/// ```
pub fn last_four(value: &str) -> String {
    let counted = value.chars().filter(|letter| is_masked(*letter)).count();
    let hidden = if counted >= 12 { counted - 4 } else { counted };
    let mut seen = 0;
    value
        .chars()
        .map(|letter| {
            seen += usize::from(is_masked(letter));
            if seen > hidden { letter } else { mask(letter) }
        })
        .collect()
}

/// What stands for the hidden part of a value, or for all of it.
pub const HIDDEN: &str = "***";

/// `Ada Lovelace` becomes `A***`.
pub fn initial(value: &str) -> String {
    value.chars().take(1).chain(HIDDEN.chars()).collect()
}

/// As [`initial`], for screens and lists: an empty value stays empty, so that people see that
/// nothing was there.
pub fn initial_if_any(value: &str) -> String {
    if value.is_empty() { String::new() } else { initial(value) }
}

/// `ada@example.com` becomes `a***@example.com`; what has nothing before an `@`
/// becomes `***`.
pub fn initial_and_domain(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() => format!("{}@{domain}", initial(local)),
        _ => HIDDEN.to_owned(),
    }
}

fn is_masked(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || !letter.is_ascii()
}

fn mask(letter: char) -> char {
    match letter {
        '0'..='9' => '0',
        'A'..='Z' => 'X',
        'a'..='z' => 'x',
        _ if letter.is_ascii() => letter,
        _ if letter.is_uppercase() => 'X',
        _ => 'x',
    }
}
