//! Products: the statements of the catalogue and the warehouse, and the counts of each product.

pub mod document;
pub mod event;
mod fold;
pub mod id;
pub mod stock;

pub use document::{
    CatalogueEntry, LocationStock, Product, ProductDocument, Products, Row, on_hand,
};
pub use id::RESERVED;
