//! `GET /api/customers/{id}`.

use projections::customers::{Customer, Customers};
use projections::orders::PlacedOrder;
use projections::sales::{Sale, Status};
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::sold::{ByStatus, Period, Sold, periods};
use super::{orders, transaction_list};
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::{Parameters, Query};
use crate::query::Error;
use crate::query::filter::Filter;
use crate::query::memory::ReadContext;
use crate::query::newest::newest;
use crate::query::params::{ById, Ranged, Ranging, Selection};
use crate::query::range::Used;
use crate::query::ratio::ratio;
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};

const MISSING: &str = "There is no such customer.";
/// So many of the newest orders, and of the newest transactions, are told.
const NEWEST: u32 = 10;

/// The customer and the range that are asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    id: ById,
    range: Ranged<OneCustomer>,
}

/// A customer: what is stated and what is counted of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneCustomer {
    user_id: String,
    /// Whether they bought without an account.
    is_guest: bool,
    /// Whether the account was removed.
    is_gone: bool,
    profile: Option<Profile>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    first_seen: String,
    #[schema(format = DateTime)]
    last_seen: String,
    #[schema(format = DateTime)]
    first_purchase: Option<String>,
    #[schema(format = DateTime)]
    last_purchase: Option<String>,
    /// What they bought, in the range or ever.
    sold: Sold,
    /// What they ever bought, by what it counts as.
    by_status: Vec<ByStatus>,
    /// The number of activities, of all time.
    activities: i64,
    #[schema(format = DateTime)]
    first_activity: Option<String>,
    #[schema(format = DateTime)]
    last_activity: Option<String>,
    /// The number of ratings, of all time.
    ratings: i64,
    average_rating: f64,
    /// What they bought in each period of the range, or of the last 30 days.
    trend: Vec<Period>,
    /// The newest 10 orders in the range, whatever they count as, as far as they are found among the
    /// newest 20,000 of the days that they are of.
    orders: Vec<orders::Listed>,
    /// The same of transactions, lines of orders included.
    transactions: Vec<transaction_list::Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProfileOfCustomer)]
struct Profile {
    #[schema(value_type = Option<String>)]
    username: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    email: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    first_name: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    last_name: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    country: Option<Box<str>>,
}

impl View for OneCustomer {
    const ROUTE: Get = Get {
        path: "/api/customers/{id}",
        access: METRICS,
        id: "getCustomer",
        tag: Tag::Figures,
        summary: "One customer",
        about: "Their profile, what they bought and sent back, by status and over time, their activities and ratings, and their newest orders and transactions.",
    };
    const MISSING: Option<&'static str> = Some(MISSING);
}

impl Ranging for OneCustomer {
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

impl Figures for OneCustomer {
    const TOPICS: Topics = Topics::of(&[
        Topic::Sales,
        Topic::Orders,
        Topic::Customers,
        Topic::Behaviour,
        Topic::Feedback,
    ]);
    type Parameters = Asked;

    async fn read(
        from: ReadContext<'_>,
        Asked { id: ById { id }, range }: &Asked,
    ) -> Result<Self, Error> {
        let known = from.snapshot.counted::<Customers>(&[id.as_str().into()]).await?;
        let (_, customer) = known.into_iter().next().ok_or(Error::NotFound(MISSING))?;
        let asked = Selection { filter: Filter::Customer(id.clone()), ..(**range).clone() };
        let all = Selection { statuses: Statuses::All, ..asked.clone() };
        let (figures, orders, transactions) = tokio::try_join!(
            periods(from, &asked),
            newest::<PlacedOrder>(from, &all, None, NEWEST),
            newest::<Sale>(from, &all, None, NEWEST),
        )?;
        let (sold, trend) = figures;
        let orders = orders.rows.iter().map(orders::Listed::from).collect();
        let transactions = transactions.rows.into_iter().map(transaction_list::Listed::from);
        let root = &from.snapshot.checkpoint.root;
        Ok(OneCustomer {
            sold,
            trend,
            orders,
            transactions: transactions.collect(),
            range: range.range.map(|range| range.used(root.first_quarter)),
            ..OneCustomer::of(id, customer, from)
        })
    }
}

impl OneCustomer {
    /// What is stated and counted of all time.
    fn of(id: &str, customer: Customer, from: ReadContext<'_>) -> Self {
        let settings = &from.snapshot.checkpoint.settings;
        let at = |time: Option<Time>| time.map(Time::to_rfc3339);
        let of = |status| ByStatus::of(status, customer.sales.of(status), settings);
        OneCustomer {
            user_id: id.to_owned(),
            is_guest: customer.guest,
            is_gone: customer.is_gone(),
            created_at: customer.created_at.to_rfc3339(),
            first_seen: customer.first_seen.to_rfc3339(),
            last_seen: customer.last_seen.to_rfc3339(),
            first_purchase: at(customer.first_purchase),
            last_purchase: at(customer.last_purchase),
            sold: Sold::default(),
            by_status: Status::ALL.map(of).into(),
            activities: customer.activities,
            first_activity: at(customer.first_activity),
            last_activity: at(customer.last_activity),
            ratings: customer.ratings,
            average_rating: ratio(customer.rating_sum, customer.ratings),
            trend: Vec::new(),
            orders: Vec::new(),
            transactions: Vec::new(),
            range: None,
            profile: customer.profile.map(|it| Profile {
                username: it.username,
                email: it.email,
                first_name: it.first_name,
                last_name: it.last_name,
                country: it.country,
            }),
        }
    }
}
