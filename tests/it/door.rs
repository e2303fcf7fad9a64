//! The door: limits by caller and address, other origins, headers for browsers, the access log.

use std::time::Duration;

use adaptive_bi::app::App;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::sale;
use crate::harness::{Answer, Shop, answer, until};
use crate::serve::{program, start};

const ORIGIN: &str = "https://shop.example.org";
pub const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A caller at an address of this machine.
struct From<'a> {
    app: &'a App,
    address: [u8; 4],
    key: &'a str,
}

impl From<'_> {
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(method, path, headers, "").await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let client = reqwest::Client::builder().local_address(std::net::IpAddr::from(self.address));
        let client = client.build().expect("a client");
        let request = client.request(method, format!("http://{}{path}", self.app.address));
        let request = request.header("x-api-key", self.key);
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        answer(request.body(body)).await
    }
}

/// A client with an address that no other request of the test comes from.
fn stranger<'a>(shop: &'a Shop, app: &'a App) -> From<'a> {
    From { app, address: [127, 0, 0, 2], key: &shop.key }
}

/// A client at the address that is trusted if a test trusts one.
fn proxy<'a>(shop: &'a Shop, app: &'a App) -> From<'a> {
    From { app, address: [127, 0, 0, 3], key: &shop.key }
}

/// The service with read models.
async fn ready(shop: &Shop) -> App {
    let app = shop.launch().await;
    until("readiness", || async {
        let ready = shop.get(&app, "/health/ready").await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    app
}

fn assert_limited(answer: &Answer, policy: &str) {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.body["type"], "rate-limited");
    let retry_after: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!(retry_after >= 1 && answer.body["retryAfter"] == json!(retry_after), "{answer:?}");
    assert_eq!(answer.body["error"]["code"], 429);
    assert!(answer.header("ratelimit").starts_with(policy), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_may_ask_so_often_and_health_may_always() {
    let mut shop = Shop::new().await;
    shop.settings.door.rate_limit_max_requests = 3;
    let app = ready(&shop).await;
    let client = stranger(&shop, &app);
    for left in ["2", "1", "0"] {
        let answer = client.get("/api/metrics/sales", &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("ratelimit-policy"), "\"api\";q=3;w=60");
        let fields = answer.header("ratelimit");
        assert!(fields.starts_with(&format!("\"api\";r={left};t=")), "{fields}");
        let old = ["limit", "remaining"].map(|it| answer.header(&format!("ratelimit-{it}")));
        assert_eq!(old, ["3", left]);
        assert!(fields.ends_with(&format!(";t={}", answer.header("ratelimit-reset"))), "{fields}");
    }
    assert_limited(&client.get("/api/metrics/sales", &[]).await, "\"api\";r=0;");
    assert_limited(&client.get("/api/dashboard/summary", &[]).await, "\"api\";r=0;");
    for path in ["/health/live", "/", POLLING] {
        let answer = client.get(path, &[]).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, ""), "{path}");
    }
    let key = shop.another_key().await;
    let other = From { key: &key, ..client };
    assert_eq!(other.get("/api/metrics/sales", &[]).await.status, 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_says_of_its_address_changes_nothing_and_what_a_trusted_proxy_says_does() {
    let mut shop = Shop::new().await;
    shop.settings.door.rate_limit_max_address_requests = 1;
    shop.settings.door.trusted_proxies = "127.0.0.3".parse().expect("an address");
    let app = ready(&shop).await;
    let path = "/api/nothing";
    assert_eq!(stranger(&shop, &app).get(path, &[]).await.status, 404);
    for n in 0..3 {
        let made_up = format!("192.0.2.{n}");
        for header in
            [("X-Forwarded-For", made_up.clone()), ("Forwarded", format!("for={made_up}"))]
        {
            let answer = stranger(&shop, &app).get(path, &[(header.0, &header.1)]).await;
            assert_limited(&answer, "\"address\"");
        }
        let answer = proxy(&shop, &app).get(path, &[("X-Forwarded-For", &made_up)]).await;
        assert_eq!(answer.status, 404, "each is a client of its own: {answer:?}");
        let chain = format!("198.51.100.1, {made_up}");
        assert_limited(
            &proxy(&shop, &app).get(path, &[("X-Forwarded-For", &chain)]).await,
            "\"address\"",
        );
    }
    let by_tls = [("X-Forwarded-Proto", "https")];
    let hsts = proxy(&shop, &app).get("/health/live", &by_tls).await;
    assert_eq!(hsts.header("strict-transport-security"), "max-age=31536000");
    let none = stranger(&shop, &app).get("/health/live", &by_tls).await;
    assert_eq!((none.status, none.header("strict-transport-security")), (200, ""));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_may_ask_so_often_whoever_it_says_it_is() {
    let mut shop = Shop::new().await;
    shop.settings.door.rate_limit_max_address_requests = 2;
    let app = ready(&shop).await;
    let client = stranger(&shop, &app);
    assert_eq!(client.get("/api/nothing", &[]).await.header("ratelimit"), "\"address\";r=1;t=30");
    assert_eq!(client.send(Method::POST, "/api/events", &[], "").await.status, 400);
    assert_limited(&client.get("/api/metrics/sales", &[]).await, "\"address\";r=0;");
    assert_limited(&client.send(Method::POST, "/api/events", &[], "[]").await, "\"address\"");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_counted_and_a_batch_that_is_too_much_is_not_taken() {
    let mut shop = Shop::new().await;
    shop.settings.door.rate_limit_max_events = 10;
    let app = ready(&shop).await;
    let batch = |from: usize, n: usize| {
        let sales = (from..from + n).map(|n| sale(&format!("t{n}"), "ann", 1, json!({})));
        Value::Array(sales.collect()).to_string()
    };
    let client = stranger(&shop, &app);
    let send = |body: String| client.send(Method::POST, "/api/events/transaction", &[], body);
    let taken = send(batch(0, 6)).await;
    assert_eq!((taken.status, &taken.body["data"]["accepted"]), (200, &json!(6)), "{taken:?}");
    assert_eq!(taken.header("ratelimit-policy"), "\"ingest\";q=10;w=60;qu=\"events\"");
    assert!(taken.header("ratelimit").starts_with("\"ingest\";r=4;t="), "{taken:?}");
    assert_limited(&send(batch(6, 9)).await, "\"ingest\";r=4;");
    assert_eq!(send(batch(6, 4)).await.body["data"]["position"], 10, "nothing else came between");
    let unread = "x".repeat(9 << 20);
    assert_limited(&send(unread).await, "\"ingest\";r=0;");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_that_fail_are_counted() {
    let mut shop = Shop::new().await;
    shop.settings.door.rate_limit_max_sign_in_failures = 2;
    let app = ready(&shop).await;
    let sign_in = || async {
        let headers = [("content-type", "application/json")];
        let body = json!({ "email": "nobody@example.org", "password": "not the password" });
        stranger(&shop, &app)
            .send(Method::POST, "/api/auth/login", &headers, body.to_string())
            .await
    };
    for left in ["1", "0"] {
        let failed = sign_in().await;
        assert!((400..429).contains(&failed.status), "{failed:?}");
        let fields = failed.header("ratelimit");
        assert!(fields.starts_with(&format!("\"sign-in\";r={left};t=")), "{fields}");
    }
    assert_limited(&sign_in().await, "\"sign-in\";r=0;");
    assert_eq!(stranger(&shop, &app).get("/health/live", &[]).await.status, 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_listed_origin_may_read_every_answer_and_others_none() {
    let mut shop = Shop::new().await;
    shop.settings.door.cors_origin = ORIGIN.parse().expect("an origin");
    shop.settings.door.rate_limit_max_requests = 6;
    let app = ready(&shop).await;
    let client = stranger(&shop, &app);
    for path in ["/api/metrics/sales", POLLING] {
        let asked = [
            ("Origin", ORIGIN),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "x-min-position,traceparent,x-request-id"),
        ];
        let preflight = client.ask(Method::OPTIONS, path, &asked).await;
        let header = |name| preflight.header(name);
        assert_eq!((preflight.status, header("access-control-allow-origin")), (200, ORIGIN));
        assert_eq!(header("access-control-allow-credentials"), "true");
        assert_eq!(header("access-control-max-age"), "86400");
        assert_eq!(header("access-control-allow-methods"), "GET,POST,PUT,DELETE,PATCH,OPTIONS");
        assert_eq!(
            header("access-control-allow-headers"),
            "content-type,authorization,origin,accept,x-requested-with,company,traceparent,\
             x-request-id,x-api-key,x-min-position,prefer,if-none-match,last-event-id,\
             content-encoding,tracestate,baggage"
        );
    }
    let too_long = [("Origin", ORIGIN), ("content-length", "10485761")];
    let answers = [
        (client.get("/api/metrics/sales", &[("Origin", ORIGIN)]).await, 200),
        (client.get(POLLING, &[("Origin", ORIGIN)]).await, 200),
        (client.get("/socket.io/?EIO=1", &[("Origin", ORIGIN)]).await, 400),
        (client.get("/api/nothing", &[("Origin", ORIGIN)]).await, 404),
        (client.ask(Method::DELETE, "/api/metrics/sales", &[("Origin", ORIGIN)]).await, 405),
        (client.send(Method::POST, "/api/events", &too_long, vec![b' '; 10_485_761]).await, 413),
    ];
    for (answer, status) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN, "{answer:?}");
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "x-position,x-lag,x-halted,etag,retry-after,ratelimit,ratelimit-policy,ratelimit-limit,\
             ratelimit-remaining,ratelimit-reset,x-total-count,preference-applied,x-request-id"
        );
    }
    loop {
        let answer = client.get("/api/metrics/sales", &[("Origin", ORIGIN)]).await;
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN, "{answer:?}");
        if answer.status == 429 {
            break;
        }
    }
    let other = client.get("/health/live", &[("Origin", "https://example.net")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_origin_may_read_without_credentials_where_that_is_set_and_none_by_default() {
    let mut shop = Shop::new().await;
    let app = ready(&shop).await;
    let answer = stranger(&shop, &app).get("/health/live", &[("Origin", ORIGIN)]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
    app.stop().await.expect("stopped");
    shop.settings.door.cors_origin = "*".parse().expect("any");
    let app = ready(&shop).await;
    let answer = stranger(&shop, &app).get("/health/live", &[("Origin", ORIGIN)]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_answer_tells_browsers_what_to_keep_to() {
    let mut shop = Shop::new().await;
    shop.settings.door.rate_limit_max_requests = 1;
    let app = ready(&shop).await;
    let client = stranger(&shop, &app);
    let nothing = "default-src 'none'; frame-ancestors 'none'";
    for (method, path, status) in [
        (Method::GET, "/api/metrics/sales", 200),
        (Method::POST, "/api/metrics/sales", 405),
        (Method::GET, "/api/metrics/sales", 429),
        (Method::GET, "/api/nothing", 404),
        (Method::GET, "/nothing", 404),
        (Method::POST, "/api/events", 400),
        (Method::GET, "/health/live", 200),
        (Method::GET, POLLING, 200),
        (Method::GET, "/socket.io/?EIO=1", 400),
    ] {
        let answer = client.ask(method, path, &[]).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.header("content-security-policy"), nothing, "{path}");
        assert_kept(&answer);
    }
    let page = client.get("/", &[]).await;
    assert_kept(&page);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    app.stop().await.expect("stopped");
}

/// Checks the headers that every answer has.
pub fn assert_kept(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    assert!(answer.header("permissions-policy").contains("camera=()"));
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(answer.header("strict-transport-security"), "");
    assert!(!answer.header("x-request-id").is_empty(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_is_compressed_for_who_takes_it_and_has_the_same_tag() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let day = |n: i64| (chrono::Utc::now() - chrono::TimeDelta::days(n)).to_rfc3339();
    let sales: Vec<_> = (0..25)
        .map(|n| json!({ "transactionDate": day(n) }))
        .enumerate()
        .map(|(n, at)| ("transaction", sale(&format!("t{n}"), "ann", 1, at)))
        .collect();
    let position = shop.publish_all(&sales).await;
    shop.data(&app, "/api/metrics/sales", position).await;
    let gzip = [("Accept-Encoding", "gzip")];
    let plain = shop.get(&app, "/api/metrics/sales").await;
    let packed = shop.get_with(&app, "/api/metrics/sales", &gzip).await;
    assert_eq!((plain.status, plain.header("content-encoding")), (200, ""));
    assert_eq!((packed.status, packed.header("content-encoding")), (200, "gzip"), "{packed:?}");
    assert_eq!(packed.header("etag"), plain.header("etag"));
    assert!(packed.header("etag").starts_with("W/"));
    for answer in [&plain, &packed] {
        assert!(answer.header("vary").contains("accept-encoding"), "{answer:?}");
    }
    let known = [("Accept-Encoding", "gzip"), ("If-None-Match", plain.header("etag"))];
    let known = shop.get_with(&app, "/api/metrics/sales", &known).await;
    assert_eq!((known.status, known.header("content-encoding")), (304, ""));
    assert!(known.header("vary").contains("accept-encoding"));
    for path in ["/health/live", POLLING] {
        let answer = shop.get_with(&app, path, &gzip).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, ""), "{path}");
    }
    app.stop().await.expect("stopped");
}

/// Every part of a request that can contain a secret is given one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_log_has_a_line_for_every_request_and_no_secret() {
    let shop = Shop::new().await;
    let (mut serve, mut log) = start(
        program(&["serve"])
            .envs(shop.environment())
            .envs([("LOG_LEVEL", "trace"), ("NO_COLOR", "1"), ("TRUSTED_PROXIES", "127.0.0.0/8")])
            .env("FRONTEND_URL", ORIGIN),
    );
    let mut lines = Vec::new();
    let mut until_line = async |what: &str| {
        let found = tokio::time::timeout(Duration::from_mins(1), async {
            loop {
                let line = log.next_line().await.expect("a line").expect("more lines");
                lines.push(line.clone());
                if line.contains(what) {
                    return line;
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("no {what}"))
    };
    let listening = until_line("listening").await;
    let address = listening.split("address=").nth(1).expect("an address").trim();
    let client = reqwest::Client::new();
    for (id, path) in [
        ("it-1", "/api/metrics/sales?token=sesame"),
        ("it-2", "/api/nothing?token=sesame"),
        ("it-3", "/socket.io/?EIO=4&transport=polling&token=sesame"),
        ("it-4", "/api/events?token=sesame"),
    ] {
        let request = client
            .post(format!("http://{address}{path}"))
            .header("X-Request-Id", id)
            .header("X-Forwarded-For", "192.0.2.7")
            .header("Authorization", "Bearer sesame")
            .header("X-API-Key", "sesame")
            .header("Cookie", "session=sesame")
            .header("Origin", ORIGIN)
            .body(r#"{"kind":"customer","data":{"userId":7,"email":"sesame"}}"#);
        let answer = answer(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN, "the old name is read");
        let status = answer.status;
        let line = until_line(&format!("id=\"{id}\" client=")).await;
        let bare = path.split('?').next().expect("a path");
        for part in [
            " INFO access: ",
            "method=POST",
            &format!("path=\"{bare}\""),
            &format!("status={status}"),
            "ms=",
            "bytes=",
            "client=192.0.2.7",
        ] {
            assert!(line.contains(part), "{part} of {line}");
        }
    }
    serve.kill().await.expect("killed");
    let told: Vec<_> = lines.iter().filter(|line| line.contains("sesame")).collect();
    assert!(told.is_empty(), "{told:#?}");
}

#[tokio::test]
async fn what_is_set_wrong_is_said_before_anything_is_started() {
    for (name, value, said) in [
        ("CORS_ORIGIN", "*, https://shop.example.org", "cannot be among others"),
        ("FRONTEND_URL", "shop.example.org", "shop.example.org is no origin"),
        ("TRUSTED_PROXIES", "proxy.local", "proxy.local is no address"),
    ] {
        let ended = program(&["serve"]).env(name, value).output().await.expect("it ends");
        let error = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && error.contains(said), "{error}");
    }
}
