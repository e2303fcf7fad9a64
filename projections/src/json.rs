//! The text of a payload becomes values that cannot be wrong, or every reason against it.
//!
//! `declared` is what a kind says of its members, `fields` finds the members of an object, `values`
//! reads one of them, `reader` collects every reason, `hint` says what may be meant, `cloud` unwraps `CloudEvents` in both forms of
//! their NATS binding.

pub(crate) mod cloud;
pub(crate) mod declared;
mod extended;
pub(crate) mod fields;
pub(crate) mod hint;
pub(crate) mod limits;
pub(crate) mod payload;
pub(crate) mod reader;
mod refusal;
mod text;
pub(crate) mod values;

pub use declared::{Declared, Is, Says};
pub(crate) use fields::{Member, Members, Under, members};
pub use hint::{came, nearest};
pub use limits::{Limits, Reason};
pub(crate) use payload::{Form, Payload, Stop, object, whole_body};
pub use reader::Adjusted;
pub(crate) use reader::{Reader, own};
