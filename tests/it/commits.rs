//! Group commit: events of many callers in batches that the log takes as a whole, and what becomes
//! of each event whatever becomes of its batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use adaptive_bi::stream::acknowledgement::{Refusal, Stored};
use adaptive_bi::stream::hole::Accepted;
use adaptive_bi::stream::lane::Lane;
use adaptive_bi::stream::publish::{Again, Outgoing};
use adaptive_bi::stream::read::Next;
use adaptive_bi::stream::{Log, Record};
use async_nats::jetstream;
use projections::event::Kind;
use serde_json::{Value, json};
use services::Server;

use crate::harness::Shop;
use crate::servers::{self, Servers, data_dir};

type Outcome = Result<Stored, Refusal>;

/// A stock event: the number is its place among those of its product.
fn stock(product: &str, number: usize) -> Outgoing {
    let body = json!({ "productId": product, "stock": number }).to_string();
    let entity = product.to_owned();
    Outgoing { kind: Kind::Stock, entity, body: body.into(), message_id: None, replay_of: None }
}

/// Every outcome of a lane.
async fn outcomes(lane: &mut Lane) -> BTreeMap<usize, Outcome> {
    let mut outcomes = BTreeMap::new();
    while let Some((index, outcome)) = lane.next().await {
        assert!(outcomes.insert(index, outcome).is_none(), "{index} is told twice");
    }
    outcomes
}

fn position(outcome: &Outcome) -> u64 {
    outcome.as_ref().expect("taken").position
}

/// The messages of a log.
async fn messages(log: &Log) -> Vec<Record> {
    let last = log.extent().await.expect("its extent").last;
    let mut reader = log.read_after(0, Accepted::default()).await.expect("a reader");
    let mut messages = Vec::new();
    while (messages.len() as u64) < last {
        let Next::Message(record) = reader.next().await.expect("a message") else { break };
        messages.push(record);
    }
    messages
}

fn batch_of(message: &Record) -> Option<&str> {
    let header = message.headers.iter().find(|(name, _)| name == "Nats-Batch-Id");
    header.map(|(_, id)| id.as_str())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_stands_at_its_position_and_those_of_an_entity_in_order() {
    const EVENTS: usize = 2_500;
    let shop = Shop::new().await;
    let callers = (0..4).map(|caller| {
        let log = shop.log.clone();
        tokio::spawn(async move {
            let mut lane = log.lane();
            for number in 0..EVENTS {
                lane.push(number, stock(&format!("{caller}-{}", number % 300), number)).await;
            }
            outcomes(&mut lane).await
        })
    });
    let told = futures_util::future::join_all(callers).await;
    let log = messages(&shop.log).await;
    assert_eq!(log.len(), 4 * EVENTS);
    for (caller, told) in told.into_iter().enumerate() {
        let told = told.expect("a caller");
        assert_eq!(told.len(), EVENTS);
        for (number, outcome) in told {
            let Outgoing { body, .. } = stock(&format!("{caller}-{}", number % 300), number);
            let index = usize::try_from(position(&outcome)).expect("small") - 1;
            assert_eq!(log[index].payload, body, "{outcome:?}");
        }
    }
    let (mut last, mut sizes) = (HashMap::new(), BTreeMap::<&str, usize>::new());
    for message in &log {
        let body: Value = serde_json::from_slice(&message.payload).expect("JSON");
        let now = body["stock"].as_i64().expect("a number");
        let before = last.insert(body["productId"].to_string(), now);
        assert!(before.is_none_or(|before| before < now), "{body} is behind {before:?}");
        if let Some(batch) = batch_of(message) {
            *sizes.entry(batch).or_default() += 1;
        }
    }
    assert!(sizes.values().all(|size| (2..=1_000).contains(size)), "{sizes:?}");
    assert!(sizes.values().sum::<usize>() > 2 * EVENTS && sizes.len() < 2_000, "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_queued_first_is_on_the_log_first_in_whatever_batch_it_went() {
    const EVENTS: usize = 20_000;
    let shop = Shop::new().await;
    let mut lane = shop.log.lane();
    for number in 0..EVENTS {
        lane.push(number, stock(&format!("p{number}"), number)).await;
        if number % 1_030 < 30 {
            // Those that wait go now: large batches and small ones, and some without.
            lane.send();
            tokio::task::yield_now().await;
        }
    }
    let told = outcomes(&mut lane).await;
    assert_eq!(told.len(), EVENTS);
    for (number, outcome) in &told {
        assert_eq!(position(outcome), *number as u64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_with_duplicates_is_taken_apart_and_each_has_its_position() {
    let shop = Shop::new().await;
    let named = |number: usize| {
        let message_id = Some(format!("change {number}"));
        Outgoing { message_id, ..stock(&format!("p{number}"), number) }
    };
    let mut first = shop.log.lane();
    for number in 0..50 {
        first.push(number, named(number)).await;
    }
    let first = outcomes(&mut first).await;
    let mut second = shop.log.lane();
    for number in 0..100 {
        second.push(number, named(number)).await;
    }
    // And one twice in the same batch.
    second.push(100, named(77)).await;
    let second = outcomes(&mut second).await;
    for (number, outcome) in &first {
        let duplicate = Stored { position: position(outcome), duplicate: true };
        assert_eq!(second[number], Ok(duplicate));
    }
    let log = messages(&shop.log).await;
    assert_eq!(log.len(), 100, "nothing is there twice");
    for number in 50..100 {
        let Ok(Stored { position, duplicate: false }) = second[&number] else {
            panic!("{number}: {:?}", second[&number])
        };
        let index = usize::try_from(position).expect("small") - 1;
        assert_eq!(log[index].payload, named(number).body);
    }
    let twice = Stored { position: position(&second[&77]), duplicate: true };
    assert_eq!(second[&100], Ok(twice));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_takes_nothing_but_the_rest_of_its_entity_with_it() {
    let shop = Shop::new().await;
    let name = &shop.settings.nats_stream;
    let mut stream = shop.jetstream.get_stream(name).await.expect("the stream");
    let mut config = stream.info().await.expect("its settings").config.clone();
    config.max_message_size = 2_000;
    shop.jetstream.update_stream(config).await.expect("changed");
    let mut lane = shop.log.lane();
    let large = json!({ "productId": "p3", "stock": 1, "note": "x".repeat(3_000) }).to_string();
    for number in 0..20 {
        let event = stock(&format!("p{}", number % 10), number);
        let body = if number == 3 { large.clone().into() } else { event.body.clone() };
        lane.push(number, Outgoing { body, ..event }).await;
    }
    // What is queued goes with this one, which is refused as well.
    let expects = Again {
        subject: format!("{}.stock.q", shop.settings.subject_prefix),
        headers: vec![("Nats-Expected-Last-Sequence".to_owned(), "999".to_owned())],
        body: stock("q", 1).body,
        message_id: "q".to_owned(),
        replay_of: 1,
    };
    let refused = shop.log.publish_again(expects, Kind::Stock, "q").await;
    assert!(
        matches!(refused, Err(Refusal::Refused(ref it)) if it.contains("10071")),
        "{refused:?}"
    );
    let told = outcomes(&mut lane).await;
    for (number, outcome) in &told {
        match number {
            3 => assert!(matches!(outcome, Err(Refusal::Refused(_))), "{outcome:?}"),
            13 => assert_eq!(outcome, &Err(Refusal::Unsent)),
            _ => assert!(outcome.is_ok(), "{number}: {outcome:?}"),
        }
    }
    let there: BTreeSet<_> = messages(&shop.log).await.into_iter().map(|it| it.payload).collect();
    let taken = (0..20).filter(|it| it % 10 != 3);
    let taken: BTreeSet<_> = taken.map(|it| stock(&format!("p{}", it % 10), it).body).collect();
    assert_eq!(there, taken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_fits_alone_and_not_in_a_batch_goes_alone() {
    const LARGEST: usize = 1 << 20;
    let shop = Shop::new().await;
    let mut lane = shop.log.lane();
    let of_bytes = |bytes: usize| {
        let shell = json!({ "productId": "large", "stock": 1, "note": "" }).to_string().len();
        let note = "x".repeat(bytes - shell);
        let body = json!({ "productId": "large", "stock": 1, "note": note }).to_string();
        Outgoing { body: body.into(), ..stock("large", 1) }
    };
    lane.push(0, stock("a", 1)).await;
    lane.push(1, of_bytes(LARGEST)).await;
    lane.push(2, of_bytes(LARGEST + 1)).await;
    lane.push(3, stock("large", 2)).await;
    let told = outcomes(&mut lane).await;
    assert_eq!(told[&2], Err(Refusal::TooLarge(LARGEST)));
    let positions: BTreeSet<_> = [0, 1, 3].map(|it| position(&told[&it])).into();
    assert_eq!(positions, (1..=3).collect());
    assert!(position(&told[&1]) < position(&told[&3]), "its entity goes on behind it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_told_is_lost_or_twice_when_nats_server_is_killed() {
    const EVENTS: usize = 30_000;
    let services = servers::start(data_dir().join("killed-in-batches")).await;
    let shop = Shop::on(&Servers::of(&services)).await;
    for round in 0..2 {
        let log = shop.log.clone();
        let (under_way, is_under_way) = tokio::sync::oneshot::channel();
        let sending = tokio::spawn(async move {
            let (mut lane, mut told) = (log.lane(), BTreeMap::new());
            let mut under_way = Some(under_way);
            for number in 0..EVENTS {
                lane.push(number, stock(&format!("{round}-{}", number % 5_000), number)).await;
                while let Some((index, outcome)) = lane.try_next() {
                    told.insert(index, outcome);
                }
                if told.len() > EVENTS / 6
                    && let Some(under_way) = under_way.take()
                {
                    under_way.send(()).expect("somebody waits");
                }
            }
            told.extend(outcomes(&mut lane).await);
            told
        });
        is_under_way.await.expect("events are taken");
        services.kill(Server::Nats).await.expect("killed");
        services.restart(Server::Nats, &services::to_stderr).await.expect("started again");
        let told = sending.await.expect("every outcome");
        assert_eq!(told.len(), EVENTS);
        let mut times: HashMap<_, Vec<u64>> = HashMap::new();
        for message in messages(&shop.log).await {
            times.entry(message.payload).or_default().push(message.position);
        }
        for (number, outcome) in &told {
            let Outgoing { body, .. } = stock(&format!("{round}-{}", number % 5_000), *number);
            let there = times.get(&body).cloned().unwrap_or_default();
            match outcome {
                Ok(stored) => assert_eq!(there, [stored.position], "{number}"),
                Err(Refusal::Unknown) => assert!(there.len() <= 1, "{number}: {there:?}"),
                Err(refusal) => assert!(there.is_empty(), "{number}: {refusal:?} at {there:?}"),
            }
        }
    }
    // It takes batches as before.
    let mut lane = shop.log.lane();
    for number in 0..100 {
        lane.push(number, stock(&format!("after-{number}"), 1)).await;
    }
    assert!(outcomes(&mut lane).await.values().all(Result::is_ok));
    services.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_stream_is_let_take_batches_and_nothing_else_of_it_changes() {
    let shop = Shop::new().await;
    let name = &shop.settings.nats_stream;
    shop.log.delete().await.expect("deleted");
    let earlier = jetstream::stream::Config {
        name: name.clone(),
        description: Some("made long ago".to_owned()),
        subjects: vec![format!("{}.>", shop.settings.subject_prefix)],
        max_bytes: shop.settings.stream_max_bytes,
        max_consumers: 77,
        max_message_size: 99_999,
        allow_direct: true,
        metadata: HashMap::from([("incarnation".to_owned(), "the first".to_owned())]),
        ..jetstream::stream::Config::default()
    };
    shop.jetstream.create_stream(earlier).await.expect("made");
    let settings = async || -> Value {
        let subject = format!("STREAM.INFO.{name}");
        let info: Value = shop.jetstream.request(subject, &json!({})).await.expect("its settings");
        info["config"].clone()
    };
    let before = settings().await;
    let url = shop.settings.nats_url.clone().expect("given");
    let log = Log::connect(shop.settings.log(&url)).await.expect("the log");
    assert!(log.sends_singly().is_some_and(|reason| reason.contains("allow_atomic")));
    let send = async || {
        let mut lane = log.lane();
        for number in 0..20 {
            lane.push(number, stock(&format!("p{number}"), 1)).await;
        }
        assert!(outcomes(&mut lane).await.values().all(Result::is_ok));
    };
    send().await;
    assert!(messages(&log).await.iter().all(|message| batch_of(message).is_none()));

    log.keep_settings().await.expect("changed");
    assert_eq!(log.sends_singly(), None);
    let mut after = settings().await;
    assert_eq!(after["allow_atomic"], true);
    let mut before = before;
    for settings in [&mut before, &mut after] {
        settings.as_object_mut().expect("settings").remove("allow_atomic");
        // The server's own notes of what it takes to load the stream.
        let metadata = settings["metadata"].as_object_mut().expect("metadata");
        metadata.retain(|name, _| !name.starts_with("_nats."));
    }
    assert_eq!(after, before);
    send().await;
    let messages = messages(&log).await;
    assert_eq!(messages.len(), 40);
    assert!(messages[20..].iter().all(|message| batch_of(message).is_some()));
    assert_eq!(log.extent().await.expect("its extent").incarnation, "the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_takes_back_is_not_on_the_log() {
    let shop = Shop::new().await;
    let (mut gone, mut kept) = (shop.log.lane(), shop.log.lane());
    for number in 0..10 {
        gone.push(number, stock(&format!("gone{number}"), 1)).await;
        kept.push(number, stock(&format!("kept{number}"), 1)).await;
    }
    assert_eq!(gone.withdraw(), (0..10).collect::<Vec<_>>());
    drop(gone);
    assert!(outcomes(&mut kept).await.values().all(Result::is_ok));
    let there: BTreeSet<_> = messages(&shop.log).await.into_iter().map(|it| it.payload).collect();
    assert_eq!(there, (0..10).map(|it| stock(&format!("kept{it}"), 1).body).collect());
}
