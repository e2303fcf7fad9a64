//! Rows of the ledger: one, those of a page by id, and those of a day.

use std::sync::Arc;

use mongodb::bson::{self, Document, RawDocument, doc};
use projections::bucket;
use projections::family::Family;
use projections::feedback::Rating;
use projections::ledger::{Ledger, LedgerKey, LedgerRow, Row};
use projections::orders::Irregularity;
use projections::time::Time;
use serde::Deserialize;

use super::{Known, Page, Snapshot};
use crate::Error;
use crate::names::Model;

/// The version of the fold that was the first to say of a row in which days it contributes.
const DAYS_SINCE: u32 = 4;
/// The first and the last prefix of rows that contribute to figures of sales; those of ratings come
/// before, and those of sessions, between, contribute in no day.
const SALES: [&str; 2] = ["o:", "y"];

/// Which rows of one kind are asked for, by id.
#[derive(Debug, Clone, Default)]
pub struct RowsWanted {
    /// Those about which one of these is odd; all where there is none.
    pub irregular: Vec<Irregularity>,
    /// Those whose id begins so.
    pub prefix: String,
    /// Those after this one.
    pub after: Option<String>,
    /// The most of them.
    pub limit: u32,
}

/// As much of a sale's row as its place in time takes.
#[derive(Debug, Clone, Deserialize)]
pub struct Stub {
    /// The row's id in the ledger, its prefix included.
    #[serde(rename = "_id")]
    pub id: String,
    user: Option<String>,
    at: Option<Time>,
    #[serde(default)]
    days: Vec<u32>,
    #[serde(default)]
    members: Vec<StubOfMember>,
}

#[derive(Debug, Clone, Deserialize)]
struct StubOfMember {
    user: String,
    at: Time,
}

impl Stub {
    /// Its time, and the day of it: an order that was made of transactions has the time of the first
    /// of them in the first day in which it is counted.
    #[must_use]
    pub fn place(&self) -> (u32, Time) {
        let day_of = |at| bucket::day_of_quarter(bucket::quarter_of(at));
        if let Some(at) = self.at {
            return (day_of(at), at);
        }
        let day = self.days.first().copied().unwrap_or_default();
        let of_day = self.members.iter().map(|it| it.at).filter(|at| day_of(*at) == day).min();
        let start = || bucket::quarter_start(bucket::first_quarter(bucket::Level::Day, day));
        (day, of_day.unwrap_or_else(start))
    }

    /// Whether it is of a customer.
    #[must_use]
    pub fn is_of(&self, user: &str) -> bool {
        let of_members = self.members.iter().map(|member| &member.user);
        of_members.chain(&self.user).any(|of| of == user)
    }
}

impl Snapshot {
    /// The row of an entity in the ledger, if it is known.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn row<R: Row>(&self, id: &str) -> Result<Option<R>, Error> {
        self.must_have(R::NAME, R::SINCE)?;
        let id = Arc::from(LedgerKey::of::<R>(id).as_str());
        let found = self.entities::<Ledger>(&[id]).await?;
        Ok(found.first().and_then(|row| R::of(&row.document)).cloned())
    }

    /// Rows of one kind by id, those of a page.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn rows_by_id<R: Row + Send>(
        &self,
        wanted: &RowsWanted,
    ) -> Result<Vec<Known<R>>, Error> {
        self.must_have(R::NAME, R::SINCE)?;
        let key = |id: &str| LedgerKey::of::<R>(id).as_str().to_owned();
        // No character comes behind the last one.
        let mut ids =
            doc! { "$gte": key(&wanted.prefix), "$lt": key(&wanted.prefix) + "\u{10ffff}" };
        if let Some(after) = &wanted.after {
            ids.insert("$gt", key(after));
        }
        let mut filter = doc! { "_id": ids };
        if !wanted.irregular.is_empty() {
            let odd = wanted.irregular.iter().map(Irregularity::as_str).collect::<Vec<_>>();
            filter.insert("irregular", doc! { "$in": odd });
        }
        let mut rows = Vec::new();
        let read = |raw: &RawDocument| {
            let id = raw.get_str("_id")?;
            let id = id.strip_prefix(R::PREFIX).unwrap_or(id).to_owned();
            let row: LedgerRow = bson::deserialize_from_slice(raw.as_bytes())?;
            rows.extend(R::of(&row).cloned().map(|document| Known { id, document }));
            Ok(())
        };
        let page = Page::of(doc! { "_id": 1 }, wanted.limit);
        self.find_page(Model::of::<Ledger>(), filter, Some(page), "reading rows", read).await?;
        Ok(rows)
    }

    /// The rows that contribute to figures of sales in a day of UTC, by their id in the ledger: the
    /// first so many after one.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn rows_of_day(
        &self,
        day: u32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Known<LedgerRow>>, Error> {
        self.must_have("days", DAYS_SINCE)?;
        let [first, end] = SALES;
        let after = after.unwrap_or(first);
        let filter = doc! { "days": day, "_id": { "$gt": after, "$lt": end } };
        let mut rows = Vec::new();
        let read = |raw: &RawDocument| {
            let id = raw.get_str("_id")?.to_owned();
            rows.push(Known { id, document: bson::deserialize_from_slice(raw.as_bytes())? });
            Ok(())
        };
        let page = Page::of(doc! { "_id": 1 }, limit);
        self.find_page(Model::of::<Ledger>(), filter, Some(page), "reading a day", read).await?;
        Ok(rows)
    }

    /// The rows of one kind that contribute in a day of UTC, as stubs: the last so many before one, by
    /// id.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn stubs_of_day<R: Row>(
        &self,
        day: u32,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Stub>, Error> {
        self.must_have("days", DAYS_SINCE)?;
        // The next character behind the prefix.
        let end = R::PREFIX.replace(':', ";");
        let ids = doc! { "$gte": R::PREFIX, "$lt": before.unwrap_or(&end) };
        let mut stubs = Vec::new();
        let read = |raw: &RawDocument| {
            stubs.push(bson::deserialize_from_slice(raw.as_bytes())?);
            Ok(())
        };
        let fields = doc! { "at": 1, "user": 1, "days": 1, "members.at": 1, "members.user": 1 };
        let page = Page { fields: Some(fields), ..Page::of(doc! { "_id": -1 }, limit) };
        let filter = doc! { "days": day, "_id": ids };
        self.find_page(Model::of::<Ledger>(), filter, Some(page), "reading a day", read).await?;
        Ok(stubs)
    }

    /// The newest ratings with a comment, of a product or of all, the newest first.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn comments(
        &self,
        product: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Known<Rating>>, Error> {
        self.must_have("comments", Family::Stars.since())?;
        let mut filter: Document = doc! { "commented": { "$exists": true } };
        if let Some(product) = product {
            filter.insert("product", product);
        }
        let mut ratings = Vec::new();
        let read = |raw: &RawDocument| {
            let id = raw.get_str("_id")?.trim_start_matches(Rating::PREFIX).to_owned();
            let row: LedgerRow = bson::deserialize_from_slice(raw.as_bytes())?;
            ratings.extend(Rating::of(&row).cloned().map(|document| Known { id, document }));
            Ok(())
        };
        let page = Page::of(doc! { "commented": -1, "_id": -1 }, limit);
        self.find_page(Model::of::<Ledger>(), filter, Some(page), "reading comments", read).await?;
        Ok(ratings)
    }
}
