//! A router as one service.

use axum::Router;

/// A router as one service, whose clone is a pointer. For each request a layer clones all that is
/// within it, so layers that lie one in the other cost by the square of their number.
pub(super) fn as_one(router: Router) -> Router {
    Router::new().fallback_service(router)
}
