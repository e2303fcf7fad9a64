//! The value of a JSON number, read from its text with integers alone.

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
    pub(crate) fn parse(token: &str, decimals: i64) -> Option<Self> {
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
        let kept = i64::try_from(whole.len()).ok()? + exponent + decimals;
        let (magnitude, exact) = round(whole.bytes().chain(fraction.bytes()), kept)?;
        Some(Self { negative, magnitude, exact })
    }

    /// The count with its sign, unless it leaves the integer. Minus zero is zero.
    pub(crate) fn signed(self) -> Option<i64> {
        let magnitude = i64::try_from(self.magnitude).ok()?;
        Some(if self.negative { -magnitude } else { magnitude })
    }
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

    fn scaled(token: &str, decimals: i64) -> Option<(Option<i64>, bool)> {
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
