//! `/api/keys`: API keys, for admins.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projections::time::Time;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{DAYS, DAYS_MAX, End, Keys, NAME_MAX, Wanted, is_name};
use crate::auth::body::{BODY_BYTES_MAX, Fields};
use crate::auth::error::Error;
use crate::auth::http::unkept;
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::gate::By;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::parameters::Parameter;
use crate::http::parameters::values::Text;
use crate::http::problem::{Problem, ProblemType};
use crate::rights::access::Access;
use crate::rights::caller::Person;
use crate::rights::role::{Action, Resource};
use crate::rights::scope::Scope;
use crate::store::platform::keys::KeyRow;
use crate::store::time;

const ID: Parameter<Text> = Parameter::path(
    "id",
    "The key's id, as `GET /api/keys` lists it.",
    Text { min: 1, max: 128, allowed: "must be an id" },
);
const SCOPES_MAX: usize = 16;
const SCOPES_ALLOWED: &str = "must be a list of events:write, events:write:<kind>, events:read, metrics:read, push:subscribe or metrics:scrape";

/// The endpoints.
pub fn routes(keys: Keys) -> Routes {
    let system = |action| Access::Allowed(Resource::System, action);
    Routes::new()
        .get("/api/keys", system(Action::Read), of_list(), list)
        .post("/api/keys", system(Action::Create), of_create(), create)
        .delete("/api/keys/{id}", system(Action::Delete), of_revoke(), revoke)
        .body_limit(BODY_BYTES_MAX)
        .with_state(keys)
}

fn of_list() -> Operation {
    Operation::new(Tag::Keys, "listKeys", "All API keys", Answer::data::<All>("The keys."))
}

fn of_create() -> Operation {
    let answer = Answer::data_and_message::<Made>("The key, which is not shown again.").status(201);
    let example = json!({ "name": "till", "scopes": ["events:write"], "expiresInDays": 90 });
    Operation::new(Tag::Keys, "createKey", "Makes an API key", answer)
        .about(
            "A key is good for 365 days unless `expiresInDays`, or `expiresAt`, says otherwise; \
             `expiresAt: never` is for ever. Nobody gives a key what they may not do themselves.",
        )
        .body(&Fields::described(wanted), &example)
        .knows_type::<Scope>()
        .or_problems(&[ProblemType::TooManyKeys])
}

fn of_revoke() -> Operation {
    let answer = Answer::data_and_message::<One>("The key as it was.");
    Operation::new(Tag::Keys, "revokeKey", "Revokes an API key", answer)
        .about("This process refuses it from the next request on, and others within a second.")
        .with(&ID)
        .or_missing("There is no such API key.")
}

/// A key as it is shown: everything but its hash.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
struct Shown {
    id: String,
    name: String,
    scopes: Vec<Scope>,
    #[schema(format = DateTime)]
    created_at: String,
    created_by: String,
    /// Null where it is good until it is revoked.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// To the minute; null where it was never used.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeyList)]
struct All {
    keys: Vec<Shown>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OneApiKey)]
struct One {
    api_key: Shown,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewApiKey)]
struct Made {
    api_key: Shown,
    /// The text that the program has to send; it is shown here and never again.
    key: String,
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
    Ok(unkept(Envelope::of(All { keys: rows.into_iter().map(Shown::from).collect() })))
}

async fn create(
    State(keys): State<Keys>,
    By(person): By<Person>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let wanted = wanted(&mut body);
    body.finish()?;
    let made = keys.create_by(&person, &wanted, &origin).await?;
    let data = Made { api_key: made.row.into(), key: made.text };
    let answer = Envelope::of(data).saying("Keep the key now; it is not shown again");
    Ok((StatusCode::CREATED, unkept(answer)).into_response())
}

async fn revoke(
    State(keys): State<Keys>,
    By(person): By<Person>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = keys.revoke_by(&person, &id, &origin).await?;
    Ok(unkept(Envelope::of(One { api_key: row.into() }).saying("The key is revoked")))
}

fn wanted(body: &mut Fields) -> Wanted {
    let allowed = "must have 1 to 64 characters, all of them visible";
    let name = body.text("name", 1..=NAME_MAX, is_name, allowed);
    Wanted { name, scopes: scopes(body), end: end(body) }
}

fn some_scopes() -> Value {
    json!({
        "type": "array",
        "minItems": 1,
        "maxItems": SCOPES_MAX,
        "items": { "$ref": "#/components/schemas/Scope" },
    })
}

fn scopes(body: &mut Fields) -> Vec<Scope> {
    let scopes = match body.needed("scopes", some_scopes) {
        Some(Value::Array(all)) if (1..=SCOPES_MAX).contains(&all.len()) => {
            all.iter().map(|it| it.as_str().and_then(|name| Scope::parse(name).ok())).collect()
        }
        _ => None,
    };
    if scopes.is_none() {
        body.wrong("scopes", SCOPES_ALLOWED);
    }
    scopes.unwrap_or_default()
}

/// A key that never expires has to be asked for explicitly.
fn end(body: &mut Fields) -> End {
    let at = body.value("expiresAt", || {
        let instant = json!({ "type": ["string", "null"], "format": "date-time" });
        json!({ "anyOf": [instant, { "const": "never" }] })
    });
    let at = at.cloned();
    let in_days = body.value(
        "expiresInDays",
        || json!({ "type": ["integer", "null"], "minimum": 1, "maximum": DAYS_MAX }),
    );
    let in_days = in_days.cloned();
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
