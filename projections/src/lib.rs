//! The pure core of Adaptive BI: events in, changed documents out.
//!
//! No async, no clock, no environment, no I/O and no knowledge of any store: everything this
//! crate knows stands in its arguments, so the same events always give the same documents.
//!
//! # Layout
//!
//! - [`event`]: the six kinds of event, parsed into types that cannot be wrong;
//!   [`money`] and [`time`]: the values they carry.
//! - [`fold`]: a batch of events and the prior state, to changed documents. [`space`] is where
//!   the documents stand while they are at hand.
//! - One file for each read model, its document and what an event changes in it: [`sales`],
//!   [`products`], [`customers`], [`behaviour`], [`feedback`]; and the [`ledger`] behind them.
//! - What they are made of: [`bucket`]s of time, [`sums`], packed [`table`]s arranged as
//!   [`rollup`]s, bounded [`vocabulary`]s, ids that were [`seen`], the [`rank`] of an event, the
//!   [`root`] of a generation.
//! - [`testing`]: given some events, when others come, then the documents say so.

pub mod behaviour;
pub mod bucket;
mod bytes;
pub mod customers;
pub mod event;
pub mod feedback;
pub mod fold;
pub mod ledger;
pub mod money;
pub mod products;
pub mod rank;
pub mod rollup;
pub mod root;
pub mod sales;
pub mod seen;
pub mod space;
pub mod sums;
pub mod table;
pub mod tally;
pub mod testing;
pub mod time;
pub mod vocabulary;
