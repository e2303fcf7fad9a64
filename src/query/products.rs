//! `GET /api/metrics/products`, and what the summary has of it.

use projections::event::Status;
use projections::money::{self, Money};
use projections::products::Product;
use projections::rollup::Family;
use projections::sums::Sums;
use serde::Serialize;

use super::answer::View;
use super::ids::Ids;
use super::params::{Asked, Statuses};
use super::range::{Quarters, Scope, Used};
use super::{ranking, union};
use crate::store;
use crate::store::read::{Known, Snapshot};

/// Less than this on hand is low.
const LOW_STOCK: i64 = 20;
const LIMIT: usize = 5;

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Products {
    total_products: i64,
    top_selling_products: Vec<Seller>,
    products_low_in_stock: Vec<Whole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Used>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Seller {
    product_id: String,
    name: Option<Box<str>>,
    category: Option<Box<str>>,
    total_quantity_sold: i64,
}

/// All that is known of a product, as its clients know it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    product_id: String,
    name: Option<Box<str>>,
    category: Option<Box<str>>,
    #[serde(with = "money::as_number::option")]
    price: Option<Money>,
    stock: Option<i64>,
    description: Option<Box<str>>,
    image_url: Option<Box<str>>,
    added_date: Option<String>,
    last_updated: Option<String>,
}

impl View for Products {
    const PATH: &'static str = "/api/metrics/products";
    const TREND_DAYS: u64 = 30;

    async fn read(
        snapshot: &Snapshot,
        asked: &Asked,
        ids: &Ids,
    ) -> Result<Self, store::Error> {
        let limit = asked.limit.unwrap_or(LIMIT);
        let (top, low) =
            tokio::try_join!(top(snapshot, asked, limit, ids), snapshot.low_stock(LOW_STOCK, limit))?;
        let root = &snapshot.checkpoint.root;
        Ok(Products {
            total_products: root.products,
            top_selling_products: top.into_iter().map(Seller::from).collect(),
            products_low_in_stock: low.into_iter().map(Whole::from).collect(),
            range: asked.range.map(|range| range.used(root.first_quarter)),
        })
    }
}

/// A product and how much of it was sold.
#[derive(Debug)]
pub struct Sold {
    /// The product.
    pub product: Known<Product>,
    /// Items, in the range and statuses asked for.
    pub quantity: i64,
}

/// The products sold most, ties by id.
///
/// # Errors
/// As [`Snapshot::rollups`].
pub async fn top(
    snapshot: &Snapshot,
    asked: &Asked,
    limit: usize,
    ids: &Ids,
) -> Result<Vec<Sold>, store::Error> {
    let root = &snapshot.checkpoint.root;
    // The reserved product takes a place, and is left out.
    let places = limit + 1;
    let everything = Quarters { from: 0, to: u32::MAX };
    let scope = asked.range.map_or(everything, |range| range.quarters).scope(root);
    let mut sold = match scope {
        Scope::Nothing => Vec::new(),
        Scope::Everything(_) if asked.statuses == Statuses::One(Status::Completed) => {
            ever(snapshot, places).await?
        }
        Scope::Everything(quarters) | Scope::Part(quarters) => {
            within(snapshot, &asked.statuses.slices(), quarters, places, ids).await?
        }
    };
    sold.retain(|sold| ranking::is_product(&sold.product.id));
    sold.truncate(limit);
    Ok(sold)
}

async fn ever(snapshot: &Snapshot, places: usize) -> Result<Vec<Sold>, store::Error> {
    let products = snapshot.top_products(places).await?;
    let sold = |product: Known<Product>| {
        let quantity = product.document.sales.of(Status::Completed).quantity;
        Sold { product, quantity }
    };
    Ok(products.into_iter().map(sold).collect())
}

async fn within(
    snapshot: &Snapshot,
    slices: &[Status],
    quarters: Quarters,
    places: usize,
    ids: &Ids,
) -> Result<Vec<Sold>, store::Error> {
    let mut quantities = vec![0_i64; snapshot.checkpoint.root.next_product as usize];
    union::by_entity(snapshot, Family::Sold, slices, quarters, |ordinal, row| {
        if let Some(quantity) = quantities.get_mut(ordinal as usize) {
            *quantity = quantity.saturating_add(Sums::from(row).quantity);
        }
    })
    .await?;
    let mut cut = ranking::cut(quantities.iter().copied(), places);
    if cut.room > 0 {
        let tied = ids.of_products(snapshot, &cut.tied).await?;
        cut.sure.extend(ranking::first_by_id(tied, cut.room));
    }
    if cut.sure.is_empty() {
        return Ok(Vec::new());
    }
    let products = snapshot.products_of(&cut.sure).await?;
    let sold = |product: Known<Product>| {
        let quantity = quantities.get(product.document.ordinal as usize).copied();
        Sold { quantity: quantity.unwrap_or(0), product }
    };
    let mut sold: Vec<Sold> = products.into_iter().map(sold).collect();
    sold.sort_by(|a, b| {
        ranking::key(a.quantity, &a.product.id).cmp(&ranking::key(b.quantity, &b.product.id))
    });
    Ok(sold)
}

impl From<Sold> for Seller {
    fn from(Sold { product, quantity }: Sold) -> Self {
        let entry = product.document.catalogue.map(|entry| (entry.name, entry.category));
        let (name, category) = entry.unzip();
        Seller { product_id: product.id, name, category, total_quantity_sold: quantity }
    }
}

impl From<Known<Product>> for Whole {
    fn from(Known { id, document }: Known<Product>) -> Self {
        let mut whole = Whole {
            product_id: id,
            name: None,
            category: None,
            price: None,
            stock: document.stock,
            description: None,
            image_url: None,
            added_date: None,
            last_updated: None,
        };
        if let Some(entry) = document.catalogue {
            whole.name = Some(entry.name);
            whole.category = Some(entry.category);
            whole.price = Some(entry.price);
            whole.description = entry.description;
            whole.image_url = entry.image_url;
            whole.added_date = entry.added_date.map(|at| at.to_rfc3339());
            whole.last_updated = entry.rank.updated_at.map(|at| at.to_rfc3339());
        }
        whole
    }
}
