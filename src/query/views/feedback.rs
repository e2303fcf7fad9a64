//! `GET /api/metrics/feedback`.

use projections::entity::Entity;
use projections::family::{Family, Slice};
use projections::feedback::Rating;
use projections::products::{ProductDocument, Products};
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{Text, Whole};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::http::problem::FieldError;
use crate::query::Error;
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::entities::Entities;
use crate::query::memory::ReadContext;
use crate::query::params::{Earlier, Ranged, Ranging, Selection};
use crate::query::period::Buckets;
use crate::query::range::Used;
use crate::query::ratio::ratio;
use crate::query::view::{Figures, METRICS, View};
use crate::query::{by_quarter, ranking, zone};
use crate::store;
use crate::store::read::Known;

/// Ratings, and the newest comments.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackMetrics {
    total_ratings: i64,
    /// From 1 to 5; 0 where there is none.
    average_rating: f64,
    /// Ratings by their stars; null of one product.
    distribution: Option<Vec<Stars>>,
    trends: Vec<Bar>,
    /// The products that were rated most.
    by_product: Vec<Rated>,
    /// The newest, whatever the range.
    comments: Vec<Comment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<FeedbackMetrics>>,
    /// The change from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Stars {
    rating: usize,
    count: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BarOfRatings)]
struct Bar {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    count: i64,
    average_rating: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RatedProduct)]
struct Rated {
    product_id: String,
    name: Option<String>,
    count: i64,
    average_rating: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CommentOfCustomer)]
pub(super) struct Comment {
    feedback_id: String,
    product_id: String,
    user_id: String,
    rating: u8,
    #[serde(rename = "comment")]
    text: String,
    #[schema(format = DateTime)]
    feedback_date: String,
}

const PRODUCT: Parameter<Text> = Parameter::query(
    "productId",
    "The ratings of one product.",
    Text { min: 1, max: 128, allowed: "must be an id of 1 to 128 characters" },
);

const RATING: Parameter<Whole<u8>> = Parameter::query(
    "rating",
    "The ratings of so many stars: applies to the totals and the trend. Not together with `productId`.",
    Whole { min: 1, max: 5 },
);

/// The parameters.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<FeedbackMetrics>,
    product: Option<String>,
    stars: Option<u8>,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let range = Ranged::read(query);
        let (product, stars) = (query.take(&PRODUCT), query.take(&RATING));
        if product.is_some() && stars.is_some() {
            query.wrong(FieldError::new("rating", "must be given without productId"));
        }
        Asked { range, product, stars }
    }
}

impl Earlier for Asked {
    fn earlier(&self) -> Option<Self> {
        Some(Asked { range: self.range.earlier()?, ..self.clone() })
    }
}

impl View for FeedbackMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/feedback",
        access: METRICS,
        id: "getFeedback",
        tag: Tag::Figures,
        summary: "Ratings and the newest comments",
        about: "Of the last 30 days where no range is given, at the date of each rating.",
    };
}

impl Ranging for FeedbackMetrics {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 10;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
}

impl Figures for FeedbackMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Feedback, Topic::Products]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for FeedbackMetrics {
    async fn of(
        from: ReadContext<'_>,
        Asked { range, product, stars: of_stars }: &Asked,
    ) -> Result<Self, store::Error> {
        let limit = u32::try_from(range.limit).unwrap_or(u32::MAX);
        let (sums, stars, by_product, comments) = tokio::try_join!(
            sums(from, range, (product.as_deref(), *of_stars)),
            stars(from, range),
            by_product(from, range),
            from.snapshot.comments(product.as_deref(), limit),
        )?;
        let (clock, first) = (range.clock(), sums.first());
        let periods = range.trend_of(sums);
        let mut total: Row = [0; 3];
        for (_, row) in &periods {
            zone::add(&mut total, *row);
        }
        let shown = periods.into_iter().filter(|(_, row)| range.fill.is_some() || row[0] != 0);
        let bar = |(period, [count, sum, _]): (i64, Row)| Bar {
            label: clock.label(period),
            count,
            average_rating: ratio(sum, count),
        };
        Ok(FeedbackMetrics {
            total_ratings: total[0],
            average_rating: ratio(total[1], total[0]),
            distribution: product.is_none().then_some(stars),
            trends: shown.map(bar).collect(),
            by_product: by_product
                .into_iter()
                .filter(|it| product.as_ref().is_none_or(|product| *product == it.product_id))
                .collect(),
            comments: comments.into_iter().filter_map(Comment::of).collect(),
            range: range.used(first),
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("totalRatings", self.total_ratings.into()),
            ("averageRating", self.average_rating.into()),
        ]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

impl Comment {
    pub(super) fn of(Known { id, document }: Known<Rating>) -> Option<Self> {
        Some(Comment {
            feedback_id: id,
            product_id: document.product.into(),
            user_id: document.user.into(),
            rating: document.rating,
            text: document.comment?.into(),
            feedback_date: document.at.to_rfc3339(),
        })
    }
}

/// Ratings and their sum by period, of one product, of so many stars, or all.
async fn sums(
    from: ReadContext<'_>,
    asked: &Selection,
    (product, of_stars): (Option<&str>, Option<u8>),
) -> Result<Buckets<Row>, store::Error> {
    let mut sums: Buckets<Row> = Buckets::of(asked.clock());
    let whole = [Slice::WHOLE];
    if let Some(of_stars) = of_stars {
        let family = Family::Stars;
        let slice = [Slice::at(of_stars.saturating_sub(1))];
        by_quarter::rows(from, family, &slice, asked.trend, |_, quarter, [count, ..]| {
            zone::add(sums.at(quarter), [count, count * i64::from(of_stars), 0]);
        })
        .await?;
        return Ok(sums);
    }
    let Some(product) = product else {
        by_quarter::rows(from, Family::Feedback, &whole, asked.trend, |_, quarter, row| {
            zone::add(sums.at(quarter), row);
        })
        .await?;
        return Ok(sums);
    };
    let found = from.snapshot.entities::<Products>(&[product.into()]).await?;
    if let Some(product) = found.first() {
        let of = product.document.ordinal;
        let since = by_quarter::from_first(from, Family::Feedback, asked.trend).await?;
        let rated = Entities { from, family: Family::Rated, slices: &whole };
        rated
            .rows_of(of, since, &asked.clock(), |period, row| {
                zone::add(sums.of_period(period), row);
            })
            .await?;
    }
    Ok(sums)
}

async fn stars(from: ReadContext<'_>, asked: &Selection) -> Result<Vec<Stars>, store::Error> {
    let slices: Vec<Slice> = Family::Stars.every_slice().collect();
    let mut counts = [0_i64; 5];
    by_quarter::rows(from, Family::Stars, &slices, asked.trend, |slice, _, [count, ..]| {
        counts[slice.index()] += count;
    })
    .await?;
    Ok((1..).zip(counts).map(|(rating, count)| Stars { rating, count }).collect())
}

async fn by_product(from: ReadContext<'_>, asked: &Selection) -> Result<Vec<Rated>, store::Error> {
    let products = from.snapshot.checkpoint.root.next.of(Entity::Product);
    let mut sums = vec![[0_i64; 3]; products as usize];
    let family = Family::Rated;
    let rated = Entities { from, family, slices: &[Slice::WHOLE] };
    let scope = asked.trend.scope(from.snapshot.checkpoint.root.extent(family));
    rated
        .rows(scope, |which, row| {
            if let Some(sum) = sums.get_mut(which as usize) {
                zone::add(sum, row);
            }
        })
        .await?;
    let cut = ranking::cut(sums.iter().map(|[count, ..]| *count), asked.limit);
    let found = from.snapshot.entities::<Products>(&from.ids(Entity::Product, cut).await?).await?;
    let rated = |Known { id, document }: Known<ProductDocument>| {
        let [count, sum, _] = sums.get(document.ordinal as usize).copied().unwrap_or_default();
        let name = document.catalogue.map(|entry| from.shown(&entry.name));
        Rated { product_id: id, name, count, average_rating: ratio(sum, count) }
    };
    let mut rated: Vec<Rated> = found.into_iter().map(rated).collect();
    rated.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.product_id.cmp(&b.product_id)));
    Ok(rated)
}
