//! The work on generations, as it is shown.

use projections::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::work::{Ended, Work};

/// The work under way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Working {
    /// The step that it is at, such as `bulk`.
    doing: String,
    generation: u32,
    position: u64,
    /// The position that it goes to; null if it goes to none.
    target: Option<u64>,
    /// Events a second, lately.
    rate: u64,
    /// The seconds left at that rate; null while there is none.
    seconds_left: Option<u64>,
}

impl Working {
    /// The work as it was last reported.
    #[must_use]
    pub fn of(work: &Work) -> Self {
        let target = Some(work.target).filter(|it| *it > 0);
        Working {
            doing: work.doing.clone(),
            generation: work.generation,
            position: work.position,
            target,
            rate: work.rate,
            seconds_left: target.and_then(|_| work.seconds_left()),
        }
    }
}

/// The result of the last command.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastCommand {
    command: String,
    done: bool,
    message: String,
    #[schema(format = DateTime)]
    at: String,
}

impl From<Ended> for LastCommand {
    fn from(Ended { command, done, message, at }: Ended) -> Self {
        LastCommand { command, done, message, at: Time(at).to_rfc3339() }
    }
}
