//! Files in a real bucket, loaded into a real database.

mod bulk;
mod counts;
mod faults;
mod order;
mod world;
