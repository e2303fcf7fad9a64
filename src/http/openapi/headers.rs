//! The headers of answers.

use serde_json::{Map, Value, json};

/// On every answer.
pub const ALWAYS: &[&str] = &["X-Request-Id"];
/// On answers to requests that count against a limit.
pub const LIMITED: &[&str] =
    &["RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];
/// On answers from the read models.
pub const PROVENANCE: &[&str] = &[
    "X-Position",
    "X-Generation",
    "X-Lag",
    "X-Halted",
    "X-Stuck",
    "X-Upgrading",
    "ETag",
    "Cache-Control",
    "Vary",
];

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
    ("RateLimit", false, "The rest of a limit: `\"api\";r=599;t=1`.", "string"),
    ("RateLimit-Policy", false, "The limit: `\"api\";q=600;w=60`.", "string"),
    ("RateLimit-Limit", false, "The limit.", "integer"),
    ("RateLimit-Remaining", false, "The rest of the limit.", "integer"),
    ("RateLimit-Reset", false, "The seconds until the limit is whole again.", "integer"),
    ("X-Total-Count", true, "The number of all that match.", "integer"),
    ("X-Position", true, "The position of the log that the answer reflects.", "integer"),
    ("X-Generation", true, "The set of read models that the answer is of.", "integer"),
    ("X-Lag", false, "The number of events of the log that are not in it.", "integer"),
    (
        "X-Halted",
        false,
        "The reason for which no figure moves on: `stuck`, or that of a halt.",
        "string",
    ),
    (
        "X-Stuck",
        false,
        "The position at which the fold is stuck, since when, and the last error.",
        "string",
    ),
    (
        "X-Upgrading",
        false,
        "The version of the fold that the answer is of, and the one that it is exchanged for.",
        "string",
    ),
    ("ETag", true, "The same for the same answer.", "string"),
    ("Cache-Control", true, "The caches that may keep the answer.", "string"),
    ("Vary", false, "The headers of the request that change the answer.", "string"),
    ("Retry-After", false, "The seconds to wait before another try.", "integer"),
    ("WWW-Authenticate", true, "`Bearer`.", "string"),
    (
        "Content-Security-Policy",
        true,
        "The sources that the page may load from: no other hosts.",
        "string",
    ),
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
