//! The API's own description: it has every route and nothing else, its committed copy is the one
//! that the program makes, and handlers take the parameters that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use adaptive_bi::app::App;
use adaptive_bi::http::routes::Route;
use adaptive_bi::push::socket_io::events::EVENTS;
use adaptive_bi::push::{offers, words};
use adaptive_bi::rights::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Shop};
use crate::people::{ask, fields, somebody};

const DOCUMENT: &str = "/api/openapi.json";

async fn shop() -> (Shop, App, Value) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let answer = shop.get(&app, DOCUMENT).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    (shop, app, answer.body)
}

/// Each operation of a document by its method and path.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods");
        methods.iter().map(move |(method, it)| (format!("{} {path}", method.to_uppercase()), it))
    });
    operations.collect()
}

fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn parameters<'a>(operation: &'a Value, place: &str) -> Vec<&'a Value> {
    let all = operation["parameters"].as_array().expect("parameters");
    all.iter().filter(|it| it["in"] == place).collect()
}

/// Compares a document with its committed copy. The command `WRITE_OPENAPI=1 cargo test --test it
/// the_committed_document` writes the copies anew.
fn assert_committed(document: &Value, copy: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(copy);
    let made = serde_json::to_string_pretty(document).expect("JSON") + "\n";
    if std::env::var_os("WRITE_OPENAPI").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is there");
        std::fs::write(&path, &made).expect("written");
    }
    let committed = std::fs::read_to_string(&path).expect("a committed copy");
    let first = made.lines().zip(committed.lines()).find(|(made, committed)| made != committed);
    assert!(
        made == committed,
        "{copy} is another than the program's, at {first:?}; write it anew with WRITE_OPENAPI=1 cargo \
         test --test it the_committed_document"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_committed_document_is_the_one_that_the_program_makes() {
    let (_shop, app, document) = shop().await;
    app.stop().await.expect("stopped");
    assert_committed(&document, "docs/openapi.json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_committed_document_of_what_is_pushed_has_every_topic_and_word_and_nothing_else() {
    let (shop, app, _) = shop().await;
    let document = shop.get(&app, "/api/asyncapi.json").await.body;
    app.stop().await.expect("stopped");
    assert_eq!(document["asyncapi"], "3.0.0");
    let names = |pointer: &str| -> BTreeSet<String> {
        let found = document.pointer(pointer).and_then(Value::as_object).expect(pointer);
        found.keys().cloned().collect()
    };
    let topics = offers::TOPICS.iter().map(|topic| topic.name).chain(["view"]);
    let said = words::ALL.iter().filter(|word| !word.answers).map(|word| word.kind);
    let stream: BTreeSet<_> = topics.chain(said).map(str::to_owned).collect();
    assert_eq!(names("/channels/stream/messages"), stream);
    let answers = words::ALL.iter().filter(|word| word.answers).map(|word| word.kind);
    let asked = ["subscribe", "resume", "unsubscribe", "ping"];
    let socket: BTreeSet<_> =
        stream.into_iter().chain(answers.chain(asked).map(str::to_owned)).collect();
    assert_eq!(names("/channels/webSocket/messages"), socket);
    let events = EVENTS.iter().map(|event| format!("socketIo.{}", event.name));
    assert_eq!(names("/channels/socketIo/messages"), events.collect());
    refers_to_what_is_there(&document, &document);
    assert_committed(&document, "docs/asyncapi.json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_in_the_document_and_nothing_else_is() {
    let (_shop, app, document) = shop().await;
    let operations = operations(&document);
    let documented: Vec<_> = operations.keys().cloned().collect();
    let mut routes: Vec<_> = app.routes.iter().map(name).collect();
    routes.sort();
    assert_eq!(documented, routes);
    let ids: BTreeSet<_> = operations.values().map(|it| it["operationId"].to_string()).collect();
    assert_eq!(ids.len(), operations.len(), "every operation has an id of its own");
    for route in &app.routes {
        let operation = operations[&name(route)];
        let named: Vec<_> = parameters(operation, "path")
            .into_iter()
            .map(|it| format!("{{{}}}", it["name"].as_str().expect("a name")))
            .collect();
        let in_path: Vec<_> = route.path.split('/').filter(|it| it.starts_with('{')).collect();
        assert_eq!(named, in_path, "{}", route.path);
        assert!(!operation["summary"].as_str().expect("a summary").is_empty(), "{}", route.path);
    }
    refers_to_what_is_there(&document, &document);
    app.stop().await.expect("stopped");
}

fn refers_to_what_is_there(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("a place in the document");
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            members.values().for_each(|it| refers_to_what_is_there(document, it));
        }
        Value::Array(all) => all.iter().for_each(|it| refers_to_what_is_there(document, it)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_takes_the_parameters_that_the_document_names_and_no_other() {
    let (shop, app, document) = shop().await;
    let admin = somebody(&app, "admin", Role::Admin).await;
    let mut looked_at = 0;
    for (name, operation) in operations(&document) {
        let Some(path) = name.strip_prefix("GET ").filter(|path| !path.contains('{')) else {
            continue;
        };
        let names: Vec<_> = parameters(operation, "query")
            .into_iter()
            .map(|it| it["name"].as_str().expect("a name"))
            .collect();
        let needed = needed(operation);
        let unknown = format!("{path}?nonsense=1{needed}");
        let answer = ask(&shop, &app, Method::GET, &unknown, &admin.token).await;
        if names.is_empty() {
            // Figures refuse what they do not take; other endpoints take no notice of it.
            let is_refused = answer.body["message"].to_string().contains("it takes none");
            assert!(answer.status < 300 || is_refused, "{name}: {answer:?}");
            continue;
        }
        looked_at += 1;
        let allowed = format!("it takes {}", names.join(", "));
        assert_eq!((answer.status, fields(&answer)), (400, vec!["nonsense"]), "{name}");
        assert!(answer.body["message"].to_string().contains(&allowed), "{name}: {answer:?}");
        for parameter in parameters(operation, "query") {
            if parameter["required"] == false {
                takes(&shop, &app, path, parameter, &needed, &admin.token).await;
            }
        }
    }
    assert!(looked_at >= 7, "{looked_at} operations have parameters");
    app.stop().await.expect("stopped");
}

/// The parameters that have to be there, as the document's examples give them.
fn needed(operation: &Value) -> String {
    let required = parameters(operation, "query").into_iter().filter(|it| it["required"] == true);
    let pair = |it: &Value| {
        let example = it["example"].get(0).unwrap_or(&it["example"]);
        let text = example.as_str().expect("an example").replace('=', "%3D");
        format!("&{}={text}", it["name"].as_str().expect("a name"))
    };
    required.map(pair).collect()
}

/// Checks that a parameter's default, example, bounds and words are taken, and values just beyond
/// them are not.
async fn takes(shop: &Shop, app: &App, path: &str, parameter: &Value, needed: &str, token: &str) {
    let (name, schema) = (parameter["name"].as_str().expect("a name"), &parameter["schema"]);
    let words = schema["enum"].as_array().into_iter().flatten();
    let right = [&parameter["example"], &schema["default"], &schema["minimum"], &schema["maximum"]];
    let right = right.into_iter().chain(words).filter(|it| !it.is_null());
    let ask = async |value: &Value| -> Answer {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // A range is compared with another, so there has to be one.
        let range = if name == "compare" { "&startDate=2026-01-01" } else { "" };
        let path = format!("{path}?{name}={text}{needed}{range}");
        ask(shop, app, Method::GET, &path, token).await
    };
    for value in right {
        let answer = ask(value).await;
        assert_eq!(answer.status, 200, "{path} {name} {value}: {answer:?}");
    }
    let below = schema["minimum"].as_i64().map(|it| json!(it - 1));
    let above = schema["maximum"].as_u64().map(|it| json!(it + 1));
    let other = schema.get("enum").map(|_| json!("nonsense"));
    for value in below.into_iter().chain(above).chain(other) {
        let answer = ask(&value).await;
        assert_eq!((answer.status, fields(&answer)), (400, vec![name]), "{path} {name} {value}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_has_the_document_is_told_so_and_the_page_loads_nothing_from_elsewhere() {
    let (shop, app, _) = shop().await;
    for path in [DOCUMENT, "/docs/swagger-ui.js", "/docs/swagger-ui.css"] {
        let first = shop.get_with(&app, path, &[]).await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with("W/\""), "{path}: {etag}");
        let again = shop.get_with(&app, path, &[("If-None-Match", &etag)]).await;
        assert_eq!((again.status, again.header("etag")), (304, &*etag), "{path}");
    }
    let page = shop.get_with(&app, "/docs", &[]).await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self' 'sha256-"), "{policy}");
    let html = page.body.as_str().expect("a page");
    assert!(!html.contains("://") && !policy.contains("http"), "{html}");
    app.stop().await.expect("stopped");
}
