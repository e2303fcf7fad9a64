//! Adaptive BI: a shop's events, folded exactly once into live read models.
pub mod bench;
pub mod projector;
pub mod services;
pub mod store;
pub mod stream;
