//! Plain models: documents that people read with tools of their own, against the figures of the API.

use std::collections::{BTreeMap, BTreeSet};

use adaptive_bi::app::App;
use adaptive_bi::config::Switch;
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use serde_json::{Value, json};

use crate::commands::{folder, run};
use crate::documents;
use crate::events::{mixed, sale};
use crate::harness::{Shop, until};
use crate::process::Process;

const SETS: [&str; 4] = ["sales_daily", "sales_monthly", "products", "customers"];
/// Of figures that are of the last days, where no range is given.
const EVER: &str = "startDate=2026-01-01&endDate=2026-12-31";
const ON: (&str, &str) = ("PLAIN_MODELS", "on");

async fn plain_shop() -> Shop {
    let mut shop = Shop::new().await;
    shop.settings.plain_models = Some(Switch::On);
    shop
}

fn database(shop: &Shop) -> mongodb::Database {
    shop.database.client().database(&format!("{}_plain", shop.database.name()))
}

async fn state(shop: &Shop) -> Option<Document> {
    let state = database(shop).collection::<Document>("state");
    state.find_one(doc! { "_id": "written" }).await.expect("the state or none")
}

fn position(document: &Document) -> Option<u64> {
    document.get_i64("position").ok().and_then(|it| u64::try_from(it).ok())
}

/// The state once everything up to a position is written.
async fn written(shop: &Shop, to: u64) -> Document {
    until(&format!("plain models up to {to}"), || async {
        match state(shop).await {
            Some(state) if position(&state).is_some_and(|at| at >= to) => Ok(state),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

/// The documents of a set by their ids.
async fn all(shop: &Shop, set: &str) -> BTreeMap<String, Document> {
    let found = database(shop).collection::<Document>(set).find(doc! {}).await.expect("documents");
    let found: Vec<Document> = found.try_collect().await.expect("documents");
    let id = |it: &Document| it.get_str("_id").expect("an id").to_owned();
    found.into_iter().map(|document| (id(&document), document)).collect()
}

/// A field, whose path has dots, as the API shows it.
fn field(document: &Document, path: &str) -> Value {
    let mut parts = path.split('.');
    let first = parts.next().and_then(|it| document.get(it));
    let found = parts.fold(first, |it, part| it?.as_document()?.get(part));
    match found.unwrap_or_else(|| panic!("no {path} in {document}")) {
        Bson::Decimal128(it) => json!(it.to_string().parse::<f64>().expect("a decimal")),
        Bson::Int64(it) => json!(*it),
        Bson::Double(it) => json!(it),
        Bson::String(it) => json!(it),
        Bson::Boolean(it) => json!(it),
        Bson::Null => Value::Null,
        Bson::DateTime(it) => json!(it.timestamp_millis()),
        other => panic!("{path} is {other:?}"),
    }
}

/// Fails where a field and a figure of an answer differ.
fn assert_shows(document: &Document, answer: &Value, pairs: &[(&str, &str)]) {
    for (path, pointer) in pairs {
        let found = answer.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {answer}"));
        let shown = field(document, path);
        let same = match (shown.as_f64(), found.as_f64()) {
            (Some(shown), Some(found)) => shown.to_bits() == found.to_bits(),
            _ => shown == *found,
        };
        assert!(same, "{path} of {document} is not {pointer} of {answer}");
    }
}

/// Checks every document against the API, which answers of a position after which nothing comes.
async fn assert_as_the_api_says(shop: &Shop, app: &App, at: u64, generation: i64) {
    let ask = async |path: String| shop.data(app, &path, at).await;
    for set in SETS {
        for (id, document) in all(shop, set).await {
            assert_eq!(document.get_i64("generation").ok(), Some(generation), "{set} {id}");
            assert!(position(&document).is_some_and(|it| it <= at), "{set} {id}: {document}");
        }
    }
    sales_are_as_the_api_says(shop, &ask).await;
    let products = all(shop, "products").await;
    let listed = ask("/api/metrics/products?limit=100".to_owned()).await;
    let sold = listed["topSellingProducts"].as_array().expect("a list");
    let low = listed["productsLowInStock"].as_array().expect("a list");
    for of_api in sold.iter().chain(low) {
        let id = of_api["productId"].as_str().expect("an id");
        let mut pairs = vec![("name", "/name"), ("category", "/category")];
        if of_api.get("stock").is_some() {
            pairs.extend([("stock", "/stock"), ("price", "/price")]);
        } else {
            pairs.push(("units", "/totalQuantitySold"));
        }
        assert_shows(&products[id], of_api, &pairs);
    }
    let summed = |documents: &BTreeMap<String, Document>, path| -> i64 {
        documents.values().filter_map(|it| field(it, path).as_i64()).sum()
    };
    assert_eq!(json!(products.len()), listed["totalProducts"]);
    for (id, product) in &products {
        let sales = ask(format!("/api/metrics/sales?productId={id}")).await;
        let pairs = [
            ("orders", "/totalOrders"),
            ("netSales", "/totalRevenue"),
            ("returns", "/returnedAmount"),
        ];
        assert_shows(product, &sales, &pairs);
        let rated = ask(format!("/api/metrics/feedback?productId={id}&{EVER}")).await;
        assert_shows(product, &rated, &[("ratings", "/totalRatings")]);
        if rated["totalRatings"] != 0 {
            assert_shows(product, &rated, &[("ratingAverage", "/averageRating")]);
        }
    }
    let customers = all(shop, "customers").await;
    let listed = ask("/api/metrics/customers?limit=100".to_owned()).await;
    assert_eq!(json!(customers.len()), listed["totalCustomers"]);
    for of_api in listed["topSpendingCustomers"].as_array().expect("a list") {
        let id = of_api["userId"].as_str().expect("an id");
        let pairs =
            [("username", "/username"), ("netSales", "/totalSpend"), ("orders", "/orderCount")];
        assert_shows(&customers[id], of_api, &pairs);
    }
    for (id, customer) in &customers {
        let sales = ask(format!("/api/metrics/sales?userId={id}")).await;
        let pairs = [
            ("orders", "/totalOrders"),
            ("netSales", "/totalRevenue"),
            ("returns", "/returnedAmount"),
        ];
        assert_shows(customer, &sales, &pairs);
        let active = ask(format!("/api/metrics/behaviour?userId={id}&{EVER}")).await;
        assert_shows(customer, &active, &[("activities", "/totalActivities")]);
    }
    let behaviour = ask(format!("/api/metrics/behaviour?{EVER}")).await;
    assert_eq!(json!(summed(&customers, "activities")), behaviour["totalActivities"]);
}

async fn sales_are_as_the_api_says(shop: &Shop, ask: &impl AsyncFn(String) -> Value) {
    let whole = ask("/api/metrics/sales?startDate=2026-01-01&endDate=2026-12-31&limit=100".into());
    let whole = whole.await;
    let (days, months) = (all(shop, "sales_daily").await, all(shop, "sales_monthly").await);
    let trend = whole["salesTrend"].as_array().expect("a trend");
    let named: BTreeSet<_> =
        trend.iter().map(|day| day["_id"].as_str().expect("a day").to_owned()).collect();
    assert!(!named.is_empty(), "there are sales");
    let missing: Vec<_> = named.iter().filter(|day| !days.contains_key(*day)).collect();
    assert!(missing.is_empty(), "no documents of {missing:?}");
    for (id, document) in days.iter().chain(&months) {
        let is_day = id.len() == 10;
        let first = if is_day { id.clone() } else { format!("{id}-01") };
        let first: chrono::NaiveDate = first.parse().expect("a day");
        let next = if is_day { first.succ_opt() } else { Some(first + chrono::Months::new(1)) };
        let last = next.and_then(|next| next.pred_opt()).expect("a day");
        let range = format!("startDate={first}&endDate={last}");
        let date = mongodb::bson::DateTime::parse_rfc3339_str(format!("{first}T00:00:00Z"));
        let date = date.expect("a date");
        assert_eq!(document.get_datetime("date").ok(), Some(&date), "{document}");
        let sales = ask(format!("/api/metrics/sales?{range}")).await;
        let pairs = [
            ("orders", "/totalOrders"),
            ("grossSales", "/grossSales"),
            ("discounts", "/discounts"),
            ("returns", "/returnedAmount"),
            ("netSales", "/netSales"),
            ("customers", "/uniqueCustomers"),
        ];
        assert_shows(document, &sales, &pairs);
        let revenue = ask(format!("/api/metrics/revenue?{range}")).await;
        let pairs = [("tax", "/grossToNet/tax"), ("deliveryFees", "/grossToNet/deliveryFees")];
        assert_shows(document, &revenue, &pairs);
        let by_method = revenue["byPaymentMethod"].as_array().expect("a list");
        let units =
            by_method.iter().filter_map(|it| it["quantity"].as_f64()).fold(0.0, |a, b| a + b);
        assert_shows(document, &json!({ "units": units }), &[("units", "/units")]);
        for status in ["completed", "pending", "failed", "returned"] {
            let sales = ask(format!("/api/metrics/sales?{range}&status={status}")).await;
            let (orders, amount) =
                (format!("statuses.{status}.orders"), format!("statuses.{status}.sales"));
            let pairs = [(orders.as_str(), "/totalOrders"), (amount.as_str(), "/totalRevenue")];
            assert_shows(document, &sales, &pairs);
        }
    }
}

/// Checks the fields that no view shows against the read models of generation 1.
async fn assert_as_the_read_models_say(shop: &Shop) {
    let at = |time: Option<projections::time::Time>| json!(time.map(|time| time.0));
    let (customers, of_fold) =
        (all(shop, "customers").await, documents::customers(&shop.database).await);
    assert_eq!(customers.keys().collect::<Vec<_>>(), of_fold.keys().collect::<Vec<_>>());
    for (id, customer) in &of_fold {
        let expected = [
            ("firstSeen", at(Some(customer.first_seen))),
            ("lastSeen", at(Some(customer.last_seen))),
            ("createdAt", at(Some(customer.created_at))),
            ("firstPurchase", at(customer.first_purchase)),
            ("lastPurchase", at(customer.last_purchase)),
            ("guest", json!(customer.guest)),
            ("ratings", json!(customer.ratings)),
        ];
        for (path, expected) in expected {
            assert_eq!(field(&customers[id], path), expected, "{path} of {id}");
        }
    }
    let (products, of_fold) =
        (all(shop, "products").await, documents::products(&shop.database).await);
    for (id, product) in &products {
        let of_fold = &of_fold[id];
        let expected = [
            ("views", of_fold.views),
            ("carts", of_fold.carts),
            ("removals", of_fold.removals),
            ("purchases", of_fold.purchases),
        ];
        for (path, expected) in expected {
            assert_eq!(field(product, path), json!(expected), "{path} of {id}");
        }
    }
    assert_eq!(products.len(), of_fold.keys().filter(|it| *it != "(none)").count());
}

/// A sale of 1.00, of the same product and day as every other; every fourth has a new customer.
fn alike(number: u64) -> Value {
    let and = json!({ "productId": "p", "transactionDate": "2026-03-05T10:00:00Z" });
    sale(&format!("t{number}"), &format!("u{}", number / 4), 1, and)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_true_at_the_position_it_states_however_often_the_process_is_killed() {
    let shop = Shop::new().await;
    let mut last = 0;
    for _ in 0..3 {
        let before = state(&shop).await.as_ref().and_then(position).unwrap_or(0);
        let process = Process::start(&shop, &[ON]);
        let mut read = 0;
        // The position of a sale is the number of sales up to it, so it is what each figure has to be.
        while state(&shop).await.as_ref().and_then(position).is_none_or(|at| at <= before) {
            last = shop.publish("transaction", alike(last + 1).to_string()).await;
            for set in ["sales_daily", "sales_monthly", "products"] {
                for (id, document) in all(&shop, set).await {
                    let states = position(&document).expect("a position");
                    assert_eq!(field(&document, "orders"), json!(states), "{set} {id}: {document}");
                    let net = field(&document, "netSales");
                    assert_eq!(net.as_f64(), json!(states).as_f64(), "{set} {id}: {document}");
                    if set != "products" {
                        let customers = field(&document, "customers");
                        assert_eq!(customers, json!(states / 4 + 1), "{set} {id}: {document}");
                    }
                    read += 1;
                }
            }
        }
        assert!(read > 0 || before == 0, "documents are read while events come");
        process.kill().await;
    }
    let process = Process::start(&shop, &[ON]);
    last = shop.publish("transaction", alike(last + 1).to_string()).await;
    written(&shop, last).await;
    let app = shop.start().await;
    shop.folded(last).await;
    assert_as_the_api_says(&shop, &app, last, 1).await;
    app.stop().await.expect("stopped");
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_process_dies_its_successor_makes_them_whole() {
    let shop = Shop::new().await;
    let mut seed = 300;
    let mut more = async || {
        seed += 1;
        shop.publish_all(&mixed(250, seed)).await
    };
    more().await;
    // Nothing is written yet; everything is, and it is not said; commits are made that nothing is
    // written of; what they changed is read, and not written.
    for place in [
        "plain-begun=return",
        "plain-written=return",
        "commit-announced=3*off->return",
        "plain-read=1*off->return",
    ] {
        let dying = Process::start(&shop, &[ON, ("FAILPOINTS", place)]);
        let feeding = async {
            loop {
                let to = more().await;
                shop.folded(to).await;
            }
        };
        tokio::select! {
            () = dying.dies() => {}
            () = feeding => {}
        }
    }
    let process = Process::start(&shop, &[ON]);
    let last = more().await;
    written(&shop, last).await;
    let app = shop.start().await;
    shop.folded(last).await;
    assert_as_the_api_says(&shop, &app, last, 1).await;
    assert_as_the_read_models_say(&shop).await;
    app.stop().await.expect("stopped");
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_of_generations_writes_them_anew_and_leaves_nothing_of_the_other() {
    let shop = plain_shop().await;
    let app = shop.start().await;
    let last = shop.publish_all(&mixed(600, 310)).await;
    shop.folded(last).await;
    written(&shop, last).await;
    // Of no generation, as if an earlier one had known it.
    let stray = doc! { "_id": "stray", "build": "another" };
    let customers = database(&shop).collection::<Document>("customers");
    customers.insert_one(stray).await.expect("inserted");
    for command in ["rebuild", "switch"] {
        let ran = run(&["project", command], &shop.environment(), &folder("plain")).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    until("plain models of the other generation", || async {
        let state = state(&shop).await.expect("a state");
        let is_next = state
            .get("generation")
            .is_some_and(|it| it.as_i64() == Some(2) || it.as_i32() == Some(2));
        if is_next && position(&state) >= Some(last) { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
    assert_as_the_api_says(&shop, &app, last, 2).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_while_it_runs_comes_back() {
    let shop = plain_shop().await;
    let app = shop.start().await;
    let last = shop.publish_all(&mixed(400, 320)).await;
    shop.folded(last).await;
    let first = written(&shop, last).await;
    database(&shop).drop().await.expect("dropped");
    // Nothing happens at the shop: it is noticed all the same.
    let second = written(&shop, last).await;
    assert_ne!(first.get("build"), second.get("build"));
    assert_as_the_api_says(&shop, &app, last, 1).await;

    database(&shop).collection::<Document>("products").drop().await.expect("dropped");
    let last = shop.publish_all(&mixed(100, 321)).await;
    shop.folded(last).await;
    until("the collection", || async {
        let state = state(&shop).await.expect("a state");
        let is_anew = state.get("build") != second.get("build");
        if is_anew && position(&state) >= Some(last) { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
    assert_as_the_api_says(&shop, &app, last, 1).await;
    assert_as_the_read_models_say(&shop).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops_leaves_them_whole_and_one_without_the_setting_behind() {
    let mut shop = plain_shop().await;
    let app = shop.start().await;
    let first = shop.publish_all(&mixed(250, 330)).await;
    written(&shop, first).await;
    let last = shop.publish_all(&mixed(50, 333)).await;
    shop.folded(last).await;
    app.stop().await.expect("stopped");
    let stopped = state(&shop).await.expect("a state");
    assert_eq!(position(&stopped), Some(last), "the last commits are written");

    // It goes on where it stopped.
    let app = shop.start().await;
    let last = shop.publish_all(&mixed(100, 331)).await;
    shop.folded(last).await;
    let on = written(&shop, last).await;
    assert_eq!(on.get("build"), stopped.get("build"), "only what changed is written");
    assert_as_the_api_says(&shop, &app, last, 1).await;
    app.stop().await.expect("stopped");

    // Events that nobody wrote of: it begins anew.
    shop.settings.plain_models = None;
    let app = shop.start().await;
    let last = shop.publish_all(&mixed(100, 332)).await;
    shop.folded(last).await;
    app.stop().await.expect("stopped");
    assert_eq!(state(&shop).await, Some(on.clone()), "nothing is written");
    shop.settings.plain_models = Some(Switch::On);
    let app = shop.start().await;
    let anew = written(&shop, last).await;
    assert_ne!(anew.get("build"), on.get("build"));
    assert_as_the_api_says(&shop, &app, last, 1).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_when_it_is_off() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let last = shop.publish_all(&mixed(100, 340)).await;
    shop.folded(last).await;
    app.stop().await.expect("stopped");
    let names = shop.database.client().list_database_names().await.expect("names");
    assert!(names.iter().any(|it| it == shop.database.name()), "{names:?}");
    assert!(!names.iter().any(|it| it == database(&shop).name()), "{names:?}");
}
