//! Registering and signing in: the answers to every kind of caller, and the records that are kept.

use std::collections::HashSet;

use adaptive_bi::auth::key;
use adaptive_bi::rights::role::Role;
use adaptive_bi::rights::scope::Scope;
use mongodb::bson::{self, doc};
use projections::event::Kind;
use reqwest::Method;
use serde_json::{Value, json};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::events::sale;
use crate::harness::{Shop, answer};
use crate::people::{
    ANN, PASSWORD, account, ask, kind, login, login_from, post, shop_of_ann, tell,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_registers_is_a_viewer_and_can_sign_in() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let body = json!({ "email": "Ann@Example.org", "password": PASSWORD, "firstName": "Ann",
        "lastName": "Lee", "username": "ann", "role": "user" });
    let registered = post(&shop, &app, "/api/auth/register", &body).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    assert_eq!(registered.header("cache-control"), "no-store");
    let data = &registered.body["data"];
    assert_eq!(
        (&data["token"], &data["user"]),
        (&registered.body["token"], &registered.body["user"])
    );
    assert_eq!(data["expiresIn"], 900);
    let user = &data["user"];
    for (member, value) in [
        ("email", json!(ANN)),
        ("username", json!("ann")),
        ("fullName", json!("Ann Lee")),
        ("role", json!("viewer")),
        ("permissions", json!([])),
        ("isActive", json!(true)),
        ("isVerified", json!(false)),
    ] {
        assert_eq!(user[member], value, "{member}");
    }
    assert_eq!(user["id"], user["userId"]);
    assert!(user["lastLogin"].is_string() && user["createdAt"].is_string());
    assert!(!registered.body.to_string().contains("argon2"));

    let again = post(&shop, &app, "/api/auth/register", &body).await;
    assert_eq!(kind(&again), (409, "email-taken"));
    let signed_in = login(&shop, &app, " ANN@example.org", PASSWORD).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    let token = signed_in.body["token"].as_str().expect("a token");
    let me = ask(&shop, &app, Method::GET, "/api/auth/me", token).await;
    assert_eq!(me.body["data"]["user"], signed_in.body["data"]["user"]);
    assert_eq!(ask(&shop, &app, Method::GET, "/api/metrics/sales", token).await.status, 200);
    let refused = tell(&shop, &app, "/api/events", token, &json!([])).await;
    assert_eq!(kind(&refused), (403, "forbidden"));
    let required = refused.body["required"].as_str().unwrap_or_default();
    assert!(required.starts_with("events:create"), "{refused:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_registers_into_a_role_or_permissions() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let body = |more: &Value| {
        let mut body = json!({ "email": ANN, "password": PASSWORD });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for more in [
        json!({ "role": "admin" }),
        json!({ "role": "superadmin" }),
        json!({ "role": "analyst" }),
        json!({ "role": ["viewer"] }),
        json!({ "permissions": [{ "resource": "users", "actions": ["delete"] }] }),
    ] {
        let refused = post(&shop, &app, "/api/auth/register", &body(&more)).await;
        assert_eq!(kind(&refused), (403, "forbidden"), "{more}");
    }
    let accounts = shop.database.collection::<bson::Document>("accounts");
    assert_eq!(accounts.count_documents(doc! {}).await.expect("a count"), 0);
    // What is not asked for is not given either.
    let more = json!({ "isVerified": true, "createdBy": "root", "_id": "1", "passwordHash": "x" });
    let registered = post(&shop, &app, "/api/auth/register", &body(&more)).await;
    assert_eq!(registered.body["data"]["user"]["isVerified"], false, "{registered:?}");
    assert_ne!(registered.body["data"]["user"]["id"], "1");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_text_is_named_and_what_is_too_long_not_read() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    for (path, body, fields) in [
        (
            "login",
            json!({ "email": { "$ne": null }, "password": { "$gt": "" } }),
            &["email", "password"][..],
        ),
        ("login", json!({ "email": ANN }), &["password"]),
        ("register", json!({ "email": ["a@b.c"], "password": PASSWORD }), &["email"]),
        ("register", json!({ "email": "nobody", "password": PASSWORD }), &["email"]),
        ("register", json!({ "email": ANN, "password": "password123" }), &["password"]),
        ("register", json!({ "email": ANN, "password": "x".repeat(129) }), &["password"]),
        (
            "register",
            json!({ "email": ANN, "password": PASSWORD, "firstName": "x".repeat(51) }),
            &["firstName"],
        ),
        ("refresh", json!({ "refreshToken": { "$exists": true } }), &["refreshToken"]),
        ("refresh", json!({}), &["refreshToken"]),
        ("password/forgot", json!({ "email": { "$ne": null } }), &["email"]),
        ("password/reset", json!({ "token": 7, "password": PASSWORD }), &["token"]),
        ("login", json!([]), &[""]),
    ] {
        let refused = post(&shop, &app, &format!("/api/auth/{path}"), &body).await;
        assert_eq!(refused.status, 400, "{path} {body}: {refused:?}");
        let errors = refused.body["errors"].as_array().expect("errors");
        let named: Vec<_> = errors.iter().map(|it| it["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{path}");
    }
    let before = app.accounts.passwords.verified();
    let huge = json!({ "email": ANN, "password": "x".repeat(10_000_000) });
    for path in ["login", "register"] {
        let refused = post(&shop, &app, &format!("/api/auth/{path}"), &huge).await;
        assert_eq!(refused.status, 413, "{path}");
    }
    assert_eq!(app.accounts.passwords.verified(), before);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_e_mail_and_a_wrong_password_are_told_and_worked_on_alike() {
    let (shop, app, _) = shop_of_ann().await;
    let mut bodies = HashSet::new();
    for email in [ANN, "nobody@example.org"] {
        let before = app.accounts.passwords.verified();
        let mut refused = login(&shop, &app, email, "not the password").await;
        assert_eq!(kind(&refused), (401, "wrong-credentials"));
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert_eq!(app.accounts.passwords.verified() - before, 1, "{email}");
        refused.body["timestamp"] = Value::Null;
        bodies.insert(refused.body.to_string());
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_make_one_address_wait_in_every_process_and_no_other() {
    let shop = Shop::new().await;
    let (app, other) = (shop.start().await, shop.start().await);
    account(&app, ANN, Role::Viewer).await;
    let stranger = [127, 0, 0, 2];
    for _ in 0..5 {
        let refused = login_from(&app, stranger, ANN, "a guess").await;
        assert_eq!(kind(&refused), (401, "wrong-credentials"));
    }
    let before = app.accounts.passwords.verified() + other.accounts.passwords.verified();
    let mut waits = Vec::new();
    for app in [&app, &other] {
        // Not even the right one is looked at.
        let refused = login_from(app, stranger, ANN, PASSWORD).await;
        assert_eq!(kind(&refused), (429, "too-many-attempts"));
        waits.push(refused.header("retry-after").parse::<u32>().expect("seconds"));
        assert_eq!(refused.body["retryAfter"], waits[waits.len() - 1]);
    }
    assert!(waits.iter().all(|wait| (1..=2).contains(wait)), "{waits:?}");
    let after = app.accounts.passwords.verified() + other.accounts.passwords.verified();
    assert_eq!(after, before);
    // The wait over, one more failure makes the next twice as long.
    let attempts = shop.database.collection::<bson::Document>("sign_in_attempts");
    let past = doc! { "$set": { "until": bson::DateTime::now() } };
    attempts.update_many(doc! {}, past).await.expect("time goes by");
    let refused = login_from(&app, stranger, ANN, "a guess").await;
    assert_eq!(kind(&refused), (401, "wrong-credentials"));
    let refused = login_from(&app, stranger, ANN, PASSWORD).await;
    assert!(["3", "4"].contains(&refused.header("retry-after")), "{refused:?}");

    let owner = login_from(&app, [127, 0, 0, 1], ANN, PASSWORD).await;
    assert_eq!(owner.status, 200, "the owner is not kept out: {owner:?}");
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_strangers_slow_an_account_down_but_not_where_its_owner_has_been() {
    let (_shop, app, _) = shop_of_ann().await;
    let home = [127, 0, 0, 1];
    assert_eq!(login_from(&app, home, ANN, PASSWORD).await.status, 200);
    for stranger in 0..50_u8 {
        let refused = login_from(&app, [127, 0, 1, stranger], ANN, "a guess").await;
        assert_eq!(kind(&refused), (401, "wrong-credentials"), "{stranger}");
    }
    let elsewhere = login_from(&app, [127, 0, 2, 1], ANN, PASSWORD).await;
    assert_eq!(kind(&elsewhere), (429, "too-many-attempts"));
    assert_eq!(login_from(&app, home, ANN, PASSWORD).await.status, 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_kind_writes_that_kind_alone() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let key = key::make("till", &[Scope::EventsWrite(Some(Kind::Transaction))], "command", None);
    app.platform.insert_key(&key.row).await.expect("a key");
    let send = |path: &str, body: &Value| {
        let request = shop.request(&app, Method::POST, path).header("x-api-key", &key.text);
        answer(request.body(body.to_string()))
    };
    let transaction = sale("t1", "ann", 1, json!({}));
    assert_eq!(send("/api/events/transaction", &transaction).await.status, 200);
    let stock = json!({ "productId": "mug", "stock": 3 });
    let refused = send("/api/events/stock", &stock).await;
    assert_eq!(kind(&refused), (403, "forbidden"));
    assert_eq!(refused.body["required"], "events:write:stock");
    let both = json!([
        { "kind": "stock", "data": stock },
        { "kind": "transaction", "data": sale("t2", "ann", 1, json!({})) },
    ]);
    let some = send("/api/events", &both).await;
    let results = &some.body["data"]["results"];
    assert_eq!((some.status, &results[1]["status"]), (207, &json!("accepted")), "{some:?}");
    assert_eq!(
        (&results[0]["status"], &results[0]["errors"][0]["field"]),
        (&json!("rejected"), &json!("kind"))
    );
    let refused =
        answer(shop.request(&app, Method::GET, "/api/metrics/sales").bearer_auth(&key.text));
    assert_eq!(kind(&refused.await), (403, "forbidden"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_admin_is_made_once_and_registration_can_be_off() {
    let mut shop = Shop::new().await;
    shop.settings.registration = adaptive_bi::config::Switch::Off;
    shop.settings.admin_email = Some("Root@example.org".to_owned());
    shop.settings.admin_password = Some(PASSWORD.to_owned().into());
    let app = shop.start().await;
    let signed_in = login(&shop, &app, "root@example.org", PASSWORD).await;
    assert_eq!(signed_in.body["user"]["role"], "admin", "{signed_in:?}");
    let body = json!({ "email": ANN, "password": PASSWORD });
    let refused = post(&shop, &app, "/api/auth/register", &body).await;
    assert_eq!(kind(&refused), (403, "registration-off"));
    app.stop().await.expect("stopped");
    shop.settings.admin_email = Some("second@example.org".to_owned());
    let app = shop.start().await;
    assert_eq!(login(&shop, &app, "second@example.org", PASSWORD).await.status, 401);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_has_who_signed_in_and_who_was_refused_and_no_secret() {
    let (shop, app, ann) = shop_of_ann().await;
    login(&shop, &app, ANN, "a wrong guess").await;
    let signed_in = login(&shop, &app, ANN, PASSWORD).await;
    let token = signed_in.body["token"].as_str().expect("a token");
    tell(&shop, &app, "/api/events", token, &json!([])).await;
    let rows = shop.database.collection::<bson::Document>("audit");
    let find = |filter: bson::Document| {
        let rows = rows.clone();
        async move { rows.find_one(filter).await.expect("asked").expect("a row") }
    };
    let actor = format!("user:{}", ann.id);
    let failed = find(doc! { "action": "sign-in", "done": false }).await;
    assert_eq!(failed.get_str("target").ok(), Some(&*actor));
    assert_eq!(failed.get_str("address").ok(), Some("127.0.0.1"));
    assert!(failed.get_str("requestId").is_ok());
    find(doc! { "action": "sign-in", "done": true, "actor": &actor }).await;
    let refused = find(doc! { "action": "access", "done": false, "actor": &actor }).await;
    assert_eq!(refused.get_str("target").ok(), Some("POST /api/events"));
    let all: Vec<bson::Document> = {
        use futures_util::TryStreamExt;
        rows.find(doc! {}).await.expect("asked").try_collect().await.expect("rows")
    };
    let text = format!("{all:?}");
    for secret in [PASSWORD, "a wrong guess", token] {
        assert!(!text.contains(secret));
    }
    app.stop().await.expect("stopped");
}

/// The program's own log at every level, from all tests that run meanwhile.
#[derive(Clone)]
struct Log;

static LOGGED: std::sync::Mutex<Vec<u8>> = std::sync::Mutex::new(Vec::new());

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_or_token_is_in_the_log() {
    let filter: Targets =
        "adaptive_bi=trace,store=trace,stream=trace,access=trace".parse().expect("levels");
    let lines = tracing_subscriber::fmt::layer().with_writer(|| Log).with_ansi(false);
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    tracing::subscriber::set_global_default(subscriber).expect("the only one of this process");
    let shop = Shop::new().await;
    let app = shop.start().await;
    let secret = "planted-Kx7#Qz-password";
    let body = json!({ "email": ANN, "password": secret });
    let registered = post(&shop, &app, "/api/auth/register", &body).await;
    login(&shop, &app, ANN, "planted-wrong-password").await;
    post(&shop, &app, "/api/auth/password/forgot", &json!({ "email": ANN })).await;
    let token = registered.body["token"].as_str().expect("a token").to_owned();
    let refresh = registered.body["data"]["refreshToken"].as_str().expect("a token").to_owned();
    post(&shop, &app, "/api/auth/refresh", &json!({ "refreshToken": refresh })).await;
    ask(&shop, &app, Method::GET, "/api/auth/me", &token).await;
    ask(&shop, &app, Method::GET, "/api/auth/me", "planted.bad.token").await;
    ask(&shop, &app, Method::GET, "/api/auth/me", "abi_planted-key").await;
    app.stop().await.expect("stopped");
    let log = String::from_utf8(LOGGED.lock().expect("the log").clone()).expect("text");
    let line = log.lines().find(|it| it.contains("path=\"/api/auth/login\""));
    assert!(line.is_some(), "nothing was logged");
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    for secret in [secret, "planted", &token, &signature, &refresh, &shop.key, ANN, "argon2id"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
