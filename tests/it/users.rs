//! Accounts of others and one's own: the rights to see and to change them, and the accounts that
//! must stay.

use std::time::Duration;

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role::{Admin, Analyst, Manager, Viewer};
use adaptive_bi::store::platform::accounts::{Change, Sessions};
use adaptive_bi::store::platform::refused::Refused;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::contract::shape;
use crate::harness::{Answer, Shop};
use crate::people::{PASSWORD, Somebody, ask, fields, kind, login, send, somebody, tell};

async fn get(shop: &Shop, app: &App, who: &Somebody, path: &str) -> Answer {
    ask(shop, app, Method::GET, path, &who.token).await
}

async fn put(shop: &Shop, app: &App, who: &Somebody, whom: &Somebody, body: Value) -> Answer {
    send(shop, app, who, Method::PUT, &format!("/api/users/{}", whom.id), &body).await
}

/// The e-mails of a list, without their common part.
fn names(answer: &Answer) -> Vec<&str> {
    let users = answer.body["data"]["users"].as_array().into_iter().flatten();
    let emails = users.filter_map(|user| user["email"].as_str());
    emails.map(|email| email.trim_end_matches("@example.org")).collect()
}

async fn set_name(app: &App, whom: &Somebody, first: &str, last: &str) {
    let change = Change {
        first_name: Some(first.to_owned()),
        last_name: Some(last.to_owned()),
        ..Change::default()
    };
    let changed = app.platform.change_account(&whom.id, change, "tests", Sessions::GoOn).await;
    changed.expect("changed").expect("an account");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_listed_page_by_page_in_the_order_asked_for() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    set_name(&app, &root, "zoe", "Root").await;
    for (name, role, first, last) in [
        ("b", Viewer, "bert", "Jones"),
        ("c", Viewer, "Carl", "Lee"),
        ("d", Analyst, "Dora", "O'Hara (x+)"),
    ] {
        let somebody = somebody(&app, name, role).await;
        set_name(&app, &somebody, first, last).await;
    }
    let gone = somebody(&app, "gone", Viewer).await;
    let path = format!("/api/users/{}", gone.id);
    let deleted = ask(&shop, &app, Method::DELETE, &path, &root.token).await;
    assert_eq!(deleted.status, 200);

    let list = async |query: &str| get(&shop, &app, &root, &format!("/api/users{query}")).await;
    let all = list("").await;
    assert_eq!(names(&all), ["d", "c", "b", "root"], "the newest first, active ones only");
    let pagination = json!({ "current": 1, "pages": 1, "total": 4, "limit": 20 });
    assert_eq!(all.body["data"]["pagination"], pagination);
    assert_eq!(all.header("cache-control"), "no-store");
    assert!(!all.body.to_string().contains("argon2"));
    for (query, expected) in [
        ("?sort=createdAt", &["root", "b", "c", "d"][..]),
        ("?sort=name", &["b", "c", "d", "root"]),
        ("?sort=-name&limit=2", &["root", "d"]),
        ("?sort=-updatedAt&limit=1", &["d"]),
        ("?sort=name&limit=3&page=2", &["root"]),
        ("?sort=name&limit=3&page=1000000", &[]),
        ("?role=viewer&sort=name", &["b", "c"]),
        ("?role=user&sort=name", &["b", "c"]),
        ("?isActive=false", &["gone"]),
        ("?isActive=all&role=viewer&sort=createdAt", &["b", "c", "gone"]),
        ("?search=LEE", &["c"]),
        ("?search=ert", &["b"]),
        ("?search=D%40example", &["d"]),
        ("?search=O%27Hara%20(x%2B)", &["d"]),
        ("?search=example.org&sort=name&limit=1", &["b"]),
    ] {
        assert_eq!(names(&list(query).await), expected, "{query}");
    }
    let page = list("?sort=name&limit=3&page=2").await;
    let pagination = json!({ "current": 2, "pages": 2, "total": 4, "limit": 3 });
    assert_eq!(page.body["data"]["pagination"], pagination);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_is_a_text_and_never_an_expression() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    set_name(&app, &root, &format!("{}!", "a".repeat(40)), "Root").await;
    let since = Instant::now();
    for text in [
        "(a%2B)%2B%24",
        "(a%7Ca%3F)%2B%24",
        "(.*)*%24",
        ".*",
        "%5E",
        "%5B",
        "%5C",
        "%7B%22%24ne%22%3A1%7D",
    ] {
        let answer = get(&shop, &app, &root, &format!("/api/users?search={text}")).await;
        assert_eq!((answer.status, names(&answer)), (200, vec![]), "{text}: {answer:?}");
    }
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    let long = format!("search={}", "x".repeat(101));
    for (query, field) in [
        ("search[$regex]=.*", "search[$regex]"),
        ("role[$ne]=viewer", "role[$ne]"),
        ("isActive[$exists]=true", "isActive[$exists]"),
        ("role=root", "role"),
        ("search=a%00b", "search"),
        (&*long, "search"),
        ("page=0", "page"),
        ("page=1e9", "page"),
        ("limit=101", "limit"),
        ("sort=passwordHash", "sort"),
        ("sort=name&sort=-name", "sort"),
    ] {
        let answer = get(&shop, &app, &root, &format!("/api/users?{query}")).await;
        assert_eq!((answer.status, fields(&answer)), (400, vec![field]), "{query}: {answer:?}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_seen_by_its_owner_and_by_who_sees_to_accounts() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (root, boss) = (somebody(&app, "root", Admin).await, somebody(&app, "boss", Manager).await);
    let (ann, eve) = (somebody(&app, "ann", Viewer).await, somebody(&app, "eve", Analyst).await);
    let path = format!("/api/users/{}", ann.id);
    let me = get(&shop, &app, &ann, "/api/auth/me").await;
    for who in [&ann, &boss, &root] {
        let mut seen = get(&shop, &app, who, &path).await;
        let data = seen.body["data"].as_object_mut().expect("an account");
        assert_eq!(Value::Object(data.clone())["user"]["_id"], json!(ann.id));
        // Who made it, and whether it is locked, is for those who see to accounts.
        let mut user = data.remove("user").expect("the same again");
        for of in [user.as_object_mut().expect("an account"), data] {
            let more = [of.remove("createdBy"), of.remove("isLocked")];
            let expected = (who.id != ann.id).then_some([json!("command"), json!(false)]);
            assert_eq!(more, [0, 1].map(|it| expected.as_ref().map(|more| more[it].clone())));
        }
        seen.body["data"]["user"] = user;
        assert_eq!((seen.status, &seen.body["data"]), (200, &me.body["data"]), "{}", who.email);
    }
    // Whoever may not see accounts does not learn which there are.
    for path in [&*path, "/api/users/nobody"] {
        let refused = get(&shop, &app, &eve, path).await;
        assert_eq!(kind(&refused), (403, "forbidden"), "{path}");
        assert_eq!(refused.body["required"], "users:read");
    }
    for path in ["/api/users/nobody", "/api/users/%7B%22$ne%22:null%7D"] {
        assert_eq!(get(&shop, &app, &root, path).await.status, 404, "{path}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_makes_an_account_with_a_role_permissions_and_a_password() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let body = json!({ "email": "New@Example.org", "password": PASSWORD, "firstName": "New",
        "role": "analyst", "permissions": [{ "resource": "users", "actions": ["read", "read"] }] });
    let made = tell(&shop, &app, "/api/users", &root.token, &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let user = &made.body["data"]["user"];
    assert_eq!((&user["email"], &user["role"]), (&json!("new@example.org"), &json!("analyst")));
    let permissions = json!([{ "resource": "users", "actions": ["read"] }]);
    assert_eq!((&user["permissions"], &user["isActive"]), (&permissions, &json!(true)));
    let signed_in = login(&shop, &app, "new@example.org", PASSWORD).await;
    let token = signed_in.body["token"].as_str().expect("a token").to_owned();
    assert_eq!(ask(&shop, &app, Method::GET, "/api/users", &token).await.status, 200);

    let again = tell(&shop, &app, "/api/users", &root.token, &body).await;
    assert_eq!(kind(&again), (409, "email-taken"));
    for (body, expected) in [
        (json!({ "email": { "$gt": "" }, "password": { "$ne": 1 } }), vec!["email", "password"]),
        (json!({ "email": "x@example.org", "password": "short" }), vec!["password"]),
        (json!({ "email": "x@example.org", "password": PASSWORD, "role": "root" }), vec!["role"]),
        (
            json!({ "email": "x@example.org", "password": PASSWORD, "permissions": ["*"] }),
            vec!["permissions"],
        ),
    ] {
        let refused = tell(&shop, &app, "/api/users", &root.token, &body).await;
        assert_eq!((refused.status, fields(&refused)), (400, expected), "{body}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_change_their_own_account_but_not_what_they_may() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (root, ann) = (somebody(&app, "root", Admin).await, somebody(&app, "ann", Viewer).await);
    let read = get(&shop, &app, &ann, &format!("/api/users/{}", ann.id)).await;
    let user = read.body["data"]["user"].clone();
    let same = put(&shop, &app, &ann, &ann, user.clone()).await;
    assert_eq!((same.status, &same.body["data"]["user"]), (200, &user), "sent back as it was read");
    let same = json!({ "role": "user", "permissions": [], "isActive": true, "email": ann.email });
    assert_eq!(put(&shop, &app, &ann, &ann, same).await.status, 200);

    let body = json!({ "firstName": "Anna", "lastName": "Lee", "username": "anna",
        "profile": { "phone": "1", "preferences": { "theme": "dark", "dashboard": { "$set": [1] } } } });
    let changed = put(&shop, &app, &ann, &ann, body).await;
    let user = &changed.body["data"]["user"];
    assert_eq!((changed.status, &user["fullName"]), (200, &json!("Anna Lee")), "{changed:?}");
    assert_eq!(user["profile"]["preferences"]["dashboard"], json!({ "$set": [1] }));
    let body = json!({ "lastName": null, "profile": { "department": "Sales" } });
    let changed = put(&shop, &app, &ann, &ann, body).await;
    let user = &changed.body["data"]["user"];
    assert_eq!((&user["firstName"], &user["lastName"]), (&json!("Anna"), &json!(null)));
    assert_eq!(user["profile"]["phone"], "1", "what is not named stays");

    let password = put(&shop, &app, &ann, &ann, json!({ "password": "hunter2 hunter2" })).await;
    assert_eq!((password.status, fields(&password)), (400, vec!["password"]));
    let message = password.body["message"].as_str().unwrap_or_default();
    assert!(message.contains("/api/auth/password") && !message.contains("hunter2"), "{message}");
    assert_eq!(login(&shop, &app, &ann.email, PASSWORD).await.status, 200);

    for who in [&ann, &root] {
        let role = if who.id == root.id { "viewer" } else { "admin" };
        for (body, field) in [
            (json!({ "role": role }), "role"),
            (json!({ "permissions": [{ "resource": "ai", "actions": ["read"] }] }), "permissions"),
            (json!({ "isActive": false }), "isActive"),
        ] {
            let refused = put(&shop, &app, who, who, body).await;
            assert_eq!(kind(&refused), (403, "forbidden"), "{} {refused:?}", who.email);
            assert_eq!(refused.body["field"], field);
        }
    }
    let email = put(&shop, &app, &ann, &ann, json!({ "email": "eve@example.org" })).await;
    assert_eq!((kind(&email), &email.body["field"]), ((403, "forbidden"), &json!("email")));
    let other = put(&shop, &app, &ann, &root, json!({ "firstName": "Eve" })).await;
    assert_eq!(kind(&other), (403, "forbidden"));
    for (body, expected) in [
        (json!({ "role": { "$ne": 1 }, "email": { "$gt": "" } }), vec!["email", "role"]),
        (json!({ "firstName": { "$set": 1 }, "profile": [] }), vec!["profile", "firstName"]),
        (json!({ "profile": { "avatar": "javascript:alert(1)" } }), vec!["profile.avatar"]),
    ] {
        let refused = put(&shop, &app, &ann, &ann, body).await;
        let mut wrong = fields(&refused);
        wrong.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!((refused.status, wrong), (400, expected));
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_admin_changes_is_in_force_at_the_next_request() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (root, ann) = (somebody(&app, "root", Admin).await, somebody(&app, "ann", Viewer).await);
    assert_eq!(get(&shop, &app, &ann, "/api/users").await.status, 403);
    let made = put(&shop, &app, &root, &ann, json!({ "role": "manager" })).await;
    assert_eq!((made.status, &made.body["data"]["user"]["role"]), (200, &json!("manager")));
    assert_eq!(get(&shop, &app, &ann, "/api/users").await.status, 200);
    put(&shop, &app, &root, &ann, json!({ "role": "viewer" })).await;
    assert_eq!(get(&shop, &app, &ann, "/api/users").await.status, 403);
    let permissions = json!([{ "resource": "users", "actions": ["read"] }]);
    put(&shop, &app, &root, &ann, json!({ "permissions": permissions })).await;
    assert_eq!(get(&shop, &app, &ann, "/api/users").await.status, 200);

    let taken = put(&shop, &app, &root, &ann, json!({ "email": "ROOT@example.org" })).await;
    assert_eq!(kind(&taken), (409, "email-taken"));
    app.accounts.reset_link(&ann.email, "tests").await.expect("a link").expect("an account");
    let moved = put(&shop, &app, &root, &ann, json!({ "email": "anna@example.org" })).await;
    assert_eq!(moved.body["data"]["user"]["isVerified"], false, "{moved:?}");
    let links = shop.database.collection::<mongodb::bson::Document>("password_resets");
    let links = links.count_documents(mongodb::bson::doc! {}).await.expect("a number");
    assert_eq!(links, 0, "a link that the old address has is good no more");

    let path = format!("/api/users/{}", ann.id);
    let deleted = ask(&shop, &app, Method::DELETE, &path, &root.token).await;
    assert_eq!((deleted.status, &deleted.body["data"]["user"]["isActive"]), (200, &json!(false)));
    assert_eq!(kind(&get(&shop, &app, &ann, "/api/auth/me").await), (401, "session-ended"));
    let refused = login(&shop, &app, "anna@example.org", PASSWORD).await;
    assert_eq!(kind(&refused), (403, "account-deactivated"));
    let back = tell(&shop, &app, &format!("{path}/reactivate"), &root.token, &json!({})).await;
    assert_eq!((back.status, &back.body["data"]["user"]["isActive"]), (200, &json!(true)));
    assert_eq!(kind(&get(&shop, &app, &ann, "/api/auth/me").await), (401, "session-ended"));
    assert_eq!(login(&shop, &app, "anna@example.org", PASSWORD).await.status, 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_admin_stays_and_nobody_deletes_themselves() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    let path = format!("/api/users/{}", root.id);
    let own = ask(&shop, &app, Method::DELETE, &path, &root.token).await;
    assert_eq!((own.status, fields(&own)), (400, vec!["id"]));

    // Somebody who may as much as an admin, and is none.
    let everything = ["metrics", "dashboard", "reports", "ai", "users", "events", "system"].map(
        |it| json!({ "resource": it, "actions": ["create", "read", "update", "delete", "export", "execute"] }),
    );
    let deputy = somebody(&app, "deputy", Manager).await;
    put(&shop, &app, &root, &deputy, json!({ "permissions": everything })).await;
    for body in [json!({ "role": "viewer" }), json!({ "isActive": false })] {
        let refused = put(&shop, &app, &deputy, &root, body).await;
        assert_eq!(kind(&refused), (409, "last-admin"), "{refused:?}");
    }
    let refused = ask(&shop, &app, Method::DELETE, &path, &deputy.token).await;
    assert_eq!(kind(&refused), (409, "last-admin"));
    assert_eq!(get(&shop, &app, &root, "/api/audit").await.status, 200, "and is still signed in");

    // Who sees to accounts and no more cannot touch those who may more.
    let clerk = somebody(&app, "clerk", Viewer).await;
    let users = json!([{ "resource": "users", "actions": ["create", "read", "update", "delete"] }]);
    put(&shop, &app, &root, &clerk, json!({ "permissions": users })).await;
    let refused = ask(&shop, &app, Method::DELETE, &path, &clerk.token).await;
    assert_eq!(kind(&refused), (403, "forbidden"));
    let body = json!({ "email": "x@example.org", "password": PASSWORD, "role": "admin" });
    let refused = tell(&shop, &app, "/api/users", &clerk.token, &body).await;
    assert_eq!(kind(&refused), (403, "forbidden"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_end_each_other_at_once_leave_one() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (ann, bob) = (somebody(&app, "ann", Admin).await, somebody(&app, "bob", Admin).await);
    let end = |whom: &Somebody, by: &Somebody| {
        let (platform, whom, by) = (app.platform.clone(), whom.id.clone(), by.id.clone());
        let change = Change { role: Some(Viewer), ..Change::default() };
        async move { platform.change_account(&whom, change, &by, Sessions::GoOn).await }
    };
    for round in 0..10 {
        let both = tokio::join!(end(&ann, &bob), end(&bob, &ann));
        assert!(app.platform.has_admin().await.expect("an answer"), "round {round}: {both:?}");
        let refused = [&both.0, &both.1].map(|it| matches!(it, Err(Refused::LastAdmin)));
        assert_eq!(refused.iter().filter(|it| **it).count(), 1, "round {round}: {both:?}");
        for somebody in [&ann, &bob] {
            let change = Change { role: Some(Admin), ..Change::default() };
            let changed =
                app.platform.change_account(&somebody.id, change, "tests", Sessions::GoOn);
            changed.await.expect("changed");
        }
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_summary_counts_everybody_and_names_the_newest() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    for name in ["a", "b", "c", "d", "e"] {
        somebody(&app, name, Viewer).await;
    }
    let gone = somebody(&app, "gone", Analyst).await;
    ask(&shop, &app, Method::DELETE, &format!("/api/users/{}", gone.id), &root.token).await;
    let stats = get(&shop, &app, &root, "/api/users/stats/summary").await;
    let data = &stats.body["data"];
    let summary = json!({ "totalUsers": 7, "activeUsers": 6, "inactiveUsers": 1 });
    assert_eq!((stats.status, &data["summary"]), (200, &summary), "{stats:?}");
    let roles = json!([{ "_id": "viewer", "count": 5 }, { "_id": "admin", "count": 1 }]);
    assert_eq!(data["roleDistribution"], roles);
    let recent = data["recentUsers"].as_array().expect("a list");
    let emails: Vec<_> = recent.iter().map(|it| it["email"].as_str().unwrap_or_default()).collect();
    let newest = ["e", "d", "c", "b", "a"].map(|it| format!("{it}@example.org"));
    assert_eq!(emails, newest);
    let expected =
        "{createdAt: string, email: string, firstName: string, lastName: null, role: string}";
    assert_eq!(shape(&recent[0]), expected);
    app.stop().await.expect("stopped");
}
