//! `GET /api/audit`: the audit, the newest first.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use uuid::Uuid;

use super::EventType;
use crate::auth::error::Error;
use crate::auth::http::unkept;
use crate::http::Routes;
use crate::http::envelope::Envelope;
use crate::http::openapi::{Answer, Operation, Tag, schemas};
use crate::http::parameters::values::{OneOf, Own, Since, Text, Until, Whole};
use crate::http::parameters::{Parameter, Parameters, Params, Query};
use crate::http::problem::Problem;
use crate::rights::access::Access;
use crate::rights::role::{Action, Resource};
use crate::store::platform::Platform;
use crate::store::platform::audit::{AuditRow, AuditWanted};
use crate::store::time;

/// The endpoint.
pub fn routes(store: Platform) -> Routes {
    let read = Access::Allowed(Resource::System, Action::Read);
    Routes::new().get("/api/audit", read, of_list(), list).with_state(store)
}

fn of_list() -> Operation {
    let answer = Answer::data::<Listed>("A page of entries.");
    Operation::new(
        Tag::Audit,
        "listAudit",
        "Lists what people and programs did, the newest first",
        answer,
    )
    .takes::<Page>()
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditList)]
struct Listed {
    entries: Vec<Entry>,
    pagination: Pagination,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaginationByCursor)]
struct Pagination {
    limit: u32,
    /// The `cursor` of the older entries; null at the end.
    next: Option<String>,
}

/// A row as it is shown. A value that is missing is null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
struct Entry {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    event: String,
    #[schema(schema_with = outcomes)]
    outcome: &'static str,
    who: Option<String>,
    target: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
    detail: Option<String>,
}

fn outcomes() -> Object {
    schemas::words(&["done", "refused"])
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

async fn list(
    State(store): State<Platform>,
    Params(Page { mut wanted, limit }): Params<Page>,
) -> Result<Response, Problem> {
    // One more than is shown says whether there are more.
    wanted.limit = limit as usize + 1;
    let mut rows = store.audit(&wanted).await.map_err(Error::from)?;
    let has_more = rows.len() == wanted.limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| has_more).map(|row| row.id.clone());
    let entries = rows.into_iter().map(Entry::from).collect();
    Ok(unkept(Envelope::of(Listed { entries, pagination: Pagination { limit, next } })))
}

const EVENT: Parameter<OneOf<EventType>> =
    Parameter::query("event", "The kind of action.", OneOf::new());
const WHO: Parameter<Text> =
    Parameter::query("who", "The person or program that did it.", WHOM).example("command");
const TARGET: Parameter<Text> =
    Parameter::query("target", "The account, key or thing that it was done to.", WHAT)
        .example("projections");
const FROM: Parameter<Since> =
    Parameter::query("from", "Only entries since this day or instant.", Since);
const TO: Parameter<Until> = Parameter::query(
    "to",
    "Only entries before this instant, or up to this day, which is included whole.",
    Until,
);
const CURSOR: Parameter<Own<Uuid>> = Parameter::query(
    "cursor",
    "Only entries older than the page that had this as `pagination.next`.",
    Own {
        read: |text| {
            Uuid::try_parse(text).map_err(|_| "must be pagination.next of the page before")
        },
        schema: || json!({ "type": "string", "format": "uuid" }),
        written: |id| json!(id),
    },
);
const LIMIT: Parameter<Whole<u32>> =
    Parameter::query("limit", "The most entries of a page.", Whole { min: 1, max: 100 });

const WHOM: Text =
    Text { min: 1, max: 256, allowed: "must be who did it, such as user:<id> or command" };
const WHAT: Text =
    Text { min: 1, max: 256, allowed: "must be what it was done to, such as user:<id>" };

/// The filter that is asked for, and the size of a page.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    wanted: AuditWanted,
    limit: u32,
}

impl Parameters for Page {
    fn read(query: &mut Query) -> Self {
        let wanted = AuditWanted {
            action: query.take(&EVENT).map(EventType::as_str),
            actor: query.take(&WHO),
            target: query.take(&TARGET),
            from: query.take(&FROM),
            to: query.take(&TO),
            after: query.take(&CURSOR),
            limit: 0,
        };
        Page { wanted, limit: query.take_or(&LIMIT, 50) }
    }
}

#[cfg(test)]
mod tests {
    use projections::time::Time;

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn read(query: &str) -> Result<Page, String> {
        Page::parse(&format!("/api/audit?{query}").parse().unwrap(), Time(0))
            .map_err(|errors| Problem::invalid(errors).message().to_owned())
    }

    #[test]
    fn what_is_asked_for_is_read_and_what_cannot_be_is_named() {
        assert_eq!(read(""), Ok(Page { wanted: AuditWanted::default(), limit: 50 }));
        let Page { wanted, limit } =
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
