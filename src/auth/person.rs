//! The person behind a session.

use crate::rights::caller::Person;
use crate::rights::role::Rights;
use crate::store::platform::standing::Standing;

/// The person that a session belongs to.
#[must_use]
pub fn person(standing: Standing) -> Person {
    let rights = Rights::of(standing.role, &standing.permissions);
    let Standing { id, user_id, role, .. } = standing;
    Person { user_id, session: id, role, rights }
}
