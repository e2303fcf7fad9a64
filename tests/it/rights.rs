//! A write is made with rights that hold at that time: every change while a body is on its way, or
//! between a look and a write, is seen.

use std::future::Future;

use adaptive_bi::app::App;
use adaptive_bi::auth::key;
use adaptive_bi::rights::access::Access;
use adaptive_bi::rights::role::Role::{Admin, Viewer};
use adaptive_bi::rights::scope::Scope;
use mongodb::ClientSession;
use mongodb::bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::connections::Wire;
use crate::events::sale;
use crate::harness::{Answer, Shop, answer, until};
use crate::people::{PASSWORD, Somebody, kind, login, send, session, somebody, tell};

/// A request whose body is on its way: the service asked for it, so it has judged the head.
struct UnderWay {
    wire: Wire,
    body: String,
}

impl UnderWay {
    async fn begin(app: &App, method: &Method, path: &str, credential: &str, body: &str) -> Self {
        let mut wire = Wire::to(app).await;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\
             content-type: application/json\r\nexpect: 100-continue\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        wire.send(&head).await;
        wire.until("\r\n\r\n").await;
        UnderWay { wire, body: body.to_owned() }
    }

    /// Sends the body; returns the answer as it comes over the wire.
    async fn end(mut self) -> String {
        self.wire.send(&self.body).await;
        self.wire.drip("").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_is_judged_again_when_its_body_is_here() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let account = app.platform.account(&root.id).await.expect("asked").expect("an account");
    let mut tried = 0;
    for route in &app.routes {
        if route.method == Method::GET || route.access == Access::Public {
            continue;
        }
        let path = route.path.replace("{kind}", "stock").replace("{id}", "none");
        let path = path.replace("{position}", "7");
        let token = session(&app, &account).await.token;
        let request = UnderWay::begin(&app, &route.method, &path, token.expose(), "{}").await;
        app.platform.end_sessions_of(&root.id).await.expect("ended");
        let answer = request.end().await;
        let is_refused = answer.contains("HTTP/1.1 401") && answer.contains("session-ended");
        assert!(is_refused, "{} {path}: {answer}", route.method);
        tried += 1;
    }
    assert!(tried >= 10, "{tried}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_a_right_while_the_body_came_writes_nothing_with_it() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (root, boss) = (somebody(&app, "root", Admin).await, somebody(&app, "boss", Admin).await);
    let new = json!({ "email": "eve@example.org", "password": PASSWORD, "role": "admin" });
    let request =
        UnderWay::begin(&app, &Method::POST, "/api/users", &boss.token, &new.to_string()).await;
    let path = format!("/api/users/{}", boss.id);
    let less = json!({ "role": "analyst" });
    assert_eq!(send(&shop, &app, &root, Method::PUT, &path, &less).await.status, 200);
    let answer = request.end().await;
    assert!(answer.contains("HTTP/1.1 403") && answer.contains("users:create"), "{answer}");
    assert!(app.platform.account_by_email("eve@example.org").await.expect("asked").is_none());

    let event = sale("t1", "ann", 1, json!({}));
    let batch = json!([{ "kind": "transaction", "data": event }]);
    for (path, body) in [("/api/events", batch), ("/api/events/transaction", event)] {
        let key = key::make("till", &[Scope::EventsWrite(None)], "command", None);
        app.platform.insert_key(&key.row).await.expect("a key");
        let request =
            UnderWay::begin(&app, &Method::POST, path, &key.text, &body.to_string()).await;
        let before = shop.log.extent().await.expect("the log").last;
        app.platform.remove_key(&key.row.id).await.expect("revoked").expect("a key");
        let answer = request.end().await;
        assert!(answer.contains("HTTP/1.1 401") && answer.contains("key-invalid"), "{answer}");
        assert_eq!(shop.log.extent().await.expect("the log").last, before, "{path}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_a_body_with_its_head_is_looked_up_once() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let sessions = format!("{}.sessions", shop.database.name());
    let looks = async || {
        let profile = shop.database.collection::<Document>("system.profile");
        let looks = doc! { "ns": &sessions, "op": "query" };
        profile.count_documents(looks).await.expect("counted")
    };
    shop.database.run_command(doc! { "profile": 2 }).await.expect("profiled");
    let event = sale("t1", "ann", 1, json!({})).to_string();
    let path = "/api/events/transaction";
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        root.token,
        event.len()
    );
    let mut wire = Wire::to(&app).await;
    wire.send(&format!("{head}{event}")).await;
    let answer = wire.drip("").await;
    assert!(answer.contains("HTTP/1.1 200") && looks().await == 1, "{answer}");
    let request = UnderWay::begin(&app, &Method::POST, path, &root.token, &event).await;
    assert!(request.end().await.contains("HTTP/1.1 200"));
    assert_eq!(looks().await, 3, "and again behind a body that comes later");
    shop.database.run_command(doc! { "profile": 0 }).await.expect("not profiled");
    app.stop().await.expect("stopped");
}

/// Changes by other people that are made and not yet committed.
struct Meanwhile<'a> {
    shop: &'a Shop,
    session: ClientSession,
}

impl<'a> Meanwhile<'a> {
    async fn begin(shop: &'a Shop) -> Self {
        let database = &shop.database;
        // All that is asked of this database is noted in it, from here on.
        database.run_command(doc! { "profile": 0 }).await.expect("set");
        database.collection::<Document>("system.profile").drop().await.expect("dropped");
        database.run_command(doc! { "profile": 2 }).await.expect("set");
        let mut session = database.client().start_session().await.expect("a session");
        session.start_transaction().await.expect("begun");
        Meanwhile { shop, session }
    }

    /// Changes an account, and its sessions as well.
    async fn sets(mut self, whom: &str, account: Document, sessions: Option<Document>) -> Self {
        let rows = |name| self.shop.database.collection::<Document>(name);
        let (accounts, set) = (rows("accounts"), doc! { "$set": account });
        let changing = accounts.update_one(doc! { "_id": whom }, set);
        changing.session(&mut self.session).await.expect("changed");
        let (rows, those) = (rows("sessions"), doc! { "userId": whom });
        match sessions {
            Some(set) => {
                let set = rows.update_many(those, doc! { "$set": set });
                set.session(&mut self.session).await.expect("changed");
            }
            None => {
                rows.delete_many(those).session(&mut self.session).await.expect("ended");
            }
        }
        self
    }

    async fn makes_an_admin(self, whom: &Somebody) -> Self {
        let admin = || doc! { "role": "admin" };
        self.sets(&whom.id, admin(), Some(admin())).await
    }

    async fn deactivates(self, whom: &Somebody) -> Self {
        self.sets(&whom.id, doc! { "isActive": false }, None).await
    }

    /// Lets a request meet these changes, which are committed as soon as it does or has an answer;
    /// returns its result.
    async fn meets<T: Send + 'static>(
        mut self,
        request: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let asked = tokio::spawn(request);
        let noted = self.shop.database.collection::<Document>("system.profile");
        let conflict = doc! { "$or": [{ "errCode": 112 }, { "errName": "WriteConflict" }] };
        until("a conflict, or an answer", || async {
            let met = noted.find_one(conflict.clone()).await.expect("asked").is_some();
            if met || asked.is_finished() { Ok(()) } else { Err("neither".to_owned()) }
        })
        .await;
        self.session.commit_transaction().await.expect("committed");
        asked.await.expect("an answer")
    }
}

/// Sends a request in a session, from a task of its own.
fn sent(
    (shop, app): (&Shop, &App),
    who: &Somebody,
    method: Method,
    path: &str,
    body: &Value,
) -> impl Future<Output = Answer> + Send + 'static {
    answer(shop.request(app, method, path).bearer_auth(&who.token).body(body.to_string()))
}

/// A viewer who may manage accounts.
async fn clerk(app: &App) -> Somebody {
    use adaptive_bi::rights::role::{Action, Permission, Resource};
    use adaptive_bi::store::platform::accounts::{Change, Sessions};
    let clerk = somebody(app, "clerk", Viewer).await;
    let actions = vec![Action::Read, Action::Create, Action::Update, Action::Delete];
    let permissions = Some(vec![Permission { resource: Resource::Users, actions }]);
    let change = Change { permissions, ..Change::default() };
    let changed = app.platform.change_account(&clerk.id, change, "tests", Sessions::GoOn).await;
    changed.expect("changed").expect("an account");
    clerk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_becomes_an_admins_between_the_look_and_the_write_is_not_touched() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (_root, clerk) = (somebody(&app, "root", Admin).await, clerk(&app).await);
    let both = (&shop, &app);
    for (name, method, suffix, body) in [
        ("a", Method::PUT, "", json!({ "email": "taken-over@example.org" })),
        ("b", Method::PUT, "", json!({ "firstName": "Eve" })),
        ("c", Method::PUT, "", json!({ "isActive": false })),
        ("d", Method::DELETE, "", json!({})),
    ] {
        let ann = somebody(&app, name, Viewer).await;
        let path = format!("/api/users/{}{suffix}", ann.id);
        let request = sent(both, &clerk, method.clone(), &path, &body);
        let promoted = Meanwhile::begin(&shop).await.makes_an_admin(&ann).await;
        let refused = promoted.meets(request).await;
        assert_eq!(kind(&refused), (403, "forbidden"), "{method} {body}: {refused:?}");
        let now = app.platform.account(&ann.id).await.expect("asked").expect("an account");
        assert_eq!((now.role, now.is_active, now.email), (Admin, true, ann.email));
        assert_eq!(now.first_name.as_deref(), Some("Ann"));
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_deactivated_before_the_write_changes_no_account_and_no_key() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let _root = somebody(&app, "root", Admin).await;
    let ann = somebody(&app, "ann", Viewer).await;
    let key = key::make("till", &[Scope::EventsWrite(None)], "command", None);
    app.platform.insert_key(&key.row).await.expect("a key");
    let (users, one) = ("/api/users".to_owned(), format!("/api/users/{}", ann.id));
    let password = json!({ "currentPassword": PASSWORD, "newPassword": "eight lamps of 1850" });
    let new = json!({ "email": "eve@example.org", "password": PASSWORD });
    let scopes = json!({ "name": "left behind", "scopes": ["events:write"] });
    let nothing = json!({});
    for (name, method, path, body) in [
        ("a", Method::POST, users, &new),
        ("b", Method::PUT, one.clone(), &json!({ "role": "admin" })),
        ("c", Method::DELETE, one.clone(), &nothing),
        ("d", Method::POST, "/api/keys".to_owned(), &scopes),
        ("e", Method::DELETE, format!("/api/keys/{}", key.row.id), &nothing),
        ("f", Method::POST, "/api/auth/password".to_owned(), &password),
        ("g", Method::POST, "/api/auth/logout-all".to_owned(), &nothing),
    ] {
        let boss = somebody(&app, name, Admin).await;
        let hash = || async {
            let account = app.platform.account(&boss.id).await.expect("asked").expect("an account");
            account.password_hash
        };
        let before = hash().await;
        let request = sent((&shop, &app), &boss, method.clone(), &path, body);
        let refused = Meanwhile::begin(&shop).await.deactivates(&boss).await.meets(request).await;
        assert_eq!(kind(&refused), (401, "session-ended"), "{method} {path}: {refused:?}");
        assert!(hash().await == before, "{path}");
    }
    let now = app.platform.account(&ann.id).await.expect("asked").expect("an account");
    assert_eq!((now.role, now.is_active), (Viewer, true));
    assert!(app.platform.account_by_email("eve@example.org").await.expect("asked").is_none());
    let names: Vec<_> =
        app.platform.keys().await.expect("asked").into_iter().map(|it| it.name).collect();
    assert!(names.contains(&"till".to_owned()) && !names.contains(&"left behind".to_owned()));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_taken_before_the_write_is_not_used() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (_root, clerk) = (somebody(&app, "root", Admin).await, clerk(&app).await);
    let ann = somebody(&app, "ann", Viewer).await;
    let body = json!({ "firstName": "Eve" });
    let path = format!("/api/users/{}", ann.id);
    let request = sent((&shop, &app), &clerk, Method::PUT, &path, &body);
    let none = || doc! { "permissions": [] };
    let taken = Meanwhile::begin(&shop).await.sets(&clerk.id, none(), Some(none())).await;
    let refused = taken.meets(request).await;
    assert_eq!(kind(&refused), (403, "forbidden"), "{refused:?}");
    let now = app.platform.account(&ann.id).await.expect("asked").expect("an account");
    assert_eq!(now.first_name.as_deref(), Some("Ann"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_and_no_link_begins_for_who_is_another_when_it_is_written() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let ann = somebody(&app, "ann", Viewer).await;
    let moved = doc! { "email": "anna@example.org", "isVerified": false };
    let body = json!({ "email": ann.email, "password": PASSWORD }).to_string();
    let request = answer(shop.request(&app, Method::POST, "/api/auth/login").body(body));
    let moving = Meanwhile::begin(&shop).await.sets(&ann.id, moved, None).await;
    let refused = moving.meets(request).await;
    assert_eq!(kind(&refused), (401, "wrong-credentials"), "by the old e-mail: {refused:?}");
    assert_eq!(login(&shop, &app, "anna@example.org", PASSWORD).await.status, 200);

    for (name, set) in [
        ("bob", doc! { "isActive": false }),
        ("eve", doc! { "email": "moved@example.org", "isVerified": false }),
    ] {
        let who = somebody(&app, name, Viewer).await;
        let (accounts, email) = (app.accounts.clone(), who.email.clone());
        let request = async move { accounts.reset_link(&email, "tests").await };
        let changing = Meanwhile::begin(&shop).await.sets(&who.id, set, None).await;
        let link = changing.meets(request).await.expect("asked");
        assert!(link.is_none(), "{name}");
    }
    let links = shop.database.collection::<Document>("password_resets");
    assert_eq!(links.count_documents(doc! {}).await.expect("a count"), 0);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_may_nothing_that_its_maker_may_not_whatever_the_scope() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let clerk = somebody(&app, "clerk", Viewer).await;
    let path = format!("/api/users/{}", clerk.id);
    let body = |scope: &str| json!({ "name": scope, "scopes": ["metrics:read", scope] });
    let may = async |actions: &[&str]| {
        let permissions = json!([{ "resource": "system", "actions": actions }]);
        let body = json!({ "permissions": permissions });
        let sent = send(&shop, &app, &root, Method::PUT, &path, &body).await;
        assert_eq!(sent.status, 200, "{sent:?}");
    };
    may(&["create"]).await;
    for (scope, needed) in [
        ("metrics:scrape", Some("system:read")),
        ("events:write", Some("events:create")),
        ("events:write:stock", Some("events:create")),
        ("events:read", Some("events:export")),
        ("push:subscribe", None),
    ] {
        let made = tell(&shop, &app, "/api/keys", &clerk.token, &body(scope)).await;
        let required = made.body["required"].as_str();
        let status = if needed.is_some() { 403 } else { 201 };
        assert_eq!((made.status, required), (status, needed), "{scope}: {made:?}");
    }
    may(&["create", "read"]).await;
    let made = tell(&shop, &app, "/api/keys", &clerk.token, &body("metrics:scrape")).await;
    assert_eq!(made.status, 201, "{made:?}");
    // Whatever route a scope opens, who makes a key for it may use by themselves.
    for route in &app.routes {
        if let Access::AllowedOrKey(resource, action, scope) = route.access {
            assert!(scope.needs().contains(&(resource, action)), "{} {scope}", route.path);
        }
    }
    app.stop().await.expect("stopped");
}
