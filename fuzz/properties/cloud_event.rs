//! Properties of any message: in whichever form a payload is wrapped, it is the same event or is
//! refused for the same reasons.
//!
//! The input is a message as a person would write it: the kind, headers one a line, an empty line,
//! the body.

use projections::event::{Kind, parse, parse_message};
use serde_json::value::RawValue;

use super::event::{LIMITS, of_outcome};

const BINARY: [(&str, &str); 1] = [("CE-SpecVersion", "1.0")];

/// Checks any bytes as a message.
pub fn of_any_message(input: &[u8]) {
    let (head, body) = split(input);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let word = lines.next().unwrap_or_default();
    let kind = Kind::parse(word).unwrap_or(Kind::ALL[word.len() % Kind::ALL.len()]);
    let headers = || lines.clone().filter_map(|line| line.split_once(": "));

    let outcome = parse_message(kind, headers(), body, &LIMITS);
    of_outcome(kind, &outcome);
    let is_cloud_event = headers().any(|(name, _)| name.eq_ignore_ascii_case("ce-specversion"));
    if !is_cloud_event {
        assert_eq!(outcome, parse(kind, body, &LIMITS));
    }
    is_the_same_in_every_form(kind, body);
}

fn is_the_same_in_every_form(kind: Kind, body: &[u8]) {
    let binary = parse_message(kind, BINARY, body, &LIMITS);
    of_outcome(kind, &binary);
    for padding in [true, false] {
        let data = base64(body, padding);
        let structured = format!(r#"{{"specversion":"1.0","data_base64":"{data}"}}"#);
        let structured = parse(kind, structured.as_bytes(), &LIMITS);
        assert_eq!(structured, binary, "base64, padding: {padding}");
    }
    let Ok(json) = serde_json::from_slice::<&RawValue>(body).map(RawValue::get) else { return };
    if json.starts_with('{') {
        let binary = parse_message(kind, BINARY, json.as_bytes(), &LIMITS);
        let structured = format!(r#"{{"data":{json},"specversion":"1.0"}}"#);
        assert_eq!(parse(kind, structured.as_bytes(), &LIMITS), binary, "as JSON");
    }
}

/// The head and the body; without an empty line all of it is body.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    match input.windows(2).position(|it| it == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (&[], input),
    }
}

fn base64(bytes: &[u8], padding: bool) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit <= group.len() {
                text.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
            } else if padding {
                text.push('=');
            }
        }
    }
    text
}
