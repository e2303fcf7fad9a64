//! The body of an ingest request, cut into its events.

use serde_json::value::RawValue;

use crate::http::problem::FieldError;

/// Events in one request, at most.
pub const EVENTS_MAX: usize = 10_000;

/// The events of a body: the elements of an array, or the lines that are not blank. They are not
/// parsed here.
///
/// # Errors
/// Fails if the body as a whole is wrong: malformed JSON, no event, or too many.
pub fn split(body: &[u8]) -> Result<Vec<&[u8]>, FieldError> {
    let invalid = |message: &'static str| FieldError::new("", message);
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let events: Vec<&[u8]> = if is_array {
        let elements: Vec<&RawValue> = serde_json::from_slice(body)
            .map_err(|_| invalid("the body must be a JSON array of events, or one a line"))?;
        elements.into_iter().map(|element| element.get().as_bytes()).collect()
    } else if serde_json::from_slice::<&RawValue>(body).is_ok() {
        // One event, however it is laid out.
        vec![body]
    } else {
        body.split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|l| !l.is_empty())
            .collect()
    };
    match events.len() {
        0 => Err(invalid("the body has no event")),
        1..=EVENTS_MAX => Ok(events),
        _ => Err(invalid("the body must have at most 10,000 events")),
    }
}
