//! Orders: their lines, their statuses, and what came back of them.
//!
//! An order is stated by one event with all its lines, or by transactions that name it. Its
//! contribution to figures is a function of its row ([`bill`]), so events about it may
//! come in any order.

mod ask;
mod bill;
pub mod document;
pub mod event;
mod fold;
pub mod key;
pub mod patch;
mod priced;
mod share;
pub mod status;

pub use document::{
    Content, Irregularity, Line, Member, Order, PartialRefund, PlacedOrder, RefundedSale,
};
pub use event::Order as OrderEvent;
pub use patch::OrderStatus;
