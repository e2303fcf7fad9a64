//! Reading your own writes: `X-Min-Position` with `Prefer: wait`. While there are no read models
//! yet, a request that may wait waits for them, too.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use super::READ_WITHIN;
use super::deps::Deps;
use super::error::Error;
use super::latest::Latest;
use crate::http::parameters::Parameter;
use crate::http::parameters::values::{Own, POSITION, Text};
use crate::http::prefer;
use crate::http::problem::{FieldError, Location};
use crate::store::read::Snapshot;

/// The header that names a position to wait for.
pub const X_MIN_POSITION: &str = "x-min-position";
/// The same, as a parameter.
pub const MIN_POSITION: Parameter<Own<u64>> = Parameter::header(
    "X-Min-Position",
    "The position of the log that the answer has to reflect. With `Prefer: wait` it is waited for.",
    Own {
        read: |text| {
            let position = text.trim().parse();
            position.map_err(|_| "must be a position: a whole number, as in an answer's X-Position")
        },
        ..POSITION
    },
);
/// The time to wait for it. A preference that is not understood is none.
pub const PREFER: Parameter<Text> = Parameter::header(
    "Prefer",
    "`wait=5` waits up to 5 seconds for the position, and at most 60.",
    Text { min: 0, max: 256, allowed: "must be a preference, such as wait=5" },
)
.example("wait=5");

const WAIT_MAX: Duration = Duration::from_mins(1);
/// A log that takes longer to state its end is not waited for.
const LOG_ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// The position that an answer has to reflect, 0 for any, and the time to wait for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Least {
    position: u64,
    wait: Duration,
}

impl Least {
    /// Reads the headers of a request. A preference that is not understood is none (RFC 7240).
    ///
    /// # Errors
    /// Fails if the position is not a number.
    pub fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let wait = wait(headers);
        let Some(position) = headers.get(X_MIN_POSITION) else {
            return Ok(Least { position: 0, wait });
        };
        let position = MIN_POSITION.read(position.to_str().unwrap_or_default());
        Ok(Least { position: position.map_err(|error| Error::Invalid(vec![error]))?, wait })
    }
}

fn wait(headers: &HeaderMap) -> Duration {
    prefer::wait(headers, None).unwrap_or_default().min(WAIT_MAX)
}

/// A snapshot that reflects at least that position.
///
/// # Errors
/// [`Error::Behind`] where it is not reached in time, [`Error::NoGeneration`] where none was asked
/// for and there are still no read models, [`Error::Invalid`] where the log itself has not reached
/// it, [`Error::TimedOut`], [`Error::Store`].
pub async fn snapshot(deps: &Deps, least: Least) -> Result<Arc<Snapshot>, Error> {
    let deadline = Instant::now() + least.wait;
    let mut latest = deps.latest.clone();
    let mut found = newest(deps).await?;
    if !reaches(found.as_ref(), least) && least.position > 0 {
        refuse_past_the_end(deps, least.position).await?;
    }
    while !reaches(found.as_ref(), least)
        && let Ok(Ok(())) = timeout_at(deadline, latest.changed()).await
    {
        found = latest.borrow_and_update().clone().map(|latest| latest.snapshot);
    }
    match found {
        Some(snapshot) if reaches(Some(&snapshot), least) => Ok(snapshot),
        None if least.position == 0 => Err(Error::NoGeneration),
        behind => Err(Error::Behind { position: behind.map_or(0, |it| it.checkpoint.position) }),
    }
}

fn reaches(found: Option<&Arc<Snapshot>>, least: Least) -> bool {
    found.is_some_and(|snapshot| snapshot.checkpoint.position >= least.position)
}

/// The newest snapshot: the follower's, unless it gets none.
async fn newest(deps: &Deps) -> Result<Option<Arc<Snapshot>>, Error> {
    let latest = deps.latest.borrow().clone().filter(Latest::is_fresh);
    match latest {
        Some(latest) => Ok(Some(latest.snapshot)),
        None => read(deps).await,
    }
}

/// A snapshot of this moment.
///
/// # Errors
/// [`Error::TimedOut`], [`Error::Store`].
pub async fn read(deps: &Deps) -> Result<Option<Arc<Snapshot>>, Error> {
    let snapshot = tokio::time::timeout(READ_WITHIN, deps.store.snapshot()).await;
    Ok(snapshot.map_err(|_| Error::TimedOut)??.map(Arc::new))
}

/// A recent end of the log is enough to know that a position is in it; only for one beyond is the
/// log itself asked. While NATS does not answer nobody can say, and the wait decides.
async fn refuse_past_the_end(deps: &Deps, position: u64) -> Result<(), Error> {
    if deps.log_end.borrow().is_some_and(|end| position <= end) {
        return Ok(());
    }
    let asked = tokio::time::timeout(LOG_ANSWERS_WITHIN, (deps.ask_log_end)()).await;
    match asked.ok().flatten() {
        Some(end) if position > end => {
            let message = format!("must be at most {end}, where the log ends");
            let error = FieldError::new("X-Min-Position", message).at(Location::Headers);
            Err(Error::Invalid(vec![error]))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn least(position: &str, prefer: &[&str]) -> Option<(u64, u64)> {
        let mut headers = HeaderMap::new();
        headers.insert(X_MIN_POSITION, position.parse().unwrap());
        for value in prefer {
            headers.append("prefer", value.parse().unwrap());
        }
        Least::of(&headers).ok().map(|least| (least.position, least.wait.as_secs()))
    }

    #[test]
    fn a_preference_may_stand_among_others() {
        assert_eq!(least("7", &["wait=5"]), Some((7, 5)));
        assert_eq!(least("7", &["respond-async, Wait = \"5\""]), Some((7, 5)));
        assert_eq!(least("7", &["return=minimal", "respond-async; wait=10"]), Some((7, 10)));
    }

    #[test]
    fn a_preference_that_is_not_understood_is_none_and_a_long_one_is_a_minute() {
        assert_eq!(least("7", &[]), Some((7, 0)));
        assert_eq!(least("7", &["wait=soon", "wait=-1", "wait"]), Some((7, 0)));
        assert_eq!(least("7", &["wait=3600"]), Some((7, 60)));
    }

    #[test]
    fn who_asks_for_no_position_may_wait_all_the_same() {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", "wait=5".parse().unwrap());
        let least = Least::of(&headers).unwrap();
        assert_eq!(least, Least { position: 0, wait: Duration::from_secs(5) });
    }

    #[test]
    fn a_position_is_a_whole_number() {
        for position in ["", "-1", "1.5", "now", "18446744073709551616"] {
            assert_eq!(least(position, &[]), None, "{position}");
        }
    }
}
