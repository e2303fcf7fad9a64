//! The audit: it contains the actions that were done and those that were refused, and no secret.

use adaptive_bi::app::App;
use adaptive_bi::auth::audit::{Audit, Event, EventType};
use adaptive_bi::rights::role::Role::{Admin, Viewer};
use mongodb::bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::shape;
use crate::harness::{Answer, Shop, answer};
use crate::people::{PASSWORD, Somebody, ask, fields, login, post, send, somebody, tell};

async fn audit(shop: &Shop, app: &App, who: &Somebody, query: &str) -> Answer {
    let answer = ask(shop, app, Method::GET, &format!("/api/audit{query}"), &who.token).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer
}

fn entries(answer: &Answer) -> Vec<Value> {
    answer.body["data"]["entries"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_done_or_refused_is_remembered_and_no_secret_is() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (root, ann) = (somebody(&app, "root", Admin).await, somebody(&app, "ann", Viewer).await);
    let wrong = "another passphrase of 1849";
    login(&shop, &app, &ann.email, wrong).await;
    let signed_in = login(&shop, &app, &ann.email, PASSWORD).await;
    let token = signed_in.body["token"].as_str().expect("a token").to_owned();
    ask(&shop, &app, Method::GET, "/api/keys", &ann.token).await;
    ask(&shop, &app, Method::GET, &format!("/api/users/{}", root.id), &ann.token).await;
    let path = format!("/api/users/{}", ann.id);
    let put = async |who, body: Value| send(&shop, &app, who, Method::PUT, &path, &body).await;
    put(&ann, json!({ "role": "admin" })).await;
    put(&ann, json!({ "firstName": "Anna", "profile": { "phone": "1" } })).await;
    put(&root, json!({ "role": "analyst" })).await;
    let key = json!({ "name": "till", "scopes": ["metrics:read"] });
    let key = tell(&shop, &app, "/api/keys", &root.token, &key).await;
    let (key, key_id) = (key.body["data"]["key"].clone(), key.body["data"]["apiKey"]["id"].clone());
    let (key, key_id) = (key.as_str().expect("a key"), key_id.as_str().expect("an id"));
    answer(shop.request(&app, Method::GET, "/api/users").header("x-api-key", key)).await;
    ask(&shop, &app, Method::DELETE, &format!("/api/keys/{key_id}"), &root.token).await;
    ask(&shop, &app, Method::DELETE, &path, &root.token).await;
    tell(&shop, &app, &format!("{path}/reactivate"), &root.token, &json!({})).await;
    let registered = json!({ "email": "new@example.org", "password": PASSWORD });
    post(&shop, &app, "/api/auth/register", &registered).await;

    let all = entries(&audit(&shop, &app, &root, "?limit=100").await);
    all_are_there(&all, &root.id, &ann.id, key_id);
    let refresh = signed_in.body["data"]["refreshToken"].as_str().expect("a token");
    let secrets = [PASSWORD, wrong, key, &token, refresh, "argon2", "@example.org"];
    none_is_there(&shop, &secrets).await;
    app.stop().await.expect("stopped");
}

/// Checks that every action above is there once.
fn all_are_there(all: &[Value], root: &str, ann: &str, key: &str) {
    let (ann_id, root_id, key_id) =
        (format!("user:{ann}"), format!("user:{root}"), format!("key:{key}"));
    let read_keys = json!("GET /api/keys");
    for (event, outcome, who, target, detail) in [
        ("account-create", "done", json!("command"), json!(ann_id), json!("viewer")),
        ("sign-in", "refused", json!(null), json!(ann_id), json!("wrong e-mail or password")),
        ("access", "refused", json!(ann_id), read_keys, json!("system:read")),
        (
            "access",
            "refused",
            json!(ann_id),
            json!(format!("GET /api/users/{root}")),
            json!("users:read"),
        ),
        (
            "role-change",
            "refused",
            json!(ann_id),
            json!(ann_id),
            json!("Nobody changes what they may do themselves"),
        ),
        ("account-change", "done", json!(ann_id), json!(ann_id), json!("firstName, profile")),
        ("role-change", "done", json!(root_id), json!(ann_id), json!("viewer to analyst")),
        ("access", "refused", json!(key_id), json!("GET /api/users"), json!("users:read")),
        ("key-revoke", "done", json!(root_id), json!(key_id), json!("\"till\"")),
        ("account-deactivate", "done", json!(root_id), json!(ann_id), json!("analyst")),
        ("account-reactivate", "done", json!(root_id), json!(ann_id), json!("analyst")),
    ] {
        let wanted = |it: &&Value| {
            it["event"] == event
                && it["outcome"] == outcome
                && it["who"] == who
                && it["target"] == target
                && it["detail"] == detail
        };
        assert_eq!(all.iter().filter(wanted).count(), 1, "{event} by {who} to {target}: {all:#?}");
    }
    let key_create = all.iter().find(|it| it["event"] == "key-create").expect("an entry");
    assert_eq!((&key_create["who"], &key_create["target"]), (&json!(root_id), &json!(key_id)));
    assert!(key_create["detail"].as_str().is_some_and(|it| it.contains("metrics:read")));
    let sign_in = all.iter().find(|it| it["event"] == "sign-in" && it["address"].is_string());
    assert_eq!(sign_in.expect("an entry")["address"], "127.0.0.1");
    assert!(sign_in.is_some_and(|it| it["requestId"].is_string()));
}

/// Checks that the stored rows contain none of the secrets.
async fn none_is_there(shop: &Shop, secrets: &[&str]) {
    let mut rows = shop.database.collection::<Document>("audit").find(doc! {}).await.expect("rows");
    let mut text = String::new();
    while rows.advance().await.expect("a row") {
        text += &rows.deserialize_current().expect("a row").to_string();
    }
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in the audit");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_is_read_page_by_page_and_by_what_is_looked_for() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    for number in 0..25 {
        let event = Event::done(EventType::Export).by_name("command");
        app.accounts.audit.record(event.to(format!("file:{number}"))).await;
    }
    let first = audit(&shop, &app, &root, "?event=export&limit=10").await;
    let expected = "{address: null, at: string, detail: null, event: string, id: string, \
                    outcome: string, requestId: null, target: string, who: string}";
    assert_eq!(shape(&entries(&first)[0]), expected);
    let (mut seen, mut query) = (Vec::new(), "?event=export&limit=10".to_owned());
    loop {
        let page = audit(&shop, &app, &root, &query).await;
        seen.extend(entries(&page).iter().map(|it| it["target"].clone()));
        let pagination = &page.body["data"]["pagination"];
        assert_eq!(pagination["limit"], 10);
        let Some(next) = pagination["next"].as_str() else { break };
        // What is added meanwhile moves no page.
        app.accounts.audit.record(Event::done(EventType::Export).by_name("late")).await;
        query = format!("?event=export&limit=10&cursor={next}");
    }
    let newest_first: Vec<_> =
        (0..25).rev().map(|number| json!(format!("file:{number}"))).collect();
    assert_eq!(seen, newest_first);

    let middle = &audit(&shop, &app, &root, "?target=file:12").await;
    let at = entries(middle)[0]["at"].as_str().expect("an instant").to_owned();
    assert_eq!(entries(middle).len(), 1);
    let who = audit(&shop, &app, &root, "?who=late&limit=100").await;
    assert_eq!(entries(&who).len(), 2);
    let from = audit(&shop, &app, &root, &format!("?event=export&who=command&from={at}")).await;
    let from = entries(&from).len();
    let to = audit(&shop, &app, &root, &format!("?event=export&who=command&to={at}")).await;
    assert_eq!(from + entries(&to).len(), 25, "an end is exclusive, a beginning is not");
    assert!(from >= 13);
    assert!(entries(&audit(&shop, &app, &root, "?to=2020-01-01").await).is_empty());

    for (query, field) in [
        ("event=everything", "event"),
        ("event[$ne]=export", "event[$ne]"),
        ("who=", "who"),
        ("from=yesterday", "from"),
        ("cursor=%7B%22$gt%22:1%7D", "cursor"),
        ("limit=0", "limit"),
    ] {
        let refused =
            ask(&shop, &app, Method::GET, &format!("/api/audit?{query}"), &root.token).await;
        assert_eq!((refused.status, fields(&refused)), (400, vec![field]), "{query}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_has_an_end_only_where_the_operator_gives_it_one() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let rows = shop.database.collection::<Document>("audit");
    let row = async |actor: &str| {
        rows.find_one(doc! { "actor": actor }).await.expect("an answer").expect("a row")
    };
    app.accounts.audit.record(Event::done(EventType::Export).by_name("for good")).await;
    assert!(!row("for good").await.contains_key("expiresAt"));
    let bounded = Audit::new(app.platform.clone(), 90);
    bounded.record(Event::done(EventType::Export).by_name("for 90 days")).await;
    let row = row("for 90 days").await;
    let (at, end) = (row.get_datetime("at"), row.get_datetime("expiresAt"));
    let kept = end.expect("an end").timestamp_millis() - at.expect("an instant").timestamp_millis();
    assert_eq!(kept, 90 * 86_400_000);
    app.stop().await.expect("stopped");
}
