//! Ratios of figures.

/// So many for each, to four places; 0 of nothing.
#[allow(clippy::cast_precision_loss)] // as every number of an answer
#[must_use]
pub fn ratio(count: i64, of: i64) -> f64 {
    if of == 0 { 0.0 } else { (count as f64 / of as f64 * 10_000.0).round() / 10_000.0 }
}
