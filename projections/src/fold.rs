//! The fold: events and the prior state they need, to changed documents.
//!
//! - `state`: what a fold is: the root, the working sets, what it remembers of ids.
//! - `kind`: what a kind of event tells the fold; `ask`: what it can ask for before it is folded.
//! - `entry`: the one way in which a newer event of an entity replaces what an older one
//!   contributed.
//! - [`version`]: which of two events is the newer; [`dedup`]: which were seen; [`root`]: what a
//!   generation knows as a whole; [`working_set`]: documents at hand.
//! - `complete`: what is different where a whole log is folded at once.
//!
//! [`crate::batch`] takes the steps of a batch in their order.

mod ask;
mod complete;
pub mod dedup;
pub(crate) mod entry;
mod kind;
mod outcome;
pub mod root;
mod state;
pub mod version;
pub mod working_set;

pub use ask::Ask;
pub use kind::{EventKind, Stamp};
pub use outcome::Outcome;
pub(crate) use state::known;
pub use state::{Fold, Named, Resolved};
pub use working_set::NotAtHand;
