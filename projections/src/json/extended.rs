//! The extended JSON of `MongoDB`, as `mongoexport` writes it: an object of one member for a value
//! that JSON has no form for.

use std::borrow::Cow;

use super::fields::{members, members_of};
use super::text::string;

members! {
    /// The members that such an object may have.
    Extended {
        oid = "$oid",
        date = "$date",
        number = "$numberInt" | "$numberLong" | "$numberDouble" | "$numberDecimal",
    }
}

/// The id in `{"$oid": "…"}`.
#[cold]
pub(super) fn object_id(json: &str) -> Option<Cow<'_, str>> {
    string(members_of::<Extended<'_>>(json).ok()?.oid.json?)
}

/// The number in `{"$numberLong": "…"}` and the like.
#[cold]
pub(super) fn number(json: &str) -> Option<Cow<'_, str>> {
    string(members_of::<Extended<'_>>(json).ok()?.number.json?)
}

/// The value of `{"$date": …}`.
#[cold]
pub(super) fn date(json: &str) -> Option<&str> {
    members_of::<Extended<'_>>(json).ok()?.date.json
}
