//! `GET /api/dashboard/widgets/{id}/data`.

use axum::extract::State as Shared;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::config::unread;
use crate::http::Routes;
use crate::http::clock::now;
use crate::http::envelope::Envelope;
use crate::http::gate::{By, Refusal};
use crate::http::parameters::Parameters;
use crate::http::parameters::values::Word;
use crate::http::problem::Problem;
use crate::operator::health::Health;
use crate::operator::state;
use crate::push::sessions::Sessions;
use crate::query;
use crate::query::answer::{operation, respond};
use crate::query::question::Question;
use crate::query::view::View;
use crate::query::views::widget::{Asked, Cell, Data, Number, State, Widget};
use crate::rights::access::Access;
use crate::rights::caller::Caller;
use crate::rights::role::{Action, Resource};
use crate::store::platform::Platform;
use crate::store::platform::accounts::Account;
use crate::store::platform::audit::{AuditRow, AuditWanted};
use crate::store::platform::directory::{AccountsWanted, SortBy};
use crate::store::{self, time};

/// The most rows of a table.
const ROWS: u32 = 10;

/// The dependencies of dashboards.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Those of queries.
    pub queries: query::Deps,
    /// Accounts and the audit.
    pub platform: Platform,
    /// The state of the service.
    pub health: Health,
    /// The sessions of Socket.IO.
    pub sessions: Sessions,
}

/// The endpoint.
#[must_use]
pub fn routes(deps: Deps) -> Routes {
    let operation = operation::<Widget>();
    Routes::new().get(Widget::ROUTE.path, Widget::ROUTE.access, operation, data).with_state(deps)
}

/// A widget that is not made of read models: it is as it is now.
#[derive(Debug, Clone, Copy)]
enum Present {
    /// The number of accounts.
    Users,
    /// The newest accounts.
    RecentUsers,
    /// Sessions of Socket.IO with sign-in, of this process.
    Sessions,
    /// The state of the service.
    Health,
    /// The newest entries of the audit.
    Log,
}

impl Present {
    fn of(id: &str) -> Option<Self> {
        Some(match id {
            "total-users" => Present::Users,
            "recent-users" => Present::RecentUsers,
            "active-sessions" => Present::Sessions,
            "system-health" => Present::Health,
            "system-logs" => Present::Log,
            _ => return None,
        })
    }

    /// The right that it needs beside that to the dashboard.
    fn access(self) -> Access {
        let resource = match self {
            Present::Users | Present::RecentUsers => Resource::Users,
            Present::Sessions | Present::Health | Present::Log => Resource::System,
        };
        Access::Allowed(resource, Action::Read)
    }
}

async fn data(
    Shared(deps): Shared<Deps>,
    By(caller): By<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let queries = &deps.queries;
    let at = (queries.now)();
    let asked = Asked::parse(&uri, at).map_err(Problem::invalid)?;
    let Some(present) = Present::of(&asked.id) else {
        let question = Question::to::<Widget>(&uri, caller.rights(), at, queries.cache.language())?;
        return Ok(respond(queries, &question, &headers).await);
    };
    if !present.access().admits(&caller) {
        return Err(Refusal::Forbidden(present.access()).into());
    }
    let data = present.data(&deps).await.map_err(unread)?;
    let answer = Envelope::of(Widget::of(&asked, data, now()));
    // The answer is of this moment, so no cache may keep it.
    Ok(([(CACHE_CONTROL, "no-store")], answer).into_response())
}

impl Present {
    async fn data(self, deps: &Deps) -> Result<Data, store::Error> {
        Ok(match self {
            Present::Users => {
                let roles = deps.platform.count_accounts().await?;
                let accounts: u64 = roles.iter().map(|it| it.active + it.inactive).sum();
                Data::value(Number::Count(whole(accounts)), "Total Users", "number")
            }
            Present::RecentUsers => {
                let wanted = AccountsWanted {
                    role: None,
                    is_active: Some(true),
                    search: None,
                    sort_by: SortBy::CreatedAt,
                    descending: true,
                    skip: 0,
                    limit: ROWS,
                };
                let newest = deps.platform.accounts(&wanted).await?.accounts;
                let rows = newest.into_iter().map(joined).collect();
                Data::table(&["Name", "Email", "Role", "Joined"], rows)
            }
            Present::Log => {
                let wanted = AuditWanted { limit: ROWS as usize, ..AuditWanted::default() };
                let rows = deps.platform.audit(&wanted).await?.into_iter().map(done).collect();
                Data::table(&["Time", "Event", "Outcome", "Who", "Target"], rows)
            }
            Present::Health => Data::State(health(deps).await),
            Present::Sessions => {
                let sessions = whole(deps.sessions.signed_in() as u64);
                Data::value(Number::Count(sessions), "Active Sessions", "number")
            }
        })
    }
}

fn joined(account: Account) -> Vec<Cell> {
    let names = [account.first_name, account.last_name];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = Some(name).filter(|name| !name.is_empty());
    let rest = [account.email, account.role.word().to_owned(), time::rfc3339(account.created_at)];
    std::iter::once(name).chain(rest.map(Some)).map(Cell::Text).collect()
}

fn done(row: AuditRow) -> Vec<Cell> {
    let outcome = if row.done { "done" } else { "refused" };
    let first = [time::rfc3339(row.at), row.action, outcome.to_owned()].map(Some);
    first.into_iter().chain([row.actor, row.target]).map(Cell::Text).collect()
}

async fn health(deps: &Deps) -> State {
    let state = state::State::of(&deps.health).await;
    let value = match state.status {
        "healthy" => "Healthy",
        "degraded" => "Degraded",
        _ => "Unhealthy",
    };
    let (services, label, format) = (state.services, "System Status", "status");
    let details = json!({
        "database": services.database.status,
        "aiService": services.ai_service.status,
        "memoryUsage": services.system.memory,
        "uptime": services.system.uptime,
    });
    State { value, label, format, details }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
