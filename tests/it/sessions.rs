//! Sessions: refreshing and ending them, the events that end them, and new passwords.

use std::collections::HashSet;

use adaptive_bi::app::App;
use adaptive_bi::rights::role::Role;
use adaptive_bi::store::platform::accounts::{Change, Sessions};
use adaptive_bi::store::platform::sessions::SESSIONS_MAX;
use mongodb::bson::{self, doc};
use reqwest::Method;
use serde_json::json;

use crate::events::sale;
use crate::harness::{Answer, Shop, until};
use crate::people::{ANN, PASSWORD, account, ask, kind, login, post, session, shop_of_ann, tell};

async fn me(shop: &Shop, app: &App, token: &str) -> Answer {
    ask(shop, app, Method::GET, "/api/auth/me", token).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_refreshes_at_once_come_to_one_successor() {
    let shop = Shop::new().await;
    let (app, other) = (shop.start().await, shop.start().await);
    let ann = account(&app, ANN, Role::Viewer).await;
    let begun = session(&app, &ann).await;
    let body = json!({ "refreshToken": begun.refresh_token.expose() });
    let all = (0..20).map(|n| {
        let app = if n % 2 == 0 { &app } else { &other };
        post(&shop, app, "/api/auth/refresh", &body)
    });
    let answers = futures_util::future::join_all(all).await;
    let successors: HashSet<_> = answers
        .iter()
        .map(|it| {
            assert_eq!(it.status, 200, "{it:?}");
            it.body["data"]["refreshToken"].as_str().expect("a token").to_owned()
        })
        .collect();
    assert_eq!(successors.len(), 1);
    let successor = successors.into_iter().next().expect("one");
    assert_ne!(successor, begun.refresh_token.expose());
    let next = post(&shop, &app, "/api/auth/refresh", &json!({ "refreshToken": successor })).await;
    assert_eq!(next.status, 200);
    let token = next.body["data"]["token"].as_str().expect("a token");
    assert_eq!(me(&shop, &app, token).await.status, 200);
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_can_be_had_again_and_an_old_token_ends_the_session() {
    let (shop, app, ann) = shop_of_ann().await;
    let refresh = |token: String| {
        let (shop, app) = (&shop, &app);
        async move { post(shop, app, "/api/auth/refresh", &json!({ "refreshToken": token })).await }
    };
    let text = |it: &Answer| it.body["data"]["refreshToken"].as_str().expect("a token").to_owned();

    let begun = session(&app, &ann).await;
    let first = begun.refresh_token.expose().to_owned();
    let second = text(&refresh(first.clone()).await);
    assert_eq!(text(&refresh(first.clone()).await), second, "within the grace");
    let third = text(&refresh(second.clone()).await);
    // Two steps behind is nobody's lost answer.
    assert_eq!(kind(&refresh(first).await), (401, "refresh-reused"));
    for token in [second, third] {
        assert_eq!(kind(&refresh(token).await), (401, "refresh-invalid"));
    }
    let ended = me(&shop, &app, begun.token.expose()).await;
    assert_eq!(kind(&ended), (401, "session-ended"));

    let first = session(&app, &ann).await.refresh_token.expose().to_owned();
    let second = text(&refresh(first.clone()).await);
    let sessions = shop.database.collection::<bson::Document>("sessions");
    let eleven_seconds_ago =
        bson::DateTime::from_millis(bson::DateTime::now().timestamp_millis() - 11_000);
    let earlier = doc! { "$set": { "refresh.rotatedAt": eleven_seconds_ago } };
    sessions.update_many(doc! {}, earlier).await.expect("time goes by");
    assert_eq!(kind(&refresh(first).await), (401, "refresh-reused"), "after the grace");
    assert_eq!(kind(&refresh(second).await), (401, "refresh-invalid"));

    // A made-up token for a session ends nothing.
    let begun = session(&app, &ann).await;
    let mut made_up = begun.refresh_token.expose().to_owned();
    let last = if made_up.pop() == Some('A') { 'Q' } else { 'A' };
    made_up.push(last);
    assert_eq!(kind(&refresh(made_up).await), (401, "refresh-invalid"));
    let alive = me(&shop, &app, begun.token.expose()).await;
    assert_eq!(alive.status, 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_of_an_account_is_in_force_at_once_in_every_process() {
    let shop = Shop::new().await;
    let (app, other) = (shop.start().await, shop.start().await);
    // Who is an admin for a while must not be the only one.
    account(&app, "root@example.org", Role::Admin).await;
    let ann = account(&app, ANN, Role::Viewer).await;
    let begun = session(&app, &ann).await;
    let token = begun.token.expose();
    let event = json!([{ "kind": "transaction", "data": sale("t1", "ann", 1, json!({})) }]);
    assert_eq!(tell(&shop, &other, "/api/events", token, &event).await.status, 403);

    let change = |change: Change| app.platform.change_account(&ann.id, change, "x", Sessions::GoOn);
    let admin = Change { role: Some(Role::Admin), ..Change::default() };
    change(admin).await.expect("changed").expect("an account");
    assert_eq!(tell(&shop, &other, "/api/events", token, &event).await.status, 200);
    let viewer = Change { role: Some(Role::Viewer), ..Change::default() };
    change(viewer).await.expect("changed").expect("an account");
    assert_eq!(tell(&shop, &other, "/api/events", token, &event).await.status, 403);

    let signed_out = tell(&shop, &app, "/api/auth/logout", token, &json!({})).await;
    assert_eq!(signed_out.status, 200);
    for app in [&app, &other] {
        let ended = me(&shop, app, token).await;
        assert_eq!(kind(&ended), (401, "session-ended"));
    }
    let body = json!({ "refreshToken": begun.refresh_token.expose() });
    let ended = post(&shop, &other, "/api/auth/refresh", &body).await;
    assert_eq!(kind(&ended), (401, "refresh-invalid"));

    let (one, two) = (session(&app, &ann).await, session(&other, &ann).await);
    let inactive = Change { is_active: Some(false), ..Change::default() };
    change(inactive).await.expect("changed").expect("an account");
    for begun in [one, two] {
        let ended = me(&shop, &other, begun.token.expose()).await;
        assert_eq!(kind(&ended), (401, "session-ended"));
    }
    let refused = login(&shop, &app, ANN, PASSWORD).await;
    assert_eq!(kind(&refused), (403, "account-deactivated"));
    let refused = login(&shop, &app, ANN, "not the password").await;
    assert_eq!(kind(&refused), (401, "wrong-credentials"));
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_needs_the_old_one_and_ends_the_other_sessions() {
    let (shop, app, ann) = shop_of_ann().await;
    let (here, there) = (session(&app, &ann).await, session(&app, &ann).await);
    let token = here.token.expose();
    let path = "/api/auth/password";
    let body = |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
    let refused = tell(&shop, &app, path, token, &body("a guess", "eight lamps of 1850")).await;
    assert_eq!(
        (refused.status, &refused.body["errors"][0]["field"]),
        (400, &json!("currentPassword"))
    );
    let refused = tell(&shop, &app, path, token, &body(PASSWORD, "password")).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (400, &json!("newPassword")));
    app.accounts.reset_link(ANN, "x").await.expect("a link").expect("an account");
    let changed = tell(&shop, &app, path, token, &body(PASSWORD, "eight lamps of 1850")).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let links = shop.database.collection::<bson::Document>("password_resets");
    assert_eq!(links.count_documents(doc! {}).await.expect("a count"), 0, "nor is a link");
    assert_eq!(me(&shop, &app, token).await.status, 200);
    let ended = me(&shop, &app, there.token.expose()).await;
    assert_eq!(kind(&ended), (401, "session-ended"));
    assert_eq!(login(&shop, &app, ANN, PASSWORD).await.status, 401);
    assert_eq!(login(&shop, &app, ANN, "eight lamps of 1850").await.status, 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_new_passwords_for_the_same_old_one_or_the_same_link_one_is_set() {
    let (shop, app, ann) = shop_of_ann().await;
    let begun = session(&app, &ann).await;
    let new = |n: usize| format!("{n} lamps of 1850");
    // So few that those who come last are not told to wait.
    let all = (0..4).map(|n| {
        let body = json!({ "currentPassword": PASSWORD, "newPassword": new(n) });
        let (shop, app, token) = (&shop, &app, begun.token.expose());
        async move { tell(shop, app, "/api/auth/password", token, &body).await.status }
    });
    let mut statuses = futures_util::future::join_all(all).await;
    let set = statuses.iter().position(|it| *it == 200).expect("one");
    assert_eq!(login(&shop, &app, ANN, &new(set)).await.status, 200);
    statuses.remove(set);
    assert_eq!(statuses, [400, 400, 400]);

    let link = app.accounts.reset_link(ANN, "x").await.expect("a link").expect("an account");
    let token = link.expose().split_once("#reset-password=").expect("a token").1;
    let all = (0..8).map(|n| {
        let body = json!({ "token": token, "password": format!("{n} lamps of 1851") });
        let (shop, app) = (&shop, &app);
        async move { post(shop, app, "/api/auth/password/reset", &body).await.status }
    });
    let mut statuses = futures_util::future::join_all(all).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_link_works_once_and_ends_every_session() {
    let (shop, app, ann) = shop_of_ann().await;
    let begun = session(&app, &ann).await;
    assert!(app.accounts.reset_link("nobody@example.org", "x").await.expect("asked").is_none());
    let links = [
        app.accounts.reset_link(ANN, "x").await.expect("a link").expect("an account"),
        app.accounts.reset_link(ANN, "x").await.expect("a link").expect("an account"),
    ];
    let token = |n: usize| links[n].expose().split_once("#reset-password=").expect("a token").1;
    let path = "/api/auth/password/reset";
    let weak = post(&shop, &app, path, &json!({ "token": token(0), "password": "12345678" })).await;
    assert_eq!(weak.body["errors"][0]["field"], "password", "and the token is still good");
    let new = "nine lamps of 1851";
    let body = json!({ "token": token(0), "password": new });
    assert_eq!(post(&shop, &app, path, &body).await.status, 200);
    let used = json!({ "token": token(1), "password": new });
    for body in [body, used] {
        let refused = post(&shop, &app, path, &body).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (400, &json!("token")));
    }
    let ended = me(&shop, &app, begun.token.expose()).await;
    assert_eq!(kind(&ended), (401, "session-ended"));
    assert_eq!(login(&shop, &app, ANN, new).await.status, 200);
    let kept = shop.database.collection::<bson::Document>("password_resets");
    assert_eq!(kept.count_documents(doc! {}).await.expect("a count"), 0);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_link_is_good_for_a_day_and_no_longer() {
    let (shop, app, _) = shop_of_ann().await;
    let before = bson::DateTime::now().timestamp_millis();
    let path = "/api/auth/password/reset";
    let make = async || {
        let link = app.accounts.reset_link(ANN, "x").await.expect("a link").expect("an account");
        let token = link.expose().split_once("#reset-password=").expect("a token").1.to_owned();
        json!({ "token": token, "password": "nine lamps of 1851" })
    };
    let links = shop.database.collection::<bson::Document>("password_resets");
    let move_end = async |end: i64| {
        let end = doc! { "$set": { "expiresAt": bson::DateTime::from_millis(end) } };
        links.update_many(doc! {}, end).await.expect("time goes by");
    };
    let link = make().await;
    let row = links.find_one(doc! {}).await.expect("asked").expect("a link");
    let end = row.get_datetime("expiresAt").expect("an end").timestamp_millis();
    let (after, a_day) = (bson::DateTime::now().timestamp_millis(), 24 * 3_600_000);
    assert!((before + a_day..=after + a_day).contains(&end), "{row}");
    move_end(after - 1).await;
    let refused = post(&shop, &app, path, &link).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (400, &json!("token")));
    assert_eq!(login(&shop, &app, ANN, PASSWORD).await.status, 200, "the old one is good");
    let link = make().await;
    move_end(after + 60_000).await;
    let reset = post(&shop, &app, path, &link).await;
    assert_eq!(reset.status, 200, "the minute before its end it is: {reset:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_listed_to_their_owner_and_ended_by_nobody_else() {
    let (shop, app, ann) = shop_of_ann().await;
    let bob = account(&app, "bob@example.org", Role::Admin).await;
    let (here, there) = (session(&app, &ann).await, session(&app, &ann).await);
    let bobs = session(&app, &bob).await;
    let path = "/api/auth/sessions";
    let list = ask(&shop, &app, Method::GET, path, here.token.expose()).await;
    let all = list.body["data"]["sessions"].as_array().expect("sessions").clone();
    assert_eq!(all.len(), 2);
    let other = all.iter().find(|it| it["current"] == false).expect("the other");
    let path = format!("{path}/{}", other["id"].as_str().expect("an id"));
    let refused = ask(&shop, &app, Method::DELETE, &path, bobs.token.expose()).await;
    assert_eq!(refused.status, 404);
    let ended = ask(&shop, &app, Method::DELETE, &path, here.token.expose()).await;
    assert_eq!(ended.status, 200);
    let ended = me(&shop, &app, there.token.expose()).await;
    assert_eq!(kind(&ended), (401, "session-ended"));
    let all = tell(&shop, &app, "/api/auth/logout-all", here.token.expose(), &json!({})).await;
    assert_eq!(all.status, 200);
    let ended = me(&shop, &app, here.token.expose()).await;
    assert_eq!(kind(&ended), (401, "session-ended"));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_answered_alike_and_mailed_to_who_has_an_account() {
    let (url, mut mails) = crate::mail::server().await;
    let mut shop = Shop::new().await;
    shop.settings.smtp_url = Some(url.into());
    shop.settings.mail_from = Some("Shop <shop@example.org>".to_owned());
    let app = shop.start().await;
    account(&app, ANN, Role::Viewer).await;
    let path = "/api/auth/password/forgot";
    let unknown = post(&shop, &app, path, &json!({ "email": "nobody@example.org" })).await;
    let known = post(&shop, &app, path, &json!({ "email": ANN })).await;
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    assert_eq!(known.status, 200);
    let mail = tokio::time::timeout(std::time::Duration::from_secs(20), mails.recv()).await;
    let mail = mail.expect("in time").expect("a mail");
    assert!(mail.contains(&format!("To: {ANN}")), "{mail}");
    // Quoted-printable breaks long lines with a = at their end, and writes = itself as =3D.
    let mail = mail.replace("=\r\n", "").replace("=3D", "=");
    let token = mail.split_once("#reset-password=").expect("a link").1;
    let token = token.split_whitespace().next().expect("a token");
    let body = json!({ "token": token, "password": "nine lamps of 1851" });
    let reset = post(&shop, &app, "/api/auth/password/reset", &body).await;
    assert_eq!(reset.status, 200, "{reset:?}");
    for _ in 0..5 {
        assert_eq!(post(&shop, &app, path, &json!({ "email": ANN })).await.status, 200);
    }
    let attempts = shop.database.collection::<bson::Document>("sign_in_attempts");
    until("an end to mails", || async {
        let filter = doc! { "_id": { "$regex": "^reset/" }, "until": { "$ne": null } };
        attempts.find_one(filter).await.expect("asked").ok_or("none".to_owned())
    })
    .await;
    app.stop().await.expect("stopped");
    let mut more = 0;
    while mails.try_recv().is_ok() {
        more += 1;
    }
    assert_eq!(more, 2, "three and no more, however many are asked for at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_too_many_ends_the_oldest() {
    let (shop, app, ann) = shop_of_ann().await;
    let bob = account(&app, "bob@example.org", Role::Viewer).await;
    let bobs = session(&app, &bob).await;
    let oldest = session(&app, &ann).await;
    let mut newest = None;
    for _ in 0..SESSIONS_MAX {
        newest = Some(session(&app, &ann).await);
    }
    let newest = newest.expect("one");
    let ended = me(&shop, &app, oldest.token.expose()).await;
    assert_eq!(kind(&ended), (401, "session-ended"));
    let list = ask(&shop, &app, Method::GET, "/api/auth/sessions", newest.token.expose()).await;
    let list = list.body["data"]["sessions"].as_array().expect("sessions").clone();
    assert_eq!((list.len(), &list[0]["current"]), (SESSIONS_MAX, &json!(true)));
    let alive = me(&shop, &app, bobs.token.expose()).await;
    assert_eq!(alive.status, 200, "somebody else's");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_after_ninety_days_however_often_it_is_refreshed() {
    let (shop, app, ann) = shop_of_ann().await;
    let begun = session(&app, &ann).await;
    let sessions = shop.database.collection::<bson::Document>("sessions");
    let now = bson::DateTime::now().timestamp_millis();
    let hours_ago = |hours: i64| bson::DateTime::from_millis(now - hours * 3_600_000);
    let old = doc! { "$set": { "createdAt": hours_ago(90 * 24 - 1) } };
    sessions.update_many(doc! {}, old).await.expect("time goes by");
    let body = json!({ "refreshToken": begun.refresh_token.expose() });
    let refreshed = post(&shop, &app, "/api/auth/refresh", &body).await;
    assert_eq!(refreshed.status, 200, "an hour before its end: {refreshed:?}");
    let row = sessions.find_one(doc! {}).await.expect("asked").expect("a session");
    let end = row.get_datetime("expiresAt").expect("an end").timestamp_millis();
    assert_eq!(end, now + 3_600_000, "and not seven days later");
    app.stop().await.expect("stopped");
}
