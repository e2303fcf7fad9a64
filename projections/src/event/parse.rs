//! The way in: bytes of a message to an event, or to every reason against it.

use std::borrow::Cow;

use super::cloud::{self, Envelope};
use super::fields::{Member, Members, members_of};
use super::reader::Reader;
use super::{Event, Kind, Limits, Reason};
use super::{activity, customer, feedback, product, stock, transaction};

/// Parses a body that came without headers: a payload as plain JSON, or a structured `CloudEvent`
/// (an object whose `specversion` is a string) around one.
///
/// # Errors
/// Every reason at once, at least one, in the order of the fields; a single one, with an empty
/// field, where the body is not one JSON object in UTF-8.
pub fn parse<'a>(
    kind: Kind,
    body: &'a [u8],
    limits: &Limits<'_>,
) -> Result<Event<'a>, Vec<Reason>> {
    let text = utf8(body)?;
    let envelope = match read(kind, text, limits, Form::PlainOrStructured) {
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
/// As [`parse`]; a single one where the header names another version than 1.0.
pub fn parse_message<'a, 'h>(
    kind: Kind,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    body: &'a [u8],
    limits: &Limits<'_>,
) -> Result<Event<'a>, Vec<Reason>> {
    if cloud::is_binary(headers)? { plain(kind, body, limits) } else { parse(kind, body, limits) }
}

/// Parses a payload that nothing wraps.
fn plain<'a>(kind: Kind, body: &'a [u8], limits: &Limits<'_>) -> Result<Event<'a>, Vec<Reason>> {
    read(kind, utf8(body)?, limits, Form::Plain).map_err(|stop| match stop {
        Stop::Refused(reasons) => reasons,
        Stop::Structured(_) => whole("must not be wrapped twice".to_owned()),
    })
}

fn utf8(body: &[u8]) -> Result<&str, Vec<Reason>> {
    std::str::from_utf8(body).map_err(|_| whole("must be UTF-8".to_owned()))
}

/// A reason against the body as a whole.
fn whole(message: String) -> Vec<Reason> {
    vec![Reason { field: Cow::Borrowed(""), message }]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    PlainOrStructured,
}

/// Why a body made no event.
enum Stop<'a> {
    Refused(Vec<Reason>),
    Structured(Envelope<'a>),
}

fn read<'a>(
    kind: Kind,
    body: &'a str,
    limits: &Limits<'_>,
    form: Form,
) -> Result<Event<'a>, Stop<'a>> {
    match kind {
        Kind::Transaction => object(body, limits, form, transaction::read).map(Event::Transaction),
        Kind::Activity => object(body, limits, form, activity::read).map(Event::Activity),
        Kind::Feedback => object(body, limits, form, feedback::read).map(Event::Feedback),
        Kind::Product => object(body, limits, form, product::read).map(Event::Product),
        Kind::Stock => object(body, limits, form, stock::read).map(Event::Stock),
        Kind::Customer => object(body, limits, form, customer::read).map(Event::Customer),
    }
}

fn object<'a, M: Members<'a>, T>(
    body: &'a str,
    limits: &Limits<'_>,
    form: Form,
    build: impl Fn(&M, &mut Reader<'_>) -> T,
) -> Result<T, Stop<'a>> {
    let found: Found<'a, M> = members_of(body).map_err(|message| Stop::Refused(whole(message)))?;
    if form == Form::PlainOrStructured && found.envelope.is_structured() {
        return Err(Stop::Structured(found.envelope));
    }
    let mut reader = Reader::new(limits);
    let event = build(&found.payload, &mut reader);
    reader.finish(event).map_err(Stop::Refused)
}

/// A payload's members, and those of an envelope in case it turns out to be one: the two are told
/// apart in the same pass, so that a plain payload is parsed once.
#[derive(Default)]
struct Found<'a, M> {
    payload: M,
    envelope: Envelope<'a>,
}

impl<'a, M: Members<'a>> Members<'a> for Found<'a, M> {
    fn slot(&mut self, key: &str) -> Option<&mut Member<'a>> {
        match self.payload.slot(key) {
            None => self.envelope.slot(key),
            found => found,
        }
    }
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
        for (kind, body) in super::super::properties::EXAMPLES {
            let event = parse(kind, body.as_bytes(), &LIMITS).unwrap();
            assert_eq!(event.kind(), kind);
            assert_eq!(event.entity(), "the id");
            assert_eq!(event.clone().into_owned(), event);
        }
    }
}
