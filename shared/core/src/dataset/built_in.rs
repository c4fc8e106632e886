//! The definitions that the shop's own datasets have: where a column is added.

use shopflow_privacy::Kind as PersonalData;

use super::definition::{Attribute, Definition, Dimension, Entity, Event, Format, Role};
use super::{Column, Dataset, Kind};
use crate::natural_key::{LONGEST, MOST_PARTS, NATURAL_KEY};
use crate::vocabulary::{ValueSet, Vocabulary};

/// The definitions built in, in load order: what is referred to comes before what refers to it. A
/// new dataset is put behind the others, where it may refer to any entity.
pub fn built_in() -> &'static [&'static Definition] {
    &BUILT_IN
}

static BUILT_IN: [&Definition; 6] =
    [&CUSTOMERS, &PRODUCTS, &TRANSACTIONS, &CLICKSTREAM, &EXCHANGE_RATES, &PAYMENTS];

const fn column(name: &'static str, kind: Kind, description: &'static str) -> Column {
    Column::required(name, kind, description)
}

const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Column {
    Column::optional(name, kind, description)
}

/// The key as a text, where the id is a number that was made of it; at most `limit` bytes.
const fn natural_key(limit: usize) -> Column {
    let meaning = "key in the source, where it is a text or several columns; the id is made of it";
    optional(NATURAL_KEY, Kind::Text(limit), meaning)
}

/// Bytes of the longest key that several columns make up.
const LONGEST_JOINED: usize = MOST_PARTS * (LONGEST + 1);

static CUSTOMERS: Definition = Definition {
    name: "customers",
    format: Format::Csv,
    columns: CUSTOMER_COLUMNS,
    role: Role::Entity(Entity {
        history: "customer_history",
        // Name and mailbox are personal: the warehouse knows neither.
        dimension: Some(Dimension {
            table: "dim_customer",
            key: "customer_key",
            id: "customer_id",
            attributes: &[
                Attribute::domain("email_domain", "email"),
                Attribute::overwritten("registration_date"),
                Attribute::versioned("country"),
            ],
        }),
    }),
};

const CUSTOMER_COLUMNS: &[Column] = &[
    column("id", Kind::Id, "customer number").about(PersonalData::CustomerId),
    column("name", Kind::Text(200), "full name").about(PersonalData::PersonName),
    column("email", Kind::Email, "e-mail address; absent if unknown")
        .about(PersonalData::Email)
        .relaxed(),
    column("registration_date", Kind::Date, "day the account was opened; absent if unknown")
        .relaxed(),
    column("country", Kind::Country, "country of residence, ISO 3166-1 alpha-2; absent if unknown")
        .relaxed(),
    natural_key(LONGEST).since(20).about(PersonalData::CustomerId),
];

static PRODUCTS: Definition = Definition {
    name: "products",
    format: Format::Csv,
    columns: PRODUCT_COLUMNS,
    role: Role::Entity(Entity {
        history: "product_history",
        dimension: Some(Dimension {
            table: "dim_product",
            key: "product_key",
            id: "product_id",
            attributes: &[
                Attribute::overwritten("name"),
                Attribute::versioned("category"),
                Attribute::versioned("supplier"),
                Attribute::versioned("price"),
                Attribute::versioned("cost"),
            ],
        }),
    }),
};

const PRODUCT_COLUMNS: &[Column] = &[
    column("id", Kind::Id, "product number").public(),
    column("name", Kind::Text(200), "name in the shop").public(),
    column(
        "category",
        Kind::OneOf(ValueSet::Configured(Vocabulary::Categories)),
        "category in the shop",
    )
    .public()
    .looked_up("categories", "category_id"),
    column("price", Kind::Price, "list price per unit in the shop's currency").public(),
    column("supplier", Kind::Text(200), "name of the supplier; absent if unknown")
        .looked_up("suppliers", "supplier_id")
        .relaxed(),
    natural_key(LONGEST).since(20).public(),
    optional(
        "cost",
        Kind::Amount,
        "what a unit costs the shop, in its currency; absent if unknown",
    )
    .since(23),
];

static TRANSACTIONS: Definition = Definition {
    name: "transactions",
    format: Format::Csv,
    columns: TRANSACTION_COLUMNS,
    role: Role::Event(Event { history: Some("transaction_history") }),
};

const TRANSACTION_COLUMNS: &[Column] = &[
    column("id", Kind::Id, "transaction number; one product in one order"),
    column("customer_id", Kind::Reference(Dataset::Customers), "who bought; absent for a guest")
        .about(PersonalData::CustomerId)
        .relaxed(),
    column(
        "product_id",
        Kind::Reference(Dataset::Products),
        "what was bought; absent for a line that is no product, such as postage or a voucher",
    )
    .relaxed()
    .or("unit_price"),
    column("quantity", Kind::Units, "units sold; negative for what came back"),
    column("timestamp", Kind::Timestamp, "moment of the sale"),
    column(
        "payment_method",
        Kind::OneOf(ValueSet::Configured(Vocabulary::PaymentMethods)),
        "how it was paid; absent if unknown",
    )
    .looked_up("payment_methods", "payment_method_id")
    .relaxed(),
    optional("order_id", Kind::Text(64), "order that the line belongs to").since(17),
    optional("line", Kind::Quantity, "number of the line within its order").since(17),
    optional(
        "unit_price",
        Kind::Amount,
        "price per unit that was charged, before the discount; else the list price of the moment",
    )
    .since(17),
    optional("discount", Kind::Discount, "taken off the line: up to 1 a share, over 1 money")
        .since(17),
    optional(
        "status",
        Kind::OneOf(ValueSet::Fixed(SALE_STATUSES)),
        "what became of the line; completed if absent",
    )
    .since(17),
    natural_key(LONGEST_JOINED).since(20),
    optional("tax", Kind::Money, "tax on the line; in no other sum").since(23),
    optional("shipping", Kind::Money, "what was charged for shipping the line; in no other sum")
        .since(23),
    optional(
        "currency",
        Kind::Currency,
        "currency of the line's amounts, ISO 4217; the shop's if absent",
    )
    .since(23),
];

/// What may become of a line of a sale.
const SALE_STATUSES: &[&str] = &["cancelled", "completed", "refunded", "returned"];

static CLICKSTREAM: Definition = Definition {
    name: "clickstream",
    format: Format::JsonLines,
    columns: CLICK_COLUMNS,
    role: Role::Event(Event { history: None }),
};

const CLICK_COLUMNS: &[Column] = &[
    column("event_id", Kind::Uuid, "event number"),
    column("session_id", Kind::Text(64), "visit the event belongs to")
        .about(PersonalData::SessionId),
    optional("customer_id", Kind::Reference(Dataset::Customers), "who clicked, if signed in")
        .about(PersonalData::CustomerId),
    column(
        "event_type",
        Kind::OneOf(ValueSet::Configured(Vocabulary::EventTypes)),
        "what happened",
    ),
    optional("product_id", Kind::Reference(Dataset::Products), "product shown or bought"),
    column("url", Kind::Text(2048), "page address").about(PersonalData::Url),
    optional("referrer", Kind::Text(2048), "page the visit came from").about(PersonalData::Url),
    column("device", Kind::OneOf(ValueSet::Configured(Vocabulary::Devices)), "kind of device"),
    column("country", Kind::Country, "country of the visitor, ISO 3166-1 alpha-2"),
    column("timestamp", Kind::Timestamp, "moment of the event"),
    optional(
        "amount",
        Kind::Amount,
        "what was paid, of a purchase, in the currency of the shop; absent if unknown",
    )
    .since(26),
];

static EXCHANGE_RATES: Definition = Definition {
    name: "exchange_rates",
    format: Format::Csv,
    columns: RATE_COLUMNS,
    role: Role::Entity(Entity { history: "exchange_rate_history", dimension: None }),
};

const RATE_COLUMNS: &[Column] = &[
    column("id", Kind::Id, "number of the rate, made of its day and currency").public(),
    column("rate_date", Kind::Date, "day of the rate").public(),
    column("currency", Kind::Currency, "currency, ISO 4217").public(),
    column("rate", Kind::Rate, "units of the currency for one unit of the base, such as the euro")
        .public(),
    natural_key(LONGEST_JOINED).public(),
];

static PAYMENTS: Definition = Definition {
    name: "payments",
    format: Format::Csv,
    columns: PAYMENT_COLUMNS,
    role: Role::Entity(Entity { history: "payment_history", dimension: None }),
};

const PAYMENT_COLUMNS: &[Column] = &[
    column("id", Kind::Id, "payment number"),
    column("order_id", Kind::Text(64), "order that was paid"),
    optional("sequence", Kind::Quantity, "number of the payment within its order"),
    optional(
        "payment_method",
        Kind::OneOf(ValueSet::Configured(Vocabulary::PaymentMethods)),
        "how it was paid; absent if unknown",
    )
    .looked_up("payment_methods", "payment_method_id"),
    column("amount", Kind::Money, "what was paid; negative for what was paid back"),
    optional("currency", Kind::Currency, "currency of the amount, ISO 4217; the shop's if absent"),
    optional("payment_date", Kind::Date, "day of the payment; absent if unknown"),
    natural_key(LONGEST_JOINED),
];
