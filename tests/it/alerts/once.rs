//! An alert is recorded once, whichever process sees it, and told though one dies over it.

use std::collections::BTreeSet;

use adaptive_bi::alerts::deliver::DELIVERED;
use adaptive_bi::alerts::evaluate::RECORDED;
use adaptive_bi::config::Switch;
use adaptive_bi::rights::role::Role;
use mongodb::bson::{DateTime, Document, doc};
use reqwest::Method;
use serde_json::json;

use super::program::Program;
use super::{above, history, id, looked_at, make, ready, recorded, rule, sell};
use crate::harness::{Shop, until};
use crate::mail;
use crate::people::{ask, somebody, tell};
use crate::process::Process;

/// The settings under which a process tells by webhook here, and by mail.
fn variables(smtp_url: &str) -> [(&'static str, String); 3] {
    [
        ("ALERT_WEBHOOK_PRIVATE", "on".to_owned()),
        ("SMTP_URL", smtp_url.to_owned()),
        ("MAIL_FROM", "bi@example.org".to_owned()),
    ]
}

/// A process of the shop that dies at a place.
fn process(shop: &Shop, smtp_url: &str, place: &str) -> Process {
    let mut all = variables(smtp_url).to_vec();
    all.push(("FAILPOINTS", format!("{place}=return")));
    let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Process::start(shop, &all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_records_it_and_both_tell_of_it() {
    let mut shop = Shop::new().await;
    shop.settings.alert_webhook_private = Switch::On;
    let (app, other) = (shop.start().await, shop.start().await);
    let mut program = Program::start(&[]).await;
    sell(&shop, "t0", 9).await;
    let ann = somebody(&app, "ann", Role::Viewer).await;
    let mut ids = BTreeSet::new();
    for n in 0..20 {
        let mut rule = rule(&format!("r{n}"), "totalRevenue", above(20 + n));
        rule["deliver"] = json!({ "webhook": { "url": program.url() } });
        ids.insert(id(&make(&shop, &app, &ann, &rule).await));
    }
    for it in &ids {
        looked_at(&shop, &app, &ann, it, 1).await;
        looked_at(&shop, &other, &ann, it, 1).await;
    }
    let mut listening = [app.shop().alerts.listen(), other.shop().alerts.listen()];
    sell(&shop, "t1", 100).await;
    for listening in &mut listening {
        let mut told = BTreeSet::new();
        while told.len() < ids.len() {
            let next =
                tokio::time::timeout(std::time::Duration::from_mins(1), listening.recv()).await;
            let next = next.expect("told in time").expect("it goes on");
            assert!(told.insert(next.alert.alert_id.clone()), "told twice: {next:?}");
        }
        assert_eq!(told, ids);
    }
    let mut told = BTreeSet::new();
    while told.len() < ids.len() {
        let heard = program.hears().await.body();
        assert!(told.insert(heard["alertId"].as_str().expect("an id").to_owned()), "{heard}");
    }
    until("messages that are delivered", || async {
        let all = history(&shop, &app, &ann).await;
        let is_sent = |it: &serde_json::Value| it["deliveries"][0]["state"] == "sent";
        if all.iter().all(is_sent) { Ok(()) } else { Err(format!("{all:?}")) }
    })
    .await;
    assert_eq!(history(&shop, &app, &ann).await.len(), 20);
    assert!(program.heard_all());
    app.stop().await.expect("stopped");
    other.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_recorded_before_it_died_is_told_by_the_next() {
    let (smtp_url, mut mails) = mail::server().await;
    let mut program = Program::start(&[]).await;
    let mut shop = Shop::new().await;
    shop.settings.alert_webhook_private = Switch::On;
    (shop.settings.smtp_url, shop.settings.mail_from) =
        (Some(smtp_url.clone().into()), Some("bi@example.org".to_owned()));
    let app = shop.start().await;
    sell(&shop, "t0", 9).await;
    let ann = somebody(&app, "ann", Role::Viewer).await;
    let mut rule = rule("high", "totalRevenue", above(20));
    rule["deliver"] = json!({ "mail": true, "webhook": { "url": program.url() } });
    let made = make(&shop, &app, &ann, &rule).await;
    looked_at(&shop, &app, &ann, &id(&made), 1).await;
    app.stop().await.expect("stopped");

    let dying = process(&shop, &smtp_url, RECORDED);
    dying.says("listening").await;
    shop.publish("transaction", crate::events::sale("t1", "ann", 20, json!({})).to_string()).await;
    dying.dies().await;
    assert!(mails.try_recv().is_err() && program.heard_all(), "nobody was told yet");

    // The next dies when it has told one, and has not noted that.
    process(&shop, &smtp_url, DELIVERED).dies().await;
    let deliveries = shop.database.collection::<Document>("alert_deliveries");
    let waiting = deliveries.count_documents(doc! { "state": "waiting" }).await.expect("a count");
    assert!(waiting > 0);
    // The time of those who claimed them is over.
    let over = doc! { "$set": { "nextAt": DateTime::from_millis(0) } };
    deliveries.update_many(doc! { "state": "waiting" }, over).await.expect("written");

    let app = shop.start().await;
    let all = until("delivered messages", || async {
        let all = history(&shop, &app, &ann).await;
        let of_it = all[0]["deliveries"].as_array().cloned().unwrap_or_default();
        let is_sent = of_it.len() == 2 && of_it.iter().all(|it| it["state"] == "sent");
        if is_sent { Ok(all) } else { Err(format!("{all:?}")) }
    })
    .await;
    assert_eq!(all.len(), 1, "{all:?}");
    let crossing = all[0]["id"].as_str().expect("an id");
    let mut message_ids = BTreeSet::new();
    while let Ok(mail) = mails.try_recv() {
        let id = mail.lines().find(|line| line.starts_with("Message-ID: ")).expect("an id");
        assert!(id.contains(crossing), "{mail}");
        message_ids.insert(id.to_owned());
    }
    assert_eq!(message_ids.len(), 1, "at least one mail, and all of them the same");
    let heard = program.hears().await;
    assert_eq!((heard.header("webhook-id"), &heard.body()["id"]), (crossing, &json!(crossing)));
    while !program.heard_all() {}
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_models_that_are_made_anew_and_switched_to_record_nothing() {
    let (shop, app, ann) = ready().await;
    let root = somebody(&app, "root", Role::Admin).await;
    let high = make(&shop, &app, &ann, &rule("high", "totalRevenue", above(20))).await;
    let higher = make(&shop, &app, &ann, &rule("higher", "totalRevenue", above(100))).await;
    looked_at(&shop, &app, &ann, &id(&high), 1).await;
    for n in 1..30 {
        sell(&shop, &format!("t{n}"), 1).await;
    }
    recorded(&shop, &app, &ann, 1).await;

    let begun = tell(&shop, &app, "/api/projections/rebuild", &root.token, &json!({})).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    until("the end of it", || async {
        let told = ask(&shop, &app, Method::GET, "/api/projections", &root.token).await;
        let data = told.body["data"].clone();
        let is_over = data["work"].is_null() && data["lastCommand"]["command"] == "rebuild";
        if is_over { Ok(()) } else { Err(data.to_string()) }
    })
    .await;
    let to = json!({ "generation": 2 });
    let switched = tell(&shop, &app, "/api/projections/switch", &root.token, &to).await;
    assert_eq!(switched.status, 200, "{switched:?}");
    let event = crate::events::sale("u1", "ann", 1, json!({}));
    let position = shop.publish("transaction", event.to_string()).await;
    for made in [&high, &higher] {
        let state = looked_at(&shop, &app, &ann, &id(made), position).await;
        assert_eq!(state["value"], 39.0, "{state}");
    }
    let alerts = shop.database.collection::<Document>("alerts");
    until("the other generation", || async {
        let on_it = doc! { "state.generation": 2 };
        let count = alerts.count_documents(on_it).await.expect("a count");
        if count == 2 { Ok(()) } else { Err(count.to_string()) }
    })
    .await;
    assert_eq!(history(&shop, &app, &ann).await.len(), 1);
    let state = looked_at(&shop, &app, &ann, &id(&high), position).await;
    assert_eq!((&state["holds"], &state["crossings"]), (&json!(true), &json!(1)), "{state}");
    app.stop().await.expect("stopped");
}
