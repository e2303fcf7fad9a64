//! Input that would make documents grow.

use adaptive_bi::projector::batch::BatchLimits;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use projections::family::Dimension;
use projections::rollup::DAYS_STRIDE;
use projections::vocabulary::OTHER;
use serde_json::json;

use crate::harness::Shop;

/// The size of the largest document of a collection, in bytes.
async fn largest(shop: &Shop, collection: &str) -> i64 {
    let sizes =
        vec![doc! { "$group": { "_id": null, "max": { "$max": { "$bsonSize": "$$ROOT" } } } }];
    let found = shop.database.collection::<Document>(collection).aggregate(sizes).await;
    let found: Vec<Document> = found.expect("sizes").try_collect().await.expect("sizes");
    found.first().map_or(0, |it| i64::from(it.get_i32("max").unwrap_or(i32::MAX)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_vocabularies_make_no_document_grow_without_bound() {
    const VALUES: usize = 20_000;
    let shop = Shop::new().await;
    let mut events = Vec::new();
    for n in 0..VALUES {
        let at = "2026-03-05T10:00:00Z";
        events.push((
            "activity",
            json!({
                "activityId": format!("a{n}"), "userId": "ann", "activityType": "viewed_product",
                "timestamp": at, "page": format!("$page.{n}.a$b"), "country": format!("$.{n}"),
            }),
        ));
        events.push((
            "transaction",
            json!({
                "transactionId": format!("t.{n}$"), "userId": "ann", "totalPrice": 1,
                "transactionDate": at, "category": format!("$cat.{n}.$set"),
                "shippingAddress": { "country": format!("land.{n}$") },
            }),
        ));
    }
    let position = shop.publish_all(&events).await;
    let projector = shop.project(BatchLimits::default()).await;
    let counts = shop.folded(position).await.root.counts;
    projector.stop().await;
    assert_eq!((counts.applied, counts.quarantined), (position, 0), "{counts:?}");

    let past = |dimension: Dimension| (VALUES - dimension.cap()) as u64;
    // Of what is sold there are two vocabularies, the month's and the shop's.
    let dimensions = [
        Dimension::Page,
        Dimension::ActivityCountry,
        Dimension::Category,
        Dimension::Category,
        Dimension::Country,
        Dimension::Country,
    ];
    assert_eq!(counts.folded, dimensions.map(past).iter().sum::<u64>());
    let rollups = shop.database.collection::<Document>("g1_rollups");
    let pages = rollups.find_one(doc! { "_id": { "$regex": "^pages/-/month/" } }).await;
    let pages = pages.expect("found").expect("a month of pages");
    let table = projections::table::unpack(pages.get_binary_generic("t").expect("a table"));
    let other: i64 = table
        .filter(|(row, _)| row / DAYS_STRIDE == u32::from(OTHER))
        .map(|(_, [count, ..])| count)
        .sum();
    assert_eq!(u64::try_from(other), Ok(past(Dimension::Page)));
    for name in shop.database.list_collection_names().await.expect("collections") {
        let size = largest(&shop, &name).await;
        assert!(size < 1_000_000, "{name} has a document of {size} bytes");
    }
}
