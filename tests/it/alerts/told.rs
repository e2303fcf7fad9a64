//! How an alert is told: by the topic, by mail and by webhook.

use adaptive_bi::app::App;
use adaptive_bi::config::Switch;
use adaptive_bi::rights::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::program::Program;
use super::{above, data, history, id, looked_at, make, ready, recorded, rule, sell};
use crate::harness::{Shop, until};
use crate::people::{Somebody, somebody};
use crate::stream::client::{Client, Events, Socket};
use crate::{mail, push};

/// A shop that may tell programs on this machine, with a sale of 9, and a viewer.
async fn ready_for_programs() -> (Shop, App, Somebody) {
    let mut shop = Shop::new().await;
    shop.settings.alert_webhook_private = Switch::On;
    let app = shop.start().await;
    sell(&shop, "t0", 9).await;
    let ann = somebody(&app, "ann", Role::Viewer).await;
    (shop, app, ann)
}

/// The alerts of the topic, as a client has them.
fn alerts(client: &Client) -> Vec<Value> {
    client.data("alerts")["alerts"].as_array().expect("a list").clone()
}

/// Hears events until there are so many alerts.
async fn hear(events: &mut Events, client: &mut Client, count: usize) {
    let has_none = |client: &Client| client.topics.get("alerts").is_none_or(|it| it.is_lost);
    while has_none(client) || alerts(client).len() < count {
        assert!(events.next(client).await, "it ended: {client:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn socket_io_tells_those_it_is_for_as_it_is_recorded() {
    let (shop, app, ann) = ready().await;
    let bob = somebody(&app, "bob", Role::Viewer).await;
    let own = make(&shop, &app, &ann, &rule("ann's", "totalRevenue", above(20))).await;
    looked_at(&shop, &app, &ann, &id(&own), 1).await;
    let mut of_ann = push::Socket::signed_in(&shop, &app, &ann.token).await;
    let mut of_bob = push::Socket::signed_in(&shop, &app, &bob.token).await;
    sell(&shop, "t1", 20).await;
    let alert = of_ann.next("alert").await;
    assert_eq!((&alert["alertId"], &alert["kind"]), (&json!(id(&own)), &Value::Null), "{alert}");
    of_bob.emit(json!(["heartbeat"])).await;
    of_bob.next("heartbeat_ack").await;
    assert!(!of_bob.has_seen("alert"), "nothing of ann's");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_topic_has_those_of_a_person_and_of_their_role() {
    let (shop, app, ann) = ready().await;
    let (root, bob) =
        (somebody(&app, "root", Role::Admin).await, somebody(&app, "bob", Role::Viewer).await);
    let own = make(&shop, &app, &ann, &rule("ann's", "totalRevenue", above(20))).await;
    let mut of_viewers = rule("for viewers", "totalRevenue", above(30));
    of_viewers["role"] = json!("viewer");
    let of_viewers = make(&shop, &app, &root, &of_viewers).await;
    looked_at(&shop, &app, &ann, &id(&own), 1).await;
    looked_at(&shop, &app, &root, &id(&of_viewers), 1).await;

    let open = async |who: &Somebody| {
        let request = shop.request(&app, Method::GET, "/api/stream?topics=alerts");
        Events::open(request.bearer_auth(&who.token)).await
    };
    let (mut of_ann, mut of_bob, mut of_root) =
        (Client::default(), Client::default(), Client::default());
    let (mut first, mut second, mut third) =
        (open(&ann).await, open(&bob).await, open(&root).await);
    hear(&mut first, &mut of_ann, 0).await;
    hear(&mut second, &mut of_bob, 0).await;
    hear(&mut third, &mut of_root, 0).await;
    assert!(alerts(&of_ann).is_empty());

    sell(&shop, "t1", 20).await;
    hear(&mut first, &mut of_ann, 1).await;
    assert_eq!(alerts(&of_ann)[0]["alertId"], id(&own));
    sell(&shop, "t2", 20).await;
    hear(&mut first, &mut of_ann, 2).await;
    hear(&mut second, &mut of_bob, 1).await;
    assert_eq!(alerts(&of_ann)[0]["alertId"], id(&of_viewers), "the newest first");
    let names = |client: &Client| -> Vec<Value> {
        alerts(client).iter().map(|it| it["name"].clone()).collect()
    };
    assert_eq!(names(&of_bob), ["for viewers"], "nothing of ann's");
    assert!(alerts(&of_root).is_empty(), "nor is an admin told what viewers are");
    assert_eq!(history(&shop, &app, &ann).await[0]["id"], alerts(&of_ann)[0]["id"]);

    // Who was away has them all the same.
    let mut back = Client::default();
    let mut events = open(&bob).await;
    hear(&mut events, &mut back, 1).await;
    assert_eq!(alerts(&back), alerts(&of_bob));

    // A program is nobody's role.
    let mut socket = Socket::open(&app, "/api/ws", Some(&shop.key)).await;
    socket.say(json!({ "type": "subscribe", "topics": ["alerts"] })).await;
    let refused = socket.word(&mut Client::default(), "refused").await;
    assert_eq!((&refused["topic"], &refused["status"]), (&json!("alerts"), &json!(403)));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_mailed_to_a_person_and_to_everybody_of_a_role() {
    let (smtp_url, mut mails) = mail::server().await;
    let mut shop = Shop::new().await;
    (shop.settings.smtp_url, shop.settings.mail_from) =
        (Some(smtp_url.into()), Some("Adaptive BI <bi@example.org>".to_owned()));
    let app = shop.start().await;
    sell(&shop, "t0", 9).await;
    let root = somebody(&app, "root", Role::Admin).await;
    for name in ["ann", "bob"] {
        somebody(&app, name, Role::Viewer).await;
    }
    somebody(&app, "eve", Role::Manager).await;
    let mut rule = rule("Good day", "totalRevenue", above(20));
    (rule["role"], rule["deliver"]) = (json!("viewer"), json!({ "mail": true }));
    let made = make(&shop, &app, &root, &rule).await;
    looked_at(&shop, &app, &root, &id(&made), 1).await;
    sell(&shop, "t1", 20).await;
    let mut to = Vec::new();
    for _ in 0..2 {
        let mail = tokio::time::timeout(std::time::Duration::from_mins(1), mails.recv()).await;
        let mail = mail.expect("a mail in time").expect("a mail");
        for part in ["Subject: Alert: Good day", "It is above 20.", "Now: 29"] {
            assert!(mail.contains(part), "{part}: {mail}");
        }
        let line = mail.lines().find(|line| line.starts_with("To: ")).expect("a recipient");
        to.push(line.to_owned());
    }
    to.sort();
    assert_eq!(to, ["To: ann@example.org", "To: bob@example.org"]);
    until("all of them noted", || async {
        let all = history(&shop, &app, &root).await;
        let of_it = all[0]["deliveries"].as_array().cloned().unwrap_or_default();
        let is_sent = of_it.len() == 2 && of_it.iter().all(|it| it["state"] == "sent");
        if is_sent { Ok(()) } else { Err(format!("{all:?}")) }
    })
    .await;
    assert!(mails.try_recv().is_err(), "and nobody else");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_gets_it_signed_and_again_until_it_takes_it() {
    let (shop, app, ann) = ready_for_programs().await;
    let mut program = Program::start(&[500, 307]).await;
    let mut rule = rule("high", "totalRevenue", above(20));
    rule["deliver"] = json!({ "webhook": { "url": program.url() } });
    let made = make(&shop, &app, &ann, &rule).await;
    let secret = made["webhookSecret"].as_str().expect("a secret");
    looked_at(&shop, &app, &ann, &id(&made), 1).await;
    sell(&shop, "t1", 20).await;
    let all = recorded(&shop, &app, &ann, 1).await;
    for _ in 0..3 {
        let heard = program.hears().await;
        assert_eq!(heard.path, "/hook", "a redirect is not followed");
        assert!(heard.is_signed_with(secret), "{heard:?}");
        assert!(!heard.is_signed_with("whsec_another"));
        assert_eq!(heard.header("content-type"), "application/json");
        assert_eq!(heard.header("webhook-id"), all[0]["id"]);
        let body = heard.body();
        for (member, value) in body.as_object().expect("members") {
            assert_eq!(&all[0][member], value, "{member}");
        }
        assert_eq!((&body["name"], &body["value"]), (&json!("high"), &json!(29.0)));
    }
    let sent = until("the end of it", || async {
        let all = history(&shop, &app, &ann).await;
        let sent = all[0]["deliveries"][0].clone();
        if sent["state"] == "sent" { Ok(sent) } else { Err(format!("{all:?}")) }
    })
    .await;
    assert_eq!(
        (&sent["attempts"], &sent["error"], &sent["by"]),
        (&json!(3), &Value::Null, &json!("webhook"))
    );

    // The secret is shown once, stays with the address, and is in no other answer.
    let path = format!("/api/alerts/{}", id(&made));
    let shown = data(&shop, &app, &ann, Method::GET, &path, &json!({})).await.to_string();
    let changed = data(&shop, &app, &ann, Method::PUT, &path, &rule).await;
    assert_eq!(changed["webhookSecret"], Value::Null);
    assert!(!format!("{shown}{changed}").contains(secret));
    rule["deliver"]["webhook"]["url"] = json!(program.url() + "?other");
    let changed = data(&shop, &app, &ann, Method::PUT, &path, &rule).await;
    assert!(changed["webhookSecret"].is_string() && changed["webhookSecret"] != secret);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_network_is_not_reached_by_a_name_either() {
    let (shop, app, ann) = ready().await;
    let mut program = Program::start(&[]).await;
    let mut rule = rule("high", "totalRevenue", above(20));
    let url = format!("https://localhost:{}/hook", program.port);
    rule["deliver"] = json!({ "webhook": { "url": url } });
    let made = make(&shop, &app, &ann, &rule).await;
    looked_at(&shop, &app, &ann, &id(&made), 1).await;
    sell(&shop, "t1", 20).await;
    let failed = until("the end of it", || async {
        let all = history(&shop, &app, &ann).await;
        let told = all.first().map(|it| it["deliveries"][0].clone()).unwrap_or_default();
        if told["state"] == "failed" { Ok(told) } else { Err(format!("{all:?}")) }
    })
    .await;
    assert_eq!(failed["error"], "the address leads to a private network", "{failed}");
    assert_eq!(failed["attempts"], 1);
    assert!(program.heard_all());
    app.stop().await.expect("stopped");
}
