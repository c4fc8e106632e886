//! Files in a real bucket, loaded into a real database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod bulk;
mod collisions;
mod counts;
mod faults;
mod oracle;
mod order;
mod payments;
mod rates;
mod replaced;
mod scattered;
mod vocabulary;
mod world;
