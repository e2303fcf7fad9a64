//! The names of collections. Those of a generation carry its number.

use projections::rollup::Family;

/// One document, `_id: "live"`, whose `generation` is the one that queries read.
pub const META: &str = "meta";
/// One document for each generation: its checkpoint.
pub const CHECKPOINTS: &str = "checkpoints";
/// `_id: "projector"`: who folds; `rebuild`: who sees to other generations.
pub const LEASES: &str = "leases";

/// People: one document for each account, `_id` the user's id.
pub const ACCOUNTS: &str = "accounts";
/// Who is signed in: one document for each session, `_id` its id.
pub const SESSIONS: &str = "sessions";
/// One-shot tokens to set a new password, `_id` their SHA-256.
pub const RESETS: &str = "password_resets";
/// Failed sign-ins by whom and from where.
pub const ATTEMPTS: &str = "sign_in_attempts";
/// API keys, `_id` their id.
pub const API_KEYS: &str = "api_keys";
/// What became of quarantined messages, `_id` their position; beside the generations, which are
/// made anew.
pub const RESOLUTIONS: &str = "resolutions";
/// Which positions of a log are accepted to be missing.
pub const HOLES: &str = "holes";
/// Who did what; only ever added to.
pub const AUDIT: &str = "audit";

/// A collection that every generation has its own of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Model {
    /// What is stated of customers, `_id` the user's id.
    Customers,
    /// What is stated of products, `_id` the product's id.
    Products,
    /// What is counted of both; see `projections::tally`.
    Tallies,
    /// Packed tables by time and entity; see `projections::rollup`.
    Rollups,
    /// The values behind the codes in rollups.
    Vocabularies,
    /// What is counted of every transaction and rating.
    Ledger,
    /// Blocks of seen ids.
    Blocks,
    /// What ordinals mean: `_id` the family of rollups and the ordinal, `id` the customer's or
    /// product's.
    Names,
    /// Messages that could not be understood or admitted, `_id` their position.
    Quarantine,
}

impl Model {
    /// All of them.
    pub const ALL: [Model; 9] = [
        Model::Customers,
        Model::Products,
        Model::Tallies,
        Model::Rollups,
        Model::Vocabularies,
        Model::Ledger,
        Model::Blocks,
        Model::Names,
        Model::Quarantine,
    ];

    /// The collection's name in a generation.
    #[must_use]
    pub fn name(self, generation: u32) -> String {
        format!("g{generation}_{}", self.as_str())
    }

    /// The generation that a collection of that name belongs to.
    #[must_use]
    pub fn generation_of(name: &str) -> Option<u32> {
        let (generation, model) = name.strip_prefix('g')?.split_once('_')?;
        Model::ALL.iter().any(|it| it.as_str() == model).then(|| generation.parse().ok())?
    }

    /// What it is called in every generation.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Model::Customers => "customers",
            Model::Products => "products",
            Model::Tallies => "tallies",
            Model::Rollups => "rollups",
            Model::Vocabularies => "vocabularies",
            Model::Ledger => "ledger",
            Model::Blocks => "blocks",
            Model::Names => "names",
            Model::Quarantine => "quarantine",
        }
    }
}

/// The `_id` in [`Model::Names`] of an ordinal in a family of rollups.
#[must_use]
pub fn of_ordinal(family: Family, ordinal: u32) -> String {
    format!("{}/{ordinal:08x}", family.as_str())
}
