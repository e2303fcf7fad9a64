//! Access tokens: JWTs of a few minutes that name an account and a session. They give no rights;
//! those are looked up with the session at every request.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::hs256;
use super::secret::{Secret, Secrets};
use crate::rights::role::Role;

/// The issuer of the tokens.
pub const ISSUER: &str = "adaptive-bi";
/// Their audience.
pub const AUDIENCE: &str = "adaptive-bi/api";
/// The only type of token that is accepted here.
pub const ACCESS: &str = "access";
/// A token is valid from this long before it was made, since the clocks of two processes differ.
const CLOCKS_DIFFER_S: i64 = 5;

/// The claims of an access token. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The account.
    pub sub: String,
    /// The session.
    pub sid: String,
    /// The type of token.
    pub typ: String,
    /// The time at which it was made.
    pub iat: i64,
    /// The time from which it is valid.
    pub nbf: i64,
    /// The time at which it expires.
    pub exp: i64,
}

/// The account that a token is for.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its e-mail.
    pub email: &'a str,
    /// Its role.
    pub role: Role,
}

/// A token as it is written. Front ends of the Node services read its account; nothing here does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(flatten)]
    claims: Claims,
    id: &'a str,
    user_id: &'a str,
    email: &'a str,
    role: Role,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It was not made by this service, or not for this purpose.
    #[error("the token is not valid")]
    Invalid,
}

/// Makes and verifies tokens.
pub struct Tokens {
    header: Header,
    signing: EncodingKey,
    verifying: Vec<(String, DecodingKey)>,
    validation: Validation,
    life: Duration,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("life", &self.life).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens that live for `life`, signed with the current secret.
    #[must_use]
    pub fn new(secrets: &Secrets, life: Duration) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "nbf", "sub"]);
        let header = Header { kid: Some(kid(secrets.current())), ..Header::new(Algorithm::HS256) };
        let verifying = secrets.all().map(|it| (kid(it), DecodingKey::from_secret(it.bytes())));
        Tokens {
            header,
            signing: EncodingKey::from_secret(secrets.current().bytes()),
            verifying: verifying.collect(),
            validation,
            life,
        }
    }

    /// The time for which a token is valid.
    #[must_use]
    pub fn life(&self) -> Duration {
        self.life
    }

    /// A token for a session of an account, made `now` (seconds since 1970).
    ///
    /// # Errors
    /// Fails if the claims cannot be written, which strings and numbers can.
    pub fn issue(
        &self,
        holder: Holder<'_>,
        session: &str,
        now: i64,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let Holder { id, email, role } = holder;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: id.to_owned(),
            sid: session.to_owned(),
            typ: ACCESS.to_owned(),
            iat: now,
            nbf: now - CLOCKS_DIFFER_S,
            exp: now.saturating_add(i64::try_from(self.life.as_secs()).unwrap_or(i64::MAX)),
        };
        let written = Written { claims, id, user_id: id, email, role };
        jsonwebtoken::encode(&self.header, &written, &self.signing)
    }

    /// The claims of a token that this service made and that is valid now.
    ///
    /// # Errors
    /// [`Error`].
    pub fn verify(&self, token: &str) -> Result<Claims, Error> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Error::Invalid)?;
        let key = self.verifying.iter().find(|(kid, _)| header.kid.as_ref() == Some(kid));
        let (_, key) = key.ok_or(Error::Invalid)?;
        let data = jsonwebtoken::decode::<Claims>(token, key, &self.validation);
        let claims = data.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Error::Expired,
            _ => Error::Invalid,
        })?;
        if claims.claims.typ == ACCESS { Ok(claims.claims) } else { Err(Error::Invalid) }
    }
}

/// Names a key without revealing it.
fn kid(secret: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(&secret.derive("kid")[..8])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    const NEW: &str = "a-new-secret-of-at-least-32-bytes!";
    const OLD: &str = "an-old-secret-of-at-least-32-bytes";
    const DAY: Duration = Duration::from_hours(24);

    fn tokens(current: &str, previous: Option<&str>) -> Tokens {
        let hidden = |text: &str| text.parse().unwrap();
        let (current, previous) = (hidden(current), previous.map(hidden));
        let nowhere = Path::new("/nonexistent");
        Tokens::new(&Secrets::load(Some(&current), previous.as_ref(), nowhere).unwrap(), DAY)
    }

    fn holder(id: &str) -> Holder<'_> {
        Holder { id, email: "ann@example.org", role: Role::Viewer }
    }

    fn now() -> i64 {
        chrono::Utc::now().timestamp()
    }

    /// A token with other claims, signed as ours are.
    fn forged(change: impl FnOnce(&mut Value)) -> String {
        let tokens = tokens(NEW, None);
        let now = now();
        let mut claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "u", "sid": "s", "typ": ACCESS,
            "iat": now, "nbf": now, "exp": now + 60,
        });
        change(&mut claims);
        jsonwebtoken::encode(&tokens.header, &claims, &tokens.signing).unwrap()
    }

    #[test]
    fn a_token_says_whose_it_is_and_in_which_session() {
        let tokens = tokens(NEW, None);
        let claims = tokens.verify(&tokens.issue(holder("u-1"), "s-1", now()).unwrap()).unwrap();
        assert_eq!((&*claims.sub, &*claims.sid, claims.exp - claims.iat), ("u-1", "s-1", 86_400));
        assert!(tokens.verify(&forged(|_| ())).is_ok());
    }

    #[test]
    fn one_that_has_expired_says_so_and_one_of_tomorrow_is_not_good() {
        let tokens = tokens(NEW, None);
        let token = tokens.issue(holder("u"), "s", now() - 86_401).unwrap();
        assert_eq!(tokens.verify(&token), Err(Error::Expired));
        let tomorrow = tokens.issue(holder("u"), "s", now() + 86_400).unwrap();
        assert_eq!(tokens.verify(&tomorrow), Err(Error::Invalid));
    }

    #[test]
    fn every_claim_is_required_and_has_to_be_ours() {
        let tokens = tokens(NEW, None);
        for claim in ["iss", "aud", "sub", "sid", "typ", "iat", "nbf", "exp"] {
            let without = forged(|claims| {
                claims.as_object_mut().unwrap().remove(claim);
            });
            assert_eq!(tokens.verify(&without), Err(Error::Invalid), "without {claim}");
        }
        for (claim, value) in [
            ("iss", json!("somebody")),
            ("aud", json!("another-api")),
            ("typ", json!("refresh")),
            ("exp", json!("never")),
        ] {
            let other = forged(|claims| claims[claim] = value);
            assert_eq!(tokens.verify(&other), Err(Error::Invalid), "another {claim}");
        }
    }

    #[test]
    fn the_secret_before_still_verifies_and_signs_no_more() {
        let old = tokens(OLD, None).issue(holder("u"), "s", now()).unwrap();
        let both = tokens(NEW, Some(OLD));
        assert!(both.verify(&old).is_ok());
        let new = both.issue(holder("u"), "s", now()).unwrap();
        assert!(tokens(NEW, None).verify(&new).is_ok());
        assert_eq!(tokens(NEW, None).verify(&old), Err(Error::Invalid));
    }

    #[test]
    fn no_other_algorithm_key_or_text_is_taken() {
        let tokens = tokens(NEW, None);
        let good = tokens.issue(holder("u"), "s", now()).unwrap();
        let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let encode = |header: Value| URL_SAFE_NO_PAD.encode(header.to_string());
        let kid = tokens.header.kid.clone();
        let none = encode(json!({ "alg": "none", "kid": kid }));
        let longer = encode(json!({ "alg": "HS512", "kid": kid }));
        for token in [
            format!("{none}.{body}."),
            format!("{none}.{body}.{signature}"),
            format!("{longer}.{body}.{signature}"),
            format!("{}.{body}.{signature}", encode(json!({ "alg": "HS256" }))),
            format!("{head}.{body}."),
            format!("{head}.{body}"),
            format!("{head}.{}.{signature}", encode(json!({ "sub": "admin" }))),
            "abr_something".to_owned(),
            String::new(),
        ] {
            assert_eq!(tokens.verify(&token), Err(Error::Invalid), "{token}");
        }
    }
}
