//! A rule as it is sent: what is allowed, and whether its view has such a figure for its owner.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};

use super::deliver::webhook;
use super::deps::Alerts;
use super::window::{self, last};
use crate::auth::body::Fields;
use crate::http::parameters::values::Word;
use crate::http::problem::{FieldError, Problem};
use crate::query::batch::problem;
use crate::query::question::{Question, figures};
use crate::query::views::Refused;
use crate::query::wait::{self, Least};
use crate::query::{self, Deps};
use crate::rights::caller::Caller;
use crate::rights::role::Role;
use crate::span;
use crate::store::platform::alerts::{Condition, Direction};
use crate::store::read::Snapshot;

/// A rule's name has at most so many characters,
const NAME_MAX: usize = 100;
/// its view so many,
const VIEW_MAX: usize = 2_048;
/// and the way to its figure so many.
const FIGURE_MAX: usize = 256;
/// The most rules of one owner; and of all.
pub const RULES_MAX: (u64, u64) = (50, 1_000);
/// The least and the longest window, in quarter hours.
const WINDOW: RangeInclusive<u64> = 1..=366 * 96;
/// The seconds of a quarter of an hour.
const QUARTER_S: u64 = 900;
/// The bounds of a time without events, in seconds.
const SILENCE: RangeInclusive<u64> = 10..=30 * 86_400;
/// Those of a quiet time, and the one where nothing is said.
const QUIET: RangeInclusive<u64> = 60..=30 * 86_400;
const QUIET_S: u64 = QUARTER_S;
/// A bound of a figure is no larger.
const VALUE_MAX: f64 = 1e15;
/// A change in percent is no larger.
const PERCENT_MAX: f64 = 1e6;
/// A snapshot whose time has gone by is taken anew this often.
const ATTEMPTS: usize = 3;

/// A rule that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The role whose rule it is; without it, the caller's own.
    pub role: Option<Role>,
    /// Its view.
    pub view: String,
    /// Its figure, as a JSON pointer.
    pub figure: Option<String>,
    /// Its window.
    pub quarters: Option<u32>,
    /// Its condition.
    pub condition: Condition,
    /// The seconds after a message in which there is no other.
    pub quiet_s: u64,
    /// Whether it is mailed.
    pub mail: bool,
    /// The address that it is sent to.
    pub webhook: Option<String>,
    /// Whether it is looked at.
    pub is_active: bool,
}

/// What a rule looks for, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Above,
    Below,
    ChangedBy,
    NoEventsFor,
}

impl Word for Is {
    const ALL: &'static [Self] = &[Is::Above, Is::Below, Is::ChangedBy, Is::NoEventsFor];

    fn word(self) -> &'static str {
        match self {
            Is::Above => "above",
            Is::Below => "below",
            Is::ChangedBy => "changedBy",
            Is::NoEventsFor => "noEventsFor",
        }
    }
}

/// Which way, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way(Direction);

impl Word for Way {
    const ALL: &'static [Self] =
        &[Way(Direction::Up), Way(Direction::Down), Way(Direction::Either)];

    fn word(self) -> &'static str {
        match self.0 {
            Direction::Up => "up",
            Direction::Down => "down",
            Direction::Either => "either",
        }
    }
}

/// Reads a rule. A webhook's address is judged by whether private ones are allowed.
pub fn wanted(body: &mut Fields, allows_private: bool) -> Wanted {
    let is_visible = |text: &str| !text.contains(char::is_control);
    let name = "must have 1 to 100 characters, all of them visible";
    let name = body.text("name", 1..=NAME_MAX, is_visible, name);
    let role = body.word::<Role>("role");
    let view = "must be the path of a view with its parameters, of at most 2,048 characters";
    let view = body.text("view", 1..=VIEW_MAX, |text| text.starts_with('/'), view);
    let figure = body.optional("figure", FIGURE_MAX, "must have at most 256 characters");
    let condition = body.within("condition", condition);
    if body.get("condition").is_none() {
        body.wrong("condition", "is missing");
    }
    let condition = condition.unwrap_or(Condition::NoEventsFor { seconds: 0 });
    let has_no_figure = matches!(condition, Condition::NoEventsFor { .. });
    if figure.is_none() && !has_no_figure {
        body.wrong(
            "figure",
            "is missing: the way to a number in the view's answer, such as totalRevenue",
        );
    }
    let allowed = "must be a number of quarter hours, such as 15m, 24h or 7d, and at most 366d";
    let window = length(body, "window", allowed, |seconds| {
        seconds.is_multiple_of(QUARTER_S) && WINDOW.contains(&(seconds / QUARTER_S))
    });
    let quarters = window.and_then(|seconds| u32::try_from(seconds / QUARTER_S).ok());
    if quarters.is_none() && matches!(condition, Condition::ChangedBy { .. }) {
        body.wrong("window", "is missing: a change is measured against the window before");
    }
    if quarters.is_some() && has_no_figure {
        body.wrong("window", "must be left out: a time without events has its own duration");
    }
    let allowed = "must be a length of time from 1m to 30d, such as 15m";
    let quiet_s = length(body, "quietTime", allowed, |it| QUIET.contains(&it)).unwrap_or(QUIET_S);
    let deliver = body.within("deliver", |body| deliver(body, allows_private));
    let (mail, webhook) = deliver.unwrap_or_default();
    let is_active = body.flag("isActive").unwrap_or(true);
    let figure = figure.filter(|_| !has_no_figure).map(|text| pointer(&text));
    Wanted { name, role, view, figure, quarters, condition, quiet_s, mail, webhook, is_active }
}

fn condition(body: &mut Fields) -> Condition {
    let is = body.word::<Is>("is");
    if body.get("is").is_none() {
        body.wrong("is", "is missing: above, below, changedBy or noEventsFor");
    }
    let value = number(body, "value", |it| it.abs() <= VALUE_MAX);
    let percent = number(body, "percent", |it| it > 0.0 && it <= PERCENT_MAX);
    let direction = body.word::<Way>("direction").map_or(Direction::Either, |Way(way)| way);
    let allowed = "must be a length of time from 10s to 30d, such as 10m";
    let seconds = length(body, "duration", allowed, |it| SILENCE.contains(&it));
    let needed = match is {
        Some(Is::Above | Is::Below) => {
            ("value", value.is_some(), "must be a number of at most 1e15")
        }
        Some(Is::ChangedBy) => {
            ("percent", percent.is_some(), "must be a number above 0 and at most 1e6")
        }
        Some(Is::NoEventsFor) => {
            ("duration", seconds.is_some() || body.get("duration").is_some(), allowed)
        }
        None => ("is", true, ""),
    };
    if let (member, false, allowed) = needed {
        body.wrong(member, allowed);
    }
    match is {
        Some(Is::Above) => Condition::Above { value: value.unwrap_or_default() },
        Some(Is::Below) => Condition::Below { value: value.unwrap_or_default() },
        Some(Is::ChangedBy) => {
            Condition::ChangedBy { percent: percent.unwrap_or_default(), direction }
        }
        Some(Is::NoEventsFor) | None => {
            Condition::NoEventsFor { seconds: seconds.unwrap_or_default() }
        }
    }
}

/// A number, where it is one and allowed.
fn number(body: &mut Fields, name: &'static str, is_right: fn(f64) -> bool) -> Option<f64> {
    let number = body.value(name, || json!({ "type": "number" })).and_then(Value::as_f64);
    number.filter(|number| is_right(*number))
}

/// A length of time in seconds, where there is one.
fn length(
    body: &mut Fields,
    name: &'static str,
    allowed: &'static str,
    is_right: impl Fn(u64) -> bool,
) -> Option<u64> {
    let schema = || json!({ "type": ["string", "null"], "pattern": "^[0-9]+[smhd]$" });
    let read = match body.value(name, schema)? {
        Value::String(text) => span::read(text).map(|it: Duration| it.as_secs()),
        _ => None,
    };
    let read = read.filter(|seconds| is_right(*seconds));
    if read.is_none() {
        body.wrong(name, allowed);
    }
    read
}

fn deliver(body: &mut Fields, allows_private: bool) -> (bool, Option<String>) {
    let mail = body.flag("mail").unwrap_or_default();
    let webhook = body.within("webhook", |body| {
        let is_right = |text: &str| webhook::address(text, allows_private).is_some();
        let allowed = if allows_private { webhook::ALLOWED_PRIVATE } else { webhook::ALLOWED };
        body.text("url", 1..=webhook::URL_MAX, is_right, allowed)
    });
    (mail, webhook)
}

/// The JSON pointer that a text is: one itself, or members with dots between.
fn pointer(text: &str) -> String {
    if text.starts_with('/') {
        return text.to_owned();
    }
    let members = text.split('.').map(|it| it.replace('~', "~0").replace('/', "~1"));
    format!("/{}", members.collect::<Vec<_>>().join("/"))
}

/// Fails where the owner may not ask the view, or it has no such figure: a number, or null where there is
/// none now.
///
/// # Errors
/// A 400 that names the member, a 403 where a person may not ask the view, or what a view itself fails with.
pub async fn check(alerts: &Alerts, owner: &Caller, wanted: &Wanted) -> Result<(), Problem> {
    let wrong = |field: &'static str, message: String| {
        Err(Problem::invalid(vec![FieldError::new(field, message)]))
    };
    if wanted.mail && alerts.accounts.mailer.is_none() {
        return wrong("deliver.mail", "must be false: no mail server is set".to_owned());
    }
    let now = (alerts.queries.now)();
    let ask = |window| match window::uri(&wanted.view, window) {
        Some(uri) => alerts.ask(&uri, owner, now),
        None => Err(Refused::NoView),
    };
    let plain = match ask(None) {
        Ok(question) => question,
        Err(Refused::NoView) => {
            return wrong("view", "must be one: there is no such view".to_owned());
        }
        Err(Refused::Forbidden(access)) if wanted.role.is_some() => {
            return wrong(
                "role",
                format!("must be one that may ask the view, which needs {access}"),
            );
        }
        Err(Refused::Invalid(query::Error::Invalid(errors))) => {
            let first = errors.first().map(|it| format!("{} {}", it.field, it.message));
            return wrong("view", format!("must be right: {}", first.unwrap_or_default()));
        }
        Err(refused) => return Err(problem(refused)),
    };
    let question = match wanted.quarters.map(|quarters| ask(Some(last(quarters, now)))) {
        None => plain,
        Some(Ok(question)) => question,
        Some(Err(_)) => {
            let message = "must be left out: the view takes no range, or has one already";
            return wrong("window", message.to_owned());
        }
    };
    let Some(figure) = &wanted.figure else { return Ok(()) };
    let answer = match newest(&alerts.queries, &question).await {
        Ok(answer) => answer,
        Err(error) if error.is_not_found() => {
            return wrong("view", "must be one of something that there is".to_owned());
        }
        Err(error) => return Err(error.into()),
    };
    match answer.pointer(figure) {
        Some(Value::Number(_) | Value::Null) => Ok(()),
        Some(_) => wrong("figure", "must lead to a number in the view's answer".to_owned()),
        None => wrong("figure", "must lead to a member of the view's answer".to_owned()),
    }
}

/// The answer to a question as it is now.
async fn newest(queries: &Deps, question: &Question) -> Result<Value, query::Error> {
    let mut snapshot = wait::snapshot(queries, Least::default()).await?;
    for attempt in 1.. {
        match answer(queries, question, &snapshot).await {
            Err(error) if error.is_snapshot_gone() && attempt < ATTEMPTS => {
                snapshot = wait::read(queries).await?.ok_or(query::Error::NoGeneration)?;
            }
            answer => return answer,
        }
    }
    Err(query::Error::TimedOut)
}

/// The answer to a question of a snapshot; one that others ask too is read once.
///
/// # Errors
/// As the view's.
pub async fn answer(
    queries: &Deps,
    question: &Question,
    snapshot: &Snapshot,
) -> Result<Value, query::Error> {
    let etag = question.etag(snapshot);
    let answer = queries.cache.get_once(question, &etag, snapshot).await?;
    serde_json::from_slice(&figures(&answer)).map_err(query::Error::Unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: &Value) -> Result<Wanted, String> {
        let mut body = json!({
            "name": "Sales", "view": "/api/metrics/sales", "figure": "totalRevenue",
            "condition": { "is": "above", "value": 5 },
        });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let mut fields = Fields::parse(body.to_string().as_bytes()).unwrap();
        let wanted = wanted(&mut fields, false);
        fields.finish().map(|()| wanted).map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn a_rule_is_read_with_what_stands_for_what_is_not_said() {
        let rule = read(&json!({})).unwrap();
        assert_eq!((rule.figure.as_deref(), rule.quarters), (Some("/totalRevenue"), None));
        assert_eq!((rule.quiet_s, rule.mail, rule.is_active), (900, false, true));
        assert_eq!(rule.condition, Condition::Above { value: 5.0 });
        let changed = json!({ "is": "changedBy", "percent": 20, "direction": "down" });
        let rule =
            read(&json!({ "condition": changed, "window": "24h", "figure": "/a~1b/0" })).unwrap();
        assert_eq!((rule.quarters, rule.figure.as_deref()), (Some(96), Some("/a~1b/0")));
        let silent =
            json!({ "condition": { "is": "noEventsFor", "duration": "10m" }, "figure": null });
        let rule = read(&silent).unwrap();
        assert_eq!(rule.condition, Condition::NoEventsFor { seconds: 600 });
    }

    #[test]
    fn every_member_that_is_wrong_is_named() {
        let condition = |condition: Value| json!({ "condition": condition });
        for (change, field) in [
            (json!({ "name": "" }), "name"),
            (json!({ "name": "a\nb" }), "name"),
            (json!({ "name": "n".repeat(101) }), "name"),
            (json!({ "role": "king" }), "role"),
            (json!({ "view": "sales" }), "view"),
            (json!({ "view": 7 }), "view"),
            (json!({ "figure": null }), "figure"),
            (json!({ "figure": "f".repeat(257) }), "figure"),
            (json!({ "window": "7m" }), "window"),
            (json!({ "window": "367d" }), "window"),
            (json!({ "window": 60 }), "window"),
            (json!({ "quietTime": "1s" }), "quietTime"),
            (json!({ "condition": null }), "condition"),
            (condition(json!({ "value": 5 })), "condition.is"),
            (condition(json!({ "is": "near", "value": 5 })), "condition.is"),
            (condition(json!({ "is": "above" })), "condition.value"),
            (condition(json!({ "is": "below", "value": "5" })), "condition.value"),
            (condition(json!({ "is": "changedBy", "percent": 5 })), "window"),
            (
                json!({ "window": "1d", "condition": { "is": "changedBy", "percent": -5 } }),
                "condition.percent",
            ),
            (condition(json!({ "is": "noEventsFor" })), "condition.duration"),
            (condition(json!({ "is": "noEventsFor", "duration": "1s" })), "condition.duration"),
            (json!({ "deliver": { "mail": "yes" } }), "deliver.mail"),
            (json!({ "deliver": { "webhook": {} } }), "deliver.webhook.url"),
            (
                json!({ "deliver": { "webhook": { "url": "http://example.org" } } }),
                "deliver.webhook.url",
            ),
            (
                json!({ "deliver": { "webhook": { "url": "https://10.0.0.1/" } } }),
                "deliver.webhook.url",
            ),
            (json!({ "isActive": 1 }), "isActive"),
        ] {
            let said = read(&change).unwrap_err();
            assert!(said.contains(&format!("{field} ")), "{change}: {said}");
        }
    }

    #[test]
    fn a_figure_is_found_by_its_members_or_by_a_pointer() {
        assert_eq!(pointer("totals.a/b.0"), "/totals/a~1b/0");
        assert_eq!(pointer("/totals/0"), "/totals/0");
    }
}
