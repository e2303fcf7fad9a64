//! `adaptive-bi serve`: the service.

use services::Services;
use tracing::warn;

use super::demo;
use crate::app::{self, App};
use crate::config::Settings;

/// Serves until it is asked to stop.
///
/// # Errors
/// Fails if the address, the log or the store cannot be used.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let listener = app::listen(settings).await?;
    if demo::is_marked(settings) {
        let folder = settings.data_dir.display();
        warn!(%folder, "the data here is of the demo; give a shop of your own another DATA_DIR");
    }
    if let Some(at_stake) = settings.at_stake() {
        warn!("{at_stake}");
    }
    let services = Services::start(&settings.services(), &services::to_stderr).await?;
    let started = App::start(settings, listener, services.nats_url(), services.mongodb_uri()).await;
    let outcome = match started {
        Ok(app) => {
            super::note_serving(&services, &app);
            let asked = super::until_stopped(&services).await;
            app.stop().await.and(asked)
        }
        Err(error) => Err(error),
    };
    services.stop().await?;
    outcome
}
