//! An activity of a visitor: `events.activity`.

use std::borrow::Cow;

use crate::json::Says::{Needed, Optional};
use crate::json::values::{OPEN_CHARS_MAX, PAGE_CHARS_MAX, date, id, open, trimmed};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::products::id::product_id;
use crate::time::Time;

/// An activity of a visitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity<'a> {
    /// Identity.
    pub activity_id: Cow<'a, str>,
    /// The customer.
    pub user_id: Cow<'a, str>,
    /// `activityType`, trimmed, open vocabulary.
    pub activity_type: Cow<'a, str>,
    /// `timestamp`; if absent, the log's time of the message stands for it.
    pub at: Option<Time>,
    /// The product, if named.
    pub product_id: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub device: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub page: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub country: Option<Cow<'a, str>>,
    /// If stated.
    pub session_id: Option<Cow<'a, str>>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

members! {
    Members {
        activity_id = "activityId" | "activity_id" | "_id": Needed(Is::Id),
        user_id = "userId" | "user_id" | "user": Needed(Is::Id),
        activity_type = "activityType" | "type" | "activity_type": Needed(Is::Text(OPEN_CHARS_MAX)),
        /// The time at which it came if absent.
        timestamp = "timestamp" | "time" | "createdAt" | "created_at": Optional(Is::Date),
        /// Any but `(none)`.
        product_id = "productId" | "product_id": Optional(Is::Id),
        device = "device": Optional(Is::Text(OPEN_CHARS_MAX)),
        page = "page": Optional(Is::Text(PAGE_CHARS_MAX)),
        country = "country": Optional(Is::Text(OPEN_CHARS_MAX)),
        session_id = "sessionId" | "session_id": Optional(Is::Id),
    }
}

impl<'a> Payload<'a> for Activity<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "activityId":"a-1", "userId":"ann", "activityType":"viewed",
        "timestamp":"2026-01-02T03:04:05Z", "productId":"mug", "device":"phone", "page":"/mugs",
        "country":"IE", "sessionId":"s-\u0031"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        Activity {
            activity_id: reader.required(found.activity_id, id),
            user_id: reader.required(found.user_id, id),
            activity_type: reader.required(found.activity_type, open),
            at: reader.optional(found.timestamp, date),
            product_id: reader.optional(found.product_id, product_id),
            device: reader.optional(found.device, open),
            page: reader.optional(found.page, trimmed(PAGE_CHARS_MAX)),
            country: reader.optional(found.country, open),
            session_id: reader.optional(found.session_id, id),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.activity_id
    }
}

impl Activity<'_> {
    /// The same activity with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Activity<'static> {
        Activity {
            activity_id: own(self.activity_id),
            user_id: own(self.user_id),
            activity_type: own(self.activity_type),
            product_id: self.product_id.map(own),
            device: self.device.map(own),
            page: self.page.map(own),
            country: self.country.map(own),
            session_id: self.session_id.map(own),
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

    fn activity(body: &str) -> Result<Activity<'_>, Vec<Reason>> {
        match parse(Kind::Activity, body.as_bytes(), &LIMITS)? {
            Event::Activity(it) => Ok(it),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_done_is_an_open_word() {
        let body = r#"{"activityId":"a","userId":"u","type":" waved ","time":"2026-11-21T04:03:07",
            "searchTerm":"x","ipAddress":7,"page":"/cart","device":" phone","sessionId":"s"}"#;
        let it = activity(body).unwrap();
        assert_eq!((&*it.activity_type, it.at), ("waved", Time::parse("2026-11-21T04:03:07").ok()));
        assert_eq!((it.page.as_deref(), it.device.as_deref()), (Some("/cart"), Some("phone")));
        assert_eq!((it.session_id.as_deref(), it.country), (Some("s"), None));
    }

    #[test]
    fn a_required_open_value_must_not_be_blank() {
        let body = r#"{"activityId":"a","userId":"u","activityType":" ","timestamp":"2026-11-21"}"#;
        let reasons = activity(body).unwrap_err();
        let reason = Reason::new("activityType", "must not be blank");
        assert_eq!(reasons, [reason]);
    }

    #[test]
    fn a_missing_field_is_asked_for_by_its_name() {
        let reasons = activity("{}").unwrap_err();
        let fields: Vec<_> = reasons.iter().map(|it| &*it.field).collect();
        assert_eq!(fields, ["activityId", "userId", "activityType"]);
        assert!(reasons.iter().all(|it| it.message == "is required"));
    }
}
