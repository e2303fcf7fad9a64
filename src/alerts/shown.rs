//! Rules and recorded alerts as answers show them. A webhook's secret is in none but the one that made it.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::deps::{Alerts, Look};
use crate::http::openapi::schemas;
use crate::push::alerts::{Condition, Recorded, window};
use crate::rights::role::Role;
use crate::span;
use crate::store::platform::alerts::{AlertRow, Owner};
use crate::store::platform::deliveries::DeliveryRow;
use crate::store::time;

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Alert)]
pub struct Shown {
    id: String,
    name: String,
    /// The role whose rule it is; null where it is one's own.
    role: Option<Role>,
    view: String,
    /// A JSON pointer into the view's answer; null where no figure is looked at.
    figure: Option<String>,
    /// As `24h`; null where it is the view's own range.
    window: Option<String>,
    condition: Condition,
    /// As `15m`.
    quiet_time: String,
    deliver: Deliver,
    is_active: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    state: State,
}

/// The ways in which a rule is told, beside the topic `alerts`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertDeliver)]
struct Deliver {
    mail: bool,
    webhook: Option<Hook>,
}

/// A program that is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertWebhook)]
struct Hook {
    url: String,
}

/// How a rule stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertState)]
struct State {
    /// Whether the condition holds.
    holds: bool,
    /// The instant since which it does; null while it does not.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// The figure; null where there is none, or it was not looked at.
    value: Option<f64>,
    /// The position of the log that it is of.
    position: u64,
    /// How often it came to hold.
    crossings: i64,
    /// Why it is not looked at now; null where it is.
    trouble: Option<&'static str>,
}

impl Shown {
    /// A rule, as this process saw it last.
    #[must_use]
    pub fn of(alerts: &Alerts, row: AlertRow) -> Self {
        let look = alerts.looks().get(&row.id).filter(|it| it.revision == row.revision).cloned();
        let (kept, state) = (row.state.clone(), row.state);
        let look = look.filter(|it| it.position >= kept.position).unwrap_or(Look {
            value: kept.value,
            position: kept.position,
            ..Look::default()
        });
        let role = match row.owner {
            Owner::Role(role) => Some(role),
            Owner::User(_) => None,
        };
        let written = row.rule;
        let webhook = written.webhook.map(|it| Hook { url: it.url });
        Shown {
            id: row.id,
            name: written.name,
            role,
            view: written.view,
            figure: written.figure,
            window: written.quarters.map(window),
            condition: written.condition.into(),
            quiet_time: span::write(Duration::from_secs(written.quiet_s)),
            deliver: Deliver { mail: written.mail, webhook },
            is_active: written.is_active,
            created_at: time::rfc3339(row.created_at),
            updated_at: time::rfc3339(row.updated_at),
            state: State {
                holds: state.since.is_some(),
                since: state.since.map(time::rfc3339),
                value: look.value,
                position: look.position,
                crossings: state.number,
                trouble: look.trouble,
            },
        }
    }
}

/// One rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OneAlert)]
pub struct One {
    /// The rule.
    pub alert: Shown,
}

/// A rule that was written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WrittenAlert)]
pub struct Written {
    /// The rule.
    pub alert: Shown,
    /// What requests to the webhook are signed with, where it was made just now: it is shown here and
    /// never again. Else null.
    pub webhook_secret: Option<String>,
}

/// Some rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertList)]
pub struct All {
    /// By name.
    pub alerts: Vec<Shown>,
}

/// A recorded alert, and what became of its messages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertOfHistory)]
pub struct Past {
    /// The alert.
    #[serde(flatten)]
    pub alert: Recorded,
    /// Whether anybody was told; not in the quiet time of the message before.
    pub is_told: bool,
    /// The messages that are one's own business: mails to oneself, and those of rules that one may change.
    pub deliveries: Vec<Delivery>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertDelivery)]
pub struct Delivery {
    #[schema(schema_with = ways)]
    by: &'static str,
    /// The account's id, of a mail; else null.
    to: Option<String>,
    #[schema(schema_with = outcomes)]
    state: &'static str,
    attempts: u32,
    /// Why it was not delivered at the last attempt; else null.
    error: Option<String>,
}

fn ways() -> Object {
    schemas::words(&["mail", "webhook"])
}

fn outcomes() -> Object {
    schemas::words(&["waiting", "sent", "failed"])
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Delivery {
            by: row.by.as_str(),
            to: row.to,
            state: row.state.as_str(),
            attempts: row.attempts,
            error: row.error,
        }
    }
}

/// A page of recorded alerts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertHistory)]
pub struct History {
    /// The newest first.
    pub alerts: Vec<Past>,
    /// How to go on.
    pub pagination: Pagination,
}

/// How to go on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaginationOfAlerts)]
pub struct Pagination {
    /// The most alerts of a page.
    pub limit: u32,
    /// The `cursor` of the older ones; null at the end.
    pub next: Option<String>,
}

/// An example of a rule, for the document.
#[must_use]
pub fn example() -> serde_json::Value {
    json!({
        "name": "Sales of a day",
        "view": "/api/metrics/sales",
        "figure": "totalRevenue",
        "window": "24h",
        "condition": { "is": "below", "value": 100 },
        "quietTime": "1h",
    })
}
