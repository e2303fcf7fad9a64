//! Messages that no client can read: the fold gets past them, each is in quarantine byte for byte,
//! and every other reader of foreign messages goes on.

mod wire;

use std::time::Duration;

use adaptive_bi::rights::role::Role;
use adaptive_bi::store::commit::Quarantined;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::{StreamExt, TryStreamExt};
use mongodb::bson::doc;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::time::timeout;

use crate::commands::{folder, run};
use crate::events::sale;
use crate::harness::{Shop, until};
use crate::people::{somebody, tell};
use wire::Bytes;

/// Parts that blocks of headers are put together from; most of them spoil one.
const PIECES: [&[u8]; 20] = [
    b"NATS/1.0\r\n",
    b"NATS/1.0",
    b"NATS/1.0 503\r\n",
    b"a: b\r\n",
    b"Replay-Of: 1\r\n",
    b"X-Bytes: \xff\r\n",
    b"a: x\ry\r\n",
    b"a:\r\n \ry\r\n",
    b"name with spaces: b\r\n",
    b"no colon\r\n",
    b": nameless\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\xe2\x80\xa8",
    "naïve: é\r\n".as_bytes(),
    b"a: \xc3\r\n",
    b"Nats-Pending-Messages: x\r\n",
    b"traceparent: 00-\r\n",
];

/// Blocks of headers for each way in which one can be wrong, and subjects behind the kind.
fn known() -> Vec<Bytes> {
    let block = |rest: &[u8]| [b"NATS/1.0".as_slice(), rest, b"\r\n\r\n"].concat();
    let blocks = [
        block(b"\r\na: x\ry"),
        block(b"\r\na: x\r\n \ry"),
        block(b"\r\na: \xff\xfe"),
        block(b"\r\n\xff: x"),
        block(b"\r\nno colon"),
        block(b"\r\na b: x"),
        block(b"\r\n\x01: x"),
        b"NATS/2.0\r\n\r\n".to_vec(),
        b"\r\n\r\n".to_vec(),
        b"x".to_vec(),
        block(&[b"\r\na: ".as_slice(), &vec![b'x'; 60_000], b"\r\xff"].concat()),
    ];
    let subjects = [
        b"transaction.\xff".as_slice(),
        b"transaction.\xc3\x28.x",
        "transaction.a\u{a0}b".as_bytes(),
        "transaction.\u{2003}.b".as_bytes(),
        b"transaction.a\x0bb",
        "transaction.\u{fffd}".as_bytes(),
        b"\xff.transaction",
    ];
    let of_block = |block| message(b"transaction.x", block, b"{}");
    let of_subject = |subject: &[u8]| message(subject, Vec::new(), b"\xff\0{");
    blocks.into_iter().map(of_block).chain(subjects.into_iter().map(of_subject)).collect()
}

fn message(subject: &[u8], block: Vec<u8>, body: &[u8]) -> Bytes {
    Bytes { subject: subject.to_vec(), block, body: body.to_vec() }
}

/// Blocks put together at random.
fn generated(count: usize, seed: u64) -> Vec<Bytes> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut one = |n: usize| {
        let mut block = if random.random_bool(0.8) { PIECES[0].to_vec() } else { Vec::new() };
        for _ in 0..random.random_range(1..5) {
            block.extend_from_slice(PIECES[random.random_range(0..PIECES.len())]);
        }
        block.extend_from_slice(b"\r\n");
        let body = sale(&format!("g{n}"), "ann", 1, json!({})).to_string();
        message(b"transaction.g", block, body.as_bytes())
    };
    (0..count).map(&mut one).collect()
}

/// The statuses that the server sends to a consumer; a server of 2.12 or newer stores such a
/// message without them.
fn statuses() -> Vec<Bytes> {
    let all: [&[u8]; 9] = [
        b"100 Idle Heartbeat",
        b"200 OK",
        b"404 No Messages",
        b"408 Request Timeout\r\nNats-Pending-Messages: x",
        b"409 Consumer Deleted",
        b"423\r\nNats-Pin-Id: x",
        b"503",
        b"1234",
        b"abc",
    ];
    let block = |status| [b"NATS/1.0 ".as_slice(), status, b"\r\n\r\n"].concat();
    all.into_iter().map(|status| message(b"transaction.x", block(status), b"{}")).collect()
}

/// Puts them on the log with an event behind each; returns the last position.
async fn publish(shop: &Shop, messages: &[Bytes]) -> u64 {
    let url = shop.settings.nats_url.clone().expect("given");
    let of = |subject: &[u8]| {
        let prefix = shop.settings.subject_prefix.as_bytes();
        [prefix, b".".as_slice(), subject].concat()
    };
    let mut all = Vec::new();
    for (n, it) in messages.iter().enumerate() {
        all.push(Bytes { subject: of(&it.subject), ..it.clone() });
        let event = sale(&format!("good{n}"), "bob", 1, json!({})).to_string();
        all.push(Bytes {
            subject: of(b"transaction"),
            ..message(b"", Vec::new(), event.as_bytes())
        });
    }
    let before = shop.log.extent().await.expect("the log").last;
    wire::send(&url, &all).await;
    until("the log to have them", || async {
        let last = shop.log.extent().await.expect("the log").last;
        if last == before + all.len() as u64 {
            Ok(last)
        } else {
            Err(format!("{before} to {last}"))
        }
    })
    .await
}

async fn quarantined(shop: &Shop) -> Vec<Quarantined> {
    let rows = shop.database.collection::<Quarantined>("g1_quarantine");
    let found = rows.find(doc! {}).sort(doc! { "_id": 1 }).await.expect("quarantine");
    found.try_collect().await.expect("quarantine")
}

/// The message at a position as the client library reads it; `None` if that ends the library or it
/// withholds the message.
async fn by_the_client(shop: &Shop, position: u64) -> Option<(String, Vec<(String, String)>)> {
    let client = async_nats::connect(shop.settings.nats_url.as_deref().expect("given")).await;
    let jetstream = async_nats::jetstream::new(client.expect("nats"));
    let stream = jetstream.get_stream(&shop.settings.nats_stream).await.expect("the stream");
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: position },
        ack_policy: AckPolicy::None,
        inactive_threshold: Duration::from_secs(5),
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.stream().max_messages_per_batch(1).messages().await.expect("some");
    let message = timeout(Duration::from_millis(400), messages.next()).await.ok()??.ok()?;
    if message.info().expect("a position").stream_sequence != position {
        return None;
    }
    let headers = message.headers.iter().flat_map(|it| it.iter());
    let pairs = headers.flat_map(|(name, values)| {
        values.iter().map(move |value| (name.to_string(), value.as_str().to_owned()))
    });
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    Some((message.subject.to_string(), pairs))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fold_gets_past_what_no_client_can_read_and_keeps_it_byte_for_byte() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let poison = known();
    let last = publish(&shop, &poison).await;
    let checkpoint = shop.folded(last).await;
    let rows = quarantined(&shop).await;
    assert_eq!(rows.len(), poison.len(), "each of them and nothing else");
    for (n, (row, sent)) in rows.iter().zip(&poison).enumerate() {
        assert_eq!(row.position, 2 * n as u64 + 1);
        assert_eq!(row.payload.bytes(), sent.body, "{row:?}");
        let block = row.header_block.as_ref().map(|it| it.bytes().to_vec());
        assert_eq!(block.as_ref(), Some(&sent.block), "{row:?} {sent:?}");
        let field = if sent.block.is_empty() { "subject" } else { "headers" };
        assert_eq!(row.reasons[0].field, field, "{row:?}");
        assert!(row.reasons[0].message.starts_with("must "), "{row:?}");
    }
    assert_eq!(checkpoint.root.counts.applied, poison.len() as u64, "what stands around them");
    assert_eq!(shop.get(&app, "/health/ready").await.status, 200);

    // Sent again as it was it would be the same; edited it is an event.
    let replay = format!("/api/quarantine/{}/replay", rows[0].position);
    let admin = somebody(&app, "admin", Role::Admin).await;
    let asked = tell(&shop, &app, &replay, &admin.token, &json!({})).await;
    assert_eq!(
        (asked.status, &asked.body["errors"][0]["field"]),
        (400, &json!("payload")),
        "{asked:?}"
    );
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_of_a_log_with_unreadable_messages_equals_what_was_folded_live() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let messages = [generated(150, 1), known(), statuses(), generated(150, 2)].concat();
    let last = publish(&shop, &messages).await;
    let counts = shop.folded(last).await.root.counts;
    assert!(counts.quarantined > 100 && counts.applied > 300, "{counts:?}");
    let (environment, folder) = (shop.environment(), folder("poison"));
    let ran = run(&["project", "rebuild"], &environment, &folder).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = run(&["project", "diff"], &environment, &folder).await;
    assert!(ran.code == Some(0) && ran.stdout.contains("all the same"), "{ran:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_the_same_whether_the_client_reads_it_or_its_bytes_are_asked_for() {
    let shop = Shop::new().await;
    let odd = [b"NATS/1.0 200 OK\r\nb: 1\r\na:  2 \r\n  3\r\nb: 0\r\n\r\n".to_vec(), Vec::new()];
    let trailing = message("transaction.a\u{2003}".as_bytes(), odd[0].clone(), b"{}");
    let odd = odd.map(|block| message(b"transaction.a", block, b"{}"));
    let messages = [odd.to_vec(), vec![trailing], known(), statuses(), generated(40, 3)].concat();
    let last = publish(&shop, &messages).await;
    for position in (1..=last).step_by(2) {
        let raw = shop.log.message(position).await.expect("an answer").expect("a message");
        let read = by_the_client(&shop, position).await;
        match (&raw.unreadable, read) {
            (None, Some(read)) => assert_eq!((raw.subject, raw.headers), read, "at {position}"),
            (Some(_), None) => {}
            // What the client reads and we do not, whichever way it comes: see `stream::raw`.
            (Some(it), Some((subject, _))) => assert!(
                subject.contains(|c: char| c == char::REPLACEMENT_CHARACTER || c.is_whitespace()),
                "at {position}: {it:?}"
            ),
            (None, None) => panic!("the client does not read {position}: {raw:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_messages_are_read_up_to_the_largest_that_the_log_takes() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let most = 1 << 20;
    let block = b"NATS/1.0\r\na: x\ry\r\n\r\n".to_vec();
    let of_body = message(b"transaction", block.clone(), &vec![b'x'; most - block.len()]);
    // More headers than these nats-server does not store.
    let headers = 65_535;
    let mut block = b"NATS/1.0\r\n".to_vec();
    block.resize(headers, b':');
    let of_headers = message(b"transaction", block, &vec![0; most - headers]);
    let mut block = b"NATS/1.0\r\n".to_vec();
    block.extend(b":\n".repeat((headers - block.len()) / 2));
    let of_many = message(b"transaction", block.clone(), &vec![0; most - block.len()]);
    let last = publish(&shop, &[of_body, of_headers, of_many]).await;
    let counts = shop.folded(last).await.root.counts;
    assert_eq!((counts.quarantined, counts.applied), (3, 3), "{counts:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_of_commits_or_waits_for_answers_outlives_what_a_stranger_sends_there() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let url = shop.settings.nats_url.clone().expect("given");
    let client = async_nats::connect(&url).await.expect("nats");
    let mut answers = client.subscribe("adaptive-bi.inbox.>").await.expect("heard");
    client.flush().await.expect("sent");
    let post = async |id: &str| {
        shop.post(&app, "/api/events/transaction", sale(id, "ann", 1, json!({})).to_string()).await
    };
    assert_eq!(post("t0").await.status, 200);
    let stream = &shop.settings.nats_stream;
    let inbox = loop {
        let heard = answers.next().await.expect("an answer").subject.to_string();
        if heard.contains(stream.as_str()) {
            break heard;
        }
    };
    let changes = format!("adaptive-bi.changes.{stream}");
    for (n, subject) in [inbox, changes].into_iter().enumerate() {
        for block in known().into_iter().map(|it| it.block).filter(|it| !it.is_empty()) {
            let subject = subject.clone().into_bytes();
            wire::send(&url, &[Bytes { subject, block, body: b"{}".to_vec() }]).await;
        }
        let position = until("an event to be taken", || async {
            let answer = post(&format!("t{}", n + 1)).await;
            match answer.status {
                200 => Ok(answer.body["data"]["position"].as_u64().expect("a position")),
                _ => Err(format!("{answer:?}")),
            }
        })
        .await;
        shop.folded(position).await;
    }
    until("readiness", || async {
        let ready = shop.get(&app, "/health/ready").await;
        if ready.status == 200 { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    app.stop().await.expect("stopped");
}
