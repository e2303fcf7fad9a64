//! Decimals as integers: read from the text of a JSON number, and written as one, with no float at
//! any step.

use std::fmt;

use serde_json::value::RawValue;

/// A number that is kept as an integer count of some power of ten.
pub trait Decimal: Copy {
    /// The number of decimals that a unit stands for.
    const DECIMALS: u32;

    /// The count of units.
    fn units(self) -> i64;
}

/// Whether a text has nothing but digits, points and minuses, as a plain decimal has.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-')
}

/// Writes the exact decimal, without trailing zeros.
pub(crate) fn show<D: Decimal>(number: D, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let units = number.units().unsigned_abs();
    let units_per_one = 10_u64.pow(D::DECIMALS);
    let (whole, mut rest) = (units / units_per_one, units % units_per_one);
    let sign = if number.units() < 0 { "-" } else { "" };
    if rest == 0 {
        return write!(f, "{sign}{whole}");
    }
    let mut decimals = D::DECIMALS as usize;
    while rest.is_multiple_of(10) {
        rest /= 10;
        decimals -= 1;
    }
    write!(f, "{sign}{whole}.{rest:0decimals$}")
}

/// The number as an exact JSON number.
pub(crate) fn json<D: Decimal + fmt::Display>(number: D) -> Box<RawValue> {
    // A decimal without leading zeros is JSON, so the other arm is never taken.
    RawValue::from_string(number.to_string()).unwrap_or_default()
}

/// Writes decimals as exact JSON numbers, with `#[serde(with = "decimal::as_number")]` or
/// `serialize_with = "decimal::as_number::serialize"`, where the derived form would write units.
pub mod as_number {
    use std::fmt::Display;

    use serde::{Serialize, Serializer};

    use super::Decimal;

    /// Writes one number. A number with decimals can be written into JSON text only.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<D: Decimal + Display, S: Serializer>(
        number: &D,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let units_per_one = 10_i64.pow(D::DECIMALS);
        if number.units() % units_per_one == 0 {
            serializer.serialize_i64(number.units() / units_per_one)
        } else {
            super::json(*number).serialize(serializer)
        }
    }

    /// The same for a number that may be absent, which is `null`.
    pub mod option {
        use std::fmt::Display;

        use serde::Serializer;

        use super::super::Decimal;

        /// Writes one number, or `null`.
        ///
        /// # Errors
        /// Those of the serializer.
        #[allow(clippy::ref_option, reason = "the signature that serde calls")]
        pub fn serialize<D: Decimal + Display, S: Serializer>(
            number: &Option<D>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match number {
                Some(number) => super::serialize(number, serializer),
                None => serializer.serialize_none(),
            }
        }
    }
}

/// The value of a JSON number as a count of some power of ten, rounded half-even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scaled {
    negative: bool,
    /// `u64::MAX` stands for that value and for everything above.
    magnitude: u64,
    /// Whether nothing was rounded away.
    pub(crate) exact: bool,
}

impl Scaled {
    /// Counts units of 10^-`decimals` in a JSON number; nothing if the token is none. Linear in the
    /// token's length, whatever its exponent. Leading zeros are let through.
    #[inline]
    pub(crate) fn parse(token: &str, decimals: u32) -> Option<Self> {
        if let Some(whole) = parse_short(token.as_bytes()) {
            let magnitude = whole.saturating_mul(10_u64.saturating_pow(decimals));
            return Some(Self { negative: false, magnitude, exact: true });
        }
        Self::parse_any(token, decimals)
    }

    fn parse_any(token: &str, decimals: u32) -> Option<Self> {
        let (negative, unsigned) = match token.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, token),
        };
        let (mantissa, exponent) = match unsigned.bytes().position(|it| matches!(it, b'e' | b'E')) {
            Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.bytes().position(|it| it == b'.') {
            Some(at) if at + 1 < mantissa.len() => (&mantissa[..at], &mantissa[at + 1..]),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if whole.is_empty() {
            return None;
        }
        let kept = i64::try_from(whole.len()).ok()? + exponent + i64::from(decimals);
        let (magnitude, exact) = round(whole.bytes().chain(fraction.bytes()), kept)?;
        Some(Self { negative, magnitude, exact })
    }

    /// The count with its sign, unless it leaves the integer. Minus zero is zero.
    pub(crate) fn signed(self) -> Option<i64> {
        let magnitude = i64::try_from(self.magnitude).ok()?;
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

/// The integer of a few digits, as most numbers are.
fn parse_short(token: &[u8]) -> Option<u64> {
    if token.is_empty() || token.len() > 12 {
        return None;
    }
    token.iter().try_fold(0, |whole, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| whole * 10 + u64::from(digit))
    })
}

/// The first `kept` digits as an integer (followed by zeros if there are fewer), rounded half-even
/// by the others, and whether that was exact. None if one of them is no digit.
fn round(digits: impl Iterator<Item = u8>, kept: i64) -> Option<(u64, bool)> {
    let (mut magnitude, mut first_dropped, mut others_dropped) = (0_u64, 0, false);
    let mut at = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        match at {
            _ if at < kept => {
                magnitude = magnitude.saturating_mul(10).saturating_add(digit.into());
            }
            _ if at == kept => first_dropped = digit,
            _ => others_dropped |= digit != 0,
        }
        at += 1;
    }
    // Twenty zeros saturate everything but zero.
    for _ in 0..(kept - at).min(20) {
        magnitude = magnitude.saturating_mul(10);
    }
    let is_tie = first_dropped == 5 && !others_dropped;
    let is_up = if is_tie { magnitude % 2 == 1 } else { first_dropped >= 5 };
    Some((magnitude.saturating_add(is_up.into()), first_dropped == 0 && !others_dropped))
}

/// The exponent of a JSON number, kept far from the ends of the integer: no body is large enough
/// for the digits that would make up for more.
fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits
        .iter()
        .fold(0, |sum: i64, digit| (sum * 10 + i64::from(digit - b'0')).min(1_000_000_000_000_000));
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(token: &str, decimals: u32) -> Option<(Option<i64>, bool)> {
        Scaled::parse(token, decimals).map(|it| (it.signed(), it.exact))
    }

    #[test]
    fn a_number_is_counted_in_the_unit_asked_for() {
        assert_eq!(scaled("12.5", 0), Some((Some(12), false)));
        assert_eq!(scaled("13.5", 0), Some((Some(14), false)));
        assert_eq!(scaled("12.5", 1), Some((Some(125), true)));
        assert_eq!(scaled("125e-1", 1), Some((Some(125), true)));
        assert_eq!(scaled("-007.0", 0), Some((Some(-7), true)));
    }

    #[test]
    fn what_leaves_the_integer_has_no_count() {
        assert_eq!(scaled("9223372036854775807", 0), Some((Some(i64::MAX), true)));
        assert_eq!(scaled("9223372036854775808", 0), Some((None, true)));
        assert_eq!(scaled("99999999999999999999", 0), Some((None, true)));
        assert_eq!(scaled("1e99999999999999999999", 0), Some((None, true)));
    }
}
