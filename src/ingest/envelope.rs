//! One event of a batch: `{"kind", "id"?, "data"}`, a payload of a known kind, or a `CloudEvent`.

use std::borrow::Cow;

use bytes::Bytes;
use projections::event::{self, Kind, Limits, Reason, came, nearest};
use projections::time::Time;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::message_id::MessageIds;
use super::scan;
use crate::stream::publish::Outgoing;

/// The most characters of an id.
const ID_CHARS_MAX: usize = 128;
/// The members that senders wrap a batch in.
const WRAPPERS: [&str; 6] = ["batch", "events", "messages", "records", "items", "data"];

/// The context that events are checked in at the edge.
#[derive(Debug, Clone, Copy)]
pub struct Edge<'a> {
    /// The server's clock.
    pub now: Time,
    /// The shop's currency.
    pub currency: &'a str,
    /// Makes the ids of messages; without it they have none.
    pub ids: Option<&'a MessageIds>,
}

/// What the events of a batch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each names its kind, or is a `CloudEvent` whose type does.
    Enveloped,
    /// Payloads of one kind, or `CloudEvents` around them.
    Of(Kind),
    /// `CloudEvents`, of one kind if there is one here.
    Cloud(Option<Kind>),
}

/// The members of an event that are read; a value of the wrong type is a reason of its own.
#[derive(Deserialize, Default)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    specversion: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind_of_cloud: Option<&'a RawValue>,
    #[serde(borrow, default)]
    source: Option<&'a RawValue>,
}

/// Reads one event.
///
/// # Errors
/// Fails with every reason.
pub fn read(shape: Shape, text: &Bytes, edge: Edge<'_>) -> Result<Outgoing, Vec<Reason>> {
    match shape {
        Shape::Of(kind) => of_kind(kind, text.clone(), edge),
        Shape::Enveloped => of_any_kind(text, edge),
        Shape::Cloud(kind) => of_cloud(&envelope(text)?, kind, text, edge),
    }
}

fn envelope(text: &[u8]) -> Result<Envelope<'_>, Vec<Reason>> {
    serde_json::from_slice(text).map_err(|error| {
        let is_object = text.trim_ascii_start().starts_with(b"{");
        let message = if error.is_data() && is_object {
            "must name kind, id and data once"
        } else {
            "must be a JSON object with kind, data and, if wanted, id"
        };
        vec![Reason::new("", message)]
    })
}

/// An event of a batch in which each names its kind.
///
/// # Errors
/// Fails with every reason.
pub fn of_any_kind(text: &Bytes, edge: Edge<'_>) -> Result<Outgoing, Vec<Reason>> {
    let envelope = envelope(text)?;
    if envelope.kind.is_none() && is_text(envelope.specversion) {
        return of_cloud(&envelope, None, text, edge);
    }
    let mut reasons = Vec::new();
    let kind = kind_of(envelope.kind, &mut reasons);
    let id = envelope.id.map(|id| id_of(id.get()));
    if let Some(Err(reason)) = &id {
        reasons.push(reason.clone());
    }
    let Some(data) = envelope.data else {
        reasons.push(Reason::new("data", missing_data(text)));
        return Err(reasons);
    };
    let Some(kind) = kind else { return Err(reasons) };
    match of_kind(kind, text.slice_ref(data.get().as_bytes()), edge) {
        Ok(event) if reasons.is_empty() => {
            let id = id.and_then(Result::ok);
            let message_id = edge.ids.zip(id).map(|(ids, id)| ids.of(kind, &id, data.get()));
            Ok(Outgoing { message_id, ..event })
        }
        Ok(_) => Err(reasons),
        Err(more) => {
            reasons.extend(more);
            Err(reasons)
        }
    }
}

fn is_text(value: Option<&RawValue>) -> bool {
    value.is_some_and(|it| it.get().starts_with('"'))
}

fn text_of(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    value.filter(|it| it.get().starts_with('"')).and_then(|it| {
        let borrowed: Result<Text<'_>, _> = serde_json::from_str(it.get());
        borrowed.ok().map(|Text(text)| text)
    })
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn kind_of(stated: Option<&RawValue>, reasons: &mut Vec<Reason>) -> Option<Kind> {
    let words = Kind::ALL.map(Kind::as_str);
    let allowed = format!("must be one of {}", words.join(", "));
    let message = match (stated, text_of(stated)) {
        (None, _) => format!("is required, and {allowed}"),
        (Some(stated), None) => format!("{allowed} ({} came)", came(stated.get())),
        (Some(stated), Some(word)) => match Kind::parse(&word) {
            Some(kind) => return Some(kind),
            None => match nearest(&word, words) {
                Some(near) => format!("{allowed}; did you mean {near}?"),
                None => format!("{allowed} ({} came)", came(stated.get())),
            },
        },
    };
    reasons.push(Reason::new("kind", message));
    None
}

/// The id of a change: a text, or a whole number, which becomes its decimal text.
fn id_of(json: &str) -> Result<Cow<'_, str>, Reason> {
    let digits = json.strip_prefix('-').unwrap_or(json);
    let is_whole = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    let id = match json.as_bytes() {
        [b'"', ..] => serde_json::from_str(json).ok().map(|Text(text)| text),
        _ => is_whole.then_some(Cow::Borrowed(json)),
    };
    let fits = |id: &Cow<'_, str>| !id.is_empty() && id.chars().count() <= ID_CHARS_MAX;
    id.filter(fits).ok_or_else(|| {
        let came = came(json);
        let message = format!(
            "must be a text of 1 to {ID_CHARS_MAX} characters or a whole number ({came} came)"
        );
        Reason::new("id", message)
    })
}

/// What to say where there is no `data`: other members may be meant for it.
fn missing_data(text: &[u8]) -> String {
    let members = names(text);
    let said = ["payload", "properties", "body", "value", "event"];
    if let Some(name) = said.into_iter().find(|it| members.iter().any(|name| name == it)) {
        return format!("is required; did you mean {name}?");
    }
    let others = members.iter().filter(|it| !matches!(it.as_str(), "kind" | "id" | "data"));
    if others.count() > 0 {
        return "is required: the members of the event stand in it, as in \
                {\"kind\":\"stock\",\"data\":{\"productId\":\"mug-1\",\"stock\":12}}"
            .to_owned();
    }
    "is required".to_owned()
}

/// The names of an object's members.
fn names(text: &[u8]) -> Vec<String> {
    members(text).into_iter().map(|(name, _)| name).collect()
}

/// The members of an object, which may be almost JSON.
fn members(text: &[u8]) -> Vec<(String, &[u8])> {
    let parts = if text.starts_with(b"{") { scan::parts(text) } else { None };
    parts.unwrap_or_default().into_iter().filter_map(member).collect()
}

fn member(part: &[u8]) -> Option<(String, &[u8])> {
    let mut texts = serde_json::Deserializer::from_slice(part).into_iter::<String>();
    let name = texts.next()?.ok()?;
    let rest = part.get(texts.byte_offset()..)?.trim_ascii_start();
    Some((name, rest.strip_prefix(b":")?.trim_ascii()))
}

/// The events that an object wraps, such as `{"batch":[…]}`; none where it is an event, or may be.
#[must_use]
pub fn wrapped(text: &[u8]) -> Option<Vec<&[u8]>> {
    if !text.contains(&b'[') {
        return None;
    }
    let members = members(text.trim_ascii());
    if members.iter().any(|(name, _)| matches!(name.as_str(), "kind" | "specversion")) {
        return None;
    }
    let mut arrays = members
        .iter()
        .filter(|(name, value)| value.starts_with(b"[") && WRAPPERS.contains(&name.as_str()));
    match (arrays.next(), arrays.next()) {
        (Some((_, array)), None) => scan::parts(array),
        _ => None,
    }
}

/// An event of a known kind.
///
/// # Errors
/// Fails with every reason.
pub fn of_kind(kind: Kind, body: Bytes, edge: Edge<'_>) -> Result<Outgoing, Vec<Reason>> {
    let limits = Limits { latest: Time(edge.now.0 + Limits::AHEAD_MS), currency: edge.currency };
    let entity = event::parse(kind, &body, &limits)?.entity().to_owned();
    Ok(Outgoing { kind, entity, body, message_id: None, replay_of: None })
}

/// A structured `CloudEvent`: its type names the kind, and its source and id are the id of the change.
fn of_cloud(
    envelope: &Envelope<'_>,
    kind: Option<Kind>,
    text: &Bytes,
    edge: Edge<'_>,
) -> Result<Outgoing, Vec<Reason>> {
    if !is_text(envelope.specversion) {
        let message = "is required: a CloudEvent states 1.0";
        return Err(vec![Reason::new("specversion", message)]);
    }
    let stated = text_of(envelope.kind_of_cloud);
    let kind = match kind {
        Some(kind) => kind,
        None => kind_of_type(stated.as_deref().unwrap_or_default(), "type")?,
    };
    let mut event = of_kind(kind, text.clone(), edge)?;
    let (source, id) = (text_of(envelope.source), text_of(envelope.id));
    let body = envelope.data.map_or_else(|| String::from_utf8_lossy(text), |it| it.get().into());
    event.message_id = id.and_then(|id| cloud_id(kind, source.as_deref(), &id, &body, edge));
    Ok(event)
}

/// The id of a `CloudEvent`'s message: its source and its id name it together.
#[must_use]
pub fn cloud_id(
    kind: Kind,
    source: Option<&str>,
    id: &str,
    body: &str,
    edge: Edge<'_>,
) -> Option<String> {
    let id = format!("{}\n{id}", source.unwrap_or_default());
    edge.ids.map(|ids| ids.of(kind, &id, body))
}

/// The kind that the type of a `CloudEvent` names in one of its parts: `org.example.transaction`,
/// `shop.order.v1`.
///
/// # Errors
/// A reason against the type, by this name of it, where none of its parts is a kind, or several are.
pub fn kind_of_type(stated: &str, name: &'static str) -> Result<Kind, Vec<Reason>> {
    let parts = stated.split(['.', '/', ':', '-', '_']).map(str::to_ascii_lowercase);
    let mut kinds: Vec<Kind> = parts.filter_map(|part| Kind::parse(&part)).collect();
    kinds.dedup();
    if let [kind] = kinds[..] {
        return Ok(kind);
    }
    let kinds = Kind::ALL.map(Kind::as_str).join(", ");
    let message = format!(
        "must name the kind in one of its parts, as org.example.transaction does: one of {kinds}"
    );
    Err(vec![Reason::new(name, message)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: Edge<'_> = Edge { now: Time(1_795_233_787_000), currency: "EUR", ids: None };

    fn refused(text: &str) -> Vec<(String, String)> {
        let reasons = of_any_kind(&text.to_owned().into(), EDGE).unwrap_err();
        reasons.into_iter().map(|it| (it.field.into_owned(), it.message)).collect()
    }

    #[test]
    fn a_member_of_the_envelope_that_is_wrong_is_named() {
        let data = r#""data":{"productId":"p","stock":1}"#;
        for (text, field, said) in [
            (format!(r#"{{"kind":"stock","id":7.5,{data}}}"#), "id", "a number came"),
            (format!(r#"{{"kind":"stock","id":{{}},{data}}}"#), "id", "an object came"),
            (format!(r#"{{"kind":"stock","id":"",{data}}}"#), "id", "an empty text came"),
            (format!(r#"{{"kind":7,{data}}}"#), "kind", "a number came"),
            (format!(r#"{{"kind":"Stocks",{data}}}"#), "kind", "did you mean stock?"),
            (format!("{{{data}}}"), "kind", "is required"),
            (r#"{"kind":"stock","productId":"p"}"#.to_owned(), "data", "stand in it"),
            (r#"{"kind":"stock","payload":{}}"#.to_owned(), "data", "did you mean payload?"),
        ] {
            let reasons = refused(&text);
            assert_eq!((reasons.len(), &*reasons[0].0), (1, field), "{text}: {reasons:?}");
            assert!(reasons[0].1.contains(said), "{text}: {reasons:?}");
        }
    }

    #[test]
    fn an_id_may_be_a_number() {
        let text = br#"{"kind":"stock","id":7,"data":{"productId":"p","stock":1}}"#;
        assert!(of_any_kind(&Bytes::from_static(text), EDGE).is_ok());
    }

    #[test]
    fn the_type_of_a_cloud_event_names_its_kind() {
        for (stated, kind) in [
            ("transaction", Kind::Transaction),
            ("org.example.stock", Kind::Stock),
            ("com.shop.order.v1", Kind::Order),
            ("Shop/Refund", Kind::Refund),
        ] {
            assert_eq!(kind_of_type(stated, "type"), Ok(kind));
        }
        for stated in ["", "sale", "order.refund"] {
            assert!(kind_of_type(stated, "type").is_err(), "{stated}");
        }
    }

    #[test]
    fn a_batch_may_be_wrapped_in_an_object() {
        let wrapped = |text: &'static str| wrapped(text.as_bytes()).map(|it| it.len());
        assert_eq!(wrapped(r#"{"batch":[{},{"a":NaN}],"sentAt":"now"}"#), Some(2));
        assert_eq!(wrapped(r#"{"api_key":"x","events":[]}"#), Some(0));
        assert_eq!(wrapped(r#"{"kind":"order","items":[]}"#), None);
        assert_eq!(wrapped(r#"{"orders":[{}]}"#), None);
        assert_eq!(wrapped(r#"{"batch":[{}],"events":[{}]}"#), None);
    }
}
