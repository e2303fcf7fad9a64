//! `GET /api/audit`: the audit, the newest first.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use projections::time::Time;
use serde::Serialize;
use uuid::Uuid;

use super::EventType;
use crate::auth::access::Access;
use crate::auth::error::Error;
use crate::auth::http::unkept;
use crate::auth::role::{Action, Resource};
use crate::http::Routes;
use crate::http::envelope::Envelope;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::store::platform::Platform;
use crate::store::platform::audit::{AuditRow, AuditWanted};
use crate::store::time;

const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 100;
const DAY_MS: i64 = 86_400_000;

/// The endpoint.
pub fn routes(store: Platform) -> Routes {
    let read = Access::Allowed(Resource::System, Action::Read);
    Routes::new().get("/api/audit", read, list).with_state(store)
}

#[derive(Debug, Serialize)]
struct Listed {
    entries: Vec<Entry>,
    pagination: Pagination,
}

#[derive(Debug, Serialize)]
struct Pagination {
    limit: u32,
    /// The `cursor` that gets what is older; null at the end.
    next: Option<String>,
}

/// A row as it is shown. What there is not is null.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    at: String,
    event: String,
    outcome: &'static str,
    who: Option<String>,
    target: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
    detail: Option<String>,
}

impl From<AuditRow> for Entry {
    fn from(row: AuditRow) -> Self {
        Entry {
            id: row.id,
            at: time::rfc3339(row.at),
            event: row.action,
            outcome: if row.done { "done" } else { "refused" },
            who: row.actor,
            target: row.target,
            address: row.address,
            request_id: row.request_id,
            detail: row.detail,
        }
    }
}

async fn list(State(store): State<Platform>, uri: Uri) -> Result<Response, Problem> {
    let (mut wanted, limit) = wanted(&uri)?;
    // One more than is shown says whether there are more.
    wanted.limit = limit as usize + 1;
    let mut rows = store.audit(&wanted).await.map_err(Error::from)?;
    let has_more = rows.len() == wanted.limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| has_more).map(|row| row.id.clone());
    let entries = rows.into_iter().map(Entry::from).collect();
    Ok(unkept(Envelope::of(Listed { entries, pagination: Pagination { limit, next } })))
}

fn wanted(uri: &Uri) -> Result<(AuditWanted, u32), Problem> {
    let mut query = Parameters::of(uri);
    let text = |text: &str| (1..=256).contains(&text.chars().count()).then(|| text.to_owned());
    let instant = |text: &str| Time::parse(text).ok().map(|time| time.0);
    // A day is included whole.
    let end = |text: &str| instant(text).map(|ms| if text.len() > 10 { ms } else { ms + DAY_MS });
    let an_instant = "must be a day or an instant in RFC 3339";
    let wanted = AuditWanted {
        action: query.take(
            "event",
            |name| EventType::parse(name).map(EventType::as_str),
            "must be the name of an event, such as sign-in",
        ),
        actor: query.take("who", text, "must be who did it, such as user:<id> or command"),
        target: query.take("target", text, "must be what it was done to, such as user:<id>"),
        from: query.take("from", instant, an_instant),
        to: query.take("to", end, an_instant),
        after: query.take(
            "cursor",
            |text| Uuid::try_parse(text).ok(),
            "must be pagination.next of the page before",
        ),
        limit: 0,
    };
    let limit = query.number("limit", LIMIT_MAX, "must be a whole number from 1 to 100");
    query.finish()?;
    Ok((wanted, limit.unwrap_or(LIMIT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<(AuditWanted, u32), String> {
        wanted(&format!("/api/audit?{query}").parse().unwrap())
            .map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn what_is_asked_for_is_read_and_what_cannot_be_is_named() {
        assert_eq!(read(""), Ok((AuditWanted::default(), LIMIT)));
        let (wanted, limit) =
            read("event=sign-in&who=user:1&from=2026-01-01&to=2026-01-01&limit=7").unwrap();
        assert_eq!((wanted.action, wanted.actor.as_deref()), (Some("sign-in"), Some("user:1")));
        assert_eq!(wanted.to.unwrap() - wanted.from.unwrap(), DAY_MS);
        assert_eq!(limit, 7);
        for (query, field) in [
            ("event=$ne", "event"),
            ("who=", "who"),
            ("target=", "target"),
            ("from=yesterday", "from"),
            ("to=", "to"),
            ("cursor=1", "cursor"),
            ("limit=1000", "limit"),
            ("event[$ne]=sign-in", "event[$ne]"),
        ] {
            let message = read(query).unwrap_err();
            assert!(message.contains(&format!("failed: {field} ")), "{query}: {message}");
        }
    }
}
