//! Faults of all kinds, and what is left afterwards.
//!
//! # Layout
//!
//! - [`kills`]: a service that is killed at any moment; [`servers`]: servers that are;
//! - [`rounds`]: every fault of `adaptive-bi-bench soak`, once;
//! - [`takeover`]: several services for one shop;
//! - [`growth`]: input that would make documents grow.

mod growth;
mod kills;
mod rounds;
mod servers;
mod takeover;
