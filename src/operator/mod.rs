//! How the service is, for those who operate it.
//!
//! # Layout
//!
//! - [`health`]: whether the program is up, and whether it can do its work;
//! - [`projections`]: how far the read models are, and what is done with their generations;
//! - [`metrics`]: what the service counts and times, for Prometheus.

pub mod health;
pub mod metrics;
pub mod projections;
