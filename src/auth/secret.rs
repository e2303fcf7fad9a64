//! The secret that tokens are signed with: given, or made at the first start and kept.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};

use crate::hidden::Hidden;

/// A secret is at least as long as a signature that is made with it.
pub const SECRET_BYTES_MIN: usize = 32;
/// A longer file is something else.
const SECRET_BYTES_MAX: usize = 1_024;
const FILE: &str = "jwt-secret";

/// Why there is no secret to sign with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The given secret is too short.
    #[error("{0} must have at least {SECRET_BYTES_MIN} bytes; `openssl rand -base64 48` makes one")]
    TooShort(&'static str),
    /// The kept secret cannot be read, or a new one cannot be kept.
    #[error("keeping the secret that tokens are signed with in {path}; JWT_SECRET needs no file")]
    File {
        /// The path of the file.
        path: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Something else stands where the secret should be kept.
    #[error(
        "{path} should keep the secret that tokens are signed with, and is not a file; move it away, \
         or set JWT_SECRET"
    )]
    NoFile {
        /// The path where the file should be.
        path: String,
    },
    /// The file does not hold a secret: a start was cut off, or somebody edited it.
    #[error(
        "{path} keeps the secret that tokens are signed with, and has {found}; a secret has \
         {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX}. Put the right one back, or remove the file: the next \
         start makes another secret, and everybody signs in again"
    )]
    Length {
        /// The path of the file.
        path: String,
        /// The size of the file.
        found: String,
    },
    /// Others can read or write the file.
    #[error(
        "{path} keeps the secret that tokens are signed with, and others than its owner can get at it \
         (mode {mode:04o}). `chmod 600` it; if somebody may have read it, remove it: the next start makes \
         another secret, and everybody signs in again"
    )]
    Open {
        /// The path of the file.
        path: String,
        /// The mode of the file.
        mode: u32,
    },
}

/// The secrets: the current one, which signs, and perhaps the previous one, which still verifies.
pub struct Secrets {
    current: Secret,
    previous: Option<Secret>,
}

/// One secret. Each purpose has a key of its own that is derived from it.
pub struct Secret {
    bytes: Vec<u8>,
    key: hmac::Key,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let previous = self.previous.is_some();
        f.debug_struct("Secrets").field("has_previous", &previous).finish_non_exhaustive()
    }
}

impl Secrets {
    /// The secrets that are set. Without one, the secret kept in `data_dir`, which is made at the
    /// first start. Processes that share a store need the same secret, so theirs has to be set.
    ///
    /// # Errors
    /// [`Error`].
    pub fn load(
        current: Option<&Hidden>,
        previous: Option<&Hidden>,
        data_dir: &Path,
    ) -> Result<Self, Error> {
        let given = |name, secret: &Hidden| match secret.expose().as_bytes() {
            bytes if bytes.len() < SECRET_BYTES_MIN => Err(Error::TooShort(name)),
            bytes => Ok(Secret::of(bytes.to_vec())),
        };
        let current = match current {
            Some(secret) => given("JWT_SECRET", secret)?,
            None => Secret::of(kept(data_dir)?),
        };
        let previous = previous.map(|it| given("JWT_SECRET_PREVIOUS", it)).transpose()?;
        Ok(Secrets { current, previous })
    }

    /// The one that signs.
    #[must_use]
    pub fn current(&self) -> &Secret {
        &self.current
    }

    /// All secrets that verify, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl Secret {
    fn of(bytes: Vec<u8>) -> Self {
        let key = hmac::Key::new(HMAC_SHA256, &bytes);
        Secret { bytes, key }
    }

    /// Its bytes, to sign tokens with.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A key for one purpose, which reveals nothing about the secret or other keys.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(hmac::sign(&self.key, purpose.as_bytes()).as_ref());
        key
    }
}

/// 256 random bits.
///
/// # Panics
/// Panics if the system has no randomness; nothing here is safe without.
#[must_use]
pub fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

fn kept(data_dir: &Path) -> Result<Vec<u8>, Error> {
    let path = data_dir.join(FILE);
    let failed = |source| Error::File { path: path.display().to_string(), source };
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(data_dir, &path).map_err(failed)?;
            tracing::info!(
                path = %path.display(),
                "JWT_SECRET is not set; made one and keep it here"
            );
        }
        // Opening a pipe would wait for its writer.
        Ok(found) if !found.is_file() => {
            return Err(Error::NoFile { path: path.display().to_string() });
        }
        Ok(_) => {}
        Err(error) => return Err(failed(error)),
    }
    read(&path)
}

/// Reads the secret, where the file holds one that others cannot read or write.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let name = path.display().to_string();
    let failed = |source| Error::File { path: name.clone(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Open { path: name.clone(), mode });
    }
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    let found = match bytes.len() {
        SECRET_BYTES_MIN..=SECRET_BYTES_MAX => return Ok(bytes),
        few if few < SECRET_BYTES_MIN => format!("{few} bytes"),
        _ => format!("more than {SECRET_BYTES_MAX} bytes"),
    };
    Err(Error::Length { path: name.clone(), found })
}

/// It is written aside and put in place at once: a process that comes second finds a whole secret,
/// and takes that.
fn make(data_dir: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(data_dir)?;
    let aside = data_dir.join(format!("{FILE}.{}", uuid::Uuid::new_v4().simple()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(&random())?;
    file.sync_all()?;
    let put = match fs::hard_link(&aside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    };
    fs::remove_file(&aside)?;
    put
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn hidden(text: &str) -> Hidden {
        text.parse().unwrap()
    }

    #[test]
    fn a_short_secret_is_refused_by_name() {
        let nowhere = Path::new("/nonexistent");
        let short = hidden(&"x".repeat(31));
        let long = hidden(&"x".repeat(32));
        let error = Secrets::load(Some(&short), None, nowhere).unwrap_err();
        assert!(error.to_string().starts_with("JWT_SECRET must have at least 32 bytes"));
        let error = Secrets::load(Some(&long), Some(&short), nowhere).unwrap_err();
        assert!(error.to_string().starts_with("JWT_SECRET_PREVIOUS "));
        assert_eq!(Secrets::load(Some(&long), Some(&long), nowhere).unwrap().all().count(), 2);
    }

    #[test]
    fn one_that_is_made_is_kept_for_its_owner_alone() {
        let folder = std::env::temp_dir().join(format!("adaptive-bi-{}", uuid::Uuid::new_v4()));
        let load = || Secrets::load(None, None, &folder).unwrap().current.derive("x");
        let first = load();
        assert_eq!(load(), first);
        let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
        assert_eq!(names, [folder.join(FILE)]);
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_secret_is_not_seen() {
        let text = "correct-horse-battery-staple-0123456789";
        let secrets = Secrets::load(Some(&hidden(text)), None, Path::new("/nonexistent")).unwrap();
        let shown = format!("{:?} {:?}", hidden(text), secrets);
        assert!(!shown.contains("horse"), "{shown}");
    }
}
