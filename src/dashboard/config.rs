//! `/api/dashboard/config`: the dashboard of a person, the default one of their role or their own.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::layouts::Layout;
use crate::http::Routes;
use crate::http::envelope::Envelope;
use crate::http::gate::By;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::problem::{FieldError, Problem};
use crate::rights::access::Access::SignedIn;
use crate::rights::caller::Person;
use crate::rights::role::Role;
use crate::store;
use crate::store::platform::Platform;

/// The most bytes of a body.
const BYTES_MAX: usize = 64 << 10;
/// The most objects and lists within each other.
const DEPTH_MAX: usize = 16;
/// The most widgets.
const WIDGETS_MAX: usize = 100;

/// The endpoints.
pub fn routes(platform: Platform) -> Routes {
    Routes::new()
        .get("/api/dashboard/config", SignedIn, of_show(), show)
        .post("/api/dashboard/config", SignedIn, of_keep(), keep)
        .body_limit(BYTES_MAX)
        .with_state(platform)
}

fn of_show() -> Operation {
    let answer = Answer::data::<Shown>("The dashboard.").headers(&["Cache-Control"]);
    let about = "The one that the person keeps, else the default one of their role. It belongs to a person; a \
                 program has none, and gets a 403.";
    Operation::new(Tag::Dashboards, "getDashboardConfig", "One's own dashboard", answer)
        .about(about)
}

fn of_keep() -> Operation {
    let answer = Answer::data::<Kept>("The dashboard is kept.");
    let schema = json!({
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "properties": { "widgets": { "type": "array", "maxItems": WIDGETS_MAX } },
            },
        },
    });
    let about = "All of it is kept as it is sent: members and widget ids that are not known, too. It has at most \
                 64 KB, 100 widgets, and 16 objects and lists within each other.";
    let example = json!({ "config": Layout::of(Role::Viewer).config() });
    Operation::new(Tag::Dashboards, "keepDashboardConfig", "Keeps one's own dashboard", answer)
        .about(about)
        .body(&schema, &example)
}

/// A dashboard, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DashboardConfig)]
struct Shown {
    /// Widgets with their ids, types and places, the milliseconds between two looks, and the theme; or
    /// what the person keeps.
    #[schema(value_type = Object)]
    config: Value,
    role: Role,
    /// Whether the person keeps one of their own.
    is_custom: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeptDashboardConfig)]
struct Kept {
    #[schema(value_type = Object)]
    config: Value,
    message: &'static str,
}

async fn show(
    State(platform): State<Platform>,
    By(person): By<Person>,
) -> Result<Response, Problem> {
    let kept = platform.dashboard(&person.user_id).await.map_err(unread)?;
    let own = kept.and_then(|text| serde_json::from_str(&text).ok());
    let is_custom = own.is_some();
    let config = own.unwrap_or_else(|| Layout::of(person.role).config());
    let shown = Shown { config, role: person.role, is_custom };
    Ok(([(CACHE_CONTROL, "no-store")], Envelope::of(shown)).into_response())
}

async fn keep(
    State(platform): State<Platform>,
    By(person): By<Person>,
    body: Bytes,
) -> Result<Envelope<Kept>, Problem> {
    let config = read(&body).map_err(|error| Problem::invalid(vec![error]))?;
    platform.keep_dashboard(&person.user_id, &config.to_string()).await.map_err(unread)?;
    Ok(Envelope::of(Kept { config, message: "Dashboard configuration saved" }))
}

/// Reads a body and bounds it.
fn read(body: &[u8]) -> Result<Value, FieldError> {
    let wrong = |message: &'static str| FieldError::new("config", message);
    let mut body: Value = serde_json::from_slice(body)
        .map_err(|_| FieldError::new("", "the body must be a JSON object"))?;
    let config = body.get_mut("config").map(Value::take).unwrap_or_default();
    if !config.is_object() {
        return Err(wrong("must be an object"));
    }
    if depth(&config) > DEPTH_MAX {
        return Err(wrong("must have at most 16 objects and lists within each other"));
    }
    match &config["widgets"] {
        Value::Null => {}
        Value::Array(widgets) if widgets.len() <= WIDGETS_MAX => {}
        _ => {
            return Err(FieldError::new("config.widgets", "must be a list of at most 100 widgets"));
        }
    }
    Ok(config)
}

/// The number of objects and lists within each other. The reader of JSON bounds it to 128.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or_default()
}

/// The problem of a store that is not read or written.
pub(super) fn unread(error: store::Error) -> Problem {
    if error.is_unavailable() {
        Problem::unavailable("The database does not answer at the moment", 2).caused_by(error)
    } else {
        Problem::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(body: &Value) -> Option<String> {
        read(body.to_string().as_bytes()).err().map(|error| error.field.into_owned())
    }

    #[test]
    fn a_dashboard_is_kept_as_it_is_sent_within_its_bounds() {
        let nested = |deep| (0..deep).fold(json!(1), |inner, _| json!({ "a": inner }));
        for config in [
            json!({}),
            json!({ "widgets": [], "own": [1, null, { "$set": { "a.b": 1 } }] }),
            json!({ "widgets": vec![json!({ "id": "mine" }); 100] }),
            nested(16),
        ] {
            let body = json!({ "config": config }).to_string();
            assert_eq!(read(body.as_bytes()), Ok(config));
        }
        for (body, wrong) in [
            (json!([]), "config"),
            (json!({}), "config"),
            (json!({ "config": [] }), "config"),
            (json!({ "config": nested(17) }), "config"),
            (json!({ "config": { "widgets": {} } }), "config.widgets"),
            (json!({ "config": { "widgets": vec![1; 101] } }), "config.widgets"),
        ] {
            assert_eq!(field(&body).as_deref(), Some(wrong), "{body}");
        }
        assert_eq!(read(b"{").unwrap_err().field, "");
    }
}
