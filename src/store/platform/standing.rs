//! The standing of a session: what decides about a request.

use mongodb::bson::{self, doc};
use serde::Deserialize;

use crate::rights::role::{Permission, Role};

/// Of a session, what decides about a request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The session's id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// The account's role.
    pub role: Role,
    /// What is allowed beyond the role.
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

/// The members that it is read from.
pub(super) fn standing() -> bson::Document {
    doc! { "userId": 1, "role": 1, "permissions": 1 }
}
