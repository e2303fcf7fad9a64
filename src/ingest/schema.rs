//! The events in the API's document: each kind's payload, field by field.

use projections::event::Kind;
use projections::quantity::{self, Quantity};
use serde_json::{Map, Value, json};

/// A field: its name, whether it has to be there, and its type.
type Field = (&'static str, bool, Is);

/// The type of a field.
#[derive(Clone, Copy)]
enum Is {
    /// An id, taken as it is.
    Id,
    /// A text of at most so many characters.
    Text(usize),
    /// An amount: a number, or a decimal as text.
    Amount,
    /// A day or an instant.
    Date,
    /// A whole number from one to another.
    Whole(i64, i64),
    /// A number of units from one to another.
    Units(Quantity, Quantity),
    /// One of these words.
    Word(&'static [&'static str]),
    /// An object of which only the country is kept.
    Address,
}

use Is::{Address, Amount, Date, Id, Text, Units, Whole, Word};

const STATUSES: Is = Word(&["completed", "pending", "failed", "returned"]);
const QUANTITY: Is = Units(Quantity(1), Quantity::whole(1_000_000));
const STOCK: Is = Units(Quantity::whole(-1_000_000_000), Quantity::whole(1_000_000_000_000));

const TRANSACTION: &[Field] = &[
    ("transactionId", true, Id),
    ("userId", true, Id),
    ("totalPrice", true, Amount),
    ("transactionDate", true, Date),
    ("productId", false, Id),
    ("quantity", false, QUANTITY),
    ("status", false, STATUSES),
    ("paymentMethod", false, Text(64)),
    ("category", false, Text(64)),
    ("currency", false, Text(3)),
    ("shippingAddress", false, Address),
    ("updatedAt", false, Date),
];
const ACTIVITY: &[Field] = &[
    ("activityId", true, Id),
    ("userId", true, Id),
    ("activityType", true, Text(64)),
    ("timestamp", true, Date),
    ("productId", false, Id),
    ("device", false, Text(64)),
    ("page", false, Text(256)),
    ("country", false, Text(64)),
    ("sessionId", false, Id),
];
const FEEDBACK: &[Field] = &[
    ("feedbackId", true, Id),
    ("userId", true, Id),
    ("productId", true, Id),
    ("rating", true, Whole(1, 5)),
    ("feedbackDate", true, Date),
    ("comment", false, Text(500)),
    ("updatedAt", false, Date),
];
const PRODUCT: &[Field] = &[
    ("productId", true, Id),
    ("name", true, Text(100)),
    ("category", true, Text(64)),
    ("price", true, Amount),
    ("stock", false, STOCK),
    ("description", false, Text(500)),
    ("imageUrl", false, Text(2_048)),
    ("addedDate", false, Date),
    ("lastUpdated", false, Date),
];
const ITEMS: &[Field] =
    &[("productId", true, Id), ("stock", true, STOCK), ("updatedAt", false, Date)];
const CUSTOMER: &[Field] = &[
    ("userId", true, Id),
    ("username", false, Text(128)),
    ("email", false, Text(254)),
    ("firstName", false, Text(128)),
    ("lastName", false, Text(128)),
    ("country", false, Text(64)),
    ("createdAt", false, Date),
    ("updatedAt", false, Date),
];

/// A kind's fields, and its name in the document.
fn of(kind: Kind) -> (&'static str, &'static [Field]) {
    match kind {
        Kind::Transaction => ("TransactionEvent", TRANSACTION),
        Kind::Activity => ("ActivityEvent", ACTIVITY),
        Kind::Feedback => ("FeedbackEvent", FEEDBACK),
        Kind::Product => ("ProductEvent", PRODUCT),
        Kind::Stock => ("StockEvent", ITEMS),
        Kind::Customer => ("CustomerEvent", CUSTOMER),
    }
}

/// Every kind's payload by its name.
pub fn payloads() -> impl Iterator<Item = (&'static str, Value)> {
    Kind::ALL.into_iter().map(|kind| (of(kind).0, payload(kind)))
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
                    "type": ["string", "null"],
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

fn reference(kind: Kind) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", of(kind).0) })
}

fn payload(kind: Kind) -> Value {
    let (_, fields) = of(kind);
    let properties: Map<_, _> =
        fields.iter().map(|&(name, needed, is)| (name.to_owned(), schema(is, needed))).collect();
    let required: Vec<_> = fields.iter().filter(|(_, needed, _)| *needed).map(|it| it.0).collect();
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "example": example(kind),
    })
}

fn schema(is: Is, needed: bool) -> Value {
    let text = |min: usize, max: usize| {
        let kind = if needed { json!("string") } else { json!(["string", "null"]) };
        json!({ "type": kind, "minLength": min, "maxLength": max })
    };
    match is {
        Id => text(1, 128),
        Text(max) => text(usize::from(needed), max),
        Amount => json!({
            "anyOf": [
                { "type": "number", "minimum": 0, "maximum": 1_000_000_000 },
                { "type": "string", "pattern": "^[0-9]{1,9}(\\.[0-9]{1,4})?$" },
            ],
        }),
        Date if needed => json!({ "type": "string", "format": "date-time" }),
        Date => json!({ "type": ["string", "null"], "format": "date-time" }),
        Whole(min, max) => {
            let kind = if needed { json!("integer") } else { json!(["integer", "null"]) };
            json!({ "type": kind, "minimum": min, "maximum": max })
        }
        Units(min, max) => {
            let kind = if needed { json!("number") } else { json!(["number", "null"]) };
            json!({ "type": kind, "minimum": number(min), "maximum": number(max) })
        }
        Word(words) => json!({ "type": "string", "enum": words }),
        Address => json!({
            "type": ["object", "null"],
            "properties": { "country": { "type": ["string", "null"], "maxLength": 64 } },
        }),
    }
}

fn number(units: Quantity) -> Value {
    quantity::as_number::serialize(&units, serde_json::value::Serializer).unwrap_or_default()
}

/// An event that is taken.
#[must_use]
pub fn example(kind: Kind) -> Value {
    let at = "2026-01-02T03:04:05Z";
    match kind {
        Kind::Transaction => json!({
            "transactionId": "t-1",
            "userId": "ann",
            "totalPrice": 12.5,
            "transactionDate": at,
            "productId": "mug",
            "quantity": 2,
            "status": "completed",
        }),
        Kind::Activity => json!({
            "activityId": "a-1",
            "userId": "ann",
            "activityType": "viewed",
            "timestamp": at,
        }),
        Kind::Feedback => json!({
            "feedbackId": "f-1",
            "userId": "ann",
            "productId": "mug",
            "rating": 5,
            "feedbackDate": at,
        }),
        Kind::Product => json!({
            "productId": "mug",
            "name": "Mug",
            "category": "Kitchen",
            "price": 6.25,
            "stock": 40,
        }),
        Kind::Stock => json!({ "productId": "mug", "stock": 38, "updatedAt": at }),
        Kind::Customer => json!({ "userId": "ann", "username": "Ann", "country": "IE" }),
    }
}

#[cfg(test)]
mod tests {
    use projections::event::{Limits, parse};
    use projections::time::Time;

    use super::*;

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    #[test]
    fn what_is_said_to_be_needed_is_what_is_needed() {
        for kind in Kind::ALL {
            let reasons = parse(kind, b"{}", &LIMITS).unwrap_err();
            let mut needed: Vec<_> = reasons.into_iter().map(|it| it.field.into_owned()).collect();
            let mut said: Vec<_> = of(kind).1.iter().filter(|it| it.1).map(|it| it.0).collect();
            needed.sort_unstable();
            said.sort_unstable();
            assert_eq!(said, needed, "{kind:?}");
        }
    }

    #[test]
    fn every_field_that_is_said_to_be_there_is_read_and_bounded_as_is_said() {
        for kind in Kind::ALL {
            for &(name, _, is) in of(kind).1 {
                for wrong in just_outside(is) {
                    let mut event = example(kind);
                    event[name] = wrong.clone();
                    let refused = parse(kind, event.to_string().as_bytes(), &LIMITS).unwrap_err();
                    assert!(refused[0].field.starts_with(name), "{kind:?} {name}: {wrong}");
                }
            }
        }
    }

    #[test]
    fn examples_are_taken() {
        for kind in Kind::ALL {
            let example = example(kind).to_string();
            assert!(parse(kind, example.as_bytes(), &LIMITS).is_ok(), "{example}");
        }
    }

    fn just_outside(is: Is) -> Vec<Value> {
        match is {
            Id => vec![json!(""), json!("x".repeat(129)), json!(7)],
            Text(max) => vec![json!("x".repeat(max + 1)), json!(7)],
            Amount => vec![json!(-0.01), json!(1_000_000_000.01), json!("1,5"), json!([])],
            Date => vec![json!("yesterday"), json!(7)],
            Whole(min, max) => vec![json!(min - 1), json!(max + 1), json!(1.5)],
            Units(min, max) => {
                vec![number(Quantity(min.0 - 1)), number(Quantity(max.0 + 1)), json!([])]
            }
            Word(_) => vec![json!("sold"), json!(7)],
            Address => vec![json!("1 High St"), json!({ "country": "x".repeat(65) })],
        }
    }
}
