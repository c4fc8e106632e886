//! Models of customers and products: numbers in, numbers out. No AWS, no Postgres, no query engine.
//!
//! | module | question |
//! |---|---|
//! | [`bgnbd`] | is a customer still there, and how often will they come back? |
//! | [`nbd`] | how often will they come back, if nobody leaves? |
//! | [`frequency`] | which of the two fits? |
//! | [`gamma_gamma`] | how much do they spend each time? |
//! | [`lifetime`] | so what are they worth over the next months? |
//! | [`baskets`], [`copurchase`] | which products are bought together? |
//!
//! Models are fitted by maximum likelihood ([`fit`], [`newton`]) with analytic gradients and
//! Hessians. Sums are taken in a fixed order and elementary functions come from `libm`, so the
//! same customers give the same bits however many threads there are and on every architecture.
//!
//! ```
//! use shopflow_models::bgnbd::BgNbd;
//! use shopflow_models::purchases::Purchases;
//!
//! // The parameters of the CDNOW sample, in weeks.
//! let model = BgNbd::new(0.2426, 4.4136, 0.7929, 2.4259)?;
//! let customer = Purchases::new(2, 30.43, 38.86)?;
//! assert!((model.probability_alive(&customer) - 0.7266).abs() < 1e-4);
//! assert!((model.expected_purchases(&customer, 39.0) - 1.2259).abs() < 1e-3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod baskets;
pub mod bgnbd;
pub mod copurchase;
pub mod fit;
pub mod frequency;
pub mod gamma_gamma;
pub mod lifetime;
pub mod nbd;
pub mod newton;
pub mod parallel;
pub mod purchases;
mod series;
pub mod special;
