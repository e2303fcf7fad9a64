//! Latencies, as a row of a table and as JSON.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Latencies in microseconds, to three digits.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// A set without latencies.
    ///
    /// # Errors
    /// Never: three digits are allowed.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Latencies(Histogram::new(3)?))
    }

    /// Adds one latency.
    ///
    /// # Errors
    /// Never: the histogram grows.
    pub fn record(&mut self, latency: Duration) -> anyhow::Result<()> {
        Ok(self.0.record(u64::try_from(latency.as_micros())?)?)
    }

    /// Adds other latencies.
    ///
    /// # Errors
    /// Never: the histogram grows.
    pub fn add(&mut self, others: &Latencies) -> anyhow::Result<()> {
        Ok(self.0.add(&others.0)?)
    }

    /// The number of latencies.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// A quantile in milliseconds: that part of all latencies is not above it.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> f64 {
        ms(self.0.value_at_quantile(quantile))
    }

    fn max(&self) -> f64 {
        ms(self.0.max())
    }

    /// The head of the columns of [`Latencies::row`].
    #[must_use]
    pub fn head() -> String {
        format!("{:>8} {:>8} {:>8} {:>8}", "p50 ms", "p90 ms", "p99 ms", "max ms")
    }

    /// The latencies as part of a table.
    #[must_use]
    pub fn row(&self) -> String {
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|quantile| self.quantile(quantile));
        format!("{p50:>8.2} {p90:>8.2} {p99:>8.2} {:>8.2}", self.max())
    }

    /// The latencies as figures, in milliseconds.
    #[must_use]
    pub fn json(&self) -> Value {
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|quantile| self.quantile(quantile));
        json!({ "count": self.count(), "p50Ms": p50, "p90Ms": p90, "p99Ms": p99, "maxMs": self.max() })
    }
}

fn ms(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64() * 1e3
}
