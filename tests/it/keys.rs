//! API keys: made once, valid within their scopes, refused when they are revoked.

use std::process::Stdio;

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::auth::keys::remembered::Remembered;
use adaptive_bi::rights::role::Role::{Admin, Viewer};
use adaptive_bi::rights::scope::Scope;
use mongodb::bson::{self, Document, doc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::sale;
use crate::harness::{Answer, Shop, answer, until};
use crate::people::{ask, fields, kind, send, somebody, tell};

/// Sends a body to the service with a key.
async fn write(shop: &Shop, app: &App, key: &str, path: &str, body: &Value) -> Answer {
    let request = shop.request(app, Method::POST, path).header("x-api-key", key);
    answer(request.body(body.to_string())).await
}

async fn read(shop: &Shop, app: &App, key: &str) -> Answer {
    let request = shop.request(app, Method::GET, "/api/metrics/sales").header("x-api-key", key);
    answer(request).await
}

async fn made(shop: &Shop, app: &App, token: &str, body: &Value) -> (String, String) {
    let made = tell(shop, app, "/api/keys", token, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let data = &made.body["data"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&data["key"]), text(&data["apiKey"]["id"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_once_listed_without_its_text_and_revoked_at_once() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let body = json!({ "name": " till 7 ", "scopes": ["metrics:read", "metrics:read"] });
    let answer = tell(&shop, &app, "/api/keys", &root.token, &body).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, "no-store"), "{answer:?}");
    let shown = answer.body["data"]["apiKey"].clone();
    let key = answer.body["data"]["key"].as_str().expect("a key").to_owned();
    assert!(key.starts_with("abi_") && key.len() == 47, "{key}");
    assert_eq!((&shown["name"], &shown["scopes"]), (&json!("till 7"), &json!(["metrics:read"])));
    assert_eq!(shown["createdBy"], json!(format!("user:{}", root.id)));
    let end =
        shown["expiresAt"].as_str().and_then(|it| it.parse::<chrono::DateTime<chrono::Utc>>().ok());
    let days = (end.expect("an end") - chrono::Utc::now()).num_days();
    assert!((363..=365).contains(&days), "{shown}");
    assert_eq!(read(&shop, &app, &key).await.status, 200);

    let list = ask(&shop, &app, Method::GET, "/api/keys", &root.token).await;
    let keys = list.body["data"]["keys"].as_array().expect("a list");
    assert_eq!(keys.len(), 2, "this one and the tests' own: {list:?}");
    assert_eq!((&keys[0]["id"], &keys[0]["name"]), (&shown["id"], &json!("till 7")));
    assert!(!list.body.to_string().contains(&key) && !list.body.to_string().contains("hash"));

    let path = format!("/api/keys/{}", shown["id"].as_str().expect("an id"));
    let revoked = ask(&shop, &app, Method::DELETE, &path, &root.token).await;
    assert_eq!((revoked.status, &revoked.body["data"]["apiKey"]["id"]), (200, &shown["id"]));
    assert_eq!(kind(&read(&shop, &app, &key).await), (401, "key-invalid"));
    assert_eq!(ask(&shop, &app, Method::DELETE, &path, &root.token).await.status, 404);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_without_a_name_scopes_or_an_end_that_can_be_is_not_made() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    for (body, expected) in [
        (json!({}), vec!["name", "scopes"]),
        (json!({ "name": { "$ne": 1 }, "scopes": [{ "$ne": 1 }] }), vec!["name", "scopes"]),
        (json!({ "name": "x", "scopes": ["system:read"] }), vec!["scopes"]),
        (json!({ "name": "x", "scopes": ["events:write:"] }), vec!["scopes"]),
        (
            json!({ "name": "x", "scopes": ["metrics:read"], "expiresInDays": -1 }),
            vec!["expiresInDays"],
        ),
        (
            json!({ "name": "x", "scopes": ["metrics:read"], "expiresAt": "2020-01-01" }),
            vec!["expiresAt"],
        ),
    ] {
        let refused = tell(&shop, &app, "/api/keys", &root.token, &body).await;
        assert_eq!((refused.status, fields(&refused)), (400, expected), "{body}");
    }
    let body = json!({ "name": "x", "scopes": ["metrics:read"], "expiresAt": "never" });
    let made = tell(&shop, &app, "/api/keys", &root.token, &body).await;
    assert_eq!((made.status, &made.body["data"]["apiKey"]["expiresAt"]), (201, &json!(null)));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gives_a_key_what_they_may_not_do_themselves() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let clerk = somebody(&app, "clerk", Viewer).await;
    let permissions = json!([{ "resource": "system", "actions": ["create"] }]);
    let path = format!("/api/users/{}", clerk.id);
    let body = json!({ "permissions": permissions });
    assert_eq!(send(&shop, &app, &root, Method::PUT, &path, &body).await.status, 200);
    let body = |scope: &str| json!({ "name": "till", "scopes": [scope] });
    let refused = tell(&shop, &app, "/api/keys", &clerk.token, &body("events:write:stock")).await;
    assert_eq!(kind(&refused), (403, "forbidden"));
    assert_eq!(refused.body["required"], "events:create");
    made(&shop, &app, &clerk.token, &body("metrics:read")).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_kind_writes_that_kind_and_nothing_else() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let body = json!({ "name": "till", "scopes": ["events:write:stock"] });
    let (key, _) = made(&shop, &app, &root.token, &body).await;
    let stock = json!({ "productId": "mug", "stock": 7 });
    assert_eq!(write(&shop, &app, &key, "/api/events/stock", &stock).await.status, 200);
    let sale = sale("t1", "ann", 9, json!({}));
    let refused = write(&shop, &app, &key, "/api/events/transaction", &sale).await;
    assert_eq!(kind(&refused), (403, "forbidden"));
    assert_eq!(refused.body["required"], "events:write:transaction");

    // In a batch of any kind each event is looked at by itself.
    let batch =
        json!([{ "kind": "transaction", "data": sale }, { "kind": "stock", "data": stock }]);
    let some = write(&shop, &app, &key, "/api/events", &batch).await;
    let results = &some.body["data"]["results"];
    assert_eq!((some.status, &results[0]["status"]), (207, &json!("rejected")), "{some:?}");
    assert_eq!(results[0]["errors"][0]["field"], "kind");
    assert_eq!(results[1]["status"], "accepted");
    let none = write(&shop, &app, &key, "/api/events", &json!([batch[0]])).await;
    assert_eq!((none.status, &none.body["data"]["rejected"]), (400, &json!(1)));
    assert_eq!(kind(&read(&shop, &app, &key).await), (403, "forbidden"));

    let body = json!({ "name": "all", "scopes": ["events:write", "events:write:stock"] });
    let (all, id) = made(&shop, &app, &root.token, &body).await;
    assert_eq!(write(&shop, &app, &all, "/api/events", &batch).await.status, 200);
    let row = shop.database.collection::<Document>("api_keys").find_one(doc! { "_id": id }).await;
    let row = row.expect("an answer").expect("a row");
    assert_eq!(row.get_array("scopes").expect("scopes").len(), 1, "one has the other in it");
    assert!(!format!("{row:?}").contains(&all), "the store has no key");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_past_its_time_is_refused_and_not_listed() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let past = chrono::Utc::now().timestamp_millis() - 1;
    let old = key::make("old", &[Scope::MetricsRead], "command", Some(past));
    app.platform.insert_key(&old.row).await.expect("a key");
    assert_eq!(kind(&read(&shop, &app, &old.text).await), (401, "key-invalid"));
    let list = ask(&shop, &app, Method::GET, "/api/keys", &root.token).await;
    assert!(!list.body.to_string().contains(&old.row.id), "{list:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_use_of_a_key_is_noted_once_a_minute() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let body = json!({ "name": "till", "scopes": ["metrics:read"] });
    let (key, id) = made(&shop, &app, &root.token, &body).await;
    let used = async || {
        let rows = shop.database.collection::<Document>("api_keys");
        let row = rows.find_one(doc! { "_id": &id }).await.expect("an answer").expect("a row");
        row.get_datetime("lastUsedAt").ok().copied()
    };
    assert_eq!(used().await, None);
    read(&shop, &app, &key).await;
    let first =
        until("note of the first use", || async { used().await.ok_or_else(|| "none".to_owned()) })
            .await;
    for _ in 0..5 {
        read(&shop, &app, &key).await;
    }
    // By another process, too.
    app.platform.note_use_of_key(&id, std::time::Duration::from_mins(1)).await.expect("looked at");
    assert_eq!(used().await, Some(first));
    let list = ask(&shop, &app, Method::GET, "/api/keys", &root.token).await;
    assert!(list.body["data"]["keys"][0]["lastUsedAt"].is_string(), "{list:?}");
    app.platform.note_use_of_key(&id, std::time::Duration::ZERO).await.expect("noted");
    assert!(used().await > Some(first), "and again when its time has come");
    app.stop().await.expect("stopped");
}

/// Whether the service refuses a key as one that is not valid.
async fn is_refused(shop: &Shop, app: &App, key: &str) -> Result<(), String> {
    let answer = read(shop, app, key).await;
    if kind(&answer) == (401, "key-invalid") { Ok(()) } else { Err(format!("{answer:?}")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_goes_in_another_process_is_refused_soon() {
    let shop = Shop::new().await;
    let (app, other) = (shop.start().await, shop.start().await);
    let root = somebody(&app, "root", Admin).await;
    let body = json!({ "name": "till", "scopes": ["metrics:read"] });
    let (revoked, id) = made(&shop, &app, &root.token, &body).await;
    let (deleted, deleted_id) = made(&shop, &app, &root.token, &body).await;
    for key in [&revoked, &deleted] {
        assert_eq!(read(&shop, &app, key).await.status, 200);
        assert_eq!(read(&shop, &other, key).await.status, 200);
    }
    let path = format!("/api/keys/{id}");
    assert_eq!(ask(&shop, &other, Method::DELETE, &path, &root.token).await.status, 200);
    assert_eq!(is_refused(&shop, &other, &revoked).await, Ok(()), "at once where it was revoked");
    until("refusal of the revoked key", || is_refused(&shop, &app, &revoked)).await;

    let rows = shop.database.collection::<Document>("api_keys");
    rows.delete_one(doc! { "_id": &deleted_id }).await.expect("deleted by hand");
    until("refusal of the deleted key", || is_refused(&shop, &app, &deleted)).await;
    until("refusal elsewhere", || is_refused(&shop, &other, &deleted)).await;
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_may_is_what_its_row_says_soon_after() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let body = json!({ "name": "till", "scopes": ["metrics:read"] });
    let (key, id) = made(&shop, &app, &root.token, &body).await;
    assert_eq!(read(&shop, &app, &key).await.status, 200);
    let rows = shop.database.collection::<Document>("api_keys");
    let scopes = doc! { "$set": { "scopes": ["events:write:stock"] } };
    rows.update_one(doc! { "_id": &id }, scopes).await.expect("changed by hand");
    until("refusal of what it may no more", || async {
        let answer = read(&shop, &app, &key).await;
        if kind(&answer) == (403, "forbidden") { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    let stock = json!({ "productId": "mug", "stock": 7 });
    assert_eq!(write(&shop, &app, &key, "/api/events/stock", &stock).await.status, 200);
    let past = doc! { "$set": { "expiresAt": bson::DateTime::from_millis(1) } };
    rows.update_one(doc! { "_id": &id }, past).await.expect("changed by hand");
    until("refusal of the key past its time", || is_refused(&shop, &app, &key)).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_shown_again_and_again_is_looked_up_seldom() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let keys = format!("{}.api_keys", shop.database.name());
    shop.database.run_command(doc! { "profile": 2 }).await.expect("profiled");
    assert_eq!(is_refused(&shop, &app, &key::text()).await, Ok(()), "by a look");
    let stock = |n: usize| json!({ "productId": format!("mug-{n}"), "stock": 7 });
    for n in 0..100 {
        let sent = write(&shop, &app, &shop.key, "/api/events/stock", &stock(n)).await;
        assert_eq!(sent.status, 200, "{sent:?}");
    }
    let profile = shop.database.collection::<Document>("system.profile");
    let looks = doc! { "ns": keys, "op": "query" };
    let looks = profile.count_documents(looks).await.expect("counted");
    assert!((1..50).contains(&looks), "{looks} looks for 100 requests");
    shop.database.run_command(doc! { "profile": 0 }).await.expect("not profiled");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_keys_are_remembered_than_allowed_and_none_that_is_unknown() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let remembered = Remembered::new(app.platform.clone(), 3);
    for _ in 0..10 {
        let key = key::make("till", &[Scope::MetricsRead], "command", None);
        app.platform.insert_key(&key.row).await.expect("a key");
        for _ in 0..2 {
            let holder = remembered.holder(&key.text).await.expect("asked").expect("a holder");
            assert_eq!((holder.id, holder.scopes), (key.row.id.clone(), key.row.scopes.clone()));
        }
        let count = remembered.count().await;
        assert!(count <= 3, "{count}");
        assert_eq!(remembered.holder(&key::text()).await.expect("asked"), None);
        assert_eq!(remembered.holder("no key").await.expect("asked"), None);
    }
    let unknown = Remembered::new(app.platform.clone(), 3);
    let late = key::make("late", &[Scope::MetricsRead], "command", None);
    assert_eq!(unknown.holder(&late.text).await.expect("asked"), None);
    app.platform.insert_key(&late.row).await.expect("a key");
    assert!(unknown.holder(&late.text).await.expect("asked").is_some(), "it was not remembered");
    app.stop().await.expect("stopped");
}

/// Runs the program as an operator does; returns its success and its output.
async fn run(shop: &Shop, arguments: &[&str]) -> (bool, String, String) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_adaptive-bi"))
        .args(arguments)
        .envs(shop.environment())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a text").trim().to_owned();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_command_makes_lists_and_revokes() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let scopes = ["--scope", "metrics:read", "--scope", "events:write:stock"];
    let create = [&["key", "create", "--name", "till 9"][..], &scopes].concat();
    let (went_well, key, said) = run(&shop, &create).await;
    assert!(went_well && key.starts_with("abi_") && key.len() == 47, "{key} {said}");
    assert!(!said.contains(&key) && said.contains("till 9"), "{said}");
    assert_eq!(read(&shop, &app, &key).await.status, 200);
    let (_, list, _) = run(&shop, &["key", "list"]).await;
    assert!(list.contains("till 9") && list.contains("metrics:read events:write:stock"), "{list}");
    let id = list.lines().find_map(|line| line.strip_suffix("  till 9")).expect("an id");
    let (went_well, said, _) = run(&shop, &["key", "revoke", id]).await;
    assert!(went_well && said.contains(id), "{said}");
    until("refusal of the revoked key", || is_refused(&shop, &app, &key)).await;
    let (went_well, _, said) = run(&shop, &["key", "revoke", id]).await;
    assert!(!went_well && said.contains("no such API key"), "{said}");
    for wrong in [
        &["key", "create", "--name", "x"][..],
        &["key", "create", "--name", "x", "--scope", "everything"],
        &["key", "create", "--name", "", "--scope", "metrics:read"],
        &["key", "create", "--name", "x", "--scope", "metrics:read", "--expires-in-days", "0"],
        &[
            "key",
            "create",
            "--name",
            "x",
            "--scope",
            "metrics:read",
            "--expires-in-days",
            "9",
            "--never-expires",
        ],
    ] {
        assert!(!run(&shop, wrong).await.0, "{wrong:?}");
    }
    app.stop().await.expect("stopped");
}
