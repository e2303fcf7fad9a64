//! Traces: services that are each a process, and a collector that takes their exports.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adaptive_bi_bench::soak::doors::Doors;
use adaptive_bi_bench::soak::serve::{Program, Serve};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::events::sale;
use crate::harness::{Shop, answer, until};
use crate::push::Socket;

/// The delay at which spans wait for a stop to be exported, in milliseconds.
const AT_THE_END: &str = "3600000";
const AT_ONCE: &str = "50";

/// A span as the collector has it; ids are hexadecimal.
#[derive(Debug, Clone)]
struct Span {
    service: String,
    name: String,
    trace: String,
    id: String,
    parent: String,
    links: Vec<String>,
    attributes: BTreeMap<String, String>,
    is_error: bool,
    nanos: u64,
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// A collector, with the interface that programs see.
struct Collector {
    address: SocketAddr,
    spans: Spans,
}

impl Collector {
    async fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, spans) = (listener.local_addr().expect("an address"), Spans::default());
        let router = Router::new().route("/v1/traces", post(take)).with_state(spans.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Collector { address, spans }
    }

    fn all(&self) -> Vec<Span> {
        self.spans.lock().expect("spans").clone()
    }

    /// The one span of a name in a trace, once it is there.
    async fn one(&self, trace: &str, name: &str) -> Span {
        let what = format!("span {name} of {trace}");
        let found = until(&what, || async {
            let all = self.all();
            let found: Vec<_> =
                all.iter().filter(|it| it.trace == trace && it.name == name).cloned().collect();
            if found.is_empty() { Err(format!("{all:#?}")) } else { Ok(found) }
        });
        let [one] = <[Span; 1]>::try_from(found.await).expect("one of them");
        one
    }
}

async fn take(State(spans): State<Spans>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let sent = ExportTraceServiceRequest::decode(body).expect("OTLP");
    let mut spans = spans.lock().expect("spans");
    for of_resource in sent.resource_spans {
        let resource = attributes(of_resource.resource.expect("a resource").attributes);
        let found = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(found.map(|span| Span {
            service: resource["service.name"].clone(),
            name: span.name,
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            links: span.links.iter().map(|it| hex(&it.span_id)).collect(),
            attributes: attributes(span.attributes),
            is_error: span.status.is_some_and(|it| it.code == 2),
            nanos: span.end_time_unix_nano - span.start_time_unix_nano,
        }));
    }
}

fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|it| it.value) {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    all.into_iter().map(|it| (it.key, text(it.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A trace and a span of a foreign program.
fn somebodys(flags: &str) -> (String, String, String) {
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let span = uuid::Uuid::new_v4().simple().to_string()[..16].to_owned();
    let traceparent = format!("00-{trace}-{span}-{flags}");
    (trace, span, traceparent)
}

/// A service of a shop that exports its spans.
async fn serve(shop: &Shop, collector: &Collector, delay: &str, name: Option<&str>) -> Serve {
    let mut environment = shop.environment();
    environment.push(("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.address)));
    environment.push(("OTEL_BSP_SCHEDULE_DELAY", delay.to_owned()));
    environment.extend(name.map(|name| ("OTEL_SERVICE_NAME", name.to_owned())));
    let host = |name: &str| {
        let url = &environment.iter().find(|(it, _)| *it == name).expect("set").1;
        let after = url.split_once("://").expect("a scheme").1;
        after.split(['/', '?']).next().expect("a host").to_owned()
    };
    let (nats, mongo) = (host("NATS_URL"), host("MONGODB_URI"));
    let path = Path::new(env!("CARGO_BIN_EXE_adaptive-bi"));
    let doors = Doors::default();
    let program = Program { path, environment: &environment, doors: &doors };
    let mut serve = Serve::behind_lines(&program, &nats, &mongo, None).await.expect("serve");
    serve.process.address().await.expect("it listens");
    serve
}

/// Sends SIGTERM, and waits for the end.
async fn stop(mut serve: Serve) {
    let pid =
        serve.process.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)).expect("it runs");
    kill_process(pid, Signal::TERM).expect("told");
    let ended = tokio::time::timeout(Duration::from_secs(30), serve.process.end()).await;
    assert!(ended.expect("it ends").expect("it ended").success(), "{}", serve.process.last_lines());
}

/// The `traceparent` of a message on the log.
async fn on_the_log(shop: &Shop, position: u64) -> Option<String> {
    let stream = shop.jetstream.get_stream(&shop.settings.nats_stream).await.expect("a stream");
    let message = stream.get_raw_message(position).await.expect("a message");
    message.headers.get("traceparent").map(|it| it.as_str().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_publish_to_a_push_of_another_process() {
    let (shop, collector) = (Shop::new().await, Collector::start().await);
    let folds = serve(&shop, &collector, AT_ONCE, None).await;
    let first = shop.publish("transaction", sale("t0", "ann", 1, json!({})).to_string()).await;
    shop.folded(first).await;
    let mut pushes = serve(&shop, &collector, AT_ONCE, Some("pushes")).await;
    let address = pushes.process.address().await.expect("it listens");
    let mut socket = Socket::open_at(&shop, address, Some(json!({ "token": shop.key }))).await;
    socket.next("authenticated").await;

    let (unseen, _, unsampled) = somebodys("00");
    let (trace, span, traceparent) = somebodys("01");
    for (id, traceparent) in [("t1", &unsampled), ("t2", &traceparent)] {
        let headers = [("traceparent", traceparent.as_str())];
        let event = sale(id, "ann", 1, json!({})).to_string();
        let position = shop.publish_with("transaction", &headers, event).await;
        socket.is_pushed(position).await;
    }
    let fold = collector.one(&trace, "fold").await;
    assert_eq!((&*fold.service, &fold.parent), ("adaptive-bi", &span), "{fold:?}");
    assert!(!fold.is_error && fold.nanos > 0, "{fold:?}");
    assert_eq!(fold.attributes["messaging.batch.message_count"], "1", "{fold:?}");
    let push = collector.one(&trace, "push").await;
    assert_eq!((&*push.service, &push.parent), ("pushes", &fold.id), "{push:?}");
    let commits = collector.all().into_iter().filter(|it| it.links.contains(&span));
    let [commit] = <[Span; 1]>::try_from(commits.collect::<Vec<_>>()).expect("one commit");
    assert_eq!((&*commit.name, &*commit.parent), ("commit", ""), "{commit:?}");
    assert_eq!(fold.links, [commit.id], "{fold:?}");

    let (trace, span, traceparent) = somebodys("01");
    let body = json!([
        { "kind": "transaction", "data": sale("t3", "ann", 1, json!({})) },
        { "kind": "transaction", "data": sale("t4", "ann", 1, json!({})) },
    ]);
    let request = shop.request_to(address, Method::POST, "/api/events?secret=1");
    let request = request.header("x-api-key", &shop.key).header("traceparent", traceparent);
    let taken = answer(request.body(body.to_string())).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let position = taken.body["data"]["position"].as_u64().expect("one");
    socket.is_pushed(position).await;
    let request = collector.one(&trace, "POST /api/events").await;
    assert_eq!((&*request.service, &request.parent), ("pushes", &span), "{request:?}");
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.route", "/api/events"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(request.attributes, BTreeMap::from(expected));
    let publish = collector.one(&trace, "publish").await;
    assert_eq!(publish.parent, request.id, "{publish:?}");
    assert_eq!(publish.attributes["messaging.batch.message_count"], "2", "{publish:?}");
    let carried = format!("00-{trace}-{}-01", publish.id);
    assert_eq!(on_the_log(&shop, position).await, Some(carried));
    let fold = collector.one(&trace, "fold").await;
    assert_eq!((&*fold.service, &fold.parent), ("adaptive-bi", &publish.id), "{fold:?}");
    let push = collector.one(&trace, "push").await;
    assert_eq!(push.parent, fold.id, "{push:?}");

    let all = collector.all();
    assert!(all.iter().all(|it| it.trace != unseen), "{all:#?}");
    let told = format!("{all:?}");
    for secret in ["secret", &shop.key, "ann"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    stop(pushes).await;
    stop(folds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_exported_at_a_clean_stop() {
    let (shop, collector) = (Shop::new().await, Collector::start().await);
    let serve = serve(&shop, &collector, AT_THE_END, None).await;
    let (trace, span, traceparent) = somebodys("01");
    let mut event = sale("t1", "ann", 1, json!({}));
    event = json!({ "specversion": "1.0", "traceparent": traceparent, "data": event });
    let position = shop.publish("transaction", event.to_string()).await;
    shop.folded(position).await;
    assert!(collector.all().is_empty());
    stop(serve).await;
    let fold = collector.one(&trace, "fold").await;
    assert_eq!(fold.parent, span, "{fold:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_what_a_request_carries_goes_on_as_it_came() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (_, _, sampled) = somebodys("01");
    let (_, _, unsampled) = somebodys("00");
    let nonsense = sampled.replacen("00-", "ff-", 1);
    for (shown, expected) in [
        (vec![], None),
        (vec![&sampled], Some(&sampled)),
        (vec![&unsampled], Some(&unsampled)),
        (vec![&nonsense], None),
        (vec![&sampled, &unsampled], None),
    ] {
        let request = shop.request(&app, Method::POST, "/api/events/transaction");
        let request = request.header("x-api-key", &shop.key);
        let request = shown.iter().fold(request, |it, one| it.header("traceparent", *one));
        let event: Value = sale("t1", "ann", 1, json!({}));
        let taken = answer(request.body(event.to_string())).await;
        let position = taken.body["data"]["position"].as_u64().expect("one");
        assert_eq!(on_the_log(&shop, position).await.as_ref(), expected, "{shown:?}");
    }
    app.stop().await.expect("stopped");
}
