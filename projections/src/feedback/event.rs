//! A rating: `events.feedback`.

use std::borrow::Cow;

use crate::json::Says::{Needed, Optional};
use crate::json::values::{Read, date, id, verbatim, whole_number};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::products::id::product_id;
use crate::time::Time;

/// A rating of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback<'a> {
    /// Identity.
    pub feedback_id: Cow<'a, str>,
    /// The customer.
    pub user_id: Cow<'a, str>,
    /// The product.
    pub product_id: Cow<'a, str>,
    /// 1 to 5.
    pub rating: u8,
    /// `feedbackDate`; if absent, the known one stays, or the log's time of the message stands for
    /// it.
    pub at: Option<Time>,
    /// At most 500 characters.
    pub comment: Option<Cow<'a, str>>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

members! {
    Members {
        feedback_id = "feedbackId" | "feedback_id" | "_id": Needed(Is::Id),
        user_id = "userId" | "user_id" | "user": Needed(Is::Id),
        /// Any but `(none)`.
        product_id = "productId" | "product_id": Needed(Is::Id),
        rating = "rating": Needed(Is::Whole(1, RATING_MAX)),
        /// The time at which it first came if absent.
        feedback_date =
            "feedbackDate" | "feedback_date" | "createdAt" | "created_at": Optional(Is::Date),
        comment = "comment": Optional(Is::Text(COMMENT_CHARS_MAX)),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

/// The best rating.
const RATING_MAX: i64 = 5;
/// The most characters of a comment.
const COMMENT_CHARS_MAX: usize = 500;

impl<'a> Payload<'a> for Feedback<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "feedbackId":"f-1", "userId":"ann", "productId":"mug", "rating":5,
        "feedbackDate":"2026-01-02T03:04:05Z", "comment":"It keeps the tea warm.",
        "updatedAt":"2026-01-02T03:04:05Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        Feedback {
            feedback_id: reader.required(found.feedback_id, id),
            user_id: reader.required(found.user_id, id),
            product_id: reader.required(found.product_id, product_id),
            rating: reader.required(found.rating, rating),
            at: reader.optional(found.feedback_date, date),
            comment: reader.optional(found.comment, verbatim(COMMENT_CHARS_MAX)),
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.feedback_id
    }
}

fn rating(json: &str, reader: &mut Reader<'_>) -> Read<u8> {
    // The bounds fit, so the default is never taken.
    whole_number(1, RATING_MAX)(json, reader).map(|it| u8::try_from(it).unwrap_or_default())
}

impl Feedback<'_> {
    /// The same rating with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Feedback<'static> {
        Feedback {
            feedback_id: own(self.feedback_id),
            user_id: own(self.user_id),
            product_id: own(self.product_id),
            comment: self.comment.map(own),
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

    fn feedback(rating: &str, comment: &str) -> Result<Feedback<'static>, Vec<Reason>> {
        let comment = serde_json::to_string(comment).unwrap();
        let body = format!(
            r#"{{"feedbackId":"f","userId":"u","productId":"p","rating":{rating},
            "feedbackDate":"2026-11-21","comment":{comment}}}"#
        );
        match parse(Kind::Feedback, body.as_bytes(), &LIMITS)?.into_owned() {
            Event::Feedback(it) => Ok(it),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rating_is_a_whole_number_from_1_to_5() {
        for rating in 1..=5 {
            assert_eq!(feedback(&rating.to_string(), "").map(|it| it.rating), Ok(rating));
            assert_eq!(feedback(&format!("\"{rating}\""), "").map(|it| it.rating), Ok(rating));
        }
        for rating in ["0", "6", "4.5", "\"five\"", "-1", "256"] {
            assert_eq!(feedback(rating, "").unwrap_err()[0].field, "rating", "{rating}");
        }
    }

    #[test]
    fn a_comment_is_kept_as_it_was_written_and_a_blank_one_is_absent() {
        assert_eq!(feedback("4", " Fine.\n").unwrap().comment.as_deref(), Some(" Fine.\n"));
        assert_eq!(feedback("4", " ").unwrap().comment, None);
        let whole = feedback("4", &"ß".repeat(500)).unwrap();
        assert!(!whole.adjusted.shortened);
        let cut = feedback("4", &"ß".repeat(501)).unwrap();
        assert!(cut.adjusted.shortened);
        assert_eq!(cut.comment, whole.comment);
    }
}
