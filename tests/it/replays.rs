//! A quarantined message is listed, tried, sent again and given up, once each.

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role::{Admin, Manager};
use mongodb::bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::commands::{folder, run};
use crate::events::sale;
use crate::harness::{Answer, Shop};
use crate::people::{Somebody, ask, fields, somebody, tell};

/// A shop whose log has a sale of ann's, the same sale of bob's, one with a bad price, one of an
/// unknown kind and one with two reasons: quarantined at 2 to 5.
async fn shop_with_rotten() -> (Shop, App, Somebody) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let of = |id, user, price: Value, and| sale(id, user, price, and).to_string();
    shop.publish("transaction.t1", of("t1", "ann", json!(10), json!({}))).await;
    shop.publish("transaction.t1", of("t1", "bob", json!(20), json!({}))).await;
    shop.publish("transaction.t2", of("t2", "bob", json!(-5), json!({}))).await;
    shop.publish("orders.t3", of("t3", "cid", json!(30), json!({}))).await;
    let last = json!({ "status": "paid", "currency": "US$" });
    let last = shop.publish("transaction.t4", of("t4", "dan", json!(40), last)).await;
    shop.folded(last).await;
    let root = somebody(&app, "root", Admin).await;
    (shop, app, root)
}

async fn listed(shop: &Shop, app: &App, who: &Somebody, query: &str) -> (Vec<u64>, Value) {
    let path = format!("/api/quarantine{query}");
    let answer = ask(shop, app, Method::GET, &path, &who.token).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    let data = answer.body["data"].clone();
    let events = data["events"].as_array().expect("events");
    (events.iter().filter_map(|it| it["position"].as_u64()).collect(), data)
}

async fn post(shop: &Shop, app: &App, who: &Somebody, what: &str, body: Value) -> Answer {
    tell(shop, app, &format!("/api/quarantine/{what}"), &who.token, &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_quarantined_is_listed_by_page_and_filter_and_shown_whole() {
    let (shop, app, root) = shop_with_rotten().await;
    for (query, positions) in [
        ("", vec![2, 3, 4, 5]),
        ("?kind=transaction", vec![2, 3, 5]),
        ("?kind=unknown", vec![4]),
        ("?kind=stock", vec![]),
        ("?field=userId", vec![2]),
        ("?field=currency", vec![5]),
        ("?fromPosition=3&toPosition=4", vec![3, 4]),
        ("?to=2020-01-01", vec![]),
        ("?from=2020-01-01", vec![2, 3, 4, 5]),
        ("?state=replayed", vec![]),
        ("?state=all", vec![2, 3, 4, 5]),
    ] {
        assert_eq!(listed(&shop, &app, &root, query).await.0, positions, "{query}");
    }
    let (first, data) = listed(&shop, &app, &root, "?limit=3").await;
    assert_eq!((first, &data["pagination"]["next"]), (vec![2, 3, 4], &json!("4")));
    let (rest, data) = listed(&shop, &app, &root, "?limit=3&cursor=4").await;
    assert_eq!((rest, &data["pagination"]["next"]), (vec![5], &Value::Null));

    let answer = ask(&shop, &app, Method::GET, "/api/quarantine/5", &root.token).await;
    let event = &answer.body["data"]["event"];
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&event["kind"], &event["state"]), (&json!("transaction"), &json!("open")));
    let reasons = event["reasons"].as_array().expect("reasons");
    assert_eq!(reasons.len(), 2, "{event}");
    let payload = event["payload"].as_str().expect("text");
    assert!(payload.contains("\"t4\"") && payload.contains("US$"), "{payload}");
    for path in ["/api/quarantine/1", "/api/quarantine/99", "/api/quarantine/x"] {
        let answer = ask(&shop, &app, Method::GET, path, &root.token).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_event_is_sent_once_counts_and_names_the_one_it_replaces() {
    let (shop, app, root) = shop_with_rotten().await;
    let fixed = sale("t2", "bob", json!(7.25), json!({}));
    let edit = json!({ "payload": fixed });
    let dry = post(&shop, &app, &root, "3/replay?dryRun=true", edit.clone()).await;
    let replay = &dry.body["data"]["replay"];
    assert_eq!(dry.status, 200, "{dry:?}");
    assert_eq!((&replay["outcome"], &replay["dryRun"]), (&json!("applied"), &json!(true)));
    assert_eq!((&replay["known"], &replay["asOf"]), (&json!(false), &json!(5)));
    assert!(replay["touched"].as_array().is_some_and(|it| it.contains(&json!("sales"))), "{dry:?}");
    assert_eq!(shop.log.extent().await.expect("the log").last, 5, "nothing is sent");
    assert_eq!(shop.audited("quarantine-").await, 0);
    assert_eq!(listed(&shop, &app, &root, "?state=open").await.0, [2, 3, 4, 5]);

    let done = post(&shop, &app, &root, "3/replay", edit.clone()).await;
    assert_eq!(
        (done.status, &done.body["data"]["replay"]["position"]),
        (200, &json!(6)),
        "{done:?}"
    );
    let sales = shop.data(&app, "/api/metrics/sales", 6).await;
    assert_eq!((&sales["totalRevenue"], &sales["totalOrders"]), (&json!(17.25), &json!(2)));
    let sent = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    let sent = sent.get_raw_message(6).await.expect("the replay");
    assert_eq!(sent.headers.get("Replay-Of").map(async_nats::HeaderValue::as_str), Some("3"));
    // The shard of t2: the SHA-256 of it begins so.
    assert!(sent.subject.ends_with(".transaction.c4"), "{}", sent.subject);

    for body in [edit, json!({})] {
        let again = post(&shop, &app, &root, "3/replay", body).await;
        assert_eq!((again.status, &again.body["type"]), (409, &json!("already-resolved")));
    }
    let discard = post(&shop, &app, &root, "3/discard", json!({ "reason": "spam" })).await;
    assert_eq!(discard.status, 409, "{discard:?}");
    assert_eq!(shop.log.extent().await.expect("the log").last, 6);
    assert_eq!(listed(&shop, &app, &root, "").await.0, [2, 4, 5]);
    let (replayed, data) = listed(&shop, &app, &root, "?state=replayed").await;
    let resolution = &data["events"][0]["resolution"];
    assert_eq!((replayed, &resolution["replayedAt"]), (vec![3], &json!(6)), "{data}");
    assert_eq!(resolution["by"], format!("user:{}", root.id));

    let audit = ask(&shop, &app, Method::GET, "/api/audit?target=event:3", &root.token).await;
    let entry = &audit.body["data"]["entries"][0];
    assert_eq!((&entry["event"], &entry["outcome"]), (&json!("quarantine-replay"), &json!("done")));
    assert_eq!(shop.audited("quarantine-").await, 1);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_be_quarantined_again_is_not_sent_and_every_reason_is_told() {
    let (shop, app, root) = shop_with_rotten().await;
    for (what, body, expected) in [
        ("2", json!({}), vec!["userId"]),
        ("3", json!({}), vec!["totalPrice"]),
        ("4", json!({}), vec!["subject"]),
        ("4", json!({ "payload": {} }), vec!["kind"]),
        ("4", json!({ "kind": "orders" }), vec!["kind"]),
        ("5", json!({}), vec!["currency", "status"]),
        (
            "3",
            json!({ "payload": { "transactionId": "t2" } }),
            vec!["totalPrice", "transactionDate", "userId"],
        ),
        ("3", json!({ "payload": [] }), vec![""]),
        ("3", json!({ "unknown": 1 }), vec![""]),
    ] {
        for dry in ["", "?dryRun=true"] {
            let path = format!("{what}/replay{dry}");
            let answer = post(&shop, &app, &root, &path, body.clone()).await;
            let mut found = fields(&answer);
            found.sort_unstable();
            assert_eq!((answer.status, found), (400, expected.clone()), "{path} {body}");
        }
    }
    assert_eq!(post(&shop, &app, &root, "1/replay", json!({})).await.status, 404);
    assert_eq!(post(&shop, &app, &root, "99/discard", json!({ "reason": "x" })).await.status, 404);
    assert_eq!(shop.log.extent().await.expect("the log").last, 5);
    assert_eq!(
        (shop.audited("quarantine-").await, listed(&shop, &app, &root, "").await.0.len()),
        (0, 4)
    );

    // What is of no known kind is one once somebody says which.
    let done = post(&shop, &app, &root, "4/replay", json!({ "kind": "transaction" })).await;
    assert_eq!((done.status, &done.body["data"]["replay"]["entity"]), (200, &json!("t3")));
    let sales = shop.data(&app, "/api/metrics/sales", 6).await;
    assert_eq!(sales["totalRevenue"], 40);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_ranks_where_it_stood_and_is_tried_against_what_is_known() {
    let (shop, app, root) = shop_with_rotten().await;
    let of = |id, user, price| sale(id, user, json!(price), json!({}));
    // Something newer was said of t2 since.
    let newer = shop.publish("transaction.t2", of("t2", "bob", 9).to_string()).await;
    shop.folded(newer).await;
    let edit = json!({ "payload": of("t2", "bob", 7) });
    let dry = post(&shop, &app, &root, "3/replay?dryRun=true", edit.clone()).await;
    let replay = &dry.body["data"]["replay"];
    assert_eq!((&replay["outcome"], &replay["known"]), (&json!("stale"), &json!(true)), "{dry:?}");
    assert_eq!(replay["touched"], json!([]));
    let done = post(&shop, &app, &root, "3/replay", edit).await;
    let position = done.body["data"]["replay"]["position"].as_u64().expect("a position");
    let counts = shop.folded(position).await.root.counts;
    assert_eq!((counts.stale, counts.quarantined), (1, 4), "{counts:?}");
    let sales = shop.data(&app, "/api/metrics/sales", position).await;
    assert_eq!(sales["totalRevenue"], 19);

    // The customer was wrong; a corrected one is news of what is known.
    let edit = json!({ "payload": of("t1", "ann", 11) });
    let dry = post(&shop, &app, &root, "2/replay?dryRun=true", edit).await;
    assert_eq!(dry.body["data"]["replay"]["outcome"], "applied", "{dry:?}");
    let activity = json!({ "activityId": "a1", "userId": "ann", "activityType": "searched",
        "timestamp": crate::events::now() });
    let seen = shop.publish("activity.a1", activity.to_string()).await;
    let bad = shop.publish("activities.a1", activity.to_string()).await;
    shop.folded(bad).await;
    assert_eq!(bad, seen + 1);
    let path = format!("{bad}/replay?dryRun=true");
    let dry = post(&shop, &app, &root, &path, json!({ "kind": "activity" })).await;
    assert_eq!(dry.body["data"]["replay"]["outcome"], "repeated", "{dry:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_longer_wrong_is_sent_as_it_was_with_its_headers() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let body = sale("t1", "ann", json!(5), json!({}));
    let headers = [
        ("Replay-Of", "soon"),
        ("ce-specversion", "1.0"),
        ("traceparent", "00-1-2-01"),
        ("Nats-Msg-Id", "m1"),
    ];
    let at = shop.publish_with("transaction.t1", &headers, body.to_string()).await;
    assert_eq!(shop.folded(at).await.root.counts.quarantined, 1);
    let done = post(&shop, &app, &root, &format!("{at}/replay"), json!({})).await;
    let position = done.body["data"]["replay"]["position"].as_u64().expect("a position");
    let sales = shop.data(&app, "/api/metrics/sales", position).await;
    assert_eq!(sales["totalOrders"], 1);
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    let sent = stream.get_raw_message(position).await.expect("the replay");
    assert_eq!(sent.payload, body.to_string());
    let header = |name| sent.headers.get(name).map(ToString::to_string);
    assert_eq!(header("traceparent").as_deref(), Some("00-1-2-01"));
    assert_eq!(header("Replay-Of"), Some(at.to_string()));
    assert!(header("Nats-Msg-Id").is_some_and(|it| it.starts_with(&format!("replay-{at}-"))));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_so_for_a_reason_and_by_who_may() {
    let (shop, app, root) = shop_with_rotten().await;
    let manager = somebody(&app, "max", Manager).await;
    assert_eq!(listed(&shop, &app, &manager, "").await.0.len(), 4, "a manager sees them");
    let reason = json!({ "reason": "a test of the till" });
    let refused = post(&shop, &app, &manager, "2/discard", reason.clone()).await;
    assert_eq!((refused.status, &refused.body["required"]), (403, &json!("events:update")));
    for body in [json!({}), json!({ "reason": " " }), json!({ "reason": "x".repeat(201) })] {
        let answer = post(&shop, &app, &root, "2/discard", body).await;
        assert_eq!((answer.status, fields(&answer)), (400, vec!["reason"]), "{answer:?}");
    }
    let dry = post(&shop, &app, &root, "2/discard?dryRun=true", reason.clone()).await;
    assert_eq!((dry.status, shop.audited("quarantine-").await), (200, 0), "{dry:?}");
    assert_eq!(listed(&shop, &app, &root, "?state=discarded").await.0.len(), 0);
    assert_eq!(post(&shop, &app, &root, "2/discard", reason.clone()).await.status, 200);
    let again = post(&shop, &app, &root, "2/discard", reason).await;
    assert_eq!((again.status, &again.body["type"]), (409, &json!("already-resolved")));
    let (positions, data) = listed(&shop, &app, &root, "?state=discarded").await;
    let resolution = &data["events"][0]["resolution"];
    assert_eq!((positions, &resolution["reason"]), (vec![2], &json!("a test of the till")));
    assert_eq!(post(&shop, &app, &root, "2/replay", json!({})).await.status, 409);
    assert_eq!(shop.log.extent().await.expect("the log").last, 5);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_was_begun_and_not_noted_ends_when_it_is_sent_again() {
    let (shop, app, root) = shop_with_rotten().await;
    let edit = json!({ "payload": sale("t2", "bob", json!(7), json!({})) });
    assert_eq!(post(&shop, &app, &root, "3/replay", edit.clone()).await.status, 200);
    // As a crash between the log and the note leaves it.
    let begun = doc! { "$set": { "state": "begun" }, "$unset": { "replayedAt": "" } };
    let notes = shop.database.collection::<Document>("resolutions");
    notes.update_one(doc! { "_id": 3_i64 }, begun).await.expect("changed");
    assert_eq!(listed(&shop, &app, &root, "").await.0, [2, 3, 4, 5]);
    let discard = post(&shop, &app, &root, "3/discard", json!({ "reason": "x" })).await;
    assert_eq!((discard.status, &discard.body["type"]), (409, &json!("replay-under-way")));
    let other = json!({ "payload": sale("t2", "bob", json!(8), json!({})) });
    let other = post(&shop, &app, &root, "3/replay", other).await;
    assert_eq!((other.status, &other.body["type"]), (409, &json!("replay-under-way")));
    let again = post(&shop, &app, &root, "3/replay", edit).await;
    assert_eq!((again.status, &again.body["data"]["replay"]["position"]), (200, &json!(6)));
    assert_eq!(shop.log.extent().await.expect("the log").last, 6, "it is there once");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_does_the_same() {
    let (shop, app, _) = shop_with_rotten().await;
    let (environment, folder) = (shop.environment(), folder("quarantine"));
    let fixed = sale("t2", "bob", json!(7), json!({})).to_string();
    std::fs::write(folder.join("fixed.json"), fixed).expect("written");
    let command = async |line: &str| {
        let arguments: Vec<_> = std::iter::once("quarantine").chain(line.split(' ')).collect();
        run(&arguments, &environment, &folder).await
    };
    for (line, code, said) in [
        ("list --field userId", 0, "userId"),
        ("show 4", 0, "\"t3\""),
        ("replay 2", 1, "userId"),
        ("replay 3 --payload fixed.json --dry-run", 0, "would be applied at 5: transaction t2"),
        ("replay 3 --payload fixed.json", 0, "replayed at 6: transaction t2, applied"),
        ("replay 3 --payload fixed.json", 1, "was replayed before"),
        ("discard 4 5 --reason spam", 0, "5: discarded"),
        ("show 5", 0, "because   spam"),
        ("list", 0, "transaction.t1"),
        ("show 99", 1, ""),
    ] {
        let ran = command(line).await;
        assert!(ran.code == Some(code) && ran.stdout.contains(said), "{line}: {ran:?}");
    }
    assert_eq!(shop.audited("quarantine-").await, 3);
    app.stop().await.expect("stopped");
}
