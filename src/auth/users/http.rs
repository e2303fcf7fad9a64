//! `/api/users`: accounts, for people who manage them, and one's own.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::list::Page;
use super::{Whose, fields};
use crate::auth::accounts::Accounts;
use crate::auth::audit::{Event, EventType};
use crate::auth::body::{BODY_BYTES_MAX, Fields};
use crate::auth::error::Error;
use crate::auth::http::unkept;
use crate::auth::user::{self, OneUser, User};
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::gate::{By, Refusal};
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::parameters::values::Text;
use crate::http::parameters::{Parameter, Params};
use crate::http::problem::{Problem, ProblemType};
use crate::rights::access::Access::{self, Allowed, SignedIn};
use crate::rights::caller::Person;
use crate::rights::role::{Action, Permission, Resource, Role};
use crate::store::platform::accounts::Account;
use crate::store::platform::directory::{AccountsWanted, SortBy};
use crate::store::time;

/// The number of the newest accounts in the summary.
const RECENT: u32 = 5;

const ID: Parameter<Text> = Parameter::path("id", "The account's id.", AN_ID);
const AN_ID: Text = Text { min: 1, max: 128, allowed: "must be an id" };
const UPDATED: &str = "User updated successfully";
const DEACTIVATED: &str = "User deactivated successfully";
const REACTIVATED: &str = "User reactivated successfully";
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const NO_ACCOUNT: &str = "There is no such account.";

/// The endpoints.
pub fn routes(accounts: Arc<Accounts>) -> Routes {
    let users = |action| Allowed(Resource::Users, action);
    Routes::new()
        .get("/api/users", users(Action::Read), of_list(), list)
        .post("/api/users", users(Action::Create), of_create(), create)
        .get("/api/users/stats/summary", users(Action::Read), of_summary(), summary)
        .get("/api/users/{id}", SignedIn, of_show(), show)
        .put("/api/users/{id}", SignedIn, of_change(), change)
        .delete("/api/users/{id}", users(Action::Delete), of_deactivate(), deactivate)
        .post("/api/users/{id}/reactivate", users(Action::Update), of_reactivate(), reactivate)
        .body_limit(BODY_BYTES_MAX)
        .with_state(accounts)
}

fn of_list() -> Operation {
    let answer = Answer::data::<Listed>("A page of accounts.").headers(&["X-Total-Count"]);
    Operation::new(Tag::Users, "listUsers", "Accounts, a page at a time", answer).takes::<Page>()
}

fn of_create() -> Operation {
    let answer = Answer::data::<OneUser>("The account is made.").status(201);
    let body = Fields::described(|body| fields::new_account(body, ""));
    let example = json!({ "email": "bob@example.org", "password": "seven lamps of 1849" });
    Operation::new(Tag::Users, "createUser", "Makes an account", answer)
        .body(&body, &example)
        .knows_type::<Permission>()
        .or_problems(&[ProblemType::EmailTaken])
}

fn of_summary() -> Operation {
    let answer = Answer::data::<Stats>("The numbers of accounts, and the newest.");
    Operation::new(Tag::Users, "countUsers", "Accounts in numbers", answer)
}

fn of_show() -> Operation {
    let answer = Answer::data::<OneUser>("The account.");
    Operation::new(Tag::Users, "getUser", "One account", answer)
        .about("One's own, or any with `users:read`.")
        .with(&ID)
        .or_missing(NO_ACCOUNT)
}

fn of_change() -> Operation {
    let answer = Answer::data_and_message::<OneUser>("The account as it is now.");
    let body = Fields::described(fields::AccountPatch::read);
    Operation::new(Tag::Users, "changeUser", "Changes an account", answer)
        .about(
            "One's own, or any with `users:update`. What is left out stays; null and an empty text take \
             away. Nobody changes their own role, permissions or activity.",
        )
        .with(&ID)
        .body(&body, &json!({ "firstName": "Ann", "profile": { "timezone": "Europe/London" } }))
        .knows_type::<Permission>()
        .or_missing(NO_ACCOUNT)
        .or_problems(&[ProblemType::EmailTaken, ProblemType::LastAdmin])
}

fn of_deactivate() -> Operation {
    let answer =
        Answer::data_and_message::<OneUser>("The account, which may not sign in any more.");
    Operation::new(Tag::Users, "deactivateUser", "Deactivates an account", answer)
        .about("Its sessions end. Nobody deactivates themselves, or the last admin.")
        .with(&ID)
        .or_missing(NO_ACCOUNT)
        .or_problems(&[ProblemType::LastAdmin])
}

fn of_reactivate() -> Operation {
    let answer = Answer::data_and_message::<OneUser>("The account, which may sign in again.");
    Operation::new(Tag::Users, "reactivateUser", "Activates an account again", answer)
        .with(&ID)
        .or_missing(NO_ACCOUNT)
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserList)]
struct Listed {
    users: Vec<User>,
    pagination: Pagination,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaginationByNumber)]
struct Pagination {
    current: u32,
    pages: u64,
    total: u64,
    limit: u32,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserStats)]
struct Stats {
    summary: Summary,
    role_distribution: Vec<RoleShare>,
    recent_users: Vec<RecentUser>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserCounts)]
#[allow(clippy::struct_field_names)] // names on the wire
struct Summary {
    total_users: u64,
    active_users: u64,
    inactive_users: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct RoleShare {
    #[serde(rename = "_id")]
    role: Role,
    count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecentUser {
    first_name: Option<String>,
    last_name: Option<String>,
    email: String,
    role: Role,
    #[schema(format = DateTime)]
    created_at: String,
}

async fn list(
    State(accounts): State<Arc<Accounts>>,
    By(person): By<Person>,
    Params(Page { number, limit, wanted }): Params<Page>,
) -> Result<Response, Problem> {
    let found = accounts.store.accounts(&wanted).await.map_err(Error::from)?;
    let total = found.total;
    let pages = total.div_ceil(u64::from(limit));
    let pagination = Pagination { current: number, pages, total, limit };
    let users = accounts.shown(&person, found.accounts).await?;
    let listed = Envelope::of(Listed { users, pagination });
    Ok(unkept(([(TOTAL_COUNT, total)], listed)))
}

/// Roles and the newest are of accounts that may sign in.
async fn summary(State(accounts): State<Arc<Accounts>>) -> Result<Response, Problem> {
    let mut roles = accounts.store.count_accounts().await.map_err(Error::from)?;
    roles.sort_by_key(|it| (std::cmp::Reverse(it.active), it.role.as_str()));
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
        role_distribution: roles
            .iter()
            .filter(|it| it.active > 0)
            .map(|it| share(it.role, it.active))
            .collect(),
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
    By(person): By<Person>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    own_or_allowed(&accounts, &person, &id, Action::Read, &origin).await?;
    let account = found(&accounts, &id).await?;
    answer(&accounts, &person, account, None).await
}

async fn create(
    State(accounts): State<Arc<Accounts>>,
    By(person): By<Person>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let new = fields::new_account(&mut body, &person.user_id);
    body.finish()?;
    let account = accounts.create_user(&person, new, &origin).await?;
    let answer = answer(&accounts, &person, account, None).await?;
    Ok((StatusCode::CREATED, answer).into_response())
}

async fn change(
    State(accounts): State<Arc<Accounts>>,
    By(person): By<Person>,
    origin: Origin,
    Path(id): Path<String>,
    mut body: Fields,
) -> Result<Response, Problem> {
    own_or_allowed(&accounts, &person, &id, Action::Update, &origin).await?;
    found(&accounts, &id).await?;
    let asked = fields::AccountPatch::read(&mut body);
    body.finish()?;
    // Its changes to the account are found out when that is written.
    let asked = move |account: &Account| asked.of(account);
    let whose = Whose::AlsoOwn(Action::Update);
    let account = accounts.change_user(&person, &id, whose, asked, &origin).await?;
    answer(&accounts, &person, account, Some(UPDATED)).await
}

async fn deactivate(
    State(accounts): State<Arc<Accounts>>,
    By(person): By<Person>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let account = accounts.set_active(&person, &id, false, &origin).await?;
    answer(&accounts, &person, account, Some(DEACTIVATED)).await
}

async fn reactivate(
    State(accounts): State<Arc<Accounts>>,
    By(person): By<Person>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let account = accounts.set_active(&person, &id, true, &origin).await?;
    answer(&accounts, &person, account, Some(REACTIVATED)).await
}

/// Admits people to their own account, and people with the right to any. It is checked before
/// anything is looked up, so that nobody learns which accounts there are.
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

/// An account as a person may see it.
async fn answer(
    accounts: &Accounts,
    person: &Person,
    account: Account,
    message: Option<&'static str>,
) -> Result<Response, Problem> {
    let envelope = Envelope::of(user::one(accounts, person, account).await?);
    let envelope = message.into_iter().fold(envelope, Envelope::saying);
    Ok(unkept(envelope))
}
