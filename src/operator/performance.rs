//! `GET /api/metrics/performance`: the size of the database, and the sales of the last hour.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Routes;
use crate::http::clock::now;
use crate::http::envelope::Envelope;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::problem::Problem;
use crate::query::params::Selection;
use crate::query::range::Quarters;
use crate::query::sales::Sales;
use crate::query::zone::Zone;
use crate::query::{Deps, Error, wait};
use crate::rights::access::Access::Allowed;
use crate::rights::role::{Action, Resource};
use crate::store::sizes::{CollectionSize, DatabaseSize};

/// The endpoint.
pub fn routes(deps: Deps) -> Routes {
    let answer = Answer::data::<Performance>("The sizes.").headers(&["Cache-Control"]);
    let about = "As the database tells them now. `users` are accounts of this service, `transactions` the ledger, \
                 with a row for each transaction, order, refund and other thing that can be corrected, `sessions` \
                 where people are signed in; `collection` is the name of each.";
    let summary = "The size of the database, and the sales of the last hour";
    let operation = Operation::new(Tag::Service, "getPerformance", summary, answer).about(about);
    let access = Allowed(Resource::System, Action::Read);
    Routes::new().get("/api/metrics/performance", access, operation, performance).with_state(deps)
}

#[derive(Debug, Serialize, ToSchema)]
struct Performance {
    database: Database,
    collections: Collections,
    activity: Activity,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// Bytes and numbers of the database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DatabaseSize)]
struct Database {
    /// Bytes of documents and indexes, as they are stored.
    total_size: u64,
    /// Bytes of indexes.
    index_size: u64,
    collections: u64,
    /// The number of documents.
    objects: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CollectionSizes)]
struct Collections {
    users: Size,
    transactions: Size,
    sessions: Size,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CollectionSize)]
struct Size {
    /// The number of documents.
    count: u64,
    /// Bytes of documents, before they are compressed.
    #[serde(rename = "size")]
    bytes: u64,
    /// The name of the collection.
    #[serde(rename = "collection")]
    stored_in: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RecentActivity)]
struct Activity {
    /// Orders of the last hour, which ends with the present quarter hour.
    recent_transactions: i64,
}

impl From<DatabaseSize> for Database {
    fn from(size: DatabaseSize) -> Self {
        Database {
            total_size: size.total_bytes,
            index_size: size.index_bytes,
            collections: size.collections,
            objects: size.documents,
        }
    }
}

impl From<CollectionSize> for Size {
    fn from(size: CollectionSize) -> Self {
        Size { count: size.documents, bytes: size.bytes, stored_in: size.name }
    }
}

async fn performance(State(deps): State<Deps>) -> Result<Response, Problem> {
    let performance = read(&deps).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Envelope::of(performance)).into_response())
}

async fn read(deps: &Deps) -> Result<Performance, Error> {
    let snapshot = wait::read(deps).await?.ok_or(Error::NoGeneration)?;
    let lately = Selection::sold(Zone::UTC, Quarters::last_hours(1, (deps.now)()));
    let sales = Sales::of(deps.cache.context(&snapshot), &lately);
    let (size, sizes, sum) = tokio::try_join!(
        deps.store.database_size(),
        deps.store.sizes(snapshot.checkpoint.generation),
        sales.total(lately.trend),
    )?;
    Ok(Performance {
        database: size.into(),
        collections: Collections {
            users: sizes.accounts.into(),
            transactions: sizes.ledger.into(),
            sessions: sizes.sessions.into(),
        },
        activity: Activity { recent_transactions: sum.orders() },
        timestamp: now(),
    })
}
