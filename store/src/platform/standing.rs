//! The standing of a session: the data that a request is judged by.

use mongodb::bson::{self, doc};
use rights::role::{Permission, Role};
use serde::Deserialize;

/// The part of a session that a request is judged by.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The session's id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The user.
    pub user_id: String,
    /// The account's role.
    pub role: Role,
    /// The permissions beyond the role.
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

/// The members that it is read from.
pub(super) fn standing() -> bson::Document {
    doc! { "userId": 1, "role": 1, "permissions": 1 }
}
