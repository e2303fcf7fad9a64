//! The composition root: connect, wire, spawn, drain. It knows every module and no business rule.
//!
//! # Layout
//!
//! - here: a service that runs; [`accounts`]: the accounts that it has by its settings.

pub mod accounts;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use services::files;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::alerts::deliver::webhook::Hooks;
use crate::alerts::deps::Alerts;
use crate::auth::accounts::Accounts;
use crate::auth::keys::Keys;
use crate::auth::keys::remembered::{KEYS_MAX, Remembered};
use crate::config::{Settings, Switch};
use crate::http::Routes;
use crate::http::about::{self, Demo};
use crate::http::door::{Door, server};
use crate::http::routes::Route;
use crate::ingest::message_id::MessageIds;
use crate::push::streams::Streams;
use crate::push::{broadcast, socket_io};
use crate::shop::{self, Shop};
use crate::store::Store;
use crate::store::platform::Platform;
use crate::{alerts, auth, http, insights, push, telemetry};

/// The time that tasks have to end, once connections have ended.
const DRAIN: Duration = Duration::from_secs(5);

/// A service that runs.
pub struct App {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The store of accounts, sessions and keys.
    pub platform: Platform,
    /// Accounts and sessions.
    pub accounts: Arc<Accounts>,
    /// The accounts that its page shows to everybody; the demo alone has any.
    pub demo: Demo,
    /// The shops that it serves; today one.
    pub shops: Vec<Shop>,
    /// Every route with the access that it needs.
    pub routes: Vec<Route>,
    server: JoinHandle<()>,
    closing: CancellationToken,
    folding: CancellationToken,
    tasks: TaskTracker,
}

/// Takes the address to listen on, so that a port in use is reported before anything is started.
///
/// # Errors
/// Fails if the port is in use, or the system allows the process too few files.
pub async fn listen(settings: &Settings) -> anyhow::Result<TcpListener> {
    files::are_enough()?;
    let bind = settings.bind;
    if !bind.ip().is_loopback() {
        warn!(%bind, "others can reach this address, and it speaks no TLS; put a proxy that does before it");
    }
    if settings.door.trusted_proxies.is_almost_everybody() {
        warn!(
            "TRUSTED_PROXIES has half of all addresses or more: almost anybody can say to be anybody, to \
             the limits, the audit and the access log; name the addresses of your proxies alone"
        );
    }
    TcpListener::bind(bind).await.with_context(|| {
        format!("cannot listen on {bind}; if the port is in use, choose another with --bind")
    })
}

impl App {
    /// Connects to the log and the store, and starts everything.
    ///
    /// # Errors
    /// Fails if the log or the store cannot be used.
    pub async fn start(
        settings: &Settings,
        listener: TcpListener,
        nats_url: &str,
        mongodb_uri: &str,
    ) -> anyhow::Result<App> {
        let store = Store::connect(mongodb_uri, settings.mongodb_db.as_deref()).await?;
        shop::refuse_newer(&store).await?;
        let platform = Platform::beside(&store);
        let accounts = Arc::new(accounts::accounts_of(settings, platform.clone()).await?);
        accounts::make_first_admin(settings, &accounts).await?;
        let keys = Keys {
            store: platform.clone(),
            audit: accounts.audit.clone(),
            remembered: Remembered::new(platform.clone(), KEYS_MAX),
        };
        let gate = auth::gate::gate(platform.clone(), accounts.tokens.clone(), &keys);
        let (closing, folding) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        tasks.spawn(telemetry::upkeep(telemetry::recorder(), folding.clone()));
        let mut shop =
            Shop::start(settings.shop(nats_url, mongodb_uri), store, &tasks, &folding).await?;

        let demo = Demo::default();
        let ids = Arc::new(MessageIds::new(&accounts::secrets_of(settings)?));
        let options = settings.socket_io();
        let streams = Streams::new(
            shop.channels.clone(),
            platform.clone(),
            settings.streams(&options),
            tasks.clone(),
            closing.clone(),
        );
        tasks.spawn(streams.clone().watch());
        let all = Routes::new()
            .merge(shop.routes(ids, &accounts.audit, &platform, &options.sessions))
            .merge(push::http::routes(streams.clone()))
            .merge(of_broadcasts(&mut shop, &accounts, &streams, &tasks, &closing)?)
            .merge(of_alerts(settings, &shop, &accounts, &tasks, &folding)?)
            .merge(insights::routes())
            .merge(of_accounts(settings, keys, &accounts, &tasks))
            .merge(http::about::routes(told(settings, &accounts, &demo)))
            .merge(http::page::routes());
        let all = http::openapi::serve::documented(push::asyncapi::documented(all));
        let door = Door::new(&settings.door);
        let routes = all.table();
        let inner = http::finish(all, &gate, &door);
        let (service, push) = socket_io::around(inner, gate, streams, options);
        tasks.spawn(push.clone().watch(closing.clone()));
        tasks.spawn(push.run(closing.clone()));
        let address = listener.local_addr()?;
        let service = door.around(service);
        let server = server::serve(listener, service, door, settings.door.clone(), closing.clone());
        let server = tokio::spawn(server);
        info!(%address, "listening");
        tasks.close();
        let shops = vec![shop];
        Ok(App {
            address,
            platform,
            accounts,
            demo,
            shops,
            routes,
            server,
            closing,
            folding,
            tasks,
        })
    }

    /// The first shop.
    ///
    /// # Panics
    /// Never: a service is started with a shop.
    #[must_use]
    pub fn shop(&self) -> &Shop {
        &self.shops[0]
    }

    /// Stops: first new requests and pushes, then the fold at a commit.
    ///
    /// # Errors
    /// Fails if the server failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.closing.cancel();
        let server = self.server.await;
        self.folding.cancel();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            warn!("some tasks did not end in time");
        }
        server.context("serving")
    }
}

/// The routes of words to everybody; what tells them, and of alerts, runs in `tasks` until `closing`.
fn of_broadcasts(
    shop: &mut Shop,
    accounts: &Accounts,
    streams: &Streams,
    tasks: &TaskTracker,
    closing: &CancellationToken,
) -> anyhow::Result<Routes> {
    let notices = shop.notices.take().context("nobody else takes them")?;
    tasks.spawn(broadcast::follow(streams.clone(), notices.heard, closing.clone()));
    tasks.spawn(broadcast::pass_on(streams.clone(), shop.alerts.clone(), closing.clone()));
    let (audit, others) = (accounts.audit.clone(), notices.alerts);
    Ok(broadcast::routes(broadcast::Deps { streams: streams.clone(), audit, others }))
}

/// The routes of alerts; what looks at them and tells of them runs in `tasks` until `ending`.
fn of_alerts(
    settings: &Settings,
    shop: &Shop,
    accounts: &Arc<Accounts>,
    tasks: &TaskTracker,
    ending: &CancellationToken,
) -> anyhow::Result<Routes> {
    let hooks = Hooks::new(settings.alert_webhook_private == Switch::On)?;
    let (queries, published) = (shop.queries.clone(), shop.ask_published());
    let alerts = Alerts::new(accounts.clone(), queries, published, shop.alerts.clone(), hooks);
    tasks.spawn(alerts::evaluate::run(alerts.clone(), ending.clone()));
    tasks.spawn(alerts::deliver::run(alerts.clone(), ending.clone()));
    Ok(alerts::http::routes(alerts))
}

/// What a front end is told before somebody signs in.
fn told(settings: &Settings, accounts: &Accounts, demo: &Demo) -> about::Deps {
    about::Deps {
        currency: settings.currency.clone(),
        language: settings.language.clone(),
        registration: settings.registration == Switch::On,
        mail: accounts.mailer.is_some(),
        demo: demo.clone(),
    }
}

/// The routes of people, their sessions, their keys and the audit.
fn of_accounts(
    settings: &Settings,
    keys: Keys,
    accounts: &Arc<Accounts>,
    tasks: &TaskTracker,
) -> Routes {
    let registration = settings.registration == Switch::On;
    let sign_in = auth::http::Deps::new(accounts.clone(), registration, tasks.clone());
    let platform = keys.store.clone();
    Routes::new()
        .merge(auth::http::routes(sign_in))
        .merge(auth::users::http::routes(accounts.clone()))
        .merge(auth::keys::http::routes(keys))
        .merge(auth::audit::http::routes(platform))
}
