//! The body of a request as fields: each is read as what it has to be, and every one that is not
//! is named.

use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::secret::Hidden;
use crate::http::problem::{FieldError, Problem};

/// No body of these routes is longer.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// The members of a JSON object. A field that is not what it has to be is read as empty and kept
/// in mind: nothing may be done before [`Fields::finish`] says that all were right.
#[derive(Clone)]
pub struct Fields {
    members: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Reads a body; an empty one has no members.
    ///
    /// # Errors
    /// A 400 where it is not a JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let members = if body.trim_ascii().is_empty() { &b"{}"[..] } else { body };
        let members = serde_json::from_slice(members).map_err(|_| {
            Problem::invalid(vec![FieldError::new("", "the body must be a JSON object")])
        })?;
        Ok(Fields { members, errors: Vec::new() })
    }

    /// A member, where it is there and not null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Whether a member is there, be it null.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Reads an object in a member, where it is there and not null.
    pub fn within<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields) -> T,
    ) -> Option<T> {
        let Value::Object(members) = self.get(name)?.clone() else {
            self.wrong(name, "must be an object");
            return None;
        };
        let mut inner = Fields { members, errors: Vec::new() };
        let read = read(&mut inner);
        let outer = |it: FieldError| FieldError::new(format!("{name}.{}", it.field), it.message);
        self.errors.extend(inner.errors.into_iter().map(outer));
        Some(read)
    }

    /// Keeps in mind what is wrong.
    pub fn wrong(&mut self, name: &'static str, message: &'static str) {
        self.errors.push(FieldError::new(name, message));
    }

    /// A text that has to be there.
    pub fn text(&mut self, name: &'static str) -> String {
        match self.get(name) {
            Some(Value::String(text)) => return text.clone(),
            Some(_) => self.wrong(name, "must be a text"),
            None => self.wrong(name, "is missing"),
        }
        String::new()
    }

    /// A text without blanks at its ends that may be missing, of so many characters. An empty one
    /// is a missing one.
    pub fn optional(
        &mut self,
        name: &'static str,
        characters: RangeInclusive<usize>,
        allowed: &'static str,
    ) -> Option<String> {
        self.get(name)?;
        let text = self.text(name).trim().to_owned();
        let fits = characters.contains(&text.chars().count());
        if text.contains(char::is_control) {
            self.wrong(name, "must have no control characters");
        } else if !fits && !text.is_empty() {
            self.wrong(name, allowed);
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// An e-mail address, in small letters.
    pub fn email(&mut self, name: &'static str) -> String {
        let before = self.errors.len();
        let email = self.text(name).trim().to_lowercase();
        if self.errors.len() == before && !is_email(&email) {
            self.wrong(name, "must be an e-mail address of at most 254 characters");
        }
        email
    }

    /// A text that is not to be seen.
    pub fn secret(&mut self, name: &'static str) -> Hidden {
        Hidden::from(self.text(name))
    }

    /// Goes on where every field was right.
    ///
    /// # Errors
    /// A 400 that names those that were not.
    pub fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(self.errors)) }
    }
}

/// Whether a text can be mailed to.
#[must_use]
pub fn is_email(text: &str) -> bool {
    text.len() <= 254 && lettre::Address::from_str(text).is_ok()
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    /// What is too long is read to its end, as far as any body may go, and thrown away: a client
    /// that is cut off while it sends does not see the answer.
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let too_long =
            || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body must be at most 16 KB");
        let mut chunks = request.into_body().into_data_stream();
        let (mut body, mut length) = (Vec::new(), 0);
        while let Some(chunk) = chunks.next().await {
            let Ok(chunk) = chunk else {
                let unread = Problem::new(StatusCode::BAD_REQUEST, "the body could not be read");
                return Err(if length > BODY_BYTES_MAX { too_long() } else { unread });
            };
            length += chunk.len();
            if length <= BODY_BYTES_MAX {
                body.extend_from_slice(&chunk);
            }
        }
        if length > BODY_BYTES_MAX { Err(too_long()) } else { Fields::parse(&body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_is_wrong_is_named_and_no_value_repeated() {
        let body = br#"{"email":{"$ne":null},"password":["hunter2"],"firstName":7}"#;
        let mut fields = Fields::parse(body).unwrap();
        fields.email("email");
        fields.secret("password");
        fields.optional("firstName", 1..=50, "must have 1 to 50 characters");
        fields.text("lastName");
        let problem = fields.finish().unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        let shown = format!("{problem:?}");
        for field in ["email", "password", "firstName", "lastName"] {
            assert!(shown.contains(&format!("\"{field}\"")), "{field}: {shown}");
        }
        assert!(!shown.contains("hunter2"));
    }

    #[test]
    fn a_name_has_nothing_in_it_that_cannot_be_seen() {
        let read = |text: &str| {
            let mut fields = Fields::parse(format!("{{\"n\":\"{text}\"}}").as_bytes()).unwrap();
            let name = fields.optional("n", 1..=9, "must have at most 9 characters");
            fields.finish().ok().map(|()| name)
        };
        assert_eq!(read(" Zo\u{eb} "), Some(Some("Zo\u{eb}".to_owned())));
        assert_eq!(read("  "), Some(None));
        for text in ["a\\u0000b", "a\\nb", "a\\u001b[2J", "0123456789"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_e_mail_is_read_in_small_letters() {
        let read = |text: &str| {
            let mut fields = Fields::parse(format!("{{\"email\":{text:?}}}").as_bytes()).unwrap();
            let email = fields.email("email");
            fields.finish().ok().map(|()| email)
        };
        assert_eq!(read(" Ann@Example.ORG "), Some("ann@example.org".to_owned()));
        for text in ["", "ann", "ann@", "@example.org", "a b@example.org", "a@b@c"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("{}@example.org", "a".repeat(250))), None);
    }

    #[test]
    fn only_an_object_is_a_body_and_none_is_an_empty_one() {
        assert!(Fields::parse(b" ").unwrap().finish().is_ok());
        for body in ["[]", "7", "{", "null"] {
            assert!(Fields::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
