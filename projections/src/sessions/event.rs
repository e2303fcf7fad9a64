//! A session of a visitor: `events.session`.

use std::borrow::Cow;

use crate::json::Says::{Needed, Optional};
use crate::json::values::{
    OPEN_CHARS_MAX, PAGE_CHARS_MAX, Read, date, id, open, trimmed, whole_number,
};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::time::Time;

/// A session of a visitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Session<'a> {
    /// Identity; activities name it.
    pub session_id: Cow<'a, str>,
    /// The time at which it began.
    pub started_at: Time,
    /// The time at which it ended, if stated; not before its beginning.
    pub ended_at: Option<Time>,
    /// The customer, if stated.
    pub user_id: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub device: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub country: Option<Cow<'a, str>>,
    /// The page that it began on; trimmed, if stated.
    pub page: Option<Cow<'a, str>>,
    /// The number of pages that were viewed, if stated.
    pub pages: Option<u32>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

members! {
    Members {
        session_id = "sessionId" | "session_id" | "_id": Needed(Is::Id),
        started_at = "startedAt" | "started_at" | "createdAt" | "created_at": Needed(Is::Date),
        /// Not before `startedAt`; a session without one took no time.
        ended_at = "endedAt" | "ended_at": Optional(Is::Date),
        user_id = "userId" | "user_id" | "user": Optional(Is::Id),
        device = "device": Optional(Is::Text(OPEN_CHARS_MAX)),
        country = "country": Optional(Is::Text(OPEN_CHARS_MAX)),
        /// The page that it began on.
        page = "page": Optional(Is::Text(PAGE_CHARS_MAX)),
        /// The number of pages that were viewed; with one the session is a bounce.
        pages = "pages": Optional(Is::Whole(0, PAGES_MAX)),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

/// The most pages of a session.
const PAGES_MAX: i64 = 1_000_000;

impl<'a> Payload<'a> for Session<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "sessionId":"s-1", "startedAt":"2026-01-02T03:04:05Z", "endedAt":"2026-01-02T03:11:00Z",
        "userId":"ann", "device":"phone", "country":"IE", "page":"/mugs\u002f7", "pages":4,
        "updatedAt":"2026-01-02T03:11:00Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let session = Session {
            session_id: reader.required(found.session_id, id),
            started_at: reader.required(found.started_at, date),
            ended_at: reader.optional(found.ended_at, date),
            user_id: reader.optional(found.user_id, id),
            device: reader.optional(found.device, open),
            country: reader.optional(found.country, open),
            page: reader.optional(found.page, trimmed(PAGE_CHARS_MAX)),
            pages: reader.optional(found.pages, pages),
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
        };
        if session.ended_at.is_some_and(|ended_at| ended_at < session.started_at) {
            reader.refuse(found.ended_at, "must not be before startedAt".into());
        }
        session
    }

    fn entity(&self) -> &str {
        &self.session_id
    }
}

fn pages(json: &str, reader: &mut Reader<'_>) -> Read<u32> {
    // The bounds fit, so the default is never taken.
    whole_number(0, PAGES_MAX)(json, reader).map(|it| u32::try_from(it).unwrap_or_default())
}

impl Session<'_> {
    /// The same session with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Session<'static> {
        Session {
            session_id: own(self.session_id),
            user_id: self.user_id.map(own),
            device: self.device.map(own),
            country: self.country.map(own),
            page: self.page.map(own),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind, Limits, Reason, parse};

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    fn session(body: &str) -> Result<Session<'_>, Vec<Reason>> {
        match parse(Kind::Session, body.as_bytes(), &LIMITS)? {
            Event::Session(it) => Ok(it),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_session_needs_its_id_and_its_beginning() {
        let it = session(r#"{"_id":7,"started_at":"2026-11-21T10:00","user":"u"}"#).unwrap();
        assert_eq!((&*it.session_id, it.user_id.as_deref()), ("7", Some("u")));
        assert_eq!((it.ended_at, it.pages), (None, None));
        let reasons = session("{}").unwrap_err();
        let fields: Vec<_> = reasons.iter().map(|it| &*it.field).collect();
        assert_eq!(fields, ["sessionId", "startedAt"]);
    }

    #[test]
    fn a_session_does_not_end_before_it_begins() {
        let body = |ended_at| {
            format!(r#"{{"sessionId":"s","startedAt":"2026-11-21T10:00Z","endedAt":"{ended_at}"}}"#)
        };
        assert!(session(&body("2026-11-21T10:00:00Z")).is_ok());
        let reasons = session(&body("2026-11-21T09:59:59.999Z")).unwrap_err();
        assert_eq!(reasons, [Reason::new("endedAt", "must not be before startedAt")]);
    }
}
