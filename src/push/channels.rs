//! The channels: one for each question that somebody follows, however many do. A channel reads its
//! figures when a commit changed them or their range rolled on, keeps the last [frames](super::ring),
//! and wakes its followers; these take what they need when they can, and nobody waits for another.

mod channel;

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use metrics::{counter, gauge};
use projections::time::Time;
use projections::topic::Topics;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::channel::Following;
use self::channel::{Channel, lock};
use super::alerts::Alerts;
use super::beat::Beat;
use super::events::Events;
use super::events::source::Source;
use super::frame::Cursor;
use super::offers::Offer;
use super::ring::Reading;
use crate::failpoint;
use crate::http::door::shares::{Full, Share, Shares};
use crate::http::problem::Problem;
use crate::operator;
use crate::operator::health::Health;
use crate::query::latest::Latest;
use crate::query::question::{Question, figures};
use crate::query::wait::{self, Least};
use crate::query::{self, Deps};
use crate::store::read::Snapshot;
use crate::telemetry;
use crate::telemetry::traces::Moment;

/// A channel that nobody follows goes on for so long, so that who was cut off finds its frames.
const LINGER: Duration = Duration::from_mins(1);
/// The time between two looks whether the range of a question rolled on.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The state of the service is looked at this often.
const LOOK_AT_SERVICE: Duration = Duration::from_secs(5);
/// Alerts are read at least this often, should one not have been heard of.
const LOOK_AT_ALERTS: Duration = Duration::from_secs(30);
/// Channels that read their figures at a time; further ones wait for their turn.
const AT_A_TIME: usize = 4;
/// A snapshot whose time has gone by is taken anew this often.
const ATTEMPTS: usize = 3;

/// All channels of a shop.
#[derive(Debug, Clone)]
pub struct Channels(Arc<Shared>);

type Key = (Arc<str>, u64);

struct Shared {
    deps: Deps,
    health: Health,
    alerts: Alerts,
    all: Mutex<HashMap<Key, Arc<Channel>>>,
    /// The questions to views, by the caller who asked them first.
    questions: Shares<String>,
    /// There is one frame of a topic for each such time at most.
    apart: Duration,
    turns: Semaphore,
    ids: AtomicU64,
    events: Events,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("channels", &lock(&self.all).len()).finish_non_exhaustive()
    }
}

/// The bounds and times of channels.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The questions to views at a time, of which a caller may have half.
    pub questions: usize,
    /// There is one frame of a topic for each such time at most.
    pub apart: Duration,
}

impl Channels {
    /// No channel yet. The events are those of `log`. Channels end at `stop`.
    #[must_use]
    pub fn new(
        deps: Deps,
        health: Health,
        alerts: Alerts,
        options: Options,
        log: Arc<dyn Source>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let Options { questions, apart } = options;
        let (its_tasks, its_stop) = (tasks.clone(), stop.clone());
        let pulse = health.pulse.clone();
        let events = Events::new(deps.clone(), log, pulse, apart, its_tasks, its_stop);
        Channels(Arc::new(Shared {
            deps,
            health,
            alerts,
            all: Mutex::default(),
            questions: Shares::new(questions.div_ceil(2), questions),
            apart,
            turns: Semaphore::new(AT_A_TIME),
            ids: AtomicU64::new(0),
            events,
            tasks,
            stop,
        }))
    }

    /// The events.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.0.events
    }

    /// The server's time.
    #[must_use]
    pub fn now(&self) -> Time {
        (self.0.deps.now)()
    }

    /// The language of the figures.
    #[must_use]
    pub fn language(&self) -> &str {
        self.0.deps.cache.language()
    }

    /// The position of the last commit that this process knows of.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.deps.latest.borrow().as_ref().map_or(0, Latest::position)
    }

    /// The figures that answer questions, all of one snapshot, and its position; asked once, without
    /// following them.
    ///
    /// # Errors
    /// As a query of them.
    pub async fn figures(&self, questions: &[Question]) -> Result<(Vec<Bytes>, u64), query::Error> {
        let read = timeout(query::READ_WITHIN, Box::pin(self.0.answers(questions))).await;
        let (snapshot, answers) = read.map_err(|_| query::Error::TimedOut)??;
        Ok((answers.iter().map(figures).collect(), snapshot.checkpoint.position))
    }

    /// Follows an offer for that caller; `wake` is notified when there is something new.
    ///
    /// # Errors
    /// Fails if it is another question and there are as many as there may be.
    pub fn follow(&self, offer: &Offer, who: &str, wake: &Arc<Notify>) -> Result<Following, Full> {
        let id = self.0.ids.fetch_add(1, Ordering::Relaxed);
        let mut all = lock(&self.0.all);
        let channel = if let Some(channel) = all.get(&offer.key()) {
            channel.clone()
        } else {
            let share = offer.is_view().then(|| self.place(&mut all, who)).transpose()?;
            let channel = Arc::new(Channel::new(offer.clone(), share, self.0.stop.child_token()));
            all.insert(offer.key(), channel.clone());
            let (shared, task) = (self.0.clone(), channel.clone());
            self.0.tasks.spawn(async move { shared.keep(task).await });
            channel
        };
        gauge!(telemetry::PUSH_QUESTIONS).set(number(all.len()));
        let mut state = channel.state();
        state.followers.insert(id, wake.clone());
        state.idle_since = None;
        drop(state);
        Ok(Following { channel, id })
    }

    /// A place among the questions; where there is none, one that nobody follows leaves its own.
    fn place(
        &self,
        all: &mut HashMap<Key, Arc<Channel>>,
        who: &str,
    ) -> Result<Share<String>, Full> {
        let full = match self.0.questions.take(who.to_owned()) {
            Ok(share) => return Ok(share),
            Err(full) => full,
        };
        let is_left = |channel: &Channel| {
            let state = channel.state();
            let is_theirs = full == Full::InAll
                || state.share.as_ref().is_some_and(|share| share.who().as_str() == who);
            (state.followers.is_empty() && state.share.is_some() && is_theirs)
                .then_some(state.idle_since)
                .flatten()
        };
        let left = all.iter().filter_map(|(key, channel)| Some((is_left(channel)?, key.clone())));
        let Some((_, key)) = left.min_by_key(|(since, _)| *since) else { return Err(full) };
        if let Some(channel) = all.remove(&key) {
            channel.end.cancel();
            channel.state().share = None;
        }
        self.0.questions.take(who.to_owned())
    }
}

impl Shared {
    /// Runs a channel to its end; a panic in one reading does not leave its followers without any more.
    async fn keep(self: Arc<Self>, channel: Arc<Channel>) {
        let heart = self.health.pulse.begin();
        loop {
            let running = AssertUnwindSafe(Box::pin(self.run(&channel))).catch_unwind();
            if heart.beat_while(running).await.is_ok() {
                return;
            }
            tracing::error!(topic = &**channel.offer.name(), "reading it panicked; it goes on");
            sleep_until(Instant::now() + LOOK_AGAIN).await;
        }
    }

    /// Keeps a channel's frames up to date until nobody wants them.
    async fn run(&self, channel: &Arc<Channel>) {
        let mut latest = self.deps.latest.clone();
        let (mut alerts, has_alerts) = (self.alerts.heard(), channel.offer.owners().is_some());
        let mut again = interval(LOOK_AGAIN);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beat = Beat::new(self.apart);
        loop {
            let is_due = self.is_due(channel, &mut latest);
            let ended = async {
                if is_due {
                    sleep_until(beat.next()).await;
                    beat.is_now();
                    if !self.read(channel).await {
                        beat.rests(Instant::now() + LOOK_AGAIN);
                    }
                } else {
                    tokio::select! {
                        changed = latest.changed() => {
                            if changed.is_err() {
                                std::future::pending::<()>().await;
                            }
                        }
                        _ = alerts.changed(), if has_alerts => {}
                        _ = again.tick() => {}
                    }
                }
            };
            tokio::select! {
                () = channel.end.cancelled() => break,
                () = ended => {}
            }
            if self.is_left(channel) {
                break;
            }
        }
    }

    /// Whether nobody wants the channel any more; it is forgotten then.
    fn is_left(&self, channel: &Arc<Channel>) -> bool {
        let mut all = lock(&self.all);
        let is_left = channel.state().idle_since.is_some_and(|since| since.elapsed() >= LINGER);
        let key = channel.offer.key();
        // One that left its place has none to lose: another may be there by now.
        if is_left && all.get(&key).is_some_and(|it| Arc::ptr_eq(it, channel)) {
            all.remove(&key);
            gauge!(telemetry::PUSH_QUESTIONS).set(number(all.len()));
        }
        is_left
    }

    /// Whether the figures have to be read anew; where not, up to where they are known to be the same.
    fn is_due(&self, channel: &Channel, latest: &mut watch::Receiver<Option<Latest>>) -> bool {
        let snapshot = latest.borrow_and_update().as_ref().map(|latest| latest.snapshot.clone());
        let Ok(question) = channel.offer.ask((self.deps.now)(), self.language()) else {
            return false;
        };
        let Some(question) = question else {
            return self.is_due_again(channel, snapshot.as_deref());
        };
        let Some(snapshot) = snapshot else { return false };
        let (at, changed) = (cursor(&snapshot), snapshot.changed().of(question.topics()));
        let mut state = channel.state();
        if state.ring.is_due(at, changed, question.key()) {
            return true;
        }
        state.ring.unchanged(at, self.is_settled(channel, &question, &snapshot));
        false
    }

    /// The same where there is no question to a view.
    fn is_due_again(&self, channel: &Channel, snapshot: Option<&Snapshot>) -> bool {
        let mut state = channel.state();
        let is_older = |than| state.read_at.is_none_or(|at| at.elapsed() >= than);
        let Some(owners) = channel.offer.owners() else { return is_older(LOOK_AT_SERVICE) };
        if is_older(LOOK_AT_ALERTS) || state.heard != self.alerts.number(owners) {
            return true;
        }
        if let Some(snapshot) = snapshot {
            state.ring.unchanged(cursor(snapshot), false);
        }
        false
    }

    /// Whether a question was the same when the snapshot was committed.
    fn is_settled(&self, channel: &Channel, question: &Question, snapshot: &Snapshot) -> bool {
        let then = Time(snapshot.checkpoint.committed_at);
        let then = channel.offer.ask(then, self.language());
        then.is_ok_and(|then| then.is_some_and(|then| then.key() == question.key()))
    }

    /// Reads the figures, and wakes the followers where they are news; says whether they were read.
    async fn read(&self, channel: &Channel) -> bool {
        let Ok(_turn) = self.turns.acquire().await else { return false };
        let begun = Moment::now();
        if failpoint::are_there() {
            // One that stops here stops this task alone, and no thread that others run on.
            tokio::task::block_in_place(|| failpoint::pass("push-read"));
        }
        let heard = channel.offer.owners().map_or(0, |owners| self.alerts.number(owners));
        let read = timeout(query::READ_WITHIN, Box::pin(self.reading(channel))).await;
        let read = read.unwrap_or(Err(query::Error::TimedOut));
        let mut state = channel.state();
        state.read_at = Some(Instant::now());
        let is_read = read.is_ok();
        if is_read {
            state.heard = heard;
        }
        let is_news = match read {
            Ok((topics, reading)) => {
                state.trouble = None;
                let (before, now) = (state.ring.position(), reading.cursor.position);
                let is_news = state.ring.take(reading);
                if is_news {
                    counter!(telemetry::PUSH_FRAMES).increment(1);
                    if let Some(before) = before.filter(|_| !state.followers.is_empty()) {
                        self.trace(topics, before, now, begun);
                    }
                }
                is_news
            }
            Err(error) => {
                tracing::debug!(%error, topic = &**channel.offer.name(), "figures were not read");
                let message = Problem::from(error).message().to_owned();
                let is_news = state.trouble.as_deref() != Some(&message);
                state.trouble = Some(message.into());
                is_news
            }
        };
        // They look at the state as soon as they are woken, so it is left before.
        let woken: Vec<_> =
            if is_news { state.followers.values().cloned().collect() } else { Vec::new() };
        drop(state);
        for wake in woken {
            wake.notify_one();
        }
        is_read
    }

    /// What was committed after one position and up to another is pushed.
    fn trace(&self, topics: Topics, before: u64, now: u64, begun: Moment) {
        if let Some(latest) = &*self.deps.latest.borrow() {
            latest.traces.pushed(topics, before, now, begun);
        }
    }

    async fn reading(&self, channel: &Channel) -> Result<(Topics, Reading), query::Error> {
        let at = (self.deps.now)();
        let question = channel.offer.ask(at, self.language());
        let question = question.map_err(|_| query::Error::NotFound("There is no such view"))?;
        let Some(question) = question else {
            return Ok((Topics::default(), self.of_no_view(channel, at).await?));
        };
        let (snapshot, answers) = self.answers(std::slice::from_ref(&question)).await?;
        let answer = answers.first().map(figures).unwrap_or_default();
        let reading = Reading {
            cursor: cursor(&snapshot),
            changed: snapshot.changed().of(question.topics()),
            key: question.key().clone(),
            is_settled: self.is_settled(channel, &question, &snapshot),
            at,
            data: channel.offer.of_figures(&answer),
        };
        Ok((question.topics(), reading))
    }

    /// The answers to questions, of one snapshot.
    async fn answers(
        &self,
        questions: &[Question],
    ) -> Result<(Arc<Snapshot>, Vec<Bytes>), query::Error> {
        let mut snapshot = wait::snapshot(&self.deps, Least::default()).await?;
        for attempt in 1.. {
            let all = questions.iter().map(|question| async {
                let etag = question.etag(&snapshot);
                self.deps.cache.get_once(question, &etag, &snapshot).await
            });
            match try_join_all(all).await {
                Ok(answers) => return Ok((snapshot, answers)),
                Err(error) if error.is_snapshot_gone() && attempt < ATTEMPTS => {
                    snapshot = wait::read(&self.deps).await?.ok_or(query::Error::NoGeneration)?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(query::Error::TimedOut)
    }

    /// Alerts, or the state of the service, which have no position of their own: that of the newest
    /// snapshot.
    async fn of_no_view(&self, channel: &Channel, at: Time) -> Result<Reading, query::Error> {
        let latest = self.deps.latest.borrow().as_ref().map(|latest| cursor(&latest.snapshot));
        let cursor = latest.unwrap_or(Cursor { log: None, generation: 0, position: 0 });
        let (data, key) = if let Some(owners) = channel.offer.owners() {
            (serde_json::to_vec(&self.alerts.newest(owners).await?), "alerts")
        } else {
            (serde_json::to_vec(&operator::state::State::of(&self.health).await), "service")
        };
        let data = data.map_err(query::Error::Unwritable)?.into();
        let (changed, is_settled) = (cursor.position, false);
        Ok(Reading { cursor, changed, key: key.into(), is_settled, at, data })
    }

    fn language(&self) -> &str {
        self.deps.cache.language()
    }
}

fn cursor(snapshot: &Snapshot) -> Cursor {
    Cursor::of(&snapshot.checkpoint)
}

fn number(it: usize) -> f64 {
    f64::from(u32::try_from(it).unwrap_or(u32::MAX))
}
