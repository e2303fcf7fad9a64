//! A subscriber: the topics that one client follows, and what it is sent next. It knows no socket: a
//! transport takes what is next when it can send it.
//!
//! Nothing waits in a queue of its own. Frames wait in the ring of their topic, once for all; a
//! subscriber keeps the number of the last frame that it took, so one that does not keep up is behind
//! by numbers and not by bytes, and gets a snapshot when the way is gone or longer than that. The events
//! wait in the log; of these it keeps the position.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::counter;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::channels::Channels;
use super::events::follower::Follower;
use super::events::kinds::Kinds;
use super::frame::{Cursor, Frame, Kind, Mark};
use super::offers::{Offer, Offered};
use super::outgoing::{self, Outgoing, Told, told};
use super::subscription::{Figures, Of, Stands, Subscription};
use super::words::{Refused, Subscribed, Unsubscribed};
use crate::http::door::limits::LimitKey;
use crate::http::door::shares::{Full, Shares};
use crate::http::problem::{Problem, ProblemType};
use crate::rights::caller::Caller;
use crate::telemetry;

/// The topics that one connection may follow.
pub const TOPICS_MAX: usize = 50;
/// Those of a caller on all its connections, and those of all callers.
const SUBSCRIPTIONS: (usize, usize) = (1_000, 100_000);
/// A process that is behind where a client was has this long to come there.
const COMES_WITHIN: Duration = Duration::from_secs(5);

/// The bounds on subscriptions of all callers.
#[derive(Debug, Clone)]
pub struct Bounds(Shares<String>);

impl Default for Bounds {
    fn default() -> Self {
        let (of_caller, all) = SUBSCRIPTIONS;
        Bounds(Shares::new(of_caller, all))
    }
}

/// The topics that one client follows.
pub struct Subscriber {
    channels: Channels,
    bounds: Bounds,
    caller: Arc<Caller>,
    wake: Arc<Notify>,
    topics: Vec<Subscription>,
    words: VecDeque<Outgoing>,
    /// The topic that is looked at first, so that none waits for another.
    turn: usize,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Subscriber {
    /// Follows nothing yet.
    #[must_use]
    pub fn new(channels: Channels, bounds: Bounds, caller: Caller) -> Self {
        // Most follow one.
        let (topics, words) = (Vec::with_capacity(1), VecDeque::new());
        let (caller, wake) = (Arc::new(caller), Arc::default());
        Subscriber { channels, bounds, caller, wake, topics, words, turn: 0 }
    }

    /// Follows a topic, from where the client was; a client that follows it already begins anew.
    /// What comes of it is among the words that are sent.
    pub fn subscribe(&mut self, name: &str, since: Option<Cursor>) {
        if let Err(problem) = self.try_subscribe(name, since) {
            self.words.push_back(refused(name, &problem));
        }
    }

    /// Follows a topic.
    ///
    /// # Errors
    /// Fails if there is none of that name, the caller may not have it, or a bound is reached.
    pub fn try_subscribe(&mut self, name: &str, since: Option<Cursor>) -> Result<(), Problem> {
        let offered = self.offer(name)?;
        self.drop_frames(name);
        if self.topics.iter().filter(|it| it.told.is_none()).count() >= TOPICS_MAX {
            let message = format!("A connection can follow {TOPICS_MAX} topics at most");
            return Err(Problem::of(ProblemType::RateLimited, message));
        }
        let LimitKey(who) = LimitKey::of(&self.caller);
        let share = self.bounds.0.take(who.clone()).map_err(too_many_subscriptions)?;
        let since = since.map(|since| (since, Instant::now() + COMES_WITHIN));
        let of = match offered {
            Offered::Figures(offer) => Of::Figures(self.figures(&offer, &who, since)?),
            Offered::Events(kinds) => Of::Events(Box::new(self.events(name, kinds, since)?)),
        };
        let (trouble, told, share) = (None, None, Some(share));
        self.topics.push(Subscription { of, trouble, told, _share: share });
        Ok(())
    }

    /// Is told of a topic as a whole: now, and each time that it changes. A transport does this with the
    /// few topics that its clients know by a word; they are no subscriptions of the caller's.
    ///
    /// # Errors
    /// Fails if there are no figures of that name, or the caller may not have them.
    pub fn listen(&mut self, name: &str, told: Told) -> Result<(), Problem> {
        let Offered::Figures(offer) = self.offer(name)? else {
            let message = "Events are followed by frames";
            return Err(Problem::new(StatusCode::BAD_REQUEST, message));
        };
        self.leave(told.kind);
        let LimitKey(who) = LimitKey::of(&self.caller);
        let following =
            self.channels.follow(&offer, &who, &self.wake).map_err(too_many_questions)?;
        let of = Of::Figures(Figures { following, stands: Stands::Seen(0), has: None });
        self.topics.push(Subscription { of, trouble: None, told: Some(told), _share: None });
        Ok(())
    }

    /// Is told by the word of that kind no more.
    pub fn leave(&mut self, kind: &str) {
        self.topics.retain(|it| it.told.is_none_or(|told| told.kind != kind));
    }

    /// The caller, with the rights that they have now.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The channels that it follows.
    #[must_use]
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    fn figures(
        &mut self,
        offer: &Offer,
        who: &str,
        since: Option<(Cursor, Instant)>,
    ) -> Result<Figures, Problem> {
        let following = self.channels.follow(offer, who, &self.wake).map_err(too_many_questions)?;
        let stands = if let Some((since, by)) = since {
            Stands::Back(since, by)
        } else {
            let (topic, recovered, position) = (&**offer.name(), None, None);
            self.words.push_back(told(&Subscribed { topic, recovered, position }));
            Stands::Seen(0)
        };
        Ok(Figures { following, stands, has: None })
    }

    /// A client has one position in the log, so it follows the events once.
    fn events(
        &self,
        name: &str,
        kinds: Kinds,
        since: Option<(Cursor, Instant)>,
    ) -> Result<Follower, Problem> {
        if self.topics.iter().any(|it| matches!(it.of, Of::Events(_))) {
            let message = "A connection can follow the events once; name all their kinds at once";
            return Err(Problem::new(StatusCode::BAD_REQUEST, message));
        }
        let (events, wake) = (self.channels.events().clone(), self.wake.clone());
        Ok(Follower::new(events, name.into(), kinds, since, wake))
    }

    fn offer(&self, name: &str) -> Result<Offered, Problem> {
        Offered::of(name, &self.caller, self.channels.now(), self.channels.language())
    }

    /// Follows a topic no more.
    pub fn unsubscribe(&mut self, name: &str) {
        self.drop_frames(name);
        self.words.push_back(told(&Unsubscribed { topic: name, message: None }));
    }

    /// The same without a word.
    pub fn drop_frames(&mut self, name: &str) {
        self.topics.retain(|it| !it.is_frames_of(name));
    }

    /// Judges every subscription again, by the rights that the caller has now. One that they may not
    /// have any more ends; one whose figures depend on rights begins anew.
    pub fn judge(&mut self, caller: Caller) {
        self.caller = Arc::new(caller);
        let all: Vec<_> = self.topics.iter().map(|it| (it.name().clone(), it.told)).collect();
        for (name, told) in all {
            match (self.offer(&name), told) {
                // They are the same to all who may have them.
                (Ok(Offered::Events(_)), None) => {}
                (Ok(Offered::Figures(offer)), _)
                    if self.topics.iter().any(|it| it.is_of(&offer, told)) => {}
                (Ok(Offered::Figures(_)), None) => self.subscribe(&name, None),
                (_, Some(told)) => {
                    self.leave(told.kind);
                    // What may not be told any more is not told; it has no word for that.
                    let _ = self.listen(&name, told);
                }
                (Err(problem), None) => {
                    self.drop_frames(&name);
                    let message = Some(problem.message());
                    self.words.push_back(outgoing::told(&Unsubscribed { topic: &name, message }));
                }
            }
        }
    }

    /// Has a word to send beside its own.
    pub fn say(&mut self, word: Outgoing) {
        self.words.push_back(word);
    }

    /// What is sent next, once there is something. Nothing is lost where it is not waited for.
    pub async fn next(&mut self) -> Outgoing {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.moved().await;
        }
    }

    /// Is notified where there is something new.
    pub(super) fn wake(&self) -> &Arc<Notify> {
        &self.wake
    }

    /// Waits until there may be something new since this was awaited last.
    pub(super) async fn moved(&self) {
        match self.topics.iter().filter_map(Subscription::deadline).min() {
            Some(by) => tokio::select! {
                () = self.wake.notified() => {}
                () = sleep_until(by) => {}
            },
            None => self.wake.notified().await,
        }
    }

    /// What is sent next, if there is something.
    pub(super) fn take(&mut self) -> Option<Outgoing> {
        for topic in self.topics.iter_mut().filter(|it| it.told.is_none()) {
            self.words.extend(topic.settle());
        }
        if let Some(word) = self.words.pop_front() {
            return Some(word);
        }
        let count = self.topics.len();
        for at in (0..count).map(|ahead| (self.turn + ahead) % count) {
            if let Some(frame) = self.topics[at].take() {
                self.turn = at + 1;
                if let Some(told) = self.topics[at].told {
                    return Some(Outgoing::Word(told.kind, frame.form(told.kind, told.write)));
                }
                let mark = self.mark(&frame);
                return Some(Outgoing::Frame(frame, mark));
            }
        }
        None
    }

    /// The mark from which a client can go on with every topic as they are now; `None` where one of them
    /// has not come yet.
    pub fn mark_now(&mut self) -> Option<Mark> {
        let first = self.topics.iter_mut().find(|it| it.told.is_none())?;
        let cursor = first.has_now()?;
        self.mark_of(cursor, None)
    }

    /// The same once it has a frame.
    fn mark(&mut self, frame: &Frame) -> Option<Mark> {
        let figures = (frame.kind != Kind::Events).then_some(frame.cursor.position);
        self.mark_of(frame.cursor, figures)
    }

    /// The mark of the log and the generation of a cursor.
    fn mark_of(&mut self, of: Cursor, mut figures: Option<u64>) -> Option<Mark> {
        let mut events = None;
        for topic in self.topics.iter_mut().filter(|it| it.told.is_none()) {
            let has = topic.has_now().filter(|has| has.compares_with(of))?.position;
            match topic.of {
                Of::Figures(_) => figures = Some(figures.map_or(has, |it: u64| it.min(has))),
                Of::Events(_) => events = Some(has),
            }
        }
        let position = figures.or(events)?;
        let cursor = Cursor { position, ..of };
        Some(Mark { cursor, events: events.filter(|events| *events != position) })
    }
}

fn refused(name: &str, problem: &Problem) -> Outgoing {
    let (status, message) = (problem.status().as_u16(), problem.message());
    told(&Refused { topic: name, status, message })
}

fn too_many_subscriptions(full: Full) -> Problem {
    counter!(telemetry::PUSH_REFUSED, "bound" => full.name()).increment(1);
    let message = match full {
        Full::OfOne => "This caller follows as many topics as one may",
        Full::InAll => "As many topics are followed as can be",
    };
    Problem::of(ProblemType::RateLimited, message)
}

fn too_many_questions(full: Full) -> Problem {
    counter!(telemetry::PUSH_REFUSED, "bound" => full.name()).increment(1);
    let message = match full {
        Full::OfOne => {
            "This caller follows as many different views as one may; topics can be followed"
        }
        Full::InAll => "As many different views are followed as can be; topics can be followed",
    };
    Problem::of(ProblemType::RateLimited, message)
}
