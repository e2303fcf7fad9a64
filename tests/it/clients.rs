//! Front ends of the two Node services, which read exact places and know nothing of this one.

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::{now, sale};
use crate::harness::{Shop, answer};
use crate::people::{PASSWORD, account};

/// A client by HTTP that has what the Node services' own had: an address, and a token.
struct Client<'a> {
    shop: &'a Shop,
    app: &'a App,
    token: String,
}

impl Client<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = self.shop.request(self.app, method, path).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = answer(request.body(body)).await;
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        assert_eq!(answer.body["success"], true, "{path}: {answer:?}");
        answer.body
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await
    }
}

async fn shop_that_sells() -> (Shop, App) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let product = json!({ "productId": "mug", "name": "Mug", "category": "Kitchen", "price": 4.5, "stock": 3 });
    let activity = json!({
        "activityId": "a1", "userId": "ann", "activityType": "viewed_product", "timestamp": now(),
    });
    let events = [
        ("product", product),
        ("customer", json!({ "userId": "ann", "username": "Ann", "email": "ann@example.org" })),
        ("transaction", sale("t1", "ann", 9.0, json!({ "productId": "mug", "quantity": 2 }))),
        ("activity", activity),
    ];
    shop.folded(shop.publish_all(&events).await).await;
    (shop, app)
}

/// Signs in at the top of the answer, as A's client reads it.
async fn client_of_a<'a>(shop: &'a Shop, app: &'a App, email: &str) -> Client<'a> {
    let body = json!({ "email": email, "password": PASSWORD });
    let client = Client { shop, app, token: String::new() };
    let signed_in = client.call(Method::POST, "/api/auth/login", Some(body)).await;
    assert_eq!(signed_in["user"]["email"], email);
    Client { token: signed_in["token"].as_str().expect("a token").to_owned(), ..client }
}

/// Signs in within `data`, and looks into the token, as B's client does.
async fn client_of_b<'a>(shop: &'a Shop, app: &'a App, email: &str) -> Client<'a> {
    let body = json!({ "email": email, "password": PASSWORD });
    let client = Client { shop, app, token: String::new() };
    let signed_in = client.call(Method::POST, "/api/auth/login", Some(body)).await;
    let data = &signed_in["data"];
    let token = data["token"].as_str().expect("a token").to_owned();
    let claims: Value = jsonwebtoken::dangerous::insecure_decode(&token).expect("claims").claims;
    for claim in ["id", "userId"] {
        assert_eq!(claims[claim], data["user"]["userId"]);
    }
    assert_eq!((&claims["email"], &claims["role"]), (&json!(email), &data["user"]["role"]));
    assert!(data["user"]["permissions"].is_array() && data["user"]["fullName"].is_string());
    Client { token, ..client }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_services_dashboard_shows_what_it_reads() {
    let (shop, app) = shop_that_sells().await;
    account(&app, "viewer@example.org", Role::Viewer).await;
    let client = client_of_a(&shop, &app, "viewer@example.org").await;

    let me = client.get("/api/auth/me").await;
    assert_eq!(me["data"]["email"], "viewer@example.org");
    assert_eq!(me["data"]["_id"], me["data"]["id"]);

    let sales = client.get("/api/metrics/sales").await["data"].clone();
    assert_eq!((&sales["totalRevenue"], &sales["totalOrders"]), (&json!(9), &json!(1)));
    assert_eq!(sales["salesTrend"][0]["_id"], now()[..10]);
    assert_eq!(sales["salesTrend"][0]["dailyRevenue"], 9);
    let products = client.get("/api/metrics/products").await["data"].clone();
    assert_eq!(products["topSellingProducts"][0]["totalQuantitySold"], 2);
    assert_eq!(products["productsLowInStock"][0]["stock"], 3);
    let customers = client.get("/api/metrics/customers").await["data"].clone();
    assert_eq!(customers["topSpendingCustomers"][0]["totalSpend"], 9);
    assert_eq!(customers["newCustomersTrend"][0]["newCustomers"], 1);
    let summary = client.get("/api/dashboard/summary").await["data"].clone();
    assert_eq!(summary["salesOverview"]["salesByDay"][0]["dailyTransactions"], 1);
    assert_eq!(summary["productInsights"][0]["productName"], "Mug");
    let activities = &summary["userBehavior"]["activityDistribution"];
    assert_eq!(activities[0], json!({ "activityType": "viewed_product", "count": 1 }));

    for (path, list) in [
        ("/api/ai/forecast", "forecast"),
        ("/api/ai/anomaly", "anomalies"),
        ("/api/ai/recommendations", "recommendations"),
    ] {
        let insights = client.get(path).await;
        assert_eq!((&insights["data"][list], insights["message"].is_string()), (&json!([]), true));
    }
    let health = answer(shop.request(&app, Method::GET, "/api/health")).await;
    assert_eq!((health.status, &health.body["message"]), (200, &json!("OK")), "{health:?}");
    assert_eq!(health.body["mongoDbStatus"], "Connected");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_services_dashboards_show_what_they_read() {
    let (shop, app) = shop_that_sells().await;
    for role in Role::ALL {
        let email = format!("{}@example.org", role.as_str());
        account(&app, &email, role).await;
        let client = client_of_b(&shop, &app, &email).await;
        let me = client.get("/api/auth/me").await;
        let preferences = &me["data"]["user"]["profile"]["preferences"];
        assert_eq!(preferences["theme"], "auto");
        assert_eq!(preferences["notifications"]["push"], true);

        let shown = client.get("/api/dashboard/config").await["data"].clone();
        assert_eq!((&shown["role"], &shown["isCustom"]), (&json!(role), &json!(false)));
        let interval = shown["config"]["refreshInterval"].as_u64();
        assert!(interval.is_some_and(|ms| ms >= 30_000) && shown["config"]["theme"].is_string());
        for widget in shown["config"]["widgets"].as_array().expect("widgets") {
            let id = widget["id"].as_str().expect("an id");
            assert!(widget["position"]["w"].is_u64());
            let path =
                format!("/api/dashboard/widgets/{id}/data?timeRange=24h&refresh=1700000000000");
            let found = client.get(&path).await["data"].clone();
            assert_eq!(found["widgetId"], id);
            assert!(found["lastUpdated"].is_string(), "{found}");
            let (data, is_made) = (&found["data"], role != Role::Analyst);
            match id {
                "total-revenue" => assert_eq!(data["value"], 9),
                "total-transactions" | "active-users" => assert_eq!(data["value"], 1),
                "revenue-chart" => assert_eq!(data["data"][0]["y"], 9),
                "top-categories" => assert_eq!(data["rows"][0], json!(["Kitchen", 9, 1])),
                _ => assert!(data.is_object()),
            }
            assert_eq!(data.get("value") != Some(&Value::Null), is_made, "{id}: {data}");
        }
        let config = json!({ "config": shown["config"] });
        let kept = client.call(Method::POST, "/api/dashboard/config", Some(config)).await;
        assert_eq!(kept["data"]["config"], shown["config"]);

        let transactions = client.get("/api/metrics/transactions?period=day&limit=100").await;
        assert_eq!(transactions["data"]["metrics"][0]["totalAmount"], 9);
        assert_eq!(transactions["data"]["summary"]["totalTransactions"], 1);
        let revenue = client.get("/api/metrics/revenue?period=day").await;
        assert_eq!(revenue["data"]["byCategory"][0]["_id"], "Kitchen");
        let real_time = client.get("/api/metrics/dashboard").await["data"]["realTime"].clone();
        assert_eq!(real_time["transactions24h"], 1);
    }
    let admin = client_of_b(&shop, &app, "admin@example.org").await;
    let list = admin.get("/api/users?page=1&limit=20").await;
    assert_eq!(list["data"]["pagination"]["total"], 4);
    let first = list["data"]["users"][0].clone();
    assert!(first["isLocked"].is_boolean() && first["createdBy"].is_string(), "{first}");
    let path = format!("/api/users/{}", first["_id"].as_str().expect("an id"));
    let changed = admin.call(Method::PUT, &path, Some(first)).await;
    assert_eq!(changed["message"], "User updated successfully");
    let performance = admin.get("/api/metrics/performance").await["data"].clone();
    assert_eq!(performance["collections"]["users"]["count"], 4, "{performance}");
    assert_eq!(performance["activity"]["recentTransactions"], 1);
    let health = answer(shop.request(&app, Method::GET, "/api/health")).await;
    let services = &health.body["services"];
    assert_eq!((health.status, &health.body["status"]), (200, &json!("healthy")), "{health:?}");
    assert_eq!(services["database"]["status"], "healthy");
    assert_eq!(services["aiService"]["status"], "healthy");
    assert!(services["system"]["memory"]["rss"].is_u64());
    app.stop().await.expect("stopped");
}
