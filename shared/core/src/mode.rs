//! How a departure from what is defined is met, in the terms of dlt's schema contracts.

/// How a departure from the schema is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is accepted: unknown columns are kept in bronze and loaded into `core` (`extra`).
    Evolve,
    /// The file is rejected.
    Freeze,
    /// The row is quarantined.
    DiscardRow,
    /// The value is left out and counted; the row goes on if it can do without.
    DiscardValue,
}

const MODES: [(&str, Mode); 4] = [
    ("evolve", Mode::Evolve),
    ("freeze", Mode::Freeze),
    ("discard_row", Mode::DiscardRow),
    ("discard_value", Mode::DiscardValue),
];

impl Mode {
    pub(crate) fn parse(name: &str) -> Option<Mode> {
        MODES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode)
    }

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        MODES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }
}
