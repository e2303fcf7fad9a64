//! The error that ended a session, reported in the log, in the status of this process, and in the
//! store for the other ones.

use std::time::Duration;

use tracing::{debug, warn};

use super::clock::now_ms;
use super::error::Error;
use super::session::Projector;
use super::status::State;
use crate::causes::describe;
use crate::store::folder::Fault;
use crate::telemetry;

/// A store that has not taken the fault by then is at fault itself, and nobody waits for it.
const SAID_WITHIN: Duration = Duration::from_secs(2);
/// A server's answer is cut to this length.
const CHARACTERS_MAX: usize = 300;

/// Tells an error. A halt, or a start that has not ended yet, keeps its state.
pub(super) fn tell(projector: &Projector, error: &Error) {
    let fault = Fault {
        kind: kind(error).to_owned(),
        message: describe(error).chars().take(CHARACTERS_MAX).collect(),
        at: now_ms(),
    };
    telemetry::fault(kind(error));
    warn!(error = fault.message, "beginning again at the checkpoint");
    projector.status.send_if_modified(|status| {
        let ends = !matches!(status.state, State::Halted(_) | State::Starting);
        if ends {
            status.state = match error {
                Error::Overtaken => State::Standby,
                _ => State::Again(fault.clone()),
            };
        }
        ends
    });
    let store = projector.store.clone();
    // This is not waited for: if the store is the fault, the next session must not begin later for
    // it.
    tokio::spawn(async move {
        match tokio::time::timeout(SAID_WITHIN, store.say_fault(&fault)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(error = describe(&error), "others are not told of a fault"),
            Err(_) => debug!("others are not told of a fault: no answer in time"),
        }
    });
}

/// The source of an error, in one word.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::Store(_) => "store",
        Error::Refused { .. } => "refused",
        Error::Overtaken => "overtaken",
        Error::Panicked(_) => "panic",
        Error::NoReader => "reader",
        Error::Log(_) => "log",
        Error::Fold(_) => "fold",
    }
}
