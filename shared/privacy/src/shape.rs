//! What a value is made of: one table look-up and one addition per byte.

/// Longer values are text, in which only addresses of e-mail are looked for.
pub(crate) const LONGEST: usize = 255;

/// Counts of the classes of bytes in a value, eight bits each.
#[derive(Clone, Copy)]
pub(crate) struct Shape(u64);

const DIGIT: u32 = 0;
const LETTER: u32 = 1;
const AT: u32 = 2;
const COLON: u32 = 3;
const DOT: u32 = 4;
const SPACE: u32 = 5;
/// What telephone and card numbers are grouped with: `-`, `/`, `(`, `)`, `+`.
const GROUPING: u32 = 6;
const OTHER: u32 = 7;

const CLASSES: [u64; 256] = classes();

const fn classes() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let class = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            // Letters beyond ASCII count once per byte, which no rule minds.
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => LETTER,
            b'@' => AT,
            b':' => COLON,
            b'.' => DOT,
            b' ' => SPACE,
            b'-' | b'/' | b'(' | b')' | b'+' => GROUPING,
            _ => OTHER,
        };
        table[byte] = 1 << (class * 8);
        byte += 1;
    }
    table
}

impl Shape {
    /// The shape of at most [`LONGEST`] bytes.
    pub(crate) fn of(value: &[u8]) -> Self {
        Shape(value.iter().take(LONGEST).map(|&byte| CLASSES[usize::from(byte)]).sum())
    }

    fn count(self, class: u32) -> usize {
        (self.0 >> (class * 8)) as usize & 0xff
    }

    pub(crate) fn digits(self) -> usize {
        self.count(DIGIT)
    }

    pub(crate) fn letters(self) -> usize {
        self.count(LETTER)
    }

    pub(crate) fn ats(self) -> usize {
        self.count(AT)
    }

    pub(crate) fn colons(self) -> usize {
        self.count(COLON)
    }

    pub(crate) fn dots(self) -> usize {
        self.count(DOT)
    }

    pub(crate) fn spaces(self) -> usize {
        self.count(SPACE)
    }

    pub(crate) fn grouping(self) -> usize {
        self.count(GROUPING)
    }

    pub(crate) fn others(self) -> usize {
        self.count(OTHER)
    }
}
