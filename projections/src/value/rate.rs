//! A rate of exchange as an integer count of 1/1,000,000,000.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::decimal::{self, Decimal, Scaled};
use super::money::Money;

/// The amount of the shop's currency for one unit of another, in 1/1,000,000,000. Above zero, and
/// never a float, at no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub i64);

impl Decimal for Rate {
    const DECIMALS: u32 = 9;

    fn units(self) -> i64 {
        self.0
    }
}

const UNITS_PER_ONE: i64 = 1_000_000_000;

impl Rate {
    /// The least rate.
    pub const LEAST: Self = Self(1);

    /// The largest rate that an event may state: 9 × 10⁹.
    pub const LARGEST: Self = Self(9_000_000_000 * UNITS_PER_ONE);

    /// Reads the token of a JSON number or a decimal. More than 9 decimals are rounded half-even.
    /// None if it is none, or out of bounds after that.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let rate = Self(Scaled::parse(token, Self::DECIMALS)?.signed()?);
        (Self::LEAST..=Self::LARGEST).contains(&rate).then_some(rate)
    }

    /// An amount of the other currency in the shop's, rounded half-even; at the end of the integer
    /// where it would leave it.
    #[must_use]
    pub fn convert(self, amount: Money) -> Money {
        let (exact, one) = (i128::from(amount.0) * i128::from(self.0), i128::from(UNITS_PER_ONE));
        let (floor, rest) = (exact.div_euclid(one), exact.rem_euclid(one));
        let is_up = rest * 2 > one || (rest * 2 == one && floor % 2 != 0);
        let end = if exact < 0 { i64::MIN } else { i64::MAX };
        Money(i64::try_from(floor + i128::from(is_up)).unwrap_or(end))
    }
}

/// The exact decimal, without trailing zeros.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::show(*self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn converted(rate: &str, units: i64) -> i64 {
        Rate::parse(rate).unwrap().convert(Money(units)).0
    }

    #[test]
    fn amounts_are_converted_half_even() {
        assert_eq!(converted("0.5", 1), 0);
        assert_eq!(converted("0.5", 3), 2);
        assert_eq!(converted("0.5", 5), 2);
        assert_eq!(converted("0.500000001", 1), 1);
        assert_eq!(converted("0.5", -1), 0);
        assert_eq!(converted("0.5", -3), -2);
        assert_eq!(converted("1.5", 1), 2);
        assert_eq!(converted("2.5", 1), 2);
        assert_eq!(converted("0.85", 125_000), 106_250);
        assert_eq!(converted("0.000000001", Money::LARGEST.0), 10_000);
    }

    #[test]
    fn what_leaves_the_integer_stays_at_its_end() {
        assert_eq!(Rate::LARGEST.convert(Money::LARGEST), Money(i64::MAX));
        assert_eq!(Rate::LARGEST.convert(Money(-Money::LARGEST.0)), Money(i64::MIN));
    }

    #[test]
    fn a_rate_is_above_zero_and_has_nine_decimals() {
        assert_eq!(Rate::parse("9000000000"), Some(Rate::LARGEST));
        assert_eq!(Rate::parse("1e-9"), Some(Rate::LEAST));
        assert_eq!(Rate::parse("0.8512345678"), Some(Rate(851_234_568)));
        assert_eq!(Rate(851_230_000).to_string(), "0.85123");
        for token in ["0", "-1", "0.0000000004", "9000000000.1", "1e400", "x", ""] {
            assert_eq!(Rate::parse(token), None, "{token}");
        }
    }

    proptest! {
        #[test]
        fn a_converted_amount_is_within_half_a_unit(
            units in -Money::LARGEST.0..=Money::LARGEST.0, rate in 1..900_000_000_000_i64,
        ) {
            let converted = i128::from(Rate(rate).convert(Money(units)).0);
            let exact = i128::from(units) * i128::from(rate);
            prop_assert!((converted * 1_000_000_000 - exact).abs() <= 500_000_000);
        }
    }
}
