//! Reads one value from its JSON text, by the rules of its field.
//!
//! A rule is a function of the value's JSON, or makes one out of a bound.

use std::borrow::Cow;

use super::limits::Limits;
use crate::money::{Money, Scaled};
use crate::time::Time;

/// Why a value is not taken. States the allowed values and never repeats the value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is empty or nothing but white space: as good as absent if the field is optional.
    Blank,
    Because(Cow<'static, str>),
}

impl From<&'static str> for Refusal {
    fn from(message: &'static str) -> Self {
        Self::Because(Cow::Borrowed(message))
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self::Because(Cow::Owned(message))
    }
}

pub(crate) type Read<T> = Result<T, Refusal>;

/// Most characters of an id.
pub const ID_CHARS_MAX: usize = 128;
/// Most characters of an open value.
pub(crate) const OPEN_CHARS_MAX: usize = 64;

/// The content of a JSON string, borrowed if it has no escape.
pub(crate) fn string(json: &str) -> Option<Cow<'_, str>> {
    let content = json.strip_prefix('"')?.strip_suffix('"')?;
    if content.as_bytes().contains(&b'\\') {
        // Fails for half of a surrogate pair, which is no character.
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(content))
}

/// Whether a text has more characters than that; they are counted only if the bytes leave a doubt.
fn is_longer(text: &str, chars_max: usize) -> bool {
    text.len() > chars_max && text.chars().count() > chars_max
}

/// An id: 1 to 128 characters, taken as they are. Numbers are refused: 1 and "1" would be one
/// entity to one producer and two to another.
pub(crate) fn id(json: &str) -> Read<Cow<'_, str>> {
    string(json)
        .filter(|it| !it.is_empty() && !is_longer(it, ID_CHARS_MAX))
        .ok_or_else(|| "must be a string of 1 to 128 characters, not a number".into())
}

/// A value of an open vocabulary: trimmed, 1 to 64 characters.
pub(crate) fn open(json: &str) -> Read<Cow<'_, str>> {
    trimmed(OPEN_CHARS_MAX)(json)
}

/// A text that is trimmed.
pub(crate) fn trimmed<'a>(chars_max: usize) -> impl Fn(&'a str) -> Read<Cow<'a, str>> {
    move |json| match text(chars_max, str::trim)(json)? {
        Cow::Borrowed(it) => Ok(Cow::Borrowed(it.trim())),
        Cow::Owned(it) => Ok(Cow::Owned(it.trim().to_owned())),
    }
}

/// A text that is kept as it was written.
pub(crate) fn verbatim<'a>(chars_max: usize) -> impl Fn(&'a str) -> Read<Cow<'a, str>> {
    text(chars_max, |it| it)
}

/// A text that is not blank and whose measured part has at most `chars_max` characters.
fn text<'a>(
    chars_max: usize,
    measured: fn(&str) -> &str,
) -> impl Fn(&'a str) -> Read<Cow<'a, str>> {
    move |json| match string(json) {
        Some(it) if it.trim().is_empty() => Err(Refusal::Blank),
        Some(it) if !is_longer(measured(&it), chars_max) => Ok(it),
        _ => Err(format!("must be a string of 1 to {chars_max} characters").into()),
    }
}

/// An RFC 3339 date from 1970 to the latest allowed.
pub(crate) fn date<'a>(limits: &Limits<'_>) -> impl Fn(&'a str) -> Read<Time> {
    let latest = limits.latest;
    move |json| {
        let text = string(json).ok_or("must be a string with an RFC 3339 date")?;
        let time = Time::parse(&text)?;
        if time > latest {
            return Err("must not be more than 24 hours in the future".into());
        }
        Ok(time)
    }
}

/// A JSON number without a fraction (`3`, `3.0`, `3e0`) between the bounds, both included.
pub(crate) fn whole<'a>(min: i64, max: i64) -> impl Fn(&'a str) -> Read<i64> {
    move |json| {
        Scaled::parse(json, 0)
            .filter(|it| it.exact)
            .and_then(Scaled::signed)
            .filter(|it| (min..=max).contains(it))
            .ok_or_else(|| format!("must be a whole number from {min} to {max}").into())
    }
}

/// An amount and whether it was rounded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) money: Money,
    pub(crate) rounded: bool,
}

/// An amount from 0 to 10⁹: a JSON number, or a string with a plain decimal.
pub(crate) fn amount(json: &str) -> Read<Amount> {
    let (money, rounded) = if json.starts_with('"') {
        let text = string(json).ok_or("must be a decimal like 12.50")?;
        (Money::parse_text(&text)?, false)
    } else {
        Money::parse_number(json)?
    };
    if money < Money::ZERO {
        return Err("must not be negative".into());
    }
    Ok(Amount { money, rounded })
}

/// The shop's currency, in either case.
pub(crate) fn currency<'a>(limits: &Limits<'_>) -> impl Fn(&'a str) -> Read<()> {
    let shop = limits.currency;
    move |json| match string(json) {
        Some(it) if it.trim().is_empty() => Err(Refusal::Blank),
        Some(it) if it.trim().eq_ignore_ascii_case(shop) => Ok(()),
        _ => Err(format!("must be the shop's currency, {shop}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits<'_> = Limits { latest: Time(1_000_000_000_000), currency: "EUR" };

    fn quoted(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    #[test]
    fn ids_are_strings_of_1_to_128_characters_taken_as_they_are() {
        assert_eq!(id(r#"" a ""#).unwrap(), " a ");
        assert_eq!(id(r#""\u0041\n""#).unwrap(), "A\n");
        assert!(id(&quoted(&"é".repeat(128))).is_ok());
        for json in [r#""""#, "7", "true", "{}", r#""\ud800""#, &quoted(&"é".repeat(129))] {
            assert!(id(json).is_err(), "{json}");
        }
    }

    #[test]
    fn texts_without_escapes_are_borrowed() {
        assert!(matches!(id(r#""a""#), Ok(Cow::Borrowed("a"))));
        assert!(matches!(open(r#"" a ""#), Ok(Cow::Borrowed("a"))));
        assert!(matches!(open(r#""\ta""#), Ok(Cow::Owned(it)) if it == "a"));
    }

    #[test]
    fn open_values_are_trimmed_before_they_are_measured() {
        let padded = format!("  {}  ", "ü".repeat(64));
        assert_eq!(open(&quoted(&padded)).unwrap(), padded.trim());
        assert_eq!(open(r#""  ""#), Err(Refusal::Blank));
        assert_eq!(verbatim(3)(r#"" a ""#).unwrap(), " a ");
        assert!(open(&quoted(&"ü".repeat(65))).is_err());
        assert!(open("1").is_err());
    }

    #[test]
    fn dates_end_at_the_latest_allowed() {
        assert_eq!(date(&LIMITS)(r#""2001-09-09T01:46:40Z""#), Ok(LIMITS.latest));
        assert!(date(&LIMITS)(r#""2001-09-09T01:46:40.001Z""#).is_err());
        assert!(date(&LIMITS)("1000").is_err());
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_fraction_of_nothing() {
        let rating = whole(1, 5);
        for json in ["3", "3.0", "0.3e1", "30e-1"] {
            assert_eq!(rating(json), Ok(3), "{json}");
        }
        for json in ["0", "6", "3.5", "-3", r#""3""#, "true", "[3]", "3e99999999999999999999"] {
            assert!(rating(json).is_err(), "{json}");
        }
        assert_eq!(whole(0, 9)("-0"), Ok(0));
    }

    #[test]
    fn amounts_are_numbers_or_plain_decimals_and_not_negative() {
        let exact = |units| Ok(Amount { money: Money(units), rounded: false });
        assert_eq!(amount("12.5"), exact(125_000));
        assert_eq!(amount(r#""12.50""#), exact(125_000));
        assert_eq!(amount("-0.0"), exact(0));
        assert_eq!(amount("0.00019"), Ok(Amount { money: Money(2), rounded: true }));
        for json in [r#""1.00000""#, r#""1e3""#, r#"" 1""#, r#""""#, "-1", r#""-1""#, "null", "[]"]
        {
            assert!(amount(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_currency_is_the_shops_in_either_case() {
        assert_eq!(currency(&LIMITS)(r#""eur""#), Ok(()));
        let refused = "must be the shop's currency, EUR".to_owned();
        assert_eq!(currency(&LIMITS)(r#""USD""#), Err(refused.into()));
    }
}
