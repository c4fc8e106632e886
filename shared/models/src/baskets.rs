//! Baskets: which products came together, whatever "together" means to the caller (one customer's
//! purchases of a day, one visitor's session).
//!
//! Baskets are kept as runs of small numbers, four bytes per product and four per basket. What
//! does not fit into the memory given goes to a temporary file, which is only ever read from
//! beginning to end.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Baskets with more products than this are not shopping baskets but imports or tests; their
/// pairs would outweigh everybody else's (and grow with the square), so only their products count.
pub const MAX_PRODUCTS: usize = 1000;

/// Collects baskets.
#[derive(Debug)]
pub struct Builder {
    numbers: HashMap<i64, u32, BuildHasherDefault<Mixer>>,
    products: Vec<i64>,
    /// Baskets that have the product, by its number.
    counts: Vec<u32>,
    baskets: u64,
    oversized: u64,
    sequence: Vec<u32>,
    memory: usize,
    spilled: Option<BufWriter<NamedTempFile>>,
    lines: Vec<(u64, u32)>,
}

/// Collected baskets. Products are numbered in the order of their ids.
#[derive(Debug)]
pub struct Baskets {
    products: Vec<i64>,
    counts: Vec<u32>,
    baskets: u64,
    oversized: u64,
    /// From the numbers in `sequence` and `spilled` to those of `products`.
    ranks: Vec<u32>,
    sequence: Vec<u32>,
    spilled: Option<NamedTempFile>,
}

impl Builder {
    /// A builder that keeps about `memory` bytes of baskets and puts the rest into a temporary
    /// file.
    pub fn new(memory: usize) -> Builder {
        Builder {
            numbers: HashMap::default(),
            products: Vec::new(),
            counts: Vec::new(),
            baskets: 0,
            oversized: 0,
            sequence: Vec::new(),
            memory,
            spilled: None,
            lines: Vec::new(),
        }
    }

    /// Adds whole baskets: `lines` are (basket, product), in any order, the same product of a
    /// basket any number of times. Names of baskets mean something within one call only.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn add(&mut self, lines: impl IntoIterator<Item = (u64, i64)>) -> io::Result<()> {
        let mut sorted = std::mem::take(&mut self.lines);
        sorted.clear();
        sorted.extend(lines.into_iter().map(|(basket, product)| (basket, self.number(product))));
        sorted.sort_unstable();
        sorted.dedup();
        for basket in sorted.chunk_by(|left, right| left.0 == right.0) {
            self.baskets += 1;
            for (_, product) in basket {
                self.counts[*product as usize] += 1;
            }
            if basket.len() > MAX_PRODUCTS {
                self.oversized += 1;
            } else if basket.len() > 1 {
                self.sequence.push(basket.len() as u32);
                self.sequence.extend(basket.iter().map(|(_, product)| product));
            }
        }
        self.lines = sorted;
        if self.sequence.len() * size_of::<u32>() > self.memory {
            self.spill()?;
        }
        Ok(())
    }

    /// The baskets added.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn finish(self) -> io::Result<Baskets> {
        let mut order: Vec<u32> = (0..self.products.len() as u32).collect();
        order.sort_unstable_by_key(|number| self.products[*number as usize]);
        let mut ranks = vec![0; order.len()];
        for (rank, number) in (0u32..).zip(&order) {
            ranks[*number as usize] = rank;
        }
        let spilled = match self.spilled {
            Some(file) => Some(file.into_inner().map_err(io::IntoInnerError::into_error)?),
            None => None,
        };
        Ok(Baskets {
            products: order.iter().map(|number| self.products[*number as usize]).collect(),
            counts: order.iter().map(|number| self.counts[*number as usize]).collect(),
            baskets: self.baskets,
            oversized: self.oversized,
            ranks,
            sequence: self.sequence,
            spilled,
        })
    }

    fn number(&mut self, product: i64) -> u32 {
        *self.numbers.entry(product).or_insert_with(|| {
            self.products.push(product);
            self.counts.push(0);
            self.products.len() as u32 - 1
        })
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.spilled {
            Some(file) => file,
            None => self.spilled.insert(BufWriter::with_capacity(1 << 18, NamedTempFile::new()?)),
        };
        for number in self.sequence.drain(..) {
            file.write_all(&number.to_le_bytes())?;
        }
        Ok(())
    }
}

impl Baskets {
    /// Ids of the products, ascending; a product's number is its place here.
    pub fn products(&self) -> &[i64] {
        &self.products
    }

    /// Baskets that have each product.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Number of baskets, those of a single product included.
    pub fn baskets(&self) -> u64 {
        self.baskets
    }

    /// Baskets of more than [`MAX_PRODUCTS`] products, which count for their products but not
    /// for pairs.
    pub fn oversized(&self) -> u64 {
        self.oversized
    }

    /// Shows every basket of two products or more, as numbers of products in no order.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn for_each(&self, mut visit: impl FnMut(&[u32])) -> io::Result<()> {
        let mut basket = Vec::with_capacity(MAX_PRODUCTS);
        let mut rest = self.sequence.as_slice();
        while let Some((length, after)) = rest.split_first() {
            let (products, next) = after.split_at(*length as usize);
            basket.clear();
            basket.extend(products.iter().map(|number| self.ranks[*number as usize]));
            visit(&basket);
            rest = next;
        }
        match &self.spilled {
            Some(file) => self.for_each_spilled(file.path(), &mut basket, visit),
            None => Ok(()),
        }
    }

    fn for_each_spilled(
        &self,
        path: &Path,
        basket: &mut Vec<u32>,
        mut visit: impl FnMut(&[u32]),
    ) -> io::Result<()> {
        let mut file = BufReader::with_capacity(1 << 18, File::open(path)?);
        let mut number = [0; 4];
        loop {
            match file.read_exact(&mut number) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
            basket.clear();
            for _ in 0..u32::from_le_bytes(number) {
                file.read_exact(&mut number)?;
                basket.push(self.ranks[u32::from_le_bytes(number) as usize]);
            }
            visit(basket);
        }
    }
}

/// A hash of one integer: ids are dense, so one multiplication spreads them well enough.
#[derive(Debug, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_i64(&mut self, value: i64) {
        self.write_u64(value as u64);
    }
}
