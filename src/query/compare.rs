//! Figures beside those of the range that they are compared with.

use std::collections::BTreeMap;

use projections::money::Money;
use serde::Serialize;
use utoipa::ToSchema;

use super::memory::ReadContext;
use super::params::Earlier;
use super::view::Figures;
use crate::store;

/// The change of each figure, by its name.
pub type Changes = BTreeMap<&'static str, Change>;

/// A figure that can be compared, in 1/10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure(i128);

/// The change of a figure from the range that it is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// By how much it is more.
    difference: f64,
    /// The same in percent of what it was, to two places; null where it was nothing.
    percent: Option<f64>,
}

impl From<Money> for Figure {
    fn from(money: Money) -> Self {
        Figure(money.0.into())
    }
}

impl From<i64> for Figure {
    fn from(count: i64) -> Self {
        Figure(i128::from(count) * 10_000)
    }
}

impl Change {
    /// In percent of what it was.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        self.percent
    }

    /// From one figure to another.
    #[must_use]
    pub fn of(Figure(before): Figure, Figure(now): Figure) -> Self {
        let difference = now - before;
        #[allow(clippy::cast_precision_loss)] // as every number of an answer
        let scaled = |value: i128, scale: f64| value as f64 / scale;
        // To the nearest, halves away from zero.
        let percent =
            |before: i128| (difference * 10_000 + difference.signum() * before / 2) / before;
        Change {
            difference: scaled(difference, 10_000.0),
            percent: (before != 0).then(|| scaled(percent(before.abs()), 100.0)),
        }
    }
}

impl From<f64> for Figure {
    #[allow(clippy::cast_possible_truncation)] // averages and shares are small
    fn from(number: f64) -> Self {
        Figure((number * 10_000.0).round() as i128)
    }
}

/// Figures of a range that can stand beside those of another.
pub trait Compared: Figures<Parameters: Earlier> {
    /// Reads those of one range.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    fn of(
        from: ReadContext<'_>,
        asked: &Self::Parameters,
    ) -> impl Future<Output = Result<Self, store::Error>> + Send;

    /// Those whose change is told, each with its name.
    fn compared(&self) -> Vec<(&'static str, Figure)>;

    /// Takes in those of the range that they are compared with, and the change from there.
    fn beside(&mut self, before: Self, change: Changes);
}

/// Reads the figures that are asked for, and those that they are compared with.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn read<F: Compared>(
    from: ReadContext<'_>,
    asked: &F::Parameters,
) -> Result<F, store::Error> {
    let mut figures = Box::pin(F::of(from, asked)).await?;
    if let Some(before) = asked.earlier() {
        let before = Box::pin(F::of(from, &before)).await?;
        let pairs = before.compared().into_iter().zip(figures.compared());
        let change = pairs.map(|((name, before), (_, now))| (name, Change::of(before, now)));
        figures.beside(before, change.collect());
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_in_percent_of_what_it_was_if_it_was_something() {
        let change = |before: i64, now: i64| Change::of(before.into(), now.into());
        assert_eq!(change(200, 150), Change { difference: -50.0, percent: Some(-25.0) });
        assert_eq!(change(3, 4), Change { difference: 1.0, percent: Some(33.33) });
        assert_eq!(change(3, 5), Change { difference: 2.0, percent: Some(66.67) });
        assert_eq!(change(-100, 100), Change { difference: 200.0, percent: Some(200.0) });
        assert_eq!(change(0, 4), Change { difference: 4.0, percent: None });
        let money = Change::of(Money(12_345).into(), Money(12_345).into());
        assert_eq!(money, Change { difference: 0.0, percent: Some(0.0) });
    }
}
