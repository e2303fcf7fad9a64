//! Queries to a service, over ranges of days that were asked for before and over others.
//!
//! Open loop: a query is sent when its turn has come, whether or not the last was answered, and its
//! latency counts from then.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adaptive_bi::http::gate::X_API_KEY;
use anyhow::{Context, ensure};
use bytes::Bytes;
use projections::time::Time;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{RequestBuilder, Url};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::feed::apart;
use super::latency::Latencies;
use super::year::DAY_MS;

/// The number of queries in a second, all endpoints and ranges together.
pub const QUERIES_PER_SECOND: u32 = 60;
const ENDPOINTS: [&str; 4] =
    ["metrics/sales", "metrics/products", "metrics/customers", "dashboard/summary"];
const RANGES: [Range; 3] = [Range::Last("30 days", 30), Range::Last("full", 366), Range::Any];
/// The name of the ranges of days that are each asked for once.
pub const FIRST: &str = "any days";

/// A client that sends queries to a service.
#[derive(Debug, Clone)]
pub struct Asker {
    client: reqwest::Client,
    address: SocketAddr,
    key: String,
}

impl Asker {
    /// A client of the service at an address, with a key.
    #[must_use]
    pub fn new(address: SocketAddr, key: String) -> Self {
        Asker { client: reqwest::Client::new(), address, key }
    }

    /// The answer to a path with parameters.
    ///
    /// # Errors
    /// Fails if there is none.
    pub async fn get(
        &self,
        path: &str,
        parameters: &BTreeMap<String, String>,
    ) -> anyhow::Result<Answer> {
        let base = format!("http://{}{path}", self.address);
        let url = Url::parse_with_params(&base, parameters)?;
        self.send(self.client.get(url)).await
    }

    /// The answer to a path, unless it is the one with this tag.
    ///
    /// # Errors
    /// Fails if there is none.
    pub async fn poll(&self, path: &str, etag: Option<&str>) -> anyhow::Result<Answer> {
        let request = self.client.get(format!("http://{}{path}", self.address));
        let known = etag.into_iter().fold(request, |it, etag| it.header(IF_NONE_MATCH, etag));
        self.send(known).await
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let begun = Instant::now();
        let response = request.header(X_API_KEY, &self.key).send().await?;
        let status = response.status().as_u16();
        let etag = response.headers().get(ETAG).and_then(|it| Some(it.to_str().ok()?.to_owned()));
        let body = response.bytes().await?;
        Ok(Answer { took: begun.elapsed(), status, etag, body })
    }

    /// The time that an answer took.
    ///
    /// # Errors
    /// Fails if the status is not 200.
    pub async fn ask(&self, endpoint: &str, parameters: &str) -> anyhow::Result<Duration> {
        let url = format!("http://{}/api/{endpoint}?{parameters}", self.address);
        let Answer { took, status, body, .. } = self.send(self.client.get(url)).await?;
        ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(took)
    }
}

/// An answer, whatever it says.
#[derive(Debug)]
pub struct Answer {
    /// From the request to the end of the body.
    pub took: Duration,
    /// The status.
    pub status: u16,
    /// Its tag, if it has one.
    pub etag: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// The latencies of each endpoint and range.
pub type Results = Vec<((&'static str, &'static str), Latencies)>;

/// Asks every endpoint over every range in turn, for a time or until `stop`; returns the latencies
/// of each.
///
/// # Errors
/// Fails if a query is not answered with 200.
pub async fn ask(
    asker: Asker,
    end: i64,
    long: Duration,
    stop: CancellationToken,
) -> anyhow::Result<Results> {
    let mut queries: Vec<_> = Vec::new();
    for endpoint in ENDPOINTS {
        for range in RANGES {
            queries.push((endpoint, range, Arc::new(Mutex::new(Latencies::new()?))));
        }
    }
    let mut turns = interval(Duration::from_secs(1) / QUERIES_PER_SECOND);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (until, mut answers) = (Instant::now() + long, JoinSet::new());
    for number in 0.. {
        let due = turns.tick().await;
        if due > until || stop.is_cancelled() {
            break;
        }
        let (endpoint, range, latencies) = &queries[number % queries.len()];
        let (endpoint, parameters) = (*endpoint, range.parameters(end));
        let (asker, latencies) = (asker.clone(), Arc::clone(latencies));
        answers.spawn(async move {
            asker.ask(endpoint, &parameters).await?;
            latencies.lock().await.record(due.elapsed())
        });
    }
    while let Some(answer) = answers.join_next().await {
        answer?.context("a query failed")?;
    }
    let mut results = Vec::new();
    for (endpoint, range, latencies) in queries {
        results.push(((endpoint, range.name()), latencies.lock().await.clone()));
    }
    Ok(results)
}

/// Asks as [`ask`] does, on a thread apart; returns the latencies of all answers together.
///
/// # Errors
/// Fails if a query is not answered with 200.
pub async fn asked(
    asker: Asker,
    end: i64,
    long: Duration,
    stop: CancellationToken,
) -> anyhow::Result<Latencies> {
    let mut all = Latencies::new()?;
    for (_, latencies) in apart(ask(asker, end, long, stop)).await? {
        all.add(&latencies)?;
    }
    Ok(all)
}

/// A range of days.
#[derive(Debug, Clone, Copy)]
enum Range {
    /// The last days.
    Last(&'static str, i64),
    /// Some days of the year, other ones each time.
    Any,
}

impl Range {
    fn name(self) -> &'static str {
        match self {
            Range::Last(name, _) => name,
            Range::Any => FIRST,
        }
    }

    fn parameters(self, end: i64) -> String {
        let day = |back: i64| Time(end - back * DAY_MS).to_rfc3339()[..10].to_owned();
        let (from, to) = match self {
            Range::Last(_, days) => (days, 0),
            Range::Any => {
                let to = rand::random_range(0..360);
                (to + rand::random_range(1..=366 - to), to)
            }
        };
        format!("startDate={}&endDate={}", day(from), day(to))
    }
}
