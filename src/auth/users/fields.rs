//! The bodies of `POST` and `PUT`: a new account, and what is to be changed of one.

use serde_json::Value;

use crate::auth::accounts::NewAccount;
use crate::auth::body::Fields;
use crate::auth::role::{Permission, Rights, Role};
use crate::store::platform::accounts::{Account, Change, Preferences, Profile};

const AT_MOST_20: &str = "must have at most 20 characters";
const AT_MOST_32: &str = "must have at most 32 characters";
const AT_MOST_50: &str = "must have at most 50 characters";
const AT_MOST_100: &str = "must have at most 100 characters";
/// What clients keep for themselves in an account has at most so many bytes.
const JSON_BYTES_MAX: usize = 4_096;

/// Reads a new account. What is wrong is kept in mind by `body`.
pub fn new_account(body: &mut Fields, created_by: &str) -> NewAccount {
    NewAccount {
        email: body.email("email"),
        password: body.secret("password"),
        username: body.optional("username", 1..=20, AT_MOST_20),
        first_name: body.optional("firstName", 1..=50, AT_MOST_50),
        last_name: body.optional("lastName", 1..=50, AT_MOST_50),
        role: role(body).unwrap_or(Role::Viewer),
        permissions: permissions(body).unwrap_or_default(),
        created_by: created_by.to_owned(),
    }
}

/// Reads what is to be changed of an account: what is not there, or as it was, is no change, since
/// clients send back what they read. Null and an empty text take away. What is wrong is kept in
/// mind by `body`.
pub fn change(body: &mut Fields, account: &Account) -> Change {
    if body.get("password").is_some() {
        body.wrong("password", "is not changed here but by POST /api/auth/password");
    }
    let email = body.get("email").is_some().then(|| body.email("email"));
    let email = email.filter(|email| *email != account.email);
    let is_active = is_active(body).filter(|is_active| *is_active != account.is_active);
    let permissions = permissions(body)
        .filter(|asked| Rights::listed(asked) != Rights::listed(&account.permissions));
    let mut profile = account.profile.clone();
    body.within("profile", |fields| read_profile(fields, &mut profile));
    Change {
        is_verified: email.is_some().then_some(false),
        email,
        username: name(body, "username", 20, AT_MOST_20, account.username.as_ref()),
        first_name: name(body, "firstName", 50, AT_MOST_50, account.first_name.as_ref()),
        last_name: name(body, "lastName", 50, AT_MOST_50, account.last_name.as_ref()),
        role: role(body).filter(|role| *role != account.role),
        permissions,
        profile: Some(profile).filter(|profile| *profile != account.profile),
        is_active,
        password: None,
    }
}

fn name(
    body: &mut Fields,
    field: &'static str,
    characters: usize,
    allowed: &'static str,
    had: Option<&String>,
) -> Option<String> {
    if !body.is_given(field) {
        return None;
    }
    let asked = body.optional(field, 1..=characters, allowed).unwrap_or_default();
    (had.map_or("", String::as_str) != asked).then_some(asked)
}

fn role(body: &mut Fields) -> Option<Role> {
    let role = body.get("role")?.as_str().and_then(Role::parse);
    if role.is_none() {
        body.wrong("role", "must be admin, manager, analyst or viewer");
    }
    role
}

fn permissions(body: &mut Fields) -> Option<Vec<Permission>> {
    let listed = serde_json::from_value::<Vec<Permission>>(body.get("permissions")?.clone());
    if listed.is_err() {
        let allowed = "must be a list of {resource, actions} that there are";
        body.wrong("permissions", allowed);
    }
    Some(Rights::listed(&listed.ok()?).permissions())
}

fn is_active(body: &mut Fields) -> Option<bool> {
    let is_active = body.get("isActive")?.as_bool();
    if is_active.is_none() {
        body.wrong("isActive", "must be true or false");
    }
    is_active
}

fn read_profile(fields: &mut Fields, profile: &mut Profile) {
    put(fields, "avatar", 500, "must have at most 500 characters", &mut profile.avatar);
    let is_given = fields.is_given("avatar");
    if is_given && profile.avatar.as_deref().is_some_and(|avatar| !is_address(avatar)) {
        fields.wrong("avatar", "must be an http or https address, or a path");
    }
    put(fields, "phone", 32, AT_MOST_32, &mut profile.phone);
    put(fields, "department", 100, AT_MOST_100, &mut profile.department);
    put(fields, "position", 100, AT_MOST_100, &mut profile.position);
    put(fields, "timezone", 50, AT_MOST_50, &mut profile.timezone);
    fields.within("preferences", |fields| read_preferences(fields, &mut profile.preferences));
}

fn read_preferences(fields: &mut Fields, preferences: &mut Preferences) {
    put(fields, "theme", 32, AT_MOST_32, &mut preferences.theme);
    put(fields, "language", 32, AT_MOST_32, &mut preferences.language);
    for (field, text) in [
        ("notifications", &mut preferences.notifications),
        ("dashboard", &mut preferences.dashboard),
    ] {
        if fields.is_given(field) {
            *text = fields.get(field).map(Value::to_string);
        }
        if text.as_ref().is_some_and(|text| text.len() > JSON_BYTES_MAX) {
            fields.wrong(field, "must have at most 4,096 bytes");
        }
    }
}

fn put(
    fields: &mut Fields,
    field: &'static str,
    characters: usize,
    allowed: &'static str,
    text: &mut Option<String>,
) {
    if fields.is_given(field) {
        *text = fields.optional(field, 1..=characters, allowed);
    }
}

/// A picture is shown by others' browsers, which take `javascript:` for an address too.
fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://") || text.starts_with('/')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::user::User;
    use crate::store::platform::accounts::PasswordHash;
    use crate::store::time;

    fn account() -> Account {
        Account {
            id: "u".to_owned(),
            email: "ann@example.org".to_owned(),
            username: None,
            first_name: Some("Ann".to_owned()),
            last_name: None,
            role: Role::Viewer,
            permissions: vec![],
            profile: Profile { phone: Some("1".to_owned()), ..Profile::default() },
            is_active: true,
            is_verified: true,
            password_hash: PasswordHash(String::new()),
            last_login: None,
            created_at: time::now(),
            updated_at: time::now(),
            created_by: "self".to_owned(),
            updated_by: None,
        }
    }

    fn read(body: &Value) -> Result<Change, String> {
        let mut fields = Fields::parse(body.to_string().as_bytes()).unwrap();
        let change = change(&mut fields, &account());
        fields.finish().map(|()| change).map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn what_was_read_and_is_sent_back_changes_nothing() {
        let read = |body: Value| format!("{:?}", read(&body).unwrap());
        let nothing = format!("{:?}", Change::default());
        assert_eq!(read(serde_json::to_value(User::from(account())).unwrap()), nothing);
        assert_eq!(read(json!({})), nothing);
        assert_eq!(read(json!({ "role": "user", "permissions": [], "username": "" })), nothing);
    }

    #[test]
    fn what_is_null_or_empty_is_taken_away_and_what_is_missing_stays() {
        let change = read(&json!({ "firstName": null, "profile": { "phone": "" } })).unwrap();
        assert_eq!(change.first_name.as_deref(), Some(""));
        assert_eq!(change.profile, Some(Profile::default()));
        let preferences = json!({ "dashboard": { "$set": { "a.b": 1 } } });
        let change = read(&json!({ "profile": { "preferences": preferences } })).unwrap();
        let profile = change.profile.unwrap();
        assert_eq!(profile.phone.as_deref(), Some("1"));
        assert_eq!(profile.preferences.dashboard.as_deref(), Some(r#"{"$set":{"a.b":1}}"#));
    }

    #[test]
    fn another_e_mail_is_not_known_to_be_theirs() {
        let change = read(&json!({ "email": "Eve@example.org" })).unwrap();
        assert_eq!(change.email.as_deref(), Some("eve@example.org"));
        assert_eq!(change.is_verified, Some(false));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (body, field) in [
            (json!({ "password": "hunter2" }), "password"),
            (json!({ "password": { "$ne": 1 } }), "password"),
            (json!({ "email": { "$gt": "" } }), "email"),
            (json!({ "role": { "$ne": "admin" } }), "role"),
            (json!({ "role": "root" }), "role"),
            (json!({ "isActive": "false" }), "isActive"),
            (json!({ "permissions": "all" }), "permissions"),
            (json!({ "permissions": [{ "resource": "*", "actions": ["read"] }] }), "permissions"),
            (json!({ "username": "u".repeat(21) }), "username"),
            (json!({ "firstName": ["Ann"] }), "firstName"),
            (json!({ "profile": [] }), "profile"),
            (json!({ "profile": { "avatar": "javascript:alert(1)" } }), "profile.avatar"),
            (json!({ "profile": { "preferences": 1 } }), "profile.preferences"),
            (
                json!({ "profile": { "preferences": { "dashboard": "x".repeat(5_000) } } }),
                "profile.preferences.dashboard",
            ),
        ] {
            let message = read(&body).unwrap_err();
            assert!(message.contains(&format!("failed: {field} ")), "{body}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_new_account_is_a_viewers_unless_it_is_said() {
        let read = |body: Value| {
            let mut fields = Fields::parse(body.to_string().as_bytes()).unwrap();
            let new = new_account(&mut fields, "root");
            fields.finish().map(|()| (new.role, new.permissions.len(), new.created_by)).ok()
        };
        let body = json!({ "email": "a@example.org", "password": "x" });
        assert_eq!(read(body), Some((Role::Viewer, 0, "root".to_owned())));
        let twice = json!([{ "resource": "ai", "actions": ["read"] }, { "resource": "ai", "actions": ["read"] }]);
        let body = json!({ "email": "a@example.org", "password": "x", "role": "superadmin", "permissions": twice });
        assert_eq!(read(body), Some((Role::Admin, 1, "root".to_owned())));
        assert_eq!(read(json!({ "email": "a@example.org" })), None);
    }
}
