//! Invariants of the figures, however the log is cut into batches and whichever process folds it.

use std::time::Duration;

use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::projector::status::State;
use futures_util::{StreamExt, TryStreamExt};
use mongodb::bson::{Bson, Document, doc};
use projections::sales::Status;
use projections::table::{Row, unpack};
use projections::time::Time;
use serde_json::{Value, json};

use crate::documents::{self, assert_same};
use crate::events::{mixed, sale};
use crate::harness::{Shop, until};

/// The sum of `field` over every document of a collection that `filter` finds.
async fn sum(shop: &Shop, collection: &str, filter: Document, field: &str) -> i64 {
    let found = shop.database.collection::<Document>(collection).find(filter).await.expect("found");
    let found: Vec<Document> = found.try_collect().await.expect("found");
    found.iter().map(|document| at(document, field)).sum()
}

fn at(document: &Document, path: &str) -> i64 {
    let mut value = Some(document);
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    for parent in parents.split('.').filter(|it| !it.is_empty()) {
        value = value.and_then(|it| it.get_document(parent).ok());
    }
    match value.and_then(|it| it.get(name)) {
        Some(Bson::Int64(n)) => *n,
        Some(Bson::Int32(n)) => i64::from(*n),
        _ => 0,
    }
}

/// The sums of the rows of all rollups whose id begins with a prefix: orders, items, amount.
async fn rollups(shop: &Shop, prefix: &str) -> [i64; 3] {
    let filter = doc! { "_id": { "$gte": prefix, "$lt": format!("{prefix}\u{7f}") } };
    let found = shop.database.collection::<Document>("g1_rollups").find(filter).await;
    let found: Vec<Document> = found.expect("found").try_collect().await.expect("found");
    let bytes = |document| Document::get_binary_generic(document, "t").expect("a table");
    added(found.iter().flat_map(|it| unpack(bytes(it))).map(|(_, row)| row))
}

fn added(rows: impl Iterator<Item = Row>) -> Row {
    rows.fold([0; 3], |sum, row| std::array::from_fn(|column| sum[column] + row[column]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revenue_is_the_same_in_every_read_model() {
    let shop = Shop::new().await;
    let position = shop.publish_all(&mixed(2_000, 1)).await;
    let projector = shop.project(BatchLimits { events: 150, ..BatchLimits::default() }).await;
    let root = shop.folded(position).await.root;
    projector.stop().await;
    let customers = documents::customers(&shop.database).await;
    let products = documents::products(&shop.database).await;
    for status in ["completed", "pending", "failed", "returned"] {
        let sales = rollups(&shop, &format!("sales/{status}/month/")).await;
        let [orders, _, amount] = sales;
        assert!(orders > 0, "no {status} sale");
        let of = |family: &str, level: &str| format!("{family}/{status}/{level}/");
        for prefix in [
            of("cells", "day"),
            of("buyers", "quarter"),
            of("buyers", "day"),
            of("buyers", "month"),
            of("buyers", "ever"),
            of("sold", "quarter"),
            of("sold", "day"),
            of("sold", "month"),
            of("sold", "ever"),
        ] {
            assert_eq!(rollups(&shop, &prefix).await, sales, "{prefix}");
        }
        let one = Status::ALL.into_iter().find(|it| it.as_str() == status).expect("a status");
        let customers = customers.values().map(|it| Row::from(it.sales.of(one)));
        assert_eq!(added(customers), sales, "customers {status}");
        let products = products.values().map(|it| Row::from(it.sales.of(one)));
        assert_eq!(added(products), sales, "products {status}");
        let ledger = sum(&shop, "g1_ledger", doc! { "status": status }, "amount").await;
        assert_eq!(ledger, amount, "ledger {status}");
    }
    let completed = rollups(&shop, "sales/completed/month/").await;
    assert_eq!(root.sales.completed.amount.0, completed[2]);
    let buyers = customers.values().filter(|it| it.sales.completed.orders > 0).count();
    assert_eq!(usize::try_from(root.buyers.completed), Ok(buyers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_batching_of_the_same_log_gives_the_same_documents() {
    let whole = Shop::new().await;
    let position = whole.publish_all(&mixed(500, 2)).await;
    let mut reference = None;
    for events in [20_000, 1, 7, 64] {
        let shop = whole.sibling().await;
        let projector = shop.project(BatchLimits { events, ..BatchLimits::default() }).await;
        shop.folded(position).await;
        projector.stop().await;
        let documents = shop.documents().await;
        match &reference {
            None => reference = Some(documents),
            Some(reference) => assert_same(reference, &documents),
        }
    }
}

/// An order of 50 lines and a status of it: its row takes about 9 KB.
fn large_order(n: usize) -> [(&'static str, Value); 2] {
    let line = |at: usize| json!({ "productId": format!("p{at}"), "quantity": 1, "price": 2 });
    let (id, date) = (format!("o{n}"), "2026-03-05T10:00:00Z");
    let lines: Vec<Value> = (0..50).map(line).collect();
    let order = json!({
        "orderId": id, "userId": "ann", "lines": lines, "orderDate": date,
    });
    let status = json!({ "orderId": id, "orderStatus": "shipped", "at": "2026-03-06" });
    [("order", order), ("orderstatus", status)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_would_load_too_much_is_folded_in_parts() {
    const ORDERS: usize = 400;
    const LOADED: usize = 300_000;
    let shop = Shop::new().await;
    let (orders, statuses): (Vec<_>, Vec<_>) = (0..ORDERS).map(large_order).map(Into::into).unzip();
    let placed = shop.publish_all(&orders).await;
    let projector = shop.project(BatchLimits::default()).await;
    shop.folded(placed).await;
    projector.stop().await;
    let rows = shop.database.collection::<Document>("g1_ledger");
    let row = rows.find_one(doc! { "_id": "o:o7" }).await.expect("found").expect("a row");
    let most = LOADED / mongodb::bson::serialize_to_vec(&row).expect("bytes").len();

    // Another one has nothing at hand.
    let last = shop.publish_all(&statuses).await;
    let mut announced = shop.log.announcements().await.expect("announcements");
    let projector = shop.project(BatchLimits { loaded: LOADED, ..BatchLimits::default() }).await;
    let (mut reached, mut batches) = (placed, 0);
    while reached < last {
        let next = tokio::time::timeout(Duration::from_mins(1), announced.next()).await;
        let commit = next.expect("in time").expect("an announcement");
        let events = usize::try_from(commit.position - commit.from).expect("few");
        assert!(commit.from >= placed && events <= most, "{events} events, {most} have room");
        (reached, batches) = (commit.position, batches + 1);
    }
    projector.stop().await;
    assert!(batches >= ORDERS / most, "{batches}");
    let whole = shop.sibling().await;
    let projector = whole.project(BatchLimits::default()).await;
    whole.folded(last).await;
    projector.stop().await;
    assert_same(&whole.documents().await, &shop.documents().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_that_stops_and_starts_at_any_commit_gives_the_same_documents() {
    let whole = Shop::new().await;
    let position = whole.publish_all(&mixed(600, 3)).await;
    let parts = whole.sibling().await;
    let limits = BatchLimits { events: 40, ..BatchLimits::default() };
    let mut starts = 0;
    while parts.checkpoint().await.map_or(0, |it| it.position) < position {
        let from = parts.checkpoint().await.map_or(0, |it| it.position);
        let projector = parts.project(limits).await;
        parts.folded(from + 1).await;
        projector.stop().await;
        starts += 1;
    }
    assert!(starts > 2, "only {starts} starts");
    let projector = whole.project(BatchLimits::default()).await;
    whole.folded(position).await;
    projector.stop().await;
    assert_same(&whole.documents().await, &parts.documents().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_projectors_on_one_database_make_the_documents_of_one() {
    let both = Shop::new().await;
    let alone = both.sibling().await;
    let limits =
        BatchLimits { events: 20, linger: Duration::from_millis(1), ..BatchLimits::default() };
    let (first, second) = (both.project(limits).await, both.project(limits).await);
    let mut position = 0;
    for (n, part) in mixed(1_200, 4).chunks(200).enumerate() {
        position = both.publish_all(part).await;
        // As after a pause of its process: the lease is lost while it folds.
        both.release_the_lease().await;
        if n % 2 == 0 {
            both.folded(position).await;
        }
    }
    both.folded(position).await;
    let folds = |state: &State| matches!(state, State::Running | State::Standby | State::Starting);
    for projector in [&first, &second] {
        // The one that lost the lease may be beginning again.
        until("projector that folds or stands by", async || {
            let state = projector.status.borrow().state.clone();
            if folds(&state) { Ok(()) } else { Err(format!("{state:?}")) }
        })
        .await;
    }
    first.stop().await;
    second.stop().await;
    let projector = alone.project(BatchLimits::default()).await;
    alone.folded(position).await;
    projector.stop().await;
    assert_same(&alone.documents().await, &both.documents().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_who_lose_a_first_or_last_purchase_have_the_next_one() {
    const CUSTOMERS: usize = 1_300;
    let shop = Shop::new().await;
    let day = |day: usize| format!("2026-03-{day:02}T00:00:00.000Z");
    let bought = |user: usize, n: usize, status: &str| {
        let and = json!({ "transactionDate": day(n), "status": status });
        // As an id that means something to a database.
        ("transaction", sale(&format!("$t{user}.{n}"), &format!("$u.{user}"), 1, and))
    };
    let mut before = Vec::new();
    for user in 0..CUSTOMERS {
        before.extend((2..=5).map(|n| bought(user, n, "completed")));
        before.push(bought(user, 1, "pending"));
    }
    let projector = shop.project(BatchLimits::default()).await;
    let position = shop.publish_all(&before).await;
    shop.folded(position).await;
    projector.stop().await;
    // By turns: the first one leaves, the last, both, all but one that is new, and all.
    let mut after = Vec::new();
    let mut expected = Vec::new();
    for user in 0..CUSTOMERS {
        let (leave, join, ends) = match user % 5 {
            0 => (vec![2], None, Some((3, 5))),
            1 => (vec![5, 4], None, Some((2, 3))),
            2 => (vec![2, 5], Some(9), Some((3, 9))),
            3 => (vec![2, 3, 4, 5], Some(7), Some((7, 7))),
            _ => (vec![5, 4, 3, 2], None, None),
        };
        after.extend(leave.into_iter().map(|n| bought(user, n, "failed")));
        after.extend(join.map(|n| bought(user, n, "completed")));
        expected.push((format!("$u.{user}"), ends));
    }
    // All of it in one batch: what the projector asks must leave out what the batch changed.
    let position = shop.publish_all(&after).await;
    let projector = shop.project(BatchLimits::default()).await;
    shop.folded(position).await;
    projector.stop().await;
    let customers = documents::customers(&shop.database).await;
    let ms = |n| chrono::DateTime::parse_from_rfc3339(&day(n)).expect("a date").timestamp_millis();
    for (user, ends) in expected {
        let found = &customers[&user];
        let ends = ends.map(|(first, last)| (Time(ms(first)), Time(ms(last))));
        let (first, last) = (found.first_purchase, found.last_purchase);
        assert_eq!((first, last), (ends.map(|it| it.0), ends.map(|it| it.1)), "{user}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_another_kind_is_no_purchase_whatever_its_members_are_called() {
    let shop = Shop::new().await;
    let day = |day: i64| 1_772_323_200_000 + day * 24 * 3_600_000;
    let bought = |id: &str, on: i64, status: &str| {
        let and = json!({ "transactionDate": Time(day(on)).to_rfc3339(), "status": status });
        ("transaction", sale(id, "ann", 1, and))
    };
    let projector = shop.project(BatchLimits::default()).await;
    let both = [bought("t1", 2, "completed"), bought("t2", 5, "completed")];
    shop.folded(shop.publish_all(&both).await).await;
    projector.stop().await;
    let row =
        doc! { "_id": "w:1", "kind": "shift", "user": "ann", "status": "completed", "at": day(1) };
    shop.database.collection::<Document>("g1_ledger").insert_one(row).await.expect("a row");
    let projector = shop.project(BatchLimits::default()).await;
    shop.folded(shop.publish_all(&[bought("t1", 2, "failed")]).await).await;
    projector.stop().await;
    let ann = &documents::customers(&shop.database).await["ann"];
    assert_eq!(ann.first_purchase, Some(Time(day(5))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_newest_event_no_longer_says_is_no_longer_stored() {
    let shop = Shop::new().await;
    let projector = shop.project(BatchLimits::default()).await;
    let full = json!({
        "productId": "p1", "category": "Toys", "updatedAt": "2026-05-01",
        "shippingAddress": { "country": "France" },
    });
    let position = shop.publish("transaction", sale("t1", "ann", 1, full).to_string()).await;
    shop.folded(position).await;
    let position = shop.publish("transaction", sale("t1", "ann", 1, json!({})).to_string()).await;
    shop.folded(position).await;
    projector.stop().await;
    let row = shop.documents().await["g1_ledger"]["\"t:t1\""].clone();
    for field in ["product", "category", "country"] {
        assert!(!row.contains_key(field), "{field} of {row}");
    }
    assert!(row.contains_key("updatedAt"), "the version that is known stays: {row}");
}
