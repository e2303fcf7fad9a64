//! One topic that a client follows, and where the client stands with it.

use std::sync::Arc;

use metrics::counter;
use tokio::time::Instant;

use super::channels::Following;
use super::events::follower::{Begun, Follower};
use super::frame::{Cursor, Frame};
use super::offers::Offer;
use super::outgoing::{Outgoing, Told, told};
use super::ring::Resumed;
use super::words::{Subscribed, Trouble};
use crate::http::door::shares::Share;
use crate::telemetry;

/// A topic that a client follows.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) of: Of,
    /// The trouble that it was told of.
    pub(super) trouble: Option<Arc<str>>,
    /// How it is told as a whole; without it, it is followed by frames.
    pub(super) told: Option<Told>,
    pub(super) _share: Option<Share<String>>,
}

/// The view or topic that is followed.
#[derive(Debug)]
pub(super) enum Of {
    Figures(Figures),
    Events(Box<Follower>),
}

/// Figures that are followed.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) following: Following,
    pub(super) stands: Stands,
    /// The cursor up to which the client has all of it.
    pub(super) has: Option<Cursor>,
}

/// Where a client stands with a topic.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stands {
    /// It was away, and is back; this is how long the process may take to come where it was.
    Back(Cursor, Instant),
    /// It has seen the frame of this number; 0 for none.
    Seen(u64),
}

impl Subscription {
    pub(super) fn name(&self) -> &Arc<str> {
        match &self.of {
            Of::Figures(figures) => figures.following.offer().name(),
            Of::Events(follower) => follower.topic(),
        }
    }

    pub(super) fn is_frames_of(&self, name: &str) -> bool {
        self.told.is_none() && **self.name() == *name
    }

    pub(super) fn is_of(&self, offer: &Offer, told: Option<Told>) -> bool {
        match &self.of {
            Of::Figures(figures) => {
                figures.following.offer().key() == offer.key()
                    && self.told.map(|it| it.kind) == told.map(|it| it.kind)
            }
            Of::Events(_) => false,
        }
    }

    /// The time at which it has to be looked at again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.of {
            Of::Figures(Figures { stands: Stands::Back(_, by), .. }) => Some(*by),
            Of::Figures(_) => None,
            Of::Events(follower) => follower.deadline(),
        }
    }

    /// Finds out whether a client that was away can go on; says what became of it, and of a trouble.
    pub(super) fn settle(&mut self) -> Option<Outgoing> {
        let begun = match &mut self.of {
            Of::Figures(figures) => figures.settle().map(|it| (Some(it), None)),
            Of::Events(follower) => {
                follower.settle().map(|Begun { recovered, position }| (recovered, Some(position)))
            }
        };
        let Some((recovered, position)) = begun else { return self.tell_trouble() };
        if let Some(recovered) = recovered {
            let label = if recovered { "true" } else { "false" };
            counter!(telemetry::PUSH_RESUMED, "recovered" => label).increment(1);
        }
        Some(told(&Subscribed { topic: self.name(), recovered, position }))
    }

    fn tell_trouble(&mut self) -> Option<Outgoing> {
        let trouble = match &self.of {
            Of::Figures(figures) => figures.following.trouble(),
            Of::Events(follower) => follower.trouble(),
        };
        if trouble == self.trouble {
            return None;
        }
        self.trouble.clone_from(&trouble);
        let message = trouble?;
        Some(told(&Trouble { topic: self.name(), message: &message }))
    }

    pub(super) fn take(&mut self) -> Option<Arc<Frame>> {
        match &mut self.of {
            Of::Figures(figures) if self.told.is_some() => figures.take_whole(),
            Of::Figures(figures) => figures.take(),
            Of::Events(follower) => follower.take(),
        }
    }

    /// How far the client has it, by all that is known by now.
    pub(super) fn has_now(&mut self) -> Option<Cursor> {
        match &mut self.of {
            Of::Figures(figures) => figures.has_now(),
            Of::Events(follower) => follower.has(),
        }
    }
}

impl Figures {
    /// Whether a client that was away can go on, once that is known.
    fn settle(&mut self) -> Option<bool> {
        let Stands::Back(since, by) = self.stands else { return None };
        let seen = match self.following.resume(since) {
            Resumed::After(number) => number,
            Resumed::Ahead if Instant::now() < by => return None,
            Resumed::Lost | Resumed::Ahead => 0,
        };
        let recovered = seen > 0;
        self.stands = Stands::Seen(seen);
        self.has = recovered.then_some(since);
        Some(recovered)
    }

    fn take(&mut self) -> Option<Arc<Frame>> {
        let Stands::Seen(seen) = self.stands else { return None };
        let frame = self.following.after(seen)?;
        if seen > 0 && frame.number > seen + 1 {
            counter!(telemetry::PUSH_SKIPPED).increment(frame.number - seen - 1);
        }
        (self.stands, self.has) = (Stands::Seen(frame.number), Some(frame.cursor));
        Some(frame)
    }

    /// The newest state as a snapshot, if it is another than the one that was taken last.
    fn take_whole(&mut self) -> Option<Arc<Frame>> {
        let Stands::Seen(seen) = self.stands else { return None };
        let frame = self.following.whole(seen)?;
        (self.stands, self.has) = (Stands::Seen(frame.number), Some(frame.cursor));
        Some(frame)
    }

    fn has_now(&mut self) -> Option<Cursor> {
        let Stands::Seen(seen) = self.stands else { return None };
        let has = self.has.as_mut()?;
        if let Some(known) = self.following.known(seen) {
            has.position = has.position.max(known);
        }
        Some(*has)
    }
}
