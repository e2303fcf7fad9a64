//! The log: the only user of `async_nats`, and the only place that names a subject.
//!
//! # Layout
//!
//! From the bottom up:
//!
//! - [`address`]: the server's address and the credentials for it; `settings`, `error`;
//! - [`subject`]: subjects as functions with strict parsers beside them;
//! - `record`: a message of the log; [`acknowledgement`]: the log's answers to an event;
//! - `writes`: whether the log takes events at all, as the answers tell; `answers`: the inbox for
//!   the answers; `duplicate`: a message that the log calls a duplicate, compared with the stored
//!   one;
//! - `group`: events of many callers in batches, and the outcome of each; `turn`: the order in which
//!   these are sent; `outbox`: those that wait; `outgoing`: as callers name them;
//! - `link`: the connection, made anew when it has ended;
//! - `log`: one shop's log; [`ensure`]: the stream itself, made if there is none, checked if there
//!   is one; `health`: whether it takes events;
//! - `commit`: those that wait, sent as atomic batches; [`lane`]: a caller's way there; [`publish`]:
//!   events onto the log;
//! - `raw`: messages that the client cannot read, and their flaws; [`hole`]: positions that the log
//!   lacks; [`read`]: events off the log, from a position, in order and without holes; [`browse`]: parts
//!   of the log for those who look at it beside the fold;
//! - [`check`]: whether the log is still the one that a checkpoint was made from;
//! - [`damage`]: damage to the log as by an accident, for tests of faults;
//! - [`announce`]: commits, told to every process.

pub mod acknowledgement;
pub mod address;
pub mod announce;
mod answers;
pub mod browse;
pub mod check;
mod commit;
pub mod damage;
mod duplicate;
pub mod ensure;
mod error;
mod group;
mod health;
pub mod hole;
pub mod lane;
mod link;
mod log;
mod outbox;
mod outgoing;
pub mod publish;
mod raw;
pub mod read;
mod record;
mod settings;
pub mod subject;
mod turn;
mod writes;

pub use self::error::Error;
pub use self::log::{Extent, Log};
pub use self::record::{REPLAY_OF, Record, Unreadable};
pub use self::settings::LogSettings;
