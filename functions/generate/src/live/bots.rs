//! Bots: too fast for a person, or always the same.

use crate::shop::Shop;
use crate::shop::clickstream::{Page, Visit, session_id, visit};
use crate::shop::rng::{Draws, Stream};

use super::visitors::Act;

/// Events of a bot that is fast: more than anybody has in a minute.
const FAST_EVENTS: u32 = 150;
/// Events of a bot that goes through the products one by one.
const STEADY_EVENTS: u32 = 90;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Any pages, one after the other at once.
    Fast,
    /// Products only.
    Steady,
}

#[derive(Debug)]
struct Bot {
    visit: Visit,
    habit: Habit,
    left: u32,
    is_first: bool,
    draws: Draws,
}

/// One bot of each habit at a time.
#[derive(Debug)]
pub struct Bots {
    stream: Stream,
    key: u64,
    begun: u64,
    fast: Option<Bot>,
    steady: Option<Bot>,
}

impl Bots {
    /// None yet. Names of visits come of `key`, as those of visitors.
    pub fn new(stream: Stream, key: u64) -> Bots {
        Bots { stream, key, begun: 0, fast: None, steady: None }
    }

    /// One of the bots does something; `bits` say which.
    pub fn act(&mut self, shop: &Shop, bits: u64) -> Act {
        // Two events in three are those of the one that is fast.
        let habit = if bits.is_multiple_of(3) { Habit::Steady } else { Habit::Fast };
        let current = match habit {
            Habit::Fast => self.fast.take(),
            Habit::Steady => self.steady.take(),
        };
        let mut bot = match current {
            Some(bot) => bot,
            None => self.begin(shop, habit),
        };
        let act = bot.act(shop);
        let bot = (bot.left > 0).then_some(bot);
        match habit {
            Habit::Fast => self.fast = bot,
            Habit::Steady => self.steady = bot,
        }
        act
    }

    fn begin(&mut self, shop: &Shop, habit: Habit) -> Bot {
        let number = self.begun;
        self.begun += 1;
        let mut draws = self.stream.at(number);
        let bits = draws.bits();
        let product = shop.bought(&mut draws);
        let session = session_id(self.key, 2 * number + 1);
        let visit = visit(shop, session, None, product, bits, &mut draws);
        let left = match habit {
            Habit::Fast => FAST_EVENTS,
            Habit::Steady => STEADY_EVENTS,
        };
        Bot { visit, habit, left, is_first: true, draws }
    }
}

impl Bot {
    fn act(&mut self, shop: &Shop) -> Act {
        let page = match (self.habit, self.draws.below(3)) {
            (Habit::Fast, 0) => Page::Front,
            (Habit::Fast, 1) => Page::Category,
            (Habit::Fast | Habit::Steady, _) => Page::Product,
        };
        let act = Act { visit: self.visit, page, is_first: self.is_first, amount: None };
        self.visit.product = self.visit.product % shop.products.count() + 1;
        self.left -= 1;
        self.is_first = false;
        act
    }
}
