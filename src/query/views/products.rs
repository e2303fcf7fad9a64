//! `GET /api/metrics/products`, and its part of the summary.

use std::collections::HashMap;
use std::sync::Arc;

use projections::entity::Entity;
use projections::family::Family;
use projections::family::Slice;
use projections::money::{self, Money};
use projections::products::Products;
use projections::products::{LocationStock, ProductDocument, RESERVED, on_hand};
use projections::quantity::{self, Quantity};
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::Text;
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::chosen::{Chosen, Wanted};
use crate::query::entities::Entities;
use crate::query::known::One;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::range::{Coverage, Quarters, Used};
use crate::query::ranked::{PRODUCTS, Rank};
use crate::query::ranking;
use crate::query::top::{Order, Page, Ranking, SORT};
use crate::query::view::{Figures, METRICS, View};
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
    pagination: Option<Pagination>,
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
    /// With `sort`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    orders: Option<i64>,
    /// With `sort`.
    #[serde(with = "money::as_number::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, nullable = false)]
    net_sales: Option<Money>,
}

/// A page of a ranking.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PageOfRanking)]
pub(super) struct Pagination {
    current: usize,
    limit: usize,
    has_more: bool,
}

impl Pagination {
    /// That of a ranking of which a page, or an order, was asked for.
    pub(super) fn of(asked: &Selection, sort: Option<Order>, has_more: bool) -> Option<Self> {
        let is_asked = sort.is_some() || asked.page > 1;
        is_asked.then_some(Pagination { current: asked.page, limit: asked.limit, has_more })
    }
}

const CATEGORY: Parameter<Text> = Parameter::query(
    "category",
    "The products that the catalogue has in one category now; `(none)`, those that it has in none.",
    Text { min: 1, max: 64, allowed: "must be a text of 1 to 64 characters" },
);
const PRODUCT: Parameter<Text> = Parameter::query(
    "productId",
    "One product.",
    Text { min: 1, max: 128, allowed: "must be an id of 1 to 128 characters" },
);

/// The range, the products, and the order of the ranking.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<ProductMetrics>,
    wanted: Wanted,
    sort: Option<Order>,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        Asked {
            range: Ranged::read(query),
            wanted: Wanted { value: query.take(&CATEGORY), id: query.take(&PRODUCT) },
            sort: query.take(&SORT),
        }
    }
}

/// All that is known of a product, as its clients know it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WholeProduct)]
pub(super) struct Whole {
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
        about: "The number of products, those sold most, and those of which there are fewer than 20, the fewest first; all of them, or those of a category.",
    };
}

impl Ranging for ProductMetrics {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 5;
    const FILTERS: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
    const PAGES: bool = true;
}

impl Figures for ProductMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Products]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let Asked { range, wanted, sort } = asked;
        let chosen = wanted.chosen(from, Entity::Product).await?;
        let ranking = Ranking {
            of: PRODUCTS,
            order: sort.unwrap_or(Order::Most(Rank::Units)),
            page: (range.page, range.limit),
            leave: &[RESERVED],
        };
        let ((top, more), low) = tokio::try_join!(
            top(from, range, chosen.as_ref(), &ranking),
            low(from, chosen.as_ref(), range.limit)
        )?;
        let root = &from.snapshot.checkpoint.root;
        let seller = |it: Sold| {
            let (orders, net_sales) = sort.map(|_| (it.orders, it.net_sales)).unzip();
            Seller { orders, net_sales, ..Seller::of(it, from) }
        };
        let is_there = |one: &&One| !one.is_gone && &*one.id != RESERVED;
        let number = |of: &Chosen| i64::try_from(of.iter().filter(is_there).count());
        Ok(ProductMetrics {
            total_products: chosen
                .as_ref()
                .map_or(root.products, |chosen| number(chosen).unwrap_or(i64::MAX)),
            top_selling_products: top.into_iter().map(seller).collect(),
            products_low_in_stock: low.into_iter().map(|it| Whole::of(it, from)).collect(),
            pagination: Pagination::of(range, *sort, more),
            range: range.range.map(|range| range.used(root.first_quarter)),
        })
    }
}

/// A product, and what was sold of it.
#[derive(Debug)]
pub struct Sold {
    /// The product.
    pub product: Known<ProductDocument>,
    /// Units, in the range and statuses asked for.
    pub quantity: Quantity,
    orders: i64,
    net_sales: Money,
}

/// The products sold most, or those of them that are chosen.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn top(
    from: ReadContext<'_>,
    asked: &Selection,
    chosen: Option<&Chosen>,
    ranking: &Ranking<'_>,
) -> Result<(Vec<Sold>, bool), store::Error> {
    let settings = &from.snapshot.checkpoint.settings;
    let totals = PRODUCTS.totals(from, asked, chosen).await?;
    let Page { found, has_more } = ranking.read(from, &totals).await?;
    let ids: Vec<_> = found.iter().map(|(_, id)| id.clone()).collect();
    let products = from.snapshot.entities::<Products>(&ids).await?;
    let mut products: HashMap<u32, _> =
        products.into_iter().map(|product| (product.document.ordinal, product)).collect();
    let sold = |(who, _): (u32, Arc<str>)| {
        let of = |rank| totals.of_one(who, rank);
        Some(Sold {
            product: products.remove(&who)?,
            quantity: settings.quantity(of(Rank::Units)),
            orders: of(Rank::Orders),
            net_sales: Money(of(Rank::NetSales)),
        })
    };
    Ok((found.into_iter().filter_map(sold).collect(), has_more))
}

/// The products with the least on hand, or those of them that are chosen, ties by id.
async fn low(
    from: ReadContext<'_>,
    chosen: Option<&Chosen>,
    limit: usize,
) -> Result<Vec<Known<ProductDocument>>, store::Error> {
    let Checkpoint { root, settings, .. } = &from.snapshot.checkpoint;
    let mut lacking = vec![0_i64; root.next.of(Entity::Product) as usize];
    let in_stock = Entities { from, family: Family::Stock, slices: &[Slice::WHOLE] };
    let everything = Coverage::Everything(Quarters::ALL);
    in_stock
        .rows(everything, |ordinal, [stock, known, _]| {
            if let Some(lack) = lacking.get_mut(ordinal as usize)
                && known > 0
            {
                *lack = LOW_STOCK.0.saturating_sub(settings.quantity(stock).0);
            }
        })
        .await?;
    if let Some(chosen) = chosen {
        lacking = chosen.only(&lacking);
    }
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
    fn of(Sold { product, quantity, .. }: Sold, from: ReadContext<'_>) -> Self {
        let entry = product.document.catalogue;
        let entry = entry.map(|entry| (from.shown(&entry.name), entry.category));
        let (name, category) = entry.unzip();
        Seller {
            product_id: product.id,
            name,
            category,
            total_quantity_sold: quantity,
            orders: None,
            net_sales: None,
        }
    }
}

impl Whole {
    pub(super) fn of(
        Known { id, document }: Known<ProductDocument>,
        from: ReadContext<'_>,
    ) -> Self {
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
