//! Money as an integer count of 1/10,000 of the shop's currency.
//!
//! Amounts come from the text of a JSON value and go back as the text of a JSON number: no step
//! uses a float, so a report adds up exactly the amounts that a producer wrote.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use super::decimal::as_number;
use super::decimal::{self, Decimal, Scaled, is_plain};
use super::quantity::Quantity;

/// An amount in units of 1/10,000 of the shop's currency. Never a float, at no step.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(pub i64);

/// Units in one of the currency.
pub const UNITS_PER_ONE: i64 = 10_000;

impl Decimal for Money {
    const DECIMALS: u32 = 4;

    fn units(self) -> i64 {
        self.0
    }
}

const NOT_A_NUMBER: &str = "must be a JSON number, or a string with a plain decimal like 12.50";
const TOO_LARGE: &str = "must be at most 1000000000";
const TOO_FINE: &str = "must have at most 4 decimals when it is a string";

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The largest amount that an event may state, of either sign: 10⁹ of the currency.
    pub const LARGEST: Self = Self(1_000_000_000 * UNITS_PER_ONE);

    /// Reads the token of a JSON number (`12.5`, `1e3`). More than 4 decimals are rounded
    /// half-even, and the flag says whether that changed the amount.
    ///
    /// # Errors
    /// The rule that the token breaks, if it is no JSON number or states more than
    /// [`Money::LARGEST`].
    pub fn parse_number(token: &str) -> Result<(Self, bool), &'static str> {
        let scaled = Scaled::parse(token, Self::DECIMALS).ok_or(NOT_A_NUMBER)?;
        let amount = scaled.signed().map(Self).filter(|it| it.is_statable()).ok_or(TOO_LARGE)?;
        Ok((amount, !scaled.exact))
    }

    /// Reads the content of a JSON string: digits, at most one point, at most 4 decimals before
    /// zeros, perhaps a minus before them; no space, no exponent, no sign for plus.
    ///
    /// # Errors
    /// The rule that the text breaks, if it is no such decimal, or states more than
    /// [`Money::LARGEST`] or more than 4 decimals.
    pub fn parse_text(text: &str) -> Result<Self, &'static str> {
        if !is_plain(text) {
            return Err(NOT_A_NUMBER);
        }
        match Self::parse_number(text)? {
            (_, true) => Err(TOO_FINE),
            (amount, false) => Ok(amount),
        }
    }

    fn is_statable(self) -> bool {
        self.0.unsigned_abs() <= Self::LARGEST.0.unsigned_abs()
    }

    /// The amount as an exact JSON number, for answers: `10666684.544`.
    #[must_use]
    pub fn json(self) -> Box<RawValue> {
        decimal::json(self)
    }

    /// The sum, unless it leaves the integer.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it leaves the integer.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The amount times `quantity`, unless it leaves the integer.
    #[must_use]
    pub fn checked_mul(self, quantity: i64) -> Option<Self> {
        self.0.checked_mul(quantity).map(Self)
    }

    /// The amount for so many units, rounded half-even, if an event may state as much.
    #[must_use]
    pub fn times(self, quantity: Quantity) -> Option<Self> {
        let exact = i128::from(self.0) * i128::from(quantity.0);
        let (floor, rest) = (exact.div_euclid(1_000), exact.rem_euclid(1_000));
        let is_up = rest > 500 || (rest == 500 && floor % 2 != 0);
        let amount = i64::try_from(floor + i128::from(is_up)).ok().map(Self)?;
        amount.is_statable().then_some(amount)
    }

    /// The amount shared by `n`, rounded half-even to a unit: an average. Zero if `n` is zero.
    #[must_use]
    pub fn div_half_even(self, n: i64) -> Self {
        if n == 0 {
            return Self::ZERO;
        }
        let (dividend, divisor) =
            (i128::from(self.0) * i128::from(n.signum()), i128::from(n).abs());
        let (floor, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
        let is_up = rest * 2 > divisor || (rest * 2 == divisor && floor % 2 != 0);
        // Only i64::MIN shared by -1 does not fit.
        Self(i64::try_from(floor + i128::from(is_up)).unwrap_or(i64::MAX))
    }
}

/// The exact decimal, without trailing zeros: `10666684.544`, `0`, `-12`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::show(*self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(token: &str) -> Option<(i64, bool)> {
        Money::parse_number(token).ok().map(|(amount, rounded)| (amount.0, rounded))
    }

    #[test]
    fn numbers_are_read_from_their_text() {
        assert_eq!(number("12.5"), Some((125_000, false)));
        assert_eq!(number("1e3"), Some((10_000_000, false)));
        assert_eq!(number("1.25E-2"), Some((125, false)));
        assert_eq!(number("0.1"), Some((1_000, false)));
        assert_eq!(number("-0"), Some((0, false)));
        assert_eq!(number("-0.00001"), Some((0, true)));
        assert_eq!(number("-3.5"), Some((-35_000, false)));
        assert_eq!(number("0e999999999"), Some((0, false)));
    }

    #[test]
    fn more_than_four_decimals_round_half_even_and_say_so_where_that_changes_the_amount() {
        assert_eq!(number("0.00005"), Some((0, true)));
        assert_eq!(number("0.00015"), Some((2, true)));
        assert_eq!(number("0.000050000000001"), Some((1, true)));
        assert_eq!(number("0.00004999"), Some((0, true)));
        assert_eq!(number("19.990000000"), Some((199_900, false)));
        assert_eq!(number("1e-999999999999999999999"), Some((0, true)));
    }

    #[test]
    fn amounts_end_at_a_thousand_million() {
        assert_eq!(number("1000000000"), Some((Money::LARGEST.0, false)));
        assert_eq!(number("-1e9"), Some((-Money::LARGEST.0, false)));
        for token in ["1000000000.0001", "1e10", "1e999999999", "-1e99999999999999999999999"] {
            assert_eq!(Money::parse_number(token), Err(TOO_LARGE), "{token}");
        }
        assert_eq!(Money::parse_number(&"9".repeat(10_000)), Err(TOO_LARGE));
        let compensated = format!("1{}e-10000", "0".repeat(10_000));
        assert_eq!(number(&compensated), Some((10_000, false)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for token in
            ["", "-", ".5", "5.", "1e", "1e+", "+1", "1.2.3", "1,5", "0x1", "NaN", "é", "1é"]
        {
            assert_eq!(Money::parse_number(token), Err(NOT_A_NUMBER), "{token}");
        }
    }

    #[test]
    fn strings_are_plain_decimals_of_at_most_four_decimals() {
        assert_eq!(Money::parse_text("10666684.544"), Ok(Money(106_666_845_440)));
        assert_eq!(Money::parse_text("-0.0001"), Ok(Money(-1)));
        assert_eq!(Money::parse_text("29.990000"), Ok(Money(299_900)));
        assert_eq!(Money::parse_text("1.50001"), Err(TOO_FINE));
        for text in ["", " 1", "1 ", "1e3", "+1", "1,50", "--1", "1.", "12.5 EUR", "٣"] {
            assert_eq!(Money::parse_text(text), Err(NOT_A_NUMBER), "{text}");
        }
    }

    #[test]
    fn amounts_are_written_exactly_and_without_trailing_zeros() {
        let shown = |units| Money(units).to_string();
        assert_eq!(shown(106_666_845_440), "10666684.544");
        assert_eq!(shown(0), "0");
        assert_eq!(shown(120_000), "12");
        assert_eq!(shown(-5), "-0.0005");
        assert_eq!(shown(i64::MIN), "-922337203685477.5808");
        assert_eq!(Money(125).json().get(), "0.0125");
    }

    #[test]
    fn answers_carry_numbers_where_the_store_keeps_units() {
        #[derive(Serialize)]
        struct Answer {
            #[serde(with = "as_number")]
            shown: Money,
            #[serde(with = "as_number::option")]
            none: Option<Money>,
            kept: Money,
        }
        let answer = Answer { shown: Money(125_000), none: None, kept: Money(125_000) };
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!(json, r#"{"shown":12.5,"none":null,"kept":125000}"#);
    }

    #[test]
    fn averages_round_half_even_and_nothing_shared_is_nothing() {
        assert_eq!(Money(5).div_half_even(2), Money(2));
        assert_eq!(Money(7).div_half_even(2), Money(4));
        assert_eq!(Money(-5).div_half_even(2), Money(-2));
        assert_eq!(Money(-7).div_half_even(2), Money(-4));
        assert_eq!(Money(7).div_half_even(-2), Money(-4));
        assert_eq!(Money(1).div_half_even(0), Money::ZERO);
        assert_eq!(Money(i64::MIN).div_half_even(-1), Money(i64::MAX));
        assert_eq!(Money(i64::MIN).div_half_even(i64::MIN), Money(1));
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_as_it_was_written(units in -Money::LARGEST.0..=Money::LARGEST.0) {
            let text = Money(units).to_string();
            prop_assert_eq!(Money::parse_number(&text), Ok((Money(units), false)));
            prop_assert_eq!(Money::parse_text(&text), Ok(Money(units)));
        }

        #[test]
        fn scaling_agrees_with_integer_arithmetic(
            mantissa in -1_000_000_000..=1_000_000_000_i64,
            places in 0..=18_u32,
        ) {
            let (amount, rounded) = Money::parse_number(&format!("{mantissa}e-{places}")).unwrap();
            let (units, divisor) = (Money(mantissa * UNITS_PER_ONE), 10_i64.pow(places));
            prop_assert_eq!(amount, units.div_half_even(divisor));
            prop_assert_eq!(rounded, units.0 % divisor != 0);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9.eE ]{0,40}|.{0,40}") {
            let _ = (Money::parse_number(&text), Money::parse_text(&text));
        }
    }
}
