//! Figures that can be asked for, and those of them that have an endpoint.

use std::fmt::Debug;

use projections::topic::Topics;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Error;
use super::memory::ReadContext;
use crate::http::openapi::Get;
use crate::http::parameters::Parameters;
use crate::rights::access::Access;
use crate::rights::role::{Action, Resource};
use crate::rights::scope::Scope;

/// The access to metrics.
pub const METRICS: Access =
    Access::AllowedOrKey(Resource::Metrics, Action::Read, Scope::MetricsRead);
/// The access to dashboards.
pub const DASHBOARD: Access =
    Access::AllowedOrKey(Resource::Dashboard, Action::Read, Scope::MetricsRead);

/// Figures that can be asked for at an endpoint, or are pushed.
pub trait Figures: Serialize + Sized + Send + Sync + 'static {
    /// The topics that they are made of: a commit that touches none of these leaves them as they are.
    const TOPICS: Topics;
    /// The parameters of a question. Two questions that differ do so in their [`Debug`] form, which
    /// answers are kept by.
    ///
    /// [`Debug`]: std::fmt::Debug
    type Parameters: Parameters + Clone + Debug + Send + Sync + 'static;

    /// Reads them. They say nothing of the position: that is beside them.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`]; [`Error::NotFound`] where the one that is asked for is not known.
    fn read(
        from: ReadContext<'_>,
        parameters: &Self::Parameters,
    ) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// Figures with an endpoint.
pub trait View: Figures + ToSchema {
    /// Its path, the access that it needs, and its description.
    const ROUTE: Get;
    /// The message where the one that is asked for is not known, of a view of one thing.
    const MISSING: Option<&'static str> = None;
}
