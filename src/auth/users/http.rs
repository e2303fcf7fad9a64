//! `/api/users`: accounts, for those who see to them, and one's own.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::list::Asked;
use super::{Whose, fields};
use crate::auth::access::Access::{self, Allowed, SignedIn};
use crate::auth::accounts::Accounts;
use crate::auth::audit::{Event, EventType};
use crate::auth::body::{BODY_BYTES_MAX, Fields};
use crate::auth::caller::Person;
use crate::auth::error::Error;
use crate::auth::gate::Refusal;
use crate::auth::http::unkept;
use crate::auth::role::{Action, Resource, Role};
use crate::auth::user::User;
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::problem::Problem;
use crate::store::platform::accounts::Account;
use crate::store::platform::directory::{AccountsWanted, SortBy};
use crate::store::time;

/// How many of the newest accounts the summary has.
const RECENT: u32 = 5;

/// The endpoints.
pub fn routes(accounts: Arc<Accounts>) -> Routes {
    let users = |action| Allowed(Resource::Users, action);
    Routes::new()
        .get("/api/users", users(Action::Read), list)
        .post("/api/users", users(Action::Create), create)
        .get("/api/users/stats/summary", users(Action::Read), summary)
        .get("/api/users/{id}", SignedIn, show)
        .put("/api/users/{id}", SignedIn, change)
        .delete("/api/users/{id}", users(Action::Delete), deactivate)
        .post("/api/users/{id}/reactivate", users(Action::Update), reactivate)
        .body_limit(BODY_BYTES_MAX)
        .with_state(accounts)
}

#[derive(Debug, Serialize)]
struct Listed {
    users: Vec<User>,
    pagination: Pagination,
}

#[derive(Debug, Serialize)]
struct Pagination {
    current: u32,
    pages: u64,
    total: u64,
    limit: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    summary: Summary,
    role_distribution: Vec<RoleShare>,
    recent_users: Vec<RecentUser>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)] // names on the wire
struct Summary {
    total_users: u64,
    active_users: u64,
    inactive_users: u64,
}

#[derive(Debug, Serialize)]
struct RoleShare {
    #[serde(rename = "_id")]
    role: Role,
    count: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RecentUser {
    first_name: Option<String>,
    last_name: Option<String>,
    email: String,
    role: Role,
    created_at: String,
}

async fn list(State(accounts): State<Arc<Accounts>>, uri: Uri) -> Result<Response, Problem> {
    let Asked { page, limit, wanted } = Asked::parse(&uri)?;
    let found = accounts.store.accounts(&wanted).await.map_err(Error::from)?;
    let total = found.total;
    let pages = total.div_ceil(u64::from(limit));
    let pagination = Pagination { current: page, pages, total, limit };
    let users = found.accounts.into_iter().map(User::from).collect();
    Ok(unkept(Envelope::of(Listed { users, pagination })))
}

/// Of all accounts, those that may not sign in included; the newest are of those that may.
async fn summary(State(accounts): State<Arc<Accounts>>) -> Result<Response, Problem> {
    let mut roles = accounts.store.count_accounts().await.map_err(Error::from)?;
    roles.sort_by_key(|it| (std::cmp::Reverse(it.active + it.inactive), it.role.as_str()));
    let newest = AccountsWanted {
        role: None,
        is_active: Some(true),
        search: None,
        sort_by: SortBy::CreatedAt,
        descending: true,
        skip: 0,
        limit: RECENT,
    };
    let newest = accounts.store.accounts(&newest).await.map_err(Error::from)?;
    let (active, inactive) =
        roles.iter().fold((0, 0), |sum, it| (sum.0 + it.active, sum.1 + it.inactive));
    let share = |role, count| RoleShare { role, count };
    Ok(unkept(Envelope::of(Stats {
        summary: Summary {
            total_users: active + inactive,
            active_users: active,
            inactive_users: inactive,
        },
        role_distribution: roles.iter().map(|it| share(it.role, it.active + it.inactive)).collect(),
        recent_users: newest.accounts.into_iter().map(recent).collect(),
    })))
}

fn recent(account: Account) -> RecentUser {
    RecentUser {
        first_name: account.first_name,
        last_name: account.last_name,
        email: account.email,
        role: account.role,
        created_at: time::rfc3339(account.created_at),
    }
}

async fn show(
    State(accounts): State<Arc<Accounts>>,
    person: Person,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    own_or_allowed(&accounts, &person, &id, Action::Read, &origin).await?;
    Ok(answer(found(&accounts, &id).await?))
}

async fn create(
    State(accounts): State<Arc<Accounts>>,
    person: Person,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let new = fields::new_account(&mut body, &person.user_id);
    body.finish()?;
    let account = accounts.create_user(&person, new, &origin).await?;
    Ok((StatusCode::CREATED, answer(account)).into_response())
}

async fn change(
    State(accounts): State<Arc<Accounts>>,
    person: Person,
    origin: Origin,
    Path(id): Path<String>,
    body: Fields,
) -> Result<Response, Problem> {
    own_or_allowed(&accounts, &person, &id, Action::Update, &origin).await?;
    let account = found(&accounts, &id).await?;
    // Whether the fields are right is the same for any account; what they change of it is found out
    // when it is written.
    let mut fields = body.clone();
    fields::change(&mut fields, &account);
    fields.finish()?;
    let asked = move |account: &Account| fields::change(&mut body.clone(), account);
    let whose = Whose::AlsoOwn(Action::Update);
    Ok(answer(accounts.change_user(&person, &id, whose, asked, &origin).await?))
}

async fn deactivate(
    State(accounts): State<Arc<Accounts>>,
    person: Person,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    Ok(answer(accounts.set_active(&person, &id, false, &origin).await?))
}

async fn reactivate(
    State(accounts): State<Arc<Accounts>>,
    person: Person,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    Ok(answer(accounts.set_active(&person, &id, true, &origin).await?))
}

/// One's own account, or whoever may; before anything is looked up, so that nobody learns which
/// accounts there are.
async fn own_or_allowed(
    accounts: &Accounts,
    person: &Person,
    id: &str,
    action: Action,
    origin: &Origin,
) -> Result<(), Problem> {
    if person.user_id == id || person.rights.allow(Resource::Users, action) {
        return Ok(());
    }
    let access: Access = Allowed(Resource::Users, action);
    let event = Event::refused(EventType::Access).by_user(&person.user_id).from(origin);
    accounts.audit.record(event.to(origin.to_string()).detail(access.to_string())).await;
    Err(Refusal::Forbidden(access).into())
}

async fn found(accounts: &Accounts, id: &str) -> Result<Account, Error> {
    accounts.store.account(id).await?.ok_or(Error::NoAccount)
}

fn answer(account: Account) -> Response {
    unkept(Envelope::of(json!({ "user": User::from(account) })))
}
