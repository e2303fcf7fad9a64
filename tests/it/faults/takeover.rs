//! Several services for one shop: all answer and push, one folds.

use adaptive_bi::app::App;
use adaptive_bi::projector::status::State;
use serde_json::json;

use crate::events::sale;
use crate::harness::{Shop, until};
use crate::push::Socket;

async fn sell(shop: &Shop, id: &str) -> u64 {
    shop.publish("transaction", sale(id, "ann", 1, json!({})).to_string()).await
}

async fn folds(app: &App) {
    until("a projector that folds", || async {
        let state = app.shop().status.borrow().state.clone();
        if state == State::Running { Ok(()) } else { Err(format!("{state:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_services_one_folds_and_both_answer_and_push() {
    let shop = Shop::new().await;
    let first = shop.start().await;
    folds(&first).await;
    let second = shop.start().await;
    let auth = || Some(json!({ "token": shop.key }));
    let mut one = Socket::open(&shop, &first, auth()).await;
    let mut another = Socket::open(&shop, &second, auth()).await;
    one.next("authenticated").await;
    another.next("authenticated").await;
    let position = sell(&shop, "t1").await;
    one.is_pushed(position).await;
    another.is_pushed(position).await;
    for app in [&first, &second] {
        assert_eq!(shop.data(app, "/api/metrics/sales", position).await["totalOrders"], 1);
        assert_eq!(shop.get(app, "/health/ready").await.status, 200);
    }
    first.stop().await.expect("stopped");

    folds(&second).await;
    let position = sell(&shop, "t2").await;
    another.is_pushed(position).await;
    assert_eq!(shop.data(&second, "/api/metrics/sales", position).await["totalOrders"], 2);
    second.stop().await.expect("stopped");
}
