//! Every route with every kind of caller: the ones that are let in, and the answers to the others.

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::auth::token::{ACCESS, AUDIENCE, ISSUER};
use adaptive_bi::rights::role::Role::{self, Admin, Analyst, Manager, Viewer};
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::store::platform::accounts::Account;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, JWT_SECRET, Shop, answer};
use crate::people::{account, session};

/// The callers that are let in.
enum Who {
    /// All callers, with any credentials or none.
    Everybody,
    /// Persons of these roles, and programs whose key has one of these scopes.
    Some(&'static [Role], &'static [&'static str]),
}

/// A route, the body to send to it, and the status for a caller who is let in.
struct Row {
    method: Method,
    path: &'static str,
    body: &'static str,
    status: u16,
    who: Who,
}

const ALL: &[Role] = &Role::ALL;
const READS: &[&str] = &["metrics:read"];
const FOLLOWS: &[&str] = &["push:subscribe"];
const WRITES: &[&str] = &["events:write", "events:write:stock"];

#[allow(clippy::too_many_lines)] // a table
fn rows() -> Vec<Row> {
    let row = |method, path, body, status, who| Row { method, path, body, status, who };
    let get = |path, status, who| row(Method::GET, path, "", status, who);
    let post = |path, body, status, who| row(Method::POST, path, body, status, who);
    let everybody = || Who::Everybody;
    let signed_in = || Who::Some(ALL, &[]);
    let password = r#"{"currentPassword":"x","newPassword":"y"}"#;
    vec![
        get("/", 200, everybody()),
        get("/assets/{name}", 404, everybody()),
        get("/api/about", 200, everybody()),
        get("/docs", 200, everybody()),
        get("/docs/swagger-ui.css", 200, everybody()),
        get("/docs/swagger-ui.js", 200, everybody()),
        get("/api/openapi.json", 200, everybody()),
        get("/api/asyncapi.json", 200, everybody()),
        get("/health", 200, everybody()),
        get("/health/live", 200, everybody()),
        get("/health/ready", 200, everybody()),
        get("/api/metrics/sales", 200, Who::Some(ALL, READS)),
        get("/api/metrics/transactions", 200, Who::Some(ALL, READS)),
        get("/api/metrics/revenue", 200, Who::Some(ALL, READS)),
        get("/api/metrics/users", 200, Who::Some(ALL, READS)),
        get("/api/metrics/dashboard", 200, Who::Some(ALL, READS)),
        get("/api/metrics/behaviour", 200, Who::Some(ALL, READS)),
        get("/api/metrics/actives", 200, Who::Some(ALL, READS)),
        get("/api/metrics/sessions", 200, Who::Some(ALL, READS)),
        get("/api/metrics/funnel", 200, Who::Some(ALL, READS)),
        get("/api/metrics/retention", 200, Who::Some(ALL, READS)),
        get("/api/metrics/segments", 200, Who::Some(ALL, READS)),
        get("/api/metrics/feedback", 200, Who::Some(ALL, READS)),
        get("/api/metrics/live", 200, Who::Some(ALL, READS)),
        get("/api/metrics/products", 200, Who::Some(ALL, READS)),
        get("/api/metrics/customers", 200, Who::Some(ALL, READS)),
        get("/api/dashboard/summary", 200, Who::Some(ALL, READS)),
        get("/api/dashboard/overview", 200, Who::Some(ALL, READS)),
        get("/api/metrics/performance", 200, Who::Some(&[Admin], &[])),
        get("/api/dashboard/batch", 400, Who::Some(ALL, READS)),
        get("/api/dashboard/config", 200, signed_in()),
        post("/api/dashboard/config", "{}", 400, signed_in()),
        get("/api/dashboard/widgets/{id}/data", 404, Who::Some(ALL, READS)),
        get("/api/stream", 400, Who::Some(ALL, FOLLOWS)),
        get("/api/ws", 426, Who::Some(ALL, FOLLOWS)),
        post("/api/stream/ticket", "", 200, Who::Some(ALL, FOLLOWS)),
        get("/api/stream/connections", 200, Who::Some(&[Admin], &[])),
        post("/api/alerts/broadcast", "{}", 400, Who::Some(&[Admin], &[])),
        get("/api/alerts", 200, signed_in()),
        post("/api/alerts", "{}", 400, signed_in()),
        get("/api/alerts/history", 200, signed_in()),
        get("/api/alerts/{id}", 404, signed_in()),
        row(Method::PUT, "/api/alerts/{id}", "{}", 404, signed_in()),
        row(Method::DELETE, "/api/alerts/{id}", "", 404, signed_in()),
        get("/api/ai/forecast", 200, signed_in()),
        get("/api/ai/anomaly", 200, signed_in()),
        get("/api/ai/recommendations", 200, signed_in()),
        get("/api/ai/models", 200, signed_in()),
        get("/api/health", 200, everybody()),
        get("/api/health/detailed", 200, Who::Some(&[Admin], &[])),
        get("/api/metrics/explain", 200, Who::Some(ALL, READS)),
        get("/api/metrics/sales/customers", 200, Who::Some(ALL, READS)),
        get("/api/metrics/actives/customers", 200, Who::Some(ALL, READS)),
        get("/api/metrics/funnel/customers", 200, Who::Some(ALL, READS)),
        get("/api/metrics/retention/customers", 400, Who::Some(ALL, READS)),
        get("/api/products", 200, Who::Some(ALL, READS)),
        get("/api/products/{id}", 404, Who::Some(ALL, READS)),
        get("/api/customers", 200, Who::Some(ALL, READS)),
        get("/api/customers/{id}", 404, Who::Some(ALL, READS)),
        get("/api/orders", 200, Who::Some(ALL, READS)),
        get("/api/transactions", 200, Who::Some(ALL, READS)),
        get("/api/orders/{id}", 404, Who::Some(ALL, READS)),
        get("/api/transactions/{id}", 404, Who::Some(ALL, READS)),
        post("/api/events", "[]", 400, Who::Some(&[Admin], WRITES)),
        post("/api/events/{event}", "[]", 400, Who::Some(&[Admin], WRITES)),
        get("/api/events/{event}", 404, Who::Some(&[Admin], WRITES)),
        post("/api/auth/register", "{}", 400, everybody()),
        post("/api/auth/login", "{}", 400, everybody()),
        post("/api/auth/refresh", "{}", 400, everybody()),
        post("/api/auth/password/forgot", "{}", 400, everybody()),
        post("/api/auth/password/reset", "{}", 400, everybody()),
        get("/api/auth/me", 200, signed_in()),
        post("/api/auth/logout", "", 200, signed_in()),
        post("/api/auth/logout-all", "", 200, signed_in()),
        post("/api/auth/password", password, 400, signed_in()),
        get("/api/auth/sessions", 200, signed_in()),
        row(Method::DELETE, "/api/auth/sessions/{id}", "", 404, signed_in()),
        get("/api/users", 200, Who::Some(&[Admin, Manager], &[])),
        post("/api/users", "{}", 400, Who::Some(&[Admin], &[])),
        get("/api/users/stats/summary", 200, Who::Some(&[Admin, Manager], &[])),
        get("/api/users/{id}", 404, Who::Some(&[Admin, Manager], &[])),
        row(Method::PUT, "/api/users/{id}", "{}", 404, Who::Some(&[Admin], &[])),
        row(Method::DELETE, "/api/users/{id}", "", 404, Who::Some(&[Admin], &[])),
        post("/api/users/{id}/reactivate", "", 404, Who::Some(&[Admin], &[])),
        get("/api/keys", 200, Who::Some(&[Admin], &[])),
        post("/api/keys", "{}", 400, Who::Some(&[Admin], &[])),
        row(Method::DELETE, "/api/keys/{id}", "", 404, Who::Some(&[Admin], &[])),
        get("/api/audit", 200, Who::Some(&[Admin], &[])),
        get("/metrics", 200, Who::Some(&[Admin], &["metrics:scrape"])),
        get("/api/projections", 200, Who::Some(&[Admin], &[])),
        row(Method::DELETE, "/api/projections/rebuild", "", 404, Who::Some(&[Admin], &[])),
        post("/api/projections/switch", "{}", 404, Who::Some(&[Admin], &[])),
        post("/api/projections/rebuild", "", 202, Who::Some(&[Admin], &[])),
        get("/api/quarantine", 200, Who::Some(&[Admin, Manager], &[])),
        get("/api/quarantine/{position}", 404, Who::Some(&[Admin, Manager], &[])),
        post("/api/quarantine/replay", "", 400, Who::Some(&[Admin], &[])),
        post("/api/quarantine/{position}/replay", "", 404, Who::Some(&[Admin], &[])),
        post("/api/quarantine/{position}/discard", "{}", 400, Who::Some(&[Admin], &[])),
    ]
}

/// Tokens that are not valid, and the answer to each.
fn bad_tokens(good: &str, refresh: &str) -> Vec<(&'static str, String, &'static str)> {
    let header = jsonwebtoken::decode_header(good).expect("a header");
    let claims: Value = jsonwebtoken::dangerous::insecure_decode(good).expect("claims").claims;
    let signed = |secret: &str, change: &dyn Fn(&mut Value)| {
        let mut claims = claims.clone();
        change(&mut claims);
        let header = Header { kid: header.kid.clone(), ..Header::new(Algorithm::HS256) };
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&header, &claims, &key).expect("a token")
    };
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["typ"]),
        (&json!(ISSUER), &json!(AUDIENCE), &json!(ACCESS))
    );
    let [_, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let invalid = "token-invalid";
    vec![
        ("expired", signed(JWT_SECRET, &|it| it["exp"] = json!(1_700_000_000)), "token-expired"),
        ("alg none", format!("{none}.{body}."), invalid),
        ("alg none, signed", format!("{none}.{body}.{signature}"), invalid),
        ("another key", signed("another-secret-of-at-least-32-bytes", &|_| ()), invalid),
        ("another audience", signed(JWT_SECRET, &|it| it["aud"] = json!("another-api")), invalid),
        ("another type", signed(JWT_SECRET, &|it| it["typ"] = json!("refresh")), invalid),
        ("a refresh token", refresh.to_owned(), invalid),
        ("another session", signed(JWT_SECRET, &|it| it["sid"] = json!("none")), "session-ended"),
        ("another account", signed(JWT_SECRET, &|it| it["sub"] = json!("root")), "session-ended"),
        (
            "an unknown key",
            "abi_0000000000000000000000000000000000000000000".to_owned(),
            "key-invalid",
        ),
        ("no token at all", "nothing".to_owned(), invalid),
    ]
}

async fn send(shop: &Shop, app: &App, row: &Row, credential: Option<&str>) -> Answer {
    let event = if row.method == Method::GET { "7" } else { "stock" };
    let path =
        row.path.replace("{event}", event).replace("{id}", "none").replace("{position}", "7");
    let request = shop.request(app, row.method.clone(), &path).body(row.body);
    answer(credential.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth)).await
}

async fn people(app: &App) -> Vec<(Role, Account)> {
    let mut people = Vec::new();
    for role in [Admin, Manager, Analyst, Viewer] {
        people.push((role, account(app, &format!("{}@example.org", role.as_str()), role).await));
    }
    people
}

async fn keys(app: &App) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    for scope in [
        "events:write",
        "events:write:stock",
        "events:read",
        "metrics:read",
        "push:subscribe",
        "metrics:scrape",
    ] {
        let made = key::make(scope, &[Scope::parse(scope).expect("a scope")], "command", None);
        app.platform.insert_key(&made.row).await.expect("a key");
        keys.push((scope, made.text));
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_whom_the_table_names_and_nobody_else() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let rows = rows();
    let mut declared: Vec<_> =
        app.routes.iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    let mut written: Vec<_> = rows.iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    declared.sort();
    written.sort();
    assert_eq!(declared, written, "every route has a row here, and every row a route");

    let (people, keys) = (people(&app).await, keys(&app).await);
    let admin = session(&app, &people[0].1).await;
    let bad = bad_tokens(admin.token.expose(), admin.refresh_token.expose());
    for row in &rows {
        let name = format!("{} {}", row.method, row.path);
        let nobody = send(&shop, &app, row, None).await;
        let Who::Some(roles, scopes) = row.who else {
            assert_eq!(nobody.status, row.status, "{name}: {nobody:?}");
            for (what, token, _) in &bad {
                let looked = send(&shop, &app, row, Some(token)).await;
                assert_eq!(looked.status, row.status, "{name} with {what}");
            }
            continue;
        };
        assert_refused(&nobody, 401, "unauthenticated", &name);
        for (what, token, kind) in &bad {
            let refused = send(&shop, &app, row, Some(token)).await;
            assert_refused(&refused, 401, kind, &format!("{name} with {what}"));
        }
        for (role, account) in &people {
            // A session for each, as some routes end it.
            let token = session(&app, account).await.token;
            let answer = send(&shop, &app, row, Some(token.expose())).await;
            let name = format!("{name} as {}", role.as_str());
            if roles.contains(role) {
                assert_eq!(answer.status, row.status, "{name}: {answer:?}");
            } else {
                assert_refused(&answer, 403, "forbidden", &name);
            }
        }
        for (scope, key) in &keys {
            let answer = send(&shop, &app, row, Some(key)).await;
            let name = format!("{name} with a key for {scope}");
            if scopes.contains(scope) {
                assert_eq!(answer.status, row.status, "{name}: {answer:?}");
            } else {
                assert_refused(&answer, 403, "forbidden", &name);
            }
        }
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_that_is_read_answers_to_head_as_to_get() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let admin = account(&app, "admin@example.org", Admin).await;
    let token = session(&app, &admin).await.token;
    for mut row in rows().into_iter().filter(|row| row.method == Method::GET) {
        let got = send(&shop, &app, &row, Some(token.expose())).await;
        let event = row.path.replace("{event}", "7");
        row.method = Method::HEAD;
        row.path = event.leak();
        let head = send(&shop, &app, &row, Some(token.expose())).await;
        assert_eq!(
            (head.status, &head.body),
            (got.status, &Value::String(String::new())),
            "{}",
            row.path
        );
    }
    app.stop().await.expect("stopped");
}

fn assert_refused(answer: &Answer, status: u16, kind: &str, name: &str) {
    assert_eq!(
        (answer.status, answer.body["type"].as_str()),
        (status, Some(kind)),
        "{name}: {answer:?}"
    );
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("www-authenticate"), if status == 401 { "Bearer" } else { "" });
}
