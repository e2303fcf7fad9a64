//! The fold: events and the prior state that they need become changed documents.
//!
//! - `state`: the parts of a fold: the root, the working sets, the ids that it remembers.
//! - `kind`: the interface of a kind of event to the fold; `ask`: the requests of an event before
//!   it is folded.
//! - `entry`: the one way in which a newer event of an entity replaces the contribution of an older
//!   one.
//! - [`version`]: the newer of two events; [`dedup`]: the ids that were seen; [`root`]: the totals
//!   of a generation; [`working_set`]: documents at hand.
//! - `complete`: the differences when a whole log is folded at once.
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
