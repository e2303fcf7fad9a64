//! The values that producers send, and what answers make of them: over HTTP and from NATS.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adaptive_bi::app::App;
use serde_json::{Value, json};

use crate::events::{merge, now, sale};
use crate::harness::Shop;

/// The same events by both doors: the first half over HTTP, the rest from NATS.
async fn send(shop: &Shop, app: &App, events: &[(&str, Value)]) -> u64 {
    let (posted, published) = events.split_at(events.len() / 2);
    for (kind, data) in posted {
        let answer = shop.post(app, &format!("/api/events/{kind}"), data.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    shop.publish_all(published).await
}

fn product(id: &str, and: Value) -> (&'static str, Value) {
    let mut event = json!({ "productId": id, "name": id, "category": "Food", "price": 1 });
    merge(&mut event, and);
    ("product", event)
}

fn bought(id: &str, product: &str, quantity: f64) -> (&'static str, Value) {
    let and = json!({ "productId": product, "quantity": quantity, "transactionDate": now() });
    ("transaction", sale(id, "ann", json!(1), and))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quantities_and_stock_are_units_that_may_be_fractions_and_stock_may_be_negative() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let events = [
        product("flour", json!({ "stock": 12.5 })),
        product("cups", json!({ "stock": 20 })),
        product("salt", json!({ "stock": 19.9996 })),
        bought("t1", "flour", 0.75),
        bought("t2", "cups", 2.0),
        bought("t3", "cups", 1.0),
        ("stock", json!({ "productId": "oil", "stock": -3 })),
        bought("t4", "flour", 1.5),
        bought("t5", "oil", 0.0004),
    ];
    let position = send(&shop, &app, &events).await;
    let data = shop.data(&app, "/api/metrics/products", position).await;
    let sold = |it: &Value| (it["productId"].clone(), it["totalQuantitySold"].to_string());
    let sold: Vec<_> =
        data["topSellingProducts"].as_array().expect("a list").iter().map(sold).collect();
    assert_eq!(sold, [(json!("cups"), "3".into()), (json!("flour"), "2.25".into())]);
    let low = |it: &Value| (it["productId"].clone(), it["stock"].to_string());
    let low: Vec<_> =
        data["productsLowInStock"].as_array().expect("a list").iter().map(low).collect();
    assert_eq!(low, [(json!("oil"), "-3".into()), (json!("flour"), "12.5".into())]);
    let summary = shop.data(&app, "/api/dashboard/summary", position).await;
    assert_eq!(summary["productInsights"][1]["totalQuantitySold"].to_string(), "2.25");
    let counts = shop.folded(position).await.root.counts;
    // The salt is 20 units, and the oil sold was none at all.
    assert_eq!((counts.rounded, counts.quarantined), (1, 1));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_count_in_every_form_whose_meaning_is_clear() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let long = |chars: usize| "ö".repeat(chars);
    let events = [
        (
            "product",
            json!({ "productId": 7, "name": long(101), "category": long(77),
            "price": "29.990000", "stock": "12", "description": long(640), "imageUrl": false,
            "addedDate": { "$date": 1_767_225_600_000_i64 }, "lastUpdated": "" }),
        ),
        (
            "transaction",
            json!({ "transactionId": { "$oid": "65a1f0c2e4b0a1b2c3d4e5f6" },
            "userId": 17850.0, "totalPrice": "29.990000", "quantity": "2", "productId": "7",
            "transactionDate": "2026-01-01T10:00:00+0200", "status": "", "currency": false }),
        ),
        (
            "transaction",
            json!({ "transactionId": 2, "userId": "17850", "totalPrice": 1,
            "transactionDate": "2026-01-01 03:00:00 -0500", "productId": "", "quantity": null }),
        ),
        (
            "activity",
            json!({ "activityId": "a1", "userId": "ann", "type": "viewed",
            "page": long(522), "ipAddress": { "v4": "192.0.2.1" } }),
        ),
        (
            "feedback",
            json!({ "feedbackId": "f1", "userId": "ann", "productId": 7.0, "rating": "5",
            "comment": long(600) }),
        ),
        ("customer", json!({ "userId": 17850, "username": "lovely", "email": false })),
    ];
    let position = send(&shop, &app, &events).await;
    let half =
        r#"{"feedbackId":"f2","userId":"ann","productId":"7","rating":4,"comment":"a \ud83d"}"#;
    let position = position.max(shop.publish("feedback", half.to_owned()).await);
    let counts = shop.folded(position).await.root.counts;
    assert_eq!((counts.applied, counts.quarantined, counts.shortened), (7, 0, 3));
    let day = "/api/metrics/sales?startDate=2026-01-01T08:00:00Z&endDate=2026-01-01T08:15:00Z";
    let sales = shop.data(&app, day, position).await;
    assert_eq!((&sales["totalRevenue"], &sales["uniqueCustomers"]), (&json!(30.99), &json!(1)));
    let products = shop.data(&app, "/api/metrics/products", position).await;
    let low = &products["productsLowInStock"][0];
    assert_eq!(
        (&low["productId"], &low["stock"], &low["price"]),
        (&json!("7"), &json!(12), &json!(29.99))
    );
    assert_eq!((&low["name"], &low["category"]), (&json!(long(100)), &json!(long(64))));
    assert_eq!((&low["description"], &low["imageUrl"]), (&json!(long(500)), &Value::Null));
    assert_eq!(low["addedDate"], "2026-01-01T00:00:00.000Z");
    let summary = shop.data(&app, "/api/dashboard/summary", position).await;
    assert_eq!(summary["userBehavior"]["totalActivities"], 1);
    let customers = shop.data(&app, "/api/metrics/customers", position).await;
    assert_eq!(customers["topSpendingCustomers"][0]["username"], "lovely");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_without_a_time_is_of_the_time_at_which_it_came() {
    let shop = Shop::new().await;
    let rating = |stars| {
        json!({ "feedbackId": "f", "userId": "ann", "productId": "mug", "rating": stars })
            .to_string()
    };
    let activity = json!({ "activityId": "a", "userId": "bob", "type": "viewed" }).to_string();
    shop.publish("feedback", rating(4)).await;
    shop.publish("activity", activity).await;
    // A correction a moment later leaves the rating's date; the same again changes nothing.
    tokio::time::sleep(Duration::from_millis(20)).await;
    shop.publish("feedback", rating(5)).await;
    let position = shop.publish("feedback", rating(5)).await;
    let app = shop.start().await;
    let checkpoint = shop.folded(position).await;
    assert_eq!((checkpoint.root.counts.applied, checkpoint.root.counts.unchanged), (3, 1));
    let customers = crate::documents::customers(&shop.database).await;
    let [ann, bob] = ["ann", "bob"].map(|id| &customers[id]);
    assert_eq!((ann.first_seen, ann.ratings, ann.rating_sum), (ann.last_seen, 1, 5));
    let came = Duration::from_millis(ann.first_seen.0.unsigned_abs());
    let ago = SystemTime::now().duration_since(UNIX_EPOCH + came).expect("it came before now");
    assert!(ago < Duration::from_mins(5), "{ago:?}");
    assert!((0..1_000).contains(&(bob.first_seen.0 - ann.first_seen.0)));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_cannot_be_meant_is_named_with_what_to_send() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let stock = |product: Value| json!({ "productId": product, "stock": 1 });
    for (event, field, said) in [
        (stock(json!([7, "Azure"])), "productId", "Odoo's pair of an id and a name"),
        (stock(json!(7.5)), "productId", "or a whole number"),
        (stock(json!(true)), "productId", "or a whole number"),
        (stock(json!(false)), "productId", "is required"),
        (stock(json!("x".repeat(129))), "productId", "1 to 128 characters"),
        (json!({ "productId": "p", "stock": "a few" }), "stock", "-1000000000 to 1000000000000"),
    ] {
        let answer = shop.post(&app, "/api/events/stock", event.to_string()).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let error = &answer.body["data"]["results"][0]["errors"][0];
        assert_eq!(error["field"], field, "{answer:?}");
        assert!(error["message"].as_str().is_some_and(|it| it.contains(said)), "{answer:?}");
    }
    let half = r#"{"productId":"a\ud83d","stock":1}"#.to_owned();
    let answer = shop.post(&app, "/api/events/stock", half).await;
    let error = &answer.body["data"]["results"][0]["errors"][0];
    assert!(error["message"].as_str().is_some_and(|it| it.contains("surrogate")), "{answer:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_shown_in_the_shops_language_under_whichever_name_they_came() {
    let mut shop = Shop::new().await;
    shop.settings.language = "ar".to_owned();
    let app = shop.start().await;
    let events = [
        (
            "product",
            json!({ "_id": { "$oid": "65a1f0c2e4b0a1b2c3d4e5f6" }, "title": { "en": "Mug", "ar": "كوب" },
            "description": { "en": "To drink from" }, "category": "Kitchen", "price": 1, "qty": 3,
            "created_at": "2026-01-01" }),
        ),
        (
            "product",
            json!({ "product_id": 8, "name": { "de": "Hut", "fr": "Chapeau" },
            "category": "Clothes", "list_price": "20.00", "qty": 4, "updated_at": "2026-01-02" }),
        ),
        (
            "transaction",
            json!({ "_id": 1, "user": 5, "product_id": "65a1f0c2e4b0a1b2c3d4e5f6",
            "total_price": 2, "qty": 2, "created_at": now(), "payment_method": "cod" }),
        ),
        ("customer", json!({ "_id": 5, "first_name": "Zoe", "created_at": "2026-01-01" })),
    ];
    let position = send(&shop, &app, &events).await;
    let products = shop.data(&app, "/api/metrics/products", position).await;
    let seller = &products["topSellingProducts"][0];
    assert_eq!((&seller["name"], &seller["totalQuantitySold"]), (&json!("كوب"), &json!(2)));
    let [mug, hat] = [0, 1].map(|at| &products["productsLowInStock"][at]);
    assert_eq!((&mug["name"], &mug["description"]), (&json!("كوب"), &json!("To drink from")));
    assert_eq!(mug["addedDate"], "2026-01-01T00:00:00.000Z");
    assert_eq!((&hat["name"], &hat["price"]), (&json!("Hut"), &json!(20)));
    let path = "/api/dashboard/summary";
    let summary = shop.get(&app, path).await;
    assert_eq!(summary.body["data"]["productInsights"][0]["productName"], "كوب");
    app.stop().await.expect("stopped");
    // What was answered in one language is no answer in another, at the same position.
    shop.settings.language = "en".to_owned();
    let app = shop.start().await;
    let again = shop.get(&app, path).await;
    assert_eq!(again.body["data"]["productInsights"][0]["productName"], "Mug");
    assert_ne!(again.header("etag"), summary.header("etag"));
    let profile = crate::documents::customers(&shop.database).await["5"].profile.clone();
    assert_eq!(profile.and_then(|it| it.first_name).as_deref(), Some("Zoe"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_is_told_by_location_and_what_is_gone_is_not_listed() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let events = [
        product(
            "mug",
            json!({ "stock": 99, "locationStocks": [{ "locationId": 8, "name": "Dublin", "qty": 4.5 },
                { "locationId": 12, "qty": "3" }] }),
        ),
        product("cup", json!({ "stock": 1 })),
        ("customer", json!({ "userId": "ann" })),
        ("stock", json!({ "productId": "mug", "locationId": "12", "qty": -1 })),
        product("cup", json!({ "stock": 1, "isActive": false })),
        ("customer", json!({ "userId": "ann", "deletedAt": "2026-01-01" })),
    ];
    let position = send(&shop, &app, &events).await;
    let data = shop.data(&app, "/api/metrics/products", position).await;
    assert_eq!(data["totalProducts"], 1);
    let low = data["productsLowInStock"].as_array().expect("a list");
    assert_eq!((low.len(), &low[0]["stock"]), (1, &json!(3.5)));
    let expected = json!([{ "locationId": "12", "name": null, "stock": -1 },
        { "locationId": "8", "name": "Dublin", "stock": 4.5 }]);
    assert_eq!(low[0]["stockByLocation"], expected);
    let customers = shop.data(&app, "/api/metrics/customers", position).await;
    assert_eq!(customers["totalCustomers"], 0);
    app.stop().await.expect("stopped");
}
