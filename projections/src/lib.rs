//! The pure core of Adaptive BI: events become changed documents.
//!
//! No async, no clock, no environment, no I/O and no knowledge of any store: all inputs of this
//! crate are its arguments, so the same events always give the same documents.
//!
//! # Layout, from the bottom to the top
//!
//! - [`value`]: amounts, quantities, instants and buckets of time.
//! - [`entity`], [`family`], [`topic`]: three of the lists: the entities that figures are counted
//!   by, the figures and how they are counted, the sets of figures that change together.
//! - [`packed`]: tables of integers in a few bytes a row, and the rollups, tallies and
//!   vocabularies that are made of them.
//! - [`history`]: the newest changes of an entity.
//! - `json`: the members of an event's payload, read into values that cannot be wrong.
//! - One folder for each subject: [`sales`], [`orders`], [`refunds`], [`rates`], [`feedback`], [`behaviour`], [`sessions`], [`funnel`],
//!   [`products`], [`customers`]. In each, `event` is the producer's statement, `document` the stored form of it,
//!   and `fold` the effect of the one on the other. `event` and `document` know nothing of the
//!   fold.
//! - [`ledger`], [`collections`]: the lists of the contributions that can be taken out again, and
//!   of the collections of the store; [`contributions`]: those of a row of the ledger, to be told.
//! - [`fold`]: a batch of events and the prior state become changed documents.
//! - [`kinds`]: the list of kinds of events, each with its reading and its effect; [`event`]: the
//!   entry, from the bytes of a message.
//! - [`testing`]: tests of the form "given some events, when others come, then the documents are
//!   so".
//!
//! A new kind of event is a folder and a line in each list that applies.

pub mod batch;
pub mod behaviour;
pub mod collection;
pub mod collections;
pub mod contributions;
pub mod customers;
pub mod entity;
pub mod event;
pub mod family;
pub mod feedback;
pub mod fold;
pub mod funnel;
pub mod history;
mod json;
pub mod kinds;
pub mod ledger;
pub mod orders;
pub mod packed;
pub mod products;
pub mod rates;
pub mod refunds;
pub mod sales;
pub mod sessions;
pub mod testing;
pub mod topic;
pub mod value;

pub use packed::{cells, rollup, table, tally, vocabulary};
pub use value::{bucket, currency, days, money, quantity, rate, text, time};
