//! `GET /api/orders`.

use projections::ledger::Row;
use projections::money::{self, Money};
use projections::orders::{Irregularity, PlacedOrder};
use projections::topic::{Topic, Topics};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::order;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Own, Text, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::http::problem::FieldError;
use crate::query::Error;
use crate::query::cursor::{self, Pagination};
use crate::query::filter::Filter;
use crate::query::memory::ReadContext;
use crate::query::newest::{self, newest};
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::range::Used;
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};
use crate::store;
use crate::store::read::{Known, RowsWanted};

const IRREGULAR: Parameter<OneOf<Odd>> = Parameter::query(
    "irregular",
    "Those about which this is odd: the stated total, a discount beyond what it is on, a status that \
     went back, refunds beyond what was paid, of what was never sold or without a rate; or any of these.",
    OneOf::new(),
);
const SORT: Parameter<OneOf<Sort>> = Parameter::query(
    "sort",
    "The newest first, or by id. With `irregular` or `search`, and by id, orders are of all time, and \
     other filters cannot be given.",
    OneOf::new(),
);
/// The beginning of the id.
pub(super) const SEARCH: Parameter<Text> = Parameter::query(
    "search",
    "Those whose id begins so, by id.",
    Text { min: 1, max: 128, allowed: "must be a text of 1 to 128 characters" },
);
const CURSOR: Parameter<Own<After>> = cursor::parameter();

/// The order of a list of sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// The newest first.
    Newest,
    /// By id.
    Id,
}

impl Word for Sort {
    const ALL: &'static [Self] = &[Sort::Newest, Sort::Id];

    fn word(self) -> &'static str {
        match self {
            Sort::Newest => "newest",
            Sort::Id => "id",
        }
    }
}

/// A place in a list of sales.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum After {
    /// From the newest on.
    Newest(newest::After),
    /// By id: the last one.
    Id(String),
}

/// The order of a list of sales, and the page of it.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// The order.
    pub sort: Sort,
    /// The beginning of the id.
    pub search: Option<String>,
    /// The place that the page begins behind.
    pub after: Option<After>,
}

impl List {
    /// Reads them, beside the selection of those from the newest on.
    pub fn read(query: &mut Query, selection: &Selection, is_by_id: bool) -> Self {
        let (sort, search) = (query.take(&SORT), query.take(&SEARCH));
        let after = query.take(&CURSOR);
        let is_by_id = is_by_id || search.is_some();
        let sort = sort.unwrap_or(if is_by_id { Sort::Id } else { Sort::Newest });
        if is_by_id && sort == Sort::Newest {
            query.wrong(FieldError::new(
                "sort",
                "must be id, or left out, with search and irregular",
            ));
        }
        let is_selected = selection.range.is_some()
            || selection.filter != Filter::None
            || selection.statuses != Statuses::All;
        if sort == Sort::Id && is_selected {
            let message = "must be newest, or left out, with dates, a status or other filters";
            query.wrong(FieldError::new("sort", message));
        }
        let is_of_sort = |after: &After| matches!(after, After::Id(_)) == (sort == Sort::Id);
        if after.as_ref().is_some_and(|after| !is_of_sort(after)) {
            query.wrong(FieldError::new("cursor", "must be of a list in the same order"));
        }
        List { sort, search, after }
    }

    /// Reads the page, and the place where the next one goes on.
    pub async fn page<R: Row + Send>(
        &self,
        from: ReadContext<'_>,
        selection: &Selection,
        irregular: Vec<Irregularity>,
    ) -> Result<(Vec<Known<R>>, Option<After>), store::Error> {
        let limit = u32::try_from(selection.limit).unwrap_or(u32::MAX);
        if self.sort == Sort::Newest {
            let after = match &self.after {
                Some(After::Newest(after)) => Some(after),
                _ => None,
            };
            let page = newest::<R>(from, selection, after, limit).await?;
            return Ok((page.rows, page.next.map(After::Newest)));
        }
        let after = match &self.after {
            Some(After::Id(id)) => Some(id.clone()),
            _ => None,
        };
        let prefix = self.search.clone().unwrap_or_default();
        // One more says whether there are more.
        let wanted = RowsWanted { irregular, prefix, after, limit: limit + 1 };
        let mut rows = from.snapshot.rows_by_id::<R>(&wanted).await?;
        let more = rows.len() > selection.limit;
        rows.truncate(selection.limit);
        let next = rows.last().filter(|_| more).map(|last| After::Id(last.id.clone()));
        Ok((rows, next))
    }
}

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
pub struct Asked {
    selection: Ranged<Orders>,
    irregular: Option<Odd>,
    list: List,
}

/// Orders, a page at a time.
#[allow(clippy::struct_field_names)] // the member is named so on the wire
#[derive(Debug, Serialize, ToSchema)]
pub struct Orders {
    orders: Vec<Listed>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedOrder)]
pub(super) struct Listed {
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
        about: "The newest first, those that the filters choose; or by id, those about which something is odd or whose ids begin alike.",
    };
}

impl Ranging for Orders {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 20;
    const STATUSES: Statuses = Statuses::All;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let selection = Ranged::read(query);
        let irregular = query.take(&IRREGULAR);
        let list = List::read(query, &selection, irregular.is_some());
        Asked { selection, irregular, list }
    }
}

impl Figures for Orders {
    const TOPICS: Topics = Topics::of(&[Topic::Orders, Topic::Sales]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let irregular = match asked.irregular {
            None => Vec::new(),
            Some(Odd::Any) => Irregularity::ALL.to_vec(),
            Some(Odd::One(one)) => vec![one],
        };
        let (selection, list) = (&asked.selection, &asked.list);
        let (rows, next) = list.page::<PlacedOrder>(from, selection, irregular).await?;
        let limit = u32::try_from(selection.limit).unwrap_or(u32::MAX);
        let first = from.snapshot.checkpoint.root.first_quarter;
        Ok(Orders {
            orders: rows.iter().map(Listed::from).collect(),
            pagination: Pagination::of(limit, next.as_ref()),
            range: selection.range.map(|range| range.used(first)),
        })
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
