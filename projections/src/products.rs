//! Products: what the catalogue and the warehouse state, and what is counted of each.

pub mod document;
pub mod event;
mod fold;
pub mod id;
pub mod stock;

pub use document::{CatalogueEntry, Product, ProductDocument, Products, Row};
pub use id::RESERVED;
