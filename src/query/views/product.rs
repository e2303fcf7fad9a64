//! `GET /api/products/{id}`.

use projections::products::{Product, ProductDocument, Products, RESERVED};
use projections::sales::Status;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::feedback::Comment;
use super::products::Whole;
use super::sold::{ByStatus, Period, Sold, periods};
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::{Parameters, Query};
use crate::query::Error;
use crate::query::filter::Filter;
use crate::query::memory::ReadContext;
use crate::query::params::{ById, Ranged, Ranging, Selection};
use crate::query::range::Used;
use crate::query::ratio::ratio;
use crate::query::view::{Figures, METRICS, View};
use crate::store;
use crate::store::read::Known;

const MISSING: &str = "There is no such product.";

/// The product and the range that are asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    id: ById,
    range: Ranged<OneProduct>,
}

/// A product: what is stated and what is counted of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneProduct {
    #[serde(flatten)]
    stated: Whole,
    /// Whether it was taken out of the catalogue.
    is_gone: bool,
    /// What was sold of it, in the range or ever.
    sold: Sold,
    /// What was ever sold of it, by what it counts as.
    by_status: Vec<ByStatus>,
    /// Its activities, of all time.
    activities: Activities,
    ratings: Ratings,
    /// What was sold of it in each period of the range, or of the last 30 days.
    trend: Vec<Period>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActivitiesOfProduct)]
struct Activities {
    views: i64,
    added_to_cart: i64,
    removed_from_cart: i64,
    purchased: i64,
}

/// Its ratings, of all time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RatingsOfProduct)]
struct Ratings {
    count: i64,
    average_rating: f64,
    /// Those of 1 star to those of 5.
    by_stars: [i64; 5],
    /// The newest 10 with a comment.
    comments: Vec<Comment>,
}

impl View for OneProduct {
    const ROUTE: Get = Get {
        path: "/api/products/{id}",
        access: METRICS,
        id: "getProduct",
        tag: Tag::Figures,
        summary: "One product",
        about: "Its catalogue entry and stock, what was sold of it and came back, by status and over time, its activities and its ratings.",
    };
    const MISSING: Option<&'static str> = Some(MISSING);
}

impl Ranging for OneProduct {
    const TREND_DAYS: u64 = 30;
    const LIMITS: bool = false;
    const FILTERS: bool = false;
    const COMPARES: bool = false;
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        Asked { id: ById::read(query), range: Ranged::read(query) }
    }
}

impl Figures for OneProduct {
    const TOPICS: Topics =
        Topics::of(&[Topic::Sales, Topic::Products, Topic::Behaviour, Topic::Feedback]);
    type Parameters = Asked;

    async fn read(
        from: ReadContext<'_>,
        Asked { id: ById { id }, range }: &Asked,
    ) -> Result<Self, Error> {
        let known = from.snapshot.counted::<Products>(&[id.as_str().into()]).await?;
        let mut known = known.into_iter().filter(|_| id != RESERVED);
        let (_, product) = known.next().ok_or(Error::NotFound(MISSING))?;
        let asked = Selection { filter: Filter::Product(id.clone()), ..(**range).clone() };
        let (figures, comments) = tokio::try_join!(periods(from, &asked), comments(from, id))?;
        let (sold, trend) = figures;
        let settings = &from.snapshot.checkpoint.settings;
        let of = |status| ByStatus::of(status, product.sales.of(status), settings);
        let count = product.ratings.iter().sum();
        let stars: i64 = (1..).zip(product.ratings).map(|(stars, number)| stars * number).sum();
        Ok(OneProduct {
            is_gone: product.is_gone(),
            sold,
            by_status: Status::ALL.map(of).into(),
            activities: Activities::of(&product),
            ratings: Ratings {
                count,
                average_rating: ratio(stars, count),
                by_stars: product.ratings,
                comments,
            },
            trend,
            range: range.range.map(|range| range.used(from.snapshot.checkpoint.root.first_quarter)),
            stated: stated(id, &product, from),
        })
    }
}

/// What is stated of it, with what is on hand at all its locations.
fn stated(id: &str, product: &Product, from: ReadContext<'_>) -> Whole {
    let settings = &from.snapshot.checkpoint.settings;
    let stock = product.on_hand().map(|stock| settings.quantity(stock.0));
    let document = ProductDocument { stock, ..product.record() };
    Whole::of(Known { id: id.to_owned(), document }, from)
}

/// Its newest comments.
async fn comments(from: ReadContext<'_>, id: &str) -> Result<Vec<Comment>, store::Error> {
    const NEWEST: u32 = 10;
    let found = from.snapshot.comments(Some(id), NEWEST).await?;
    Ok(found.into_iter().filter_map(Comment::of).collect())
}

impl Activities {
    fn of(product: &Product) -> Self {
        Activities {
            views: product.views,
            added_to_cart: product.carts,
            removed_from_cart: product.removals,
            purchased: product.purchases,
        }
    }
}
