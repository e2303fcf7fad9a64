//! `/api/keys`: API keys, for admins.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::time::Time;
use serde::Serialize;
use serde_json::{Value, json};

use super::{DAYS, DAYS_MAX, End, Keys, Wanted, is_name};
use crate::auth::access::Access;
use crate::auth::body::{BODY_BYTES_MAX, Fields};
use crate::auth::caller::Person;
use crate::auth::error::Error;
use crate::auth::http::unkept;
use crate::auth::role::{Action, Resource};
use crate::auth::scope::Scope;
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::problem::Problem;
use crate::store::platform::keys::KeyRow;
use crate::store::time;

const SCOPES_ALLOWED: &str = "must be a list of events:write, events:write:<kind>, metrics:read, push:subscribe or metrics:scrape";

/// The endpoints.
pub fn routes(keys: Keys) -> Routes {
    let system = |action| Access::Allowed(Resource::System, action);
    Routes::new()
        .get("/api/keys", system(Action::Read), list)
        .post("/api/keys", system(Action::Create), create)
        .delete("/api/keys/{id}", system(Action::Delete), revoke)
        .body_limit(BODY_BYTES_MAX)
        .with_state(keys)
}

/// A key as it is shown: all but what it is used by.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    name: String,
    scopes: Vec<Scope>,
    created_at: String,
    created_by: String,
    /// Null where it is good until it is revoked.
    expires_at: Option<String>,
    /// To the minute; null where it was never used.
    last_used_at: Option<String>,
}

impl From<KeyRow> for Shown {
    fn from(row: KeyRow) -> Self {
        Shown {
            id: row.id,
            name: row.name,
            scopes: row.scopes,
            created_at: time::rfc3339(row.created_at),
            created_by: row.created_by,
            expires_at: row.expires_at.map(time::rfc3339),
            last_used_at: row.last_used_at.map(time::rfc3339),
        }
    }
}

async fn list(State(keys): State<Keys>) -> Result<Response, Problem> {
    let rows = keys.store.keys().await.map_err(Error::from)?;
    let shown: Vec<_> = rows.into_iter().map(Shown::from).collect();
    Ok(unkept(Envelope::of(json!({ "keys": shown }))))
}

async fn create(
    State(keys): State<Keys>,
    person: Person,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let wanted = wanted(&mut body);
    body.finish()?;
    let made = keys.create_by(&person, &wanted, &origin).await?;
    let data = json!({ "apiKey": Shown::from(made.row), "key": made.text });
    let answer = Envelope::of(data).saying("Keep the key now; it is not shown again");
    Ok((StatusCode::CREATED, unkept(answer)).into_response())
}

async fn revoke(
    State(keys): State<Keys>,
    person: Person,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = keys.revoke_by(&person, &id, &origin).await?;
    let data = json!({ "apiKey": Shown::from(row) });
    Ok(unkept(Envelope::of(data).saying("The key is revoked")))
}

fn wanted(body: &mut Fields) -> Wanted {
    let name = body.text("name").trim().to_owned();
    if body.get("name").is_some_and(Value::is_string) && !is_name(&name) {
        body.wrong("name", "must have 1 to 64 characters, all of them visible");
    }
    Wanted { name, scopes: scopes(body), end: end(body) }
}

fn scopes(body: &mut Fields) -> Vec<Scope> {
    let scopes = match body.get("scopes") {
        Some(Value::Array(all)) if (1..=16).contains(&all.len()) => {
            all.iter().map(|it| it.as_str().and_then(|name| Scope::parse(name).ok())).collect()
        }
        _ => None,
    };
    if scopes.is_none() {
        body.wrong("scopes", SCOPES_ALLOWED);
    }
    scopes.unwrap_or_default()
}

/// A key that is good for ever has to be asked for in so many letters.
fn end(body: &mut Fields) -> End {
    let (at, in_days) = (body.get("expiresAt").cloned(), body.get("expiresInDays").cloned());
    match (at, in_days) {
        (None, None) => End::InDays(DAYS),
        (Some(_), Some(_)) => {
            body.wrong("expiresInDays", "must not be given together with expiresAt");
            End::InDays(DAYS)
        }
        (Some(at), None) => {
            let at = at.as_str().and_then(|text| match text {
                "never" => Some(End::Never),
                text => Time::parse(text).ok().and_then(|time| End::at(time.0)),
            });
            if at.is_none() {
                let allowed = "must be an instant within the next 3,650 days, or never";
                body.wrong("expiresAt", allowed);
            }
            at.unwrap_or(End::InDays(DAYS))
        }
        (None, Some(number)) => {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| (1..=DAYS_MAX).contains(number));
            if number.is_none() {
                body.wrong("expiresInDays", "must be a whole number from 1 to 3650");
            }
            End::InDays(number.unwrap_or(DAYS))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::texts;
    use super::*;

    fn read(body: &Value) -> Result<Wanted, String> {
        let mut fields = Fields::parse(body.to_string().as_bytes()).unwrap();
        let wanted = wanted(&mut fields);
        fields.finish().map(|()| wanted).map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn a_key_is_good_for_a_year_unless_it_is_said_how_long() {
        let end = |more: Value| {
            let mut body = json!({ "name": "till", "scopes": ["metrics:read"] });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(&body).map(|wanted| wanted.end)
        };
        assert_eq!(end(json!({})), Ok(End::InDays(365)));
        assert_eq!(end(json!({ "expiresInDays": 7 })), Ok(End::InDays(7)));
        assert_eq!(end(json!({ "expiresAt": "never" })), Ok(End::Never));
        assert_eq!(end(json!({ "expiresAt": null })), Ok(End::InDays(365)));
        for (more, field) in [
            (json!({ "expiresInDays": 0 }), "expiresInDays"),
            (json!({ "expiresInDays": 3_651 }), "expiresInDays"),
            (json!({ "expiresInDays": "7" }), "expiresInDays"),
            (json!({ "expiresInDays": 7, "expiresAt": "never" }), "expiresInDays"),
            (json!({ "expiresAt": "2020-01-01" }), "expiresAt"),
            (json!({ "expiresAt": "9999-01-01" }), "expiresAt"),
            (json!({ "expiresAt": { "$gt": "" } }), "expiresAt"),
        ] {
            let message = end(more).unwrap_err();
            assert!(message.contains(&format!("failed: {field} ")), "{message}");
        }
    }

    #[test]
    fn a_name_and_scopes_have_to_be_given() {
        let all = ["events:write:stock", "metrics:read", "push:subscribe"];
        let wanted = read(&json!({ "name": " till ", "scopes": all })).unwrap();
        assert_eq!(
            (wanted.name.as_str(), texts(&wanted.scopes)),
            ("till", all.map(str::to_owned).into())
        );
        for (body, field) in [
            (json!({ "scopes": ["metrics:read"] }), "name"),
            (json!({ "name": "", "scopes": ["metrics:read"] }), "name"),
            (json!({ "name": ["till"], "scopes": ["metrics:read"] }), "name"),
            (json!({ "name": "till" }), "scopes"),
            (json!({ "name": "till", "scopes": [] }), "scopes"),
            (json!({ "name": "till", "scopes": "metrics:read" }), "scopes"),
            (json!({ "name": "till", "scopes": ["metrics:read", "admin"] }), "scopes"),
            (json!({ "name": "till", "scopes": ["events:write:orders"] }), "scopes"),
        ] {
            let message = read(&body).unwrap_err();
            assert!(message.contains(&format!("failed: {field} ")), "{body}: {message}");
        }
    }
}
