//! The read model of products: a document for the statements about each, and a row of a
//! [`Tally`](crate::tally::Tally) for its counts.

use serde::{Deserialize, Serialize};

use super::event;
use super::stock::{AtLocation, LOCATIONS_MAX};
use crate::collection::Collection;
use crate::entity::Entity;
use crate::fold::version::{Stated, Version};
use crate::money::Money;
use crate::packed::tally::Tally;
use crate::quantity::Quantity;
use crate::sales::sums::{ByStatus, Sums};
use crate::text::Text;
use crate::time::Time;

/// A product, known from the first event that names it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Its number in order of first appearance; rollups count by it.
    pub ordinal: u32,
    /// The statements of its newest product event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<Box<CatalogueEntry>>,
    /// Units on hand as a whole, if ever stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Quantity>,
    /// The version of the event that stated the stock.
    #[serde(rename = "stockRank", default, skip_serializing_if = "Option::is_none")]
    pub stock_version: Option<Version>,
    /// Units on hand by location, by the ids of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<LocationStock>,
    /// The sums of its transactions.
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
    /// The number of ratings of 1 to 5 that are counted now.
    pub ratings: [i64; 5],
    /// The number of returns and refunds, and the sums of what came back.
    #[serde(default, skip_serializing_if = "Sums::is_zero")]
    pub returns: Sums,
}

/// A product's document: its statements. Its counts are a [`Row`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductDocument {
    /// As in [`Product`].
    pub ordinal: u32,
    /// As in [`Product`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<Box<CatalogueEntry>>,
    /// As in [`Product`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Quantity>,
    /// As in [`Product`].
    #[serde(rename = "stockRank", default, skip_serializing_if = "Option::is_none")]
    pub stock_version: Option<Version>,
    /// As in [`Product`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<LocationStock>,
}

/// The stock of a product at one location, as its newest event states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationStock {
    /// The location.
    pub id: Box<str>,
    /// The name of the location, as an event stated it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'static>>,
    /// Units on hand there.
    pub stock: Quantity,
    /// The version of the event that stated this.
    #[serde(flatten)]
    pub version: Version,
}

/// The stock of a product: the sum over its locations where any is known, else the stated total.
#[must_use]
pub fn on_hand(stated: Option<Quantity>, locations: &[LocationStock]) -> Option<Quantity> {
    if locations.is_empty() {
        return stated;
    }
    // 64 locations of 10¹² units fit.
    Some(Quantity(locations.iter().map(|location| location.stock.0).sum()))
}

/// The collection of products.
#[derive(Debug)]
pub struct Products;

impl Collection for Products {
    const NAME: &'static str = "products";
    const AT_HAND: usize = 200_000;
    const ENTITY: Option<Entity> = Some(Entity::Product);
    type Key = Box<str>;
    type Document = Product;
    type Stored = ProductDocument;

    fn stored(product: &Product) -> impl Serialize + '_ {
        product.record()
    }

    fn read(record: ProductDocument) -> Product {
        Product::of(record, &[0; 24])
    }

    fn ordinal(product: &Product) -> u32 {
        product.ordinal
    }

    fn put_counts(product: &Product, tally: &mut Tally) {
        tally.set(product.ordinal, &product.row());
    }

    fn take_counts(product: &mut Product, tally: &Tally) {
        product.take_counts(&tally.get(product.ordinal));
    }
}

/// The counts of a product: views, carts, removals, purchases, ratings of 1 to 5, and the sums of
/// each status.
pub type Row = [i64; 24];

/// The statements of a product event, its stock apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueEntry {
    /// Name.
    pub name: Text<'static>,
    /// The category, which later sales that state none count under.
    pub category: Box<str>,
    /// Price.
    pub price: Money,
    /// The cost of one unit to the shop, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<'static>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_date: Option<Time>,
    /// Whether the shop has it no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// The version of the event that stated this; its `updated_at` is `lastUpdated`.
    #[serde(flatten)]
    pub version: Version,
}

impl CatalogueEntry {
    /// The statements of an event.
    #[must_use]
    pub fn of(event: &event::Product<'_>, version: Version) -> Self {
        CatalogueEntry {
            name: event.name.clone().into_owned(),
            category: event.category.as_ref().into(),
            price: event.price,
            cost: event.cost,
            description: event.description.clone().map(Text::into_owned),
            image_url: event.image_url.as_deref().map(Into::into),
            added_date: event.added_date,
            gone: event.is_gone,
            version,
        }
    }

    /// Whether two events state the same, at whatever time.
    #[must_use]
    pub fn says_the_same(&self, other: &CatalogueEntry) -> bool {
        CatalogueEntry { version: self.version, ..other.clone() } == *self
    }
}

impl Product {
    /// A product as stored.
    #[must_use]
    pub fn of(record: ProductDocument, row: &Row) -> Self {
        let ProductDocument { ordinal, catalogue, stock, stock_version, locations } = record;
        let mut product =
            Product { ordinal, catalogue, stock, stock_version, locations, ..Product::default() };
        product.take_counts(row);
        product
    }

    /// Takes the counts from a row.
    fn take_counts(&mut self, row: &Row) {
        let [views, carts, removals, purchases, one, two, three, four, five, ..] = *row;
        (self.views, self.carts, self.removals) = (views, carts, removals);
        self.purchases = purchases;
        self.ratings = [one, two, three, four, five];
        self.sales = ByStatus::from_columns(&row[9..21]);
        self.returns = Sums::from([row[21], row[22], row[23]]);
    }

    /// Its document.
    #[must_use]
    pub fn record(&self) -> ProductDocument {
        ProductDocument {
            ordinal: self.ordinal,
            catalogue: self.catalogue.clone(),
            stock: self.stock,
            stock_version: self.stock_version,
            locations: self.locations.clone(),
        }
    }

    /// Whether the shop has it no more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.catalogue.as_ref().is_some_and(|entry| entry.gone)
    }

    /// Units on hand, if known, of a product that is not gone.
    #[must_use]
    pub fn on_hand(&self) -> Option<Quantity> {
        on_hand(self.stock, &self.locations).filter(|_| !self.is_gone())
    }

    /// The counts of the product.
    #[must_use]
    pub fn row(&self) -> Row {
        let mut row = [0; 24];
        row[..4].copy_from_slice(&[self.views, self.carts, self.removals, self.purchases]);
        row[4..9].copy_from_slice(&self.ratings);
        self.sales.to_columns(&mut row[9..21]);
        row[21..].copy_from_slice(&crate::table::Row::from(self.returns));
        row
    }

    /// Replaces the catalogue's entry, unless the known one is newer.
    pub fn state_entry(&mut self, mut entry: CatalogueEntry) -> Stated {
        let known = self.catalogue.as_deref();
        let same = known.is_some_and(|known| known.says_the_same(&entry));
        let (stated, version) = entry.version.weigh(known.map(|known| known.version), same);
        if stated != Stated::Stale {
            entry.version = version;
            self.catalogue = Some(Box::new(entry));
        }
        stated
    }

    /// Whether there is room for the locations, beside those that are known.
    #[must_use]
    pub fn has_room_for<'e>(&self, mut locations: impl Iterator<Item = &'e str>) -> bool {
        let room = LOCATIONS_MAX - self.locations.len();
        let is_new = |id: &&str| self.place_of(id).is_err();
        locations.by_ref().filter(is_new).nth(room).is_none()
    }

    fn place_of(&self, location: &str) -> Result<usize, usize> {
        self.locations.binary_search_by(|known| known.id.as_ref().cmp(location))
    }

    /// States the stock at a location, unless the known one is newer.
    pub fn state_location(&mut self, at: &AtLocation<'_>, version: Version) -> Stated {
        let place = self.place_of(&at.id);
        let known = place.ok().map(|place| &self.locations[place]);
        let name = at.name.clone().map(Text::into_owned);
        let known_name = known.and_then(|known| known.name.clone());
        let same = known.is_some_and(|known| known.stock == at.stock)
            && (name.is_none() || name == known_name);
        let (stated, version) = version.weigh(known.map(|known| known.version), same);
        if stated != Stated::Stale {
            let name = name.or(known_name);
            let location =
                LocationStock { id: at.id.as_ref().into(), name, stock: at.stock, version };
            match place {
                Ok(place) => self.locations[place] = location,
                Err(place) => self.locations.insert(place, location),
            }
        }
        stated
    }

    /// States the stock as a whole, unless the known one is newer.
    pub fn state_stock(&mut self, stock: Quantity, version: Version) -> Stated {
        let (stated, version) = version.weigh(self.stock_version, self.stock == Some(stock));
        if stated != Stated::Stale {
            (self.stock, self.stock_version) = (Some(stock), Some(version));
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
