//! The body of an ingest request, cut into its events.

use bytes::Bytes;

use super::envelope::wrapped;
use super::fault::fault;
use super::pieces::{End, Piece, Pieces};
use crate::http::problem::FieldError;

/// Events in one request, at most.
pub const EVENTS_MAX: usize = 10_000;

/// One event of a body, or what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its text.
    pub text: Bytes,
    /// Why it is no JSON, where it is none.
    pub fault: Option<String>,
}

/// The events of a body: the elements of arrays, those that an object such as `{"batch":[…]}` wraps,
/// lines, and objects over several lines. They are not read here.
///
/// # Errors
/// Fails if there is no event, or there are too many.
pub fn split(body: &[u8]) -> Result<Vec<Part>, FieldError> {
    let invalid = |message: &'static str| FieldError::new("", message);
    let mut parts = Vec::new();
    let mut pieces = Pieces::of(body);
    while let Some(piece) = pieces.read().map_err(|_| invalid("the body could not be read"))? {
        match Some(&piece.text).filter(|_| piece.end == End::Found).and_then(|it| wrapped(it)) {
            Some(events) => parts.extend(events.into_iter().map(|text| within(&piece, text))),
            None => parts.push(part(piece)),
        }
        if parts.len() > EVENTS_MAX {
            return Err(invalid("the body must have at most 10,000 events"));
        }
    }
    if parts.is_empty() { Err(invalid("the body has no event")) } else { Ok(parts) }
}

fn part(piece: Piece) -> Part {
    Part { fault: fault(&piece), text: piece.text }
}

/// The part of a piece that is an event of its own.
fn within(piece: &Piece, text: &[u8]) -> Part {
    part(piece.part(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Vec<(String, bool)> {
        let parts = split(body.as_bytes()).unwrap();
        let text = |it: Part| (String::from_utf8(it.text.into()).unwrap(), it.fault.is_none());
        parts.into_iter().map(text).collect()
    }

    #[test]
    fn a_wrapper_is_its_events() {
        let body = "{\"key\":\"x\",\n \"batch\":[{\"a\":1},{\"b\":NaN}]}\n{\"c\":3}";
        let expected = [("{\"a\":1}", true), ("{\"b\":NaN}", false), ("{\"c\":3}", true)];
        assert_eq!(texts(body), expected.map(|(text, fine)| (text.to_owned(), fine)));
        let parts = split(body.as_bytes()).unwrap();
        let fault = parts[1].fault.as_deref().unwrap_or_default();
        assert!(fault.contains("line 2, column 24"), "{fault}");
    }

    #[test]
    fn a_body_has_events_and_not_too_many() {
        for body in ["", " \n", "[]", "{\"events\":[]}"] {
            assert!(split(body.as_bytes()).unwrap_err().message.contains("no event"), "{body}");
        }
        let many = |count| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(split(many(EVENTS_MAX).as_bytes()).unwrap().len(), EVENTS_MAX);
        assert!(split(many(EVENTS_MAX + 1).as_bytes()).is_err());
    }
}
