//! The state of the service, for operators.
//!
//! # Layout
//!
//! - [`health`]: whether the program is up, and whether it can do its work; [`state`]: the state of
//!   each part;
//! - [`projections`]: the progress of the read models, and the work on their generations;
//! - [`metrics`]: the metrics of the service, for Prometheus; [`performance`]: the size of the
//!   database.

pub mod health;
pub mod metrics;
pub mod performance;
pub mod projections;
pub mod pulse;
pub mod state;
