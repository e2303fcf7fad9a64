//! The bodies of `POST` and `PUT`: a new account, and the changes of one.

use serde_json::{Value, json};

use crate::auth::accounts::NewAccount;
use crate::auth::body::Fields;
use crate::auth::user::default_profile;
use crate::rights::role::{Permission, Rights, Role};
use crate::store::platform::accounts::{Account, Change, Preferences, Profile};

const AT_MOST_20: &str = "must have at most 20 characters";
const AT_MOST_32: &str = "must have at most 32 characters";
const AT_MOST_50: &str = "must have at most 50 characters";
const AT_MOST_100: &str = "must have at most 100 characters";
/// The most bytes of a JSON value that clients keep for themselves in an account.
const JSON_BYTES_MAX: usize = 4_096;

/// Reads a new account. `body` keeps the errors.
pub fn new_account(body: &mut Fields, created_by: &str) -> NewAccount {
    NewAccount {
        email: body.email("email"),
        password: body.secret("password"),
        username: body.optional("username", 20, AT_MOST_20),
        first_name: body.optional("firstName", 50, AT_MOST_50),
        last_name: body.optional("lastName", 50, AT_MOST_50),
        role: body.word("role").unwrap_or(Role::Viewer),
        permissions: permissions(body).unwrap_or_default(),
        created_by: created_by.to_owned(),
    }
}

/// The changes to make to an account: a field that is not there stays; a text that is empty is
/// taken away.
#[derive(Debug, Clone)]
pub struct AccountPatch {
    email: Option<String>,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    role: Option<Role>,
    permissions: Option<Vec<Permission>>,
    profile: Profile,
    is_active: Option<bool>,
}

impl AccountPatch {
    /// Reads it. Null and an empty text take away. `body` keeps the errors.
    pub fn read(body: &mut Fields) -> Self {
        if body.get("password").is_some() {
            body.wrong("password", "is not changed here but by POST /api/auth/password");
        }
        AccountPatch {
            email: body.optional_email("email"),
            username: body.change("username", 20, AT_MOST_20),
            first_name: body.change("firstName", 50, AT_MOST_50),
            last_name: body.change("lastName", 50, AT_MOST_50),
            role: body.word("role"),
            permissions: permissions(body),
            profile: body.within("profile", read_profile).unwrap_or_default(),
            is_active: body.flag("isActive"),
        }
    }

    /// The changes that it makes to an account: a value that is as it was is no change, since
    /// clients send back the values that they read.
    #[must_use]
    pub fn of(&self, account: &Account) -> Change {
        let name = |asked: &Option<String>, had: &Option<String>| {
            let had = had.as_deref().unwrap_or_default();
            asked.clone().filter(|asked| asked != had)
        };
        let email = self.email.clone().filter(|email| *email != account.email);
        let permissions = self.permissions.clone();
        let profile = changed_profile(&self.profile, &account.profile);
        Change {
            is_verified: email.is_some().then_some(false),
            email,
            username: name(&self.username, &account.username),
            first_name: name(&self.first_name, &account.first_name),
            last_name: name(&self.last_name, &account.last_name),
            role: self.role.filter(|role| *role != account.role),
            permissions: permissions
                .filter(|asked| Rights::listed(asked) != Rights::listed(&account.permissions)),
            profile: Some(profile).filter(|profile| *profile != account.profile),
            is_active: self.is_active.filter(|is_active| *is_active != account.is_active),
            password: None,
        }
    }
}

fn permissions(body: &mut Fields) -> Option<Vec<Permission>> {
    let allowed = "must be a list of {resource, actions} that there are";
    let listed: Vec<Permission> = body.json("permissions", allowed)?;
    Some(Rights::listed(&listed).permissions())
}

fn read_profile(fields: &mut Fields) -> Profile {
    let avatar = fields.change("avatar", 500, "must have at most 500 characters");
    if avatar.as_deref().is_some_and(|avatar| !avatar.is_empty() && !is_address(avatar)) {
        fields.wrong("avatar", "must be an http or https address, or a path");
    }
    Profile {
        avatar,
        phone: fields.change("phone", 32, AT_MOST_32),
        department: fields.change("department", 100, AT_MOST_100),
        position: fields.change("position", 100, AT_MOST_100),
        timezone: fields.change("timezone", 50, AT_MOST_50),
        preferences: fields.within("preferences", read_preferences).unwrap_or_default(),
    }
}

fn read_preferences(fields: &mut Fields) -> Preferences {
    Preferences {
        theme: fields.change("theme", 32, AT_MOST_32),
        language: fields.change("language", 32, AT_MOST_32),
        notifications: anything(fields, "notifications"),
        dashboard: anything(fields, "dashboard"),
    }
}

/// JSON that clients keep for themselves, as text.
fn anything(fields: &mut Fields, name: &'static str) -> Option<String> {
    let text = fields.value(name, || json!({})).map(Value::to_string);
    if text.as_ref().is_some_and(|text| text.len() > JSON_BYTES_MAX) {
        fields.wrong(name, "must have at most 4,096 bytes");
    }
    fields.is_given(name).then(|| text.unwrap_or_default())
}

/// A value that stands for one that is not set, sent back, sets nothing.
fn changed_profile(asked: &Profile, had: &Profile) -> Profile {
    let changed = |asked: &Option<String>, had: &Option<String>| {
        asked.clone().or_else(|| had.clone()).filter(|text| !text.is_empty())
    };
    let or = |asked: &Option<String>, had: &Option<String>, default: &Option<String>| {
        if had.is_none() && asked == default { None } else { changed(asked, had) }
    };
    let default = default_profile();
    let (asked_of, had_of) = (&asked.preferences, &had.preferences);
    let of_all = &default.preferences;
    Profile {
        avatar: changed(&asked.avatar, &had.avatar),
        phone: changed(&asked.phone, &had.phone),
        department: changed(&asked.department, &had.department),
        position: changed(&asked.position, &had.position),
        timezone: or(&asked.timezone, &had.timezone, &default.timezone),
        preferences: Preferences {
            theme: or(&asked_of.theme, &had_of.theme, &of_all.theme),
            language: or(&asked_of.language, &had_of.language, &of_all.language),
            notifications: or(
                &asked_of.notifications,
                &had_of.notifications,
                &of_all.notifications,
            ),
            dashboard: or(&asked_of.dashboard, &had_of.dashboard, &of_all.dashboard),
        },
    }
}

/// A picture is shown by others' browsers, which take `javascript:` for an address too.
fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://") || text.starts_with('/')
}

#[cfg(test)]
mod tests {
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
            last_login_address: None,
            created_at: time::now(),
            updated_at: time::now(),
            created_by: "self".to_owned(),
            updated_by: None,
        }
    }

    fn read(body: &Value) -> Result<Change, String> {
        let mut fields = Fields::parse(body.to_string().as_bytes()).unwrap();
        let asked = AccountPatch::read(&mut fields);
        fields
            .finish()
            .map(|()| asked.of(&account()))
            .map_err(|problem| problem.message().to_owned())
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
