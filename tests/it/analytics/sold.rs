//! What the file of the year says was sold, line by line.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader};

use adaptive_bi::ingest::retail::{Importer, Options};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::year::{fields, text, thousandths};

/// One line: of an order, or of what came back.
#[derive(Debug, Clone)]
pub struct Line {
    /// The order; of what came back, none.
    pub order: Option<String>,
    pub at: DateTime<Utc>,
    pub user: String,
    pub product: String,
    pub category: String,
    pub country: String,
    pub quantity: i64,
    /// In 1/1,000.
    pub amount: i64,
}

pub struct Sold(Vec<Line>);

/// The lines at the times that clocks of a zone showed.
#[derive(Clone)]
pub struct Local<'a>(Vec<(NaiveDateTime, &'a Line)>);

/// Customers, and the local time at which each became known.
pub struct Known<'a>(Vec<(NaiveDateTime, &'a str)>);

/// Sums of some lines.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Sums<'a> {
    pub orders: HashSet<&'a str>,
    pub users: HashSet<&'a str>,
    pub gross: i64,
    pub returns: i64,
    pub quantity: i64,
}

impl<'a> Sums<'a> {
    pub fn add(&mut self, line: &'a Line) {
        match &line.order {
            Some(order) => {
                self.orders.insert(order);
                self.users.insert(&line.user);
                self.gross += line.amount;
                self.quantity += line.quantity;
            }
            None => self.returns += line.amount,
        }
    }

    pub fn net(&self) -> i64 {
        self.gross - self.returns
    }
}

impl Sold {
    pub fn of_the_year() -> Self {
        let mut categories = HashMap::new();
        for event in Importer::new(text(), Options::default()).map(|event| event.expect("whole")) {
            if event.kind == "product" {
                let product: Value = serde_json::from_slice(&event.body).expect("JSON");
                categories
                    .entry(event.id)
                    .or_insert(product["category"].as_str().expect("one").to_owned());
            }
        }
        let mut dates: HashMap<String, DateTime<Utc>> = HashMap::new();
        let mut lines = Vec::new();
        for line in BufReader::new(text()).lines().skip(1) {
            let fields = fields(&line.expect("text"));
            let [invoice, product, _, quantity, date, price, customer, country] = &fields[..]
            else {
                panic!("{fields:?}")
            };
            let (quantity, price) = (quantity.parse::<i64>().expect("units"), thousandths(price));
            let is_return = quantity < 0 && invoice.starts_with('C');
            if price <= 0 || quantity == 0 || (quantity < 0 && !is_return) {
                continue;
            }
            let at =
                NaiveDateTime::parse_from_str(date, "%Y-%m-%d %H:%M:%S").expect("a date").and_utc();
            // An order's date is that of its first line.
            let at = if is_return { at } else { *dates.entry(invoice.clone()).or_insert(at) };
            let user = match customer.trim_end_matches(".0") {
                "" => format!("guest-{invoice}"),
                id => id.to_owned(),
            };
            lines.push(Line {
                order: (!is_return).then(|| invoice.clone()),
                at,
                user,
                product: product.clone(),
                category: categories[product].clone(),
                country: country.clone(),
                quantity: quantity.abs(),
                amount: (quantity * price).abs(),
            });
        }
        Sold(lines)
    }

    /// The same, so many weeks later, as the demo has it.
    pub fn later(mut self, weeks: i64) -> Self {
        self.0.iter_mut().for_each(|line| line.at += TimeDelta::weeks(weeks));
        self
    }

    /// Adds a line of what was sold besides.
    pub fn add(&mut self, line: Line) {
        self.0.push(line);
    }

    /// Every line.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }

    /// The country that was stated last of each customer with an account.
    pub fn countries() -> BTreeMap<String, String> {
        let events = Importer::new(text(), Options::default()).map(|event| event.expect("whole"));
        let of_customers = events.filter(|event| event.kind == "customer").filter_map(|event| {
            let customer: Value = serde_json::from_slice(&event.body).expect("JSON");
            Some((event.id, customer["country"].as_str()?.to_owned()))
        });
        of_customers.collect()
    }

    /// The number of products.
    pub fn products(&self) -> usize {
        self.0.iter().map(|line| line.product.as_str()).collect::<HashSet<_>>().len()
    }

    /// The time of the newest line.
    pub fn last(&self) -> DateTime<Utc> {
        self.0.iter().map(|line| line.at).max().expect("lines")
    }

    pub fn local(&self, zone: Tz) -> Local<'_> {
        Local(self.0.iter().map(|line| (at_clock(zone, line.at), line)).collect())
    }

    /// The customers: each became known by the first line that names them.
    pub fn known(&self, zone: Tz) -> Known<'_> {
        let mut first: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
        for line in &self.0 {
            first.entry(&line.user).or_insert(line.at);
        }
        Known(first.into_iter().map(|(user, at)| (at_clock(zone, at), user)).collect())
    }
}

/// What clocks of a zone showed at a time.
fn at_clock(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    zone.from_utc_datetime(&at.naive_utc()).naive_local()
}

impl<'a> Known<'a> {
    /// Those who became known between two local days, both included.
    pub fn within(&self, (first, last): (NaiveDate, NaiveDate)) -> Known<'a> {
        let is_in = |(local, _): &&(NaiveDateTime, &str)| (first..=last).contains(&local.date());
        Known(self.0.iter().filter(is_in).copied().collect())
    }

    /// Those of whom `has` says so.
    pub fn that(&self, has: impl Fn(&str) -> bool) -> Known<'a> {
        Known(self.0.iter().filter(|(_, user)| has(user)).copied().collect())
    }

    /// The number of those with an account, and of guests.
    pub fn numbers(&self) -> [usize; 2] {
        let guests = self.0.iter().filter(|(_, user)| user.starts_with("guest-")).count();
        [self.0.len() - guests, guests]
    }

    /// The number of them by period.
    pub fn by(&self, period: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (local, _) in &self.0 {
            *counts.entry(label(period, *local)).or_default() += 1;
        }
        counts
    }
}

impl<'a> Local<'a> {
    /// The lines of which `has` says so.
    pub fn that(&self, has: impl Fn(&Line) -> bool) -> Local<'a> {
        Local(self.0.iter().filter(|(_, line)| has(line)).copied().collect())
    }

    /// The lines of which `has` says so between two local days, both included.
    pub fn within(
        &self,
        (first, last): (NaiveDate, NaiveDate),
        has: impl Fn(&Line) -> bool,
    ) -> Local<'a> {
        let is_in = |(local, line): &&(NaiveDateTime, &Line)| {
            (first..=last).contains(&local.date()) && has(line)
        };
        Local(self.0.iter().filter(is_in).copied().collect())
    }

    /// Those that were sold, without what came back.
    pub fn sold(&self) -> Local<'a> {
        self.that(|line| line.order.is_some())
    }

    /// Their sums by what `key` says of each.
    pub fn sums<K: Ord>(
        &self,
        key: impl Fn(&'a Line, NaiveDateTime) -> K,
    ) -> BTreeMap<K, Sums<'a>> {
        let mut sums: BTreeMap<K, Sums> = BTreeMap::new();
        for (local, line) in &self.0 {
            sums.entry(key(line, *local)).or_default().add(line);
        }
        sums
    }

    /// The sums of all of them.
    pub fn total(&self) -> Sums<'a> {
        self.sums(|_, _| ()).into_values().next().unwrap_or_default()
    }
}

/// The name of the period that a local time is of.
pub fn label(period: &str, local: NaiveDateTime) -> String {
    match period {
        "hour" => local.format("%Y-%m-%d %H:00").to_string(),
        "day" => local.format("%Y-%m-%d").to_string(),
        "week" => local.format("%G-W%V").to_string(),
        "month" => local.format("%Y-%m").to_string(),
        "quarter" => format!("{}-Q{}", local.year(), local.month0() / 3 + 1),
        "year" => local.format("%Y").to_string(),
        other => panic!("{other}"),
    }
}
