//! Visitors: who is there, what each does next, and when.

use std::collections::BTreeMap;

use crate::shop::Shop;
use crate::shop::clickstream::{Page, Visit, session_id, visit};
use crate::shop::rng::{Draws, Stream};
use crate::shop::sale::quantity;

use super::walk::Step;

/// Pauses between two events of a visit, in microseconds.
const SHORTEST_PAUSE: u64 = 1_000_000;
const LONGEST_PAUSE: u64 = 16_000_000;
/// After so many microseconds without their turn visitors have left: those of the peak do not come
/// back for long.
const PATIENCE: u64 = 30_000_000;

/// What a visitor has just done.
#[derive(Debug, Clone, Copy)]
pub struct Act {
    pub visit: Visit,
    pub page: Page,
    pub is_first: bool,
    /// What was paid, in cents.
    pub amount: Option<u64>,
}

#[derive(Debug)]
struct Visitor {
    visit: Visit,
    step: Step,
    is_first: bool,
    draws: Draws,
}

/// Everybody who is there.
#[derive(Debug)]
pub struct Visitors {
    stream: Stream,
    key: u64,
    begun: u64,
    /// By the moment of their next event, then by number.
    waiting: BTreeMap<(u64, u64), Visitor>,
}

impl Visitors {
    /// Nobody yet. The names of visits come of `key`: even numbers are visitors, odd ones bots.
    pub fn new(stream: Stream, key: u64) -> Visitors {
        Visitors { stream, key, begun: 0, waiting: BTreeMap::new() }
    }

    /// Somebody does something `at` this moment: who has waited longest, or else somebody new. What is
    /// bought has the number `order`.
    pub fn act(&mut self, shop: &Shop, at: u64, order: u64) -> Act {
        let (number, mut visitor) = match self.next(at) {
            Some(waiting) => waiting,
            None => self.enter(shop),
        };
        let page = visitor.step.page(order, &mut visitor.draws);
        let amount = (visitor.step == Step::Purchase).then(|| {
            let units = quantity(visitor.draws.bits());
            u64::from(units.unsigned_abs()) * shop.products.list_price(visitor.visit.product)
        });
        let act = Act { visit: visitor.visit, page, is_first: visitor.is_first, amount };
        if let Some(step) = visitor.step.next(&mut visitor.draws) {
            visitor.step = step;
            visitor.is_first = false;
            if step == Step::Product {
                visitor.visit.product = shop.bought(&mut visitor.draws);
            }
            let pause = SHORTEST_PAUSE + visitor.draws.below(LONGEST_PAUSE - SHORTEST_PAUSE);
            self.waiting.insert((at + pause, number), visitor);
        }
        act
    }

    /// Who is due.
    fn next(&mut self, at: u64) -> Option<(u64, Visitor)> {
        while let Some(first) = self.waiting.first_entry() {
            let (due, number) = *first.key();
            if due > at {
                return None;
            }
            let visitor = first.remove();
            if due + PATIENCE >= at {
                return Some((number, visitor));
            }
        }
        None
    }

    /// A new visitor, every other one signed in.
    fn enter(&mut self, shop: &Shop) -> (u64, Visitor) {
        let number = self.begun;
        self.begun += 1;
        let mut draws = self.stream.at(number);
        let bits = draws.bits();
        let customer = (bits & 1 == 0).then(|| shop.buyer(&mut draws));
        let product = shop.bought(&mut draws);
        let session = session_id(self.key, 2 * number);
        let visit = visit(shop, session, customer, product, bits, &mut draws);
        let step = Step::first(&mut draws);
        (number, Visitor { visit, step, is_first: true, draws })
    }
}
