//! Faults of all kinds, and the state after them.
//!
//! # Layout
//!
//! - [`kills`]: a service that is killed at any moment; [`servers`]: servers that are killed;
//! - [`rounds`]: every fault of `adaptive-bi-bench soak`, once;
//! - [`takeover`]: several services for one shop;
//! - [`growth`]: input that would make documents grow.

mod growth;
mod kills;
mod rounds;
mod servers;
mod takeover;
