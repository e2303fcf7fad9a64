//! The headers of answers.

use serde_json::{Map, Value, json};

/// On every answer.
pub const ALWAYS: &[&str] = &["X-Request-Id"];
/// On answers to requests that count against a limit.
pub const LIMITED: &[&str] = &["RateLimit", "RateLimit-Policy"];
/// On answers from the read models.
pub const PROVENANCE: &[&str] =
    &["X-Position", "X-Lag", "X-Halted", "X-Stuck", "ETag", "Cache-Control", "Vary"];

/// On answers that stay the same for as long as the program runs.
pub const OF_FILES: &[&str] = &["ETag", "Cache-Control"];

/// A header by its name, whether it is always there, its description and its type.
const ALL: &[(&str, bool, &str, &str)] = &[
    (
        "X-Request-Id",
        true,
        "The request's id, as in the log; the caller's own, if it sent one.",
        "string",
    ),
    ("RateLimit", false, "What is left of a limit: `\"api\";r=599;t=1`.", "string"),
    ("RateLimit-Policy", false, "The limit: `\"api\";q=600;w=60`.", "string"),
    ("X-Position", true, "The position of the log that the answer reflects.", "integer"),
    ("X-Lag", false, "How many events of the log are not in it.", "integer"),
    ("X-Halted", false, "Why no figure moves on: `stuck`, or the reason of a halt.", "string"),
    ("X-Stuck", false, "Where the fold is stuck, since when, and what was last wrong.", "string"),
    ("ETag", true, "The same for the same answer.", "string"),
    ("Cache-Control", true, "Who may keep the answer.", "string"),
    ("Vary", false, "Which headers of the request change the answer.", "string"),
    ("Retry-After", false, "In how many seconds to try again.", "integer"),
    ("WWW-Authenticate", true, "`Bearer`.", "string"),
    ("Content-Security-Policy", true, "What the page may load: nothing of other hosts.", "string"),
];

/// All of them, for the document's components.
pub fn components() -> Map<String, Value> {
    let component = |&(name, required, about, kind): &(&str, bool, &str, &str)| {
        let header =
            json!({ "description": about, "required": required, "schema": { "type": kind } });
        (name.to_owned(), header)
    };
    ALL.iter().map(component).collect()
}

/// References to some.
pub fn references<'a>(names: impl IntoIterator<Item = &'a &'a str>) -> Value {
    let reference = |name: &&str| {
        ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))
    };
    Value::Object(names.into_iter().map(reference).collect())
}
