//! Reading your own writes: `X-Min-Position` with `Prefer: wait`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use super::latest::Latest;
use super::{Deps, Error};
use crate::http::problem::FieldError;
use crate::store::read::Snapshot;

/// The header that names a position to wait for.
pub const X_MIN_POSITION: &str = "x-min-position";

const WAIT_SECONDS_MAX: u64 = 60;
/// A database that takes longer for one read is taken to be down.
pub const READ_WITHIN: Duration = Duration::from_secs(10);

/// The position an answer has to reflect, and how long to wait for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Least {
    position: u64,
    wait: Duration,
    is_given: bool,
}

impl Least {
    /// Reads the headers of a request. A preference that is not understood is none (RFC 7240).
    ///
    /// # Errors
    /// Where the position is no number.
    pub fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let Some(position) = headers.get(X_MIN_POSITION) else { return Ok(Least::default()) };
        let position = position.to_str().ok().and_then(|text| text.trim().parse().ok());
        let message = "must be a position: a whole number, as in an answer's X-Position";
        let invalid = || Error::Invalid(vec![FieldError::new("X-Min-Position", message)]);
        Ok(Least::at(position.ok_or_else(invalid)?, wait(headers)))
    }

    /// A position, and how long to wait for it.
    #[must_use]
    pub fn at(position: u64, wait: Duration) -> Self {
        Least { position, wait, is_given: true }
    }
}

fn wait(headers: &HeaderMap) -> Duration {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let seconds = values.flat_map(|value| value.split([',', ';'])).find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let seconds = value.trim().trim_matches('"').parse().ok();
        seconds.filter(|_: &u64| name.trim().eq_ignore_ascii_case("wait"))
    });
    Duration::from_secs(seconds.unwrap_or(0).min(WAIT_SECONDS_MAX))
}

/// A snapshot that reflects at least that position. A generation that is not made yet is waited
/// for as a position is.
///
/// # Errors
/// [`Error::Behind`] where it is not reached in time, [`Error::Invalid`] where the log itself has
/// not reached it, [`Error::NoGeneration`], [`Error::TimedOut`], [`Error::Store`].
pub async fn snapshot(deps: &Deps, least: Least) -> Result<Arc<Snapshot>, Error> {
    let mut position = match newest(deps).await {
        Ok(snapshot) if snapshot.checkpoint.position >= least.position => return Ok(snapshot),
        Ok(snapshot) => snapshot.checkpoint.position,
        Err(Error::NoGeneration) if least.is_given => 0,
        Err(error) => return Err(error),
    };
    refuse_past_the_end(deps, least.position).await?;
    let deadline = Instant::now() + least.wait;
    let mut latest = deps.latest.clone();
    while let Ok(Ok(())) = timeout_at(deadline, latest.changed()).await {
        let Some(latest) = latest.borrow_and_update().clone() else { continue };
        position = latest.position();
        if position >= least.position {
            return Ok(latest.snapshot);
        }
    }
    Err(Error::Behind { position })
}

/// The newest snapshot: the follower's, unless it gets none.
async fn newest(deps: &Deps) -> Result<Arc<Snapshot>, Error> {
    let latest = deps.latest.borrow().clone().filter(Latest::is_fresh);
    match latest {
        Some(latest) => Ok(latest.snapshot),
        None => read(deps).await,
    }
}

/// A snapshot of this moment.
///
/// # Errors
/// [`Error::NoGeneration`], [`Error::TimedOut`], [`Error::Store`].
pub async fn read(deps: &Deps) -> Result<Arc<Snapshot>, Error> {
    let snapshot = tokio::time::timeout(READ_WITHIN, deps.store.snapshot()).await;
    snapshot.map_err(|_| Error::TimedOut)??.map(Arc::new).ok_or(Error::NoGeneration)
}

/// What the log's end was lately is enough to know that a position is in it; only one beyond is
/// worth asking the log itself. While NATS does not answer nobody can say, and the wait decides.
async fn refuse_past_the_end(deps: &Deps, position: u64) -> Result<(), Error> {
    if deps.log_end.borrow().is_some_and(|end| position <= end) {
        return Ok(());
    }
    match (deps.ask_log_end)().await {
        Some(end) if position > end => {
            let message = format!("must be at most {end}, where the log ends");
            Err(Error::Invalid(vec![FieldError::new("X-Min-Position", message)]))
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
    fn a_position_is_a_whole_number() {
        for position in ["", "-1", "1.5", "now", "18446744073709551616"] {
            assert_eq!(least(position, &[]), None, "{position}");
        }
    }
}
