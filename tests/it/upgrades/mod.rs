//! Read models that another version of the fold made: those of an older one are served and exchanged
//! without anybody's help; those of a newer one are refused.
//!
//! There is no older build here. An older generation is one that this build folded, whose recipe then
//! names another version and whose totals are marked: so every answer tells which one it is of.
//!
//! - here: one process; [`load`]: while events keep coming; [`beside`]: several processes;
//!   [`kills`]: a process that is killed at each step; [`decisions`]: quarantined messages that were
//!   decided about; [`log`]: the log of version 0.1.0.

mod beside;
mod decisions;
mod kills;
mod load;
mod log;

use adaptive_bi::app::App;
use adaptive_bi::projector::status::{Halt, State, Status};
use adaptive_bi::rights::role::Role::Admin;
use adaptive_bi::store::generations::GenerationState;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use projections::family::Family;
use projections::fold::root::FOLD_VERSION;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::commands::{folder, run};
use crate::documents::{Documents, assert_same, of_generation};
use crate::events::{mixed, sale};
use crate::harness::{Answer, Shop, until};
use crate::people::{ask, somebody};
use crate::process::Process;

/// What the totals of an older generation are marked with.
pub const MARK: i64 = 1_000;
const SALES: &str = "/api/metrics/sales";

/// Makes a generation one of another version of the fold, and marks its totals.
pub async fn age(shop: &Shop, generation: u32, versions: i64) {
    let marked = doc! {
        "settings.foldVersion": versions,
        "root.sales.completed.orders": MARK,
        "root.sales.completed.amount": MARK * 10_000,
        "root.buyers.completed": MARK,
        "root.buyers.sold": MARK,
    };
    let checkpoints = shop.database.collection::<Document>("checkpoints");
    let aged = checkpoints.update_one(doc! { "_id": generation }, doc! { "$inc": marked }).await;
    assert_eq!(aged.expect("aged").modified_count, 1);
}

/// Which of the two an answer of all sales is of; fails if its totals do not agree.
pub fn is_marked(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{answer:?}");
    let data = &answer.body["data"];
    let of = |name: &str| data[name].as_f64().expect("a number");
    let mark = f64::from(i32::try_from(MARK).expect("small"));
    let marked = ["totalOrders", "totalRevenue", "uniqueCustomers"].map(|it| of(it) >= mark);
    assert!(marked == [marked[0]; 3], "of two generations: {data}");
    marked[0]
}

/// A shop whose events were folded by an older version, which runs no more; and its position.
pub async fn of_before(events: &[(&str, Value)]) -> (Shop, u64) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(events).await;
    shop.folded(position).await;
    app.stop().await.expect("stopped");
    age(&shop, 1, -1).await;
    (shop, position)
}

/// A few sales of small amounts.
pub fn sales(from: usize, to: usize) -> Vec<(&'static str, Value)> {
    let one = |n: usize| sale(&format!("s{n}"), &format!("u{}", n % 7), 1, json!({}));
    (from..to).map(|n| ("transaction", one(n))).collect()
}

/// Keeps everybody from working on generations, as a command that is under way does.
pub async fn hold_rebuilds(shop: &Shop) {
    let until = chrono::Utc::now().timestamp_millis() + 3_600_000;
    let held = doc! { "$set": {
        "owner": "another", "renewedAt": mongodb::bson::DateTime::from_millis(until),
    } };
    let leases = shop.database.collection::<Document>("leases");
    leases.update_one(doc! { "_id": "rebuild" }, held).upsert(true).await.expect("held");
}

/// Ends that.
pub async fn let_rebuilds_go(shop: &Shop) {
    let leases = shop.database.collection::<Document>("leases");
    leases.delete_one(doc! { "_id": "rebuild" }).await.expect("let go");
}

/// Waits until a projector is in a state that fits, and returns it.
pub async fn becomes(of: &watch::Receiver<Status>, fits: impl Fn(&State) -> bool) -> State {
    until("the state", || async {
        let state = of.borrow().state.clone();
        if fits(&state) { Ok(state) } else { Err(format!("{state:?}")) }
    })
    .await
}

/// The words of a halt for which older read models are not exchanged.
async fn older_fold(app: &App) -> String {
    match becomes(&app.shop().status, |it| matches!(it, State::Halted(_))).await {
        State::Halted(halt @ Halt::OlderFold { .. }) => halt.to_string(),
        other => panic!("{other:?}"),
    }
}

pub async fn states(shop: &Shop) -> Vec<(u32, GenerationState)> {
    let all = shop.store().await.generations().await.expect("generations");
    all.into_iter().map(|it| (it.number, it.state)).collect()
}

/// Waits until a generation is live.
pub async fn is_live(shop: &Shop, generation: u32) {
    let store = shop.store().await;
    until("the exchange", || async {
        let live = store.live().await.expect("answered");
        if live == Some(generation) { Ok(()) } else { Err(format!("{live:?}")) }
    })
    .await;
}

/// Waits until a generation has folded up to a position.
pub async fn reaches(shop: &Shop, generation: u32, position: u64) {
    let store = shop.store().await;
    until("the fold", || async {
        let at = store.checkpoint(generation).await.expect("answered").map(|it| it.position);
        if at >= Some(position) { Ok(()) } else { Err(format!("{at:?}")) }
    })
    .await;
}

/// Checks that a generation is what a fold of the whole log into another database makes.
pub async fn is_as_folded_anew(shop: &Shop, generation: u32, position: u64) {
    let anew = shop.sibling().await;
    let running = anew.project(adaptive_bi::projector::batch::BatchLimits::default()).await;
    anew.folded(position).await;
    running.stop().await;
    let other = of_generation(&anew.database, 1).await;
    assert_same(&other, &of_generation(&shop.database, generation).await);
}

/// All that the store holds of read models.
async fn everything(shop: &Shop) -> Documents {
    let mut all = Documents::new();
    for name in shop.database.list_collection_names().await.expect("collections") {
        let found = shop.database.collection::<Document>(&name).find(doc! {}).await;
        let found: Vec<Document> = found.expect("documents").try_collect().await.expect("them");
        let keyed = found.into_iter().enumerate();
        all.insert(name, keyed.map(|(n, it)| (n.to_string(), it)).collect());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_ones_are_served_and_said_to_be_so_until_they_are_exchanged_by_themselves() {
    let (shop, first) = of_before(&sales(0, 20)).await;
    let last = shop.publish_all(&sales(20, 25)).await;
    hold_rebuilds(&shop).await;
    let app = shop.start().await;
    let root = somebody(&app, "root", Admin).await;
    becomes(&app.shop().status, |it| matches!(it, State::Upgrading(_))).await;

    let old = shop.get_with(&app, SALES, &[]).await;
    assert!(is_marked(&old));
    let versions = format!("from={}; to={FOLD_VERSION}", FOLD_VERSION - 1);
    let told = ["x-generation", "x-position", "x-upgrading", "x-halted"].map(|it| old.header(it));
    assert_eq!(told, ["1", &first.to_string(), &versions, ""]);
    until("its age", || async {
        let old = shop.get_with(&app, SALES, &[]).await;
        let lag = old.header("x-lag").to_owned();
        if lag == (last - first).to_string() { Ok(()) } else { Err(lag) }
    })
    .await;
    let upgrading = json!({ "from": FOLD_VERSION - 1, "to": FOLD_VERSION });
    let ready = shop.get_with(&app, "/health/ready", &[]).await;
    let projector = &ready.body["services"]["projector"];
    assert_eq!((ready.status, &projector["status"]), (200, &json!("upgrading")), "{ready:?}");
    assert_eq!((&projector["upgrading"], &projector["lag"]), (&upgrading, &json!(5)));
    let shown = ask(&shop, &app, Method::GET, "/api/projections", &root.token).await;
    let projector = &shown.body["data"]["projector"];
    assert_eq!((&projector["state"], &projector["upgrading"]), (&json!("upgrading"), &upgrading));
    let metrics = ask(&shop, &app, Method::GET, "/metrics", &root.token).await;
    let metrics = metrics.body.as_str().unwrap_or_default().to_owned();
    assert!(metrics.contains("adaptive_bi_projection_upgrading"), "{metrics}");
    let ran = run(&["project", "status"], &shop.environment(), &folder("upgrading")).await;
    assert!(ran.stdout.contains("upgrading: version") && ran.code == Some(0), "{ran:?}");

    let_rebuilds_go(&shop).await;
    is_live(&shop, 2).await;
    let new = shop.data(&app, SALES, last).await;
    assert_eq!((&new["totalOrders"], &new["uniqueCustomers"]), (&json!(25), &json!(7)));
    let new = shop.get_with(&app, SALES, &[]).await;
    assert_eq!((new.header("x-generation"), new.header("x-upgrading")), ("2", ""));
    becomes(&app.shop().status, |it| *it == State::Running).await;
    let shown = ask(&shop, &app, Method::GET, "/api/projections", &root.token).await;
    let command = &shown.body["data"]["lastCommand"];
    assert_eq!((&command["command"], &command["done"]), (&json!("upgrade"), &json!(true)));
    assert_eq!(states(&shop).await, [(1, GenerationState::Kept), (2, GenerationState::Live)]);
    let more = shop.publish_all(&sales(25, 26)).await;
    assert_eq!(shop.data(&app, SALES, more).await["totalOrders"], 26);
    app.stop().await.expect("stopped");
    is_as_folded_anew(&shop, 2, more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_is_left_to_the_operator_older_ones_are_served_and_it_says_what_to_run() {
    let (mut shop, first) = of_before(&sales(0, 20)).await;
    let last = shop.publish_all(&sales(20, 25)).await;
    shop.settings.rebuild_on_upgrade = adaptive_bi::config::Switch::Off;
    let app = shop.start().await;
    let said = older_fold(&app).await;
    for part in ["REBUILD_ON_UPGRADE is off", "`project rebuild`", "`project switch`"] {
        assert!(said.contains(part), "{said}");
    }
    let old = shop.get_with(&app, SALES, &[]).await;
    assert!(is_marked(&old));
    until("the halt to be told", || async {
        let old = shop.get_with(&app, SALES, &[]).await;
        let halted = old.header("x-halted").to_owned();
        if halted == "older-fold" { Ok(()) } else { Err(halted) }
    })
    .await;
    let ready = shop.get_with(&app, "/health/ready", &[]).await;
    let halted = &ready.body["services"]["projector"]["halted"];
    assert_eq!((ready.status, halted), (503, &json!("older-fold")));
    assert_eq!(states(&shop).await, [(1, GenerationState::Live)], "nothing was made");
    assert_eq!(old.header("x-position"), first.to_string());

    for action in ["rebuild", "switch"] {
        let ran = run(&["project", action], &shop.environment(), &folder("by-hand")).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert_eq!(shop.data(&app, SALES, last).await["totalOrders"], 25);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_ones_are_refused_at_start_and_nothing_is_written() {
    let (shop, _) = of_before(&mixed(50, 301)).await;
    age(&shop, 1, 2).await;
    let before = everything(&shop).await;
    let (status, said) = Process::start(&shop, &[]).ended().await;
    let said = said.join("\n");
    assert_eq!(status.code(), Some(1), "{said}");
    let newer = format!("made by version {} of the fold", FOLD_VERSION + 1);
    for part in [&*newer, "this program is older", "`project switch`"] {
        assert!(said.contains(part), "{said}");
    }
    assert_same(&before, &everything(&shop).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_runs_when_newer_ones_are_made_live_answers_no_more_and_writes_nothing() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let last = shop.publish_all(&sales(0, 20)).await;
    shop.folded(last).await;
    let store = shop.store().await;
    let generations = adaptive_bi::projector::Generations::new(
        store.clone(),
        shop.log.clone(),
        shop.settings.fold(),
    );
    let next = generations.rebuild(&CancellationToken::new()).await.expect("rebuilt");
    age(&shop, next, 1).await;
    assert!(store.switch_live((1, last), next, last).await.expect("answered"));
    let halts = |it: &State| matches!(it, State::Halted(Halt::NewerFold { .. }));
    becomes(&app.shop().status, halts).await;
    shop.publish_all(&sales(20, 30)).await;
    until("no answer", || async {
        let answer = shop.get_with(&app, SALES, &[]).await;
        if answer.status == 503 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    let ready = shop.get_with(&app, "/health/ready", &[]).await;
    let services = &ready.body["services"];
    assert_eq!((ready.status, &services["projector"]["halted"]), (503, &json!("newer-fold")));
    assert_eq!(services["database"]["status"], "up");
    assert_eq!(store.checkpoint(next).await.expect("answered").expect("one").position, last);
    // It holds nobody up who can fold them.
    assert_eq!(store.lease_pid().await.expect("answered"), None);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_older_ones_lack_is_not_yet_made() {
    let (mut shop, _) = of_before(&[mixed(120, 302), sales(0, 10)].concat()).await;
    // Before the first version there was nothing.
    age(&shop, 1, 1 - i64::from(FOLD_VERSION)).await;
    shop.settings.rebuild_on_upgrade = adaptive_bi::config::Switch::Off;
    let app = shop.launch().await;
    for path in [SALES, "/api/metrics/products", "/api/metrics/customers", "/api/dashboard/summary"]
    {
        let answer = shop.get_with(&app, path, &[]).await;
        let of = (answer.status, &answer.body["type"], answer.header("retry-after"));
        assert_eq!(of, (503, &json!("not-yet-made"), "30"), "{path}: {answer:?}");
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("since version 1 of the fold"), "{detail}");
    }
    // A view that can do without asks first.
    let snapshot = shop.store().await.snapshot().await.expect("read").expect("a generation");
    let memory = adaptive_bi::query::memory::Memory::default();
    assert!(!memory.of(&snapshot).has(Family::Sales));
    assert!(snapshot.has(0) && !snapshot.has(1));
    // Nor can anything be tried on them.
    let root = somebody(&app, "root", Admin).await;
    let quarantine = ask(&shop, &app, Method::GET, "/api/quarantine", &root.token).await;
    let position = &quarantine.body["data"]["events"][0]["position"];
    let path = format!("/api/quarantine/{position}/replay?dryRun=true");
    let body = json!({ "payload": sale("new", "ann", 1, json!({})), "kind": "transaction" });
    let tried = crate::people::tell(&shop, &app, &path, &root.token, &body).await;
    assert_eq!((tried.status, &tried.body["type"]), (503, &json!("not-yet-made")), "{tried:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_and_another_log_stay_the_operators() {
    let (mut shop, _) = of_before(&sales(0, 20)).await;
    shop.settings.activity_window_hours = 48;
    let app = shop.start().await;
    becomes(&app.shop().status, |it| *it == State::Halted(Halt::AnotherFold)).await;
    app.stop().await.expect("stopped");
    shop.settings.activity_window_hours = 24;

    // Of an empty log, figures could only be fewer.
    let stream = &shop.settings.nats_stream;
    let found = shop.jetstream.get_stream(stream).await.expect("the stream");
    let config = found.cached_info().config.clone();
    shop.jetstream.delete_stream(stream).await.expect("deleted");
    shop.jetstream.create_stream(config).await.expect("made again");
    let app = shop.start().await;
    let halts = |it: &State| matches!(it, State::Halted(Halt::LogBehind { .. }));
    becomes(&app.shop().status, halts).await;
    assert!(is_marked(&shop.get_with(&app, SALES, &[]).await));
    assert_eq!(states(&shop).await, [(1, GenerationState::Live)]);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_its_first_events_makes_none_and_it_says_so() {
    let (shop, position) = of_before(&sales(0, 20)).await;
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    stream.purge().sequence(position - 5).await.expect("purged");
    let app = shop.start().await;
    let halt = older_fold(&app).await;
    assert!(halt.contains("the log begins at 15"), "{halt}");
    assert!(is_marked(&shop.get_with(&app, SALES, &[]).await));
    app.stop().await.expect("stopped");
}
