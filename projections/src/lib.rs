//! The pure core of Adaptive BI: events in, changed documents out.
//!
//! No async, no clock, no environment, no I/O and no knowledge of any store: everything this
//! crate knows stands in its arguments, so the same events always give the same documents.
//!
//! # Layout, from the bottom to the top
//!
//! - [`value`]: amounts, instants and buckets of time.
//! - [`entity`], [`family`], [`topic`]: three of the lists that say what there is: what can be
//!   counted by, what is counted and how, which sets of figures change together.
//! - [`packed`]: tables of integers in a few bytes a row, and the rollups, tallies and
//!   vocabularies that are made of them.
//! - `json`: the members of an event's payload, read into values that cannot be wrong.
//! - One folder for each subject: [`sales`], [`feedback`], [`behaviour`], [`products`],
//!   [`customers`]. In each, `event` is what a producer says, `document` what is kept of it, and
//!   `fold` what the one changes in the other. `event` and `document` know nothing of the fold.
//! - [`ledger`], [`collections`]: the lists of what can be taken out again, and of what the store
//!   keeps.
//! - [`fold`]: a batch of events and the prior state, to changed documents.
//! - [`kinds`]: the list of kinds of events, each with how it is read and what it does; [`event`]:
//!   the way in, from the bytes of a message.
//! - [`testing`]: given some events, when others come, then the documents say so.
//!
//! A new kind of event is a folder and a line in each list that applies.

pub mod batch;
pub mod behaviour;
pub mod collection;
pub mod collections;
pub mod customers;
pub mod entity;
pub mod event;
pub mod family;
pub mod feedback;
pub mod fold;
mod json;
pub mod kinds;
pub mod ledger;
pub mod packed;
pub mod products;
pub mod sales;
pub mod testing;
pub mod topic;
pub mod value;

pub use packed::{rollup, table, tally, vocabulary};
pub use value::{bucket, money, time};
