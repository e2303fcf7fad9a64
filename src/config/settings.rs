//! The settings, each with its name, its default and its bounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{self, Private};
use crate::hidden::Hidden;
use crate::http::door;
use crate::number::whole;
use crate::push::sessions::Sessions;
use crate::push::{socket_io, streams};
use crate::shop;
use crate::span;

/// The least bytes of the log.
const MEGABYTE: u64 = 1 << 20;
/// The longest time between two writes to the disk that can be set.
const LONGEST_SYNC: Duration = Duration::from_mins(10);
/// The most that NATS counts to.
const MOST_BYTES: u64 = i64::MAX as u64;

/// All settings. Each flag's name is the environment's in small letters.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// The address to listen on.
    #[arg(long, env = "BIND", default_value = "127.0.0.1:4000", global = true)]
    #[arg(value_parser = values::bind)]
    pub bind: SocketAddr,
    /// The NATS servers of the log, with commas between; without it the program runs its own.
    #[arg(long, env = "NATS_URL", hide_env_values = true, global = true)]
    #[arg(value_parser = Private(values::nats_url))]
    pub nats_url: Option<String>,
    /// The stream's name.
    #[arg(long, env = "NATS_STREAM", default_value = "EVENTS", global = true)]
    #[arg(value_parser = values::stream)]
    pub nats_stream: String,
    /// The prefix of the subjects of events.
    #[arg(long, env = "SUBJECT_PREFIX", default_value = "events", global = true)]
    #[arg(value_parser = values::prefix)]
    pub subject_prefix: String,
    /// The bytes that the log holds before it refuses events. A log that was made with another
    /// bound is given this one when the service starts.
    #[arg(long, env = "STREAM_MAX_BYTES", default_value_t = 10 << 30, global = true)]
    #[arg(value_parser = whole::<i64, MEGABYTE, MOST_BYTES>)]
    pub stream_max_bytes: i64,
    /// The number of NATS servers that keep the log, of those of a cluster. Without it a new log is on
    /// one, and one that there is stays as it is.
    #[arg(long, env = "STREAM_REPLICAS", global = true, value_parser = whole::<usize, 1, 5>)]
    pub stream_replicas: Option<usize>,
    /// When the program's own NATS server writes the log to the disk: `always`, before it
    /// acknowledges an event, or at an interval such as 2m, which a power cut may take.
    #[arg(long, env = "LOG_SYNC", default_value = "always", value_parser = sync, global = true)]
    pub log_sync: Duration,
    /// The `MongoDB` replica set of the read models; without it the program runs its own.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true, global = true)]
    #[arg(value_parser = Private(values::mongodb_uri))]
    pub mongodb_uri: Option<String>,
    /// The database. Without it the one in the URI's path, else `adaptive_bi`.
    #[arg(long, env = "MONGODB_DB", global = true, value_parser = values::database)]
    pub mongodb_db: Option<String>,
    /// The shop's currency; amounts in others are converted.
    #[arg(long, env = "CURRENCY", default_value = "GBP", global = true)]
    #[arg(value_parser = values::currency)]
    pub currency: String,
    /// The shop's language: of texts that name none, and of answers, as `en` or `pt-BR`.
    #[arg(long, env = "LANGUAGE", default_value = "en", global = true)]
    #[arg(value_parser = values::language)]
    pub language: String,
    /// The hours of log time for which an activity's id is remembered.
    #[arg(long, env = "ACTIVITY_WINDOW_HOURS", default_value_t = 24, global = true)]
    #[arg(value_parser = whole::<u32, 1, 8_760>)]
    pub activity_window_hours: u32,
    /// Whether read models that an older version of the program made are exchanged for this version's
    /// without an operator.
    #[arg(long, env = "REBUILD_ON_UPGRADE", default_value = "on", global = true)]
    pub rebuild_on_upgrade: Switch,
    /// Whether documents are written that people read with tools of their own, in a database beside
    /// the read models. Off, and on in the demo, unless it is said.
    #[arg(long, env = "PLAIN_MODELS", global = true)]
    pub plain_models: Option<Switch>,
    /// The secret that access tokens are signed with, at least 32 bytes. Processes that share a
    /// database need the same. Without it a secret is made and kept in the data folder.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, global = true)]
    #[arg(value_parser = Private(values::secret("JWT_SECRET")))]
    pub jwt_secret: Option<Hidden>,
    /// The previous secret, whose tokens are still valid.
    #[arg(long, env = "JWT_SECRET_PREVIOUS", hide_env_values = true, global = true)]
    #[arg(value_parser = Private(values::secret("JWT_SECRET_PREVIOUS")))]
    pub jwt_secret_previous: Option<Hidden>,
    /// The time for which an access token is valid: 15m, 24h.
    #[arg(long, env = "JWT_EXPIRES_IN", default_value = "15m", value_parser = duration, global = true)]
    pub jwt_expires_in: Duration,
    /// The time for which a session lives without its refresh token being used: 7d.
    #[arg(long, env = "JWT_REFRESH_EXPIRE", default_value = "7d", value_parser = duration, global = true)]
    pub jwt_refresh_expire: Duration,
    /// Whether people can register.
    #[arg(long, env = "REGISTRATION", default_value = "on", global = true)]
    pub registration: Switch,
    /// The first admin's e-mail. With a password, the account is made where there is no admin yet.
    #[arg(long, env = "ADMIN_EMAIL", global = true, value_parser = values::email)]
    pub admin_email: Option<String>,
    /// The first admin's password.
    #[arg(long, env = "ADMIN_PASSWORD", hide_env_values = true, global = true)]
    #[arg(value_parser = Private(values::admin_password))]
    pub admin_password: Option<Hidden>,
    /// The mail server that sends links to set a new password, and alerts:
    /// `smtps://user:password@host`.
    #[arg(long, env = "SMTP_URL", hide_env_values = true, global = true)]
    #[arg(value_parser = Private(values::smtp_url))]
    pub smtp_url: Option<Hidden>,
    /// The sender of mail.
    #[arg(long, env = "MAIL_FROM", global = true, value_parser = values::mail_from)]
    pub mail_from: Option<String>,
    /// The address at which people reach the service, for links in mail. Without it the address it
    /// listens on.
    #[arg(long, env = "PUBLIC_URL", global = true, value_parser = values::public_url)]
    pub public_url: Option<String>,
    /// The days for which a row of the audit is kept, counted from when it is written. 0 keeps it
    /// for good.
    #[arg(long, env = "AUDIT_DAYS", default_value_t = 0, global = true)]
    #[arg(value_parser = whole::<u32, 0, 36_500>)]
    pub audit_days: u32,
    /// The path of Socket.IO.
    #[arg(long, env = "SOCKET_PATH", default_value = "/socket.io", global = true)]
    #[arg(value_parser = values::socket_path)]
    pub socket_path: String,
    /// The milliseconds between two signs of life on a connection that is pushed to.
    #[arg(long, env = "WS_HEARTBEAT_INTERVAL", default_value_t = 25_000, global = true)]
    #[arg(value_parser = whole::<u64, 1_000, 300_000>)]
    pub ws_heartbeat_interval: u64,
    /// The milliseconds within which a ping has to be answered.
    #[arg(long, env = "WS_CONNECTION_TIMEOUT", default_value_t = 20_000, global = true)]
    #[arg(value_parser = whole::<u64, 1_000, 300_000>)]
    pub ws_connection_timeout: u64,
    /// Different views that are followed at a time; each is read once for all who follow it.
    #[arg(long, env = "PUSH_QUESTIONS", default_value_t = 100, global = true)]
    #[arg(value_parser = whole::<u32, 1, 10_000>)]
    pub push_questions: u32,
    /// The milliseconds for which there is one frame of a topic at most.
    #[arg(long, env = "PUSH_INTERVAL_MS", default_value_t = 250, global = true)]
    #[arg(value_parser = whole::<u64, 50, 60_000>)]
    pub push_interval_ms: u64,
    /// Whether webhooks of alerts may lead to addresses of this machine and its networks, and by `http://`.
    #[arg(long, env = "ALERT_WEBHOOK_PRIVATE", default_value = "off", global = true)]
    pub alert_webhook_private: Switch,
    /// Connections, limits, CORS.
    #[command(flatten)]
    pub door: door::settings::DoorSettings,
    /// The log level: error, warn, info, debug, trace, off, or `target=level` pairs.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", global = true)]
    #[arg(value_parser = values::log_level)]
    pub log_level: String,
    /// The folder for the data of the program's own servers.
    #[arg(long, env = "DATA_DIR", default_value = ".adaptive-bi", global = true)]
    pub data_dir: PathBuf,
    /// The folder for fetched servers. Without it the user's cache folder.
    #[arg(long, env = "CACHE_DIR", global = true)]
    pub cache_dir: Option<PathBuf>,
}

/// Whether something is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// A length of time with its unit, of at most a year.
fn duration(text: &str) -> Result<Duration, String> {
    let most = Duration::from_hours(24 * 365);
    let allowed = |it: &Duration| !it.is_zero() && *it <= most;
    let message = "must be a number and a unit, such as 15m, 24h or 7d, and at most a year";
    span::read(text).filter(allowed).ok_or_else(|| message.to_owned())
}

/// When the log is written to the disk; zero is always.
fn sync(text: &str) -> Result<Duration, String> {
    match text.trim() {
        "always" => Ok(Duration::ZERO),
        text => duration(text).ok().filter(|it| *it <= LONGEST_SYNC).ok_or_else(|| {
            "must be always, or a number and a unit such as 10s or 2m, and at most 10m".to_owned()
        }),
    }
}

impl Settings {
    /// The settings of the fold, which are part of a generation.
    #[must_use]
    pub fn fold(&self) -> projections::fold::root::FoldSettings {
        projections::fold::root::FoldSettings {
            activity_window_ms: i64::from(self.activity_window_hours) * 3_600_000,
            ..projections::fold::root::FoldSettings::new(&self.currency)
        }
    }

    /// The settings of the servers.
    #[must_use]
    pub fn services(&self) -> services::ServicesSettings {
        services::ServicesSettings {
            data_dir: self.data_dir.clone(),
            cache_dir: self.cache_dir.clone().unwrap_or_else(cache_dir),
            nats_url: self.nats_url.clone(),
            mongodb_uri: self.mongodb_uri.clone(),
            nats: self.nats_options(),
            mongo_cache_gb: 2.0,
        }
    }

    /// The program's own server has room for the log.
    fn nats_options(&self) -> services::NatsOptions {
        let options = services::NatsOptions::default();
        let log = self.stream_max_bytes.unsigned_abs();
        services::NatsOptions {
            max_file_bytes: options.max_file_bytes.max(log),
            sync_interval: self.log_sync,
            ..options
        }
    }

    /// What a power cut may take of what the program's own server acknowledged, where that is
    /// anything.
    #[must_use]
    pub fn at_stake(&self) -> Option<String> {
        (self.nats_url.is_none() && !self.log_sync.is_zero()).then(|| {
            format!(
                "LOG_SYNC is {} s, not always: a power cut may take the events of that time, although \
                 their senders were told that the log has them",
                self.log_sync.as_secs()
            )
        })
    }

    /// The options of Socket.IO.
    #[must_use]
    pub fn socket_io(&self) -> socket_io::Options<'_> {
        let sessions = usize::try_from(self.door.max_connections).unwrap_or(usize::MAX);
        socket_io::Options {
            path: &self.socket_path,
            ping_interval: Duration::from_millis(self.ws_heartbeat_interval),
            ping_timeout: Duration::from_millis(self.ws_connection_timeout),
            sessions: Sessions::new(sessions),
        }
    }

    /// The options of subscribers' connections, beside those of Socket.IO.
    #[must_use]
    pub fn streams(&self, socket_io: &socket_io::Options<'_>) -> streams::Options {
        streams::Options {
            sessions: socket_io.sessions.clone(),
            heartbeat: socket_io.ping_interval,
            answers_within: socket_io.ping_timeout,
        }
    }

    /// The settings of the shop at these addresses.
    #[must_use]
    pub fn shop(&self, nats_url: &str, mongodb_uri: &str) -> shop::ShopSettings {
        shop::ShopSettings {
            log: self.log(nats_url),
            mongodb_uri: mongodb_uri.to_owned(),
            database: self.mongodb_db.clone(),
            fold: self.fold(),
            language: self.language.clone(),
            rebuild_on_upgrade: self.rebuild_on_upgrade == Switch::On,
            plain_models: self.plain_models == Some(Switch::On),
            push_questions: usize::try_from(self.push_questions).unwrap_or(usize::MAX),
            push_interval: Duration::from_millis(self.push_interval_ms),
        }
    }

    /// The settings of the log at this address.
    #[must_use]
    pub fn log(&self, url: &str) -> crate::stream::LogSettings {
        crate::stream::LogSettings {
            url: url.to_owned(),
            stream: self.nats_stream.clone(),
            prefix: self.subject_prefix.clone(),
            max_bytes: self.stream_max_bytes,
            replicas: self.stream_replicas,
        }
    }
}

/// The user's cache folder, as the XDG base directories say.
#[must_use]
pub fn cache_dir() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|base| base.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    base.unwrap_or_else(std::env::temp_dir).join("adaptive-bi")
}
