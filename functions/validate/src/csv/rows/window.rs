//! A part of a file whose commas, quotes and line feeds are indexed.

use crate::csv::index;

/// Bytes that are indexed at once: window and marks stay in the first-level cache.
const WINDOW: usize = 16 * 1024;

/// Part of a buffer and what is known about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    /// The buffer from the start of the window on; records may end behind the window.
    pub(super) rest: &'a [u8],
    pub(super) size: usize,
    pub(super) marks: &'a [u32],
    pub(super) ascii: bool,
    /// Nothing comes behind the buffer.
    pub(super) last: bool,
}

impl<'a> Window<'a> {
    /// The window at the start of `rest`; its marks are put into `marks`.
    #[inline]
    pub(super) fn index(rest: &'a [u8], last: bool, marks: &'a mut Vec<u32>) -> Self {
        let size = rest.len().min(WINDOW);
        let ascii = index::index(&rest[..size], marks);
        Window { rest, size, marks, ascii, last }
    }
}
