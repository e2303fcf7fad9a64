//! The body of a request as fields: each is read as its type, and every one that is not valid is
//! named.

use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use crate::hidden::Hidden;
use crate::http::openapi::schemas;
use crate::http::parameters::values::{OneOf, Values, Word};
use crate::http::problem::{FieldError, FieldErrors, Problem};

/// No body of these routes is longer.
pub const BODY_BYTES_MAX: usize = 16 * 1024;

/// The members of a JSON object. A field that is not valid is read as empty, and its error is kept:
/// nothing may be done before [`Fields::finish`] says that all were valid. A function that reads a
/// body also describes it, see [`Fields::described`]: so it reads each field every time.
#[derive(Clone)]
pub struct Fields {
    members: Map<String, Value>,
    errors: FieldErrors,
    described: Option<Described>,
}

/// The schema of the fields that were read of a body that was not there.
#[derive(Clone, Default)]
struct Described {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl Described {
    fn schema(self) -> Value {
        let mut schema = json!({ "type": "object", "properties": self.properties });
        if !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        schema
    }
}

impl Fields {
    /// Reads a body; an empty one has no members.
    ///
    /// # Errors
    /// Fails with 400 if it is not a JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let members = if body.trim_ascii().is_empty() { &b"{}"[..] } else { body };
        let members = serde_json::from_slice(members).map_err(|_| {
            Problem::invalid(vec![FieldError::new("", "the body must be a JSON object")])
        })?;
        Ok(Fields { members, errors: FieldErrors::default(), described: None })
    }

    /// The JSON schema of the bodies that `read` reads.
    #[must_use]
    pub fn described<T>(read: impl FnOnce(&mut Fields) -> T) -> Value {
        let mut fields = Fields {
            members: Map::new(),
            errors: FieldErrors::default(),
            described: Some(Described::default()),
        };
        read(&mut fields);
        fields.described.unwrap_or_default().schema()
    }

    fn describe(&mut self, name: &'static str, required: bool, schema: impl FnOnce() -> Value) {
        if let Some(described) = &mut self.described {
            described.properties.insert(name.to_owned(), schema());
            if required {
                described.required.push(name);
            }
        }
    }

    /// A member that is there and not null, of which the document says nothing.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A member that is there and not null; its reader checks its value.
    pub fn value(&mut self, name: &'static str, schema: impl FnOnce() -> Value) -> Option<&Value> {
        self.describe(name, false, schema);
        self.get(name)
    }

    /// The same, of a member that has to be there.
    pub fn needed(&mut self, name: &'static str, schema: impl FnOnce() -> Value) -> Option<&Value> {
        self.describe(name, true, schema);
        self.get(name)
    }

    /// Whether a member is there, be it null, of which the document says nothing.
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
        if self.described.is_some() {
            let schema = Fields::described(read);
            self.describe(name, false, || schema);
            return None;
        }
        let Value::Object(members) = self.get(name)?.clone() else {
            self.wrong(name, "must be an object");
            return None;
        };
        let mut inner = Fields { members, errors: FieldErrors::default(), described: None };
        let read = read(&mut inner);
        self.errors.within(name, inner.errors);
        Some(read)
    }

    /// Keeps an error of a field.
    pub fn wrong(&mut self, name: &'static str, message: &'static str) {
        self.errors.wrong(name, message);
    }

    fn required_text(&mut self, name: &'static str) -> Option<String> {
        match self.get(name) {
            Some(Value::String(text)) => return Some(text.clone()),
            Some(_) => self.wrong(name, "must be a text"),
            None => self.wrong(name, "is missing"),
        }
        None
    }

    /// A text that has to be there, without blanks at its ends, of so many characters and for which
    /// `is_right` holds.
    pub fn text(
        &mut self,
        name: &'static str,
        characters: RangeInclusive<usize>,
        is_right: impl FnOnce(&str) -> bool,
        allowed: &'static str,
    ) -> String {
        let (min, max) = (characters.start(), characters.end());
        self.describe(
            name,
            true,
            || json!({ "type": "string", "minLength": min, "maxLength": max }),
        );
        let Some(text) = self.required_text(name) else { return String::new() };
        let text = text.trim().to_owned();
        if !characters.contains(&text.chars().count()) || !is_right(&text) {
            self.wrong(name, allowed);
        }
        text
    }

    /// A text without blanks at its ends that may be missing, of so many characters. An empty one
    /// is a missing one.
    pub fn optional(
        &mut self,
        name: &'static str,
        characters: usize,
        allowed: &'static str,
    ) -> Option<String> {
        self.describe(
            name,
            false,
            || json!({ "type": ["string", "null"], "maxLength": characters }),
        );
        self.get(name)?;
        let text = self.required_text(name).unwrap_or_default().trim().to_owned();
        if text.contains(char::is_control) {
            self.wrong(name, "must have no control characters");
        } else if text.chars().count() > characters {
            self.wrong(name, allowed);
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// The same for a text to change: `None` if it is not there; empty if null or an empty text
    /// takes it away.
    pub fn change(
        &mut self,
        name: &'static str,
        characters: usize,
        allowed: &'static str,
    ) -> Option<String> {
        let text = self.optional(name, characters, allowed);
        self.is_given(name).then(|| text.unwrap_or_default())
    }

    /// An e-mail address, in small letters.
    pub fn email(&mut self, name: &'static str) -> String {
        self.describe(name, true, an_email);
        let Some(text) = self.required_text(name) else { return String::new() };
        let email = text.trim().to_lowercase();
        if !is_email(&email) {
            self.wrong(name, "must be an e-mail address of at most 254 characters");
        }
        email
    }

    /// The same, where it may be missing.
    pub fn optional_email(&mut self, name: &'static str) -> Option<String> {
        self.describe(name, false, an_email);
        self.get(name).is_some().then(|| self.email(name))
    }

    /// A text that is not to be seen.
    pub fn secret(&mut self, name: &'static str) -> Hidden {
        self.describe(name, true, || json!({ "type": "string", "format": "password" }));
        Hidden::from(self.required_text(name).unwrap_or_default())
    }

    /// A word of a vocabulary that may be missing.
    pub fn word<T: Word>(&mut self, name: &'static str) -> Option<T> {
        let values = OneOf::<T>::new();
        self.describe(name, false, || values.schema());
        let read = values.read(self.get(name)?.as_str().unwrap_or_default());
        read.map_err(|allowed| self.errors.wrong(name, allowed)).ok()
    }

    /// True or false, if it is there.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.describe(name, false, || json!({ "type": "boolean" }));
        let flag = self.get(name)?.as_bool();
        if flag.is_none() {
            self.wrong(name, "must be true or false");
        }
        flag
    }

    /// A value of a type that is read from JSON, if it is there.
    pub fn json<T: DeserializeOwned + PartialSchema>(
        &mut self,
        name: &'static str,
        allowed: &'static str,
    ) -> Option<T> {
        self.describe(name, false, schemas::of::<T>);
        let read = serde_json::from_value(self.get(name)?.clone());
        if read.is_err() {
            self.wrong(name, allowed);
        }
        read.ok()
    }

    /// Succeeds if every field was valid.
    ///
    /// # Errors
    /// Fails with 400, and names the fields that were not.
    pub fn finish(self) -> Result<(), Problem> {
        self.errors.finish().map_err(Problem::invalid)
    }
}

fn an_email() -> Value {
    json!({ "type": "string", "format": "email", "maxLength": 254 })
}

/// Whether a text can be mailed to.
#[must_use]
pub fn is_email(text: &str) -> bool {
    text.len() <= 254 && lettre::Address::from_str(text).is_ok()
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    /// A body that is too long is read to its end, as far as any body may go, and thrown away: a
    /// client that is cut off while it sends does not see the answer.
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
        fields.optional("firstName", 50, "must have 1 to 50 characters");
        fields.text("lastName", 1..=50, |_| true, "must have 1 to 50 characters");
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
            let name = fields.optional("n", 9, "must have at most 9 characters");
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
    fn what_reads_a_body_describes_it() {
        let described = Fields::described(|fields| {
            fields.email("email");
            fields.change("name", 50, "must have at most 50 characters");
            fields.within("profile", |fields| fields.flag("isNew"));
        });
        let inner = json!({ "type": "object", "properties": { "isNew": { "type": "boolean" } } });
        let email = json!({ "type": "string", "format": "email", "maxLength": 254 });
        let name = json!({ "type": ["string", "null"], "maxLength": 50 });
        let properties = json!({ "email": email, "name": name, "profile": inner });
        let expected = json!({ "type": "object", "required": ["email"], "properties": properties });
        assert_eq!(described, expected);
    }

    #[test]
    fn only_an_object_is_a_body_and_none_is_an_empty_one() {
        assert!(Fields::parse(b" ").unwrap().finish().is_ok());
        for body in ["[]", "7", "{", "null"] {
            assert!(Fields::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
