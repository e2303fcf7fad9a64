//! Reads members into values and collects a reason for each that is invalid.

use std::borrow::Cow;

use super::fields::{Member, Members, members_of};
use super::hint::{REQUIRED, came};
use super::limits::{Limits, Reason};
use super::refusal::{Read, Refusal};
use super::text::{has_half_a_character, is_blank};

/// Changes to the values of an event, with which it counts all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adjusted {
    /// An amount had more than 4 decimals or a quantity more than 3, and was rounded half-even.
    pub rounded: bool,
    /// A text was longer than it may be, and was cut; or an address was, and was left out.
    pub shortened: bool,
}

/// The most reasons that elements of an array add to.
const REASONS_MAX: usize = 50;

/// Collects every reason against one event. A reader that has any makes no event, so the value in
/// place of a refused one is never seen.
pub(crate) struct Reader<'l> {
    pub(crate) limits: &'l Limits<'l>,
    pub(crate) adjusted: Adjusted,
    /// The object whose members are read; empty for those of the body.
    within: &'static str,
    reasons: Vec<Reason>,
}

impl<'l> Reader<'l> {
    pub(crate) fn new(limits: &'l Limits<'l>) -> Self {
        Self { limits, adjusted: Adjusted::default(), within: "", reasons: Vec::new() }
    }

    /// The value of a member that must be there.
    pub(crate) fn required<'a, T: Default>(
        &mut self,
        member: Member<'a>,
        rule: impl Fn(&'a str, &mut Self) -> Read<T>,
    ) -> T {
        let refusal = match member.json.map(|json| rule(json, self)) {
            Some(Ok(value)) => return value,
            Some(Err(_)) if member.json == Some("false") => Refusal::from(REQUIRED),
            Some(Err(refusal)) => refusal,
            None => Refusal::from(REQUIRED),
        };
        self.refuse_value(member, refusal);
        T::default()
    }

    /// The value of a member that may be absent, `null`, blank, or Odoo's `false`.
    pub(crate) fn optional<'a, T>(
        &mut self,
        member: Member<'a>,
        rule: impl Fn(&'a str, &mut Self) -> Read<T>,
    ) -> Option<T> {
        let json = member.json?;
        match rule(json, self) {
            Ok(value) => Some(value),
            Err(Refusal::Blank) => None,
            Err(_) if is_blank(json) => None,
            Err(refusal) => {
                self.refuse_value(member, refusal);
                None
            }
        }
    }

    /// Reads an object member by member, if it is there. A reason names the object before the member.
    pub(crate) fn object<'a, M: Members<'a>, T>(
        &mut self,
        member: Member<'a>,
        read: impl FnOnce(&M, &mut Self) -> T,
    ) -> Option<T> {
        let found = self.optional(member, |json, _| Ok(members_of::<M>(json)?))?;
        let around = std::mem::replace(&mut self.within, member.name);
        let made = read(&found, self);
        self.within = around;
        Some(made)
    }

    /// Reads each object of an array, member by member. A reason names the array and the object's
    /// place in it before them; an event whose faults are many has the first of them.
    pub(crate) fn each<'a, M: Members<'a>, T>(
        &mut self,
        array: Member<'_>,
        elements: Vec<&'a str>,
        read: impl Fn(&M, &mut Self) -> T,
    ) -> Vec<T> {
        let mut made = Vec::with_capacity(elements.len());
        for (at, json) in elements.into_iter().enumerate() {
            let known = self.reasons.len();
            match members_of::<M>(json) {
                Ok(found) => made.push(read(&found, self)),
                Err(message) => self.refuse(Member::absent(""), message.into()),
            }
            for reason in &mut self.reasons[known..] {
                let dot = if reason.field.is_empty() { "" } else { "." };
                reason.field = format!("{}[{at}]{dot}{}", array.name, reason.field).into();
            }
            self.reasons.truncate(known.max(REASONS_MAX));
        }
        made
    }

    /// Notes a reason against the value of a member, with what came instead.
    #[cold]
    fn refuse_value(&mut self, member: Member<'_>, refusal: Refusal) {
        let refusal = match (refusal, member.json) {
            // What is near is of more use than the type of what came.
            (Refusal::Because(message), Some(json))
                if message != REQUIRED && !message.contains("did you mean") =>
            {
                format!("{message} ({} came)", came(json)).into()
            }
            (refusal, _) => refusal,
        };
        self.refuse(member, refusal);
    }

    /// Notes a reason against a member.
    #[cold]
    pub(crate) fn refuse(&mut self, member: Member<'_>, refusal: Refusal) {
        let message = match refusal {
            _ if member.json.is_some_and(has_half_a_character) => {
                "has half of a surrogate pair, such as \\ud83d without \\ude00, which is no character"
                    .to_owned()
            }
            Refusal::Blank => "must not be blank".to_owned(),
            Refusal::Because(message) => message.into_owned(),
        };
        let field = match self.within {
            "" => Cow::Borrowed(member.name),
            object => Cow::Owned(format!("{object}.{}", member.name)),
        };
        self.reasons.push(Reason::new(field, message));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::values::{id, open, verbatim};
    use crate::time::Time;

    const LIMITS: Limits<'_> = Limits { latest: Time(0), currency: "EUR" };

    fn member(json: &str) -> Member<'_> {
        Member { name: "field", json: Some(json) }
    }

    fn reason(read: impl Fn(&mut Reader<'_>)) -> Option<String> {
        let mut reader = Reader::new(&LIMITS);
        read(&mut reader);
        reader.finish(()).err().map(|reasons| reasons[0].message.clone())
    }

    #[test]
    fn a_blank_or_false_value_of_an_optional_member_is_as_good_as_none() {
        for json in [r#""""#, r#"" ""#, r#""\n""#, "false"] {
            let mut reader = Reader::new(&LIMITS);
            assert_eq!(reader.optional(member(json), open), None);
            assert_eq!(reader.finish(()), Ok(()), "{json}");
        }
        assert!(reason(|reader| drop(reader.optional(member("true"), open))).is_some());
        assert!(reason(|reader| drop(reader.optional(member("[]"), id))).is_some());
    }

    #[test]
    fn a_required_member_that_is_false_is_asked_for() {
        let required = reason(|reader| drop(reader.required(member("false"), id)));
        assert_eq!(required.as_deref(), Some("is required"));
        let blank = reason(|reader| drop(reader.required(member(r#"" ""#), open)));
        assert_eq!(blank.as_deref(), Some("must not be blank"));
    }

    #[test]
    fn half_a_character_is_named_where_it_cannot_be_mended() {
        let json = r#""a\ud83d""#;
        let named = reason(|reader| drop(reader.required(member(json), id)));
        assert!(named.is_some_and(|it| it.contains("surrogate")));
        assert_eq!(reason(|reader| drop(reader.optional(member(json), verbatim(9)))), None);
    }
}
