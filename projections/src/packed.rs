//! Integers in a few bytes each, side by side in one document.
//!
//! [`table`] is the form of a rollup, and [`rollup`] defines the tables and the meaning of their
//! rows, [`cells`] which of those by three values share a table, [`additions`] what a batch adds to them; `rows` is the form of a tally, and [`tally`] defines the place of each entity;
//! [`vocabulary`] has the values behind codes.

pub mod additions;
mod bytes;
pub mod cells;
pub mod rollup;
pub(crate) mod rows;
pub mod table;
pub mod tally;
mod varint;
pub mod vocabulary;

use serde::{Deserialize, Serialize};

pub(crate) use bytes::Bytes;
pub(crate) use varint::{put_varint, take_varint, unzigzag, zigzag};

/// A document that is stored as packed bytes alone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Packed<T> {
    /// The bytes.
    pub t: T,
}
