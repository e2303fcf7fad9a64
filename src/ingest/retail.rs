//! The importer of UCI's Online Retail data set: the CSV of a real shop's invoice lines becomes
//! `product`, `customer` and `transaction` events, in the order of the file.
//!
//! Pure and synchronous: it reads what it is given and hands out events. The same file always
//! gives the same bytes, so importing it twice changes nothing.
//!
//! Layout: `lines` splits the text, `row` decides what a line is, `body` writes the payloads,
//! `categories` sorts the products, `summary` counts.
//!
//! | line | becomes |
//! |---|---|
//! | quantity and price above 0 | a completed transaction `<InvoiceNo>-<n>` |
//! | quantity below 0, price above 0, invoice number starting with C | a returned one, absolute |
//! | anything else | nothing; counted in [`Skipped`] |
//!
//! `n` counts every line of the invoice from 1, skipped and unreadable ones too, so repairing a
//! line of a file renames no other sale. A product and a customer are announced immediately before
//! the first transaction that names them. A line without a customer is a guest's:
//! `guest-<InvoiceNo>`.

mod body;
mod categories;
mod error;
mod event;
mod lines;
mod row;
mod summary;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Read;
use std::iter::FusedIterator;

use chrono::{DateTime, TimeDelta, Utc};

use lines::{Lines, split};
use row::{Row, Skip, Status, check_length, parse};

pub use error::Error;
pub use event::Event;
pub use summary::{Skipped, Summary};

/// The options of an import. The default adds nothing to the file and moves nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Weeks added to every date; see [`weeks_until`].
    pub shift_weeks: i64,
    /// Gives every product a stock derived from its code, and a description that says so.
    pub demo: bool,
}

/// The events of a file, in order. Ends after the first [`Error`].
pub struct Importer<R> {
    lines: Lines<R>,
    state: State,
    stage: Stage,
}

/// The place of an importer in its file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Body,
    Ended,
}

/// The memory of an importer of the lines before: bounded by the entities of the file.
struct State {
    shift: TimeDelta,
    demo: bool,
    /// Lines so far by invoice. An invoice's lines need not stand together.
    invoices: HashMap<String, u32>,
    products: HashSet<String>,
    customers: HashSet<String>,
    /// The events of the last line that were not handed out yet; at most three.
    ready: VecDeque<Event>,
    summary: Summary,
}

impl<R: Read> Importer<R> {
    /// Imports the CSV text `input`, already decompressed. Nothing is read yet.
    pub fn new(input: R, options: Options) -> Self {
        let state = State {
            // A shift that no date survives leaves every line malformed, which the summary shows.
            shift: TimeDelta::try_weeks(options.shift_weeks).unwrap_or(TimeDelta::MAX),
            demo: options.demo,
            invoices: HashMap::new(),
            products: HashSet::new(),
            customers: HashSet::new(),
            ready: VecDeque::with_capacity(3),
            summary: Summary::default(),
        };
        Self { lines: Lines::new(input), state, stage: Stage::Header }
    }

    /// The counts of the lines so far; complete once the iterator has ended.
    pub fn summary(&self) -> &Summary {
        &self.state.summary
    }

    /// Reads lines until one gives an event; `None` at the end of the file.
    fn advance(&mut self) -> Result<Option<Event>, Error> {
        if self.stage == Stage::Header {
            self.lines.header()?;
            self.stage = Stage::Body;
        }
        loop {
            if let Some(event) = self.state.ready.pop_front() {
                return Ok(Some(event));
            }
            match self.lines.read()? {
                Some((number, line)) => self.state.take(number, line),
                None => return Ok(None),
            }
        }
    }
}

impl<R: Read> Iterator for Importer<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stage == Stage::Ended {
            return None;
        }
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.stage = Stage::Ended;
        }
        next
    }
}

impl<R: Read> FusedIterator for Importer<R> {}

impl State {
    /// Takes one line: its events are ready, or its reason is counted.
    fn take(&mut self, number: u64, line: &[u8]) {
        self.summary.lines += 1;
        let result = split(line).map_err(Skip::Malformed).and_then(|fields| {
            let n = self.count_line(&fields[0])?;
            self.announce(&parse(&fields, self.shift)?, n);
            Ok(())
        });
        if let Err(skip) = result {
            self.summary.skip(number, skip);
        }
    }

    /// The number of this line within its invoice.
    fn count_line(&mut self, invoice: &str) -> Result<u32, Skip> {
        check_length(invoice, 1..=100, "InvoiceNo does not have 1 to 100 characters")?;
        if let Some(n) = self.invoices.get_mut(invoice) {
            *n += 1;
            return Ok(*n);
        }
        self.invoices.insert(invoice.to_owned(), 1);
        Ok(1)
    }

    /// Makes the line's events ready: the product and the customer if they are named for the first
    /// time, then the sale.
    fn announce(&mut self, row: &Row<'_>, n: u32) {
        if !self.products.contains(row.product) {
            self.products.insert(row.product.to_owned());
            self.summary.products += 1;
            self.ready.push_back(body::product(row, self.demo));
        }
        let user_id = match row.customer {
            Some(id) => Cow::Borrowed(id),
            None => Cow::Owned(format!("guest-{}", row.invoice)),
        };
        if !self.customers.contains(user_id.as_ref()) {
            self.customers.insert(user_id.to_string());
            self.summary.customers += 1;
            self.summary.guests += u64::from(row.customer.is_none());
            self.ready.push_back(body::customer(row, &user_id));
        }
        match row.status {
            Status::Completed => self.summary.completed += 1,
            Status::Returned => self.summary.returned += 1,
        }
        self.ready.push_back(body::transaction(row, &user_id, n));
    }
}

/// The latest `InvoiceDate` of a sale or return in the CSV text `input`, unshifted; `None` where
/// there is no sale.
///
/// # Errors
/// As an import of the same file: a file that cannot be read whole has no last date.
pub fn last_date(input: impl Read) -> Result<Option<DateTime<Utc>>, Error> {
    let mut lines = Lines::new(input);
    lines.header()?;
    let mut last = None;
    while let Some((_, line)) = lines.read()? {
        let Ok(fields) = split(line) else { continue };
        if let Ok(row) = parse(&fields, TimeDelta::zero()) {
            last = last.max(Some(row.at));
        }
    }
    Ok(last)
}

/// The largest whole number of weeks that moves `last` no further than `now`: weekdays and times of
/// day stay the same, and nothing lands in the future.
#[must_use]
pub fn weeks_until(last: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    (now - last).num_milliseconds().div_euclid(TimeDelta::weeks(1).num_milliseconds())
}
