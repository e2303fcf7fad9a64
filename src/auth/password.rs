//! Passwords: the rules for new ones, and argon2id for keeping and checking them, a few at a time.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use unicode_normalization::UnicodeNormalization;

use super::places::{Begun, Full, Place, Places, UnderWay};
use super::throttle::network;
use crate::hidden::Hidden;
use crate::store::platform::accounts::PasswordHash;
use crate::telemetry;

/// The number of characters that a password has.
pub const CHARACTERS: RangeInclusive<usize> = 8..=128;
/// OWASP's: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// So many of each [`Crowd`] are hashed at a time; each takes memory and a core for tens of
/// milliseconds.
const AT_A_TIME: usize = 1;
/// A password that is found in fewer guesses is among the first that anyone tries: a common one, or
/// a name with a digit, which zxcvbn puts just above 10,000. Failures make guessing slower than
/// that.
const GUESSES_MIN: u64 = 20_000;

const TOO_CLOSE: Error = Error::Weak("is too common, or too close to what is known of its owner");

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is refused; the text says what has to be different.
    #[error("the password {0}")]
    Weak(&'static str),
    /// Too many are being hashed.
    #[error("too many passwords are being checked")]
    Busy,
    /// Hashing failed.
    #[error("a password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// The thread that hashed it broke down.
    #[error("hashing a password")]
    Thread(#[from] tokio::task::JoinError),
}

/// A group of people whose passwords are hashed. Each crowd has a turn of its own: however many
/// strangers there are, nobody else waits behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// People who make an account for themselves.
    Newcomers,
    /// People who sign in from an address from which their account has not signed in lately.
    Strangers,
    /// People who sign in from one from which it has, are signed in, or have a link of ours.
    Known,
}

impl Crowd {
    fn as_str(self) -> &'static str {
        match self {
            Crowd::Newcomers => "newcomers",
            Crowd::Strangers => "strangers",
            Crowd::Known => "known",
        }
    }
}

/// Hashes passwords and checks them.
pub struct Passwords {
    newcomers: Places,
    strangers: Places,
    known: Places,
    registering: UnderWay,
    signing_in: UnderWay,
    /// A decoy, which is checked where there is no account.
    decoy: PasswordHash,
    verified: Arc<AtomicU64>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("verified", &self.verified).finish_non_exhaustive()
    }
}

/// A turn to hash a password. While it is held nobody else has it.
pub struct Turn {
    place: Arc<Place>,
    decoy: PasswordHash,
    verified: Arc<AtomicU64>,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

impl Passwords {
    /// Prepares the work; takes as long as one hash.
    ///
    /// # Errors
    /// [`Error::Hash`].
    pub fn new() -> Result<Self, Error> {
        let nobodys = super::secret::random();
        let decoy = hashed(&nobodys)?;
        Ok(Passwords {
            newcomers: Places::new(AT_A_TIME),
            strangers: Places::new(AT_A_TIME),
            known: Places::new(AT_A_TIME),
            registering: UnderWay::default(),
            signing_in: UnderWay::default(),
            decoy,
            verified: Arc::default(),
        })
    }

    /// Hashes a new password where the rules allow it. `about` is text about its owner that makes a
    /// bad password: the e-mail, the names.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn hash(
        &self,
        password: Hidden,
        about: Vec<String>,
        crowd: Crowd,
        address: Option<IpAddr>,
    ) -> Result<PasswordHash, Error> {
        let Turn { place, .. } = self.turn(crowd, address).await?;
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let password = composed(&password);
            check(password.expose(), &about)?;
            hashed(password.expose().as_bytes())
        })
        .await?
    }

    /// Waits until one more registration of an address may begin. While the result is held the
    /// registration counts as under way.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub async fn begin_registering(&self, address: Option<IpAddr>) -> Result<Begun, Error> {
        self.registering.begin(network(address)).await.map_err(|Full| busy("registering"))
    }

    /// Waits until one more sign-in of an address may begin, likewise.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub async fn begin_signing_in(&self, address: Option<IpAddr>) -> Result<Begun, Error> {
        self.signing_in.begin(network(address)).await.map_err(|Full| busy("signing-in"))
    }

    /// Waits for a turn in a crowd, in which addresses take turns.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub async fn turn(&self, crowd: Crowd, address: Option<IpAddr>) -> Result<Turn, Error> {
        let places = match crowd {
            Crowd::Newcomers => &self.newcomers,
            Crowd::Strangers => &self.strangers,
            Crowd::Known => &self.known,
        };
        let place = places.take(&network(address)).await;
        let place = place.map_err(|Full| busy(crowd.as_str()))?;
        let (decoy, verified) = (self.decoy.clone(), self.verified.clone());
        Ok(Turn { place: Arc::new(place), decoy, verified })
    }

    /// The number of passwords checked so far, right or wrong, decoys among them.
    #[must_use]
    pub fn verified(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }
}

impl Turn {
    /// Whether a password is the one that was hashed. Without a hash it is not, and finding that
    /// out takes the same work.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub async fn verify(
        &self,
        password: Hidden,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, Error> {
        let is_somebodys = hash.is_some();
        let hash = hash.unwrap_or(&self.decoy).clone();
        let (place, verified) = (self.place.clone(), self.verified.clone());
        let matches = tokio::task::spawn_blocking(move || {
            // The caller may be gone; the turn ends when the work does.
            let _place = place;
            let is = |text: &Hidden| {
                argon2().verify_password(text.expose().as_bytes(), hash.0.as_str()).is_ok()
            };
            let composed = composed(&password);
            // One that was set before passwords were composed is as it was typed.
            let matches = is(&composed) || composed.expose() != password.expose() && is(&password);
            verified.fetch_add(1, Ordering::Relaxed);
            matches
        })
        .await?;
        Ok(matches && is_somebodys)
    }
}

/// The password with its characters composed (NFC), as RFC 8265 has it: keyboards differ in whether `é`
/// is one character or two.
fn composed(password: &Hidden) -> Hidden {
    password.expose().nfc().collect::<String>().into()
}

/// A request that waited in vain is counted.
fn busy(waiting: &'static str) -> Error {
    telemetry::sent_away(waiting);
    Error::Busy
}

fn argon2() -> Argon2<'static> {
    // The constants are within argon2's bounds, as every test that hashes shows.
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hashed(password: &[u8]) -> Result<PasswordHash, Error> {
    let hash: phc::PasswordHash = argon2().hash_password(password).map_err(Error::Hash)?;
    Ok(PasswordHash(hash.to_string()))
}

/// Whether a password is taken. `about` is as for [`Passwords::hash`].
///
/// # Errors
/// [`Error::Weak`].
pub fn check(password: &str, about: &[String]) -> Result<(), Error> {
    if !CHARACTERS.contains(&password.chars().count()) {
        return Err(Error::Weak("must have 8 to 128 characters"));
    }
    // As a whole an e-mail would take many guesses, if attackers did not know it.
    if about.iter().any(|it| it.to_lowercase() == password.trim().to_lowercase()) {
        return Err(TOO_CLOSE);
    }
    // Word by word: many have a part of their e-mail in their password.
    let about = about.join(" ").to_lowercase();
    let about: Vec<&str> = about.split(|it: char| !it.is_alphanumeric()).collect();
    if zxcvbn::zxcvbn(password, &about).guesses() < GUESSES_MIN {
        return Err(TOO_CLOSE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> Hidden {
        text.parse().unwrap()
    }

    #[test]
    fn common_passwords_and_ones_own_name_are_not_taken() {
        let about = ["margaret.hamilton@example.org".to_owned(), "Hamilton".to_owned()];
        for weak in [
            "password",
            "12345678",
            "qwertyuiop",
            "Password1",
            "password123",
            "iloveyou",
            "aaaaaaaa",
            "abcdefgh",
            "hamilton1",
            "Margaret.Hamilton@example.org",
            "short",
            "",
        ] {
            assert!(check(weak, &about).is_err(), "{weak}");
        }
        for good in ["correct horse battery", "Tr0ub4dor&3x", "größer als Null", "kitchen-7-lamps"]
        {
            assert!(check(good, &about).is_ok(), "{good}");
        }
        assert!(check(&"xyzzy plugh ".repeat(11), &[]).is_err(), "132 characters");
        assert!(check(&"ü".repeat(7), &[]).is_err(), "14 bytes and 7 characters");
    }

    #[tokio::test]
    async fn a_password_is_checked_against_its_hash_and_nobodys_takes_the_same_work() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash(hidden("correct horse"), vec![], Crowd::Newcomers, None);
        let hash = hash.await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        let turn = passwords.turn(Crowd::Strangers, None).await.unwrap();
        assert!(turn.verify(hidden("correct horse"), Some(&hash)).await.unwrap());
        assert!(!turn.verify(hidden("wrong horse"), Some(&hash)).await.unwrap());
        assert!(!turn.verify(hidden("correct horse"), None).await.unwrap());
        assert_eq!(passwords.verified(), 3);
        assert!(!format!("{hash:?} {passwords:?} {turn:?}").contains("argon2id"));
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_its_characters_are_composed() {
        let passwords = Passwords::new().unwrap();
        let turn = passwords.turn(Crowd::Strangers, None).await.unwrap();
        let (one, two) = ("gr\u{f6}\u{df}er als Null", "gro\u{308}\u{df}er als Null");
        let typed = super::hashed(two.as_bytes()).unwrap();
        for (set, shown) in [(one, two), (two, one), (two, two)] {
            let hash = passwords.hash(hidden(set), vec![], Crowd::Newcomers, None).await.unwrap();
            assert!(turn.verify(hidden(shown), Some(&hash)).await.unwrap());
        }
        assert!(turn.verify(hidden(two), Some(&typed)).await.unwrap());
        assert!(!turn.verify(hidden("grosser als Null"), Some(&typed)).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_has_a_place_of_its_own() {
        let passwords = Passwords::new().unwrap();
        let all = [Crowd::Newcomers, Crowd::Strangers, Crowd::Known];
        for crowd in all {
            let held = passwords.turn(crowd, None).await.unwrap();
            for other in all {
                let turn = passwords.turn(other, None).await;
                assert_eq!(turn.is_ok(), other != crowd, "{other:?} behind {crowd:?}");
            }
            drop(held);
        }
    }
}
