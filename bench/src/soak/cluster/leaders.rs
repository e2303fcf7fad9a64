//! Who leads: as the nats-servers and mongods themselves tell it, each asked alone.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ServerAddress};
use serde::Deserialize;

use super::machines::{MONGOD_PORT, MONITOR_PORT, Machines, REPLICA_SET, SERVERS};
use crate::soak::scene::patiently;

/// The time for which an answer is awaited: a server that is frozen or cut off gives none.
pub const ANSWER: Duration = Duration::from_millis(500);
/// The states of a replica set that is whole: a primary and two secondaries.
const WHOLE: [i32; SERVERS] = [1, 2, 2];

/// The servers of a cluster, to ask.
pub struct Leaders {
    stream: String,
    http: reqwest::Client,
    addresses: Vec<Ipv4Addr>,
    mongods: Vec<Client>,
}

/// The part of `/jsz` that is read.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    account_details: Vec<Account>,
    meta_cluster: Option<Group>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    stream_detail: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    name: String,
    cluster: Option<Group>,
}

/// The servers that agree on something, as one of them sees them.
#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    leader: String,
    #[serde(default)]
    replicas: Vec<Peer>,
}

#[derive(Deserialize)]
struct Peer {
    #[serde(default)]
    current: bool,
    #[serde(default)]
    offline: bool,
}

impl Told {
    fn of_stream(&self, name: &str) -> Option<&Group> {
        let mut streams = self.account_details.iter().flat_map(|it| &it.stream_detail);
        streams.find(|it| it.name == name)?.cluster.as_ref()
    }
}

impl Leaders {
    /// Those of the machines' servers, and of a stream.
    ///
    /// # Errors
    /// Fails if a client cannot be made.
    pub fn of(machines: &Machines, stream: &str) -> anyhow::Result<Leaders> {
        let addresses: Vec<_> = (0..SERVERS).map(|at| machines.network.address(at)).collect();
        let direct = |address: &Ipv4Addr| {
            let host = ServerAddress::Tcp { host: address.to_string(), port: Some(MONGOD_PORT) };
            let options = ClientOptions::builder()
                .hosts(vec![host])
                .direct_connection(true)
                .server_selection_timeout(ANSWER)
                .connect_timeout(ANSWER)
                .build();
            Client::with_options(options)
        };
        Ok(Leaders {
            stream: stream.to_owned(),
            http: reqwest::Client::builder().timeout(ANSWER).no_proxy().build()?,
            mongods: addresses.iter().map(direct).collect::<Result<_, _>>()?,
            addresses,
        })
    }

    /// Makes a replica set of the mongods, and waits for its primary.
    ///
    /// # Errors
    /// Fails if there is none for minutes.
    pub async fn initiate(&self) -> anyhow::Result<()> {
        let members = self.addresses.iter().zip(0_i32..);
        let members: Vec<_> = members
            .map(|(address, id)| doc! { "_id": id, "host": format!("{address}:{MONGOD_PORT}") })
            .collect();
        let set = doc! { "replSetInitiate": { "_id": REPLICA_SET, "members": members } };
        patiently(async || {
            let admin = self.mongods[0].database("admin");
            // It fails until all of them listen, and once it has been done.
            let why = admin.run_command(set.clone()).await.err();
            self.primary().await.map(drop).with_context(|| format!("no primary: {why:?}"))
        })
        .await
    }

    /// The machine whose nats-server leads the stream, as most of them tell.
    pub async fn of_stream(&self) -> Option<usize> {
        let told = self.ask_nats().await;
        most(told.iter().flatten().filter_map(|it| it.of_stream(&self.stream)))
    }

    /// The machine whose nats-server leads the cluster itself, as most of them tell.
    pub async fn of_meta(&self) -> Option<usize> {
        let told = self.ask_nats().await;
        most(told.iter().flatten().filter_map(|it| it.meta_cluster.as_ref()))
    }

    /// The machine whose mongod is the primary of the latest term.
    pub async fn primary(&self) -> Option<usize> {
        let states = self.ask_mongods().await.into_iter().enumerate();
        let primaries = states.filter_map(|(at, told)| {
            told.filter(|(_, state)| *state == 1).map(|(term, _)| (term, at))
        });
        primaries.max().map(|(_, at)| at)
    }

    /// Whether every server is there and has what the leaders have.
    pub async fn are_whole(&self) -> bool {
        let (told, states) = tokio::join!(self.ask_nats(), self.ask_mongods());
        let stream: Vec<_> =
            told.iter().flatten().filter_map(|it| it.of_stream(&self.stream)).collect();
        let meta: Vec<_> =
            told.iter().flatten().filter_map(|it| it.meta_cluster.as_ref()).collect();
        let mut states: Vec<_> = states.into_iter().flatten().map(|(_, state)| state).collect();
        states.sort_unstable();
        is_whole(&stream) && is_whole(&meta) && states == WHOLE
    }

    async fn ask_nats(&self) -> Vec<Option<Told>> {
        let ask = |address: &Ipv4Addr| {
            let url = format!("http://{address}:{MONITOR_PORT}/jsz?streams=true");
            let asked = self.http.get(url).send();
            async move { asked.await.ok()?.json().await.ok() }
        };
        join_all(self.addresses.iter().map(ask)).await
    }

    /// The term and the state of each.
    async fn ask_mongods(&self) -> Vec<Option<(i64, i32)>> {
        let ask = |mongod: &Client| {
            let admin = mongod.database("admin");
            async move {
                let status = admin.run_command(doc! { "replSetGetStatus": 1 });
                let status: Document = tokio::time::timeout(ANSWER, status).await.ok()?.ok()?;
                Some((status.get_i64("term").ok()?, status.get_i32("myState").ok()?))
            }
        };
        join_all(self.mongods.iter().map(ask)).await
    }
}

/// Whether the leader of a group, as each server in turn sees it, has the others with it.
fn is_whole(groups: &[&Group]) -> bool {
    let leader = most(groups.iter().copied()).and_then(|machine| groups.get(machine));
    groups.len() == SERVERS
        && leader.is_some_and(|leader| {
            leader.replicas.len() == SERVERS - 1
                && leader.replicas.iter().all(|it| it.current && !it.offline)
        })
}

/// The machine that most of the servers take for the leader.
fn most<'a>(groups: impl Iterator<Item = &'a Group>) -> Option<usize> {
    let leaders: Vec<_> = groups.map(|it| it.leader.as_str()).collect();
    (0..SERVERS).find(|machine| {
        let name = Machines::name(*machine);
        leaders.iter().filter(|it| **it == name).count() > SERVERS / 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(leader: &str, current: &[bool]) -> Group {
        let peer = |current: &bool| Peer { current: *current, offline: false };
        Group { leader: leader.to_owned(), replicas: current.iter().map(peer).collect() }
    }

    #[test]
    fn a_leader_is_whom_two_of_three_take_for_it() {
        let leader = |names: &[&str]| {
            let groups: Vec<_> = names.iter().map(|name| told(name, &[])).collect();
            most(groups.iter())
        };
        assert_eq!(leader(&["n2", "n3", "n2"]), Some(1));
        assert_eq!(leader(&["n3", "n3"]), Some(2));
        assert_eq!(leader(&["n1", "n2", ""]), None);
        assert_eq!(leader(&["n1"]), None);
    }

    #[test]
    fn a_group_is_whole_where_its_leader_has_both_others_with_it() {
        let (both, one) = (told("n2", &[true, true]), told("n2", &[true, false]));
        assert!(is_whole(&[&one, &both, &one]), "what others than the leader say does not count");
        assert!(!is_whole(&[&both, &one, &both]));
        assert!(!is_whole(&[&both, &both]), "one server is missing");
    }
}
