//! Visits: the events of one visitor with no pause longer than the gap.

use std::time::Duration;

use crate::click::Click;
use crate::window::{Micros, micros};

/// How visits are told from each other, `streams/sessions.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sessions {
    /// A longer pause ends a visit.
    pub gap: Duration,
    /// How far an event may be behind the watermark and still count.
    pub lateness: Duration,
    /// How long visits are kept.
    pub retention: Duration,
    pub bots: Bots,
    /// 16 hexadecimal digits that change with what decides where visits end and which are bots.
    pub version: String,
}

/// What no person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bots {
    /// More events a minute, over the whole visit; a visit counts as a minute at least.
    pub events_per_minute: u32,
    /// So many events or more, all of one type.
    pub single_type_events: u32,
}

/// An interval of activity of one visitor. Intervals merge in any order to the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The first event.
    pub started_at: Micros,
    /// The last one.
    pub ended_at: Micros,
    /// Of all types, also of those that are not counted apart.
    pub events: u32,
    pub page_views: u32,
    pub searches: u32,
    pub product_views: u32,
    pub carts: u32,
    pub checkouts: u32,
    pub purchases: u32,
    /// What was paid for the purchases, in hundredths of the shop's currency.
    pub revenue_cents: i64,
    /// The customer, if signed in; the smallest number if there were several.
    pub customer_id: Option<u64>,
}

impl Session {
    /// The interval of a single click.
    pub fn of(click: &Click<'_>) -> Session {
        let mut session = Session {
            started_at: click.timestamp,
            ended_at: click.timestamp,
            events: 1,
            page_views: 0,
            searches: 0,
            product_views: 0,
            carts: 0,
            checkouts: 0,
            purchases: 0,
            revenue_cents: 0,
            customer_id: click.customer_id,
        };
        match &*click.event_type {
            "page_view" => session.page_views = 1,
            "search" => session.searches = 1,
            "product_view" => session.product_views = 1,
            "add_to_cart" => session.carts = 1,
            "checkout" => session.checkouts = 1,
            "purchase" => {
                session.purchases = 1;
                session.revenue_cents = click.amount_cents.unwrap_or(0);
            }
            // A shop may have types of its own.
            _ => {}
        }
        session
    }

    /// Takes another interval of the same visit in.
    pub fn merge(&mut self, other: &Session) {
        self.started_at = self.started_at.min(other.started_at);
        self.ended_at = self.ended_at.max(other.ended_at);
        let counts = [
            (&mut self.events, other.events),
            (&mut self.page_views, other.page_views),
            (&mut self.searches, other.searches),
            (&mut self.product_views, other.product_views),
            (&mut self.carts, other.carts),
            (&mut self.checkouts, other.checkouts),
            (&mut self.purchases, other.purchases),
        ];
        for (count, other) in counts {
            *count = count.saturating_add(other);
        }
        self.revenue_cents = self.revenue_cents.saturating_add(other.revenue_cents);
        self.customer_id = match (self.customer_id, other.customer_id) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// True when no person clicks like that.
    pub fn is_bot(&self, bots: &Bots) -> bool {
        const MINUTE: i64 = 60_000_000;
        let length = self.ended_at.saturating_sub(self.started_at).max(MINUTE);
        let is_fast = i128::from(self.events) * i128::from(MINUTE)
            > i128::from(bots.events_per_minute) * i128::from(length);
        let of_types = [
            self.page_views,
            self.searches,
            self.product_views,
            self.carts,
            self.checkouts,
            self.purchases,
        ];
        let is_monotonous =
            self.events >= bots.single_type_events && of_types.contains(&self.events);
        is_fast || is_monotonous
    }

    /// True for a visit that put something into the cart and bought nothing.
    pub fn has_abandoned_cart(&self) -> bool {
        self.carts > 0 && self.purchases == 0
    }

    /// True when no pause longer than the gap lies between the two.
    pub(crate) fn is_near(&self, other: &Session, gap: i64) -> bool {
        self.started_at.saturating_sub(other.ended_at) <= gap
            && other.started_at.saturating_sub(self.ended_at) <= gap
    }
}

/// The visits that intervals of one visitor make up: those at most `gap` apart become one. The result
/// is sorted, and the same for any order and grouping of the intervals.
pub fn merge_intervals(intervals: Vec<Session>, gap: Duration) -> Vec<Session> {
    merge_near(intervals, micros(gap))
}

/// The same, with the gap in microseconds.
pub(crate) fn merge_near(mut intervals: Vec<Session>, gap: Micros) -> Vec<Session> {
    intervals.sort_unstable_by_key(|session| (session.started_at, session.ended_at));
    let mut visits: Vec<Session> = Vec::with_capacity(intervals.len());
    for session in intervals {
        match visits.last_mut() {
            Some(last) if last.is_near(&session, gap) => last.merge(&session),
            Some(_) | None => visits.push(session),
        }
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;
    const BOTS: Bots = Bots { events_per_minute: 120, single_type_events: 60 };

    fn event(seconds: i64, event_type: &str) -> Session {
        Session::of(&Click {
            event_id: 1,
            session_id: "s".into(),
            customer_id: u64::try_from(seconds % 3).ok().filter(|customer| *customer > 0),
            event_type: event_type.into(),
            product_id: None,
            device: "mobile".into(),
            country: *b"DE",
            timestamp: seconds * SECOND,
            amount_cents: Some(seconds),
        })
    }

    #[test]
    fn a_pause_longer_than_the_gap_ends_a_visit() {
        let events = [0, 60, 120, 181, 241].map(|seconds| event(seconds, "search"));
        let visits = merge_intervals(events.to_vec(), Duration::from_secs(60));
        let found: Vec<_> = visits
            .iter()
            .map(|it| (it.started_at / SECOND, it.ended_at / SECOND, it.events, it.searches))
            .collect();
        assert_eq!(found, [(0, 120, 3, 3), (181, 241, 2, 2)]);
    }

    #[test]
    fn only_purchases_bring_revenue_and_own_types_count_as_events() {
        let types = ["purchase", "add_to_cart", "wish", "checkout", "page_view", "product_view"];
        let events = types.map(|name| event(5, name));
        let visit = merge_intervals(events.to_vec(), Duration::ZERO)[0];
        assert_eq!((visit.events, visit.revenue_cents, visit.customer_id), (6, 5, Some(2)));
        assert!(!visit.has_abandoned_cart());
        assert!(event(5, "add_to_cart").has_abandoned_cart());
    }

    #[test]
    fn bots_are_told_by_their_speed_and_by_doing_one_thing_only() {
        let of = |events: u32, page_views: u32, seconds: i64| {
            let ended_at = seconds * SECOND;
            Session { events, page_views, started_at: 0, ended_at, ..event(0, "wish") }
        };
        assert!(!of(120, 1, 10).is_bot(&BOTS));
        assert!(of(121, 1, 10).is_bot(&BOTS));
        assert!(!of(240, 1, 120).is_bot(&BOTS));
        assert!(of(241, 1, 120).is_bot(&BOTS));
        assert!(!of(59, 59, 3600).is_bot(&BOTS));
        assert!(of(60, 60, 3600).is_bot(&BOTS));
        assert!(!of(60, 59, 3600).is_bot(&BOTS));
    }

    proptest! {
        #[test]
        fn intervals_merge_in_any_order_and_grouping(
            moments in prop::collection::vec(0i64..4_000, 1..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let gap = Duration::from_secs(60);
            let types = ["page_view", "purchase", "add_to_cart", "other"];
            let events: Vec<Session> = moments
                .iter()
                .map(|seconds| event(*seconds, types[*seconds as usize % types.len()]))
                .collect();
            let whole = merge_intervals(events.clone(), gap);
            let pauses = whole.windows(2).map(|pair| pair[1].started_at - pair[0].ended_at);
            prop_assert!(pauses.into_iter().all(|pause| pause > 60 * SECOND));
            prop_assert_eq!(whole.iter().map(|it| it.events as usize).sum::<usize>(), events.len());
            let (one, other) = events.split_at(cut.index(events.len()));
            let mut parts = merge_intervals(other.to_vec(), gap);
            parts.extend(merge_intervals(one.to_vec(), gap));
            prop_assert_eq!(&merge_intervals(parts, gap), &whole);
            let back = events.into_iter().rev().collect();
            prop_assert_eq!(&merge_intervals(back, gap), &whole);
            prop_assert_eq!(&merge_intervals(whole.clone(), gap), &whole);
        }
    }
}
