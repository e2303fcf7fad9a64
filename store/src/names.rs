//! The names of collections. Those of a generation carry its number.

use projections::collection::Collection;
use projections::collections;

/// One document, `_id: "live"`, whose `generation` is the one that queries read.
pub const META: &str = "meta";
/// One document for each generation: its checkpoint.
pub const CHECKPOINTS: &str = "checkpoints";
/// The leases, `_id` their names: `projector` of the process that folds, `rebuild` of the command
/// that works on other generations.
pub const LEASES: &str = "leases";

/// People: one document for each account, `_id` the user's id.
pub const ACCOUNTS: &str = "accounts";
/// Dashboards that people keep: one document for each account that has one, `_id` the user's id.
pub const DASHBOARDS: &str = "dashboards";
/// Sessions of people who are signed in: one document for each, `_id` its id.
pub const SESSIONS: &str = "sessions";
/// One-shot tokens to set a new password, `_id` their SHA-256.
pub const RESETS: &str = "password_resets";
/// Tickets for one connection each, `_id` their SHA-256.
pub const TICKETS: &str = "tickets";
/// Failed sign-ins by account and by address.
pub const ATTEMPTS: &str = "sign_in_attempts";
/// API keys, `_id` their id.
pub const API_KEYS: &str = "api_keys";
/// Decisions about quarantined messages, `_id` their position; beside the generations, which are
/// made anew.
pub const RESOLUTIONS: &str = "resolutions";
/// The positions of a log that are accepted to be missing.
pub const HOLES: &str = "holes";
/// Rules of alerts, with their states, `_id` their id.
pub const ALERTS: &str = "alerts";
/// Times at which a rule came to hold, `_id` in the order of time.
pub const CROSSINGS: &str = "alert_crossings";
/// Messages about these, by mail and by webhook.
pub const DELIVERIES: &str = "alert_deliveries";
/// The audit of actions; rows are only ever added.
pub const AUDIT: &str = "audit";

/// Documents that people read, in a database of their own, in the order of
/// [`PlainSet`](super::plain::PlainSet).
pub const PLAIN_SETS: [&str; 4] = ["sales_daily", "sales_monthly", "products", "customers"];
/// How far those are: one document.
pub const PLAIN_STATE: &str = "state";

/// A collection that every generation has: those of the fold, and two beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Model(&'static str);

impl Model {
    /// The entities behind ordinals: `_id` as
    /// [`Entity::name_id`](projections::entity::Entity::name_id) gives it, `id` the entity's.
    pub const NAMES: Model = Model("names");
    /// Messages that could not be understood or admitted, `_id` their position.
    pub const QUARANTINE: Model = Model("quarantine");

    /// One of the fold's.
    #[must_use]
    pub fn of<C: Collection>() -> Self {
        Model(C::NAME)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Model> {
        let beside = [Model::NAMES, Model::QUARANTINE];
        collections::NAMES.iter().map(|name| Model(name)).chain(beside)
    }

    /// The collection's name in a generation.
    #[must_use]
    pub fn name(self, generation: u32) -> String {
        format!("g{generation}_{}", self.0)
    }

    /// The generation that a collection of that name belongs to.
    #[must_use]
    pub fn generation_of(name: &str) -> Option<u32> {
        let (generation, model) = name.strip_prefix('g')?.split_once('_')?;
        Model::all().any(|it| it.0 == model).then(|| generation.parse().ok())?
    }

    /// The name that it has in every generation.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}
