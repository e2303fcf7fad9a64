//! The read model of customers: a document each for what is stated of it, and a row of a
//! [`Tally`](crate::tally::Tally) for what is counted.

use serde::{Deserialize, Serialize};

use crate::event::{self, Status};
use crate::fold::{Fold, Message, Outcome, Resolved};
use crate::rank::{Rank, Stated};
use crate::space::NotAtHand;
use crate::sums::{ByStatus, Sums};
use crate::time::Time;

/// Ids that begin so are of visitors who bought without an account.
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
    /// What its transactions add up to.
    #[serde(flatten)]
    pub sales: ByStatus,
    /// How many activities.
    pub activities: i64,
    /// How many ratings are counted now.
    pub ratings: i64,
    /// What they add up to.
    pub rating_sum: i64,
    /// What its newest customer event states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Box<Profile>>,
}

/// A customer's document: who it is. What is counted of it is a [`Row`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// As in [`Customer`].
    pub ordinal: u32,
    /// As in [`Customer`].
    pub guest: bool,
    /// As in [`Customer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Box<Profile>>,
}

/// What is counted of a customer: first seen; after that, in milliseconds, last seen, created, and
/// 1 more than first and last purchase, 0 where there is none; activities, ratings, their sum; and
/// the sums of each status.
pub type Row = [i64; 20];

/// What a customer event states.
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
    /// The age of the event that said so.
    #[serde(flatten)]
    pub rank: Rank,
}

impl Profile {
    /// What an event states.
    #[must_use]
    pub fn of(event: &event::Customer<'_>, rank: Rank) -> Self {
        let text = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().map(Into::into);
        Profile {
            username: text(&event.username),
            email: text(&event.email),
            first_name: text(&event.first_name),
            last_name: text(&event.last_name),
            country: text(&event.country),
            created_at: event.created_at,
            rank,
        }
    }

    /// Whether two events state the same, whenever they did.
    #[must_use]
    pub fn says_the_same(&self, other: &Profile) -> bool {
        Profile { rank: self.rank, ..other.clone() } == *self
    }
}

impl Customer {
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
            ratings: 0,
            rating_sum: 0,
            profile: None,
        }
    }

    /// A customer as stored.
    #[must_use]
    pub fn of(record: Record, row: &Row) -> Self {
        let [first, last, created, bought_first, bought_last, activities, ratings, rating_sum, ..] =
            *row;
        let purchase = |after: i64| (after > 0).then(|| Time(first + after - 1));
        Customer {
            ordinal: record.ordinal,
            guest: record.guest,
            profile: record.profile,
            first_seen: Time(first),
            last_seen: Time(first + last),
            created_at: Time(first + created),
            first_purchase: purchase(bought_first),
            last_purchase: purchase(bought_last),
            sales: ByStatus::from_columns(&row[8..]),
            activities,
            ratings,
            rating_sum,
        }
    }

    /// Its document.
    #[must_use]
    pub fn record(&self) -> Record {
        Record { ordinal: self.ordinal, guest: self.guest, profile: self.profile.clone() }
    }

    /// What is counted of it.
    #[must_use]
    pub fn row(&self) -> Row {
        let first = self.first_seen.0;
        // A purchase is an event, and first seen is the earliest of all.
        let purchase = |at: Option<Time>| at.map_or(0, |at| at.0 - first + 1);
        let mut row = [0; 20];
        row[..8].copy_from_slice(&[
            first,
            self.last_seen.0 - first,
            self.created_at.0 - first,
            purchase(self.first_purchase),
            purchase(self.last_purchase),
            self.activities,
            self.ratings,
            self.rating_sum,
        ]);
        self.sales.to_columns(&mut row[8..]);
        row
    }

    /// Takes note of an event of time `at`.
    pub fn seen(&mut self, at: Time) {
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        self.date();
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

    /// Puts a transaction in.
    pub fn buy(&mut self, status: Status, at: Time, sums: Sums) {
        self.sales.add(status, sums);
        if status == Status::Completed {
            self.first_purchase = Some(self.first_purchase.map_or(at, |first| first.min(at)));
            self.last_purchase = Some(self.last_purchase.map_or(at, |last| last.max(at)));
        }
    }

    /// Takes a transaction out. True where it stood at one end of the purchases that remain, so
    /// that the ledger must be asked for the next one.
    #[must_use]
    pub fn unbuy(&mut self, status: Status, at: Time, sums: Sums) -> bool {
        self.sales.add(status, sums.negated());
        if status != Status::Completed {
            return false;
        }
        if self.sales.completed.orders == 0 {
            (self.first_purchase, self.last_purchase) = (None, None);
            return false;
        }
        self.first_purchase == Some(at) || self.last_purchase == Some(at)
    }
}

impl Fold {
    pub(crate) fn customer(
        &mut self,
        message: &Message<'_>,
        event: &event::Customer<'_>,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let mut profile = Profile::of(event, message.rank(event.updated_at));
        let known = self.customers.get(&*event.user_id)?;
        let applied = known.and_then(|known| known.profile.as_deref());
        let same = applied.is_some_and(|applied| applied.says_the_same(&profile));
        let (stated, rank) = profile.rank.weigh(applied.map(|applied| applied.rank), same);
        if stated == Stated::Stale {
            return Ok(Outcome::Stale);
        }
        // A customer event happens when the customer changed, was made, or was first told of. The
        // same told again, with no date, is no news: a producer's second run must change nothing.
        let told_before = known.filter(|_| same).map(|known| known.last_seen);
        let at = event.updated_at.or(event.created_at).or(told_before).unwrap_or(message.log_time);
        let is_seen = known.is_some_and(|known| (known.first_seen..=known.last_seen).contains(&at));
        if is_seen && applied.is_some_and(|applied| same && applied.rank == rank) {
            return Ok(Outcome::Unchanged);
        }
        profile.rank = rank;
        self.with_customer(&event.user_id, at, resolved, |customer| customer.state(profile))?;
        resolved.stated_customers.insert(event.user_id.as_ref().into());
        Ok(stated.into())
    }
}
