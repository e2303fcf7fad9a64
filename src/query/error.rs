//! Why a query gets no answer.

use crate::http::problem::{FieldError, Problem};
use crate::store;

/// Why a query gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for is not allowed.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// No generation was made yet.
    #[error("there are no read models yet")]
    NoGeneration,
    /// The read models have not reached the position that was asked for.
    #[error("the read models are at {position}")]
    Behind {
        /// The position they have reached.
        position: u64,
    },
    /// The database took too long.
    #[error("the database took too long")]
    TimedOut,
    /// The read models could not be read.
    #[error("reading the read models")]
    Store(#[from] store::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match error {
            Error::Invalid(errors) => Problem::invalid(errors),
            Error::NoGeneration => {
                Problem::unavailable("The read models are being made", 1).caused_by(error)
            }
            Error::Behind { position } => {
                Problem::unavailable("The read models have not reached this position yet", 1)
                    .of_type("projection-behind")
                    .with("position", position)
            }
            Error::TimedOut => unreachable_now(error),
            Error::Store(ref cause) if cause.is_unavailable() => unreachable_now(error),
            Error::Store(cause) => Problem::internal(cause),
        }
    }
}

fn unreachable_now(error: Error) -> Problem {
    Problem::unavailable("The database does not answer at the moment", 2).caused_by(error)
}
