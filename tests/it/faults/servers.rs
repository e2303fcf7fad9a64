//! Servers that are killed and started again.

use adaptive_bi::projector::batch::BatchLimits;
use serde_json::json;
use services::{Server, to_stderr};

use crate::documents::assert_same;
use crate::events::mixed;
use crate::harness::{Shop, until};
use crate::servers::{self, Servers, data_dir};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_servers_are_killed_says_so_and_goes_on_where_it_was() {
    let services = servers::start(data_dir().join("faults")).await;
    let shop = Shop::on(&Servers::of(&services)).await;
    let app = shop.start().await;
    let sales = "/api/metrics/sales";
    let folded = shop.publish_all(&mixed(300, 21)).await;
    shop.folded(folded).await;

    services.kill(Server::Mongod).await.expect("killed");
    let last = shop.publish_all(&mixed(300, 22)).await;
    // The newest snapshot may be answered from while it is fresh.
    until("a 503", || async {
        let answer = shop.get(&app, sales).await;
        if answer.status == 503 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert_eq!(shop.get(&app, "/health/ready").await.status, 503);
    services.restart(Server::Mongod, &to_stderr).await.expect("started again");
    shop.folded(last).await;
    assert!(shop.data(&app, sales, last).await["totalOrders"].is_number());

    services.kill(Server::Nats).await.expect("killed");
    let refused = shop.post(&app, "/api/events/transaction", json!({
        "transactionId": "t", "userId": "u", "totalPrice": 1, "transactionDate": "2026-01-01",
    }).to_string()).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(shop.get(&app, sales).await.status, 200);
    assert_eq!(shop.get(&app, "/health/ready").await.body["services"]["nats"]["status"], "down");
    services.restart(Server::Nats, &to_stderr).await.expect("started again");
    until("readiness", || async {
        let ready = shop.get(&app, "/health/ready").await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    let last = shop.publish_all(&mixed(300, 23)).await;
    shop.folded(last).await;
    app.stop().await.expect("stopped");

    let alone = shop.sibling().await;
    let projector = alone.project(BatchLimits::default()).await;
    alone.folded(last).await;
    projector.stop().await;
    assert_same(&alone.documents().await, &shop.documents().await);
    services.stop().await.expect("stopped");
}
