//! The funnel: customers who view, then add to the cart, then purchase.

pub mod document;
mod fold;

pub use document::{Attempt, Funnel, Place, State, Step};
