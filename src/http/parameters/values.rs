//! The values of a parameter.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use projections::event::Kind;
use projections::time::Time;
use serde::Serialize;
use serde_json::{Value, json};

const DAY_MS: i64 = 86_400_000;

/// The values that a parameter can have.
pub trait Values {
    /// One of them.
    type Value;

    /// Reads one.
    ///
    /// # Errors
    /// Fails with a message that says what is allowed: `must be …`.
    fn read(&self, text: &str) -> Result<Self::Value, Cow<'static, str>>;

    /// The values that are allowed, as a JSON schema.
    fn schema(&self) -> Value;

    /// One of them as JSON.
    fn written(&self, value: &Self::Value) -> Value;
}

/// A whole number in plain digits, both bounds included.
#[derive(Debug, Clone, Copy)]
pub struct Whole<T> {
    /// The least.
    pub min: T,
    /// The most.
    pub max: T,
}

impl<T: FromStr + PartialOrd + Copy + Display + Serialize> Values for Whole<T> {
    type Value = T;

    fn read(&self, text: &str) -> Result<T, Cow<'static, str>> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|it| is_plain && (self.min..=self.max).contains(it));
        number.ok_or_else(|| {
            format!("must be a whole number from {} to {}", self.min, self.max).into()
        })
    }

    fn schema(&self) -> Value {
        let format = if size_of::<T>() > 4 { "int64" } else { "int32" };
        json!({ "type": "integer", "format": format, "minimum": self.min, "maximum": self.max })
    }

    fn written(&self, value: &T) -> Value {
        json!(value)
    }
}

/// `true` or `false`.
#[derive(Debug, Clone, Copy)]
pub struct Flag;

impl Values for Flag {
    type Value = bool;

    fn read(&self, text: &str) -> Result<bool, Cow<'static, str>> {
        text.parse().map_err(|_| "must be true or false".into())
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean" })
    }

    fn written(&self, value: &bool) -> Value {
        json!(value)
    }
}

/// A word of a closed vocabulary.
pub trait Word: Copy + 'static {
    /// All of them, in the order in which they are named.
    const ALL: &'static [Self];

    /// The word as it is written.
    fn word(self) -> &'static str;

    /// The one that is written so. An implementation may read older words as well.
    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.word() == word)
    }
}

/// One word of a vocabulary.
pub struct OneOf<T>(PhantomData<fn() -> T>);

impl<T> OneOf<T> {
    /// Any of its words.
    #[allow(clippy::new_without_default)] // a constant is made with it
    #[must_use]
    pub const fn new() -> Self {
        OneOf(PhantomData)
    }
}

impl<T> Clone for OneOf<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OneOf<T> {}

impl<T> fmt::Debug for OneOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneOf")
    }
}

impl<T: Word> Values for OneOf<T> {
    type Value = T;

    fn read(&self, text: &str) -> Result<T, Cow<'static, str>> {
        let allowed = || format!("must be {}", in_words(T::ALL.iter().map(|it| it.word()))).into();
        T::of_word(text).ok_or_else(allowed)
    }

    fn schema(&self) -> Value {
        let words: Vec<_> = T::ALL.iter().map(|it| it.word()).collect();
        json!({ "type": "string", "enum": words })
    }

    fn written(&self, value: &T) -> Value {
        json!(value.word())
    }
}

impl Word for Kind {
    const ALL: &'static [Self] = &Kind::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// `a, b or c`.
#[must_use]
pub fn in_words(words: impl IntoIterator<Item = &'static str>) -> String {
    let mut words: Vec<_> = words.into_iter().collect();
    match words.pop() {
        Some(last) if words.is_empty() => last.to_owned(),
        Some(last) => format!("{} or {last}", words.join(", ")),
        None => String::new(),
    }
}

/// A text of so many characters, taken as it is.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The fewest.
    pub min: usize,
    /// The most.
    pub max: usize,
    /// The message that says what is allowed.
    pub allowed: &'static str,
}

impl Values for Text {
    type Value = String;

    fn read(&self, text: &str) -> Result<String, Cow<'static, str>> {
        let fits = (self.min..=self.max).contains(&text.chars().count());
        fits.then(|| text.to_owned()).ok_or(self.allowed.into())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": self.min, "maxLength": self.max })
    }

    fn written(&self, value: &String) -> Value {
        json!(value)
    }
}

/// A day or an instant from which on something is asked for, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Since;

/// A day, which is included whole, or an instant before which something is asked for, in
/// milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Until;

impl Values for Since {
    type Value = i64;

    fn read(&self, text: &str) -> Result<i64, Cow<'static, str>> {
        Ok(Time::parse(text)?.0)
    }

    fn schema(&self) -> Value {
        day_or_instant()
    }

    fn written(&self, ms: &i64) -> Value {
        json!(Time(*ms).to_rfc3339())
    }
}

impl Values for Until {
    type Value = i64;

    fn read(&self, text: &str) -> Result<i64, Cow<'static, str>> {
        Since.read(text).map(|ms| if text.len() > 10 { ms } else { ms + DAY_MS })
    }

    fn schema(&self) -> Value {
        Since.schema()
    }

    fn written(&self, ms: &i64) -> Value {
        Since.written(ms)
    }
}

/// The schema of a day or an instant.
#[must_use]
pub fn day_or_instant() -> Value {
    json!({ "type": "string", "anyOf": [{ "format": "date" }, { "format": "date-time" }] })
}

/// Values that a function reads, for a type of its own.
pub struct Own<T> {
    /// Reads one, or says what is allowed.
    pub read: fn(&str) -> Result<T, &'static str>,
    /// The values that are allowed, as a JSON schema.
    pub schema: fn() -> Value,
    /// One of them as JSON.
    pub written: fn(&T) -> Value,
}

impl<T> Clone for Own<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Own<T> {}

impl<T> fmt::Debug for Own<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own")
    }
}

impl<T> Values for Own<T> {
    type Value = T;

    fn read(&self, text: &str) -> Result<T, Cow<'static, str>> {
        (self.read)(text).map_err(Cow::Borrowed)
    }

    fn schema(&self) -> Value {
        (self.schema)()
    }

    fn written(&self, value: &T) -> Value {
        (self.written)(value)
    }
}

/// A position of the log.
pub const POSITION: Own<u64> = Own {
    read: |text| text.parse().map_err(|_| "must be a position of the log"),
    schema: || json!({ "type": "integer", "format": "int64", "minimum": 0 }),
    written: |position| json!(position),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_named_one_by_one() {
        assert_eq!(in_words(["a"]), "a");
        assert_eq!(in_words(["a", "b"]), "a or b");
        assert_eq!(in_words(["a", "b", "c"]), "a, b or c");
        assert_eq!(in_words([]), "");
    }

    #[test]
    fn a_day_is_included_whole() {
        let (day, instant) = ("2026-01-01", "2026-01-01T00:00:00Z");
        assert_eq!(Since.read(day), Since.read(instant));
        assert_eq!(Until.read(day), Since.read(day).map(|ms| ms + DAY_MS));
        assert_eq!(Until.read(instant), Since.read(instant));
        assert!(Since.read("yesterday").is_err() && Until.read("").is_err());
        assert_eq!(Since.written(&0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_text_is_counted_in_characters() {
        let text = Text { min: 1, max: 2, allowed: "must be short" };
        assert_eq!(text.read("éé").as_deref(), Ok("éé"));
        assert!(text.read("").is_err() && text.read("ééé").is_err());
    }
}
