//! From page to page.

use crate::shop::clickstream::{Page, TERMS};
use crate::shop::rng::Draws;

/// What a visitor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Front,
    Category,
    Search,
    Product,
    Cart,
    Checkout,
    Purchase,
}

/// Where visitors go, each with how many of 64; the rest leave.
type Ways = &'static [(Step, u64)];

const ENTERING: Ways =
    &[(Step::Front, 26), (Step::Category, 14), (Step::Search, 8), (Step::Product, 16)];

impl Step {
    /// How a visit begins.
    pub fn first(draws: &mut Draws) -> Step {
        choose(ENTERING, draws).unwrap_or(Step::Front)
    }

    /// What comes next; nothing when the visitor leaves.
    pub fn next(self, draws: &mut Draws) -> Option<Step> {
        choose(self.ways(), draws)
    }

    fn ways(self) -> Ways {
        match self {
            Step::Front | Step::Category => {
                &[(Step::Product, 34), (Step::Category, 8), (Step::Search, 8)]
            }
            Step::Search => &[(Step::Product, 42), (Step::Search, 8)],
            Step::Product => {
                &[(Step::Product, 20), (Step::Cart, 9), (Step::Category, 6), (Step::Search, 4)]
            }
            Step::Cart => &[(Step::Checkout, 30), (Step::Product, 14)],
            Step::Checkout => &[(Step::Purchase, 48)],
            Step::Purchase => &[(Step::Front, 8)],
        }
    }

    /// The page it leads to; `order` is the number of what is bought there.
    pub fn page(self, order: u64, draws: &mut Draws) -> Page {
        match self {
            Step::Front => Page::Front,
            Step::Category => Page::Category,
            Step::Search => Page::Search(TERMS[draws.below(TERMS.len() as u64) as usize]),
            Step::Product => Page::Product,
            Step::Cart => Page::Cart,
            Step::Checkout => Page::Checkout,
            Step::Purchase => Page::Thanks(order),
        }
    }
}

fn choose(ways: Ways, draws: &mut Draws) -> Option<Step> {
    let mut drawn = draws.below(64);
    for (step, weight) in ways {
        if drawn < *weight {
            return Some(*step);
        }
        drawn -= weight;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::rng::Stream;

    #[test]
    fn every_visit_ends_and_some_of_them_with_a_purchase() {
        let stream = Stream::new(42, "walks");
        let (mut purchases, mut carts, mut steps) = (0, 0, 0);
        for visit in 0..10_000 {
            let mut draws = stream.at(visit);
            let mut step = Some(Step::first(&mut draws));
            let (mut has_cart, mut buys) = (false, false);
            while let Some(current) = step {
                steps += 1;
                has_cart |= current == Step::Cart;
                buys |= current == Step::Purchase;
                step = current.next(&mut draws);
            }
            assert!(has_cart || !buys, "nobody buys what is not in the cart");
            carts += u32::from(has_cart);
            purchases += u32::from(buys);
        }
        assert!((25_000..45_000).contains(&steps), "two to five events a visit: {steps}");
        assert!((300..1_500).contains(&purchases), "{purchases}");
        assert!(carts > 3 * purchases / 2, "carts are left behind: {carts} and {purchases}");
    }

    #[test]
    fn the_ways_from_a_page_are_no_more_than_all() {
        let all = [
            Step::Front,
            Step::Category,
            Step::Search,
            Step::Product,
            Step::Cart,
            Step::Checkout,
            Step::Purchase,
        ];
        for ways in all.map(Step::ways).into_iter().chain([ENTERING]) {
            assert!(ways.iter().map(|(_, weight)| weight).sum::<u64>() <= 64);
        }
        assert_eq!(ENTERING.iter().map(|(_, weight)| weight).sum::<u64>(), 64);
    }
}
