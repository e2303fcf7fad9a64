//! The read model of customers: a document for the statements about each, and a row of a
//! [`Tally`](crate::tally::Tally) for its counts.

use serde::{Deserialize, Serialize};

use super::event;
use crate::bucket;
use crate::collection::Collection;
use crate::entity::Entity;
use crate::fold::version::Version;
use crate::funnel::document::Funnel;
use crate::packed::tally::Tally;
use crate::quantity::Quantity;
use crate::sales::sums::{ByStatus, Sums};
use crate::table;
use crate::time::Time;

/// The prefix of the ids of visitors who bought without an account.
pub const GUEST_PREFIX: &str = "guest-";

/// A customer, known from the first event that names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Its number in order of first appearance; rollups count by it.
    pub ordinal: u32,
    /// Whether its id begins with [`GUEST_PREFIX`].
    pub guest: bool,
    /// The earliest event time; not retracted.
    pub first_seen: Time,
    /// The latest event time; not retracted.
    pub last_seen: Time,
    /// From its customer event, else [`Customer::first_seen`].
    pub created_at: Time,
    /// The earliest completed transaction that is counted now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_purchase: Option<Time>,
    /// The latest completed transaction that is counted now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_purchase: Option<Time>,
    /// The sums of its transactions.
    #[serde(flatten)]
    pub sales: ByStatus,
    /// The number of activities.
    pub activities: i64,
    /// The earliest activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_activity: Option<Time>,
    /// The latest activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Time>,
    /// The number of ratings that are counted now.
    pub ratings: i64,
    /// The sum of those ratings.
    pub rating_sum: i64,
    /// The number of returns and refunds, and the sums of what came back.
    #[serde(default, skip_serializing_if = "Sums::is_zero")]
    pub returns: Sums,
    /// Its latest steps through the funnel, and the attempt that is open before them.
    #[serde(skip)]
    pub funnel: Funnel,
    /// The statements of its newest customer event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Box<Profile>>,
}

/// A customer's document: its statements. Its counts are a [`Row`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerDocument {
    /// As in [`Customer`].
    pub ordinal: u32,
    /// As in [`Customer`].
    pub guest: bool,
    /// As in [`Customer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Box<Profile>>,
}

/// The counts of a customer: first seen; after that, in milliseconds, last seen, created, and 1
/// more than first and last purchase, 0 if there is none; activities, ratings, their sum; the sums of
/// each status and of returns; and first and last activity, as purchases are.
pub type Row = [i64; 25];

/// The collection of customers.
#[derive(Debug)]
pub struct Customers;

impl Collection for Customers {
    const NAME: &'static str = "customers";
    const AT_HAND: usize = 400_000;
    const ENTITY: Option<Entity> = Some(Entity::Customer);
    type Key = Box<str>;
    type Document = Customer;
    type Stored = CustomerDocument;

    fn stored(customer: &Customer) -> impl Serialize + '_ {
        customer.record()
    }

    fn read(record: CustomerDocument) -> Customer {
        Customer::of(record, &[0; 25])
    }

    fn ordinal(customer: &Customer) -> u32 {
        customer.ordinal
    }

    fn put_counts(customer: &Customer, tally: &mut Tally) {
        tally.set_with(customer.ordinal, &customer.row(), customer.funnel.bytes());
    }

    fn take_counts(customer: &mut Customer, tally: &Tally) {
        customer.count(&tally.get(customer.ordinal));
        customer.funnel = Funnel::of(tally.rest(customer.ordinal));
    }
}

/// The statements of a customer event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// Whether the shop has the customer no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// The version of the event that stated this.
    #[serde(flatten)]
    pub version: Version,
}

impl Profile {
    /// The statements of an event.
    #[must_use]
    pub fn of(event: &event::Customer<'_>, version: Version) -> Self {
        let text = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().map(Into::into);
        Profile {
            username: text(&event.username),
            email: text(&event.email),
            first_name: text(&event.first_name),
            last_name: text(&event.last_name),
            country: text(&event.country),
            created_at: event.created_at,
            gone: event.is_gone,
            version,
        }
    }

    /// Whether two events state the same, at whatever time.
    #[must_use]
    pub fn says_the_same(&self, other: &Profile) -> bool {
        Profile { version: self.version, ..other.clone() } == *self
    }
}

impl Customer {
    /// Whether the shop has the customer no more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.profile.as_ref().is_some_and(|profile| profile.gone)
    }

    /// A customer first named by an event of time `at`.
    #[must_use]
    pub fn new(id: &str, ordinal: u32, at: Time) -> Self {
        Customer {
            ordinal,
            guest: id.starts_with(GUEST_PREFIX),
            first_seen: at,
            last_seen: at,
            created_at: at,
            first_purchase: None,
            last_purchase: None,
            sales: ByStatus::default(),
            activities: 0,
            first_activity: None,
            last_activity: None,
            ratings: 0,
            rating_sum: 0,
            returns: Sums::default(),
            funnel: Funnel::default(),
            profile: None,
        }
    }

    /// A customer as stored.
    #[must_use]
    pub fn of(record: CustomerDocument, row: &Row) -> Self {
        let CustomerDocument { ordinal, guest, profile } = record;
        let mut customer = Customer { guest, profile, ..Customer::new("", ordinal, Time(0)) };
        customer.count(row);
        customer
    }

    /// Takes the counts from a row.
    fn count(&mut self, row: &Row) {
        let [first, last, created, bought_first, bought_last, activities, ratings, rating_sum, ..] =
            *row;
        let time = |after: i64| (after > 0).then(|| Time(first + after - 1));
        self.first_seen = Time(first);
        self.last_seen = Time(first + last);
        self.created_at = Time(first + created);
        (self.first_purchase, self.last_purchase) = (time(bought_first), time(bought_last));
        (self.first_activity, self.last_activity) = (time(row[23]), time(row[24]));
        self.sales = ByStatus::from_columns(&row[8..20]);
        self.returns = Sums::from([row[20], row[21], row[22]]);
        (self.activities, self.ratings, self.rating_sum) = (activities, ratings, rating_sum);
    }

    /// Its document.
    #[must_use]
    pub fn record(&self) -> CustomerDocument {
        CustomerDocument { ordinal: self.ordinal, guest: self.guest, profile: self.profile.clone() }
    }

    /// The counts of the customer.
    #[must_use]
    pub fn row(&self) -> Row {
        let first = self.first_seen.0;
        // First seen is the earliest event of all.
        let time = |at: Option<Time>| at.map_or(0, |at| at.0 - first + 1);
        let mut row = [0; 25];
        row[..8].copy_from_slice(&[
            first,
            self.last_seen.0 - first,
            self.created_at.0 - first,
            time(self.first_purchase),
            time(self.last_purchase),
            self.activities,
            self.ratings,
            self.rating_sum,
        ]);
        self.sales.to_columns(&mut row[8..20]);
        row[20..23].copy_from_slice(&table::Row::from(self.returns));
        row[23..].copy_from_slice(&[time(self.first_activity), time(self.last_activity)]);
        row
    }

    /// Takes note of an event of time `at`.
    pub fn seen(&mut self, at: Time) {
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        self.date();
    }

    /// Counts an activity. Returns the time of the first one before it.
    pub(crate) fn count_activity(&mut self, at: Time) -> Option<Time> {
        let before = self.first_activity;
        self.activities += 1;
        self.first_activity = Some(before.map_or(at, |first| first.min(at)));
        self.last_activity = Some(self.last_activity.map_or(at, |last| last.max(at)));
        before
    }

    /// The quarter hours of its first and of its last purchase, and 1, if there is one.
    pub(crate) fn purchases(&self) -> table::Row {
        let ends = self.first_purchase.zip(self.last_purchase);
        ends.map_or([0; 3], |(first, last)| {
            [bucket::quarter_of(first).into(), bucket::quarter_of(last).into(), 1]
        })
    }

    /// Replaces the profile.
    pub fn state(&mut self, profile: Profile) {
        self.profile = Some(Box::new(profile));
        self.date();
    }

    fn date(&mut self) {
        let declared = self.profile.as_ref().and_then(|profile| profile.created_at);
        self.created_at = declared.unwrap_or(self.first_seen);
    }

    /// Puts a purchase in (`sign` 1) or takes it out (-1), once the sums are with it or without it.
    /// True if it was at one end of the purchases that remain, so that the ledger must be asked for
    /// the next one.
    #[must_use]
    pub fn count_purchase(&mut self, sign: i64, at: Time) -> bool {
        if sign > 0 {
            self.first_purchase = Some(self.first_purchase.map_or(at, |first| first.min(at)));
            self.last_purchase = Some(self.last_purchase.map_or(at, |last| last.max(at)));
            return false;
        }
        if self.sales.completed.quantity == Quantity::ZERO {
            (self.first_purchase, self.last_purchase) = (None, None);
            return false;
        }
        self.first_purchase == Some(at) || self.last_purchase == Some(at)
    }
}
