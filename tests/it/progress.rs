//! A fold that does not move on although the log is ahead: the service is not ready, and names it.

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role::Admin;
use mongodb::bson::{Bson, Document, doc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::events::{mixed, sale};
use crate::harness::{Answer, Shop, until};
use crate::people::{ask, somebody};
use crate::serve::program;

const SALES: &str = "/api/metrics/sales";

async fn ready(shop: &Shop, app: &App) -> Answer {
    shop.get_with(app, "/health/ready", &[]).await
}

/// Waits until readiness has this status of the fold.
async fn says(shop: &Shop, app: &App, status: &str) -> Answer {
    until(status, || async {
        let ready = ready(shop, app).await;
        let says = ready.body["services"]["projector"]["status"] == status;
        if says { Ok(ready) } else { Err(format!("{ready:?}")) }
    })
    .await
}

async fn is_ready(shop: &Shop, app: &App) {
    until("readiness", || async {
        let ready = ready(shop, app).await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
}

async fn sell(shop: &Shop, id: &str) -> u64 {
    shop.publish("transaction", sale(id, "ann", 1, json!({})).to_string()).await
}

/// The output of `project status`.
async fn project_status(shop: &Shop) -> String {
    let mut command: Command = program(&["project", "status"]);
    let output = command.envs(shop.environment()).output().await.expect("run");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Makes the store refuse all writes to that collection from now on, or take them again.
async fn refuse_writes(shop: &Shop, collection: &str, refused: bool) {
    let validator = if refused {
        doc! { "never": { "$exists": true } }
    } else {
        doc! {}
    };
    let command = doc! { "collMod": collection, "validator": validator };
    shop.database.run_command(command).await.expect("a validator");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_whose_sessions_fail_in_a_loop_is_stuck_everywhere_by_name_with_the_last_error() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let position = shop.publish_all(&mixed(50, 31)).await;
    shop.folded(position).await;
    refuse_writes(&shop, "g1_ledger", true).await;
    let last = sell(&shop, "of-nobody-else").await;

    let stuck = says(&shop, &app, "stuck").await;
    assert_eq!((stuck.status, &stuck.body["status"]), (503, &json!("unavailable")));
    let told = &stuck.body["services"]["projector"]["stuck"];
    assert_eq!(told["position"], position, "{stuck:?}");
    let error = told["lastError"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("was refused by the database"), "{stuck:?}");
    // Between two sessions that fail it does not look as if it went on.
    for _ in 0..200 {
        let again = ready(&shop, &app).await;
        assert_eq!(again.status, 503, "{again:?}");
    }
    let answer = shop.get(&app, SALES).await;
    assert_eq!((answer.status, answer.header("x-halted")), (200, "stuck"), "{answer:?}");
    assert_eq!(answer.header("x-stuck"), format!("position={position}; error=refused"));
    let shown = ask(&shop, &app, Method::GET, "/api/projections", &root.token).await;
    let shown = &shown.body["data"]["projector"];
    assert_eq!((&shown["state"], &shown["stuck"]["lastError"]), (&json!("stuck"), &json!(error)));
    let metrics = ask(&shop, &app, Method::GET, "/metrics", &root.token).await;
    let metrics = metrics.body.as_str().unwrap_or_default().to_owned();
    assert!(metrics.contains("adaptive_bi_projection_stuck 1"), "{metrics}");
    assert!(metrics.contains("adaptive_bi_projection_faults_total{kind=\"refused\"}"), "{metrics}");
    let said = project_status(&shop).await;
    assert!(
        said.contains(&format!("stuck at {position} since")) && said.contains(&error),
        "{said}"
    );

    refuse_writes(&shop, "g1_ledger", false).await;
    shop.folded(last).await;
    is_ready(&shop, &app).await;
    let answer = shop.get(&app, SALES).await;
    assert_eq!((answer.header("x-halted"), answer.header("x-stuck")), ("", ""));
    assert!(project_status(&shop).await.contains("moves on     yes"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stands_by_for_one_that_does_not_fold_is_not_ready_either() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(&mixed(20, 32)).await;
    shop.folded(position).await;
    // As by a process that renews its lease and does nothing else.
    shop.hold_the_lease().await;
    is_ready(&shop, &app).await;
    says(&shop, &app, "standby").await;
    let last = sell(&shop, "of-nobody-else").await;
    let stuck = says(&shop, &app, "stuck").await;
    assert_eq!(stuck.status, 503, "{stuck:?}");
    assert_eq!(stuck.body["services"]["projector"]["stuck"]["position"], position);
    shop.release_the_lease().await;
    shop.folded(last).await;
    is_ready(&shop, &app).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_that_is_held_says_so_and_stays_ready() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(&mixed(20, 33)).await;
    shop.folded(position).await;
    shop.hold_the_lease().await;
    let leases = shop.database.collection::<Document>("leases");
    let held = doc! { "$set": { "holds": true } };
    leases.update_one(doc! { "_id": "projector" }, held).await.expect("held");
    let last = sell(&shop, "of-nobody-else").await;
    let held = says(&shop, &app, "held").await;
    assert_eq!(held.status, 200, "{held:?}");
    shop.release_the_lease().await;
    shop.folded(last).await;
    says(&shop, &app, "running").await;
    let lease = leases.find_one(doc! { "_id": "projector" }).await.expect("a lease").expect("one");
    assert_eq!(lease.get("holds"), Some(&Bson::Boolean(false)));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_deleted_halts_the_fold_by_name_for_who_stands_by_too() {
    let shop = Shop::new().await;
    let (app, other) = (shop.start().await, shop.start().await);
    let position = shop.publish_all(&mixed(20, 34)).await;
    shop.folded(position).await;
    shop.jetstream.delete_stream(&shop.settings.nats_stream).await.expect("deleted");
    for app in [&app, &other] {
        let halted = says(&shop, app, "halted").await;
        let projector = &halted.body["services"]["projector"];
        assert_eq!((halted.status, &projector["halted"]), (503, &Value::from("log-gone")));
        assert_eq!(shop.get_with(app, SALES, &[]).await.header("x-halted"), "log-gone");
    }
    let said = project_status(&shop).await;
    assert!(said.contains("halted       log-gone"), "{said}");
    assert_eq!(shop.checkpoint().await.map(|it| it.position), Some(position));
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}
