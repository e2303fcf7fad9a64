//! The query side: `GET` handlers over one snapshot of the read models. No handler reads a
//! transaction; every answer says which position of the log it reflects.
//!
//! # Layout
//!
//! - [`view`]: figures that can be asked for; [`question`]: a view with its parameters; [`answer`]:
//!   the answer to every question; [`batch`]: those to many; [`wait`]: waiting for a position;
//! - [`latest`]: the newest snapshot, followed; [`cache`]: the responses of the newest;
//! - [`params`], the [`selection`] that they come to, [`statuses`], [`filter`], filters that are given
//!   [`alone`], [`range`], [`zone`], [`period`]: the parameters, as quarter hours and periods of local
//!   time;
//! - [`days`]: the buckets of rollups that make up a range, period by period;
//! - [`views`]: one file for each endpoint;
//! - the parts of views: [`sales`], by [`minutes`], [`entities`], distinct customers ([`members`]),
//!   the [`times`] at which they are counted, [`active`] ones, [`segments`], [`compare`], rows [`by_quarter`] hour, sums [`by_value`], the [`top`] of
//!   a [`ranking`], products and customers that are [`chosen`], [`activities`];
//! - the parts of lists: [`cursor`], what a row of the ledger is [`matching`], sales from the
//!   [`newest`] on, entities [`ranked`] by their sales;
//! - the data that is not read again: [`memory`], of [`ids`], of what is [`known`] of products and
//!   customers, and of rollups, `sums` and [`sets`], as far as their [`freshness`] is certain; read [`ahead`] of
//!   questions.

use std::time::Duration;

pub mod active;
pub mod activities;
pub mod ahead;
pub mod alone;
pub mod answer;
pub mod batch;
pub mod by_quarter;
pub mod by_value;
pub mod cache;
pub mod chosen;
pub mod compare;
pub mod cursor;
pub mod days;
mod deps;
pub mod entities;
mod error;
pub mod filter;
pub mod freshness;
pub mod ids;
pub mod known;
pub mod latest;
pub mod matching;
pub mod members;
pub mod memory;
pub mod minutes;
pub mod newest;
pub mod params;
pub mod period;
pub mod question;
pub mod range;
pub mod ranked;
pub mod ranking;
pub mod ratio;
mod rollups;
pub mod sales;
pub mod segments;
pub mod selection;
pub mod sets;
pub mod statuses;
mod sums;
pub mod times;
pub mod top;
pub mod view;
pub mod views;
pub mod vocabularies;
pub mod wait;
pub mod zone;

/// A database that takes longer for one read is taken to be down.
pub const READ_WITHIN: Duration = Duration::from_secs(5);

pub use self::deps::{AskLogEnd, Deps, system_clock};
pub use self::error::Error;
pub use self::views::routes;
