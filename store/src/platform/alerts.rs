//! Rules of alerts, each with its state. A state is written over the one that it was judged by, so of
//! several processes that see the same one writes it.

use std::fmt;

use futures_util::TryStreamExt;
use mongodb::bson::{self, doc};
use rights::role::Role;
use serde::{Deserialize, Serialize};

use super::Platform;
use crate::names::ALERTS;
use crate::time::DateTime;
use crate::{Doing, Error};

/// The owner of a rule. In documents it is a text: `user:<id>`, or `role:<role>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Owner {
    /// A person's, by their account's id.
    User(String),
    /// Everybody who has a role.
    Role(Role),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::User(id) => write!(f, "user:{id}"),
            Owner::Role(role) => write!(f, "role:{}", role.as_str()),
        }
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> String {
        owner.to_string()
    }
}

impl TryFrom<String> for Owner {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.split_once(':') {
            Some(("user", id)) => Ok(Owner::User(id.to_owned())),
            Some(("role", role)) => Role::parse(role).map(Owner::Role).ok_or("no role"),
            _ => Err("no owner"),
        }
    }
}

/// The condition that a rule looks for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Condition {
    /// The figure is above a number.
    Above {
        /// The number.
        value: f64,
    },
    /// The figure is below a number.
    Below {
        /// The number.
        value: f64,
    },
    /// The figure differs by at least so many percent from that of the window before.
    ChangedBy {
        /// Percent.
        percent: f64,
        /// Which way.
        direction: Direction,
    },
    /// No event has changed what the view is made of for so long.
    NoEventsFor {
        /// Seconds.
        seconds: u64,
    },
}

/// Which way a figure changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// It rises.
    Up,
    /// It falls.
    Down,
    /// It does either.
    Either,
}

/// A program that is told by HTTP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// The address.
    pub url: String,
    /// The secret that requests are signed with, in clear: signing needs it.
    pub secret: String,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook(hidden)")
    }
}

/// A rule, as `alerts` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertRow {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its owner.
    pub owner: Owner,
    /// Raised by each change of the rule.
    pub revision: i64,
    /// The part that its owner writes.
    #[serde(flatten)]
    pub rule: Rule,
    /// The author: `user:<id>`.
    pub created_by: String,
    /// The instant of its creation.
    pub created_at: DateTime,
    /// The instant of its last change.
    pub updated_at: DateTime,
    /// How it stands.
    pub state: AlertState,
}

/// The part of a rule that its owner writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The path of a view with its parameters.
    pub view: String,
    /// The figure: a JSON pointer into the view's answer. None where no figure is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<String>,
    /// The quarter hours that the view is asked about, up to the present one; without it the view's own
    /// range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarters: Option<u32>,
    /// The condition that it looks for.
    pub condition: Condition,
    /// The seconds after a message in which there is no other.
    pub quiet_s: u64,
    /// Whether it is told by mail.
    pub mail: bool,
    /// The program that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// Whether it is looked at.
    pub is_active: bool,
}

/// How a rule stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertState {
    /// How often it came to hold.
    pub number: i64,
    /// The instant since which it holds; none while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime>,
    /// The figure when this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The position of the log that this was judged at.
    pub position: u64,
    /// The instant at which this was written.
    pub at: DateTime,
    /// The generation of read models that it is judged by; 0 before the first look.
    pub generation: u32,
    /// The instant at which another generation took the place of the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_at: Option<DateTime>,
    /// The instant of the last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<DateTime>,
}

impl AlertState {
    /// That of a rule that nobody has looked at, after so many times that it held.
    #[must_use]
    pub fn new(number: i64, at: DateTime) -> Self {
        AlertState {
            number,
            since: None,
            value: None,
            position: 0,
            at,
            generation: 0,
            switched_at: None,
            told_at: None,
        }
    }
}

impl Platform {
    /// Adds a rule.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn insert_alert(&self, row: &AlertRow) -> Result<(), Error> {
        self.alerts().insert_one(row).await.doing("adding an alert")?;
        Ok(())
    }

    /// The rules of some owners, by name.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn alerts_of(&self, owners: &[Owner]) -> Result<Vec<AlertRow>, Error> {
        let owners: Vec<_> = owners.iter().map(ToString::to_string).collect();
        self.alerts_where(doc! { "owner": { "$in": owners } }).await
    }

    /// The rules that are looked at.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn active_alerts(&self) -> Result<Vec<AlertRow>, Error> {
        self.alerts_where(doc! { "isActive": true }).await
    }

    /// How many rules there are, of an owner and in all.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn count_alerts(&self, owner: &Owner) -> Result<(u64, u64), Error> {
        const DOING: &str = "counting alerts";
        let alerts = self.alerts();
        let of_one = alerts.count_documents(doc! { "owner": owner.to_string() });
        let of_one = of_one.await.doing(DOING)?;
        Ok((of_one, alerts.count_documents(doc! {}).await.doing(DOING)?))
    }

    /// A rule.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn alert(&self, id: &str) -> Result<Option<AlertRow>, Error> {
        self.alerts().find_one(doc! { "_id": id }).await.doing("reading an alert")
    }

    /// Writes a rule over what it was, state included; says whether that was still there.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn change_alert(&self, before: &AlertRow, row: &AlertRow) -> Result<bool, Error> {
        let changed = self.alerts().replace_one(as_judged(before), row).await;
        Ok(changed.doing("changing an alert")?.matched_count == 1)
    }

    /// Removes a rule; says whether there was one.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn remove_alert(&self, id: &str) -> Result<bool, Error> {
        let removed = self.alerts().delete_one(doc! { "_id": id }).await;
        Ok(removed.doing("removing an alert")?.deleted_count == 1)
    }

    /// Writes a state that tells nobody anything, over the one that it was judged by; says whether that
    /// was still there.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn settle_alert(&self, judged: &AlertRow, state: &AlertState) -> Result<bool, Error> {
        const DOING: &str = "writing the state of an alert";
        let state = bson::serialize_to_document(state).doing(DOING)?;
        let set = doc! { "$set": { "state": state } };
        let written = self.alerts().update_one(as_judged(judged), set).await.doing(DOING)?;
        Ok(written.matched_count == 1)
    }

    pub(super) fn alerts(&self) -> mongodb::Collection<AlertRow> {
        self.database.collection(ALERTS)
    }

    async fn alerts_where(&self, filter: bson::Document) -> Result<Vec<AlertRow>, Error> {
        const DOING: &str = "reading alerts";
        let found = self.alerts().find(filter).sort(doc! { "name": 1, "_id": 1 }).await;
        found.doing(DOING)?.try_collect().await.doing(DOING)
    }
}

/// The rule as it was when it was judged: a state changes with its position or its instant.
pub(super) fn as_judged(row: &AlertRow) -> bson::Document {
    doc! {
        "_id": &row.id,
        "revision": row.revision,
        "state.number": row.state.number,
        "state.at": row.state.at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_as_it_is_written() {
        for owner in [Owner::User("u:1".to_owned()), Owner::Role(Role::Manager)] {
            assert_eq!(Owner::try_from(owner.to_string()), Ok(owner));
        }
        for text in ["", "user", "role:king", "key:7"] {
            assert!(Owner::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let (url, secret) = ("https://example.org".to_owned(), "whsec_1".to_owned());
        assert!(!format!("{:?}", Webhook { url, secret }).contains("whsec"));
    }
}
