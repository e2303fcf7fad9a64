//! One payload: an object whose members a kind knows, alone or in a `CloudEvent`.

use super::cloud::Envelope;
use super::declared::Declared;
use super::fields::{Member, Members, Under, members_of};
use super::hint::suggest;
use super::limits::{Limits, Reason};
use super::reader::Reader;

/// The statements of a producer in an event of one kind.
pub(crate) trait Payload<'a>: Sized {
    /// The members of its object that are read.
    type Members: Members<'a>;
    /// Their declarations. The id of the entity is or begins with the first.
    const MEMBERS: &'static [Declared];
    /// An event that is taken in any shop, with every member that may differ from its default.
    const EXAMPLE: &'static str;

    /// Reads them; the faults of a member are left with the reader.
    fn read(found: &Self::Members, reader: &mut Reader<'_>) -> Self;

    /// The id of the entity, which events of one kind are ordered by.
    fn entity(&self) -> &str;
}

/// The forms that a body may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A payload.
    Plain,
    /// A payload, or a structured `CloudEvent` around one.
    PlainOrStructured,
}

/// Why a body was not read as an event.
pub(crate) enum Stop<'a> {
    /// It is refused.
    Refused(Vec<Reason>),
    /// It is a structured `CloudEvent`.
    Structured(Envelope<'a>),
}

/// Reads one object.
#[inline]
pub(crate) fn object<'a, E: Payload<'a>>(
    body: &'a str,
    limits: &Limits<'_>,
    form: Form,
) -> Result<E, Stop<'a>> {
    let found: Found<'a, E::Members> =
        members_of(body).map_err(|message| Stop::Refused(whole_body(message)))?;
    if form == Form::PlainOrStructured && found.envelope.is_structured() {
        return Err(Stop::Structured(found.envelope));
    }
    let mut reader = Reader::new(limits);
    let event = E::read(&found.payload, &mut reader);
    reader.finish(event).map_err(|mut reasons| {
        suggest(body, E::MEMBERS, &mut reasons);
        Stop::Refused(reasons)
    })
}

/// A reason against the body as a whole.
pub(crate) fn whole_body(message: String) -> Vec<Reason> {
    vec![Reason::new("", message)]
}

/// A payload's members, and those of an envelope in case it turns out to be one: the two are told
/// apart in the same pass, so that a plain payload is parsed once.
#[derive(Default)]
struct Found<'a, M> {
    payload: M,
    envelope: Envelope<'a>,
}

impl<'a, M: Members<'a>> Members<'a> for Found<'a, M> {
    fn slot(&mut self, key: &str, under: &mut &'static Under) -> Option<&mut Member<'a>> {
        match self.payload.slot(key, under) {
            None => self.envelope.slot(key, under),
            found => found,
        }
    }
}
