//! The events in the API's document: each kind's payload, member by member as the kind declares it.

use projections::event::{Declared, ID_CHARS_MAX, Is, Kind, Says};
use projections::quantity::{self, Quantity};
use serde_json::{Map, Value, json};

/// A plain decimal, of a number that is sent as text.
const DECIMAL: &str = "^(-?[0-9]+(\\.[0-9]+)?)?$";

/// Every kind's payload by its name.
pub fn payloads() -> impl Iterator<Item = (String, Value)> {
    Kind::ALL.into_iter().map(|kind| (name(kind), payload(kind)))
}

/// A reference to the payload of any kind.
#[must_use]
pub fn any_payload() -> Value {
    json!({ "anyOf": Kind::ALL.map(reference) })
}

/// An event of a batch in which each names its kind.
#[must_use]
pub fn any_event() -> Value {
    let event = |kind: Kind| {
        json!({
            "type": "object",
            "title": kind.as_str(),
            "required": ["kind", "data"],
            "properties": {
                "kind": { "const": kind.as_str() },
                "id": {
                    "type": ["string", "integer", "null"],
                    "minLength": 1,
                    "maxLength": 128,
                    "description": "The same for the same event sent again; it is on the log once.",
                },
                "data": reference(kind),
            },
        })
    };
    json!({ "oneOf": Kind::ALL.map(event) })
}

/// A `CloudEvent` in its structured form.
#[must_use]
pub fn cloud_event() -> Value {
    json!({
        "type": "object",
        "required": ["specversion", "type"],
        "properties": {
            "specversion": { "const": "1.0" },
            "type": {
                "type": "string",
                "description": "One of its parts names the kind, unless the path does.",
            },
            "source": { "type": "string", "description": "With the id, the same for the same event." },
            "id": { "type": "string" },
            "data": { "type": "object" },
            "data_base64": { "type": "string" },
        },
    })
}

/// An event that is taken.
#[must_use]
pub fn example(kind: Kind) -> Value {
    serde_json::from_str(kind.example()).unwrap_or_default()
}

/// The name of a kind's payload in the document.
fn name(kind: Kind) -> String {
    format!("{kind:?}Event")
}

fn reference(kind: Kind) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", name(kind)) })
}

fn payload(kind: Kind) -> Value {
    let mut payload = object(kind.members());
    payload["example"] = example(kind);
    payload
}

/// An object of these members.
fn object(members: &[Declared]) -> Value {
    let is_needed = |it: &&Declared| matches!(it.says, Says::Needed(_));
    let required: Vec<_> = members.iter().filter(is_needed).map(|it| it.name).collect();
    let mut properties = Map::new();
    for member in members {
        let (is, needed) = match member.says {
            Says::Needed(is) => (is, true),
            Says::Optional(is) | Says::Among(is) => (is, false),
            Says::Alias(_) => continue,
        };
        let mut schema = schema(is, needed);
        let about = about(member, members);
        if !about.is_empty() {
            schema["description"] = about.into();
        }
        properties.insert(member.name.to_owned(), schema);
    }
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    let among = members.iter().filter(|it| matches!(it.says, Says::Among(_)));
    let among: Vec<_> = among.map(|it| json!({ "required": [it.name] })).collect();
    if !among.is_empty() {
        object["anyOf"] = among.into();
    }
    object
}

/// The description of a member, with the names that stand for it.
fn about(member: &Declared, members: &[Declared]) -> String {
    let stands_in = |it: &&Declared| it.says == Says::Alias(member.name);
    let aliases =
        members.iter().filter(stands_in).map(|it| format!("Also taken as `{}`.", it.name));
    let about = (!member.about.is_empty()).then(|| member.about.trim().to_owned());
    let kept = match member.says {
        Says::Needed(Is::Text(max) | Is::ByLanguage(max))
        | Says::Optional(Is::Text(max) | Is::ByLanguage(max)) => {
            Some(format!("The first {max} characters are kept."))
        }
        Says::Needed(Is::Address(max)) | Says::Optional(Is::Address(max)) => {
            Some(format!("Left out if it has more than {max} characters."))
        }
        _ => None,
    };
    about.into_iter().chain(kept).chain(aliases).collect::<Vec<_>>().join(" ")
}

fn schema(is: Is, needed: bool) -> Value {
    let one = |name: &str| if needed { json!(name) } else { json!([name, "null"]) };
    let either = |name: &str| {
        if needed { json!([name, "string"]) } else { json!([name, "string", "null"]) }
    };
    match is {
        Is::Id => json!({
            "type": either("integer"),
            "minLength": usize::from(needed),
            "maxLength": ID_CHARS_MAX,
        }),
        Is::Text(_) | Is::Address(_) => {
            json!({ "type": one("string"), "minLength": usize::from(needed) })
        }
        Is::ByLanguage(_) => json!({
            "type": if needed { json!(["string", "object"]) } else { json!(["string", "object", "null"]) },
            "minLength": usize::from(needed),
            "minProperties": usize::from(needed),
            "propertyNames": { "pattern": "^[A-Za-z][A-Za-z0-9_-]{1,15}$" },
            "additionalProperties": { "type": "string", "pattern": "\\S" },
        }),
        Is::Currency => json!({ "type": one("string"), "pattern": "^([A-Za-z]{3})?$" }),
        Is::AnotherCurrency => json!({ "type": one("string"), "pattern": "^[A-Za-z]{3}$" }),
        Is::Rate => {
            let number =
                json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 9_000_000_000_u64 });
            decimal(number, "^0*[1-9][0-9]{0,8}(\\.[0-9]{1,9})?$", needed)
        }
        Is::Amount => {
            let number = json!({ "type": "number", "minimum": 0, "maximum": 1_000_000_000 });
            decimal(number, "^[0-9]{1,9}(\\.[0-9]{1,4}0*)?$", needed)
        }
        Is::Date => json!({ "type": one("string"), "format": "date-time" }),
        Is::Whole(min, max) => json!({
            "type": either("integer"),
            "minimum": min,
            "maximum": max,
            "pattern": DECIMAL,
        }),
        Is::Units(min, max) => json!({
            "type": either("number"),
            "minimum": number(min),
            "maximum": number(max),
            "pattern": DECIMAL,
        }),
        Is::Word(words) => {
            let mut all: Vec<_> = words.iter().map(|it| json!(it)).collect();
            if !needed {
                all.push(Value::Null);
            }
            json!({ "type": one("string"), "enum": all })
        }
        Is::Flag => json!({ "type": one("boolean") }),
        Is::List(members, min, max) => {
            json!({ "type": one("array"), "items": object(members), "minItems": min, "maxItems": max })
        }
        Is::Object(members) => {
            let mut object = object(members);
            object["type"] = one("object");
            object
        }
    }
}

/// A number, or the same as text.
fn decimal(number: Value, pattern: &str, needed: bool) -> Value {
    let text = json!({ "type": "string", "pattern": pattern });
    let null = (!needed).then(|| json!({ "type": "null" }));
    let any: Vec<_> = [number, text].into_iter().chain(null).collect();
    json!({ "anyOf": any })
}

fn number(units: Quantity) -> Value {
    quantity::as_number::serialize(&units, serde_json::value::Serializer).unwrap_or_default()
}
