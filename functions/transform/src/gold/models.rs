//! What models say of customers and products; the mathematics is in `shopflow_models`.

pub mod fits;
pub mod lifetime;
pub mod recommend;
