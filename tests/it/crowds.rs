//! Crowds of strangers, who keep nobody from signing in; and the secret behind it.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role::Viewer;
use mongodb::bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::harness::{Answer, Shop, answer, until};
use crate::people::{ANN, PASSWORD, account, kind, login_from, post, session, shop_of_ann};

/// Ann's address.
const HOME: [u8; 4] = [127, 0, 0, 9];

/// Posts from an address of this machine.
async fn post_from(app: &App, address: [u8; 4], path: &str, body: &Value) -> Answer {
    let client = reqwest::Client::builder().local_address(IpAddr::from(address));
    let client = client.pool_max_idle_per_host(0).build().expect("a client");
    answer(client.post(format!("http://{}{path}", app.address)).body(body.to_string())).await
}

/// Strangers who send requests again and again for as long as this is held: at fourteen addresses,
/// sixty at each.
fn crowd(app: &App, path: &str, password: &'static str) -> Vec<AbortOnDropHandle<()>> {
    let url = format!("http://{}{path}", app.address);
    let mut all = Vec::new();
    for address in 0..14 {
        let client = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 3, address]));
        let client = client.build().expect("a client");
        for n in 0..60 {
            let (client, url) = (client.clone(), url.clone());
            let asking = async move {
                for again in 0.. {
                    let email = format!("stranger-{address}-{n}-{again}@example.org");
                    let body = json!({ "email": email, "password": password }).to_string();
                    // Refused or not, it is asked again.
                    let _ = client.post(&url).body(body).send().await;
                }
            };
            all.push(AbortOnDropHandle::new(tokio::spawn(asking)));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_register_keep_nobody_from_signing_in() {
    let (shop, app, _) = shop_of_ann().await;
    let app = std::sync::Arc::new(app);
    let crowd = crowd(&app, "/api/auth/register", PASSWORD);
    let accounts = shop.database.collection::<Document>("accounts");
    let mut logins = Vec::new();
    for step in 1..=6 {
        until("more strangers", || async {
            let number = accounts.count_documents(doc! {}).await.expect("a count");
            if number > 50 * step { Ok(()) } else { Err(format!("{number}")) }
        })
        .await;
        let app = app.clone();
        logins.push(tokio::spawn(async move { login_from(&app, HOME, ANN, PASSWORD).await }));
    }
    for login in logins {
        let signed_in = login.await.expect("an answer");
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
    }
    drop(crowd);
    let app = std::sync::Arc::into_inner(app).expect("nobody else's");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_guess_keep_nobody_from_signing_in_and_least_who_was_here_before() {
    let (_shop, app, _) = shop_of_ann().await;
    let app = std::sync::Arc::new(app);
    account(&app, "bob@example.org", Viewer).await;
    assert_eq!(login_from(&app, HOME, ANN, PASSWORD).await.status, 200);
    let crowd = crowd(&app, "/api/auth/login", "a wrong guess");
    let before = app.accounts.passwords.verified();
    let mut logins = Vec::new();
    for step in 1..=6_u8 {
        until("more guesses", || async {
            let number = app.accounts.passwords.verified() - before;
            if number > 40 * u64::from(step) { Ok(()) } else { Err(format!("{number}")) }
        })
        .await;
        let app = app.clone();
        logins.push(tokio::spawn(async move {
            let known = login_from(&app, HOME, ANN, PASSWORD);
            let new = login_from(&app, [127, 0, 0, 20 + step], "bob@example.org", PASSWORD);
            let (known, new) = tokio::join!(known, new);
            (known.status, new.status)
        }));
    }
    for login in logins {
        assert_eq!(login.await.expect("answers"), (200, 200));
    }
    drop(crowd);
    let app = std::sync::Arc::into_inner(app).expect("nobody else's");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_sign_ins_of_an_address_keep_none_of_its_sessions_from_going_on() {
    let mut shop = Shop::new().await;
    shop.settings.door.rate_limit_max_sign_in_failures = 2;
    let app = shop.start().await;
    let ann = account(&app, ANN, Viewer).await;
    let begun = session(&app, &ann).await;
    for _ in 0..2 {
        let refused = login_from(&app, [127, 0, 0, 1], "nobody@example.org", "a guess").await;
        assert_eq!(kind(&refused), (401, "wrong-credentials"));
    }
    let refused = login_from(&app, [127, 0, 0, 1], ANN, PASSWORD).await;
    assert_eq!(kind(&refused), (429, "rate-limited"));
    let body = json!({ "refreshToken": begun.refresh_token.expose() });
    let refreshed = post(&shop, &app, "/api/auth/refresh", &body).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    app.stop().await.expect("stopped");
}

/// The service with the secret that is kept in a folder, or the reason why it does not start.
async fn started(shop: &Shop, folder: &Path) -> Result<App, String> {
    let mut settings = shop.settings.clone();
    settings.jwt_secret = None;
    settings.data_dir = folder.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (nats, mongodb) = (settings.nats_url.clone(), settings.mongodb_uri.clone());
    let (nats, mongodb) = (nats.expect("given"), mongodb.expect("given"));
    let app = App::start(&settings, listener, &nats, &mongodb).await;
    app.map_err(|error| format!("{error:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_secret_that_is_none_or_no_secret_is_refused_by_a_sentence() {
    let shop = Shop::new().await;
    let folder = std::env::temp_dir().join(format!("adaptive-bi-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("jwt-secret");
    let long = vec![b'x'; 100_000];
    for (bytes, mode, said) in [
        (&b""[..], 0o600, "0 bytes"),
        (b"hunter2", 0o600, "7 bytes"),
        (&long, 0o600, "more than"),
        (&long[..32], 0o644, "chmod 600"),
        (&long[..32], 0o640, "chmod 600"),
        (&long[..32], 0o602, "chmod 600"),
    ] {
        std::fs::write(&file, bytes).expect("written");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("set");
        let error = match started(&shop, &folder).await {
            Ok(app) => {
                app.stop().await.expect("stopped");
                panic!("{} bytes, mode {mode:o}, were taken without a word", bytes.len());
            }
            Err(error) => error,
        };
        assert!(error.contains(said) && error.contains("jwt-secret"), "{mode:o}: {error}");
        assert!(!error.contains("hunter2") && !error.contains("xxx"), "{error}");
        std::fs::remove_file(&file).expect("removed");
    }
    std::fs::create_dir(&file).expect("a folder");
    let error = started(&shop, &folder).await.err().expect("refused");
    assert!(error.contains("not a file"), "{error}");
    std::fs::remove_dir(&file).expect("removed");
    let app = started(&shop, &folder).await.expect("one is made where there is none");
    app.stop().await.expect("stopped");
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_makes_so_many_accounts_an_hour_and_what_fails_does_not_count() {
    let mut shop = Shop::new().await;
    shop.settings.door.rate_limit_max_registrations = 2;
    let app = shop.start().await;
    let register = async |address: u8, name: &str, password: &str| {
        let body = json!({ "email": format!("{name}@example.org"), "password": password });
        post_from(&app, [127, 0, 0, address], "/api/auth/register", &body).await
    };
    assert_eq!(register(7, "a", PASSWORD).await.status, 201);
    assert_eq!(register(7, "b", "weak").await.status, 400);
    assert_eq!(register(7, "a", PASSWORD).await.status, 409);
    assert_eq!(register(7, "b", PASSWORD).await.status, 201);
    let refused = register(7, "c", PASSWORD).await;
    assert_eq!(kind(&refused), (429, "rate-limited"), "{refused:?}");
    assert!(refused.header("ratelimit").starts_with("\"register\";r=0;"), "{refused:?}");
    assert_eq!(register(8, "c", PASSWORD).await.status, 201, "another address");
    let signed_in = login_from(&app, [127, 0, 0, 7], "a@example.org", PASSWORD).await;
    assert_eq!(signed_in.status, 200, "who has an account signs in");
    let request = shop.request(&app, Method::GET, "/health/live");
    assert_eq!(answer(request).await.status, 200);
    app.stop().await.expect("stopped");
}
