//! Sales: transactions, their corrections and their returns.

pub mod document;
pub mod event;
mod fold;
pub mod status;
pub mod sums;

pub use document::Sale;
pub use event::Transaction;
pub use status::Status;
