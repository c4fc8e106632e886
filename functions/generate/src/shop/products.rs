//! Products: id, name, category, price, supplier; in the full profile also cost.

use shopflow_core::contract::Profile;
use shopflow_core::vocabulary::{Vocabularies, Vocabulary};

use super::rng::{Draws, Stream};
use super::terms::csv_field;
use super::text::{push_amount, push_field, push_number, push_price};
use super::words::Words;

/// What a category that the shop was invented with sells.
struct Range {
    name: &'static str,
    /// Half of its products cost less than this many cents.
    median: u64,
    things: &'static [&'static str],
}

const RANGES: &[Range] = &[
    Range {
        name: "beauty",
        median: 1_800,
        things: &["Shampoo", "Face Cream", "Lip Balm", "Perfume", "Hand Soap", "Sun Lotion"],
    },
    Range {
        name: "books",
        median: 1_500,
        things: &["Cookbook", "Novel", "Atlas", "Travel Guide", "Biography", "Picture Book"],
    },
    Range {
        name: "clothing",
        median: 3_500,
        things: &["T-Shirt", "Jacket", "Jeans", "Sneakers", "Scarf", "Rain Coat", "Socks"],
    },
    Range {
        name: "electronics",
        median: 14_900,
        things: &["Monitor", "Headphones", "Keyboard", "Camera", "Tablet", "Speaker", "Router"],
    },
    Range {
        name: "grocery",
        median: 600,
        things: &["Coffee", "Olive Oil", "Honey", "Pasta", "Dark Chocolate", "Green Tea"],
    },
    Range {
        name: "home",
        median: 4_200,
        things: &["Desk Lamp", "Kettle", "Frying Pan", "Pillow", "Bookshelf", "Blanket", "Vase"],
    },
    Range {
        name: "sports",
        median: 5_500,
        things: &["Yoga Mat", "Tennis Racket", "Football", "Tent", "Bike Helmet", "Dumbbells"],
    },
    Range {
        name: "toys",
        median: 2_200,
        things: &["Puzzle", "Building Blocks", "Teddy Bear", "Board Game", "Toy Train", "Kite"],
    },
];

/// What any other category sells.
const ANYTHING: Range = Range {
    name: "",
    median: 2_500,
    things: &["Set", "Kit", "Starter Pack", "Accessory", "Refill", "Collection"],
};

/// A configured category.
#[derive(Debug)]
struct Category {
    /// The name as a CSV field, and as a part of a path.
    field: Vec<u8>,
    path: Vec<u8>,
    median: u64,
    things: &'static [&'static str],
}

impl Category {
    fn new(name: &str) -> Category {
        let range = RANGES.iter().find(|range| range.name == name).unwrap_or(&ANYTHING);
        let mut path = Vec::new();
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    path.push(byte);
                }
                _ => path.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            }
        }
        let Range { median, things, .. } = *range;
        Category { field: csv_field(name), path, median, things }
    }
}

const ADJECTIVES: &[&str] = &[
    "Classic",
    "Compact",
    "Deluxe",
    "Eco",
    "Essential",
    "Everyday",
    "Fresh",
    "Light",
    "Mini",
    "Modern",
    "Natural",
    "Premium",
    "Pro",
    "Pure",
    "Smart",
    "Soft",
    "Solid",
    "Urban",
    "Vintage",
];

/// What tells two otherwise equal products apart; commas and quotes are meant to be there.
const VARIANTS: &[&str] = &[
    "",
    "",
    "",
    "",
    "",
    "",
    " 2.0",
    " XL",
    " (2-Pack)",
    ", black",
    ", oak",
    ", set of 4",
    " 12\"",
    " \"Limited\"",
    " für Zuhause",
    " à la carte",
];

/// Sixteenths of a log-normal distribution (sigma 0.6) around a median of 1,000.
const SPREAD: [u64; 17] = [
    178, 398, 501, 587, 667, 746, 826, 910, 1_000, 1_099, 1_211, 1_341, 1_499, 1_703, 1_994, 2_511,
    5_630,
];

/// Draws of a name, between those of category and price.
const NAME_PARTS: u64 = 4;

/// The cents a price ends with.
const ENDINGS: &[u64] = &[99, 99, 99, 95, 90, 49, 49, 25];

/// Makes products.
#[derive(Debug)]
pub struct Products {
    stream: Stream,
    count: u64,
    categories: Vec<Category>,
    /// Of the full profile.
    costs: Option<Stream>,
}

impl Products {
    /// `count` products of the configured categories.
    pub fn new(seed: u64, count: u64, sets: &Vocabularies, profile: Profile) -> Self {
        let names = sets.of(Vocabulary::Categories).values();
        let categories = names.iter().map(|name| Category::new(name)).collect();
        let costs = (profile == Profile::Full).then(|| Stream::new(seed, "costs"));
        Products { stream: Stream::new(seed, "products"), count, categories, costs }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The category of a product as a part of a path.
    #[inline]
    pub fn category_path(&self, id: u64) -> &[u8] {
        &self.category(&mut self.stream.at(id)).path
    }

    /// The price of a product, in cents.
    #[inline]
    pub fn list_price(&self, id: u64) -> u64 {
        let mut draws = self.stream.at(id);
        let median = self.category(&mut draws).median;
        draws.skip(NAME_PARTS);
        price(median, &mut draws)
    }

    /// The first draw of a product, so that it is known without the rest.
    #[inline]
    fn category(&self, draws: &mut Draws) -> &Category {
        draws.pick(&self.categories)
    }

    /// Appends a row; `scratch` is overwritten.
    pub fn push(&self, out: &mut Vec<u8>, scratch: &mut Vec<u8>, words: &Words, id: u64) {
        let mut draws = self.stream.at(id);
        let category = self.category(&mut draws);
        scratch.clear();
        scratch.extend_from_slice(draws.pick(&words.brands).as_bytes());
        scratch.push(b' ');
        scratch.extend_from_slice(draws.pick(ADJECTIVES).as_bytes());
        scratch.push(b' ');
        scratch.extend_from_slice(draws.pick(category.things).as_bytes());
        scratch.extend_from_slice(draws.pick(VARIANTS).as_bytes());
        push_number(out, id);
        out.push(b',');
        push_field(out, scratch);
        out.push(b',');
        out.extend_from_slice(&category.field);
        out.push(b',');
        let price = price(category.median, &mut draws);
        push_price(out, price);
        out.push(b',');
        push_field(out, draws.pick(&words.suppliers).as_bytes());
        if let Some(costs) = self.costs {
            out.push(b',');
            if let Some(cost) = cost(price, costs.one(id)) {
                push_amount(out, cost);
            }
        }
        out.push(b'\n');
    }
}

/// What a unit costs the shop, in ten-thousandths: 35 to 75 % of its price in cents. Of one product in
/// sixteen nobody knows.
fn cost(price: u64, bits: u64) -> Option<u64> {
    (bits & 15 != 0).then_some(price * (35 + (bits >> 4) % 41))
}

/// Cents, with an ending as in a shop.
fn price(median: u64, draws: &mut Draws) -> u64 {
    let position = draws.below(16 << 16);
    let step = (position >> 16) as usize;
    let (from, to) = (SPREAD[step], SPREAD[step + 1]);
    let factor = from + (((to - from) * (position & 0xffff)) >> 16);
    median * factor / 1000 / 100 * 100 + draws.pick(ENDINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_category_has_things_of_its_own() {
        let sets = Vocabularies::default();
        let names = sets.of(Vocabulary::Categories).values();
        assert!(names.iter().all(|name| RANGES.iter().any(|range| range.name == name)));
        assert!(RANGES.iter().all(|range| names.iter().any(|name| name == range.name)));
    }

    #[test]
    fn a_category_may_have_any_name() {
        let category = Category::new("home, garden & more");
        assert_eq!(category.field, b"\"home, garden & more\"");
        assert_eq!(category.path, b"home%2C%20garden%20%26%20more");
        assert_eq!(category.median, ANYTHING.median);
    }

    #[test]
    fn the_price_of_a_product_is_that_of_the_row() {
        let products = Products::new(42, 200, &Vocabularies::default(), Profile::Usual);
        let words = Words::new(42);
        for id in 1..=200 {
            let (mut row, mut price) = (Vec::new(), vec![b',']);
            products.push(&mut row, &mut Vec::new(), &words, id);
            push_price(&mut price, products.list_price(id));
            price.push(b',');
            let (row, price) = (String::from_utf8(row).unwrap(), String::from_utf8(price).unwrap());
            assert!(row.contains(&price), "{price} is not in {row}");
        }
    }

    #[test]
    fn a_cost_is_below_the_price_and_some_are_unknown() {
        assert_eq!(cost(1_299, 1), Some(45_465));
        assert_eq!(cost(1_299, 40 << 4 | 1), Some(97_425));
        assert_eq!(cost(1_299, 16), None);
    }

    #[test]
    fn half_of_the_prices_are_below_the_median_and_none_is_free() {
        let stream = Stream::new(42, "prices");
        let prices: Vec<u64> = (0..10_000).map(|i| price(14_900, &mut stream.at(i))).collect();
        let cheap = prices.iter().filter(|&&price| price < 14_900).count();
        assert!((4_500..5_500).contains(&cheap), "{cheap}");
        assert!(prices.iter().all(|&price| (2_600..84_000).contains(&price)));
        assert!(prices.iter().any(|&price| price > 45_000), "some are expensive");
    }
}
