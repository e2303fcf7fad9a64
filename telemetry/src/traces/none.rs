//! No traces: types without size and functions without a body.

use std::future::{Ready, ready};
use std::sync::Arc;

use http::StatusCode;
use projections::topic::Topics;

use super::Message;

/// The exporter of traces.
#[derive(Debug)]
pub struct Traces;

/// Starts nothing.
///
/// # Errors
/// None.
pub fn start() -> anyhow::Result<Traces> {
    Ok(Traces)
}

impl Traces {
    /// Stops nothing.
    pub fn stop(self) -> Ready<()> {
        ready(())
    }
}

/// The time at which something began.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment;

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Moment
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Request;

impl Request {
    /// A request of a route.
    #[must_use]
    pub fn of<B>(_: &http::Request<B>, _: &'static str) -> Self {
        Request
    }

    /// Does the work for it.
    pub fn within<F: Future>(&self, work: F) -> F {
        work
    }

    /// It was answered.
    pub fn answered(self, _: StatusCode) {}
}

/// Events of a request on their way to the log.
#[derive(Debug)]
pub struct Publishing;

impl Publishing {
    /// Those of the request that is being answered.
    #[must_use]
    pub fn begin() -> Self {
        Publishing
    }

    /// Does the work that sends them.
    pub fn within<F: Future>(&self, work: F) -> F {
        work
    }

    /// So many are on the log, and so many were not taken.
    pub fn answered(self, _taken: usize, _untaken: usize) {}
}

/// The `traceparent` of messages that are sent here and now.
#[must_use]
pub fn carried() -> Option<Arc<str>> {
    None
}

/// A batch on its way into the read models.
#[derive(Debug, Default)]
pub struct BatchTrace(());

impl BatchTrace {
    /// Of these messages, the first of which was read at that moment.
    #[must_use]
    pub fn of<'a>(_: impl ExactSizeIterator<Item = Message<'a>>, _: Moment) -> Self {
        BatchTrace(())
    }

    /// It is folded.
    pub fn folded(&mut self) {}

    /// It is committed; returns the `traceparent`s that its announcement carries.
    #[must_use]
    pub fn committed(self, _position: u64) -> Vec<String> {
        Vec::new()
    }
}

/// The `traceparent`s of commits that may not have been pushed yet.
#[derive(Debug, Clone, Default)]
pub struct Recent(());

impl Recent {
    /// A commit that will be pushed was announced.
    pub fn heard(&mut self, _touched: Topics, _position: u64, _traceparents: &[String]) {}

    /// Those of the commits after one position and up to another that touched any of these topics
    /// were pushed, in work that began at that moment.
    pub fn pushed(&self, _made_of: Topics, _after: u64, _to: u64, _: Moment) {}
}
