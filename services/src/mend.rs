//! A nats-server that could not write, as its disk was full, stores nothing any more until it is
//! started again. This module restarts it, once there is room.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use tokio::time::{self, Instant};
use tracing::{error, info, warn};

use super::folder::Folder;
use super::say::to_stderr;
use super::server::Server;
use super::unit::Unit;

/// The interval between two questions.
const LOOK: Duration = Duration::from_secs(1);
/// The pause after a restart; twice as long each time, up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_mins(5);
/// The time without a fault after which the first pause comes first again.
const MENDED: Duration = Duration::from_mins(10);
/// The number of bytes that must be writable for the disk to have room: a block of the log.
const ROOM_BYTES: usize = 8 << 20;

/// Starts the nats-server again whenever it stores nothing any more although its disk has room. Never
/// returns.
pub(super) async fn mend(unit: &Unit, folder: &Folder) {
    let (mut pause, mut is_told, mut last) = (FIRST_PAUSE, false, Instant::now());
    loop {
        time::sleep(LOOK).await;
        let Some(reason) = unit.write_error().await else {
            is_told = false;
            continue;
        };
        if !std::mem::replace(&mut is_told, true) {
            warn!(reason, "nats-server stores nothing any more; it is started again with room");
        }
        let store = folder.path.join(Server::Nats.folder());
        if !tokio::task::spawn_blocking(move || has_room(&store)).await.unwrap_or(false) {
            continue;
        }
        if last.elapsed() > MENDED {
            pause = FIRST_PAUSE;
        }
        start_again(unit, folder, &mut pause).await;
        (is_told, last) = (false, Instant::now());
    }
}

/// Tries to start it until it runs.
async fn start_again(unit: &Unit, folder: &Folder, pause: &mut Duration) {
    loop {
        let started = unit.restart(folder, &to_stderr).await;
        match &started {
            Ok(()) => info!("nats-server was started again, as it stored nothing any more"),
            Err(error) => error!(%error, "nats-server could not be started again"),
        }
        time::sleep(*pause).await;
        *pause = (*pause * 2).min(LAST_PAUSE);
        if started.is_ok() {
            return;
        }
    }
}

/// Whether a block can be written: this is tried, as quotas and reserves count beside the free
/// bytes.
fn has_room(folder: &Path) -> bool {
    let path = folder.join("room");
    let write = || -> io::Result<()> {
        let mut file = File::create(&path)?;
        file.write_all(&vec![1; ROOM_BYTES])?;
        file.sync_data()
    };
    let written = write();
    let _ = std::fs::remove_file(&path);
    written.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_be_written_to_has_room_and_is_left_as_it_was() {
        let folder = std::env::temp_dir().join(format!("services-mend-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        assert!(has_room(&folder));
        assert_eq!(std::fs::read_dir(&folder).expect("read").count(), 0);
        std::fs::remove_dir_all(&folder).expect("removed");
        assert!(!has_room(&folder));
    }
}
