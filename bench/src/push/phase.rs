//! One phase: sales are published, and what every subscriber hears of them is timed.

use std::collections::HashMap;
use std::time::Duration;

use adaptive_bi::stream::Log;
use adaptive_bi::stream::publish::Outgoing;
use anyhow::{Context, ensure};
use projections::time::Time;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::subscribers::{Heard, Record, Subscribers};
use super::wire::Transport;
use crate::feed::{apart, feed};
use crate::latency::Latencies;
use crate::load::Load;
use crate::service::{Commits, Service};

/// The time until a rate is steady.
const SETTLES: Duration = Duration::from_secs(2);
/// The time between two sales while others come in, in milliseconds, and while none do: another each
/// time, so that they fall anywhere between two updates, and so long that none waits for the one before.
const BUSY_APART_MS: std::ops::Range<u64> = 50..350;
const QUIET_APART_MS: std::ops::Range<u64> = 400..800;

const COMPLETED: &[u8] = b"\"completed\"";

/// Something that was published.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// Its position.
    pub position: u64,
    /// When it was sent off.
    pub at: Instant,
}

/// The figures of one phase.
pub struct Measured {
    /// From publication until a subscriber has it.
    pub latencies: Vec<(Transport, Latencies)>,
    /// From the first subscriber that has an update until each of the same transport has it.
    pub spread: Vec<(Transport, Latencies)>,
    /// The costs of it.
    pub cost: Cost,
    /// The commits meanwhile.
    pub commits: Commits,
}

/// The cost of deliveries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// The time that is counted.
    pub took: Duration,
    /// The updates that came.
    pub deliveries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The processor time of the server's process.
    pub server: Duration,
    /// That of the subscribers' thread.
    pub subscribers: Duration,
    /// The events of the mixed load that came in a second.
    pub rate: f64,
    /// By how many bytes the server's resident memory grew; less than 0 where it shrank.
    pub grew: i64,
}

impl Cost {
    /// Deliveries by a second of a core.
    #[must_use]
    pub fn per_core_second(&self) -> f64 {
        number(self.deliveries) / self.server.as_secs_f64()
    }

    /// The cores that the server takes.
    #[must_use]
    pub fn cores(&self) -> f64 {
        self.server.as_secs_f64() / self.took.as_secs_f64()
    }

    /// Deliveries by a second of a core, without what it takes to fold the same events for nobody.
    #[must_use]
    pub fn per_core_second_beyond(&self, nobody: &Cost) -> f64 {
        number(self.deliveries) / self.took.as_secs_f64() / (self.cores() - nobody.cores())
    }

    /// Deliveries in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        number(self.deliveries) / self.took.as_secs_f64()
    }

    /// The bytes of a delivery.
    #[must_use]
    pub fn bytes_each(&self) -> u64 {
        self.bytes / self.deliveries.max(1)
    }

    /// The same as figures.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "seconds": self.took.as_secs_f64(), "eventsPerSecond": self.rate,
            "deliveries": self.deliveries,
            "bytesEach": self.bytes_each(), "serverCores": self.cores(),
            "subscribersCores": self.subscribers.as_secs_f64() / self.took.as_secs_f64(),
            "serverGrewBytes": self.grew,
        })
    }
}

/// A number for the eye.
#[allow(clippy::cast_precision_loss)]
#[must_use]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// Counts the costs of a server, and what subscribers hear, between two instants.
pub struct Counting {
    since: Instant,
    server: (Duration, u64),
    subscribers: Duration,
}

impl Counting {
    /// From now on.
    ///
    /// # Errors
    /// Fails if a subscriber was disconnected.
    pub fn begin(subscribers: &Subscribers, server: (Duration, u64)) -> anyhow::Result<Self> {
        drop(subscribers.take()?);
        Ok(Counting { since: Instant::now(), server, subscribers: Subscribers::cpu() })
    }

    /// Until now; and what was heard meanwhile.
    ///
    /// # Errors
    /// Fails if a subscriber was disconnected.
    pub fn end(
        &self,
        subscribers: &Subscribers,
        server: (Duration, u64),
    ) -> anyhow::Result<(Cost, Vec<Heard>)> {
        let took = self.since.elapsed();
        let Record { heard, bytes, .. } = subscribers.take()?;
        let grew = i64::try_from(server.1)? - i64::try_from(self.server.1)?;
        let cost = Cost {
            took,
            deliveries: heard.len() as u64,
            bytes,
            server: server.0.saturating_sub(self.server.0),
            subscribers: Subscribers::cpu().saturating_sub(self.subscribers),
            rate: 0.0,
            grew,
        };
        Ok((cost, heard))
    }
}

/// The times at which subscribers received each published sale. Every subscriber has to have received it.
///
/// # Errors
/// Fails if one has not.
pub fn measured(
    (cost, commits): (Cost, Commits),
    mut heard: Vec<Heard>,
    published: &[Published],
    transports: &[(Transport, u32)],
) -> anyhow::Result<Measured> {
    heard.sort_by_key(|it| it.subscriber);
    let (mut latencies, mut spread, mut first) = (Vec::new(), Vec::new(), 0);
    for (transport, count) in transports {
        let end = first + *count as usize;
        let [from, to] =
            [first, end].map(|number| heard.partition_point(|it| it.subscriber < number));
        latencies.push((*transport, since_published(&heard[from..to], published, *count)?));
        spread.push((*transport, since_first(&heard[from..to])?));
        first = end;
    }
    Ok(Measured { latencies, spread, cost, commits })
}

/// From each publication until each of so many subscribers hears of its position or a later one.
/// `heard` is in order of subscribers, and of time for each.
fn since_published(
    heard: &[Heard],
    published: &[Published],
    subscribers: u32,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::new()?;
    for of_one in heard.chunk_by(|a, b| a.subscriber == b.subscriber) {
        let mut left = of_one.iter().peekable();
        for Published { position, at } in published {
            while left.next_if(|it| it.position < *position).is_some() {}
            let it = left.peek().context("an update is lost")?;
            latencies.record(it.at.saturating_duration_since(*at))?;
        }
    }
    let expected = published.len() as u64 * u64::from(subscribers);
    ensure!(latencies.count() == expected, "{} of {expected} updates came", latencies.count());
    Ok(latencies)
}

/// From the first that hears of a position until each other one does.
fn since_first(heard: &[Heard]) -> anyhow::Result<Latencies> {
    let mut first = HashMap::<u64, Instant>::new();
    for it in heard {
        let at = first.entry(it.position).or_insert(it.at);
        *at = it.at.min(*at);
    }
    let mut spread = Latencies::new()?;
    for it in heard {
        spread.record(it.at.saturating_duration_since(first[&it.position]))?;
    }
    Ok(spread)
}

/// Publishes sales for so many seconds, beside so many events of the mixed load a second, and measures.
///
/// # Errors
/// Fails if a server does not answer, or an update does not come.
pub async fn measure(
    log: &Log,
    service: &Service,
    (subscribers, transports): (&Subscribers, &[(Transport, u32)]),
    rate: u64,
    lasts: Duration,
) -> anyhow::Result<Measured> {
    let stop = CancellationToken::new();
    let feeding = (rate > 0).then(|| apart(feed((*log.settings).clone(), rate, stop.clone())));
    sleep(SETTLES).await;
    let before = service.commits().await?;
    let counting = Counting::begin(subscribers, service.cost()?)?;
    let published = publish(log, subscribers, rate > 0, counting.since + lasts).await;
    let (mut cost, mut heard) = counting.end(subscribers, service.cost()?)?;
    let commits = service.commits().await?.since(before);
    let published = published?;
    if let Some(last) = published.last() {
        subscribers.reach(last.position).await?;
    }
    heard.extend(subscribers.take()?.heard);
    stop.cancel();
    if let Some(feeding) = feeding {
        cost.rate = feeding.await?;
    }
    measured((cost, commits), heard, &published, transports)
}

async fn publish(
    log: &Log,
    subscribers: &Subscribers,
    is_busy: bool,
    until: Instant,
) -> anyhow::Result<Vec<Published>> {
    let seed = rand::random();
    let mut load = Load::new(&format!("push{seed}"), seed);
    let mut random = SmallRng::seed_from_u64(seed);
    let (mut published, mut next) = (Vec::new(), Instant::now());
    while Instant::now() < until {
        let (sale, at) = (sale(&mut load), Instant::now());
        let position = log.publish(sale).await?.await?.position;
        published.push(Published { position, at });
        if is_busy {
            next += Duration::from_millis(random.random_range(BUSY_APART_MS));
            tokio::time::sleep_until(next).await;
        } else {
            subscribers.reach(position).await?;
            sleep(Duration::from_millis(random.random_range(QUIET_APART_MS))).await;
        }
    }
    Ok(published)
}

/// The next transaction that counts: others change no figure of sales.
fn sale(load: &mut Load) -> Outgoing {
    loop {
        let sale = load.transaction(Time(chrono::Utc::now().timestamp_millis()));
        if sale.body.windows(COMPLETED.len()).any(|part| part == COMPLETED) {
            return sale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_heard_of_by_its_position_or_a_later_one() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let heard = |subscriber, position, ms| Heard { subscriber, position, at: at(ms) };
        let published =
            [Published { position: 2, at: begin }, Published { position: 5, at: at(10) }];
        let all = [heard(0, 1, 1), heard(0, 3, 4), heard(0, 5, 30), heard(1, 6, 40)];
        let latencies = since_published(&all, &published, 2).unwrap();
        assert_eq!(latencies.count(), 4);
        assert!((latencies.quantile(0.25) - 4.0).abs() < 0.1);
        assert!((latencies.quantile(1.0) - 40.0).abs() < 0.1);
        assert!(since_published(&all[..2], &published, 1).is_err(), "the second did not come");
        let spread = since_first(&[heard(0, 1, 1), heard(1, 1, 4)]).unwrap();
        assert!((spread.quantile(1.0) - 3.0).abs() < 0.1);
    }
}
