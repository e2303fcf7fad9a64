//! Finds the members of a JSON object that a kind knows, in one pass and without reading them.
//!
//! A member's value stays the text it was: amounts must not pass through a float, and a value of
//! the wrong type must be a reason beside the others instead of the end of the parse.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
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

    /// Whether it is as good as absent.
    pub(crate) fn is_blank(&self) -> bool {
        self.json.is_none_or(is_blank)
    }
}

/// The name that a value came under.
pub(crate) struct Under {
    pub(crate) name: &'static str,
    /// If it stands for a member's own name, all that do, the first before the others; else none.
    pub(crate) aliases: &'static [&'static str],
    /// Whether the member is true or false, so that `false` is a value of it.
    pub(crate) is_flag: bool,
}

impl Under {
    /// No name yet.
    const NONE: &'static Self = &Self { name: "", aliases: &[], is_flag: false };

    /// Whether a value is as good as absent.
    fn is_blank(&self, json: &str) -> bool {
        is_blank(json) && !(self.is_flag && json == "false")
    }
}

impl<'a> Member<'a> {
    /// Puts a value in. The name wins over its aliases, and an alias over those after it; of a name
    /// that is there twice, the last counts.
    #[inline]
    fn put(&mut self, under: &'static Under, json: &'a str) {
        let json = (json != "null").then_some(json);
        if self.json.is_none() && under.aliases.is_empty() {
            self.json = json;
        } else {
            self.put_beside(under, json);
        }
    }

    #[cold]
    fn put_beside(&mut self, under: &'static Under, json: Option<&'a str>) {
        let Under { name, aliases, .. } = under;
        let rank = |name| aliases.iter().position(|alias| *alias == name);
        let is_free = self.json.is_none_or(|json| under.is_blank(json));
        let is_first = aliases.is_empty() || rank(*name) < rank(self.name);
        if json.is_some_and(|json| is_free || is_first && !under.is_blank(json)) {
            self.name = name;
        }
        if self.name == *name {
            self.json = json;
        }
    }
}

/// The members of an object of one type that are read.
pub(crate) trait Members<'a>: Default {
    /// The place of the value under this key, and that name; none for a key that is left out.
    fn slot(&mut self, key: &str, under: &mut &'static Under) -> Option<&mut Member<'a>>;
}

/// Declares a struct with one [`Member`] per key. Names behind a key stand for it. Where each says
/// what it is, the struct has the declaration of all as `DECLARED`.
macro_rules! members {
    (
        $(#[$meta:meta])* $name:ident {
            $(
                $(#[doc = $about:literal])*
                $member:ident = $key:literal $(| $alias:literal)*: $says:expr,
            )*
        }
    ) => {
        $crate::json::members! {
            $(#[$meta])* $name { $($member = $key $(| $alias)*; $says,)* }
        }

        impl $name<'_> {
            pub(crate) const DECLARED: &'static [$crate::json::Declared] = &[
                $(
                    $crate::json::Declared {
                        name: $key,
                        says: $says,
                        about: concat!($($about),*),
                    },
                    $($crate::json::Declared {
                        name: $alias,
                        says: $crate::json::Says::Alias($key),
                        about: "",
                    },)*
                )*
            ];
        }
    };
    (
        $(#[$meta:meta])* $name:ident {
            $($member:ident = $key:literal $(| $alias:literal)* $(; $says:expr)?,)*
        }
    ) => {
        $(#[$meta])*
        pub(crate) struct $name<'a> {
            $(pub(crate) $member: $crate::json::Member<'a>,)*
        }

        impl Default for $name<'_> {
            fn default() -> Self {
                Self {
                    $($member: $crate::json::Member::absent($key),)*
                }
            }
        }

        impl<'a> $crate::json::Members<'a> for $name<'a> {
            fn slot(
                &mut self,
                key: &str,
                under: &mut &'static $crate::json::Under,
            ) -> Option<&mut $crate::json::Member<'a>> {
                match key {
                    $($key => {
                        const UNDER: &$crate::json::Under = &$crate::json::Under {
                            name: $key,
                            aliases: &[],
                            is_flag: false $(|| $says.is_flag())?,
                        };
                        *under = UNDER;
                        Some(&mut self.$member)
                    })*
                    _ => self.stand_in(key, under),
                }
            }
        }

        impl<'a> $name<'a> {
            /// The place of the value under a key that stands for a member's name.
            #[cold]
            fn stand_in(
                &mut self,
                key: &str,
                under: &mut &'static $crate::json::Under,
            ) -> Option<&mut $crate::json::Member<'a>> {
                $({
                    const ALIASES: &[&str] = &[$($alias),*];
                    const IS_FLAG: bool = false $(|| $says.is_flag())?;
                    const UNDER: &[$crate::json::Under] = &[$($crate::json::Under {
                        name: $alias,
                        aliases: ALIASES,
                        is_flag: IS_FLAG,
                    }),*];
                    if let Some(at) = ALIASES.iter().position(|alias| *alias == key) {
                        *under = &UNDER[at];
                        return Some(&mut self.$member);
                    }
                    // A member that nothing stands in for has no use of it.
                    let _ = IS_FLAG;
                })*
                let _ = (key, under);
                None
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

/// The members of one JSON object by any keys, in their order; of a repeated key the last value, in
/// the place of the first. Those past the first `most` keys are left out.
///
/// # Errors
/// As [`members_of`].
pub(crate) fn entries_of(json: &str, most: usize) -> Result<Vec<(Cow<'_, str>, &str)>, String> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer
        .deserialize_map(EntriesVisitor { most })
        .and_then(|entries| deserializer.end().map(|()| entries))
        .map_err(|error| describe(&error))
}

struct EntriesVisitor {
    most: usize,
}

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<(Cow<'de, str>, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
        // Of a type of its own, so that what reads the members of events is inlined there.
        #[derive(Deserialize)]
        struct Value<'a>(#[serde(borrow)] &'a RawValue);

        let mut entries: Self::Value = Vec::new();
        while let Some((Key(key), Value(value))) = map.next_entry()? {
            match entries.iter().position(|(known, _)| *known == key) {
                Some(at) => entries[at].1 = value.get(),
                None if entries.len() < self.most => entries.push((key, value.get())),
                None => {}
            }
        }
        Ok(entries)
    }
}

/// The elements of a JSON array, each as the text it was; none if it is no array.
pub(super) fn elements(json: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
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
        let mut under = Under::NONE;
        while let Some(slot) = map.next_key_seed(Key(&mut *self.0, &mut under))? {
            if let Some(member) = slot {
                member.put(under, map.next_value::<&'de RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Turns a key into its slot without allocating for it.
struct Key<'m, 'u, M>(&'m mut M, &'u mut &'static Under);

impl<'de: 'm, 'm, M: Members<'de>> DeserializeSeed<'de> for Key<'m, '_, M> {
    type Value = Option<&'m mut Member<'de>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'de: 'm, 'm, M: Members<'de>> Visitor<'de> for Key<'m, '_, M> {
    type Value = Option<&'m mut Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.slot(key, self.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    members! {
        Pair {
            left = "left" | "links" | "sinister",
            right = "right",
        }
    }

    /// The name under which the first member was found, and its value.
    fn left(json: &str) -> (&'static str, Option<&str>) {
        let found: Pair<'_> = members_of(json).unwrap();
        (found.left.name, found.left.json)
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
    fn the_name_wins_over_its_aliases_and_an_alias_over_those_after_it() {
        let (name, first, second) = (r#""left":1"#, r#""links":2"#, r#""sinister":3"#);
        for members in [
            [name, first, second],
            [name, second, first],
            [first, name, second],
            [first, second, name],
            [second, name, first],
            [second, first, name],
        ] {
            let json = format!("{{{}}}", members.join(","));
            assert_eq!(left(&json), ("left", Some("1")), "{json}");
            let without = json.replace("left", "other");
            assert_eq!(left(&without), ("links", Some("2")), "{without}");
        }
        assert_eq!(left(r#"{"sinister":3}"#), ("sinister", Some("3")));
        assert_eq!(left("{}"), ("left", None));
    }

    #[test]
    fn what_is_as_good_as_none_wins_over_nothing() {
        for nothing in ["null", r#""""#, r#"" ""#, "false"] {
            for (winner, loser) in [("left", "links"), ("links", "sinister")] {
                let before = format!(r#"{{"{winner}":{nothing},"{loser}":2}}"#);
                let after = format!(r#"{{"{loser}":2,"{winner}":{nothing}}}"#);
                for json in [before, after] {
                    assert_eq!(left(&json), (loser, Some("2")), "{json}");
                }
            }
        }
        assert_eq!(left(r#"{"left":1,"links":null}"#), ("left", Some("1")));
        assert_eq!(left(r#"{"links":1,"links":2}"#), ("links", Some("2")));
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
