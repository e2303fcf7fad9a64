//! Accounts, many at a time: a page of them, and their number.

use futures_util::TryStreamExt;
use mongodb::bson::{self, Bson, doc};
use mongodb::options::{Collation, CollationStrength};
use rights::role::{Permission, Role};
use serde::Deserialize;

use super::Platform;
use super::accounts::Account;
use crate::names::ACCOUNTS;
use crate::{Doing, Error};

/// The order of accounts; ties by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// By the instant of creation.
    CreatedAt,
    /// By the instant of the last change.
    UpdatedAt,
    /// By first name, last name, e-mail; capitals make no difference.
    Name,
}

/// The accounts to read; a filter that is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountsWanted {
    /// Those of a role.
    pub role: Option<Role>,
    /// Those that may sign in, or those that may not.
    pub is_active: Option<bool>,
    /// Those with this text in first name, last name or e-mail; capitals make no difference. The
    /// text has no control characters.
    pub search: Option<String>,
    /// The order.
    pub sort_by: SortBy,
    /// Whether the last of that order comes first.
    pub descending: bool,
    /// The number of accounts to skip.
    pub skip: u64,
    /// The largest number of accounts.
    pub limit: u32,
}

/// Some accounts, and the number of all that match.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountsPage {
    /// Those of the page.
    pub accounts: Vec<Account>,
    /// The number of accounts that match.
    pub total: u64,
}

/// The number of accounts of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleCount {
    /// The role.
    pub role: Role,
    /// Those that may sign in.
    pub active: u64,
    /// Those that may not.
    pub inactive: u64,
}

/// The part of an account that tells whether somebody may be told something, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The user's id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The e-mail.
    pub email: String,
    /// The role.
    pub role: Role,
    /// The permissions beyond the role.
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

impl Platform {
    /// Those of some accounts that may sign in.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn members(&self, ids: &[String]) -> Result<Vec<Member>, Error> {
        self.members_where(doc! { "_id": { "$in": ids }, "isActive": true }, 0).await
    }

    /// Those of a role who may sign in, at most so many, by e-mail.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn members_of(&self, role: Role, at_most: u32) -> Result<Vec<Member>, Error> {
        self.members_where(doc! { "role": role.as_str(), "isActive": true }, at_most).await
    }

    async fn members_where(
        &self,
        filter: bson::Document,
        limit: u32,
    ) -> Result<Vec<Member>, Error> {
        const DOING: &str = "reading accounts";
        let accounts = self.database.collection::<Member>(ACCOUNTS);
        let read = doc! { "email": 1, "role": 1, "permissions": 1 };
        let found = accounts.find(filter).projection(read).sort(doc! { "email": 1 });
        let found = found.limit(i64::from(limit)).await.doing(DOING)?;
        found.try_collect().await.doing(DOING)
    }

    /// A page of accounts.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn accounts(&self, wanted: &AccountsWanted) -> Result<AccountsPage, Error> {
        const DOING: &str = "reading accounts";
        let accounts = self.database.collection::<Account>(ACCOUNTS);
        let filter = filter(wanted);
        let total = accounts.count_documents(filter.clone()).await.doing(DOING)?;
        let found = accounts
            .find(filter)
            .sort(sort(wanted))
            .skip(wanted.skip)
            .limit(i64::from(wanted.limit));
        let found = match wanted.sort_by {
            SortBy::Name => found.collation(without_case()),
            SortBy::CreatedAt | SortBy::UpdatedAt => found,
        };
        let accounts = found.await.doing(DOING)?.try_collect().await.doing(DOING)?;
        Ok(AccountsPage { accounts, total })
    }

    /// The number of accounts of each role that has any.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn count_accounts(&self) -> Result<Vec<RoleCount>, Error> {
        #[derive(Deserialize)]
        struct Counted {
            #[serde(rename = "_id")]
            role: Role,
            active: u64,
            all: u64,
        }
        const DOING: &str = "counting accounts";
        let accounts = self.database.collection::<bson::Document>(ACCOUNTS);
        let group = doc! { "$group": {
            "_id": "$role",
            "active": { "$sum": { "$cond": ["$isActive", 1, 0] } },
            "all": { "$sum": 1 },
        } };
        let counted = accounts.aggregate(vec![group]).with_type::<Counted>().await.doing(DOING)?;
        let counted: Vec<Counted> = counted.try_collect().await.doing(DOING)?;
        let role_count = |Counted { role, active, all }| RoleCount {
            role,
            active,
            inactive: all.saturating_sub(active),
        };
        Ok(counted.into_iter().map(role_count).collect())
    }
}

fn filter(wanted: &AccountsWanted) -> bson::Document {
    let mut filter = doc! {};
    if let Some(role) = wanted.role {
        filter.insert("role", role.as_str());
    }
    if let Some(is_active) = wanted.is_active {
        filter.insert("isActive", is_active);
    }
    if let Some(text) = &wanted.search {
        let is_in = doc! { "$regex": literal(text), "$options": "i" };
        let fields = ["firstName", "lastName", "email"];
        let any: Vec<Bson> =
            fields.iter().map(|field| doc! { *field: is_in.clone() }.into()).collect();
        filter.insert("$or", any);
    }
    filter
}

fn sort(wanted: &AccountsWanted) -> bson::Document {
    let fields: &[&str] = match wanted.sort_by {
        SortBy::CreatedAt => &["createdAt", "_id"],
        SortBy::UpdatedAt => &["updatedAt", "_id"],
        SortBy::Name => &["firstName", "lastName", "email", "_id"],
    };
    let direction = if wanted.descending { -1 } else { 1 };
    fields.iter().map(|field| ((*field).to_owned(), Bson::Int32(direction))).collect()
}

fn without_case() -> Collation {
    Collation::builder().locale("en").strength(CollationStrength::Secondary).build()
}

/// A regular expression that finds a text and nothing else: no character of it has a meaning of
/// its own, so it takes no longer than a look at each one.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if character.is_ascii() && !character.is_ascii_alphanumeric() {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_search_has_a_meaning_of_its_own() {
        assert_eq!(literal("(a+)+$"), r"\(a\+\)\+\$");
        assert_eq!(literal(r"\d é-[x]"), r"\\d\ é\-\[x\]");
        assert_eq!(literal("ann99"), "ann99");
    }
}
