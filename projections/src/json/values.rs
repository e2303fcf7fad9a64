//! Reads one value from its JSON text, by the rules of its field.
//!
//! A rule is a function of the value's JSON, or makes one out of a bound.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::limits::Limits;
use crate::currency::Currency;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::rate::Rate;
use crate::time::Time;
use crate::value::decimal::Scaled;

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

/// `true` or `false`.
pub(crate) fn boolean(json: &str) -> Read<bool> {
    match json {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

/// A number and whether it was rounded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rounded<T> {
    pub(crate) value: T,
    pub(crate) rounded: bool,
}

/// A quantity between the bounds, both included; the bounds are those of the rounded value.
pub(crate) fn quantity<'a>(
    bounds: RangeInclusive<Quantity>,
) -> impl Fn(&'a str) -> Read<Rounded<Quantity>> {
    move |json| {
        Quantity::parse_number(json)
            .filter(|(value, _)| bounds.contains(value))
            .map(|(value, rounded)| Rounded { value, rounded })
            .ok_or_else(|| {
                format!("must be a number from {} to {}", bounds.start(), bounds.end()).into()
            })
    }
}

/// An amount from 0 to 10⁹: a JSON number, or a string with a plain decimal.
pub(crate) fn amount(json: &str) -> Read<Rounded<Money>> {
    let (value, rounded) = if json.starts_with('"') {
        let text = string(json).ok_or("must be a decimal like 12.50")?;
        (Money::parse_text(&text)?, false)
    } else {
        Money::parse_number(json)?
    };
    if value < Money::ZERO {
        return Err(
            "must not be negative: money that goes back is a refund, an event of its own".into()
        );
    }
    Ok(Rounded { value, rounded })
}

/// A currency, in either case; none if it is the shop's.
pub(crate) fn currency<'a>(limits: &Limits<'_>) -> impl Fn(&'a str) -> Read<Option<Currency>> {
    let shop = Currency::parse(limits.currency);
    move |json| {
        let text = string(json).ok_or(NO_CURRENCY)?;
        match (text.trim(), Currency::parse(text.trim())) {
            ("", _) => Err(Refusal::Blank),
            (_, None) => Err(NO_CURRENCY.into()),
            (_, stated) => Ok(stated.filter(|_| stated != shop)),
        }
    }
}

const NO_CURRENCY: &str = "must be the three letters of a currency";

/// A currency that is not the shop's.
pub(crate) fn another_currency<'a>(limits: &Limits<'_>) -> impl Fn(&'a str) -> Read<Currency> {
    let currency = currency(limits);
    let message = format!("must be another currency than the shop's, {}", limits.currency);
    move |json| currency(json)?.ok_or_else(|| message.clone().into())
}

/// A rate of exchange: a JSON number, or a string with a plain decimal.
pub(crate) fn rate(json: &str) -> Read<Rate> {
    const REFUSED: &str = "must be a number above 0 and at most 9000000000";
    let text = json.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    if text.is_some_and(|text| !text.bytes().all(|it| it.is_ascii_digit() || it == b'.')) {
        return Err(REFUSED.into());
    }
    Rate::parse(text.unwrap_or(json)).ok_or_else(|| REFUSED.into())
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
    fn quantities_are_bounded_after_rounding() {
        let items = quantity(Quantity(1)..=Quantity::whole(10));
        let read = |json| items(json).map(|it| (it.value.0, it.rounded));
        assert_eq!(read("0.75"), Ok((750, false)));
        assert_eq!(read("0.0006"), Ok((1, true)));
        assert_eq!(read("10.0004"), Ok((10_000, true)));
        for json in ["0.0005", "0", "-1", "10.001", "1e400", "true", "[1]"] {
            assert_eq!(read(json), Err("must be a number from 0.001 to 10".into()), "{json}");
        }
    }

    #[test]
    fn amounts_are_numbers_or_plain_decimals_and_not_negative() {
        let exact = |units| Ok(Rounded { value: Money(units), rounded: false });
        assert_eq!(amount("12.5"), exact(125_000));
        assert_eq!(amount(r#""12.50""#), exact(125_000));
        assert_eq!(amount("-0.0"), exact(0));
        assert_eq!(amount("0.00019"), Ok(Rounded { value: Money(2), rounded: true }));
        for json in [r#""1.00000""#, r#""1e3""#, r#"" 1""#, r#""""#, "-1", r#""-1""#, "null", "[]"]
        {
            assert!(amount(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_currency_is_three_letters_and_none_where_it_is_the_shops() {
        let usd = Currency::parse("USD");
        assert_eq!(currency(&LIMITS)(r#""eur""#), Ok(None));
        assert_eq!(currency(&LIMITS)(r#"" usd ""#), Ok(usd));
        assert_eq!(currency(&LIMITS)(r#"" ""#), Err(Refusal::Blank));
        for json in [r#""US""#, r#""USDT""#, r#""U$D""#, "7", "{}"] {
            assert_eq!(currency(&LIMITS)(json), Err(NO_CURRENCY.into()), "{json}");
        }
        assert_eq!(another_currency(&LIMITS)(r#""usd""#).ok(), usd);
        let refused = "must be another currency than the shop's, EUR".to_owned();
        assert_eq!(another_currency(&LIMITS)(r#""EUR""#), Err(refused.into()));
    }

    #[test]
    fn a_rate_is_a_number_or_a_plain_decimal_above_zero() {
        for json in ["0.85", "8.5e-1", r#""0.85""#, "0.8500000004"] {
            assert_eq!(rate(json), Ok(Rate(850_000_000)), "{json}");
        }
        for json in ["0", "-1", r#""-1""#, r#""1e3""#, r#""""#, "1e10", "true", "[1]"] {
            assert!(rate(json).is_err(), "{json}");
        }
    }
}
