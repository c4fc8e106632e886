//! How many different values several sets have together.

use super::few::put;
use super::sketch::Sketch;
use super::{Distinct, EXACT, Form};

/// Places of a table that is half full with as many as are counted exactly.
const PLACES: usize = 2 * EXACT;

/// The memory for one union after the other.
#[derive(Debug)]
pub(crate) struct Union {
    places: Box<[u64]>,
    sketch: Sketch,
}

impl Default for Union {
    fn default() -> Union {
        Union { places: vec![0; PLACES].into(), sketch: Sketch::default() }
    }
}

impl Union {
    /// What [`Distinct::count`] says of all these sets merged.
    pub fn count<'s>(&mut self, sets: impl Iterator<Item = &'s Distinct> + Clone) -> u64 {
        match sets.clone().nth(1) {
            None => sets.map(Distinct::count).sum(),
            Some(_) => self.exact(sets.clone()).unwrap_or_else(|| self.estimate(sets)),
        }
    }

    /// `None` when there are too many values.
    fn exact<'s>(&mut self, sets: impl Iterator<Item = &'s Distinct> + Clone) -> Option<u64> {
        let mut most = 0;
        for set in sets.clone() {
            match &set.0 {
                Form::Exact(few) => most += few.len(),
                Form::Sketch(_) => return None,
            }
        }
        let places = (2 * most).next_power_of_two().min(PLACES);
        let places = &mut self.places[..places];
        places.fill(0);
        let mut len = 0;
        for set in sets {
            if let Form::Exact(few) = &set.0 {
                few.for_each(|hash| len += usize::from(len <= EXACT && put(places, hash)));
            }
        }
        (len <= EXACT).then_some(len as u64)
    }

    fn estimate<'s>(&mut self, sets: impl Iterator<Item = &'s Distinct>) -> u64 {
        self.sketch.clear();
        for set in sets {
            match &set.0 {
                Form::Exact(few) => few.for_each(|hash| self.sketch.add(hash)),
                Form::Sketch(sketch) => self.sketch.merge(sketch),
            }
        }
        self.sketch.count()
    }
}
