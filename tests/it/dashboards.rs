//! The dashboard of a person, its widgets, and many views at one position.

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::{now, sale};
use crate::harness::{Answer, Shop, answer};
use crate::people::{Somebody, fields, kind, send, somebody};

const CONFIG: &str = "/api/dashboard/config";

async fn get(shop: &Shop, app: &App, who: &Somebody, path: &str) -> Answer {
    answer(shop.request(app, Method::GET, path).bearer_auth(&who.token)).await
}

/// The ids and types of a dashboard's widgets.
fn widgets(config: &Value) -> Vec<(&str, &str)> {
    let widgets = config["widgets"].as_array().expect("widgets").iter();
    let text = |it: &'_ Value| it.as_str().map(str::len);
    assert!(widgets.clone().all(|it| text(&it["id"]).is_some() && text(&it["type"]).is_some()));
    widgets.map(|it| (it["id"].as_str().unwrap(), it["type"].as_str().unwrap())).collect()
}

/// A shop with a few events of this minute.
async fn shop_that_sells() -> (Shop, App) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let product = |id: &str, category: &str| {
        let name = id.to_uppercase();
        ("product", json!({ "productId": id, "name": name, "category": category, "price": 5 }))
    };
    let sold = |id: &str, user: &str, product: &str, amount: f64| {
        ("transaction", sale(id, user, amount, json!({ "productId": product })))
    };
    let activity = json!({
        "activityId": "a1", "userId": "eve", "activityType": "viewed_product", "timestamp": now(),
    });
    let events = [
        product("mug", "Kitchen"),
        product("hat", "Clothes"),
        ("customer", json!({ "userId": "ann", "username": "Ann" })),
        sold("t1", "ann", "mug", 10.5),
        sold("t2", "bob", "hat", 20.0),
        sold("t3", "bob", "mug", 0.25),
        ("activity", activity),
    ];
    shop.folded(shop.publish_all(&events).await).await;
    (shop, app)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_keeps_a_dashboard_of_their_own_as_it_was_sent() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (ann, bob) =
        (somebody(&app, "ann", Role::Viewer).await, somebody(&app, "bob", Role::Viewer).await);
    let default = get(&shop, &app, &ann, CONFIG).await;
    let data = &default.body["data"];
    assert_eq!(
        (default.status, &data["role"], &data["isCustom"]),
        (200, &json!("viewer"), &json!(false))
    );
    assert_eq!(
        data["config"]["widgets"][3],
        json!({
            "id": "category-breakdown", "type": "chart",
            "position": { "x": 0, "y": 6, "w": 12, "h": 3 },
        })
    );
    assert_eq!(data["config"]["refreshInterval"], 120_000);

    let own = json!({
        "widgets": [{ "id": "of-mine", "type": "kpi", "$set": { "a.b": 1 } }], "own": [null, 1.5],
    });
    let kept = send(&shop, &app, &ann, Method::POST, CONFIG, &json!({ "config": own })).await;
    assert_eq!((kept.status, &kept.body["data"]["config"]), (200, &own), "{kept:?}");
    assert!(kept.body["data"]["message"].is_string(), "{kept:?}");
    let read = get(&shop, &app, &ann, CONFIG).await;
    assert_eq!(
        (&read.body["data"]["config"], &read.body["data"]["isCustom"]),
        (&own, &json!(true))
    );
    let others = get(&shop, &app, &bob, CONFIG).await;
    assert_eq!(others.body["data"]["isCustom"], false);
    let missing = get(&shop, &app, &ann, "/api/dashboard/widgets/of-mine/data").await;
    assert_eq!(missing.status, 404, "{missing:?}");

    let wide = json!({ "config": { "widgets": vec![json!({}); 101] } });
    let wide = send(&shop, &app, &ann, Method::POST, CONFIG, &wide).await;
    assert_eq!((wide.status, fields(&wide)), (400, vec!["config.widgets"]));
    let long = json!({ "config": { "text": "x".repeat(65_536) } });
    let long = send(&shop, &app, &ann, Method::POST, CONFIG, &long).await;
    assert_eq!(long.status, 413, "{long:?}");
    assert_eq!(get(&shop, &app, &ann, CONFIG).await.body["data"]["config"], own);
    // A program has none.
    assert_eq!(kind(&shop.get(&app, CONFIG).await), (403, "forbidden"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_widget_of_every_default_dashboard_has_data_for_its_role() {
    let (shop, app) = shop_that_sells().await;
    for role in Role::ALL {
        let who = somebody(&app, role.as_str(), role).await;
        let config = get(&shop, &app, &who, CONFIG).await.body["data"]["config"].clone();
        for (id, kind) in widgets(&config) {
            for range in ["1h", "24h", "7d", "30d"] {
                let path =
                    format!("/api/dashboard/widgets/{id}/data?timeRange={range}&refresh=true");
                let found = get(&shop, &app, &who, &path).await;
                assert_eq!(found.status, 200, "{role:?} {id}: {found:?}");
                let widget = &found.body["data"];
                assert_eq!(
                    (&widget["widgetId"], &widget["timeRange"]),
                    (&json!(id), &json!(range))
                );
                assert!(widget["lastUpdated"].is_string());
                let data = &widget["data"];
                match kind {
                    "kpi" => assert!(data["label"].is_string() && data.get("value").is_some()),
                    "chart" if id != "top-categories" => {
                        let points = data["data"].as_array().expect("points");
                        let is_point = |it: &Value| it["x"].is_string() && it["y"].is_number();
                        assert!(points.iter().all(is_point), "{id}: {data}");
                    }
                    _ => {
                        let width = data["headers"].as_array().expect("headers").len();
                        let rows = data["rows"].as_array().expect("rows");
                        let fits = |it: &Value| it.as_array().map(Vec::len) == Some(width);
                        assert!(rows.iter().all(fits), "{id}: {data}");
                    }
                }
                if role == Role::Analyst {
                    assert_eq!((&data["value"], &data["label"]), (&Value::Null, &json!("Not yet")));
                }
            }
        }
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_widget_says_what_was_sold_in_its_time_and_minute_by_minute_in_the_last_hour() {
    let (shop, app) = shop_that_sells().await;
    let manager = somebody(&app, "manager", Role::Manager).await;
    let data = async |id: &str, range: &str| {
        let path = format!("/api/dashboard/widgets/{id}/data?timeRange={range}");
        let answer = get(&shop, &app, &manager, &path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["data"]["data"].clone()
    };
    for range in ["1h", "24h", "7d", "30d"] {
        let revenue = data("total-revenue", range).await;
        let expected = json!({ "value": 30.75, "label": "Total Revenue", "format": "currency" });
        assert_eq!(revenue, expected, "{range}");
        assert_eq!(data("total-transactions", range).await["value"], 3);
        assert_eq!(data("active-users", range).await["value"], 3, "two bought, one looked");
        assert_eq!(data("user-activity", range).await["data"][0]["y"], 3);
    }
    let minute = now()[..16].replace('T', " ");
    let chart = data("revenue-chart", "1h").await;
    assert_eq!(chart["data"], json!([{ "x": minute, "y": 30.75 }]), "{chart}");
    let hour = format!("{}:00", &minute[..13]);
    assert_eq!(data("revenue-chart", "24h").await["data"], json!([{ "x": hour, "y": 30.75 }]));
    let day = &minute[..10];
    assert_eq!(data("revenue-chart", "7d").await["data"], json!([{ "x": day, "y": 30.75 }]));
    let label = data("user-activity", "1h").await["label"].clone();
    assert_eq!(label, "Active Users Over Time, by quarter hour");
    let categories = data("top-categories", "30d").await;
    assert_eq!(categories["headers"], json!(["Category", "Revenue", "Transactions"]));
    assert_eq!(categories["rows"], json!([["Clothes", 20, 1], ["Kitchen", 10.75, 2]]));
    let performance = data("category-performance", "7d").await;
    assert_eq!(performance["rows"][1], json!(["Kitchen", 10.75, 2, 5.375, null]));
    assert_eq!(
        data("category-breakdown", "24h").await["data"][0],
        json!({ "x": "Clothes", "y": 20 })
    );
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_widget_of_accounts_or_of_the_service_is_for_who_may_see_them() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let mut people = Vec::new();
    for role in Role::ALL {
        people.push((role, somebody(&app, role.as_str(), role).await));
    }
    let of = |id: &str| format!("/api/dashboard/widgets/{id}/data");
    for (id, roles) in [
        ("total-users", &[Role::Admin, Role::Manager][..]),
        ("recent-users", &[Role::Admin, Role::Manager][..]),
        ("active-sessions", &[Role::Admin][..]),
        ("system-health", &[Role::Admin][..]),
        ("system-logs", &[Role::Admin][..]),
    ] {
        for (role, who) in &people {
            let found = get(&shop, &app, who, &of(id)).await;
            let expected = if roles.contains(role) { (200, "") } else { (403, "forbidden") };
            assert_eq!(kind(&found), expected, "{id} as {role:?}");
        }
        assert_eq!(kind(&shop.get(&app, &of(id)).await), (403, "forbidden"), "{id} with a key");
    }
    let (_, admin) = &people[0];
    let users = get(&shop, &app, admin, &of("total-users")).await;
    assert_eq!(users.body["data"]["data"]["value"], 4);
    assert_eq!((users.header("etag"), users.header("cache-control")), ("", "no-store"));
    let recent = get(&shop, &app, admin, &of("recent-users")).await;
    let newest = &recent.body["data"]["data"]["rows"][0];
    assert_eq!((&newest[1], &newest[2]), (&json!("viewer@example.org"), &json!("viewer")));
    let health = get(&shop, &app, admin, &of("system-health")).await;
    let data = &health.body["data"]["data"];
    assert_eq!((&data["value"], &data["format"]), (&json!("Healthy"), &json!("status")), "{data}");
    assert!(data["details"]["memoryUsage"]["rss"].as_u64().is_some_and(|mb| mb > 1), "{data}");
    for path in [of("nothing"), of("total-revenu"), of("Total-Revenue")] {
        let missing = get(&shop, &app, admin, &path).await;
        assert_eq!((missing.status, &missing.body["path"]), (404, &json!(path)));
    }
    let wrong = get(&shop, &app, admin, &format!("{}?timeRange=2h", of("total-users"))).await;
    assert_eq!((wrong.status, fields(&wrong)), (400, vec!["timeRange"]));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_views_are_answered_at_one_position_each_by_the_rights_of_the_caller() {
    let (shop, app) = shop_that_sells().await;
    let viewer = somebody(&app, "viewer", Role::Viewer).await;
    let path = "/api/dashboard/batch?view=/api/metrics/sales?period%3Dday\
                &view=/api/dashboard/widgets/total-revenue/data?timeRange%3D7d\
                &view=/api/orders/none&view=/api/nothing&view=/api/metrics/revenue?period%3Dcentury\
                &view=/api/dashboard/widgets/total-users/data&view=%20";
    let batch = get(&shop, &app, &viewer, path).await;
    assert_eq!(batch.status, 200, "{batch:?}");
    let items = batch.body["data"].as_array().expect("answers");
    let statuses: Vec<_> = items.iter().map(|it| it["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 200, 404, 404, 400, 404, 404], "{batch:?}");
    assert_eq!(items[0]["view"], "/api/metrics/sales?period=day");
    let sales = get(&shop, &app, &viewer, "/api/metrics/sales?period=day").await;
    assert_eq!(items[0]["data"], sales.body["data"]);
    assert_eq!(batch.header("x-position"), sales.header("x-position"));
    assert_eq!(items[1]["data"]["data"]["value"], 30.75);
    assert_eq!(items[4]["error"]["errors"][0]["field"], "period");
    assert!(items.iter().all(|it| it.get("data").is_none() == it.get("error").is_some()));

    let etag = batch.header("etag").to_owned();
    let with = |headers: &[(&'static str, String)]| {
        let request = shop.request(&app, Method::GET, path).bearer_auth(&viewer.token);
        answer(headers.iter().fold(request, |it, (name, value)| it.header(*name, value)))
    };
    assert_eq!(with(&[("if-none-match", etag.clone())]).await.status, 304);
    let sold = sale("t4", "ann", 1.0, json!({}));
    let position = shop.publish_all(&[("transaction", sold)]).await;
    shop.folded(position).await;
    let wait = ("prefer", "wait=60".to_owned());
    let newer = with(&[("x-min-position", position.to_string()), wait, ("if-none-match", etag)]);
    let newer = newer.await;
    assert_eq!((newer.status, newer.header("x-position")), (200, &*position.to_string()));
    assert_eq!(newer.body["data"][1]["data"]["data"]["value"], 31.75);

    let views = |number: usize| {
        let views: Vec<_> = (0..number).map(|_| "view=/api/metrics/sales").collect();
        format!("/api/dashboard/batch?{}", views.join("&"))
    };
    assert_eq!(shop.get(&app, &views(20)).await.status, 200);
    for number in [0, 21] {
        let refused = shop.get(&app, &views(number)).await;
        assert_eq!((refused.status, fields(&refused)), (400, vec!["view"]), "{number}");
    }
    app.stop().await.expect("stopped");
}
