//! The looks at rules: after commits, and again as time goes by. Rules that ask the same share one
//! reading with each other, with subscribers and with queries. Every process looks; of those that see
//! a rule come to hold, the one whose write meets the state it was judged by records it, and the others
//! hear of it when they read the rules again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use projections::time::Time;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deps::{Alerts, Look, caller, everybody};
use super::head::Head;
use super::state::{self, Step};
use super::window::{before, last, uri};
use super::{deliver, rules};
use crate::query::question::Question;
use crate::query::range::Quarters;
use crate::query::views::Refused;
use crate::query::{self, READ_WITHIN};
use crate::rights::caller::Caller;
use crate::store::platform::alerts::{AlertRow, AlertState, Condition, Owner};
use crate::store::platform::crossings::CrossingRow;
use crate::store::read::Snapshot;
use crate::store::{self, time};
use crate::{failpoint, telemetry};

/// The least time between two looks; a look that takes longer is followed by as long a pause.
const PACE: Duration = Duration::from_millis(250);
/// The time between two readings of the rules, and so between two looks at the clock.
const READ_AGAIN: Duration = Duration::from_secs(2);
/// A crossing is kept for so long.
const KEPT: Duration = Duration::from_hours(24 * 90);
/// A place where the program can be told to die: a crossing is recorded, and nobody is told.
pub const RECORDED: &str = "alert-recorded";

const NOT_ALLOWED: &str = "the rule's owner may not ask the view any more";
const NOT_A_VIEW: &str = "the view cannot be asked like this";
const NO_NUMBER: &str = "the view's answer has no such number now";
const NOT_READ: &str = "the view is not answered at the moment";

/// The rules as they were read, and what was seen of them.
struct Evaluator {
    alerts: Alerts,
    rules: Vec<Watched>,
    /// How often each rule had come to hold, as far as that was told; `None` before the rules were read.
    told: Option<HashMap<String, i64>>,
    head: Head,
    /// When the events at some positions were published.
    published: HashMap<u64, Option<Time>>,
}

/// A rule that is looked at.
struct Watched {
    row: AlertRow,
    /// The caller as whom its view is asked.
    caller: Option<Caller>,
    /// What was looked at last; the same again is no news.
    seen: Option<String>,
}

/// A figure as it was read.
#[derive(Debug, Clone, Copy, Default)]
struct Figure {
    value: Option<f64>,
    before: Option<f64>,
    holds: Option<bool>,
}

/// The answers of one look, by their tags.
type Answers = HashMap<String, Arc<Value>>;

/// Looks at the rules until `stop`.
pub async fn run(alerts: Alerts, stop: CancellationToken) {
    stop.run_until_cancelled(look_again(alerts)).await;
}

async fn look_again(alerts: Alerts) {
    let mut latest = alerts.queries.latest.clone();
    let changed = alerts.changed.clone();
    let (rules, told, head, published) = (Vec::new(), None, Head::default(), HashMap::new());
    let mut evaluator = Evaluator { alerts, rules, told, head, published };
    let mut read_at = Instant::now();
    loop {
        let began = Instant::now();
        if read_at <= began {
            match timeout(READ_WITHIN, evaluator.read()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "alerts were not read"),
                Err(_) => tracing::warn!("alerts were not read in time"),
            }
            read_at = Instant::now() + READ_AGAIN;
        }
        let newest = latest.borrow_and_update().clone().filter(query::latest::Latest::is_fresh);
        let mut is_over = false;
        if let Some(newest) = newest {
            is_over = evaluator.look(&newest.snapshot).await;
        }
        sleep(began.elapsed().max(PACE)).await;
        if is_over {
            read_at = Instant::now();
        }
        tokio::select! {
            _ = latest.changed() => {}
            () = sleep_until(read_at) => {}
            () = changed.notified() => read_at = Instant::now(),
        }
    }
}

impl Evaluator {
    /// Reads the rules and their owners' rights, and tells of what others recorded.
    async fn read(&mut self) -> Result<(), store::Error> {
        let rows = self.alerts.platform.active_alerts().await?;
        gauge!(telemetry::ALERTS).set(f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX)));
        let mut people: Vec<String> = rows.iter().filter_map(|row| user(&row.owner)).collect();
        people.sort_unstable();
        people.dedup();
        let members = if people.is_empty() {
            Vec::new()
        } else {
            self.alerts.platform.members(&people).await?
        };
        let members: HashMap<_, _> = members.into_iter().map(|it| (it.id.clone(), it)).collect();
        self.hear(&rows).await?;
        let mut seen: HashMap<String, Watched> =
            self.rules.drain(..).map(|it| (it.row.id.clone(), it)).collect();
        let watched = |row: AlertRow| {
            let caller = match &row.owner {
                Owner::Role(role) => Some(everybody(*role)),
                Owner::User(id) => members.get(id).cloned().map(caller),
            };
            // What was seen is judged anew where the rule, or its state, is another.
            let before = seen.remove(&row.id).filter(|it| it.row == row);
            Watched { row, caller, seen: before.and_then(|it| it.seen) }
        };
        self.rules = rows.into_iter().map(watched).collect();
        let mut looks = self.alerts.looks();
        looks.retain(|id, _| self.rules.iter().any(|it| it.row.id == *id));
        Ok(())
    }

    /// Tells of the crossings that other processes recorded.
    async fn hear(&mut self, rows: &[AlertRow]) -> Result<(), store::Error> {
        let numbers = || rows.iter().map(|row| (row.id.clone(), row.state.number)).collect();
        let Some(told) = &mut self.told else {
            self.told = Some(numbers());
            return Ok(());
        };
        for row in rows {
            let told = told.entry(row.id.clone()).or_default();
            if row.state.number > *told {
                for crossing in self.alerts.platform.crossings_after(&row.id, *told).await? {
                    if crossing.is_told {
                        self.alerts.recorded.tell(crossing);
                    }
                }
                *told = row.state.number;
            }
        }
        told.retain(|id, _| rows.iter().any(|row| row.id == *id));
        Ok(())
    }

    /// Looks at every rule, as a snapshot has its figure; says whether the rules have to be read anew, as
    /// another process wrote to one.
    async fn look(&mut self, snapshot: &Snapshot) -> bool {
        let end = *self.alerts.queries.log_end.borrow();
        if !self.head.is_at(snapshot.checkpoint.position, end, Instant::now()) {
            return false;
        }
        let (now, mut answers, mut is_over) = ((self.alerts.queries.now)(), Answers::new(), false);
        for at in 0..self.rules.len() {
            match self.look_at(at, snapshot, now, &mut answers).await {
                Ok(is_written) => is_over |= !is_written,
                // The next snapshot has the rest.
                Err(error) if error.is_snapshot_gone() => break,
                Err(error) => {
                    tracing::debug!(%error, alert = self.rules[at].row.id, "it was not looked at");
                    self.note(at, snapshot, None, Some(NOT_READ));
                }
            }
        }
        is_over
    }

    /// Looks at a rule; false where another process wrote to it meanwhile.
    async fn look_at(
        &mut self,
        at: usize,
        snapshot: &Snapshot,
        now: Time,
        answers: &mut Answers,
    ) -> Result<bool, query::Error> {
        let rule = &self.rules[at];
        let window = rule.row.rule.quarters.map(|quarters| last(quarters, now));
        let question = match self.ask(rule, window, now) {
            Ok(question) => question,
            Err(trouble) => {
                self.note(at, snapshot, None, Some(trouble));
                return Ok(true);
            }
        };
        let generation = snapshot.checkpoint.generation;
        let tag = format!("{generation}|{}", question.etag(snapshot));
        let has_clock = matches!(rule.row.rule.condition, Condition::NoEventsFor { .. });
        if !has_clock && rule.seen.as_ref() == Some(&tag) {
            return Ok(true);
        }
        let Some(figure) = self.figure(at, &question, window, snapshot, now, answers).await? else {
            self.note(at, snapshot, None, Some(NOT_READ));
            return Ok(true);
        };
        let rule = &mut self.rules[at];
        let look = state::Look {
            at: time::at(now.0),
            generation,
            position: snapshot.checkpoint.position,
            value: figure.value,
            holds: figure.holds,
        };
        let quiet = Duration::from_secs(rule.row.rule.quiet_s);
        let step = state::next(&rule.row.state, quiet, &look);
        rule.seen = (step != Step::Waits).then_some(tag);
        let trouble = (figure.holds.is_none()).then_some(NO_NUMBER);
        self.note(at, snapshot, figure.value, trouble);
        let written = match step {
            Step::Stays | Step::Waits => return Ok(true),
            Step::Settles(state) => self.settle(at, state).await?,
            Step::Crosses(state, is_told) => self.cross(at, state, is_told, figure.before).await?,
        };
        if !written {
            self.rules[at].seen = None;
        }
        Ok(written)
    }

    /// The question of a rule, or why there is none.
    fn ask(
        &self,
        rule: &Watched,
        window: Option<Quarters>,
        now: Time,
    ) -> Result<Question, &'static str> {
        let caller = rule.caller.as_ref().ok_or(NOT_ALLOWED)?;
        let uri = uri(&rule.row.rule.view, window).ok_or(NOT_A_VIEW)?;
        self.alerts.ask(&uri, caller, now).map_err(|refused| match refused {
            Refused::Forbidden(_) => NOT_ALLOWED,
            Refused::NoView | Refused::Invalid(_) => NOT_A_VIEW,
        })
    }

    /// The figure of a rule; `None` where nobody can say now.
    async fn figure(
        &mut self,
        at: usize,
        question: &Question,
        window: Option<Quarters>,
        snapshot: &Snapshot,
        now: Time,
        answers: &mut Answers,
    ) -> Result<Option<Figure>, query::Error> {
        let rule = &self.rules[at];
        let condition = rule.row.rule.condition;
        if let Condition::NoEventsFor { seconds } = condition {
            let from = rule.row.updated_at.timestamp_millis();
            let changed = snapshot.changed().of(question.topics());
            let Some(published) = self.published(changed).await else { return Ok(None) };
            let last = published.map_or(from, |at| at.0.max(from));
            let silent = u64::try_from(now.0 - last).unwrap_or_default();
            return Ok(Some(Figure {
                holds: Some(silent >= seconds * 1_000),
                ..Figure::default()
            }));
        }
        let value = self.value(rule, question, snapshot, answers).await?;
        let before = match (condition, window) {
            (Condition::ChangedBy { .. }, Some(window)) => {
                let asked = self.ask(rule, Some(before(window)), now);
                let Ok(question) = asked else { return Ok(None) };
                self.value(rule, &question, snapshot, answers).await?
            }
            _ => None,
        };
        let holds = state::holds(&condition, value, before);
        Ok(Some(Figure { value, before, holds }))
    }

    /// The number that a rule's figure is in an answer.
    async fn value(
        &self,
        rule: &Watched,
        question: &Question,
        snapshot: &Snapshot,
        answers: &mut Answers,
    ) -> Result<Option<f64>, query::Error> {
        let tag = question.etag(snapshot);
        let answer = if let Some(answer) = answers.get(&tag) {
            answer.clone()
        } else {
            let read = rules::answer(&self.alerts.queries, question, snapshot);
            let answer = timeout(READ_WITHIN, Box::pin(read)).await;
            let answer = Arc::new(answer.map_err(|_| query::Error::TimedOut)??);
            answers.insert(tag, answer.clone());
            answer
        };
        let figure = rule.row.rule.figure.as_deref().unwrap_or_default();
        Ok(answer.pointer(figure).and_then(Value::as_f64))
    }

    /// When the event at a position was published; `Some(None)` where it is not on the log any more, `None`
    /// where the log does not say.
    async fn published(&mut self, position: u64) -> Option<Option<Time>> {
        if position == 0 {
            return Some(None);
        }
        if let Some(known) = self.published.get(&position) {
            return Some(*known);
        }
        let asked = timeout(READ_WITHIN, (self.alerts.published)(position)).await.ok()?;
        let published = asked
            .inspect_err(|error| tracing::debug!(error, position, "its time is not known"))
            .ok()?;
        // There is one for each set of topics; those of before are of no use.
        if self.published.len() > 64 {
            self.published.clear();
        }
        self.published.insert(position, published);
        Some(published)
    }

    /// Keeps what was seen of a rule.
    fn note(
        &self,
        at: usize,
        snapshot: &Snapshot,
        value: Option<f64>,
        trouble: Option<&'static str>,
    ) {
        let row = &self.rules[at].row;
        let (revision, position) = (row.revision, snapshot.checkpoint.position);
        self.alerts.looks().insert(row.id.clone(), Look { revision, value, position, trouble });
    }

    async fn settle(&mut self, at: usize, state: AlertState) -> Result<bool, query::Error> {
        let row = &mut self.rules[at].row;
        let is_written = self.alerts.platform.settle_alert(row, &state).await?;
        if is_written {
            row.state = state;
        }
        Ok(is_written)
    }

    /// Records that a rule came to hold, with what has to be told.
    async fn cross(
        &mut self,
        at: usize,
        state: AlertState,
        is_told: bool,
        before: Option<f64>,
    ) -> Result<bool, query::Error> {
        let (platform, row) = (&self.alerts.platform, &self.rules[at].row);
        // The rights that were read with the rules may be some seconds old.
        let owner = self.alerts.caller(&row.owner).await?;
        let fresh = Watched { row: row.clone(), caller: owner, seen: None };
        if self.ask(&fresh, None, Time(state.at.timestamp_millis())).is_err() {
            return Ok(false);
        }
        let crossing = crossing(row, &state, is_told, before);
        let deliveries =
            if is_told { deliver::drawn_up(platform, row, &crossing).await? } else { Vec::new() };
        if !platform.record_crossing(row, &state, crossing.clone(), deliveries).await? {
            return Ok(false);
        }
        failpoint::pass(RECORDED);
        let label = if is_told { "yes" } else { "no" };
        counter!(telemetry::ALERT_CROSSINGS, "told" => label).increment(1);
        if let Some(told) = &mut self.told {
            told.insert(row.id.clone(), state.number);
        }
        self.rules[at].row.state = state;
        if is_told {
            self.alerts.recorded.tell(crossing);
            self.alerts.due.notify_one();
        }
        if let Err(error) = self.alerts.platform.trim_crossings().await {
            tracing::warn!(%error, "old alerts were not removed");
        }
        Ok(true)
    }
}

fn user(owner: &Owner) -> Option<String> {
    match owner {
        Owner::User(id) => Some(id.clone()),
        Owner::Role(_) => None,
    }
}

fn crossing(row: &AlertRow, state: &AlertState, is_told: bool, before: Option<f64>) -> CrossingRow {
    CrossingRow {
        id: Uuid::now_v7().to_string(),
        alert: row.id.clone(),
        number: state.number,
        owner: row.owner.clone(),
        name: row.rule.name.clone(),
        view: row.rule.view.clone(),
        figure: row.rule.figure.clone(),
        quarters: row.rule.quarters,
        condition: row.rule.condition,
        value: state.value,
        before,
        generation: state.generation,
        position: state.position,
        at: state.at,
        is_told,
        expires_at: time::later(state.at, KEPT),
    }
}
