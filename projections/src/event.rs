//! The entry of events: the bytes of a message become an event, or every reason against it.

use std::borrow::Cow;

use crate::json::{Form, Stop, cloud, whole_body};
use crate::kinds;

pub use crate::json::values::ID_CHARS_MAX;
pub use crate::json::{Adjusted, Declared, Is, Limits, Reason, Says, came, nearest};
pub use crate::kinds::{Event, Kind};

#[cfg(test)]
mod declared;
#[cfg(test)]
mod properties;

/// Parses a body that came without headers: a payload as plain JSON, or a structured `CloudEvent`
/// (an object whose `specversion` is a string) around one.
///
/// # Errors
/// Every reason at once, at least one, in the order of the fields; a single one, with an empty
/// field, if the body is not one JSON object in UTF-8.
pub fn parse<'a>(
    kind: Kind,
    body: &'a [u8],
    limits: &Limits<'_>,
) -> Result<Event<'a>, Vec<Reason>> {
    let text = utf8(without_mark(body))?;
    let envelope = match kinds::read(kind, text, limits, Form::PlainOrStructured) {
        Ok(event) => return Ok(event),
        Err(Stop::Refused(reasons)) => return Err(reasons),
        Err(Stop::Structured(envelope)) => envelope,
    };
    match envelope.payload()? {
        Cow::Borrowed(data) => plain(kind, data, limits),
        Cow::Owned(data) => plain(kind, &data, limits).map(Event::into_owned),
    }
}

/// Parses a message with its headers, each once or more and in any case. One `ce-specversion` among
/// them makes it a binary `CloudEvent`, whose body is the payload; else it is as in [`parse`].
///
/// # Errors
/// As [`parse`]; a single one if the header names another version than 1.0.
pub fn parse_message<'a, 'h>(
    kind: Kind,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    body: &'a [u8],
    limits: &Limits<'_>,
) -> Result<Event<'a>, Vec<Reason>> {
    if cloud::is_binary(headers)? { plain(kind, body, limits) } else { parse(kind, body, limits) }
}

/// Parses a payload without an envelope.
fn plain<'a>(kind: Kind, body: &'a [u8], limits: &Limits<'_>) -> Result<Event<'a>, Vec<Reason>> {
    kinds::read(kind, utf8(without_mark(body))?, limits, Form::Plain).map_err(|stop| match stop {
        Stop::Refused(reasons) => reasons,
        Stop::Structured(_) => whole_body("must not be wrapped twice".to_owned()),
    })
}

/// The body without the byte order mark that some editors and libraries put before it.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn utf8(body: &[u8]) -> Result<&str, Vec<Reason>> {
    std::str::from_utf8(body).map_err(|_| whole_body("must be UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    const LIMITS: Limits<'_> = Limits { latest: Time(i64::MAX), currency: "EUR" };

    #[test]
    fn a_body_that_is_not_one_json_object_in_utf8_has_one_reason() {
        for body in [&b"\xff\xfe{}"[..], b"", b"[]", b"{} {}", b"{\"userId\":\"\xff\"}", b"nul"] {
            for kind in Kind::ALL {
                let reasons = parse(kind, body, &LIMITS).unwrap_err();
                assert_eq!(reasons.len(), 1);
                assert_eq!(reasons[0].field, "");
            }
        }
    }

    #[test]
    fn a_byte_order_mark_before_a_body_is_passed() {
        let body = "\u{feff}{\"productId\":\"p\",\"stock\":1}";
        let marked = parse(Kind::Stock, body.as_bytes(), &LIMITS);
        assert_eq!(marked, parse(Kind::Stock, &body.as_bytes()[3..], &LIMITS));
        let headers = [("ce-specversion", "1.0")];
        assert_eq!(parse_message(Kind::Stock, headers, body.as_bytes(), &LIMITS), marked);
        assert!(parse(Kind::Stock, "\u{feff}\u{feff}{}".as_bytes(), &LIMITS).is_err());
    }

    #[test]
    fn deep_nesting_and_large_bodies_cost_neither_stack_nor_patience() {
        let nested = "[".repeat(500_000) + &"]".repeat(500_000);
        let long = "x".repeat(1_000_000);
        for (unknown, known) in [(nested.as_str(), "5"), (long.as_str(), "5.0")] {
            let unknown =
                if unknown == long { format!("\"{unknown}\"") } else { unknown.to_owned() };
            let body = format!(r#"{{"other":{unknown},"productId":"p","stock":{known}}}"#);
            assert!(parse(Kind::Stock, body.as_bytes(), &LIMITS).is_ok());
            let body =
                format!(r#"{{"productId":{unknown},"stock":{unknown},"updatedAt":{unknown}}}"#);
            let reasons = parse(Kind::Stock, body.as_bytes(), &LIMITS).unwrap_err();
            assert_eq!(reasons.len(), 3);
        }
        let unclosed = "{\"a\":".repeat(200_000);
        assert!(parse(Kind::Stock, unclosed.as_bytes(), &LIMITS).is_err());
    }

    #[test]
    fn the_reserved_product_is_refused_wherever_an_event_may_name_one() {
        let bodies = [
            (
                Kind::Transaction,
                r#""transactionId":"t","userId":"u","totalPrice":1,"transactionDate":"2026-11-21""#,
            ),
            (Kind::Activity, r#""activityId":"a","userId":"u","type":"waved","time":"2026-11-21""#),
            (
                Kind::Feedback,
                r#""feedbackId":"f","userId":"u","rating":5,"feedbackDate":"2026-11-21""#,
            ),
            (Kind::Product, r#""name":"n","category":"c","price":1"#),
            (Kind::Stock, r#""stock":1"#),
        ];
        for (kind, members) in bodies {
            let naming = |product: &str| format!(r#"{{{members},"productId":"{product}"}}"#);
            assert!(parse(kind, naming("(none) ").as_bytes(), &LIMITS).is_ok(), "{kind:?}");
            let reasons = parse(kind, naming("(none)").as_bytes(), &LIMITS).unwrap_err();
            assert_eq!((reasons.len(), &*reasons[0].field), (1, "productId"), "{kind:?}");
            assert!(reasons[0].message.contains("reserved"), "{kind:?}: {}", reasons[0].message);
        }
    }

    #[test]
    fn an_event_knows_its_kind_and_its_entity() {
        for kind in Kind::ALL {
            let event = parse(kind, kind.example().as_bytes(), &LIMITS).unwrap();
            let members: serde_json::Value = serde_json::from_str(kind.example()).unwrap();
            assert_eq!(event.kind(), kind);
            let first = members[kind.members()[0].name].as_str().unwrap();
            match kind {
                Kind::Rate => assert_eq!(event.entity(), format!("{first}-2026-01-02")),
                _ => assert_eq!(event.entity(), first),
            }
            assert_eq!(event.clone().into_owned(), event);
        }
    }
}
