//! Publishers with nothing of the program between them and the log: what the server takes at most.

use std::collections::VecDeque;
use std::time::Instant;

use adaptive_bi::stream::publish::Outgoing;
use adaptive_bi::stream::subject;
use anyhow::{Context, ensure};
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
};
use async_nats::{Client, HeaderMap, Request, jetstream};
use bytes::Bytes;
use futures_util::future::try_join_all;
use serde::Deserialize;

use super::cpu::Cpu;
use super::rate::Rate;

/// Messages in a batch, batches at a time, and messages at a time without batches.
const BATCH: usize = 1_000;
const BATCHES: usize = 4;
const WINDOW: usize = 4_000;

/// Messages as they go to a log.
#[derive(Debug, Clone)]
pub struct Messages(Vec<(String, Bytes)>);

/// The last token of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The shard of the entity's id.
    Shard,
    /// The id itself.
    Id,
}

/// The answer to the last message of a batch.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    count: usize,
}

impl Messages {
    /// The messages of events below a prefix.
    pub fn of(prefix: &str, by: By, events: impl Iterator<Item = Outgoing>) -> Self {
        let subject = |event: &Outgoing| match by {
            By::Shard => subject::of_event(prefix, event.kind, &event.entity),
            By::Id => subject::by_id(prefix, event.kind, &event.entity),
        };
        Messages(events.map(|event| (subject(&event), event.body)).collect())
    }

    /// Publishes them in atomic batches, four at a time.
    ///
    /// # Errors
    /// Fails if the log does not take one.
    pub async fn in_batches(&self, url: &str) -> anyhow::Result<Rate> {
        let client = async_nats::connect(url).await?;
        let (started, before) = (Instant::now(), Cpu::now());
        let lanes = (0..BATCHES).map(|lane| {
            let batches = self.0.chunks(BATCH).enumerate().skip(lane).step_by(BATCHES);
            let client = client.clone();
            async move {
                for (number, batch) in batches {
                    publish(&client, number, batch).await?;
                }
                anyhow::Ok(())
            }
        });
        try_join_all(lanes).await?;
        self.rate(started, &before)
    }

    /// Publishes them one by one, several thousand at a time.
    ///
    /// # Errors
    /// Fails if the log does not take one.
    pub async fn one_by_one(&self, url: &str) -> anyhow::Result<Rate> {
        let context = jetstream::new(async_nats::connect(url).await?);
        let (started, before) = (Instant::now(), Cpu::now());
        let mut answers = VecDeque::with_capacity(WINDOW);
        for (subject, body) in &self.0 {
            answers.push_back(context.publish(subject.clone(), body.clone()).await?);
            if answers.len() >= WINDOW
                && let Some(answer) = answers.pop_front()
            {
                answer.await?;
            }
        }
        for answer in answers {
            answer.await?;
        }
        self.rate(started, &before)
    }

    fn rate(&self, started: Instant, before: &Cpu) -> anyhow::Result<Rate> {
        let events = u64::try_from(self.0.len())?;
        Ok(Rate { events, took: started.elapsed(), cpu: Cpu::now().since(before) })
    }
}

async fn publish(client: &Client, number: usize, batch: &[(String, Bytes)]) -> anyhow::Result<()> {
    let id = format!("bare-{number}");
    let (last, others) = batch.split_last().context("a batch without messages")?;
    let headers = |sequence: usize| {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_BATCH_ID, &*id);
        headers.insert(NATS_BATCH_SEQUENCE, sequence.to_string());
        headers
    };
    for (sequence, (subject, body)) in (1..).zip(others) {
        client.publish_with_headers(subject.clone(), headers(sequence), body.clone()).await?;
    }
    let mut ends = headers(batch.len());
    ends.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
    let request = Request::new().headers(ends).payload(last.1.clone());
    let answer = client.send_request(last.0.clone(), request).await?;
    let stored = serde_json::from_slice::<Answer>(&answer.payload)?.count;
    ensure!(stored == batch.len(), "the log did not take a batch: {answer:?}");
    Ok(())
}
