//! `GET /api/products`.

use projections::money::{self, Money};
use projections::products::{self as all, ProductDocument, RESERVED, on_hand};
use projections::quantity::{self, Quantity};
use projections::text::Text as Shown;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::list::List;
use super::sold::Sold;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::Text;
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::cursor::Pagination;
use crate::query::known::is_of;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
use crate::query::range::Used;
use crate::query::ranked::{PRODUCTS, Wanted, page};
use crate::query::view::{Figures, METRICS, View};
use crate::store::read::Known;

const CATEGORY: Parameter<Text> = Parameter::query(
    "category",
    "Those that the catalogue has in one category now; `(none)`, those that it has in none.",
    Text { min: 1, max: 64, allowed: "must be a text of 1 to 64 characters" },
);
/// The page that is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<Products>,
    list: List,
    category: Option<String>,
}

/// Products, a page at a time.
#[allow(clippy::struct_field_names)] // the member is named so on the wire
#[derive(Debug, Serialize, ToSchema)]
pub struct Products {
    products: Vec<Listed>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedProduct)]
struct Listed {
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
    /// Whether it was taken out of the catalogue.
    is_gone: bool,
    sold: Sold,
}

impl View for Products {
    const ROUTE: Get = Get {
        path: "/api/products",
        access: METRICS,
        id: "listProducts",
        tag: Tag::Figures,
        summary: "Products, a page at a time",
        about: "Every product that is known, with what was sold of it in the range, or ever.",
    };
}

impl Ranging for Products {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 20;
    const FILTERS: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let range = Ranged::read(query);
        Asked { range, list: List::read(query), category: query.take(&CATEGORY) }
    }
}

impl Figures for Products {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Products]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let Asked { range, list, category } = asked;
        let limit = u32::try_from(range.limit).unwrap_or(u32::MAX);
        let found = page::<all::Products>(
            from,
            &Wanted {
                of: PRODUCTS,
                asked: range,
                sort: list.sort,
                search: list.search.as_deref(),
                after: list.after.as_ref(),
                limit,
                is_wanted: &|id, document| {
                    let entry = document.catalogue.as_ref();
                    let of_entry = entry.map(|it| &*it.category);
                    id != RESERVED && category.as_ref().is_none_or(|it| is_of(of_entry, it))
                },
                names: &names,
            },
            |document| document.ordinal,
        )
        .await?;
        let ordinals = found.found.iter().map(|it| it.document.ordinal).collect();
        let sums = PRODUCTS.sums(from, range, ordinals).await?;
        let (statuses, checkpoint) = (range.statuses.of(from.snapshot), &from.snapshot.checkpoint);
        let listed = |it: Known<ProductDocument>| {
            let sum = sums.get(&it.document.ordinal).copied().unwrap_or_default();
            Listed::of(it, Sold::of(&sum, statuses, &checkpoint.settings), from)
        };
        Ok(Products {
            products: found.found.into_iter().map(listed).collect(),
            pagination: Pagination::of(limit, found.next.as_ref()),
            range: range.range.map(|range| range.used(checkpoint.root.first_quarter)),
        })
    }
}

/// The names of a product, in each of its languages.
fn names(document: &ProductDocument) -> Vec<&str> {
    match document.catalogue.as_ref().map(|entry| &entry.name) {
        Some(Shown::One(name)) => vec![name],
        Some(Shown::ByLanguage(names)) => names.iter().map(|(_, name)| &**name).collect(),
        None => Vec::new(),
    }
}

impl Listed {
    fn of(
        Known { id, document }: Known<ProductDocument>,
        sold: Sold,
        from: ReadContext<'_>,
    ) -> Self {
        let settings = &from.snapshot.checkpoint.settings;
        let stock = on_hand(document.stock, &document.locations);
        let entry = document.catalogue;
        let is_gone = entry.as_ref().is_some_and(|entry| entry.gone);
        Listed {
            product_id: id,
            name: entry.as_ref().map(|entry| from.shown(&entry.name)),
            price: entry.as_ref().map(|entry| entry.price),
            category: entry.map(|entry| entry.category),
            stock: stock.filter(|_| !is_gone).map(|stock| settings.quantity(stock.0)),
            is_gone,
            sold,
        }
    }
}
