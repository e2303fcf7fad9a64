//! `GET /api/metrics/products`, and its part of the summary.

use projections::entity::Entity;
use projections::family::Family;
use projections::family::Slice;
use projections::money::{self, Money};
use projections::products::Products;
use projections::products::{LocationStock, ProductDocument, RESERVED, on_hand};
use projections::quantity::{self, Quantity};
use projections::sales::sums::Sums;
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::range::{Coverage, Quarters, Used};
use crate::query::view::{Figures, METRICS, View};
use crate::query::{ranking, union};
use crate::store;
use crate::store::generation::Checkpoint;
use crate::store::read::Known;

/// Less than this on hand is low.
const LOW_STOCK: Quantity = Quantity::whole(20);

/// The products that sell best, and those that run out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductMetrics {
    total_products: i64,
    top_selling_products: Vec<Seller>,
    products_low_in_stock: Vec<Whole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Seller {
    product_id: String,
    name: Option<String>,
    #[schema(value_type = Option<String>)]
    category: Option<Box<str>>,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    total_quantity_sold: Quantity,
}

/// All that is known of a product, as its clients know it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WholeProduct)]
struct Whole {
    product_id: String,
    name: Option<String>,
    #[schema(value_type = Option<String>)]
    category: Option<Box<str>>,
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    price: Option<Money>,
    #[serde(with = "quantity::as_number::option")]
    #[schema(value_type = Option<f64>)]
    stock: Option<Quantity>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stock_by_location: Vec<AtLocation>,
    description: Option<String>,
    #[schema(value_type = Option<String>)]
    image_url: Option<Box<str>>,
    #[schema(format = DateTime)]
    added_date: Option<String>,
    #[schema(format = DateTime)]
    last_updated: Option<String>,
}

/// The stock of a product at one location.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StockAtLocation)]
struct AtLocation {
    #[schema(value_type = String)]
    location_id: Box<str>,
    name: Option<String>,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    stock: Quantity,
}

impl View for ProductMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/products",
        access: METRICS,
        id: "getProducts",
        tag: Tag::Figures,
        summary: "Best sellers, and products that run out",
        about: "The number of products, those sold most, and those of which there are fewer than 20, the fewest first.",
    };
}

impl Ranging for ProductMetrics {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 5;
    const FILTERS: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Figures for ProductMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Products]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        let limit = asked.limit;
        let (top, low) = tokio::try_join!(top(from, asked, limit), low(from, limit))?;
        let root = &from.snapshot.checkpoint.root;
        Ok(ProductMetrics {
            total_products: root.products,
            top_selling_products: top.into_iter().map(|it| Seller::of(it, from)).collect(),
            products_low_in_stock: low.into_iter().map(|it| Whole::of(it, from)).collect(),
            range: asked.range.map(|range| range.used(root.first_quarter)),
        })
    }
}

/// A product, and the quantity of it that was sold.
#[derive(Debug)]
pub struct Sold {
    /// The product.
    pub product: Known<ProductDocument>,
    /// Units, in the range and statuses asked for.
    pub quantity: Quantity,
}

/// The products sold most, ties by id.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn top(
    from: ReadContext<'_>,
    asked: &Selection,
    limit: usize,
) -> Result<Vec<Sold>, store::Error> {
    let Checkpoint { root, settings, .. } = &from.snapshot.checkpoint;
    let mut quantities = vec![0_i64; root.next.of(Entity::Product) as usize];
    let (slices, scope) =
        (asked.statuses.of(from.snapshot).slices(), asked.scope(root, Family::Sold));
    union::by_entity(from, Family::Sold, &slices, scope, |ordinal, row| {
        if let Some(quantity) = quantities.get_mut(ordinal as usize) {
            *quantity = quantity.saturating_add(Sums::from(row).quantity.0);
        }
    })
    .await?;
    // The reserved product takes a place, and is left out.
    let cut = ranking::cut(quantities.iter().copied(), limit + 1);
    let products =
        from.snapshot.entities::<Products>(&from.ids(Entity::Product, cut).await?).await?;
    let sold = |product: Known<ProductDocument>| {
        let sum = quantities.get(product.document.ordinal as usize).copied();
        Sold { quantity: settings.quantity(sum.unwrap_or_default()), product }
    };
    let products = products.into_iter().filter(|product| product.id != RESERVED);
    let mut sold: Vec<Sold> = products.map(sold).collect();
    sold.sort_by(|a, b| b.quantity.cmp(&a.quantity).then_with(|| a.product.id.cmp(&b.product.id)));
    sold.truncate(limit);
    Ok(sold)
}

/// The products with the least on hand, ties by id.
async fn low(
    from: ReadContext<'_>,
    limit: usize,
) -> Result<Vec<Known<ProductDocument>>, store::Error> {
    let Checkpoint { root, settings, .. } = &from.snapshot.checkpoint;
    let mut lacking = vec![0_i64; root.next.of(Entity::Product) as usize];
    let everything = Coverage::Everything(Quarters::ALL);
    union::by_entity(
        from,
        Family::Stock,
        &[Slice::WHOLE],
        everything,
        |ordinal, [stock, known, _]| {
            if let Some(lack) = lacking.get_mut(ordinal as usize)
                && known > 0
            {
                *lack = LOW_STOCK.0.saturating_sub(settings.quantity(stock).0);
            }
        },
    )
    .await?;
    let cut = ranking::cut(lacking.into_iter(), limit);
    let mut low =
        from.snapshot.entities::<Products>(&from.ids(Entity::Product, cut).await?).await?;
    for Known { document, .. } in &mut low {
        let stock = on_hand(document.stock, &document.locations);
        document.stock = stock.map(|stock| settings.quantity(stock.0));
    }
    low.sort_by(|a, b| a.document.stock.cmp(&b.document.stock).then_with(|| a.id.cmp(&b.id)));
    Ok(low)
}

impl Seller {
    fn of(Sold { product, quantity }: Sold, from: ReadContext<'_>) -> Self {
        let entry = product.document.catalogue;
        let entry = entry.map(|entry| (from.shown(&entry.name), entry.category));
        let (name, category) = entry.unzip();
        Seller { product_id: product.id, name, category, total_quantity_sold: quantity }
    }
}

impl Whole {
    fn of(Known { id, document }: Known<ProductDocument>, from: ReadContext<'_>) -> Self {
        let at_location = |LocationStock { id, name, stock, .. }| AtLocation {
            location_id: id,
            name: name.map(|text| from.shown(&text)),
            stock,
        };
        let mut whole = Whole {
            product_id: id,
            name: None,
            category: None,
            price: None,
            stock: document.stock,
            stock_by_location: document.locations.into_iter().map(at_location).collect(),
            description: None,
            image_url: None,
            added_date: None,
            last_updated: None,
        };
        if let Some(entry) = document.catalogue {
            whole.name = Some(from.shown(&entry.name));
            whole.category = Some(entry.category);
            whole.price = Some(entry.price);
            whole.description = entry.description.map(|text| from.shown(&text));
            whole.image_url = entry.image_url;
            whole.added_date = entry.added_date.map(Time::to_rfc3339);
            whole.last_updated = entry.version.updated_at.map(Time::to_rfc3339);
        }
        whole
    }
}
