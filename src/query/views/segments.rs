//! `GET /api/metrics/segments`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use projections::bucket::quarter_of;
use projections::customers::{CustomerDocument, Customers};
use projections::entity::Entity;
use projections::family::{Family, Slice};
use projections::money::{self, Money};
use projections::sales::{Basis, Status};
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Own, Whole, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::entities::Entities;
use crate::query::members::Members;
use crate::query::memory::ReadContext;
use crate::query::params::Zoned;
use crate::query::period::{Clock, Period};
use crate::query::range::{Coverage, Quarters};
use crate::query::ranking::Cut;
use crate::query::segments::{Buyer, Scores, Segment, scores};
use crate::query::view::{Figures, METRICS, View};
use crate::query::zone;
use crate::query::zone::Zone;
use crate::store;
use crate::store::read::Known;

/// Customers by how lately, how often and for how much they bought.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentMetrics {
    /// The day that it is as of.
    #[schema(format = Date)]
    as_of: String,
    tz: &'static str,
    /// Customers who had bought by then.
    customers: i64,
    segments: Vec<Part>,
    /// Those of the segment that was asked for, by what they came to, a page at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    members: Option<Vec<Member>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SegmentOfCustomers)]
struct Part {
    segment: &'static str,
    customers: i64,
    orders: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    net_sales: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MemberOfSegment)]
struct Member {
    user_id: String,
    #[schema(value_type = Option<String>)]
    username: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    email: Option<Box<str>>,
    days_since_purchase: i64,
    order_count: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_spend: Money,
    /// From 1, the worst, to 5.
    recency: u8,
    frequency: u8,
    monetary: u8,
}

const AS_OF: Parameter<Own<NaiveDate>> = Parameter::query(
    "asOf",
    "The day that it is as of; today without.",
    Own {
        read: |text| text.parse().map_err(|_| "must be a day, such as 2026-11-30"),
        schema: || json!({ "type": "string", "format": "date" }),
        written: |day| json!(day.to_string()),
    },
);
const SEGMENT: Parameter<OneOf<Segment>> =
    Parameter::query("segment", "The segment whose members are listed.", OneOf::new());
const LIMIT: Parameter<Whole<usize>> =
    Parameter::query("limit", "The most members of a page.", Whole { min: 1, max: 100 });
const PAGE: Parameter<Whole<usize>> =
    Parameter::query("page", "The page of members.", Whole { min: 1, max: 1_000_000 });

/// The parameters.
#[derive(Debug, Clone)]
pub struct Asked {
    zone: Zone,
    as_of: NaiveDate,
    segment: Option<Segment>,
    page: usize,
    limit: usize,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let zone = Zoned::read(query).zone;
        Asked {
            zone,
            as_of: query.take(&AS_OF).unwrap_or_else(|| zone.day_of(query.now())),
            segment: query.take(&SEGMENT),
            page: query.take_or(&PAGE, 1),
            limit: query.take_or(&LIMIT, 20),
        }
    }
}

impl View for SegmentMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/segments",
        access: METRICS,
        id: "getSegments",
        tag: Tag::Figures,
        summary: "Customers by recency, frequency and money",
        about: "Each score from 1 to 5 is one more than the fifths of the buyers who are worse; a segment is made of recency and of the mean of the two others.",
    };
}

impl Figures for SegmentMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let buyers = buyers(from, asked).await?;
        let scored: Vec<(Buyer, Scores)> = buyers.iter().copied().zip(scores(&buyers)).collect();
        let mut parts: BTreeMap<Segment, (i64, i64, i64)> = BTreeMap::new();
        for (buyer, scores) in &scored {
            let (customers, orders, net) = parts.entry(scores.segment()).or_default();
            (*customers, *orders, *net) =
                (*customers + 1, *orders + buyer.orders, net.saturating_add(buyer.net));
        }
        let part = |segment: &Segment| {
            let (customers, orders, net) = parts.get(segment).copied().unwrap_or_default();
            Part { segment: segment.word(), customers, orders, net_sales: Money(net) }
        };
        let members = match asked.segment {
            Some(segment) => Some(members(from, asked, segment, scored).await?),
            None => None,
        };
        Ok(SegmentMetrics {
            as_of: asked.as_of.to_string(),
            tz: asked.zone.name(),
            customers: i64::try_from(buyers.len()).unwrap_or(i64::MAX),
            segments: Segment::ALL.iter().map(part).collect(),
            members,
        })
    }
}

/// Those who had a completed purchase by the day.
async fn buyers(from: ReadContext<'_>, asked: &Asked) -> Result<Vec<Buyer>, store::Error> {
    let root = &from.snapshot.checkpoint.root;
    let next_day = asked.as_of.succ_opt().unwrap_or(asked.as_of);
    let quarters = Quarters { from: 0, to: quarter_of(asked.zone.start_of_day(next_day)) };
    let mut sums = vec![[0_i64; 3]; root.next.of(Entity::Customer) as usize];
    let mut add = |who: u32, sign: i64, row: Row| {
        // A return is no order.
        let more = if sign > 0 { row } else { [0, 0, row[2].saturating_neg()] };
        if let Some(sum) = sums.get_mut(who as usize) {
            zone::add(sum, more);
        }
    };
    let (completed, processed) =
        ([Slice::from(Status::Completed)], [Slice::from(Basis::Processed)]);
    let scope = |family| quarters.scope(root.extent(family));
    for (family, slices, sign) in [
        (Family::Buyers, &completed[..], 1),
        // What was sold and came back counts as nothing by itself.
        (Family::Buyers, &[Slice::from(Status::Returned)][..], 1),
        (Family::Returners, &processed[..], -1),
    ] {
        let counted = Entities { from, family, slices };
        counted.rows(scope(family), |who, row| add(who, sign, row)).await?;
    }
    let last = last_purchases(from, asked, quarters).await?;
    let as_of = asked.as_of.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() / 86_400;
    let buyer = |(at, [orders, _, net]): (usize, [i64; 3])| {
        let days = as_of - last.get(at).copied().flatten()?;
        Some(Buyer { ordinal: u32::try_from(at).ok()?, days, orders, net })
    };
    Ok(sums.into_iter().enumerate().filter_map(buyer).collect())
}

/// The local day of each customer's last completed purchase before the end of a range.
async fn last_purchases(
    from: ReadContext<'_>,
    asked: &Asked,
    quarters: Quarters,
) -> Result<Vec<Option<i64>>, store::Error> {
    let customers = from.snapshot.checkpoint.root.next.of(Entity::Customer) as usize;
    let mut last: Vec<Option<i64>> = vec![None; customers];
    // Those of whom it takes the days before, since they bought later as well.
    let mut later: Vec<u32> = Vec::new();
    let mut clock = Clock::of(asked.zone, Some(Period::Day));
    let everything = Coverage::Everything(Quarters::ALL);
    let purchases = Entities { from, family: Family::Purchases, slices: &[Slice::WHOLE] };
    let take = |who, [_, at, is_there]: Row| {
        if is_there > 0
            && let Some(last) = last.get_mut(who as usize)
        {
            let at = u32::try_from(at).unwrap_or_default();
            if at >= quarters.to {
                later.push(who);
            } else {
                *last = Some(clock.period_of(at));
            }
        }
    };
    purchases.rows(everything, take).await?;
    if later.is_empty() {
        return Ok(last);
    }
    let completed = [Slice::from(Status::Completed)];
    let mut before: Vec<Option<i64>> = vec![None; customers];
    Members::of(from, Family::Buyers, &completed, 1)
        .each(quarters, &clock, |day, who| {
            if let Some(before) = before.get_mut(who as usize) {
                *before = Some(day);
            }
        })
        .await?;
    for at in later.into_iter().map(|who| who as usize) {
        last[at] = before[at];
    }
    Ok(last)
}

/// A page of a segment: those who came to most first, ties by id within the page.
async fn members(
    from: ReadContext<'_>,
    asked: &Asked,
    segment: Segment,
    scored: Vec<(Buyer, Scores)>,
) -> Result<Vec<Member>, store::Error> {
    let mut of_segment: Vec<_> =
        scored.into_iter().filter(|(_, scores)| scores.segment() == segment).collect();
    of_segment.sort_by_key(|(buyer, _)| (std::cmp::Reverse(buyer.net), buyer.ordinal));
    let before = asked.limit.saturating_mul(asked.page - 1);
    let page: Vec<_> = of_segment.into_iter().skip(before).take(asked.limit).collect();
    let sure = page.iter().map(|(buyer, _)| buyer.ordinal).collect();
    let ids = from.ids(Entity::Customer, Cut { sure, ..Cut::default() }).await?;
    let found = from.snapshot.entities::<Customers>(&ids).await?;
    let mut known: BTreeMap<u32, Known<CustomerDocument>> =
        found.into_iter().map(|customer| (customer.document.ordinal, customer)).collect();
    let member = |(buyer, scores): (Buyer, Scores)| {
        let customer = known.remove(&buyer.ordinal)?;
        let profile = customer.document.profile.map(|profile| (profile.username, profile.email));
        let (username, email) = profile.unwrap_or_default();
        Some(Member {
            user_id: customer.id,
            username,
            email,
            days_since_purchase: buyer.days,
            order_count: buyer.orders,
            total_spend: Money(buyer.net),
            recency: scores.recency,
            frequency: scores.frequency,
            monetary: scores.money,
        })
    };
    Ok(page.into_iter().filter_map(member).collect())
}
