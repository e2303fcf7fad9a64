//! Sales from the newest on, a page at a time. The days that have any come from rollups, the sales of
//! a day from the ledger's index of days, so the work of a page has a bound, however large the shop is.

use std::cmp::Reverse;
use std::collections::HashMap;

use projections::ledger::{Ledger, LedgerRow, Row};
use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::matching::Matching;
use super::memory::ReadContext;
use super::params::Selection;
use super::range::Quarters;
use crate::store;
use crate::store::read::{Known, Stub};

/// A day with more rows than this is in order of id, and else in order of time.
const DAY_IN_ORDER: usize = 5_000;
/// The rows of a busy day that are looked at together.
const PART_OF_DAY: u32 = 500;
/// The rows whose places in time are looked at for a page at most, about; a day counts as some.
const PLACES: usize = 20_000;
const PLACES_OF_A_DAY: usize = 200;
/// The rows that are read for a page at most, about, and those read together.
const ROWS: usize = 1_000;
const ROWS_TOGETHER: usize = 101;

/// A place in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// The day of UTC.
    day: u32,
    /// The time in milliseconds, and the row's id in the ledger, of the last that was looked at; none
    /// where all of the day was.
    last: Option<(i64, String)>,
}

/// A page, and the place where the next one goes on.
#[derive(Debug)]
pub struct Newest<R> {
    /// The sales, the newest first.
    pub rows: Vec<Known<R>>,
    /// Where the next page goes on, if there may be more.
    pub next: Option<After>,
}

/// The sales of one kind that a selection counts, the newest first; of a day, those of the latest
/// time, ties by id from the last. What is counted in several days is of its own.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn newest<R: Row + Send>(
    from: ReadContext<'_>,
    asked: &Selection,
    after: Option<&After>,
    limit: u32,
) -> Result<Newest<R>, store::Error> {
    let matching = Matching::of(from, asked).await?;
    let days = matching.days(from, asked).await?;
    let limit = limit as usize;
    let mut page =
        Page { from, asked, matching, limit, rows: vec![], seen: None, looked: 0, places: 0 };
    // A day that was looked at as a whole has no last place.
    let is_behind = |day: u32| match after {
        Some(After { day: last, last: None }) => day < *last,
        Some(After { day: last, last: Some(_) }) => day <= *last,
        None => true,
    };
    for (day, sum) in days.into_iter().rev() {
        if sum.sold == [0; 3] || !is_behind(day) {
            continue;
        }
        let last = after.filter(|after| after.day == day).and_then(|after| after.last.clone());
        if let Some(next) = page.day(day, last).await? {
            return Ok(Newest { rows: page.rows, next: Some(next) });
        }
    }
    Ok(Newest { rows: page.rows, next: None })
}

struct Page<'a, R> {
    from: ReadContext<'a>,
    asked: &'a Selection,
    matching: Matching,
    limit: usize,
    rows: Vec<Known<R>>,
    /// The place of the last row that was looked at.
    seen: Option<After>,
    /// The rows that were read.
    looked: usize,
    /// The rows whose places were looked at.
    places: usize,
}

/// A place in time: milliseconds, and a row's id in the ledger.
type Place = (i64, String);

impl<R: Row + Send> Page<'_, R> {
    /// Takes the sales of a day that come behind a place of it. Returns where the next page goes on, if
    /// this one is full or was long enough.
    async fn day(&mut self, day: u32, last: Option<Place>) -> Result<Option<After>, store::Error> {
        let snapshot = self.from.snapshot;
        let most = u32::try_from(DAY_IN_ORDER + 1).unwrap_or(u32::MAX);
        let mut stubs = snapshot.stubs_of_day::<R>(day, None, most).await?;
        self.places += stubs.len() + PLACES_OF_A_DAY;
        if stubs.len() > DAY_IN_ORDER {
            return self.busy_day(day, last).await;
        }
        stubs.sort_by_cached_key(|stub| Reverse(place(stub)));
        if let Some(last) = last {
            stubs.retain(|stub| place(stub) < last);
        }
        let next = self.take(day, stubs).await?;
        let is_enough = self.places >= PLACES || self.looked >= ROWS;
        Ok(next.or_else(|| is_enough.then_some(After { day, last: None })))
    }

    /// The same of a day with many: by id, from the last.
    async fn busy_day(
        &mut self,
        day: u32,
        mut last: Option<Place>,
    ) -> Result<Option<After>, store::Error> {
        loop {
            let before = last.as_ref().map(|(_, id)| id.as_str());
            let stubs = self.from.snapshot.stubs_of_day::<R>(day, before, PART_OF_DAY).await?;
            self.places += stubs.len();
            let Some(end) = stubs.last().map(place) else { return Ok(None) };
            if let Some(next) = self.take(day, stubs).await? {
                return Ok(Some(next));
            }
            if self.places >= PLACES || self.looked >= ROWS {
                return Ok(Some(After { day, last: Some(end) }));
            }
            last = Some(end);
        }
    }

    /// Takes those of some stubs, in this order, that are of the selection. Returns the place of the
    /// last one, if the page is full and there is another, or if enough was read.
    async fn take(&mut self, day: u32, stubs: Vec<Stub>) -> Result<Option<After>, store::Error> {
        let user = match &self.asked.filter {
            Filter::Customer(user) => Some(user),
            _ => None,
        };
        let of_day =
            |stub: &Stub| stub.place().0 == day && user.is_none_or(|user| stub.is_of(user));
        let stubs: Vec<Stub> = stubs.into_iter().filter(of_day).collect();
        for some in stubs.chunks(ROWS_TOGETHER) {
            let ids: Vec<_> = some.iter().map(|stub| stub.id.as_str().into()).collect();
            let found = self.from.snapshot.entities::<Ledger>(&ids).await?;
            let mut rows: HashMap<String, LedgerRow> =
                found.into_iter().map(|row| (row.id, row.document)).collect();
            for stub in some {
                let Some((id, row)) = rows.remove_entry(&stub.id) else { continue };
                self.looked += 1;
                let (sum, _) = self.matching.sum(&id, &row, Quarters::ALL);
                if let Some(document) = R::of(&row).filter(|_| sum.sold != [0; 3]) {
                    if self.rows.len() == self.limit {
                        return Ok(self.seen.clone());
                    }
                    let id = id.strip_prefix(R::PREFIX).unwrap_or(&id).to_owned();
                    self.rows.push(Known { id, document: document.clone() });
                }
                self.seen = Some(After { day, last: Some(place(stub)) });
                if self.looked >= ROWS {
                    return Ok(self.seen.clone());
                }
            }
        }
        Ok(None)
    }
}

fn place(stub: &Stub) -> Place {
    (stub.place().1.0, stub.id.clone())
}
