//! The log: the only user of `async_nats`, and the only place that names a subject.
//!
//! # Layout
//!
//! From the bottom up:
//!
//! - [`address`]: where the server is and who we are to it; `settings`, `error`;
//! - [`subject`]: subjects as functions with strict parsers beside them;
//! - `record`: a message of the log; [`acknowledgement`]: what the log answers to an event;
//! - `writes`: what the answers say of whether it takes events at all; `answers`: the inbox that
//!   they come to; `duplicate`: a message that it says it has, compared with the one it has;
//! - `link`: the connection, made anew where it ended;
//! - `log`: one shop's log; [`ensure`]: the stream itself, made where there is none, looked at where
//!   there is one; `health`: whether it takes events;
//! - [`publish`]: events onto the log;
//! - `raw`: messages that the client cannot read, and what is wrong with them; [`hole`]: positions
//!   that the log lacks; [`read`]: events off the log, from a position, in order and without holes;
//! - [`check`]: whether the log is still the one a checkpoint was made from;
//! - [`damage`]: what an accident does to it, for tests of faults;
//! - [`announce`]: commits, told to every process.

pub mod acknowledgement;
pub mod address;
pub mod announce;
mod answers;
pub mod check;
pub mod damage;
mod duplicate;
pub mod ensure;
mod error;
mod health;
pub mod hole;
mod link;
mod log;
pub mod publish;
mod raw;
pub mod read;
mod record;
mod settings;
pub mod subject;
mod writes;

pub use self::error::Error;
pub use self::log::{Extent, Log};
pub use self::record::{REPLAY_OF, Record, Unreadable};
pub use self::settings::LogSettings;
