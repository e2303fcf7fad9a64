//! A year of transactions on the log, for the parts that query it.

use adaptive_bi::stream::publish::Outgoing;
use projections::time::Time;

use super::feed::publish;
use super::load::Load;
use super::stand::Stand;

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;
const YEAR_MS: i64 = 365 * DAY_MS;

/// A year of transactions until `end`, milliseconds since 1970.
pub fn year(count: u64, end: i64) -> impl Iterator<Item = Outgoing> {
    let mut load = Load::new("year", 3);
    (0..count).map(move |n| {
        let at = i128::from(YEAR_MS) * i128::from(n) / i128::from(count);
        load.transaction(Time(end - YEAR_MS + i64::try_from(at).unwrap_or(0)))
    })
}

/// Publishes the catalogue and a year of transactions; returns the last position.
///
/// # Errors
/// Fails if the log does not take an event.
pub async fn load_year(stand: &Stand, count: u64, end: i64) -> anyhow::Result<u64> {
    publish(&stand.log, Load::catalogue().chain(year(count, end)), None).await
}
