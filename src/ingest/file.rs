//! `adaptive-bi ingest FILE`: NDJSON of events, or the Online Retail CSV, plain or zstd.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use projections::event::{Kind, Reason};
use projections::time::Time;
use tokio::sync::mpsc;

use super::envelope::Edge;
use super::lines::{Cut, Line, Lines};
use super::retail;
use super::submit::{Outcome, Submitter};
use crate::stream::Log;
use crate::stream::publish::Outgoing;

/// Why a file could not be read, or not to its end. Events before that are on the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened.
    #[error("{name} cannot be opened")]
    Open {
        /// The file's name.
        name: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It ends in the middle, or cannot be read on.
    #[error("the file is cut or damaged at line {line}; what came before is on the log")]
    Cut {
        /// The line it happened in.
        line: u64,
        /// The cause.
        #[source]
        source: Option<io::Error>,
    },
    /// It is no Online Retail CSV.
    #[error(transparent)]
    Retail(#[from] retail::Error),
    /// The log did not take an event.
    #[error(
        "the log did not take {place}: {reason}; ingest the file again once it does, \
             nothing is counted twice"
    )]
    Log {
        /// The place of the event in the file.
        place: String,
        /// The reason that the log gave.
        reason: String,
    },
}

impl From<Cut> for Error {
    fn from(Cut { line, source }: Cut) -> Self {
        Error::Cut { line, source }
    }
}

/// The format of the input.
pub enum Source {
    /// One event a line: `{"kind", "id"?, "data"}`.
    Lines(Box<dyn Read + Send>),
    /// The Online Retail CSV.
    Retail(Box<dyn Read + Send>, retail::Options),
}

/// The most skipped lines that a [`Summary`] names.
const NAMED_MAX: usize = 5;
/// The log's own patience with each event bounds a file.
const NO_HURRY: Duration = Duration::from_hours(24 * 365);

/// The result of a file.
#[derive(Debug, Default)]
pub struct Summary {
    /// Events that the log took.
    pub accepted: u64,
    /// Events that the log had already.
    pub duplicates: u64,
    /// Lines that were not an event, or too large.
    pub skipped: Skipped,
    /// Orders that go on with an invoice of which the file has an order already.
    pub further: u64,
    /// The highest position.
    pub position: u64,
    /// The time that it took.
    pub took: Duration,
}

/// Lines that were skipped.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Their number by reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first of those whose number is known.
    pub first: BTreeSet<u64>,
}

impl Skipped {
    /// Their number in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.reasons.values().sum()
    }

    fn add(&mut self, reason: String, lines: u64) {
        *self.reasons.entry(reason).or_default() += lines;
    }

    fn name(&mut self, line: u64) {
        self.first.insert(line);
        if self.first.len() > NAMED_MAX {
            self.first.pop_last();
        }
    }

    fn merge(&mut self, other: Skipped) {
        other.reasons.into_iter().for_each(|(reason, lines)| self.add(reason, lines));
        other.first.into_iter().for_each(|line| self.name(line));
    }
}

/// A file that is being read.
pub struct Opened {
    /// Its content, decompressed.
    pub input: Box<dyn Read + Send>,
    /// The bytes of it that were read so far.
    pub read: Arc<AtomicU64>,
    /// Its size in bytes.
    pub size: u64,
}

/// Opens a file, through zstd where its name ends so, counting the bytes read of it.
///
/// # Errors
/// [`Error::Open`].
pub fn open(path: &Path) -> Result<Opened, Error> {
    let name = path.display().to_string();
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (size, file) = opened.map_err(|source| Error::Open { name: name.clone(), source })?;
    let read = Arc::new(AtomicU64::new(0));
    let counted = Counted { inner: file, read: Arc::clone(&read) };
    let input = decoded(counted, path.extension().is_some_and(|end| end == "zst"))
        .map_err(|source| Error::Open { name, source })?;
    Ok(Opened { input, read, size })
}

/// Reads `input` through zstd where `compressed`.
///
/// # Errors
/// Fails if there is no memory for the decoder.
pub fn decoded(
    input: impl Read + Send + 'static,
    compressed: bool,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(if compressed { Box::new(zstd::Decoder::new(input)?) } else { Box::new(input) })
}

/// A bar for reading `size` bytes.
///
/// # Panics
/// Never: the template is a constant that parses.
#[must_use]
pub fn progress_bar(size: u64) -> ProgressBar {
    let template = "{bar:30} {percent:>3} %  {msg}  {elapsed}";
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::new(size).with_style(style)
}

/// Sends every event of a source to the log, the first `skip` left out.
///
/// # Errors
/// [`Error`]; the events before it are on the log.
pub async fn ingest(
    log: &Log,
    currency: &str,
    source: Source,
    skip: usize,
    progress: impl Fn(u64),
) -> Result<Summary, Error> {
    let started = Instant::now();
    let (sender, mut events) = mpsc::channel(8_192);
    let currency = currency.to_owned();
    let by_line = matches!(source, Source::Lines(_));
    let reading = tokio::task::spawn_blocking(move || match source {
        Source::Lines(input) => read_lines(input, &currency, &sender).map(|skipped| (skipped, 0)),
        Source::Retail(input, options) => read_retail(input, options, &sender),
    });
    let mut summary = Summary::default();
    let mut submitter = Submitter::new(log, NO_HURRY);
    let mut read = 0;
    loop {
        let next = if let Ok(next) = events.try_recv() {
            Some(next)
        } else {
            // What is there goes while the next is read.
            submitter.send();
            events.recv().await
        };
        let Some((number, event)) = next else { break };
        read += 1;
        if read <= skip {
            continue;
        }
        submitter.push(number, event).await;
        if read % 1_000 == 0 {
            summary.take(submitter.take(), by_line)?;
            progress(summary.accepted + summary.duplicates);
        }
    }
    summary.take(submitter.finish().await, by_line)?;
    let ended = reading.await.unwrap_or(Err(Error::Cut { line: 0, source: None }));
    let (skipped, further) = ended?;
    summary.skipped.merge(skipped);
    summary.further = further;
    summary.took = started.elapsed();
    Ok(summary)
}

impl Summary {
    /// The outcomes are by the numbers of lines, or else of events.
    fn take(&mut self, outcomes: HashMap<usize, Outcome>, by_line: bool) -> Result<(), Error> {
        let place = |number| format!("{} {number}", if by_line { "line" } else { "event" });
        for (number, outcome) in outcomes {
            match outcome {
                Outcome::Accepted(position) => {
                    self.accepted += 1;
                    self.position = self.position.max(position);
                }
                Outcome::Duplicate(position) => {
                    self.duplicates += 1;
                    self.position = self.position.max(position);
                }
                Outcome::Rejected(reasons) => {
                    self.skipped.add(in_words(&reasons), 1);
                    if by_line {
                        self.skipped.name(number as u64);
                    }
                }
                Outcome::Refused(reason) => {
                    return Err(Error::Log { place: place(number), reason });
                }
                Outcome::Unknown | Outcome::Unsent => {
                    let reason = "it did not answer".to_owned();
                    return Err(Error::Log { place: place(number), reason });
                }
            }
        }
        Ok(())
    }
}

/// Events on their way from the file, each with the number of its line, or else its own; from 1.
type Numbered = mpsc::Sender<(usize, Outgoing)>;

fn read_lines(
    input: Box<dyn Read + Send>,
    currency: &str,
    events: &Numbered,
) -> Result<Skipped, Error> {
    let mut lines = Lines::of(BufReader::with_capacity(1 << 20, input));
    let mut skipped = Skipped::default();
    for number in 1.. {
        let now = Time(chrono::Utc::now().timestamp_millis());
        // The caller's id means nothing here: making a message id of it takes the secret.
        match lines.next(Edge { now, currency, ids: None })? {
            None => break,
            Some((_, Line::Blank)) => {}
            Some((_, Line::Event(event))) => {
                if events.blocking_send((number, event)).is_err() {
                    break;
                }
            }
            Some((line, Line::Skipped(reasons))) => {
                skipped.add(in_words(&reasons), 1);
                skipped.name(line);
            }
        }
    }
    Ok(skipped)
}

/// Returns the skipped lines, and the number of orders that go on with an invoice.
fn read_retail(
    input: Box<dyn Read + Send>,
    options: retail::Options,
    events: &Numbered,
) -> Result<(Skipped, u64), Error> {
    let mut importer = retail::Importer::new(input, options);
    for (number, event) in (1..).zip(importer.by_ref()) {
        let event = event?;
        let Some(kind) = Kind::parse(event.kind) else { continue };
        let (entity, body) = (event.id, event.body.into());
        let event = Outgoing { kind, entity, body, message_id: None, replay_of: None };
        if events.blocking_send((number, event)).is_err() {
            break;
        }
    }
    let summary = importer.summary();
    let by_reason = [
        ("the line is malformed", summary.skipped.malformed),
        ("the price is zero", summary.skipped.zero_price),
        ("the price is negative", summary.skipped.negative_price),
        ("the quantity is zero", summary.skipped.zero_quantity),
        ("a negative quantity that is no return", summary.skipped.negative_quantity),
    ];
    let mut skipped = Skipped::default();
    for (reason, lines) in by_reason.into_iter().filter(|(_, lines)| *lines > 0) {
        skipped.add(reason.to_owned(), lines);
    }
    summary.skipped_first.iter().for_each(|line| skipped.name(*line));
    Ok((skipped, summary.further))
}

fn in_words(reasons: &[Reason]) -> String {
    let words = reasons.iter().map(|Reason { field, message, .. }| match field.as_ref() {
        "" => message.clone(),
        field => format!("{field} {message}"),
    });
    words.collect::<Vec<_>>().join("; ")
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
