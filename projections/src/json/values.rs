//! Reads one value from its JSON text, by the rules of its field.
//!
//! A rule is a function of the value's JSON and its reader, or makes one out of a bound. If the
//! meaning is clear the form is free: a number may be a text or the extended JSON of `MongoDB`.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::extended;
use super::fields::{Member, elements, entries_of};
use super::reader::Reader;
use super::text::{cut, is_blank, is_longer, mended, trimmed as trim};
use crate::currency::Currency;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::rate::Rate;
use crate::text::{Text, is_language};
use crate::time::Time;
use crate::value::decimal::{Scaled, is_plain};

pub(crate) use super::refusal::{Read, Refusal};
pub(crate) use super::text::string;

/// Most characters of an id.
pub const ID_CHARS_MAX: usize = 128;
/// Most characters of an open value.
pub(crate) const OPEN_CHARS_MAX: usize = 64;
/// Most characters of a page: it is an address, and longer than other open values.
pub(crate) const PAGE_CHARS_MAX: usize = 256;

/// The most languages of one text.
const LANGUAGES_MAX: usize = 8;
/// The most members of an object of languages that are looked at, blank ones among them.
const ENTRIES_MAX: usize = 64;

/// An id: 1 to 128 characters, taken as they are, or a whole number, which becomes its decimal
/// text. One that is too long is refused: cut short it could be another's.
pub(crate) fn id<'a>(json: &'a str, _: &mut Reader<'_>) -> Read<Cow<'a, str>> {
    let text = match string(json) {
        None => id_in_another_form(json)?,
        text => text,
    };
    text.filter(|it| !it.is_empty() && !is_longer(it, ID_CHARS_MAX))
        .ok_or_else(|| "must be a string of 1 to 128 characters, or a whole number".into())
}

#[cold]
fn id_in_another_form(json: &str) -> Read<Option<Cow<'_, str>>> {
    Ok(match json.as_bytes() {
        [b'[', ..] => {
            let reason = "must be the id alone, a string or a whole number; a list looks like \
                          Odoo's pair of an id and a name";
            return Err(reason.into());
        }
        [b'{', ..] => {
            extended::object_id(json).or_else(|| extended::number(json).and_then(whole_id))
        }
        _ => whole_id(Cow::Borrowed(json)),
    })
}

/// The decimal text of a whole number: `7` for `7` and `7.0`.
fn whole_id(number: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(number);
    }
    let whole = Scaled::parse(&number, 0).filter(|it| it.exact).and_then(Scaled::signed)?;
    Some(Cow::Owned(whole.to_string()))
}

/// A value of an open vocabulary: trimmed, and at most 64 characters of it.
pub(crate) fn open<'a>(json: &'a str, reader: &mut Reader<'_>) -> Read<Cow<'a, str>> {
    trimmed(OPEN_CHARS_MAX)(json, reader)
}

/// A text that is trimmed, and at most so many characters of it.
pub(crate) fn trimmed<'a>(
    chars_max: usize,
) -> impl Fn(&'a str, &mut Reader<'_>) -> Read<Cow<'a, str>> {
    move |json, reader| trimmed_text(string(json), chars_max, reader)
}

/// The name of something: as [`trimmed`], for people.
pub(crate) fn name<'a>(
    chars_max: usize,
) -> impl Fn(&'a str, &mut Reader<'_>) -> Read<Cow<'a, str>> {
    move |json, reader| trimmed_text(mended_string(json), chars_max, reader)
}

#[inline]
fn trimmed_text<'a>(
    text: Option<Cow<'a, str>>,
    chars_max: usize,
    reader: &mut Reader<'_>,
) -> Read<Cow<'a, str>> {
    let text = trim(text.ok_or_else(|| no_text(chars_max))?);
    if is_longer(&text, chars_max) {
        // The text that is left may end in white space.
        return Ok(trim(shorten(text, chars_max, reader)));
    }
    if text.is_empty() { Err(Refusal::Blank) } else { Ok(text) }
}

/// A text for people, kept as it was written, and at most so many characters of it.
pub(crate) fn verbatim<'a>(
    chars_max: usize,
) -> impl Fn(&'a str, &mut Reader<'_>) -> Read<Cow<'a, str>> {
    move |json, reader| {
        let mut text = mended_string(json).ok_or_else(|| no_text(chars_max))?;
        if is_longer(&text, chars_max) {
            text = shorten(text, chars_max, reader);
        }
        if text.trim().is_empty() { Err(Refusal::Blank) } else { Ok(text) }
    }
}

/// A text for people by the rule, or an object that has one for each language: the first 8 of them
/// are kept.
pub(crate) fn by_language<'a>(
    rule: impl Fn(&'a str, &mut Reader<'_>) -> Read<Cow<'a, str>>,
) -> impl Fn(&'a str, &mut Reader<'_>) -> Read<Text<'a>> {
    move |json, reader| {
        let text = if json.starts_with('{') {
            languages(json, &rule, reader)
        } else {
            rule(json, reader).map(Text::One)
        };
        text.map_err(|refusal| match refusal {
            Refusal::Blank => Refusal::Blank,
            Refusal::Because(_) => {
                "must be a string, or an object of strings by language, such as \
                                    {\"en\": \"Mug\", \"ar\": \"كوب\"}"
                    .into()
            }
        })
    }
}

#[cold]
fn languages<'a>(
    json: &'a str,
    rule: &impl Fn(&'a str, &mut Reader<'_>) -> Read<Cow<'a, str>>,
    reader: &mut Reader<'_>,
) -> Read<Text<'a>> {
    let mut texts = Vec::new();
    for (language, json) in entries_of(json, ENTRIES_MAX)? {
        if !is_language(&language) {
            return Err("names what is no language".into());
        }
        let text = match rule(json, reader) {
            Ok(text) => text,
            Err(Refusal::Blank) => continue,
            Err(_) if json == "null" || is_blank(json) => continue,
            Err(refusal) => return Err(refusal),
        };
        if texts.len() == LANGUAGES_MAX {
            reader.adjusted.shortened = true;
            break;
        }
        texts.push((language, text));
    }
    if texts.is_empty() { Err(Refusal::Blank) } else { Ok(Text::ByLanguage(texts)) }
}

/// An address, such as of a picture. One that is too long is left out: cut short it leads nowhere.
pub(crate) fn address<'a>(
    chars_max: usize,
) -> impl Fn(&'a str, &mut Reader<'_>) -> Read<Cow<'a, str>> {
    move |json, reader| match string(json).ok_or_else(|| no_text(chars_max))? {
        it if is_longer(&it, chars_max) => {
            reader.adjusted.shortened = true;
            Err(Refusal::Blank)
        }
        it if it.trim().is_empty() => Err(Refusal::Blank),
        it => Ok(it),
    }
}

/// The content of a string for people: half of a surrogate pair costs it no more than a character.
fn mended_string(json: &str) -> Option<Cow<'_, str>> {
    string(json).or_else(|| mended(json).map(Cow::Owned))
}

#[cold]
fn shorten<'a>(text: Cow<'a, str>, chars_max: usize, reader: &mut Reader<'_>) -> Cow<'a, str> {
    reader.adjusted.shortened = true;
    cut(text, chars_max)
}

#[cold]
fn no_text(chars_max: usize) -> Refusal {
    format!("must be a string, of which {chars_max} characters are kept").into()
}

/// A date from 1970 to the latest allowed: RFC 3339, or the extended JSON of `MongoDB`.
pub(crate) fn date(json: &str, reader: &mut Reader<'_>) -> Read<Time> {
    let time = match json.as_bytes() {
        [b'"', ..] => Time::parse(&string(json).ok_or(NO_DATE)?)?,
        [b'{', ..] => extended_date(json)?,
        _ => return Err(NO_DATE.into()),
    };
    if time > reader.limits.latest {
        return Err("must not be more than 24 hours in the future".into());
    }
    Ok(time)
}

const NO_DATE: &str = "must be a string with an RFC 3339 date like 2026-11-21T04:03:07Z";

/// A date in `{"$date": …}`: RFC 3339, or milliseconds since 1970.
#[cold]
fn extended_date(json: &str) -> Read<Time> {
    let date = extended::date(json).ok_or(NO_DATE)?;
    if let Some(text) = string(date) {
        return Ok(Time::parse(&text)?);
    }
    let number = if date.starts_with('{') {
        extended::number(date).ok_or(NO_DATE)?
    } else {
        Cow::Borrowed(date)
    };
    let whole = Scaled::parse(&number, 0).filter(|it| it.exact).and_then(Scaled::signed);
    Time::from_ms(whole.ok_or(NO_DATE)?).map_err(Refusal::from)
}

/// The text of a JSON number, of a plain decimal in a string, or of a number in extended JSON.
fn number(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes() {
        [b'"', ..] => string(json).filter(|it| is_plain(it)),
        [b'{', ..] => extended::number(json),
        _ => Some(Cow::Borrowed(json)),
    }
}

/// The value of a number without a fraction.
#[inline]
fn whole(json: &str) -> Option<i64> {
    let scaled = match json.as_bytes() {
        [b'0'..=b'9', ..] => Scaled::parse(json, 0),
        _ => Scaled::parse(&number(json)?, 0),
    };
    scaled.filter(|it| it.exact).and_then(Scaled::signed)
}

/// An array of so many elements at least and at most.
pub(crate) fn list<'a>(
    least: usize,
    most: usize,
) -> impl Fn(&'a str, &mut Reader<'_>) -> Read<Vec<&'a str>> {
    move |json, _| {
        elements(json)
            .filter(|elements| (least..=most).contains(&elements.len()))
            .ok_or_else(|| format!("must be an array of {least} to {most} objects").into())
    }
}

/// A number without a fraction (`3`, `3.0`, `3e0`, `"3"`) between the bounds, both included.
pub(crate) fn whole_number<'a>(
    min: i64,
    max: i64,
) -> impl Fn(&'a str, &mut Reader<'_>) -> Read<i64> {
    move |json, _| {
        whole(json)
            .filter(|it| (min..=max).contains(it))
            .ok_or_else(|| format!("must be a whole number from {min} to {max}").into())
    }
}

/// `true` or `false`, or the same as text or as 1 or 0.
pub(crate) fn flag(json: &str, _: &mut Reader<'_>) -> Read<bool> {
    match string(json).as_deref().unwrap_or(json).trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

/// A quantity between the bounds, both included; the bounds are those of the rounded value.
pub(crate) fn quantity<'a>(
    bounds: RangeInclusive<Quantity>,
) -> impl Fn(&'a str, &mut Reader<'_>) -> Read<Quantity> {
    move |json, reader| {
        let (quantity, rounded) = number(json)
            .and_then(|it| Quantity::parse_number(&it))
            .filter(|(quantity, _)| bounds.contains(quantity))
            .ok_or_else(|| {
                format!("must be a number from {} to {}", bounds.start(), bounds.end())
            })?;
        reader.adjusted.rounded |= rounded;
        Ok(quantity)
    }
}

/// An amount from 0 to 10⁹: a number, or a string with a plain decimal.
pub(crate) fn amount(json: &str, reader: &mut Reader<'_>) -> Read<Money> {
    const NO_AMOUNT: &str = "must be a decimal like 12.50";
    let (amount, rounded) = match json.as_bytes() {
        [b'"', ..] => (Money::parse_text(&string(json).ok_or(NO_AMOUNT)?)?, false),
        [b'{', ..] => Money::parse_number(&extended::number(json).ok_or(NO_AMOUNT)?)?,
        _ => Money::parse_number(json)?,
    };
    if amount < Money::ZERO {
        return Err(
            "must not be negative: money that goes back is a refund, an event of its own".into()
        );
    }
    reader.adjusted.rounded |= rounded;
    Ok(amount)
}

/// Whether a thing is gone: it says that it is not active, or when it was deleted.
pub(crate) fn is_gone(
    reader: &mut Reader<'_>,
    is_active: Member<'_>,
    status: Member<'_>,
    deleted_at: Member<'_>,
) -> bool {
    let is_active = reader.optional(is_active, flag);
    let status = reader.optional(status, open);
    let deleted_at = reader.optional(deleted_at, date);
    is_active == Some(false)
        || status.is_some_and(|word| word.eq_ignore_ascii_case("inactive"))
        || deleted_at.is_some()
}

/// A currency, in either case; none if it is the shop's.
pub(crate) fn currency(json: &str, reader: &mut Reader<'_>) -> Read<Option<Currency>> {
    let shop = Currency::parse(reader.limits.currency);
    let text = string(json).ok_or(NO_CURRENCY)?;
    match (text.trim(), Currency::parse(text.trim())) {
        ("", _) => Err(Refusal::Blank),
        (_, None) => Err(NO_CURRENCY.into()),
        (_, stated) => Ok(stated.filter(|_| stated != shop)),
    }
}

const NO_CURRENCY: &str = "must be the three letters of a currency";

/// A currency that is not the shop's.
pub(crate) fn another_currency(json: &str, reader: &mut Reader<'_>) -> Read<Option<Currency>> {
    let shop = reader.limits.currency;
    match currency(json, reader)? {
        None => Err(format!("must be another currency than the shop's, {shop}").into()),
        another => Ok(another),
    }
}

/// A rate of exchange: a number, or a string with a plain decimal.
pub(crate) fn rate(json: &str, _: &mut Reader<'_>) -> Read<Option<Rate>> {
    let rate = number(json).and_then(|text| Rate::parse(&text));
    rate.map(Some).ok_or_else(|| "must be a number above 0 and at most 9000000000".into())
}

#[cfg(test)]
mod tests;
