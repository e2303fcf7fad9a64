//! An account as answers show it: all but the fields that nobody may see.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::accounts::Accounts;
use super::error::Error;
use crate::http::parameters::values::Word;
use crate::rights::caller::Person;
use crate::rights::role::{Permission, Role};
use crate::store::platform::accounts::{Account, Preferences, Profile};
use crate::store::time;

impl Word for Role {
    const ALL: &'static [Self] = &Role::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }

    fn of_word(word: &str) -> Option<Self> {
        Role::parse(word)
    }
}

/// An account as answers show it. A value that is not known is null.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // as in [`Account`]
pub struct User {
    pub id: String,
    #[serde(rename = "_id")]
    pub own_id: String,
    pub user_id: String,
    pub username: Option<String>,
    pub email: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub full_name: Option<String>,
    pub role: Role,
    pub permissions: Vec<Permission>,
    pub profile: ShownProfile,
    pub is_active: bool,
    pub is_verified: bool,
    #[schema(format = DateTime)]
    pub last_login: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Only for those who may see accounts, as the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub updated_by: Option<String>,
    /// Whether sign-ins have to wait because too many failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub is_locked: Option<bool>,
    #[serde(rename = "lastLoginIP", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_login_address: Option<String>,
}

/// The profile, with the values that clients keep for themselves as JSON.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Profile)]
#[allow(missing_docs)] // as in [`Profile`]
pub struct ShownProfile {
    pub avatar: Option<String>,
    pub phone: Option<String>,
    pub department: Option<String>,
    pub position: Option<String>,
    pub timezone: Option<String>,
    pub preferences: ShownPreferences,
}

/// The preferences of a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Preferences)]
#[allow(missing_docs)] // as in [`crate::store::platform::accounts::Preferences`]
pub struct ShownPreferences {
    pub theme: Option<String>,
    pub language: Option<String>,
    pub notifications: Option<Value>,
    pub dashboard: Option<Value>,
}

impl From<Account> for User {
    fn from(account: Account) -> Self {
        let names: Vec<&str> = [&account.first_name, &account.last_name]
            .into_iter()
            .flatten()
            .map(|it| &**it)
            .collect();
        let full_name = Some(names.join(" ")).filter(|name| !name.is_empty());
        User {
            id: account.id.clone(),
            own_id: account.id.clone(),
            user_id: account.id,
            username: account.username,
            email: account.email,
            full_name,
            first_name: account.first_name,
            last_name: account.last_name,
            role: account.role,
            permissions: account.permissions,
            profile: account.profile.into(),
            is_active: account.is_active,
            is_verified: account.is_verified,
            last_login: account.last_login.map(time::rfc3339),
            created_at: time::rfc3339(account.created_at),
            updated_at: time::rfc3339(account.updated_at),
            created_by: None,
            updated_by: None,
            is_locked: None,
            last_login_address: None,
        }
    }
}

impl User {
    /// The same for those who may see accounts.
    #[must_use]
    pub fn managed(mut account: Account, is_locked: bool) -> Self {
        let (by, address) = (account.created_by.clone(), account.last_login_address.take());
        let updated_by = account.updated_by.take();
        User {
            created_by: Some(by),
            updated_by,
            is_locked: Some(is_locked),
            last_login_address: address,
            ..User::from(account)
        }
    }
}

/// What a profile says where nothing is set.
#[must_use]
pub fn default_profile() -> Profile {
    let text = |text: &str| Some(text.to_owned());
    Profile {
        timezone: text("UTC"),
        preferences: Preferences {
            theme: text("auto"),
            language: text("en"),
            notifications: text(r#"{"email":true,"push":true,"sms":false}"#),
            dashboard: text(r#"{"refreshInterval":30000}"#),
        },
        ..Profile::default()
    }
}

impl From<Profile> for ShownProfile {
    fn from(profile: Profile) -> Self {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        let default = default_profile();
        let (own, of_all) = (profile.preferences, default.preferences);
        ShownProfile {
            avatar: profile.avatar,
            phone: profile.phone,
            department: profile.department,
            position: profile.position,
            timezone: profile.timezone.or(default.timezone),
            preferences: ShownPreferences {
                theme: own.theme.or(of_all.theme),
                language: own.language.or(of_all.language),
                notifications: json(own.notifications.or(of_all.notifications)),
                dashboard: json(own.dashboard.or(of_all.dashboard)),
            },
        }
    }
}

/// An account in an answer: in `user`, and for clients of the first Node service by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneUser {
    /// The account.
    #[serde(flatten)]
    same: User,
    /// The account.
    user: User,
}

/// An account as a person may see it.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn one(accounts: &Accounts, by: &Person, account: Account) -> Result<OneUser, Error> {
    let [user] = &*accounts.shown(by, vec![account]).await? else { return Err(Error::NoAccount) };
    Ok(OneUser::from(user.clone()))
}

impl From<User> for OneUser {
    fn from(user: User) -> Self {
        OneUser { same: user.clone(), user }
    }
}
