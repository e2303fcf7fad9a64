//! The details of a customer: `events.customer`.

use std::borrow::Cow;

use crate::json::Says::{Needed, Optional};
use crate::json::values::{OPEN_CHARS_MAX, address, date, id, is_gone, open, verbatim};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::time::Time;

/// The details of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer<'a> {
    /// Identity.
    pub user_id: Cow<'a, str>,
    /// If stated.
    pub username: Option<Cow<'a, str>>,
    /// If stated.
    pub email: Option<Cow<'a, str>>,
    /// If stated.
    pub first_name: Option<Cow<'a, str>>,
    /// If stated.
    pub last_name: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub country: Option<Cow<'a, str>>,
    /// The instant when the shop registered the customer.
    pub created_at: Option<Time>,
    /// Whether the shop has the customer no more.
    pub is_gone: bool,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

members! {
    Members {
        user_id = "userId" | "user_id" | "_id" | "user": Needed(Is::Id),
        username = "username": Optional(Is::Text(NAME_CHARS_MAX)),
        email = "email": Optional(Is::Address(EMAIL_CHARS_MAX)),
        first_name = "firstName" | "first_name": Optional(Is::Text(NAME_CHARS_MAX)),
        last_name = "lastName" | "last_name": Optional(Is::Text(NAME_CHARS_MAX)),
        country = "country": Optional(Is::Text(OPEN_CHARS_MAX)),
        created_at = "createdAt" | "created_at": Optional(Is::Date),
        /// One who is not active is gone: left out of those who are there now, not of what was.
        is_active = "isActive" | "is_active" | "active": Optional(Is::Flag),
        /// `inactive` says the same; any other is as good as none.
        status = "status": Optional(Is::Text(OPEN_CHARS_MAX)),
        /// Any date says the same.
        deleted_at = "deletedAt" | "deleted_at": Optional(Is::Date),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

/// The most characters of a name.
const NAME_CHARS_MAX: usize = 128;
/// The most characters of an e-mail address. Its form is up to the producer.
const EMAIL_CHARS_MAX: usize = 254;

impl<'a> Payload<'a> for Customer<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "userId":"ann", "username":"Ann", "email":"ann@example.org", "firstName":"Ann",
        "lastName":"O\u2019Hara", "country":"IE", "createdAt":"2026-01-02T03:04:05Z",
        "isActive":true, "status":"active", "deletedAt":null, "updatedAt":"2026-01-02T03:04:05Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        Customer {
            user_id: reader.required(found.user_id, id),
            username: reader.optional(found.username, verbatim(NAME_CHARS_MAX)),
            email: reader.optional(found.email, address(EMAIL_CHARS_MAX)),
            first_name: reader.optional(found.first_name, verbatim(NAME_CHARS_MAX)),
            last_name: reader.optional(found.last_name, verbatim(NAME_CHARS_MAX)),
            country: reader.optional(found.country, open),
            created_at: reader.optional(found.created_at, date),
            is_gone: is_gone(reader, found.is_active, found.status, found.deleted_at),
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.user_id
    }
}

impl Customer<'_> {
    /// The same customer with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Customer<'static> {
        Customer {
            user_id: own(self.user_id),
            username: self.username.map(own),
            email: self.email.map(own),
            first_name: self.first_name.map(own),
            last_name: self.last_name.map(own),
            country: self.country.map(own),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind, Limits, Reason, parse};
    use crate::time::Time;

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    fn customer(body: &str) -> Result<Customer<'_>, Vec<Reason>> {
        match parse(Kind::Customer, body.as_bytes(), &LIMITS)? {
            Event::Customer(it) => Ok(it),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_customer_needs_an_id_and_nothing_else() {
        let it = customer(r#"{"userId":"u","email":"","firstName":"Zo\u00eb"}"#).unwrap();
        assert_eq!((&*it.user_id, it.email, it.country), ("u", None, None));
        assert_eq!(it.first_name.as_deref(), Some("Zoë"));
        assert_eq!(customer("{}").unwrap_err()[0].field, "userId");
    }

    #[test]
    fn texts_are_measured_in_characters() {
        let body = |email: String| format!(r#"{{"userId":"u","email":"{email}"}}"#);
        let it = |chars| {
            let body = body("é".repeat(chars));
            customer(&body).unwrap().into_owned()
        };
        assert!(it(254).email.is_some() && !it(254).adjusted.shortened);
        // Cut short it would be another's.
        assert!(it(255).email.is_none() && it(255).adjusted.shortened);
    }
}
