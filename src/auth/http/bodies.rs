//! The bodies of requests and answers at `/api/auth`.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::auth::accounts::NewAccount;
use crate::auth::body::Fields;
use crate::auth::user::User;
use crate::hidden::Hidden;
use crate::rights::role::Role;

/// The answer of register and login: all in `data`, and for clients of the first Node service the
/// token and the user at the top as well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(super) struct Begun {
    pub(super) success: bool,
    pub(super) message: &'static str,
    pub(super) data: BegunData,
    pub(super) token: String,
    pub(super) user: User,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignedInData)]
pub(super) struct BegunData {
    pub(super) user: User,
    pub(super) token: String,
    /// Seconds.
    pub(super) expires_in: u64,
    pub(super) refresh_token: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refreshed)]
pub(super) struct RefreshedData {
    pub(super) token: String,
    /// Seconds.
    pub(super) expires_in: u64,
    pub(super) refresh_token: String,
}

/// A session as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(super) struct ShownSession {
    pub(super) id: String,
    pub(super) current: bool,
    #[schema(format = DateTime)]
    pub(super) created_at: String,
    #[schema(format = DateTime)]
    pub(super) last_used_at: String,
    #[schema(format = DateTime)]
    pub(super) expires_at: String,
    pub(super) address: Option<String>,
    pub(super) user_agent: Option<String>,
}

/// The sessions of the caller.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionList)]
pub(super) struct Sessions {
    pub(super) sessions: Vec<ShownSession>,
}

pub(super) fn read_registration(body: &mut Fields) -> NewAccount {
    // The role of an account that is registered; any other was refused.
    body.value("role", || json!({ "type": ["string", "null"], "enum": ["viewer", "user", null] }));
    NewAccount {
        email: body.email("email"),
        password: body.secret("password"),
        username: body.optional("username", 20, "must have at most 20 characters"),
        first_name: body.optional("firstName", 50, "must have at most 50 characters"),
        last_name: body.optional("lastName", 50, "must have at most 50 characters"),
        role: Role::Viewer,
        permissions: vec![],
        created_by: "self".to_owned(),
    }
}

pub(super) fn read_login(body: &mut Fields) -> (String, Hidden) {
    (body.email("email"), body.secret("password"))
}

pub(super) fn read_passwords(body: &mut Fields) -> (Hidden, Hidden) {
    (body.secret("currentPassword"), body.secret("newPassword"))
}

pub(super) fn read_reset(body: &mut Fields) -> (Hidden, Hidden) {
    (body.secret("token"), body.secret("password"))
}
