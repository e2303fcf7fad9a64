//! `GET /api/transactions`.

use projections::money::{self, Money};
use projections::quantity::{self, Quantity};
use projections::sales::Sale;
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::orders::List;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::{Parameters, Query};
use crate::query::Error;
use crate::query::cursor::Pagination;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
use crate::query::range::Used;
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};
use crate::store::read::Known;

/// The page that is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    selection: Ranged<Transactions>,
    list: List,
}

/// Transactions, a page at a time.
#[allow(clippy::struct_field_names)] // the member is named so on the wire
#[derive(Debug, Serialize, ToSchema)]
pub struct Transactions {
    transactions: Vec<Listed>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedTransaction)]
pub(super) struct Listed {
    transaction_id: String,
    user_id: String,
    /// The order that it is a line of.
    order_id: Option<String>,
    product_id: Option<String>,
    category: Option<String>,
    /// What it counts as.
    status: &'static str,
    #[schema(format = DateTime)]
    transaction_date: String,
    payment_method: String,
    country: Option<String>,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    quantity: Quantity,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_price: Money,
    /// The day on which it came back as a whole.
    #[schema(format = DateTime)]
    returned_at: Option<String>,
}

impl View for Transactions {
    const ROUTE: Get = Get {
        path: "/api/transactions",
        access: METRICS,
        id: "listTransactions",
        tag: Tag::Figures,
        summary: "Transactions, a page at a time",
        about: "The newest first, those that the filters choose; or by id.",
    };
}

impl Ranging for Transactions {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 20;
    const STATUSES: Statuses = Statuses::All;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let selection = Ranged::read(query);
        let list = List::read(query, &selection, false);
        Asked { selection, list }
    }
}

impl Figures for Transactions {
    const TOPICS: Topics = Topics::of(&[Topic::Sales]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, Asked { selection, list }: &Asked) -> Result<Self, Error> {
        let (rows, next) = list.page::<Sale>(from, selection, Vec::new()).await?;
        let limit = u32::try_from(selection.limit).unwrap_or(u32::MAX);
        let first = from.snapshot.checkpoint.root.first_quarter;
        Ok(Transactions {
            transactions: rows.into_iter().map(Listed::from).collect(),
            pagination: Pagination::of(limit, next.as_ref()),
            range: selection.range.map(|range| range.used(first)),
        })
    }
}

impl From<Known<Sale>> for Listed {
    fn from(Known { id, document: sale }: Known<Sale>) -> Self {
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        Listed {
            transaction_id: id,
            user_id: sale.user.to_string(),
            order_id: text(&sale.order),
            product_id: text(&sale.product),
            category: text(&sale.category),
            status: sale.status.as_str(),
            transaction_date: sale.at.to_rfc3339(),
            payment_method: sale.payment_method.to_string(),
            country: text(&sale.country),
            quantity: sale.quantity,
            total_price: sale.amount,
            returned_at: sale.returned_at().map(Time::to_rfc3339),
        }
    }
}
