//! Sales: transactions, their corrections and their returns; the figures that every sale is counted in.

pub mod basis;
pub(crate) mod count;
pub mod document;
pub mod event;
mod fold;
pub mod status;
pub mod sums;

pub use basis::Basis;
pub use document::{Returned, Sale};
pub use event::Transaction;
pub use status::Status;
