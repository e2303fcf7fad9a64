//! Why an operation on a quarantined message failed.

use std::borrow::Cow;

use axum::http::StatusCode;
use projections::event::{Kind, Reason};
use projections::fold::NotAtHand;

use crate::http::problem::{FieldError, Problem, ProblemType};
use crate::store;
use crate::store::quarantine::State;
use crate::stream;
use crate::stream::acknowledgement::Refusal;

/// Why an operation on a quarantined message failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No message is quarantined at that position.
    #[error("no message is quarantined at this position")]
    NotThere,
    /// It was decided before.
    #[error("the message was {} before", word(*.0))]
    Decided(State),
    /// Its replay was begun by somebody, and is not known to have ended.
    #[error("a replay of the message was begun and did not end; replay it again")]
    UnderWay,
    /// Its subject names no kind, so one has to be given.
    #[error("its subject names no kind of event; say which one it is")]
    KindNeeded,
    /// Its headers or its subject cannot be read, or not all of its body is kept.
    #[error("it cannot be sent as it was; send it with another payload or kind")]
    NotAsItWas,
    /// It would be quarantined again, for these reasons.
    #[error("it would be quarantined again: {}", in_words(.0))]
    StillInvalid(Vec<Reason>),
    /// The log is not the one that was folded.
    #[error("the log is not the one that the read models were made from")]
    AnotherLog,
    /// The live read models are of another version of the fold, so nothing can be tried on them.
    #[error(
        "version {made_by} of the fold made the read models, and it is tried by version {this}; try \
         again when those of this version are live"
    )]
    AnotherFold {
        /// That of the read models.
        made_by: u32,
        /// This program's.
        this: u32,
    },
    /// The read models changed under every attempt to read them at one position.
    #[error("the read models change too fast to try it; try again")]
    Busy,
    /// The log does not take it; it is not on the log.
    #[error("the log does not take it: {0}")]
    Refused(Refusal),
    /// The log did not answer: it is there, or it is not.
    #[error("the log did not answer; replay it again")]
    Unknown,
    /// The log could not be asked.
    #[error(transparent)]
    Log(#[from] stream::Error),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The fold asked for a document that was not loaded: a fault in this program.
    #[error(transparent)]
    Fold(#[from] NotAtHand),
}

impl Error {
    /// Whether it is about one message, so that others can be sent all the same.
    #[must_use]
    pub fn is_of_the_message(&self) -> bool {
        matches!(
            self,
            Error::NotThere
                | Error::Decided(_)
                | Error::UnderWay
                | Error::NotAsItWas
                | Error::KindNeeded
                | Error::StillInvalid(_)
        )
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Begun => "being replayed",
        State::Replayed => "replayed",
        State::Discarded => "discarded",
    }
}

fn in_words(reasons: &[Reason]) -> String {
    let words = reasons.iter().map(|Reason { field, message, .. }| match &**field {
        "" => message.clone(),
        field => format!("{field} {message}"),
    });
    words.collect::<Vec<_>>().join("; ")
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let conflict = |kind, error: &Error| Problem::of(kind, error.to_string());
        match error {
            Error::NotThere => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
            Error::Decided(_) => conflict(ProblemType::AlreadyResolved, &error),
            Error::UnderWay => conflict(ProblemType::ReplayUnderWay, &error),
            Error::AnotherLog => conflict(ProblemType::AnotherLog, &error),
            Error::KindNeeded => {
                let message = format!("must be one of {}", Kind::ALL.map(Kind::as_str).join(", "));
                Problem::invalid(vec![FieldError::new("kind", message)])
            }
            Error::NotAsItWas => {
                let message = "must be given, or `kind`: the message cannot be sent as it was";
                Problem::invalid(vec![FieldError::new("payload", message)])
            }
            Error::StillInvalid(reasons) => {
                let error = |it: Reason| FieldError::new(it.field, Cow::Owned(it.message));
                Problem::invalid(reasons.into_iter().map(error).collect())
                    .of_type(ProblemType::StillQuarantined)
            }
            Error::Refused(Refusal::TooLarge(bytes)) => {
                let message = format!("must be at most {bytes} bytes");
                Problem::invalid(vec![FieldError::new("payload", message)])
            }
            Error::AnotherFold { .. } => {
                Problem::unavailable(error.to_string(), 30).of_type(ProblemType::NotYetMade)
            }
            Error::Busy => Problem::unavailable(error.to_string(), 1),
            Error::Refused(_) | Error::Unknown | Error::Log(_) => {
                let message = "The log does not take it at the moment; replay it again";
                Problem::unavailable(message, 5).caused_by(error)
            }
            Error::Store(store) => crate::auth::error::Error::from(store).into(),
            Error::Fold(_) => Problem::internal(error),
        }
    }
}
