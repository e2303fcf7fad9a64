//! What a client of Socket.IO asks for: the contents of its events, read or refused by name.

use std::sync::Arc;

use serde_json::{Value, json};

use super::metrics::{NAMES, TIMES, Wanted, named};
use crate::http::parameters::values::Word;
use crate::push::frame::Cursor;
use crate::push::offers::{DASHBOARD, TOPICS, VIEW, VIEW_BYTES_MAX};
use crate::push::outgoing::Outgoing;
use crate::query::views::widget::TimeRange;
use crate::rights::caller::Caller;

/// A name of a dashboard has so many characters.
pub(super) const NAME_MAX: usize = 64;
/// The dashboard of clients that name none.
const DEFAULT: &str = "default";

/// What a client asks for.
#[derive(Debug)]
pub(super) enum Asked {
    /// The overview of sales as it is now.
    Current,
    /// To follow a dashboard.
    Subscribe(Dashboard, By),
    /// To follow it no more.
    Unsubscribe(Dashboard),
    /// A metric.
    Metrics(Wanted),
    /// A sign of life.
    Heartbeat,
    /// To go on as this caller.
    SignIn(Caller),
    /// Something that is not right.
    Wrong(Wrong),
}

/// How a dashboard is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// By words that have all figures.
    Words,
    /// By frames, from where the client was, if it was there.
    Frames(Option<Cursor>),
}

/// A member of an event that is not right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    event: &'static str,
    member: &'static str,
    message: String,
}

/// A dashboard that a client names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dashboard {
    /// Its name.
    pub(super) name: Arc<str>,
    /// The topic that it shows.
    pub(super) topic: Arc<str>,
    /// Whether it is named for that topic.
    pub(super) is_topic: bool,
}

impl Dashboard {
    /// The room of those who follow it.
    pub(super) fn room(&self) -> String {
        format!("dashboard_{}", self.name)
    }

    fn parse(name: &str) -> Option<Self> {
        let is_view = name.starts_with(VIEW) && name.len() <= VIEW.len() + VIEW_BYTES_MAX;
        let is_topic = is_view || TOPICS.iter().any(|topic| topic.name == name);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_plain = (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits);
        let topic = if is_topic { name } else { DASHBOARD };
        let dashboard = || Dashboard { name: name.into(), topic: topic.into(), is_topic };
        (is_topic || is_plain).then(dashboard)
    }
}

impl Wrong {
    pub(super) fn new(
        event: &'static str,
        member: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Wrong { event, member, message: message.into() }
    }

    /// The word that tells of it.
    pub(super) fn told(&self) -> Outgoing {
        let Wrong { event, member, message } = self;
        let message = format!("{member} {message}");
        let told = json!({ "message": message, "event": event, "member": member });
        Outgoing::Word("error", told.to_string().into())
    }
}

/// The contents of an event, which may have none; members that are not known are no matter.
struct Members<'a> {
    event: &'static str,
    all: &'a Value,
}

impl Members<'_> {
    fn text(&self, name: &'static str, allowed: &str) -> Result<Option<&str>, Wrong> {
        if !self.all.is_null() && !self.all.is_object() {
            return Err(Wrong::new(self.event, name, "must be a member of an object"));
        }
        match &self.all[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(Wrong::new(self.event, name, allowed)),
        }
    }

    fn is_given(&self, name: &str) -> bool {
        self.all.get(name).is_some()
    }

    fn dashboard(&self) -> Result<Dashboard, Wrong> {
        const MEMBER: &str = "dashboardType";
        let allowed = "must be a topic, or a name of 1 to 64 letters, digits, -, _ and .";
        let name = self.text(MEMBER, allowed)?.unwrap_or(DEFAULT);
        Dashboard::parse(name).ok_or_else(|| Wrong::new(self.event, MEMBER, allowed))
    }
}

/// Reads `subscribe_dashboard`.
pub(super) fn subscribe(all: &Value) -> Asked {
    const SINCE: &str = "since";
    let allowed = "must be the log, generation and position of a frame, such as 5f3a9c01.1-4711";
    let members = Members { event: "subscribe_dashboard", all };
    let read = || {
        let dashboard = members.dashboard()?;
        let since = members.text(SINCE, allowed)?.map(str::parse::<Cursor>).transpose();
        let since = since.map_err(|_| Wrong::new(members.event, SINCE, allowed))?;
        let is_frames = dashboard.is_topic || members.is_given(SINCE);
        Ok(Asked::Subscribe(dashboard, if is_frames { By::Frames(since) } else { By::Words }))
    };
    read().unwrap_or_else(Asked::Wrong)
}

/// Reads `unsubscribe_dashboard`.
pub(super) fn unsubscribe(all: &Value) -> Asked {
    let dashboard = Members { event: "unsubscribe_dashboard", all }.dashboard();
    dashboard.map_or_else(Asked::Wrong, Asked::Unsubscribe)
}

/// Reads `request_metrics`.
pub(super) fn metrics(all: &Value) -> Asked {
    let members = Members { event: "request_metrics", all };
    let read = || {
        let (metric, time) = ("metricType", "timeRange");
        let allowed = format!("must be one of {NAMES}");
        let found = members.text(metric, &allowed)?.and_then(named);
        let wanted = found.ok_or_else(|| Wrong::new(members.event, metric, allowed))?;
        let allowed = format!("must be one of {TIMES}");
        let named = members.text(time, &allowed)?;
        let range = named.map_or(Some(TimeRange::Day), TimeRange::of_word);
        let range = range.ok_or_else(|| Wrong::new(members.event, time, allowed))?;
        Ok(Asked::Metrics(Wanted { metric: wanted, time: range }))
    };
    read().unwrap_or_else(Asked::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(asked: Asked) -> Option<&'static str> {
        match asked {
            Asked::Wrong(wrong) => Some(wrong.member),
            _ => None,
        }
    }

    fn subscribed(all: &Value) -> (String, String, bool) {
        match subscribe(all) {
            Asked::Subscribe(it, by) => (it.room(), it.topic.to_string(), by != By::Words),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn any_plain_name_shows_what_the_default_shows_unless_it_is_a_topic() {
        let text = str::to_owned;
        let dashboard = |name: &str| (format!("dashboard_{name}"), text(DASHBOARD), false);
        assert_eq!(subscribed(&Value::Null), dashboard("default"));
        assert_eq!(subscribed(&json!({ "dashboardType": "ops.1-a_B" })), dashboard("ops.1-a_B"));
        let topic = subscribed(&json!({ "dashboardType": "sales" }));
        assert_eq!(topic, (text("dashboard_sales"), text("sales"), true));
        let view = "view:/api/metrics/sales?period=day";
        let view = subscribed(&json!({ "dashboardType": view }));
        assert!(view.1.starts_with(VIEW) && view.2, "{view:?}");
        for since in [json!("1-7"), Value::Null] {
            let frames = subscribed(&json!({ "dashboardType": "ops", "since": since }));
            assert_eq!(frames, (text("dashboard_ops"), text(DASHBOARD), true));
        }
    }

    #[test]
    fn a_member_that_is_not_right_is_named() {
        let long = "x".repeat(65);
        for name in [json!(""), json!("a b"), json!("ä"), json!(long), json!(7), json!({})] {
            let all = json!({ "dashboardType": name });
            assert_eq!(wrong(subscribe(&all)), Some("dashboardType"), "{all}");
            assert_eq!(wrong(unsubscribe(&all)), Some("dashboardType"), "{all}");
        }
        for since in [json!(7), json!("x"), json!("1-"), json!({})] {
            assert_eq!(wrong(subscribe(&json!({ "since": since }))), Some("since"), "{since}");
        }
        for all in [json!(7), json!([]), json!("sales")] {
            assert_eq!(wrong(subscribe(&all)), Some("dashboardType"), "{all}");
        }
        for all in [json!({}), Value::Null, json!({ "metricType": "x" }), json!([1])] {
            assert_eq!(wrong(metrics(&all)), Some("metricType"), "{all}");
        }
        let all = |time: Value| json!({ "metricType": "revenue", "timeRange": time });
        assert_eq!(wrong(metrics(&all(json!("2h")))), Some("timeRange"));
        assert_eq!(wrong(metrics(&all(json!(1)))), Some("timeRange"));
        assert_eq!(wrong(metrics(&all(Value::Null))), None);
    }
}
