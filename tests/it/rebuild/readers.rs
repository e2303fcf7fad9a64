//! The answers to queries while generations are exchanged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adaptive_bi::app::App;
use adaptive_bi::store::generations::GenerationState;
use mongodb::bson::{Document, doc};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{assert_gone, generations, rebuilt, states};
use crate::commands::{folder, run};
use crate::events::sale;
use crate::harness::Shop;

const PRODUCTS: usize = 4;

/// Publishes a sale of 1 of each product in turn, every one with its own id.
async fn sell(shop: &Shop, number: usize) -> u64 {
    let product = json!({ "productId": format!("p{}", number % PRODUCTS) });
    let sale = sale(&format!("s{number}"), &format!("u{}", number % 7), 1, product);
    shop.publish("transaction", sale.to_string()).await
}

/// A shop with a catalogue and some sales, all folded.
async fn shop_with_sales(sales: usize) -> (Shop, App) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    for product in 0..PRODUCTS {
        let body = json!({
            "productId": format!("p{product}"), "name": format!("p{product}"), "category": "c",
            "price": 1, "stock": 1,
        });
        shop.publish("product", body.to_string()).await;
    }
    let mut last = 0;
    for number in 0..sales {
        last = sell(&shop, number).await;
    }
    shop.folded(last).await;
    (shop, app)
}

/// Names every product of a generation after the generation.
async fn mark(shop: &Shop, generation: u32) {
    let products = shop.database.collection::<Document>(&format!("g{generation}_products"));
    let name = doc! { "$set": { "catalogue.name": format!("of {generation}") } };
    products.update_many(doc! {}, name).await.expect("marked");
}

/// Asks again and again until told to end; returns the number of answers from each generation.
async fn poll(shop: Shop, address: Arc<App>, done: Arc<AtomicBool>) -> [usize; 2] {
    let (mut reached, mut from) = (0, [0, 0]);
    while !done.load(Ordering::Relaxed) {
        let sales = shop.get_with(&address, "/api/metrics/sales", &[]).await;
        assert_eq!(sales.status, 200, "{sales:?}");
        let position: u64 = sales.header("x-position").parse().expect("a position");
        assert!(position >= reached, "back from {reached} to {position}");
        reached = position;
        let data = &sales.body["data"];
        let orders = position - PRODUCTS as u64;
        assert_eq!(data["totalOrders"], orders, "at {position}: {data}");
        assert!((data["totalRevenue"].as_f64() == Some(data["totalOrders"].as_f64().unwrap())));

        let products = shop.get_with(&address, "/api/metrics/products", &[]).await;
        let position: u64 = products.header("x-position").parse().expect("a position");
        assert!(position >= reached, "back from {reached} to {position}");
        reached = position;
        let data = &products.body["data"];
        let sold: Vec<_> = data["topSellingProducts"].as_array().expect("a list").iter().collect();
        let items: u64 = sold.iter().filter_map(|it| it["totalQuantitySold"].as_u64()).sum();
        assert_eq!(items, position - PRODUCTS as u64, "at {position}: {data}");
        let low = data["productsLowInStock"].as_array().expect("a list").iter();
        let names: Vec<_> = sold.into_iter().chain(low).map(|it| &it["name"]).collect();
        assert_eq!(names.len(), 2 * PRODUCTS, "{data}");
        let generation = names[0].as_str().and_then(|it| it.strip_prefix("of "));
        let generation: usize = generation.and_then(|it| it.parse().ok()).expect("a generation");
        assert!(names.iter().all(|it| *it == names[0]), "mixed: {data}");
        from[generation - 1] += 1;
    }
    from
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn during_a_switch_answers_never_go_back_and_never_mix_generations() {
    let (shop, app) = shop_with_sales(40).await;
    rebuilt(&shop).await;
    mark(&shop, 1).await;
    mark(&shop, 2).await;
    // A position of its own for what was read before they were marked.
    let last = sell(&shop, 40).await;
    shop.folded(last).await;
    shop.data(&app, "/api/metrics/products", last).await;

    let (app, done) = (Arc::new(app), Arc::new(AtomicBool::new(false)));
    let polling = tokio::spawn(poll(shop.clone(), app.clone(), done.clone()));
    let selling = {
        let (shop, done) = (shop.clone(), done.clone());
        tokio::spawn(async move {
            for number in 41.. {
                sell(&shop, number).await;
                if done.load(Ordering::Relaxed) {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
    };
    let never = CancellationToken::new();
    let switched = generations(&shop).await.switch(None, &never).await.expect("switched");
    assert_eq!((switched.from, switched.to), (1, 2));
    // Readers are there once it says so.
    let after = shop.get_with(&app, "/api/metrics/products", &[]).await;
    assert_eq!(after.body["data"]["topSellingProducts"][0]["name"], "of 2", "{after:?}");
    done.store(true, Ordering::Relaxed);
    selling.await.expect("sold");
    let from = polling.await.expect("every answer held");
    assert!(from[0] > 3 && from[1] > 0, "{from:?}");
    Arc::into_inner(app).expect("the last").stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_goes_with_a_drop_and_what_is_live_does_not() {
    let (shop, app) = shop_with_sales(5).await;
    rebuilt(&shop).await;
    generations(&shop).await.switch(None, &CancellationToken::new()).await.expect("switched");
    let (environment, folder) = (shop.environment(), folder("drop"));
    let ran = run(&["project", "drop", "2"], &environment, &folder).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("live"), "{ran:?}");
    let ran = run(&["project", "drop", "7"], &environment, &folder).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("no generation 7"), "{ran:?}");
    let ran = run(&["project", "drop", "1"], &environment, &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(states(&shop).await, [(2, GenerationState::Live)]);
    assert_gone(&shop, 1).await;
    let last = sell(&shop, 5).await;
    let data = shop.data(&app, "/api/metrics/sales", last).await;
    assert_eq!(data["totalOrders"], 6);
    app.stop().await.expect("stopped");
}
