//! Customers: the statements about each, and its counts.

pub mod document;
pub mod event;
mod fold;

pub use document::{Customer, CustomerDocument, Customers, GUEST_PREFIX, Profile, Row};
