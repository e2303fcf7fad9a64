//! Why a query gets no answer.

use std::sync::Arc;

use crate::http::problem::{FieldError, Problem, ProblemType};
use crate::store;

/// Why a query gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter is not allowed.
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
    /// The answer could not be written as JSON.
    #[error("writing the answer")]
    Unwritable(#[source] serde_json::Error),
    /// The error of another request that asked for the same.
    #[error(transparent)]
    Shared(Arc<Error>),
}

impl Error {
    /// Whether the same question about a newer snapshot will do.
    #[must_use]
    pub fn is_snapshot_gone(&self) -> bool {
        match self {
            Error::Store(error) => error.is_snapshot_gone(),
            Error::Shared(error) => error.is_snapshot_gone(),
            _ => false,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match error {
            Error::Shared(error) => problem(error),
            error => problem(Arc::new(error)),
        }
    }
}

fn problem(error: Arc<Error>) -> Problem {
    match &*error {
        Error::Invalid(errors) => Problem::invalid(errors.clone()),
        // No fault, so no cause for the log.
        Error::NoGeneration => Problem::unavailable("The read models are being made", 1),
        Error::Behind { position } => {
            Problem::unavailable("The read models have not reached this position yet", 1)
                .of_type(ProblemType::ProjectionBehind)
                .with("position", *position)
        }
        // An upgrade makes what lacks; a newer process answers what this one must not read.
        Error::Store(cause @ store::Error::NotYetMade { .. }) => {
            Problem::unavailable(cause.to_string(), 30).of_type(ProblemType::NotYetMade)
        }
        Error::Store(cause @ store::Error::Newer { .. }) => {
            Problem::unavailable(cause.to_string(), 30)
        }
        Error::Store(cause) if !cause.is_unavailable() => Problem::internal(error),
        Error::Unwritable(_) => Problem::internal(error),
        Error::TimedOut | Error::Store(_) => unreachable_now(error),
        Error::Shared(inner) => problem(inner.clone()),
    }
}

fn unreachable_now(error: Arc<Error>) -> Problem {
    Problem::unavailable("The database does not answer at the moment", 2).caused_by(error)
}
