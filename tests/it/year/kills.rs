//! The year, sent to a service that is killed in the middle of requests and of commits, as are its
//! servers.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use services::{Server, Services, to_stderr};

use super::{Computed, ORDERS, assert_agreement, requests, text};
use crate::commands::{folder, run};
use crate::harness::{Shop, until};
use crate::process::Process;
use crate::servers::{self, Servers, data_dir};

/// The events of a request: the year is 20 of them.
const EVENTS: usize = 2_000;
/// The log has some of a request's events then, and most of them are to come.
const SOME: u64 = 100;

/// What happens while requests are under way.
#[derive(Debug, Clone, Copy)]
enum Disaster {
    /// The service is killed when the log has some events of a request.
    Killed,
    /// The service kills itself at a place of its second commit.
    InCommit(&'static str),
    /// A server is killed when the log has some events of a request, and started again.
    Without(Server),
}

/// One for each process, in turn.
const DISASTERS: [Disaster; 10] = [
    Disaster::Killed,
    Disaster::InCommit("commit-compared-and-set"),
    Disaster::Killed,
    Disaster::Without(Server::Mongod),
    Disaster::InCommit("commit-written"),
    Disaster::Killed,
    Disaster::Without(Server::Nats),
    Disaster::InCommit("commit-committed"),
    Disaster::Killed,
    Disaster::Killed,
];

/// Sends a body once; returns whether it was answered that all of it is on the log.
async fn send(shop: Shop, address: SocketAddr, body: String) -> bool {
    let request = shop.request_to(address, Method::POST, "/api/events");
    let sent = request.header("x-api-key", &shop.key).body(body).send().await;
    // A process that is killed answers nothing, or half an answer.
    let Ok(response) = sent else { return false };
    let status = response.status().as_u16();
    let Ok(text) = response.text().await else { return false };
    assert!(status == 200 || status == 503, "{status}: {text}");
    if status == 200 {
        let answer: Value = serde_json::from_str(&text).expect("an answer");
        assert_eq!(answer["data"]["rejected"], 0, "{text}");
    }
    status == 200
}

/// The log's last position, once there is an answer.
async fn last(shop: &Shop) -> u64 {
    let extent = || async { shop.log.extent().await.map_err(|error| error.to_string()) };
    until("the log's extent", extent).await.last
}

/// Sends the year: each body again and again, until it is answered.
struct Producer {
    shop: Shop,
    bodies: std::vec::IntoIter<String>,
    /// What was not answered yet.
    body: Option<String>,
}

impl Producer {
    /// Sends what is next once; something happens when the log has some of its events. Returns whether
    /// it was answered.
    async fn send_amid(&mut self, address: SocketAddr, amid: impl Future<Output = ()>) -> bool {
        let body = self.body.take().or_else(|| self.bodies.next()).expect("more of the year");
        let begun = last(&self.shop).await;
        let sending = tokio::spawn(send(self.shop.clone(), address, body.clone()));
        while !sending.is_finished() && last(&self.shop).await < begun + SOME {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        amid.await;
        let answered = sending.await.expect("sent");
        self.body = (!answered).then_some(body);
        answered
    }

    /// Sends to a new process until the disaster has happened; returns whether it came in time, before
    /// the request was answered.
    async fn send_until(&mut self, disaster: Disaster, services: &Services) -> bool {
        let shop = self.shop.clone();
        let failpoint = match disaster {
            Disaster::InCommit(place) => format!("{place}=1*off->return"),
            Disaster::Killed | Disaster::Without(_) => String::new(),
        };
        let process = Process::start(&shop, &[("FAILPOINTS", &failpoint)]);
        let address = process.address().await;
        match disaster {
            Disaster::Killed => !self.send_amid(address, process.kill()).await,
            Disaster::InCommit(_) => {
                while self.send_amid(address, std::future::ready(())).await {
                    until_folded(&shop, address).await;
                }
                process.dies().await;
                true
            }
            Disaster::Without(server) => {
                let away = async {
                    services.kill(server).await.expect("killed");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    services.restart(server, &to_stderr).await.expect("started again");
                };
                self.send_amid(address, away).await;
                process.kill().await;
                true
            }
        }
    }

    /// Whether all of it was answered.
    fn is_done(&self) -> bool {
        self.body.is_none() && self.bodies.len() == 0
    }
}

/// Waits until a service has folded all that is on the log, or has died.
async fn until_folded(shop: &Shop, address: SocketAddr) {
    let request = shop.request_to(address, Method::GET, "/api/metrics/sales");
    let request = request.header("x-api-key", &shop.key).header("prefer", "wait=60");
    let _ = request.header("x-min-position", last(shop).await.to_string()).send().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_year_over_http_has_its_totals_however_often_everything_is_killed() {
    let services = servers::start(data_dir().join("year")).await;
    let shop = Shop::on(&Servers::of(&services)).await;
    let bodies = requests(EVENTS).into_iter();
    let mut producer = Producer { shop: shop.clone(), bodies, body: None };
    for disaster in DISASTERS {
        while !producer.send_until(disaster, &services).await {}
    }
    let app = shop.start().await;
    while !producer.is_done() {
        producer.send_amid(app.address, std::future::ready(())).await;
    }
    let position = last(&shop).await;
    assert_agreement(&shop, &app, position, &Computed::of(text())).await;
    let counts = shop.folded(position).await.root.counts;
    assert_eq!(counts.applied, ORDERS, "{counts:?}");

    let folder = folder("killed-year");
    for command in ["rebuild", "diff"] {
        let ran = run(&["project", command], &shop.environment(), &folder).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(command == "rebuild" || ran.stdout.contains("all the same"), "{ran:?}");
    }
    app.stop().await.expect("stopped");
    services.stop().await.expect("stopped");
}
