//! Click events, session by session: some sessions end in a sale, most only look around.
//!
//! Sessions follow the sales: at sale `n` comes perhaps the session that led to it, and perhaps
//! one of somebody who bought nothing, about three events per sale in all. In the full profile the
//! first line of an order has the session that led to all of them.

use shopflow_core::contract::Profile;

use super::calendar::Moment;
use super::customers;
use super::ids::event_id;
use super::lines;
use super::model::Shop;
use super::output::Output;
use super::rng::{Draws, mix};
use super::sale::{Sale, push_order_number};
use super::text::{hex, push_number, push_price};
use super::transactions::{Sales, is_sound};

/// Of 256 sales, how many show the session that led to them.
const BUYING: u64 = 90;
/// Of 256 orders, how many do: there are about half as many orders as sales.
const ORDERING: u64 = 2 * BUYING;
/// Of 256 sales, how many are accompanied by a session that buys nothing.
const BROWSING: u64 = 128;
/// Of 256 buying sessions, how many search first.
const SEARCHING: u64 = 77;
/// Number of events of a browsing session by four random bits.
const VISITS: [u8; 16] = [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4];

const REFERRERS: &[&str] = &[
    "",
    "",
    "",
    "https://search.example/",
    "https://search.example/",
    "https://social.example/feed",
    "https://news.example/deals",
    "https://mail.example/newsletter",
];
/// What visitors search for.
pub const TERMS: &[&str] = &[
    "gift",
    "sale",
    "lamp",
    "coffee",
    "headphones",
    "sneakers",
    "novel",
    "tent",
    "puzzle",
    "perfume",
];
const SITE: &[u8] = b"https://shop.example";

/// How many events the two sessions at a sale have; 0 for no session.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    searches: bool,
    buying: u64,
    browsing: u64,
}

impl Plan {
    /// The sessions at the sale of `row`.
    #[inline]
    pub fn new(shop: &Shop, draws: &mut Draws, row: u64) -> Plan {
        let bits = draws.bits();
        let shown = match shop.profile {
            Profile::Usual => bits & 0xff < BUYING,
            Profile::Full => bits & 0xff < ORDERING && lines::opens_order(shop, row),
        };
        let buys = shown && is_sound(shop, row);
        let searches = bits >> 8 & 0xff < SEARCHING;
        let browses = bits >> 16 & 0xff < BROWSING;
        let buying = if buys { 5 + u64::from(searches) } else { 0 };
        let browsing = if browses { u64::from(VISITS[(bits >> 24 & 15) as usize]) } else { 0 };
        Plan { searches, buying, browsing }
    }

    /// Events of both sessions.
    pub fn events(self) -> u64 {
        self.buying + self.browsing
    }
}

/// Where an event leads.
#[derive(Debug, Clone, Copy)]
pub enum Page {
    Front,
    Category,
    Search(&'static str),
    Product,
    Cart,
    Checkout,
    /// Of the sale of a row.
    Thanks(u64),
}

impl Page {
    fn event_type(self) -> &'static str {
        match self {
            Page::Front | Page::Category => "page_view",
            Page::Search(_) => "search",
            Page::Product => "product_view",
            Page::Cart => "add_to_cart",
            Page::Checkout => "checkout",
            Page::Thanks(_) => "purchase",
        }
    }

    fn shows_product(self) -> bool {
        matches!(self, Page::Product | Page::Cart | Page::Checkout | Page::Thanks(_))
    }
}

/// What all events of a session have in common.
#[derive(Debug, Clone, Copy)]
pub struct Visit {
    pub session: [u8; 16],
    /// Absent when the visitor is not signed in.
    customer: Option<u64>,
    /// The one that is looked at now.
    pub product: u64,
    country: &'static str,
    /// Position among the devices.
    device: usize,
    referrer: &'static str,
}

/// An event without its moment.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    pub id: [u8; 36],
    pub visit: &'a Visit,
    pub page: Page,
    /// True for the first one of its session, which has the referrer.
    pub is_first: bool,
    /// What was paid, in cents.
    pub amount: Option<u64>,
}

/// Writes every session.
pub fn write<W: std::io::Write>(shop: &Shop, output: &mut Output<'_, W>) -> std::io::Result<()> {
    let mut sales = Sales::new(shop);
    for row in 0..shop.sales {
        let mut draws = shop.session_stream.at(row);
        let plan = Plan::new(shop, &mut draws, row);
        if plan.events() == 0 {
            continue;
        }
        let sale = sales.get(row);
        if plan.buying > 0 {
            buy(shop, output, row, &sale, plan.searches, &mut draws)?;
        }
        if plan.browsing > 0 {
            browse(shop, output, row, &sale, plan.browsing, &mut draws)?;
        }
    }
    Ok(())
}

/// The session that ends with the sale, at the very second of it.
fn buy<W: std::io::Write>(
    shop: &Shop,
    output: &mut Output<'_, W>,
    row: u64,
    sale: &Sale,
    searches: bool,
    draws: &mut Draws,
) -> std::io::Result<()> {
    let bits = draws.bits();
    let session = session_id(shop.session_key, 2 * row);
    let visit = visit(shop, session, sale.customer, sale.product, bits, draws);
    let first = if bits & 1 == 0 { Page::Front } else { Page::Category };
    let search = Page::Search(TERMS[(bits >> 1 & 0xffff) as usize % TERMS.len()]);
    let pages = [first, search, Page::Product, Page::Cart, Page::Checkout, Page::Thanks(row)];
    let mut moment = sale.moment;
    let mut gaps = bits >> 20;
    // Backwards from the sale: 8 to 71 seconds between steps.
    let moments = pages.map(|_| {
        let this = moment;
        moment -= 8 + (gaps & 63) as Moment;
        gaps >>= 6;
        this
    });
    let last = pages.len() - 1;
    for (step, page) in pages.into_iter().enumerate() {
        if searches || !matches!(page, Page::Search(_)) {
            event(shop, output, &visit, page, moments[last - step], step == 0)?;
        }
    }
    Ok(())
}

/// A visitor who buys nothing, up to an hour before the sale.
fn browse<W: std::io::Write>(
    shop: &Shop,
    output: &mut Output<'_, W>,
    row: u64,
    sale: &Sale,
    events: u64,
    draws: &mut Draws,
) -> std::io::Result<()> {
    let bits = draws.bits();
    let customer = if bits & 1 == 0 { Some(shop.buyer(draws)) } else { None };
    let product = shop.bought(draws);
    let session = session_id(shop.session_key, 2 * row + 1);
    let visit = visit(shop, session, customer, product, bits, draws);
    let second = if bits & 6 == 0 {
        Page::Search(TERMS[(bits >> 3 & 0xffff) as usize % TERMS.len()])
    } else {
        Page::Product
    };
    let last = if bits & 24 == 0 { Page::Cart } else { Page::Product };
    let pages =
        [if bits & 32 == 0 { Page::Category } else { Page::Front }, second, last, Page::Cart];
    // The last event is at least a minute before the sale, so the session is over by then.
    let end = sale.moment - 60 - (bits >> 40 & 0xfff) as Moment;
    let mut gaps = bits >> 20;
    let mut moment = end - 240;
    for (step, page) in pages.into_iter().take(events as usize).enumerate() {
        event(shop, output, &visit, page, moment, step == 0)?;
        moment += 8 + (gaps & 63) as Moment;
        gaps >>= 6;
    }
    Ok(())
}

/// The name of a session; under one key a bijection of the number: no two sessions share one.
pub fn session_id(key: u64, number: u64) -> [u8; 16] {
    hex(mix(key ^ mix(number)))
}

/// A visit by a customer or by nobody. Device and referrer come of the upper seven of `bits`.
pub fn visit(
    shop: &Shop,
    session: [u8; 16],
    customer: Option<u64>,
    product: u64,
    bits: u64,
    draws: &mut Draws,
) -> Visit {
    let country = match customer {
        Some(id) => shop.customers.country(id),
        None => customers::country(draws).0,
    };
    Visit {
        session,
        customer,
        product,
        country,
        device: (bits >> 60) as usize,
        referrer: REFERRERS[(bits >> 57 & 7) as usize],
    }
}

#[inline]
fn event<W: std::io::Write>(
    shop: &Shop,
    output: &mut Output<'_, W>,
    visit: &Visit,
    page: Page,
    moment: Moment,
    first: bool,
) -> std::io::Result<()> {
    let id = event_id(shop.event_stream, output.rows());
    let event = Event { id, visit, page, is_first: first, amount: None };
    output.row(|out| push(shop, out, &event, |out| shop.calendar.push(out, moment)))
}

/// Appends an event as a line of JSON; `time` appends its moment.
#[inline]
pub fn push(shop: &Shop, out: &mut Vec<u8>, event: &Event<'_>, time: impl FnOnce(&mut Vec<u8>)) {
    let Event { id, visit, page, is_first, amount } = *event;
    out.extend_from_slice(b"{\"event_id\":\"");
    out.extend_from_slice(&id);
    out.extend_from_slice(b"\",\"session_id\":\"");
    out.extend_from_slice(&visit.session);
    out.push(b'"');
    if let Some(customer) = visit.customer {
        out.extend_from_slice(b",\"customer_id\":");
        push_number(out, customer);
    }
    out.extend_from_slice(b",\"event_type\":\"");
    out.extend_from_slice(page.event_type().as_bytes());
    out.push(b'"');
    if page.shows_product() {
        out.extend_from_slice(b",\"product_id\":");
        push_number(out, visit.product);
    }
    out.extend_from_slice(b",\"url\":\"");
    push_url(shop, out, page, visit.product);
    out.push(b'"');
    if is_first && !visit.referrer.is_empty() {
        out.extend_from_slice(b",\"referrer\":\"");
        out.extend_from_slice(visit.referrer.as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b",\"device\":\"");
    out.extend_from_slice(&shop.terms.devices[visit.device]);
    out.extend_from_slice(b"\",\"country\":\"");
    out.extend_from_slice(visit.country.as_bytes());
    out.extend_from_slice(b"\",\"timestamp\":\"");
    time(out);
    out.push(b'"');
    if let Some(cents) = amount {
        out.extend_from_slice(b",\"amount\":");
        push_price(out, cents);
    }
    out.extend_from_slice(b"}\n");
}

fn push_url(shop: &Shop, out: &mut Vec<u8>, page: Page, product: u64) {
    out.extend_from_slice(SITE);
    match page {
        Page::Front => out.push(b'/'),
        Page::Category => {
            out.extend_from_slice(b"/c/");
            out.extend_from_slice(shop.products.category_path(product));
        }
        Page::Search(term) => {
            out.extend_from_slice(b"/search?q=");
            out.extend_from_slice(term.as_bytes());
        }
        Page::Product => {
            out.extend_from_slice(b"/p/");
            push_number(out, product);
        }
        Page::Cart => out.extend_from_slice(b"/cart"),
        Page::Checkout => out.extend_from_slice(b"/checkout"),
        Page::Thanks(row) => {
            out.extend_from_slice(b"/orders/");
            match shop.profile {
                Profile::Usual => push_number(out, row + 1),
                Profile::Full => push_order_number(out, row, false),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::vocabulary::COUNTED_EVENT_TYPES;

    #[test]
    fn event_types_are_those_that_sessions_are_counted_from() {
        let pages = [
            Page::Front,
            Page::Category,
            Page::Search(""),
            Page::Product,
            Page::Cart,
            Page::Checkout,
            Page::Thanks(0),
        ];
        let types = pages.map(Page::event_type);
        assert!(COUNTED_EVENT_TYPES.iter().all(|kind| types.contains(kind)));
        assert!(types.iter().all(|kind| COUNTED_EVENT_TYPES.contains(kind)));
    }
}
