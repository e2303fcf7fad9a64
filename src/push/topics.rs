//! The list of what is pushed: a line for each topic, with its figures and the events that carry
//! them.

use axum::http::Uri;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections::time::Time;
use projections::topic::Topics;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::timeout;

use crate::http::parameters::Parameters;
use crate::query::current::READ_WITHIN;
use crate::query::memory::ReadContext;
use crate::query::view::Figures;
use crate::query::{self, views};

/// All of them. Events keep their names for good.
pub const ALL: &[PushTopic] = &[
    // The overview of sales.
    of::<views::summary::Overview>(
        "requestCurrentMetrics",
        "currentMetrics",
        "realtimeSalesUpdate",
    ),
];

/// The topics that any of them is made of.
pub const MADE_OF: Topics = {
    let (mut topics, mut at) = (Topics::of(&[]), 0);
    while at < ALL.len() {
        topics = topics.union(ALL[at].made_of);
        at += 1;
    }
    topics
};

/// Figures that are pushed, and their events.
#[derive(Debug)]
pub struct PushTopic {
    /// The event by which a client asks for them.
    pub request: &'static str,
    /// The event that answers it.
    pub snapshot: &'static str,
    /// The event that carries them when they have changed.
    pub update: &'static str,
    /// The topics that they are made of.
    pub made_of: Topics,
    pub(super) read: Read,
}

/// Reads figures, asked with no parameters at that time, and writes them with their position.
type Read = for<'a> fn(ReadContext<'a>, Time) -> BoxFuture<'a, Result<Box<RawValue>, query::Error>>;

const fn of<F: Figures>(
    request: &'static str,
    snapshot: &'static str,
    update: &'static str,
) -> PushTopic {
    PushTopic { request, snapshot, update, made_of: F::TOPICS, read: read::<F> }
}

fn read<F: Figures>(
    from: ReadContext<'_>,
    now: Time,
) -> BoxFuture<'_, Result<Box<RawValue>, query::Error>> {
    #[derive(Serialize)]
    struct AtPosition<F> {
        #[serde(flatten)]
        figures: F,
        position: u64,
    }
    async move {
        let asked = F::Parameters::parse(&Uri::from_static("/"), now);
        let asked = asked.map_err(query::Error::Invalid)?;
        let figures = timeout(READ_WITHIN, F::read(from, &asked)).await;
        let figures = figures.map_err(|_| query::Error::TimedOut)??;
        let position = from.snapshot.checkpoint.position;
        to_raw_value(&AtPosition { figures, position }).map_err(query::Error::Unwritable)
    }
    .boxed()
}
