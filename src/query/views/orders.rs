//! `GET /api/orders`.

use projections::money::{self, Money};
use projections::orders::{Irregularity, PlacedOrder};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::order;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Text, Whole, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::memory::ReadContext;
use crate::query::view::{Figures, METRICS, View};
use crate::store::read::{Known, OrdersWanted};

const IRREGULAR: Parameter<OneOf<Odd>> = Parameter::query(
    "irregular",
    "Those about which this is odd: the stated total, a discount beyond what it is on, a status that \
     went back, refunds beyond what was paid, of what was never sold or without a rate; or any of these.",
    OneOf::new(),
);
const CURSOR: Parameter<Text> = Parameter::query(
    "cursor",
    "Those after the page that had this as `pagination.next`.",
    Text { min: 1, max: 128, allowed: "must be pagination.next of the page before" },
);
const LIMIT: Parameter<Whole<u32>> =
    Parameter::query("limit", "The most orders of a page.", Whole { min: 1, max: 100 });

/// What is odd, or anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    Any,
    One(Irregularity),
}

impl Word for Odd {
    const ALL: &'static [Self] = &{
        let mut all = [Odd::Any; Irregularity::ALL.len() + 1];
        let mut at = 0;
        while at < Irregularity::ALL.len() {
            all[at] = Odd::One(Irregularity::ALL[at]);
            at += 1;
        }
        all
    };

    fn word(self) -> &'static str {
        match self {
            Odd::Any => "any",
            Odd::One(one) => one.as_str(),
        }
    }
}

/// The page that is asked for.
#[derive(Debug, Clone)]
pub struct Page {
    irregular: Option<Odd>,
    after: Option<String>,
    limit: u32,
}

/// Orders, a page at a time, by `orderId`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Orders {
    orders: Vec<Listed>,
    pagination: Pagination,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PageOfOrders)]
struct Pagination {
    limit: u32,
    /// The `cursor` of the next page; absent on the last.
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedOrder)]
struct Listed {
    order_id: String,
    user_id: Option<String>,
    #[schema(format = DateTime)]
    order_date: Option<String>,
    /// What it counts as.
    status: Option<&'static str>,
    order_status: Option<&'static str>,
    payment_status: Option<&'static str>,
    delivery_status: Option<&'static str>,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    net_sales: Money,
    irregular: Vec<&'static str>,
}

impl View for Orders {
    const ROUTE: Get = Get {
        path: "/api/orders",
        access: METRICS,
        id: "listOrders",
        tag: Tag::Figures,
        summary: "Orders, a page at a time",
        about: "By `orderId`; all of them, or those about which something is odd.",
    };
}

impl Parameters for Page {
    fn read(query: &mut Query) -> Self {
        Page {
            irregular: query.take(&IRREGULAR),
            after: query.take(&CURSOR),
            limit: query.take_or(&LIMIT, 20),
        }
    }
}

impl Figures for Orders {
    const TOPICS: Topics = Topics::of(&[Topic::Orders]);
    type Parameters = Page;

    async fn read(from: ReadContext<'_>, asked: &Page) -> Result<Self, Error> {
        let irregular = match asked.irregular {
            None => Vec::new(),
            Some(Odd::Any) => Irregularity::ALL.to_vec(),
            Some(Odd::One(one)) => vec![one],
        };
        // One more says whether there are more.
        let limit = asked.limit + 1;
        let wanted = OrdersWanted { irregular, after: asked.after.clone(), limit };
        let found = from.snapshot.orders(&wanted).await?;
        let mut orders: Vec<_> = found.iter().map(Listed::from).collect();
        let more = orders.len() > asked.limit as usize;
        orders.truncate(asked.limit as usize);
        let next = orders.last().filter(|_| more).map(|last| last.order_id.clone());
        Ok(Orders { orders, pagination: Pagination { limit: asked.limit, next } })
    }
}

impl From<&Known<PlacedOrder>> for Listed {
    fn from(Known { id, document: PlacedOrder(order) }: &Known<PlacedOrder>) -> Self {
        let whole = order::OneOrder::of(id.clone(), order);
        Listed {
            net_sales: whole.net_sales,
            order_id: whole.order_id,
            user_id: whole.user_id,
            order_date: whole.order_date,
            status: whole.status,
            order_status: whole.order_status,
            payment_status: whole.payment_status,
            delivery_status: whole.delivery_status,
            irregular: whole.irregular,
        }
    }
}
