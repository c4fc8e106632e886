//! Texts of a column.

use arrow::buffer::{Buffer, ScalarBuffer};

/// Texts one after the other.
#[derive(Debug, Clone)]
pub struct Text {
    offsets: ScalarBuffer<i32>,
    bytes: Buffer,
    ascii: bool,
}

impl Text {
    /// Texts in UTF-8 between consecutive `offsets` of `bytes`.
    pub fn new(offsets: Vec<i32>, bytes: Vec<u8>) -> Text {
        Text::shared(ScalarBuffer::from(offsets), Buffer::from_vec(bytes))
    }

    pub(super) fn shared(offsets: ScalarBuffer<i32>, bytes: Buffer) -> Text {
        let first = offsets.first().map_or(0, |at| *at as usize);
        let last = offsets.last().map_or(0, |at| *at as usize);
        let ascii = bytes.as_slice()[first..last].is_ascii();
        Text { offsets, bytes, ascii }
    }

    /// Text of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes.as_slice()[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// All texts, and perhaps more.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Where the text of a row begins and ends in [`Text::bytes`].
    #[inline]
    pub(crate) fn span(&self, row: usize) -> (usize, usize) {
        (self.offsets[row] as usize, self.offsets[row + 1] as usize)
    }

    /// How many bytes every text has, in order.
    #[inline]
    pub(crate) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize)
    }

    /// Every text in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes.as_slice();
        self.offsets.windows(2).map(|pair| &bytes[pair[0] as usize..pair[1] as usize])
    }

    /// The ends of all texts, from 0 on, and the bytes.
    pub(crate) fn into_parts(self) -> (ScalarBuffer<i32>, Buffer) {
        (self.offsets, self.bytes)
    }

    /// True when no text has a byte over 127.
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }
}
