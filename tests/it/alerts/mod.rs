//! Alerts: rules that come to hold, recorded once and told.
//!
//! # Layout
//!
//! - here: when a rule holds, and whose it is; [`once`]: recorded once, whichever process or restart;
//!   [`told`]: by the topic, by mail and by webhook; [`program`]: a program that is told.

mod once;
mod program;
mod told;

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::shape;
use crate::events::{now, sale};
use crate::harness::{Shop, until};
use crate::people::{Somebody, ask, fields, kind, send, somebody};

/// A shop with a sale of 9, and a viewer.
async fn ready() -> (Shop, App, Somebody) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    sell(&shop, "t0", 9).await;
    let ann = somebody(&app, "ann", Role::Viewer).await;
    (shop, app, ann)
}

/// Sells something, and waits for it to count.
async fn sell(shop: &Shop, id: &str, amount: i64) -> u64 {
    let event = sale(id, "ann", amount, json!({}));
    let position = shop.publish("transaction", event.to_string()).await;
    shop.folded(position).await;
    position
}

/// A rule about a figure of sales.
fn rule(name: &str, figure: &str, condition: Value) -> Value {
    let mut rule = json!({ "name": name, "view": "/api/metrics/sales", "figure": figure });
    rule["condition"] = condition;
    rule
}

fn above(value: i64) -> Value {
    json!({ "is": "above", "value": value })
}

/// The data of an answer that is a 200 or 201.
async fn data(
    shop: &Shop,
    app: &App,
    who: &Somebody,
    method: Method,
    path: &str,
    body: &Value,
) -> Value {
    let answer = send(shop, app, who, method, path, body).await;
    assert!([200, 201].contains(&answer.status), "{path}: {answer:?}");
    answer.body["data"].clone()
}

async fn get(shop: &Shop, app: &App, who: &Somebody, path: &str) -> Value {
    data(shop, app, who, Method::GET, path, &json!({})).await
}

/// Makes a rule; returns its data.
async fn make(shop: &Shop, app: &App, who: &Somebody, rule: &Value) -> Value {
    data(shop, app, who, Method::POST, "/api/alerts", rule).await
}

fn id(made: &Value) -> String {
    made["alert"]["id"].as_str().expect("an id").to_owned()
}

/// Waits until a rule was looked at, at a position or later; returns its state.
async fn looked_at(shop: &Shop, app: &App, who: &Somebody, id: &str, position: u64) -> Value {
    until("look", || async {
        let state =
            get(shop, app, who, &format!("/api/alerts/{id}")).await["alert"]["state"].clone();
        let is_there = state["position"].as_u64() >= Some(position);
        if is_there { Ok(state) } else { Err(state.to_string()) }
    })
    .await
}

/// What was recorded, the newest first.
async fn history(shop: &Shop, app: &App, who: &Somebody) -> Vec<Value> {
    let history = get(shop, app, who, "/api/alerts/history").await;
    history["alerts"].as_array().expect("a list").clone()
}

/// Waits until so many alerts were recorded.
async fn recorded(shop: &Shop, app: &App, who: &Somebody, count: usize) -> Vec<Value> {
    until("alerts", || async {
        let all = history(shop, app, who).await;
        if all.len() >= count { Ok(all) } else { Err(format!("{all:?}")) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_figure_that_comes_above_or_below_a_bound_is_recorded_when_it_does() {
    let (shop, app, ann) = ready().await;
    let (high, low) = (above(20), json!({ "is": "below", "value": 5.5 }));
    let high = make(&shop, &app, &ann, &rule("high", "totalRevenue", high)).await;
    let low = make(&shop, &app, &ann, &rule("low", "/averageOrderValue", low)).await;
    for made in [&high, &low] {
        let state = looked_at(&shop, &app, &ann, &id(made), 1).await;
        assert_eq!((&state["holds"], &state["value"]), (&json!(false), &json!(9.0)), "{state}");
    }
    assert!(history(&shop, &app, &ann).await.is_empty());

    sell(&shop, "t1", 11).await;
    let position = sell(&shop, "t2", 1).await;
    let all = recorded(&shop, &app, &ann, 1).await;
    let expected = json!({
        "alertId": id(&high), "name": "high", "role": null, "view": "/api/metrics/sales",
        "figure": "/totalRevenue", "window": null, "condition": { "is": "above", "value": 20.0 },
        "value": 21.0, "before": null, "generation": 1, "position": position, "isTold": true,
        "deliveries": [],
    });
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&all[0][member], value, "{member} of {all:?}");
    }
    for n in 3..20 {
        sell(&shop, &format!("t{n}"), 1).await;
    }
    let all = recorded(&shop, &app, &ann, 2).await;
    assert_eq!((all.len(), &all[0]["alertId"]), (2, &json!(id(&low))), "{all:?}");
    let state = looked_at(&shop, &app, &ann, &id(&high), position).await;
    assert_eq!((&state["holds"], &state["crossings"]), (&json!(true), &json!(1)), "{state}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_figure_is_compared_with_that_of_the_window_before() {
    let (shop, app, ann) = ready().await;
    let ago = |hours: i64| {
        let at = chrono::Utc::now() - chrono::Duration::hours(hours);
        at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    let before = sale("b1", "ann", 90, json!({ "transactionDate": ago(36) }));
    let position = shop.publish("transaction", before.to_string()).await;
    shop.folded(position).await;
    let mut down = rule(
        "down",
        "totalRevenue",
        json!({ "is": "changedBy", "percent": 50, "direction": "down" }),
    );
    let mut up =
        rule("up", "totalRevenue", json!({ "is": "changedBy", "percent": 50, "direction": "up" }));
    (down["window"], up["window"]) = (json!("24h"), json!("1d"));
    let (down, up) = (make(&shop, &app, &ann, &down).await, make(&shop, &app, &ann, &up).await);
    // 9 after 90: it fell before anybody looked.
    let all = recorded(&shop, &app, &ann, 1).await;
    assert_eq!((&all[0]["alertId"], &all[0]["window"]), (&json!(id(&down)), &json!("1d")));
    assert_eq!((&all[0]["value"], &all[0]["before"]), (&json!(9.0), &json!(90.0)), "{all:?}");
    let state = looked_at(&shop, &app, &ann, &id(&up), position).await;
    assert_eq!(state["holds"], false, "{state}");
    sell(&shop, "t1", 130).await;
    let all = recorded(&shop, &app, &ann, 2).await;
    assert_eq!((&all[0]["alertId"], &all[0]["value"]), (&json!(id(&up)), &json!(139.0)), "{all:?}");
    let state = until("down no more", || async {
        let state = looked_at(&shop, &app, &ann, &id(&down), 0).await;
        if state["holds"] == false { Ok(state) } else { Err(state.to_string()) }
    });
    assert_eq!(state.await["crossings"], 1);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_without_events_is_noticed_though_nothing_comes() {
    let (shop, app, ann) = ready().await;
    let silent = json!({ "name": "silent", "view": "/api/metrics/feedback",
        "condition": { "is": "noEventsFor", "duration": "10s" } });
    let made = make(&shop, &app, &ann, &silent).await;
    let all = recorded(&shop, &app, &ann, 1).await;
    assert_eq!((&all[0]["alertId"], &all[0]["figure"]), (&json!(id(&made)), &Value::Null));
    assert_eq!(all[0]["condition"], json!({ "is": "noEventsFor", "duration": "10s" }));
    let rating = json!({ "feedbackId": "f1", "userId": "ann", "productId": "mug", "rating": 4,
        "feedbackDate": now() });
    let position = shop.publish("feedback", rating.to_string()).await;
    shop.folded(position).await;
    until("the end of the silence", || async {
        let state = looked_at(&shop, &app, &ann, &id(&made), position).await;
        if state["holds"] == false { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_quiet_time_a_crossing_is_recorded_and_nobody_is_told() {
    let (shop, app, ann) = ready().await;
    let mut average = rule("average", "averageOrderValue", above(10));
    average["quietTime"] = json!("1h");
    let made = make(&shop, &app, &ann, &average).await;
    looked_at(&shop, &app, &ann, &id(&made), 1).await;
    let mut listening = app.shop().alerts.listen();
    sell(&shop, "t1", 21).await;
    recorded(&shop, &app, &ann, 1).await;
    let position = sell(&shop, "t2", 0).await;
    until("the end of it", || async {
        let state = looked_at(&shop, &app, &ann, &id(&made), position).await;
        if state["holds"] == false { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
    sell(&shop, "t3", 100).await;
    let all = recorded(&shop, &app, &ann, 2).await;
    assert_eq!((&all[0]["isTold"], &all[1]["isTold"]), (&json!(false), &json!(true)), "{all:?}");
    let told = listening.recv().await.expect("one");
    assert_eq!(told.alert.id, all[1]["id"]);
    assert!(listening.try_recv().is_err(), "and no other");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_is_its_owners_and_that_of_a_role_the_admins() {
    let (shop, app, ann) = ready().await;
    let (root, bob) =
        (somebody(&app, "root", Role::Admin).await, somebody(&app, "bob", Role::Manager).await);
    let empty = get(&shop, &app, &ann, "/api/alerts").await;
    assert_eq!(empty, json!({ "alerts": [] }));
    let mut made = make(&shop, &app, &ann, &rule("ann's", "totalRevenue", above(1_000))).await;
    // It may have been looked at by now.
    made["alert"]["state"]["value"] = Value::Null;
    let expected = "{alert: {condition: {is: string, value: number}, createdAt: string, deliver: \
                    {mail: bool, webhook: null}, figure: string, id: string, isActive: bool, name: \
                    string, quietTime: string, role: null, state: {crossings: number, holds: bool, \
                    position: number, since: null, trouble: null, value: null}, updatedAt: string, \
                    view: string, window: null}, webhookSecret: null}";
    assert_eq!(shape(&made), expected);
    let path = format!("/api/alerts/{}", id(&made));
    for other in [&root, &bob] {
        for method in [Method::GET, Method::DELETE] {
            let answer = ask(&shop, &app, method, &path, &other.token).await;
            assert_eq!(answer.status, 404, "{answer:?}");
        }
    }

    let mut of_viewers = rule("for viewers", "totalRevenue", above(20));
    of_viewers["role"] = json!("viewer");
    for other in [&ann, &bob] {
        let answer = send(&shop, &app, other, Method::POST, "/api/alerts", &of_viewers).await;
        assert_eq!(kind(&answer), (403, "forbidden"), "{answer:?}");
    }
    let made = make(&shop, &app, &root, &of_viewers).await;
    assert_eq!(made["alert"]["role"], "viewer");
    assert_eq!(get(&shop, &app, &root, "/api/alerts").await["alerts"][0]["name"], "for viewers");
    assert_eq!(get(&shop, &app, &ann, "/api/alerts").await["alerts"][0]["name"], "ann's");
    looked_at(&shop, &app, &root, &id(&made), 1).await;
    sell(&shop, "t1", 20).await;
    for who in [&ann, &root] {
        let all = recorded(&shop, &app, who, 1).await;
        assert_eq!((&all[0]["role"], &all[0]["name"]), (&json!("viewer"), &json!("for viewers")));
    }
    assert!(history(&shop, &app, &bob).await.is_empty(), "a manager is no viewer");

    let path = format!("/api/alerts/{}", id(&made));
    of_viewers["role"] = json!("manager");
    let answer = send(&shop, &app, &root, Method::PUT, &path, &of_viewers).await;
    assert_eq!((answer.status, fields(&answer)), (400, vec!["role"]));
    of_viewers["role"] = Value::Null;
    of_viewers["isActive"] = json!(false);
    let changed = data(&shop, &app, &root, Method::PUT, &path, &of_viewers).await;
    assert_eq!(
        (&changed["alert"]["isActive"], &changed["alert"]["role"]),
        (&json!(false), &json!("viewer"))
    );
    data(&shop, &app, &root, Method::DELETE, &path, &json!({})).await;
    assert_eq!(history(&shop, &app, &ann).await.len(), 1, "what was recorded stays");
    assert_eq!(shop.audited("alert-").await, 4);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_ends_with_the_rights_of_its_owner() {
    let (shop, app, ann) = ready().await;
    let root = somebody(&app, "root", Role::Admin).await;
    let made = make(&shop, &app, &ann, &rule("ann's", "totalRevenue", above(20))).await;
    let of_root = make(&shop, &app, &root, &rule("root's", "totalRevenue", above(20))).await;
    for (who, made) in [(&ann, &made), (&root, &of_root)] {
        looked_at(&shop, &app, who, &id(made), 1).await;
    }
    let path = format!("/api/users/{}", ann.id);
    let gone = ask(&shop, &app, Method::DELETE, &path, &root.token).await;
    assert_eq!(gone.status, 200, "{gone:?}");
    sell(&shop, "t1", 20).await;
    recorded(&shop, &app, &root, 1).await;
    // The look that recorded the other one had this one before it.
    let crossings = shop.database.collection::<mongodb::bson::Document>("alert_crossings");
    assert_eq!(crossings.count_documents(mongodb::bson::doc! {}).await.expect("a count"), 1);

    let path = format!("/api/users/{}/reactivate", ann.id);
    let back = ask(&shop, &app, Method::POST, &path, &root.token).await;
    assert_eq!(back.status, 200, "{back:?}");
    until("what it is by now", || async {
        let count = crossings.count_documents(mongodb::bson::doc! {}).await.expect("a count");
        if count == 2 { Ok(()) } else { Err(count.to_string()) }
    })
    .await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_is_wrong_is_refused_by_the_name_of_its_member() {
    let (shop, app, ann) = ready().await;
    let good = rule("good", "totalRevenue", above(20));
    for (member, value, field) in [
        ("name", json!(""), "name"),
        ("view", json!("/api/nothing"), "view"),
        ("view", json!("/api/users"), "view"),
        ("view", json!("/api/dashboard/widgets/total-users/data"), "view"),
        ("view", json!("/api/metrics/sales?period=moon"), "view"),
        ("view", json!("/api/products/nothing"), "view"),
        ("figure", json!("nothing"), "figure"),
        ("figure", json!("salesTrend"), "figure"),
        ("window", json!("7m"), "window"),
        ("condition", json!({ "is": "above" }), "condition.value"),
        ("condition", json!({ "is": "changedBy", "percent": 5 }), "window"),
        ("quietTime", json!("soon"), "quietTime"),
        ("deliver", json!({ "mail": true }), "deliver.mail"),
        ("deliver", json!({ "webhook": { "url": "https://127.0.0.1/" } }), "deliver.webhook.url"),
    ] {
        let mut wrong = good.clone();
        wrong[member] = value;
        let answer = send(&shop, &app, &ann, Method::POST, "/api/alerts", &wrong).await;
        assert_eq!((answer.status, fields(&answer)), (400, vec![field]), "{wrong}: {answer:?}");
    }
    let mut live = good.clone();
    (live["view"], live["window"]) = (json!("/api/metrics/live"), json!("1h"));
    let answer = send(&shop, &app, &ann, Method::POST, "/api/alerts", &live).await;
    assert_eq!((answer.status, fields(&answer)), (400, vec!["window"]), "{answer:?}");
    assert_eq!(get(&shop, &app, &ann, "/api/alerts").await, json!({ "alerts": [] }));

    for _ in 0..50 {
        make(&shop, &app, &ann, &good).await;
    }
    let answer = send(&shop, &app, &ann, Method::POST, "/api/alerts", &good).await;
    assert_eq!(kind(&answer), (409, "too-many-alerts"), "{answer:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_comes_in_pages() {
    let (shop, app, ann) = ready().await;
    let empty = get(&shop, &app, &ann, "/api/alerts/history").await;
    assert_eq!(empty, json!({ "alerts": [], "pagination": { "limit": 50, "next": null } }));
    for n in 0..5 {
        make(&shop, &app, &ann, &rule(&format!("r{n}"), "totalRevenue", above(n))).await;
    }
    let all = recorded(&shop, &app, &ann, 5).await;
    let ids = |all: &Value| -> Vec<Value> {
        all["alerts"].as_array().expect("a list").iter().map(|it| it["id"].clone()).collect()
    };
    let (mut paged, mut path) = (Vec::new(), "/api/alerts/history?limit=2".to_owned());
    loop {
        let page = get(&shop, &app, &ann, &path).await;
        paged.extend(ids(&page));
        let Some(next) = page["pagination"]["next"].as_str() else { break };
        path = format!("/api/alerts/history?limit=2&cursor={next}");
    }
    assert_eq!(paged, all.iter().map(|it| it["id"].clone()).collect::<Vec<_>>());
    let of = all[3]["alertId"].as_str().expect("an id");
    let one = get(&shop, &app, &ann, &format!("/api/alerts/history?alert={of}")).await;
    assert_eq!(ids(&one), [all[3]["id"].clone()]);
    let since = all[1]["at"].as_str().expect("an instant");
    let since = get(&shop, &app, &ann, &format!("/api/alerts/history?since={since}")).await;
    assert!(ids(&since).len() >= 2 && ids(&since)[..2] == paged[..2], "{since}");
    for query in ["limit=0", "cursor=7", "since=soon", "nothing=1"] {
        let answer = send(
            &shop,
            &app,
            &ann,
            Method::GET,
            &format!("/api/alerts/history?{query}"),
            &json!({}),
        )
        .await;
        let (field, _) = query.split_once('=').expect("a name");
        assert_eq!((answer.status, fields(&answer)), (400, vec![field]), "{answer:?}");
    }
    app.stop().await.expect("stopped");
}
