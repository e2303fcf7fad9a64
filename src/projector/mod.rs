//! The projector: read, fold, commit, announce; each event exactly once.
//!
//! # Layout
//!
//! From the bottom up:
//!
//! - [`status`]: its state, and the reasons why it halts; [`error`]: why a session could not go on;
//!   `clock`: pauses that a stop ends; `threads`: the threads that it runs on;
//! - [`progress`]: whether the fold moves on; [`judge`]: the same, followed for every reader;
//! - [`verify`]: whether the log is the one that the checkpoint was made from;
//! - [`batch`]: messages off the log, gathered and parsed;
//! - [`renewal`]: the lease, kept while it folds;
//! - `pace`: the time between commits; [`changes`]: what they changed, kept for who asks for it;
//! - [`session`]: one run from a checkpoint, until something ends it; `fault`: the report of the
//!   error that ended it;
//! - `turns`: session after session, with the lease;
//! - [`alone`]: one command about other generations at a time, and the fold held while it must
//!   rest; [`generations`]: the parts that such commands share;
//! - [`rebuild`]: the next generation, made from the log beside the live one; `bulk`: most of it;
//! - [`switch`]: two generations compared, the live one exchanged, an old one dropped; `upgrade`:
//!   one that an older fold made, exchanged by itself.

pub mod alone;
pub mod batch;
mod bulk;
pub mod changes;
mod clock;
pub mod error;
mod fault;
pub mod generations;
pub mod judge;
mod pace;
pub mod progress;
pub mod rebuild;
pub mod renewal;
pub mod session;
pub mod status;
pub mod switch;
pub mod threads;
mod turns;
mod upgrade;
pub mod verify;

pub use self::error::Error;
pub use self::generations::Generations;
pub use self::session::Projector;
