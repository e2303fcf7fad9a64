//! The alerts that were recorded, for those whom they are for: the topic `alerts` has the newest ones of a
//! person and of their role, and whoever [listens](Alerts::listen) hears of each as it is recorded,
//! whichever process did it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use utoipa::ToSchema;

use crate::rights::caller::Person;
use crate::rights::role::Role;
use crate::span;
use crate::store::platform::Platform;
use crate::store::platform::alerts::{self, Owner};
use crate::store::platform::crossings::{CrossingRow, CrossingsWanted};
use crate::store::{self, time};

/// The alerts of the topic.
const NEWEST: u32 = 50;
/// Alerts that a slow listener may be behind.
const HELD: usize = 1_024;
/// A quarter of an hour.
const QUARTER: Duration = Duration::from_mins(15);

/// An alert that was recorded, as it is shown, pushed and sent.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RecordedAlert)]
pub struct Recorded {
    /// Its id. Ids are in the order of time.
    pub id: String,
    /// The rule's id.
    pub alert_id: String,
    /// The rule's name, when it came to hold. So are the other members.
    pub name: String,
    /// The role whose rule it is; null where it is a person's own.
    pub role: Option<Role>,
    /// The view.
    pub view: String,
    /// The figure, as a JSON pointer; null where none was looked at.
    pub figure: Option<String>,
    /// The window, as `24h`; null where it was the view's own.
    pub window: Option<String>,
    /// The condition.
    pub condition: Condition,
    /// The figure; null where none was looked at.
    pub value: Option<f64>,
    /// That of the window before, where it was compared; else null.
    pub before: Option<f64>,
    /// The generation of the read models.
    pub generation: u32,
    /// The position of the log.
    pub position: u64,
    /// The instant at which it was recorded.
    #[schema(format = DateTime)]
    pub at: String,
}

/// A condition as it is shown: what it `is`, and its own members.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertCondition)]
pub struct Condition {
    /// `above`, `below`, `changedBy` or `noEventsFor`.
    pub is: &'static str,
    /// Of `above` and `below`: the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub value: Option<f64>,
    /// Of `changedBy`: percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub percent: Option<f64>,
    /// Of `changedBy`: `up`, `down` or `either`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub direction: Option<&'static str>,
    /// Of `noEventsFor`: how long, as `10m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub duration: Option<String>,
}

impl From<alerts::Condition> for Condition {
    fn from(condition: alerts::Condition) -> Self {
        let none =
            |is| Condition { is, value: None, percent: None, direction: None, duration: None };
        match condition {
            alerts::Condition::Above { value } => Condition { value: Some(value), ..none("above") },
            alerts::Condition::Below { value } => Condition { value: Some(value), ..none("below") },
            alerts::Condition::ChangedBy { percent, direction } => {
                let direction = match direction {
                    alerts::Direction::Up => "up",
                    alerts::Direction::Down => "down",
                    alerts::Direction::Either => "either",
                };
                let (percent, direction) = (Some(percent), Some(direction));
                Condition { percent, direction, ..none("changedBy") }
            }
            alerts::Condition::NoEventsFor { seconds } => {
                let duration = Some(span::write(Duration::from_secs(seconds)));
                Condition { duration, ..none("noEventsFor") }
            }
        }
    }
}

/// A window of so many quarter hours, as it is written.
#[must_use]
pub fn window(quarters: u32) -> String {
    span::write(QUARTER * quarters)
}

impl From<CrossingRow> for Recorded {
    fn from(row: CrossingRow) -> Self {
        let role = match row.owner {
            Owner::Role(role) => Some(role),
            Owner::User(_) => None,
        };
        Recorded {
            id: row.id,
            alert_id: row.alert,
            name: row.name,
            role,
            view: row.view,
            figure: row.figure,
            window: row.quarters.map(window),
            condition: row.condition.into(),
            value: row.value,
            before: row.before,
            generation: row.generation,
            position: row.position,
            at: time::rfc3339(row.at),
        }
    }
}

/// An alert that was recorded, and whom it is for.
#[derive(Debug, Clone)]
pub struct Told {
    /// Whose rule it is.
    pub owner: Owner,
    /// The alert, as it is sent.
    pub alert: Arc<Recorded>,
}

impl Told {
    /// Whether it is for a person.
    #[must_use]
    pub fn is_for(&self, person: &Person) -> bool {
        owners(person).contains(&self.owner)
    }
}

/// Those whose alerts a person is told of: themselves, and their role.
#[must_use]
pub fn owners(person: &Person) -> [Owner; 2] {
    [Owner::User(person.user_id.clone()), Owner::Role(person.role)]
}

/// The newest alerts, as the topic has them.
#[derive(Debug, Serialize)]
pub struct Newest {
    /// The newest first.
    alerts: Vec<Recorded>,
}

/// The alerts of a shop, as they are recorded.
#[derive(Clone)]
pub struct Alerts(Arc<Shared>);

struct Shared {
    platform: Platform,
    told: broadcast::Sender<Told>,
    heard: watch::Sender<u64>,
    /// How many were heard of, by owner.
    numbers: Mutex<HashMap<Owner, u64>>,
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts").field("heard", &*self.0.heard.borrow()).finish_non_exhaustive()
    }
}

impl Alerts {
    /// None heard of yet.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        let (told, heard, numbers) =
            (broadcast::Sender::new(HELD), watch::Sender::new(0), Mutex::default());
        Alerts(Arc::new(Shared { platform, told, heard, numbers }))
    }

    /// Hands on an alert that was recorded, by this process or another.
    pub fn tell(&self, crossing: CrossingRow) {
        let owner = crossing.owner.clone();
        *self.lock().entry(owner.clone()).or_default() += 1;
        self.0.heard.send_modify(|heard| *heard += 1);
        // Nobody listening is no fault.
        let _ = self.0.told.send(Told { owner, alert: Arc::new(crossing.into()) });
    }

    /// Every alert from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Told> {
        self.0.told.subscribe()
    }

    /// How many were heard of; it changes with each.
    #[must_use]
    pub fn heard(&self) -> watch::Receiver<u64> {
        self.0.heard.subscribe()
    }

    /// How many were heard of, of some owners.
    #[must_use]
    pub fn number(&self, owners: &[Owner]) -> u64 {
        let numbers = self.lock();
        owners.iter().filter_map(|owner| numbers.get(owner)).sum()
    }

    /// The newest alerts of some owners, from the store.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn newest(&self, owners: &[Owner]) -> Result<Newest, store::Error> {
        let (owners, told, limit) = (owners.to_vec(), true, NEWEST);
        let wanted = CrossingsWanted { owners, told, limit, ..CrossingsWanted::default() };
        let rows = self.0.platform.crossings_wanted(&wanted).await?;
        Ok(Newest { alerts: rows.into_iter().map(Recorded::from).collect() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Owner, u64>> {
        self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
