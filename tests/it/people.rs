//! People of a shop: accounts of each role, signed in or about to.

use std::net::IpAddr;

use adaptive_bi::app::App;
use adaptive_bi::auth::accounts::{NewAccount, SignedIn};
use adaptive_bi::http::client::Origin;
use adaptive_bi::rights::role::Role;
use adaptive_bi::store::platform::accounts::Account;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Shop, answer};

/// A password that is no early guess.
pub const PASSWORD: &str = "seven lamps of 1849";

/// The e-mail of the person in [`shop_of_ann`].
pub const ANN: &str = "ann@example.org";

/// A shop that runs and has one account, a viewer's.
pub async fn shop_of_ann() -> (Shop, App, Account) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let ann = account(&app, ANN, Role::Viewer).await;
    (shop, app, ann)
}

/// Makes an account, as an admin does.
pub async fn account(app: &App, email: &str, role: Role) -> Account {
    let new = NewAccount {
        email: email.to_owned(),
        password: PASSWORD.to_owned().into(),
        username: None,
        first_name: Some("Ann".to_owned()),
        last_name: None,
        role,
        permissions: vec![],
        created_by: "command".to_owned(),
    };
    app.accounts.create(new, &Origin::default()).await.expect("an account")
}

/// Signs an account in.
pub async fn session(app: &App, account: &Account) -> SignedIn {
    app.accounts.begin(account, &Origin::default()).await.expect("a session")
}

/// Sends a request in a session.
pub async fn ask(shop: &Shop, app: &App, method: Method, path: &str, token: &str) -> Answer {
    answer(shop.request(app, method, path).bearer_auth(token)).await
}

/// Sends a body in a session.
pub async fn tell(shop: &Shop, app: &App, path: &str, token: &str, body: &Value) -> Answer {
    let request = shop.request(app, Method::POST, path).bearer_auth(token);
    answer(request.body(body.to_string())).await
}

/// A person who is signed in.
pub struct Somebody {
    pub id: String,
    pub email: String,
    pub token: String,
}

/// A person of a role, signed in; the name is in the e-mail.
pub async fn somebody(app: &App, name: &str, role: Role) -> Somebody {
    let account = account(app, &format!("{name}@example.org"), role).await;
    let token = session(app, &account).await.token.expose().to_owned();
    Somebody { id: account.id, email: account.email, token }
}

/// Sends a request in a person's session.
pub async fn send(
    shop: &Shop,
    app: &App,
    who: &Somebody,
    method: Method,
    path: &str,
    body: &Value,
) -> Answer {
    let request = shop.request(app, method, path).bearer_auth(&who.token);
    answer(request.body(body.to_string())).await
}

/// The status of an answer, and the type of its problem.
pub fn kind(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["type"].as_str().unwrap_or_default())
}

/// The fields that an answer calls wrong.
pub fn fields(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().into_iter().flatten();
    errors.filter_map(|error| error["field"].as_str()).collect()
}

/// Sends a body without credentials.
pub async fn post(shop: &Shop, app: &App, path: &str, body: &Value) -> Answer {
    answer(shop.request(app, Method::POST, path).body(body.to_string())).await
}

/// Signs in over HTTP.
pub async fn login(shop: &Shop, app: &App, email: &str, password: &str) -> Answer {
    post(shop, app, "/api/auth/login", &json!({ "email": email, "password": password })).await
}

/// Signs in from another address of this machine.
pub async fn login_from(app: &App, address: [u8; 4], email: &str, password: &str) -> Answer {
    let client = reqwest::Client::builder().local_address(IpAddr::from(address));
    let client = client.pool_max_idle_per_host(0).build().expect("a client");
    let body = json!({ "email": email, "password": password }).to_string();
    answer(client.post(format!("http://{}/api/auth/login", app.address)).body(body)).await
}
