//! The read model of products: a document each for what is stated of it, and a row of a
//! [`Tally`](crate::tally::Tally) for what is counted.

use serde::{Deserialize, Serialize};

use crate::event;
use crate::fold::{Fold, Message, Outcome, Resolved};
use crate::money::Money;
use crate::rank::{Rank, Stated};
use crate::space::NotAtHand;
use crate::sums::ByStatus;
use crate::time::Time;

/// The product that counts what names none. No event can name it.
pub const RESERVED: &str = "(none)";

/// A product, known from the first event that names it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Its number in order of first appearance; rollups count by it.
    pub ordinal: u32,
    /// What its newest product event states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<Box<Entry>>,
    /// Items on hand, where ever stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
    /// The age of the event that stated the stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_rank: Option<Rank>,
    /// What its transactions add up to.
    #[serde(flatten)]
    pub sales: ByStatus,
    /// Activities `viewed_product`.
    pub views: i64,
    /// Activities `added_to_cart`.
    pub carts: i64,
    /// Activities `removed_from_cart`.
    pub removals: i64,
    /// Activities `purchased`.
    pub purchases: i64,
    /// How many ratings of 1 to 5 are counted now.
    pub ratings: [i64; 5],
}

/// A product's document: what is stated of it. What is counted of it is a [`Row`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// As in [`Product`].
    pub ordinal: u32,
    /// As in [`Product`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<Box<Entry>>,
    /// As in [`Product`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
    /// As in [`Product`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_rank: Option<Rank>,
}

/// What is counted of a product: views, carts, removals, purchases, ratings of 1 to 5, and the
/// sums of each status.
pub type Row = [i64; 21];

/// What a product event states, its stock apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Name.
    pub name: Box<str>,
    /// Category; what later sales that state none count under.
    pub category: Box<str>,
    /// Price.
    pub price: Money,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_date: Option<Time>,
    /// The age of the event that said so; its version is `lastUpdated`.
    #[serde(flatten)]
    pub rank: Rank,
}

impl Entry {
    /// What an event states.
    #[must_use]
    pub fn of(event: &event::Product<'_>, rank: Rank) -> Self {
        Entry {
            name: event.name.as_ref().into(),
            category: event.category.as_ref().into(),
            price: event.price,
            description: event.description.as_deref().map(Into::into),
            image_url: event.image_url.as_deref().map(Into::into),
            added_date: event.added_date,
            rank,
        }
    }

    /// Whether two events state the same, whenever they did.
    #[must_use]
    pub fn says_the_same(&self, other: &Entry) -> bool {
        Entry { rank: self.rank, ..other.clone() } == *self
    }
}

impl Product {
    /// A product as stored.
    #[must_use]
    pub fn of(record: Record, row: &Row) -> Self {
        let [views, carts, removals, purchases, one, two, three, four, five, ..] = *row;
        Product {
            ordinal: record.ordinal,
            catalogue: record.catalogue,
            stock: record.stock,
            stock_rank: record.stock_rank,
            sales: ByStatus::from_columns(&row[9..]),
            views,
            carts,
            removals,
            purchases,
            ratings: [one, two, three, four, five],
        }
    }

    /// Its document.
    #[must_use]
    pub fn record(&self) -> Record {
        Record {
            ordinal: self.ordinal,
            catalogue: self.catalogue.clone(),
            stock: self.stock,
            stock_rank: self.stock_rank,
        }
    }

    /// What is counted of it.
    #[must_use]
    pub fn row(&self) -> Row {
        let mut row = [0; 21];
        row[..4].copy_from_slice(&[self.views, self.carts, self.removals, self.purchases]);
        row[4..9].copy_from_slice(&self.ratings);
        self.sales.to_columns(&mut row[9..]);
        row
    }

    /// Replaces the catalogue's entry, unless what is known is newer.
    pub fn state_entry(&mut self, mut entry: Entry) -> Stated {
        let known = self.catalogue.as_deref();
        let same = known.is_some_and(|known| known.says_the_same(&entry));
        let (stated, rank) = entry.rank.weigh(known.map(|known| known.rank), same);
        if stated != Stated::Stale {
            entry.rank = rank;
            self.catalogue = Some(Box::new(entry));
        }
        stated
    }

    /// States the stock, unless what is known is newer.
    pub fn state_stock(&mut self, stock: i64, rank: Rank) -> Stated {
        let (stated, rank) = rank.weigh(self.stock_rank, self.stock == Some(stock));
        if stated != Stated::Stale {
            (self.stock, self.stock_rank) = (Some(stock), Some(rank));
        }
        stated
    }

    /// Counts an activity of a well-known type.
    pub fn count(&mut self, activity_type: &str) {
        match activity_type {
            "viewed_product" => self.views += 1,
            "added_to_cart" => self.carts += 1,
            "removed_from_cart" => self.removals += 1,
            "purchased" => self.purchases += 1,
            _ => {}
        }
    }
}

impl Fold {
    pub(crate) fn product(
        &mut self,
        message: &Message<'_>,
        event: &event::Product<'_>,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let rank = message.rank(event.updated_at);
        let stated = self.state_product(&event.product_id, resolved, |product| {
            let entry = product.state_entry(Entry::of(event, rank));
            // The stock has a version of its own: what the event says of it may be news where the
            // rest is late, and late where the rest is news.
            let stock = event.stock.map(|stock| product.state_stock(stock, rank));
            stock.map_or(entry, |stock| entry.max(stock))
        })?;
        if stated == Stated::Applied {
            self.root.counts.rounded += u64::from(event.rounded);
        }
        Ok(stated.into())
    }

    pub(crate) fn stock(
        &mut self,
        message: &Message<'_>,
        event: &event::Stock<'_>,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let rank = message.rank(event.updated_at);
        let stated = self.state_product(&event.product_id, resolved, |product| {
            product.state_stock(event.stock, rank)
        })?;
        Ok(stated.into())
    }

    /// Changes a product by what an event states of it. A known one is changed on a copy first: an
    /// event that changes nothing must cost no write and wake nobody.
    fn state_product(
        &mut self,
        id: &str,
        resolved: &mut Resolved,
        state: impl FnOnce(&mut Product) -> Stated,
    ) -> Result<Stated, NotAtHand> {
        let Some(known) = self.products.get(id)? else {
            return self.with_product(id, resolved, state);
        };
        let mut product = known.clone();
        let stated = state(&mut product);
        if product != *known {
            self.with_product(id, resolved, |known| *known = product)?;
            resolved.stated_products.insert(id.into());
        }
        Ok(stated)
    }
}
