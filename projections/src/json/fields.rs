//! Finds the members of a JSON object that a kind knows, in one pass and without reading them.
//!
//! A member's value stays the text it was: amounts must not pass through a float, and a value of
//! the wrong type must be a reason beside the others instead of the end of the parse.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text::is_blank;

/// One member of an object: its name for reasons and, unless absent or `null`, its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) name: &'static str,
    /// Valid JSON, with no space around it.
    pub(crate) json: Option<&'a str>,
}

impl Member<'_> {
    pub(crate) const fn absent(name: &'static str) -> Self {
        Self { name, json: None }
    }

    /// This member, else the one that stands for it under another name.
    pub(crate) fn or(self, alias: Self) -> Self {
        if alias.json.is_some() && self.json.is_none_or(is_blank) { alias } else { self }
    }
}

/// The members of an object of one type that are read.
pub(crate) trait Members<'a>: Default {
    /// The place of the value under this key; none for a key that is left out.
    fn slot(&mut self, key: &str) -> Option<&mut Member<'a>>;
}

/// Declares a struct with one [`Member`] per key, after the prefix its reasons show. Where each says
/// what it is, the struct has the declaration of all as `DECLARED`.
macro_rules! members {
    (
        $(#[$meta:meta])* $name:ident($prefix:literal) {
            $($(#[doc = $about:literal])* $member:ident = $key:literal: $says:expr,)*
        }
    ) => {
        $crate::json::members! { $(#[$meta])* $name($prefix) { $($member = $key,)* } }

        impl $name<'_> {
            pub(crate) const DECLARED: &'static [$crate::json::Declared] = &[
                $($crate::json::Declared {
                    name: $key,
                    says: $says,
                    about: concat!($($about),*),
                },)*
            ];
        }
    };
    ($(#[$meta:meta])* $name:ident($prefix:literal) { $($member:ident = $key:literal,)* }) => {
        $(#[$meta])*
        pub(crate) struct $name<'a> {
            $(pub(crate) $member: $crate::json::Member<'a>,)*
        }

        impl Default for $name<'_> {
            fn default() -> Self {
                Self {
                    $($member: $crate::json::Member::absent(concat!($prefix, $key)),)*
                }
            }
        }

        impl<'a> $crate::json::Members<'a> for $name<'a> {
            fn slot(&mut self, key: &str) -> Option<&mut $crate::json::Member<'a>> {
                match key {
                    $($key => Some(&mut self.$member),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use members;

/// Finds the members of one JSON object. If a key is there twice, the last one counts; nesting
/// costs no stack.
///
/// # Errors
/// The fault of the text as a whole, which is then not one JSON object.
pub(crate) fn members_of<'a, M: Members<'a>>(json: &'a str) -> Result<M, String> {
    let mut members = M::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer
        .deserialize_map(ObjectVisitor(&mut members))
        .and_then(|()| deserializer.end())
        .map_err(|error| describe(&error))?;
    Ok(members)
}

/// The place of an error. Its own text may repeat the value and is left out.
fn describe(error: &serde_json::Error) -> String {
    if error.is_data() {
        return "must be a JSON object".to_owned();
    }
    let problem = if error.is_eof() { "ends too early" } else { "goes wrong" };
    let (line, column) = (error.line(), error.column());
    format!("must be one JSON object, and {problem} at line {line}, column {column}")
}

struct ObjectVisitor<'m, M>(&'m mut M);

impl<'de, M: Members<'de>> Visitor<'de> for ObjectVisitor<'_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(slot) = map.next_key_seed(Key(&mut *self.0))? {
            if let Some(member) = slot {
                let json = map.next_value::<&'de RawValue>()?.get();
                member.json = (json != "null").then_some(json);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Turns a key into its slot without allocating for it.
struct Key<'m, M>(&'m mut M);

impl<'de: 'm, 'm, M: Members<'de>> DeserializeSeed<'de> for Key<'m, M> {
    type Value = Option<&'m mut Member<'de>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'de: 'm, 'm, M: Members<'de>> Visitor<'de> for Key<'m, M> {
    type Value = Option<&'m mut Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.slot(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    members! {
        Pair("pair.") {
            left = "left",
            right = "right",
        }
    }

    fn pair(json: &str) -> Result<(Option<&str>, Option<&str>), String> {
        members_of::<Pair<'_>>(json).map(|it| (it.left.json, it.right.json))
    }

    #[test]
    fn members_are_the_text_of_their_values() {
        assert_eq!(pair(r#" {"left" : 1e9 , "right":"\n"} "#), Ok((Some("1e9"), Some(r#""\n""#))));
        assert_eq!(pair(r#"{"l\u0065ft":{"a":[ ]}}"#), Ok((Some(r#"{"a":[ ]}"#), None)));
    }

    #[test]
    fn null_is_absent_and_of_a_repeated_key_the_last_counts() {
        assert_eq!(pair(r#"{"left":1,"right":null,"left":2}"#), Ok((Some("2"), None)));
        assert_eq!(pair(r#"{"left":1,"left":null}"#), Ok((None, None)));
    }

    #[test]
    fn an_alias_stands_in_only_where_the_name_is_absent() {
        let members: Pair<'_> = members_of(r#"{"left":null,"right":2}"#).unwrap();
        assert_eq!(members.left.or(members.right).name, "pair.right");
        let members: Pair<'_> = members_of(r#"{"left":1,"right":2}"#).unwrap();
        assert_eq!(members.left.or(members.right).json, Some("1"));
        let members: Pair<'_> = members_of("{}").unwrap();
        assert_eq!(members.left.or(members.right).name, "pair.left");
    }

    #[test]
    fn what_is_not_one_object_is_refused_without_repeating_it() {
        for json in [r#""secret""#, "[]", "12", "true", "null"] {
            assert_eq!(pair(json), Err("must be a JSON object".to_owned()), "{json}");
        }
        let early = "must be one JSON object, and ends too early at line 1, column 9";
        assert_eq!(pair(r#"{"left":1"#), Err(early.to_owned()));
        let wrong = "must be one JSON object, and goes wrong at line 2, column 1";
        assert_eq!(pair("{}\n{}"), Err(wrong.to_owned()));
        for json in ["", "{", "{'left':1}", "{\"left\":01}", "{\"left\":1,}", "\u{feff}{}", "{1:2}"]
        {
            assert!(pair(json).is_err(), "{json}");
        }
    }
}
