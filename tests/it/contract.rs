//! The shapes on the wire: the members, types and status of every answer.

use adaptive_bi::app::App;
use serde_json::{Value, json};

use crate::events::{now, sale};
use crate::harness::{Answer, Shop, until};

/// A value as its shape: members in order, types, the first element of a list for all.
pub fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(all) => format!("[{}]", all.first().map(shape).unwrap_or_default()),
        Value::Object(all) => {
            let mut members: Vec<_> =
                all.iter().map(|(name, value)| format!("{name}: {}", shape(value))).collect();
            members.sort();
            format!("{{{}}}", members.join(", "))
        }
    }
}

/// A shop in which no list of any answer is empty.
pub async fn shop() -> (Shop, App, u64) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let at = now();
    let position = shop
        .publish_all(&[
            (
                "product",
                json!({ "productId": "mug", "name": "Mug", "category": "Kitchen",
                "price": 4.5, "stock": 3, "description": "To drink from", "imageUrl": "/mug.png",
                "addedDate": at, "lastUpdated": at }),
            ),
            ("customer", json!({ "userId": "ann", "username": "Ann", "email": "ann@example.org" })),
            ("transaction", sale("t1", "ann", 9, json!({ "productId": "mug", "quantity": 2 }))),
            (
                "activity",
                json!({ "activityId": "a1", "userId": "ann", "activityType": "searched",
                "timestamp": at }),
            ),
        ])
        .await;
    shop.folded(position).await;
    (shop, app, position)
}

fn assert_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body = &answer.body;
    assert_eq!((&body["success"], &body["status"]), (&json!(false), &json!(status)));
    assert_eq!(shape(&body["error"]), "{code: number, message: string, status: string}");
    assert_eq!(body["error"]["code"], status);
    assert_eq!(body["error"]["message"], body["message"]);
    for member in ["type", "title", "detail", "timestamp"] {
        assert!(body[member].is_string(), "{member} of {body}");
    }
    assert!(body.get("stack").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_four_queries_have_the_shapes_that_clients_know() {
    let (shop, app, position) = shop().await;
    let sales = "averageOrderValue: number, currencies: [], discounts: number, \
                 grossSales: number, netSales: number, returnedAmount: number, returns: number, \
                 salesTrend: [{_id: string, dailyOrders: number, dailyRevenue: number}], \
                 totalOrders: number, totalRevenue: number, uniqueCustomers: number";
    let products = "productsLowInStock: [{addedDate: string, category: string, \
                    description: string, imageUrl: string, lastUpdated: string, name: string, \
                    price: number, productId: string, stock: number}], \
                    topSellingProducts: [{category: string, name: string, productId: string, \
                    totalQuantitySold: number}], totalProducts: number";
    let customers = "buyers: number, guests: number, identified: number, \
                     newCustomersTrend: [{_id: string, newCustomers: number}], \
                     topSpendingCustomers: [{email: string, orderCount: number, \
                     totalSpend: number, userId: string, username: string}], \
                     totalCustomers: number";
    let summary = "message: string, productInsights: [{category: string, price: number, \
                   productId: string, productName: string, totalQuantitySold: number}], \
                   salesOverview: {averageOrderValue: number, salesByDay: [{_id: string, \
                   dailyRevenue: number, dailyTransactions: number}], totalRevenue: number, \
                   totalTransactions: number}, userBehavior: {activityDistribution: \
                   [{activityType: string, count: number}], totalActivities: number, \
                   totalUsers: number}";
    let overview = "averageOrderValue: number, salesByDay: [{_id: string, dailyRevenue: number, \
                    dailyTransactions: number}], totalRevenue: number, totalTransactions: number";
    let answer = shop.get(&app, "/api/dashboard/overview").await;
    assert_eq!(shape(&answer.body["data"]), format!("{{{overview}}}"));
    let whole = shop.get(&app, "/api/dashboard/summary").await;
    assert_eq!(answer.body["data"], whole.body["data"]["salesOverview"]);
    for (path, expected) in [
        ("/api/metrics/sales", sales),
        ("/api/metrics/products", products),
        ("/api/metrics/customers", customers),
        ("/api/dashboard/summary", summary),
    ] {
        let answer = shop.get(&app, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        let expected = format!("{{data: {{{expected}}}, success: bool}}");
        assert_eq!(shape(&answer.body), expected, "{path}");
        assert_eq!(answer.header("x-position"), position.to_string());
        assert!(!answer.header("etag").is_empty() && answer.header("x-halted").is_empty());
        let ranged = shop.get(&app, &format!("{path}?startDate=2026-01-01&tz=Asia/Kolkata")).await;
        let range = shape(&ranged.body["data"]["range"]);
        assert_eq!(range, "{endDate: string, startDate: string, tz: string}", "{path}");
    }
    let day = &shop.get(&app, "/api/metrics/sales").await.body["data"]["salesTrend"][0]["_id"];
    assert_eq!(day.as_str(), now().get(..10), "a day is YYYY-MM-DD");
    app.stop().await.expect("stopped");
}

/// The shapes of lists and of their entries, as members of `data`, by their paths.
#[allow(clippy::too_many_lines)] // a table
fn shapes_of_lists() -> [(&'static str, String); 11] {
    let sold = "{netSales: number, orders: number, returned: number, returnedAmount: number, \
                returnedUnits: number, sales: number, units: number}";
    let by_status = "[{orders: number, sales: number, status: string, units: number}]";
    let trend = "[{_id: string, netSales: number, orders: number, units: number}]";
    let order = "{deliveryStatus: null, irregular: [], netSales: number, orderDate: string, \
                 orderId: string, orderStatus: null, paymentStatus: null, status: string, \
                 userId: string}";
    let transaction = "{category: string, country: null, orderId: null, paymentMethod: string, \
                       productId: string, quantity: number, returnedAt: null, status: string, \
                       totalPrice: number, transactionDate: string, transactionId: string, \
                       userId: string}";
    let pages = "pagination: {limit: number, next: null}";
    let customers = "customers: [{firstAt: string, lastAt: string, times: number, userId: string, \
                     username: string}]";
    let range = "range: {endDate: string, startDate: string, tz: string}";
    [
        (
            "/api/products",
            format!(
                "{pages}, products: [{{category: string, isGone: bool, name: string, price: number, \
                 productId: string, sold: {sold}, stock: number}}]"
            ),
        ),
        (
            "/api/customers",
            format!(
                "customers: [{{country: null, email: string, isGuest: bool, sold: {sold}, userId: string, \
                 username: string}}], {pages}"
            ),
        ),
        ("/api/orders", format!("orders: [{order}], {pages}")),
        ("/api/transactions", format!("{pages}, transactions: [{transaction}]")),
        (
            "/api/products/mug",
            format!(
                "activities: {{addedToCart: number, purchased: number, removedFromCart: number, views: \
                 number}}, addedDate: string, byStatus: {by_status}, category: string, description: \
                 string, imageUrl: string, isGone: bool, lastUpdated: string, name: string, price: \
                 number, productId: string, ratings: {{averageRating: number, byStars: [number], \
                 comments: [{{comment: string, feedbackDate: string, feedbackId: string, productId: \
                 string, rating: number, userId: string}}], count: number}}, sold: {sold}, stock: number, \
                 stockByLocation: [{{locationId: string, name: string, stock: number}}], trend: {trend}"
            ),
        ),
        (
            "/api/customers/ann",
            format!(
                "activities: number, averageRating: number, byStatus: {by_status}, createdAt: string, \
                 firstActivity: string, firstPurchase: string, firstSeen: string, isGone: bool, isGuest: \
                 bool, lastActivity: string, lastPurchase: string, lastSeen: string, orders: [{order}], \
                 profile: {{country: null, email: string, firstName: null, lastName: null, username: \
                 string}}, ratings: number, sold: {sold}, transactions: [{transaction}], trend: {trend}, \
                 userId: string"
            ),
        ),
        (
            "/api/metrics/explain",
            format!(
                "days: [{{_id: string, value: number}}], entries: [{{at: string, changes: number, \
                 contribution: number, countedAt: string, history: string, id: string, kind: string, \
                 productIds: [string], refundIds: [], status: string, userId: string}}], figure: string, \
                 {pages}, value: number"
            ),
        ),
        ("/api/metrics/sales/customers", format!("{customers}, {pages}, value: number")),
        (
            "/api/metrics/actives/customers",
            format!("{customers}, figure: string, {pages}, {range}, value: number"),
        ),
        (
            "/api/metrics/funnel/customers",
            format!("customers: [], {pages}, {range}, stage: string, value: number"),
        ),
        (
            "/api/metrics/retention/customers?cohort=2026-W01&period=week&after=0",
            format!(
                "after: number, cohort: string, customers: [], {pages}, period: string, {range}, value: \
                 number"
            ),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_what_is_in_them_have_shapes_too() {
    let (shop, app, _) = shop().await;
    let order = json!({ "orderId": "o1", "userId": "ann", "orderDate": now(),
        "lines": [{ "productId": "mug", "quantity": 1, "price": 5 }] });
    let rating = json!({ "feedbackId": "f1", "userId": "ann", "productId": "mug", "rating": 4,
        "comment": "good", "feedbackDate": now() });
    let stock = json!({ "productId": "mug", "locationId": "north", "locationName": "North",
        "stock": 4 });
    let events = [("order", order), ("feedback", rating), ("stock", stock)];
    shop.folded(shop.publish_all(&events).await).await;
    for (path, expected) in shapes_of_lists() {
        let answer = shop.get(&app, path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let expected = format!("{{data: {{{expected}}}, success: bool}}");
        assert_eq!(shape(&answer.body), expected, "{path}");
    }
    let ranked = shop.get(&app, "/api/metrics/products?sort=netSales&limit=1").await;
    let seller = &ranked.body["data"]["topSellingProducts"][0];
    assert_eq!((&seller["netSales"], &seller["orders"]), (&json!(14), &json!(2)), "{ranked:?}");
    let page = shape(&ranked.body["data"]["pagination"]);
    assert_eq!(page, "{current: number, hasMore: bool, limit: number}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_null_and_its_row_is_not_left_out() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let event = sale("t1", "bob", 1, json!({ "productId": "unheard-of" }));
    let position = shop.publish("transaction", event.to_string()).await;
    let customers = shop.data(&app, "/api/metrics/customers", position).await;
    let top = &customers["topSpendingCustomers"][0];
    let expected =
        "{email: null, orderCount: number, totalSpend: number, userId: string, username: null}";
    assert_eq!(shape(top), expected);
    let products = shop.data(&app, "/api/metrics/products", position).await;
    let expected = "{category: null, name: null, productId: string, totalQuantitySold: number}";
    assert_eq!(shape(&products["topSellingProducts"][0]), expected);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_what_it_looks_at() {
    let (shop, app, _) = shop().await;
    let about = shop.get(&app, "/health").await;
    let expected = "{memory: {rss: number}, status: string, timestamp: string, uptime: number, version: string}";
    assert_eq!((about.status, shape(&about.body)), (200, expected.to_owned()));
    assert_eq!(about.body["status"], "healthy");
    let live = shop.get(&app, "/health/live").await;
    assert_eq!((live.status, &live.body["status"]), (200, &json!("alive")));
    let ready = until("readiness", || async {
        let ready = shop.get(&app, "/health/ready").await;
        let lag = &ready.body["services"]["projector"]["lag"];
        if ready.status == 200 && *lag == json!(0) { Ok(ready) } else { Err(format!("{ready:?}")) }
    })
    .await;
    let expected = "{services: {database: {status: string}, nats: {log: {bytes: number, maxBytes: \
                    number, percent: number}, status: string}, projector: {lag: number, position: \
                    number, status: string}, push: {status: string}}, status: string, timestamp: \
                    string}";
    assert_eq!(shape(&ready.body), expected);
    assert_eq!(ready.header("cache-control"), "no-store");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_names_what_is_wrong_in_every_shape_that_clients_read() {
    let (shop, app, _) = shop().await;
    let missing = shop.get(&app, "/api/nothing?x=1").await;
    assert_problem(&missing, 404);
    assert_eq!(missing.body["message"], "Route not found");
    assert_eq!(missing.body["path"], "/api/nothing?x=1");
    for (query, field) in [
        ("tz=Mars/Base", "tz"),
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("pages=2", "pages"),
        ("status=paid", "status"),
        ("startDate=yesterday", "startDate"),
        ("startDate=2026-02-02&endDate=2026-02-01", "startDate"),
    ] {
        for path in ["/api/metrics/sales", "/api/metrics/products", "/api/dashboard/summary"] {
            let answer = shop.get(&app, &format!("{path}?{query}")).await;
            assert_problem(&answer, 400);
            let expected = "[{field: string, location: string, message: string, msg: string, \
                            path: string, type: string}]";
            assert_eq!(shape(&answer.body["errors"]), expected);
            assert_eq!(answer.body["errors"][0]["location"], "query");
            assert_eq!(answer.body["errors"][0]["field"], field, "{query}");
        }
    }
    let answer = shop.post(&app, "/api/metrics/sales", "").await;
    assert_problem(&answer, 405);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ingest_answer_says_of_each_event_what_became_of_it() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let good = |id: &str| json!({ "kind": "transaction", "id": id, "data": sale(id, "ann", 1, json!({})) });
    let bad = json!({ "kind": "transaction", "data": { "transactionId": "t" } });

    let all = shop.post(&app, "/api/events", json!([good("1"), good("2")]).to_string()).await;
    let expected = "{data: {accepted: number, duplicates: number, position: number, rejected: number, \
                    results: [{index: number, position: number, status: string}]}, success: bool}";
    assert_eq!((all.status, shape(&all.body)), (200, expected.to_owned()));

    let some = shop.post(&app, "/api/events", json!([bad, good("1")]).to_string()).await;
    assert_eq!((some.status, &some.body["success"]), (207, &json!(true)), "{some:?}");
    let data = &some.body["data"];
    let counts = ["accepted", "duplicates", "rejected"].map(|it| data[it].clone());
    assert_eq!(counts, [json!(0), json!(1), json!(1)], "{data}");
    let results = &data["results"];
    assert_eq!(
        shape(&results[0]),
        "{errors: [{field: string, message: string}], index: number, status: string}"
    );
    assert_eq!(
        (&results[0]["status"], &results[1]["status"]),
        (&json!("rejected"), &json!("duplicate"))
    );
    assert_eq!(results[1]["position"], all.body["data"]["results"][0]["position"]);
    let fields: Vec<_> =
        results[0]["errors"].as_array().into_iter().flatten().map(|it| &it["field"]).collect();
    assert_eq!(fields, ["userId", "totalPrice", "transactionDate"]);

    let reserved = sale("3", "ann", 1, json!({ "productId": "(none)" }));
    let refused = shop.post(&app, "/api/events/transaction", reserved.to_string()).await;
    assert_problem(&refused, 400);
    let error = &refused.body["data"]["results"][0]["errors"][0];
    assert_eq!(error["field"], "productId", "{refused:?}");

    let none = shop.post(&app, "/api/events", json!([bad]).to_string()).await;
    assert_problem(&none, 400);
    assert_eq!(none.body["data"]["rejected"], 1);
    for (path, body) in [
        ("/api/events", ""),
        ("/api/events", "[]"),
        ("/api/events", "[{"),
        ("/api/events/orders", "{}"),
    ] {
        assert_problem(&shop.post(&app, path, body).await, 400);
    }
    let many = format!("[{}]", vec!["{}"; 10_001].join(","));
    assert_problem(&shop.post(&app, "/api/events", many).await, 400);
    app.stop().await.expect("stopped");
}
