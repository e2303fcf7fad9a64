//! `adaptive-bi ingest FILE`: events as JSON, or the Online Retail CSV, plain or compressed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use foldhash::HashMap;
use indicatif::{ProgressBar, ProgressStyle};
use projections::event::{Kind, Reason};
use projections::time::Time;
use tokio::sync::mpsc;

use super::coding::Coding;
use super::envelope::{self, Edge, wrapped};
use super::fault::fault;
use super::pieces::{End, Piece, Pieces, Unreadable};
use super::report::in_words;
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

impl From<Unreadable> for Error {
    fn from(Unreadable { line, source }: Unreadable) -> Self {
        Error::Cut { line, source: Some(source) }
    }
}

/// The format of the input.
pub enum Source {
    /// Events as JSON: one a line or over several, or in arrays.
    Json(Box<dyn Read + Send>),
    /// The Online Retail CSV.
    Retail(Box<dyn Read + Send>, retail::Options),
}

/// The most skipped lines that a [`Summary`] names.
const NAMED_MAX: usize = 5;
/// The most bytes of a skipped line that are shown.
const SHOWN_BYTES_MAX: usize = 200;
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
    /// The beginning of the first of them that the file shows.
    pub shown: Option<(u64, String)>,
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

    /// Keeps what a line says, unless an earlier one is kept.
    fn show(&mut self, line: u64, text: &[u8]) {
        if self.shown.as_ref().is_none_or(|(first, _)| line < *first) {
            let text = String::from_utf8_lossy(&text[..text.len().min(SHOWN_BYTES_MAX)]);
            let shown = |it: char| if it.is_control() { ' ' } else { it };
            self.shown = Some((line, text.chars().map(shown).collect()));
        }
    }

    fn merge(&mut self, other: Skipped) {
        other.reasons.into_iter().for_each(|(reason, lines)| self.add(reason, lines));
        other.first.into_iter().for_each(|line| self.name(line));
        self.shown = self.shown.take().or(other.shown);
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

/// The compressions by the endings of names, and by the bytes that such a file begins with.
const COMPRESSED: [(&str, Coding, &[u8]); 4] = [
    ("gz", Coding::Gzip, b"\x1f\x8b"),
    ("gzip", Coding::Gzip, b"\x1f\x8b"),
    ("zst", Coding::Zstd, b"\x28\xb5\x2f\xfd"),
    ("zstd", Coding::Zstd, b"\x28\xb5\x2f\xfd"),
];

fn coding_of(path: &Path) -> Option<Coding> {
    let end = path.extension()?;
    let known = COMPRESSED.iter().find(|(known, ..)| end.eq_ignore_ascii_case(known));
    known.map(|(_, coding, _)| *coding)
}

/// The name without the ending of a compression.
#[must_use]
pub fn decompressed_name(path: &Path) -> PathBuf {
    if coding_of(path).is_some() { path.with_extension("") } else { path.to_owned() }
}

/// Opens a file, decompressed where its name or its beginning says that it is compressed, counting
/// the bytes read of it.
///
/// # Errors
/// [`Error::Open`].
pub fn open(path: &Path) -> Result<Opened, Error> {
    let name = path.display().to_string();
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (size, file) = opened.map_err(|source| Error::Open { name: name.clone(), source })?;
    let read = Arc::new(AtomicU64::new(0));
    let mut counted =
        BufReader::with_capacity(1 << 16, Counted { inner: file, read: Arc::clone(&read) });
    let begun = counted.fill_buf().map(|begin| {
        let begins = |(_, _, magic): &&(&str, Coding, &[u8])| begin.starts_with(magic);
        COMPRESSED.iter().find(begins).map(|(_, coding, _)| *coding)
    });
    let input = begun.and_then(|begun| decoded(counted, coding_of(path).or(begun)));
    let input = input.map_err(|source| Error::Open { name, source })?;
    Ok(Opened { input, read, size })
}

/// Reads `input` through its compression.
///
/// # Errors
/// Fails if there is no memory for the decoder.
pub fn decoded(
    input: impl Read + Send + 'static,
    coding: Option<Coding>,
) -> io::Result<Box<dyn Read + Send>> {
    match coding {
        Some(coding) => coding.reader(input),
        None => Ok(Box::new(input)),
    }
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
    let by_line = matches!(source, Source::Json(_));
    let reading = tokio::task::spawn_blocking(move || match source {
        Source::Json(input) => read_json(input, &currency, &sender).map(|skipped| (skipped, 0)),
        Source::Retail(input, options) => read_retail(input, options, &sender),
    });
    let mut summary = Summary::default();
    let mut submitter = Submitter::new(log, NO_HURRY);
    let (mut read, mut places) = (0, HashMap::default());
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
        places.insert(read, number);
        submitter.push(read, event).await;
        if read % 1_000 == 0 {
            summary.take(submitter.take(), &mut places, by_line)?;
            progress(summary.accepted + summary.duplicates);
        }
    }
    summary.take(submitter.finish().await, &mut places, by_line)?;
    let ended = reading.await.unwrap_or(Err(Error::Cut { line: 0, source: None }));
    let (skipped, further) = ended?;
    summary.skipped.merge(skipped);
    summary.further = further;
    summary.took = started.elapsed();
    Ok(summary)
}

impl Summary {
    /// The outcomes are of the events at these places: lines, or else numbers of events.
    fn take(
        &mut self,
        outcomes: HashMap<usize, Outcome>,
        places: &mut HashMap<usize, u64>,
        by_line: bool,
    ) -> Result<(), Error> {
        let place = |number| format!("{} {number}", if by_line { "line" } else { "event" });
        let told = |(event, outcome)| (places.remove(&event).unwrap_or_default(), outcome);
        for (number, outcome) in outcomes.into_iter().map(told) {
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
                        self.skipped.name(number);
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

/// Events on their way from the file, each with the line that it begins in, or else its number; from 1.
type Numbered = mpsc::Sender<(u64, Outgoing)>;

fn read_json(
    input: Box<dyn Read + Send>,
    currency: &str,
    events: &Numbered,
) -> Result<Skipped, Error> {
    let mut pieces = Pieces::of(BufReader::with_capacity(1 << 20, input));
    let mut skipped = Skipped::default();
    while let Some(piece) = pieces.read()? {
        let mut unread = match event_of(&piece, currency) {
            Ok(event) => {
                if events.blocking_send((piece.line, event)).is_err() {
                    break;
                }
                continue;
            }
            Err(_) if piece.end == End::Cut => {
                return Err(Error::Cut { line: piece.line, source: None });
            }
            Err(reasons) => vec![(reasons, piece)],
        };
        if let [(_, piece)] = &unread[..]
            && let Some(parts) = wrapped(&piece.text)
        {
            let parts: Vec<_> = parts.into_iter().map(|text| piece.part(text)).collect();
            unread.clear();
            for part in parts {
                match event_of(&part, currency) {
                    Ok(event) => drop(events.blocking_send((part.line, event))),
                    Err(reasons) => unread.push((reasons, part)),
                }
            }
        }
        for (reasons, Piece { line, text, .. }) in unread {
            skipped.add(in_words(&reasons), 1);
            skipped.name(line);
            skipped.show(line, &text);
        }
    }
    Ok(skipped)
}

/// Reads a piece as an event of the moment.
fn event_of(piece: &Piece, currency: &str) -> Result<Outgoing, Vec<Reason>> {
    let now = Time(chrono::Utc::now().timestamp_millis());
    // The caller's id means nothing here: making a message id of it takes the secret.
    let read = envelope::of_any_kind(&piece.text, Edge { now, currency, ids: None });
    // Its body is a copy: it may wait for long, and of what was read with it all may be left out.
    let read = read.map(|it| Outgoing { body: Bytes::copy_from_slice(&it.body), ..it });
    // What is no JSON is told by its place in the file.
    read.map_err(|reasons| fault(piece).map_or(reasons, |fault| vec![Reason::new("", fault)]))
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
        ("the price is zero", summary.skipped.zero_price),
        ("the price is negative", summary.skipped.negative_price),
        ("the quantity is zero", summary.skipped.zero_quantity),
        ("a negative quantity that is no return", summary.skipped.negative_quantity),
    ];
    let malformed = summary.malformed.iter().map(|(reason, lines)| (*reason, *lines));
    let mut skipped = Skipped::default();
    for (reason, lines) in malformed.chain(by_reason).filter(|(_, lines)| *lines > 0) {
        skipped.add(reason.to_owned(), lines);
    }
    if let Some((line, text)) = &summary.shown {
        skipped.show(*line, text);
    }
    summary.skipped_first.iter().for_each(|line| skipped.name(*line));
    Ok((skipped, summary.further))
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
