//! Customers: what is stated of each, and what is counted.

pub mod document;
pub mod event;
mod fold;

pub use document::{Customer, Customers, GUEST_PREFIX, Profile, Record, Row};
