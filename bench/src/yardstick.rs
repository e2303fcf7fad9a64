//! The yardsticks of the benchmark: a projector in its simplest form, and raw transactions that are
//! aggregated for each request. Both use the store's own connections.

use adaptive_bi::store::Store;
use futures_util::TryStreamExt;
use mongodb::IndexModel;
use mongodb::bson::{self, Bson, DateTime, Document, doc};
use mongodb::error::Result;
use projections::sales::Transaction;

const RAW: &str = "raw_transactions";
/// The number of documents in an insert.
const BATCH: usize = 5_000;

/// The figures of an endpoint, as they are aggregated from raw transactions.
#[derive(Debug, Clone, Copy)]
pub enum Aggregate {
    /// Totals, returned sales, distinct customers and the days.
    Sales,
    /// The products sold most.
    Products,
    /// The customers who spent most, and the number of those who bought.
    Customers,
    /// Totals, the days and the products sold most.
    Summary,
}

/// Makes one majority-acknowledged upsert that adds to some sums: the benchmark's yardstick makes
/// one for each document of each event.
///
/// # Errors
/// Fails if the server does not answer.
pub async fn naive_upsert(
    store: &Store,
    model: &str,
    id: &str,
    sums: &[(&str, i64)],
) -> Result<()> {
    let sums: Document =
        sums.iter().map(|(name, sum)| ((*name).to_owned(), Bson::Int64(*sum))).collect();
    store
        .database()
        .collection::<Document>(&format!("naive_{model}"))
        .update_one(doc! { "_id": id }, doc! { "$inc": sums })
        .upsert(true)
        .await?;
    Ok(())
}

/// Keeps transactions as they are, with an index by date.
///
/// # Errors
/// Fails if the server does not answer.
pub async fn insert_raw(store: &Store, sales: Vec<Document>) -> Result<()> {
    let raw = store.database().collection::<Document>(RAW);
    let by_date = IndexModel::builder().keys(doc! { "transactionDate": 1 }).build();
    raw.create_index(by_date).await?;
    let mut sales = sales.into_iter().peekable();
    while sales.peek().is_some() {
        let batch = sales.by_ref().take(BATCH);
        raw.insert_many(batch).ordered(false).await?;
    }
    Ok(())
}

/// Aggregates the figures of an endpoint over a range, milliseconds since 1970, the end not
/// included, as several aggregations side by side; returns the number of rows.
///
/// # Errors
/// Fails if the server does not answer.
pub async fn aggregate_raw(store: &Store, what: Aggregate, from: i64, to: i64) -> Result<usize> {
    let range = doc! {
        "$gte": DateTime::from_millis(from), "$lt": DateTime::from_millis(to),
    };
    let of =
        |status: &str| doc! { "$match": { "transactionDate": range.clone(), "status": status } };
    let sums = |by: Bson| {
        doc! { "$group": {
            "_id": by,
            "orders": { "$sum": 1 },
            "quantity": { "$sum": "$quantity" },
            "amount": { "$sum": "$totalPrice" },
        } }
    };
    let day = doc! { "$dateToString": { "format": "%Y-%m-%d", "date": "$transactionDate" } };
    let totals = vec![of("completed"), sums(Bson::Null)];
    let days = vec![of("completed"), sums(day.into()), doc! { "$sort": { "_id": 1 } }];
    let top = |by: &str, sort: Document| {
        let sort = doc! { "$sort": sort };
        vec![of("completed"), sums(by.into()), sort, doc! { "$limit": 5 }]
    };
    let products = top("$productId", doc! { "quantity": -1, "_id": 1 });
    let distinct = vec![
        of("completed"),
        doc! { "$group": { "_id": "$userId" } },
        doc! { "$count": "customers" },
    ];
    let pipelines = match what {
        Aggregate::Sales => {
            vec![totals, vec![of("returned"), sums(Bson::Null)], distinct, days]
        }
        Aggregate::Products => vec![products],
        Aggregate::Customers => {
            vec![distinct, top("$userId", doc! { "amount": -1, "_id": 1 })]
        }
        Aggregate::Summary => vec![totals, days, products],
    };
    let rows = pipelines.into_iter().map(|pipeline| rows_of(store, pipeline));
    Ok(futures_util::future::try_join_all(rows).await?.into_iter().sum())
}

async fn rows_of(store: &Store, pipeline: Vec<Document>) -> Result<usize> {
    let raw = store.database().collection::<Document>(RAW);
    let cursor = raw.aggregate(pipeline).allow_disk_use(true).await?;
    Ok(cursor.try_collect::<Vec<_>>().await?.len())
}

/// A transaction as a document of that collection.
#[must_use]
#[allow(clippy::cast_precision_loss)] // as it is stored there
pub fn raw(sale: &Transaction<'_>) -> Document {
    doc! {
        "_id": &*sale.transaction_id,
        "userId": &*sale.user_id,
        "productId": sale.product_id.as_deref(),
        "quantity": i64::from(sale.quantity),
        "totalPrice": sale.total_price.0 as f64 / 10_000.0,
        "transactionDate": bson::DateTime::from_millis(sale.at.0),
        "status": sale.status.as_str(),
        "paymentMethod": &*sale.payment_method,
    }
}
