//! Quantities as an integer count of 1/1,000 of a unit: pieces, and goods that are sold by weight or
//! volume.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::decimal::as_number;
use super::decimal::{self, Decimal, Scaled};

/// A quantity in 1/1,000 of a unit. Never a float, at no step.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Quantity(pub i64);

impl Decimal for Quantity {
    const DECIMALS: u32 = 3;

    fn units(self) -> i64 {
        self.0
    }
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// One unit.
    pub const ONE: Self = Self::whole(1);

    /// So many whole units; the number is at most 9 × 10¹⁵ of either sign.
    #[must_use]
    pub const fn whole(units: i64) -> Self {
        Self(units * 1_000)
    }

    /// Reads the token of a JSON number (`0.75`, `1e3`). More than 3 decimals are rounded half-even,
    /// and the flag says whether that changed the quantity. None if the token is no JSON number, or
    /// if the quantity leaves its integer.
    #[must_use]
    pub fn parse_number(token: &str) -> Option<(Self, bool)> {
        let scaled = Scaled::parse(token, Self::DECIMALS)?;
        Some((Self(scaled.signed()?), !scaled.exact))
    }

    /// The sum, unless it leaves the integer.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The sum, at the end of the integer where it would leave it.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// The exact decimal, without trailing zeros: `0.75`, `12`, `-3`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::show(*self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(token: &str) -> Option<(i64, bool)> {
        Quantity::parse_number(token).map(|(quantity, rounded)| (quantity.0, rounded))
    }

    #[test]
    fn more_than_three_decimals_round_half_even_and_say_so_where_that_changes_the_quantity() {
        assert_eq!(number("0.75"), Some((750, false)));
        assert_eq!(number("-3"), Some((-3_000, false)));
        assert_eq!(number("12.5000"), Some((12_500, false)));
        assert_eq!(number("0.0005"), Some((0, true)));
        assert_eq!(number("0.0015"), Some((2, true)));
        assert_eq!(number("1e-3"), Some((1, false)));
    }

    #[test]
    fn what_is_no_number_or_leaves_the_integer_is_no_quantity() {
        assert_eq!(number("9223372036854775.807"), Some((i64::MAX, false)));
        for token in ["9223372036854775.808", "1e400", "", "\"1\"", "true", "1,5"] {
            assert_eq!(number(token), None, "{token}");
        }
    }

    #[test]
    fn whole_quantities_are_written_as_integers_and_others_exactly() {
        #[derive(Serialize)]
        struct Answer {
            #[serde(with = "as_number")]
            pieces: Quantity,
            #[serde(with = "as_number")]
            weight: Quantity,
            #[serde(with = "as_number::option")]
            owed: Option<Quantity>,
            kept: Quantity,
        }
        let (pieces, weight) = (Quantity::whole(12), Quantity(1_250));
        let answer = Answer { pieces, weight, owed: Some(Quantity(-500)), kept: weight };
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!(json, r#"{"pieces":12,"weight":1.25,"owed":-0.5,"kept":1250}"#);
        assert_eq!(Quantity(i64::MIN).to_string(), "-9223372036854775.808");
    }

    proptest! {
        #[test]
        fn a_quantity_reads_back_as_it_was_written(units in any::<i64>().prop_filter("a negative of its own", |it| *it != i64::MIN)) {
            let text = Quantity(units).to_string();
            prop_assert_eq!(Quantity::parse_number(&text), Some((Quantity(units), false)));
        }
    }
}
