//! `CloudEvents` 1.0 in both forms of their NATS binding.
//!
//! Binary: the attributes are headers with the prefix `ce-` and the body is the payload.
//! Structured: the body is an object with the attributes and the payload as `data`, or as base64 in
//! `data_base64`. Attributes add nothing here to the subject and the payload.

use std::borrow::Cow;

use super::fields::members;
use super::limits::Reason;

const VERSION_HEADER: &str = "ce-specversion";
const OTHER_VERSION: &str = "must be 1.0";

/// Whether headers make the message a binary `CloudEvent`.
///
/// # Errors
/// A reason against the version, if it is not 1.0.
pub(crate) fn is_binary<'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> Result<bool, Vec<Reason>> {
    let mut versions =
        headers.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(VERSION_HEADER));
    match versions.next() {
        None => Ok(false),
        Some((_, version)) if version.trim() == "1.0" => Ok(true),
        Some(_) => Err(refused(VERSION_HEADER, OTHER_VERSION)),
    }
}

fn refused(field: &'static str, message: &'static str) -> Vec<Reason> {
    vec![Reason::new(field, message)]
}

members! {
    /// The members of a structured `CloudEvent` that matter here.
    Envelope {
        version = "specversion",
        data = "data",
        data_base64 = "data_base64",
    }
}

impl<'a> Envelope<'a> {
    /// Whether the object is a `CloudEvent`: one whose `specversion` is a string.
    pub(crate) fn is_structured(&self) -> bool {
        self.version.json.is_some_and(|it| it.starts_with('"'))
    }

    /// The payload, borrowed if it is JSON.
    ///
    /// # Errors
    /// One reason: another version than 1.0, no payload or two, or one that is neither a JSON
    /// object nor base64.
    pub(crate) fn payload(&self) -> Result<Cow<'a, [u8]>, Vec<Reason>> {
        if self.version.json != Some(r#""1.0""#) {
            return Err(refused(self.version.name, OTHER_VERSION));
        }
        match (self.data.json, self.data_base64.json) {
            (Some(data), None) if data.starts_with('{') => Ok(Cow::Borrowed(data.as_bytes())),
            (Some(_), None) => Err(refused(self.data.name, "must be a JSON object")),
            (None, Some(data)) => serde_json::from_str::<Cow<'_, str>>(data)
                .ok()
                .and_then(|text| decode_base64(&text))
                .map(Cow::Owned)
                .ok_or_else(|| refused(self.data_base64.name, "must be a string of base64")),
            (Some(_), Some(_)) => Err(refused(self.data.name, "must not stand beside data_base64")),
            (None, None) => Err(refused(self.data.name, "is required")),
        }
    }
}

/// Decodes base64 of the standard alphabet (RFC 4648 §4); its padding may be left out.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = match text.len() % 4 {
        0 => text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text),
        _ => text,
    };
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for &digit in group {
            bits = bits << 6 | sextet(digit)?;
        }
        let [_, group_bytes @ ..] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        // One digit alone is less than a byte.
        bytes.extend_from_slice(
            group_bytes.get(..group.len().checked_sub(1).filter(|it| *it > 0)?)?,
        );
    }
    Some(bytes)
}

fn sextet(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind, Limits, parse, parse_message};
    use crate::time::Time;

    const LIMITS: Limits<'_> = Limits { latest: Time(i64::MAX), currency: "EUR" };
    const STOCK: &str = r#"{"productId":"p","stock":5}"#;

    fn field_and_message(result: Result<Event<'_>, Vec<Reason>>) -> (String, String) {
        let [reason] = <[Reason; 1]>::try_from(result.unwrap_err()).unwrap();
        (reason.field.into_owned(), reason.message)
    }

    #[test]
    fn a_binary_event_has_its_version_in_a_header_of_any_case_and_its_payload_as_body() {
        for name in ["ce-specversion", "Ce-Specversion", "CE-SPECVERSION"] {
            let headers = [("Nats-Msg-Id", "1"), (name, "1.0")];
            assert!(parse_message(Kind::Stock, headers, STOCK.as_bytes(), &LIMITS).is_ok());
        }
        let refused = parse_message(Kind::Stock, [(VERSION_HEADER, "0.3")], b"{}", &LIMITS);
        assert_eq!(field_and_message(refused), (VERSION_HEADER.into(), OTHER_VERSION.into()));
    }

    #[test]
    fn a_body_of_a_binary_event_is_not_unwrapped_again() {
        let body = br#"{"productId":"p","stock":5,"specversion":"1.0"}"#;
        assert!(parse_message(Kind::Stock, [(VERSION_HEADER, "1.0")], body, &LIMITS).is_ok());
        assert!(parse_message(Kind::Stock, [], body, &LIMITS).is_err());
    }

    #[test]
    fn a_structured_event_carries_its_payload_as_json_or_base64() {
        let expected = parse(Kind::Stock, STOCK.as_bytes(), &LIMITS);
        let json = format!(r#"{{"specversion":"1.0","id":"1","type":"x","data":{STOCK}}}"#);
        assert_eq!(parse(Kind::Stock, json.as_bytes(), &LIMITS), expected);
        let base64 =
            br#"{"data_base64":"eyJwcm9kdWN0SWQiOiJwIiwic3RvY2siOjV9","specversion":"1.0"}"#;
        assert_eq!(parse(Kind::Stock, base64, &LIMITS), expected);
    }

    #[test]
    fn a_structured_event_without_a_usable_payload_says_why() {
        for (rest, field, message) in [
            ("", "data", "is required"),
            (r#","data":null"#, "data", "is required"),
            (r#","data":"{}""#, "data", "must be a JSON object"),
            (r#","data":{},"data_base64":"e30=""#, "data", "must not stand beside data_base64"),
            (r#","data_base64":"e30-""#, "data_base64", "must be a string of base64"),
            (r#","data_base64":7"#, "data_base64", "must be a string of base64"),
            (r#","specversion":"0.3""#, "specversion", OTHER_VERSION),
        ] {
            let body = format!(r#"{{"specversion":"1.0"{rest}}}"#);
            let refused = parse(Kind::Stock, body.as_bytes(), &LIMITS);
            assert_eq!(field_and_message(refused), (field.into(), message.into()), "{body}");
        }
    }

    #[test]
    fn a_plain_payload_may_have_fields_of_these_names() {
        let body = br#"{"productId":"p","stock":5,"specversion":1,"data":"x","data_base64":{}}"#;
        assert!(parse(Kind::Stock, body, &LIMITS).is_ok());
    }

    #[test]
    fn base64_decodes_with_and_without_padding() {
        let decoded = |text| decode_base64(text).map(|it| String::from_utf8(it).unwrap());
        assert_eq!(decoded("").as_deref(), Some(""));
        assert_eq!(decoded("Zg==").as_deref(), Some("f"));
        assert_eq!(decoded("Zm8").as_deref(), Some("fo"));
        assert_eq!(decoded("Zm8=").as_deref(), Some("fo"));
        assert_eq!(decoded("Zm9vYmFy").as_deref(), Some("foobar"));
        assert_eq!(decode_base64("+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
        for text in ["Z", "Zm9vY", "Z===", "====", "Zm=8", "Zm8=Zm8=", "Zm 8", "é"] {
            assert_eq!(decode_base64(text), None, "{text}");
        }
    }
}
