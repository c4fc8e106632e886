//! Blanks: spaces and tabs.

/// True for what counts as no value at all.
pub fn is_blank(value: &[u8]) -> bool {
    value.iter().all(|byte| is_blank_byte(*byte))
}

fn is_blank_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The value without blanks around it.
pub fn trimmed(value: &[u8]) -> &[u8] {
    let from = value.iter().position(|byte| !is_blank_byte(*byte)).unwrap_or(value.len());
    let to = value.iter().rposition(|byte| !is_blank_byte(*byte)).map_or(from, |last| last + 1);
    &value[from..to]
}
