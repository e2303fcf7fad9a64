//! `GET /api/transactions/{id}`.

use projections::ledger::Row;
use projections::money::{self, Money};
use projections::orders::RefundedSale;
use projections::sales::Sale;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::history::{EntityChange, newest_first};
use super::order::OrderRefund;
use super::transaction_list::Listed;
use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::memory::ReadContext;
use crate::query::params::ById;
use crate::query::view::{Figures, METRICS, View};
use crate::store::read::Known;

const MISSING: &str = "There is no such transaction.";

/// A transaction: its facts as their newest events state them, what it counts as, and how it came to
/// be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneTransaction {
    #[serde(flatten)]
    transaction: Listed,
    /// What came back of it. Refunds of an order that it is a line of are the order's.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    returns: Money,
    /// The refunds that named it, unless it is a line of an order.
    refunds: Vec<OrderRefund>,
    /// The number of all changes, of its refunds included.
    changes: u64,
    /// The newest 100 changes, the newest first.
    history: Vec<EntityChange>,
}

impl View for OneTransaction {
    const ROUTE: Get = Get {
        path: "/api/transactions/{id}",
        access: METRICS,
        id: "getTransaction",
        tag: Tag::Figures,
        summary: "One transaction, and how it came to be",
        about: "Its facts as their newest events state them, its refunds, and its newest 100 changes.",
    };
    const MISSING: Option<&'static str> = Some(MISSING);
}

impl Figures for OneTransaction {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Orders]);
    type Parameters = ById;

    async fn read(from: ReadContext<'_>, asked: &ById) -> Result<Self, Error> {
        let sale = from.snapshot.row::<Sale>(&asked.id).await?.ok_or(Error::NotFound(MISSING))?;
        let refunded = if from.snapshot.has(RefundedSale::SINCE) {
            from.snapshot.row::<RefundedSale>(&asked.id).await?
        } else {
            None
        };
        let RefundedSale(refunded) = refunded.unwrap_or_default();
        let mut history = sale.history.clone();
        history.merge(&refunded.history);
        let returned_at = sale.returned_at();
        let of_whole = returned_at.filter(|_| refunded.members.is_empty()).map(|_| sale.amount);
        Ok(OneTransaction {
            transaction: Known { id: asked.id.clone(), document: sale }.into(),
            returns: of_whole.unwrap_or_else(|| refunded.returned()),
            refunds: refunded.refunds.iter().map(OrderRefund::from).collect(),
            changes: history.changes,
            history: newest_first(&history),
        })
    }
}
