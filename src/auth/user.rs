//! An account as answers show it: all but the fields that nobody may see.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::parameters::values::Word;
use crate::rights::role::{Permission, Role};
use crate::store::platform::accounts::{Account, Profile};
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
        }
    }
}

impl From<Profile> for ShownProfile {
    fn from(profile: Profile) -> Self {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        ShownProfile {
            avatar: profile.avatar,
            phone: profile.phone,
            department: profile.department,
            position: profile.position,
            timezone: profile.timezone,
            preferences: ShownPreferences {
                theme: profile.preferences.theme,
                language: profile.preferences.language,
                notifications: json(profile.preferences.notifications),
                dashboard: json(profile.preferences.dashboard),
            },
        }
    }
}

/// An account in an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneUser {
    /// The account.
    pub user: User,
}

impl From<Account> for OneUser {
    fn from(account: Account) -> Self {
        OneUser { user: account.into() }
    }
}
