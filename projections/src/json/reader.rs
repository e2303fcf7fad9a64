//! Reads members into values and collects a reason for each that is invalid.

use std::borrow::Cow;

use super::fields::Member;
use super::limits::{Limits, Reason};
use super::values::Refusal;

/// The most reasons that elements of an array add to.
const REASONS_MAX: usize = 50;

/// Collects every reason against one event. A reader that has any makes no event, so the value in
/// place of a refused one is never seen.
pub(crate) struct Reader<'l> {
    pub(crate) limits: &'l Limits<'l>,
    reasons: Vec<Reason>,
}

impl<'l> Reader<'l> {
    pub(crate) fn new(limits: &'l Limits<'l>) -> Self {
        Self { limits, reasons: Vec::new() }
    }

    /// The value of a member that must be there.
    pub(crate) fn required<'a, T: Default>(
        &mut self,
        member: Member<'a>,
        rule: impl Fn(&'a str) -> Result<T, Refusal>,
    ) -> T {
        let refusal = match member.json.map(rule) {
            Some(Ok(value)) => return value,
            Some(Err(refusal)) => refusal,
            None => Refusal::from("is required"),
        };
        self.refuse(member, refusal);
        T::default()
    }

    /// The value of a member that may be absent, `null` or blank.
    pub(crate) fn optional<'a, T>(
        &mut self,
        member: Member<'a>,
        rule: impl Fn(&'a str) -> Result<T, Refusal>,
    ) -> Option<T> {
        match rule(member.json?) {
            Ok(value) => Some(value),
            Err(Refusal::Blank) => None,
            Err(refusal) => {
                self.refuse(member, refusal);
                None
            }
        }
    }

    /// Reads one element of an array: the reasons against its members name it. An event whose faults
    /// are many has the first of them.
    pub(crate) fn element<T>(
        &mut self,
        array: &'static str,
        at: usize,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let known = self.reasons.len();
        let element = read(self);
        for reason in &mut self.reasons[known..] {
            let dot = if reason.field.is_empty() { "" } else { "." };
            reason.field = format!("{array}[{at}]{dot}{}", reason.field).into();
        }
        self.reasons.truncate(known.max(REASONS_MAX));
        element
    }

    /// Notes a reason against a member.
    #[cold]
    pub(crate) fn refuse(&mut self, member: Member<'_>, refusal: Refusal) {
        let message = match refusal {
            Refusal::Blank => "must not be blank".to_owned(),
            Refusal::Because(message) => message.into_owned(),
        };
        self.reasons.push(Reason::new(member.name, message));
    }

    /// The event that was made of the members, unless there is a reason against it.
    pub(crate) fn finish<T>(self, made: T) -> Result<T, Vec<Reason>> {
        if self.reasons.is_empty() { Ok(made) } else { Err(self.reasons) }
    }
}

/// A text that outlives its source.
pub(crate) fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}
