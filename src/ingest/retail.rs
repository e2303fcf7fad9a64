//! The importer of UCI's Online Retail data set: the CSV of a real shop's invoice lines becomes
//! `product`, `customer`, `order` and `refund` events, in the order of the file.
//!
//! Pure and synchronous: it reads what it is given and hands out events. The same file always
//! gives the same bytes, so importing it twice changes nothing.
//!
//! Layout: `lines` splits the text, `row` decides what a line is, `record` gathers the lines of an
//! order, `body` writes the payloads, `categories` sorts the products, `summary` counts.
//!
//! | line | becomes |
//! |---|---|
//! | quantity and price above 0 | a line of the order `<InvoiceNo>` |
//! | quantity below 0, price above 0, invoice number starting with C | a refund `<InvoiceNo>-<n>`, absolute |
//! | anything else | nothing; counted in [`Skipped`] |
//!
//! `n` counts every line of the invoice from 1, skipped and unreadable ones too, so repairing a
//! line of a file renames no other sale; it is also the id of an order's line. A product and a
//! customer are announced immediately before the first order or refund that names them. A line
//! without a customer is a guest's: `guest-<InvoiceNo>`.
//!
//! **Where an order ends.** In the real file invoice 542806 is interrupted by the cancellation
//! C542805; all others stand together. So an order stays open until [`OPEN_MAX`] further
//! orders or refunds have begun behind it. Lines of its invoice that come later still, and those
//! past what an order can hold, are not lost: they make a further order `<InvoiceNo>.2` of the same
//! `invoice`, and so on, which [`Summary::further`] counts.
//!
//! **Transactions.** Versions before orders made each line a transaction `<InvoiceNo>-<n>`,
//! completed or returned. A log that has a file in that form gets the rest of it in that form:
//! [`Form::Transactions`].

mod body;
mod categories;
mod error;
mod event;
mod lines;
mod record;
mod row;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Read;
use std::iter::FusedIterator;

use chrono::{DateTime, TimeDelta, Utc};

use lines::{Lines, split};
use record::{Kind, Record};
use row::{Row, Skip, Status, check_length, parse};

pub use error::Error;
pub use event::Event;
pub use summary::{Skipped, Summary};

/// The most orders and refunds that are held back for further lines of the first of them.
pub const OPEN_MAX: usize = 16;

/// What the lines of a file become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// Each invoice an order with its lines, each line of a cancellation a refund.
    #[default]
    Orders,
    /// Each line a transaction.
    Transactions,
}

/// The options of an import. The default adds nothing to the file and moves nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// See [`Form`].
    pub form: Form,
    /// Weeks added to every date; see [`weeks_until`].
    pub shift_weeks: i64,
    /// Gives every product a stock derived from its code, and a description that says so.
    pub demo: bool,
}

/// The events of a file, in order. Ends after the first [`Error`], which comes after the events of
/// the lines before it.
pub struct Importer<R> {
    lines: Lines<R>,
    state: State,
    stage: Stage,
}

/// The place of an importer in its file.
enum Stage {
    Header,
    Body,
    /// Nothing more is read, and this remains to be said.
    Read(Option<Error>),
}

/// The memory of an importer of the lines before: bounded by the entities of the file, but for a few
/// open orders.
struct State {
    options: Options,
    shift: TimeDelta,
    invoices: HashMap<String, Invoice>,
    products: HashSet<String>,
    customers: HashSet<String>,
    /// What has begun and may go on, or waits for that, in the order of the file.
    open: VecDeque<Record>,
    /// The events of the last record that were not handed out yet.
    ready: VecDeque<Event>,
    summary: Summary,
}

/// What an invoice had so far.
#[derive(Default)]
struct Invoice {
    lines: u32,
    orders: u32,
}

impl<R: Read> Importer<R> {
    /// Imports the CSV text `input`, already decompressed. Nothing is read yet.
    pub fn new(input: R, options: Options) -> Self {
        let state = State {
            options,
            // A shift that no date survives leaves every line malformed, which the summary shows.
            shift: TimeDelta::try_weeks(options.shift_weeks).unwrap_or(TimeDelta::MAX),
            invoices: HashMap::new(),
            products: HashSet::new(),
            customers: HashSet::new(),
            open: VecDeque::with_capacity(OPEN_MAX + 1),
            ready: VecDeque::new(),
            summary: Summary::default(),
        };
        Self { lines: Lines::new(input), state, stage: Stage::Header }
    }

    /// The counts of the lines so far; complete once the iterator has ended.
    pub fn summary(&self) -> &Summary {
        &self.state.summary
    }

    /// Takes one line, or notes that there is none.
    fn read(&mut self) -> Result<(), Error> {
        if let Stage::Header = self.stage {
            self.lines.header()?;
            self.stage = Stage::Body;
        }
        match self.lines.read()? {
            Some((number, line)) => self.state.take(number, line),
            None => self.stage = Stage::Read(None),
        }
        Ok(())
    }
}

impl<R: Read> Iterator for Importer<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.state.ready.pop_front() {
                return Some(Ok(event));
            }
            if let Some(record) = self.state.next_whole(matches!(self.stage, Stage::Read(_))) {
                self.state.announce(&record);
            } else if let Stage::Read(error) = &mut self.stage {
                return error.take().map(Err);
            } else if let Err(error) = self.read() {
                self.stage = Stage::Read(Some(error));
            }
        }
    }
}

impl<R: Read> FusedIterator for Importer<R> {}

impl State {
    /// Takes one line: it is gathered, or its reason is counted.
    fn take(&mut self, number: u64, line: &[u8]) {
        self.summary.lines += 1;
        let result = split(line).map_err(Skip::Malformed).and_then(|fields| {
            let n = self.count_line(&fields[0])?;
            self.gather(&parse(&fields, self.shift)?, n);
            Ok(())
        });
        if let Err(skip) = result {
            self.summary.skip(number, line, skip);
        }
    }

    /// The number of this line within its invoice.
    fn count_line(&mut self, invoice: &str) -> Result<u32, Skip> {
        check_length(invoice, 1..=100, "InvoiceNo does not have 1 to 100 characters")?;
        let known = self.invoices.entry(invoice.to_owned()).or_default();
        known.lines += 1;
        Ok(known.lines)
    }

    /// Puts a line to its order, or begins what it is.
    fn gather(&mut self, row: &Row<'_>, n: u32) {
        match row.status {
            Status::Completed => self.summary.sold += 1,
            Status::Returned => self.summary.returned += 1,
        }
        let kind = match (self.options.form, row.status) {
            (Form::Transactions, status) => Kind::Transaction(status),
            (Form::Orders, Status::Returned) => Kind::Refund,
            (Form::Orders, Status::Completed) => {
                if let Some(order) = self.open.iter_mut().rev().find(|it| it.takes(row)) {
                    order.push(row, n);
                    return;
                }
                let known = self.invoices.entry(row.invoice.to_owned()).or_default();
                known.orders += 1;
                self.summary.orders += 1;
                self.summary.further += u64::from(known.orders > 1);
                Kind::Order { number: known.orders }
            }
        };
        self.open.push_back(Record::begin(kind, row, n));
    }

    /// The first of what has begun, once it cannot go on.
    fn next_whole(&mut self, is_read: bool) -> Option<Record> {
        let held_back = match self.options.form {
            Form::Orders if !is_read => OPEN_MAX,
            _ => 0,
        };
        (self.open.len() > held_back).then(|| self.open.pop_front()).flatten()
    }

    /// Makes a record's events ready: the products and the customer that are named for the first
    /// time, then what it is.
    fn announce(&mut self, record: &Record) {
        for line in &record.lines {
            if !self.products.contains(&line.product) {
                self.products.insert(line.product.clone());
                self.summary.products += 1;
                self.ready.push_back(body::product(line, self.options.demo));
            }
        }
        if !self.customers.contains(&record.user) {
            self.customers.insert(record.user.clone());
            self.summary.customers += 1;
            self.summary.guests += u64::from(record.is_guest);
            self.ready.push_back(body::customer(record));
        }
        self.ready.extend(body::event(record));
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

/// The id that the first sale or return of the CSV text `input` has as a transaction; `None` where
/// there is none.
///
/// # Errors
/// If the text cannot be read up to there.
pub fn first_transaction(input: impl Read) -> Result<Option<String>, Error> {
    let options = Options { form: Form::Transactions, ..Options::default() };
    for event in Importer::new(input, options) {
        let Event { kind, id, .. } = event?;
        if kind == "transaction" {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The largest whole number of weeks that moves `last` no further than `now`: weekdays and times of
/// day stay the same, and nothing lands in the future.
#[must_use]
pub fn weeks_until(last: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    (now - last).num_milliseconds().div_euclid(TimeDelta::weeks(1).num_milliseconds())
}
