//! Customers: what is stated of each, and what is counted.

pub mod document;
pub mod event;
mod fold;

pub use document::{Customer, CustomerDocument, Customers, GUEST_PREFIX, Profile, Row};
