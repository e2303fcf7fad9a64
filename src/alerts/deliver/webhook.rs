//! A recorded alert as a signed request to a program. An address of this machine or of its networks is
//! refused unless that is allowed: names are resolved here, every address that they lead to is checked,
//! and the connection is made to one that was checked.

use std::error::Error;
use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use ring::hmac::{self, HMAC_SHA256};
use url::{Host, Url};

use super::outcome::Outcome;
use crate::auth::secret::random;
use crate::push::alerts::Recorded;
use crate::store::platform::alerts::Webhook;
use crate::store::platform::crossings::CrossingRow;
use crate::store::time;

/// An address has at most so many characters.
pub const URL_MAX: usize = 2_048;
/// What an address has to be.
pub const ALLOWED: &str = "must be an https:// address of at most 2,048 characters, without a user, and not of a private network";
/// The same where private ones are allowed.
pub const ALLOWED_PRIVATE: &str =
    "must be an http:// or https:// address of at most 2,048 characters, without a user";

/// The recorded alert's id, the same each time that it is sent.
pub const ID: &str = "webhook-id";
/// The second at which it is sent, since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// `v1=`, and the HMAC-SHA256 of the timestamp, a dot and the body, hexadecimal.
pub const SIGNATURE: &str = "webhook-signature";

/// What secrets begin with, so that a leaked one is recognized.
const SECRET_PREFIX: &str = "whsec_";
/// A program that has not answered by then counts as down.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// The same for its connection.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

/// The client of webhooks.
#[derive(Debug, Clone)]
pub struct Hooks {
    client: Client,
    /// Whether private addresses are allowed.
    pub allows_private: bool,
}

impl Hooks {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// Fails if TLS cannot be set up.
    pub fn new(allows_private: bool) -> anyhow::Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("adaptive-bi/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECTS_WITHIN)
            .timeout(ANSWERS_WITHIN)
            // A name is resolved and checked for each request.
            .pool_max_idle_per_host(0);
        let client = if allows_private { client } else { client.dns_resolver2(Public) };
        Ok(Hooks { client: client.build()?, allows_private })
    }

    /// Sends an alert to a program.
    pub async fn send(&self, webhook: &Webhook, crossing: CrossingRow) -> Outcome {
        let id = crossing.id.clone();
        let Some(url) = address(&webhook.url, self.allows_private) else {
            return Outcome::Never("the address is not allowed".to_owned());
        };
        let Ok(body) = serde_json::to_vec(&Recorded::from(crossing)) else {
            return Outcome::Never("it could not be written".to_owned());
        };
        let timestamp = time::now().timestamp_millis() / 1_000;
        let signature = signature(&webhook.secret, timestamp, &body);
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header(ID, id)
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature)
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Outcome::Sent,
            Ok(answer) => Outcome::Again(format!("it answered {}", answer.status().as_u16())),
            Err(error) if is_private(&error) => {
                Outcome::Never("the address leads to a private network".to_owned())
            }
            Err(error) if error.is_timeout() => {
                Outcome::Again("it did not answer in time".to_owned())
            }
            Err(error) if error.is_connect() => {
                Outcome::Again("it could not be reached".to_owned())
            }
            Err(_) => Outcome::Again("the request failed".to_owned()),
        }
    }
}

/// A new secret.
#[must_use]
pub fn new_secret() -> String {
    format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(random()))
}

/// The signature of a body that is sent at a second since 1970.
#[must_use]
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut signing = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, secret.as_bytes()));
    signing.update(format!("{timestamp}.").as_bytes());
    signing.update(body);
    let tag = signing.sign();
    let mut signature = "v1=".to_owned();
    for byte in tag.as_ref() {
        // Writing to a string does not fail.
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

/// The address that a text is, where it is one that can be sent to. What a name leads to is checked when
/// it is connected to.
#[must_use]
pub fn address(text: &str, allows_private: bool) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= URL_MAX)?;
    let is_right = match url.scheme() {
        "https" => true,
        "http" => allows_private,
        _ => false,
    };
    let has_user = !url.username().is_empty() || url.password().is_some();
    // A client connects to an address that stands there itself without asking for its name.
    let is_allowed = match url.host()? {
        Host::Domain(_) => true,
        Host::Ipv4(address) => allows_private || is_public(address.into()),
        Host::Ipv6(address) => allows_private || is_public(address.into()),
    };
    (is_right && !has_user && is_allowed).then_some(url)
}

/// Resolves names, and refuses those that lead to an address that is not public.
#[derive(Debug)]
struct Public;

/// A name that leads to an address that is not public.
#[derive(Debug)]
struct Private;

impl fmt::Display for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to a private network")
    }
}

impl Error for Private {}

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client puts the port in.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            if !found.iter().all(|address| is_public(address.ip())) {
                return Err(Private.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether a name led to an address that is not public.
fn is_private(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(source) = cause {
        if source.is::<Private>() {
            return true;
        }
        cause = source.source();
    }
    false
}

/// Whether an address is one of the Internet: of no network of one's own, and of no special use (RFC
/// 6890). An address of IPv6 that has one of IPv4 in it is judged by that as well.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && b & 0xfe == 18)
        || a >= 240;
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Mapped, translated, and by relays of 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        // Teredo and other protocols, benchmarks, ORCHID; documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // Those that are given out to the world.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for text in [
            "1.1.1.1",
            "93.184.216.34",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2002:0101:0101::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:0001::1",
            "2001:0:1::1",
            "2001:db8::1",
            "3fff:1::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn an_address_in_other_words_is_still_that_address() {
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://127.1",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest",
            "https://0177.0.0.1/",
            "http://example.org/",
            "ftp://example.org/",
            "https://user:word@example.org/",
            "https://user@example.org/",
            "example.org",
            "",
        ] {
            assert!(address(text, false).is_none(), "{text}");
        }
        for text in ["https://example.org/hook?a=1", "https://1.1.1.1:8443/"] {
            assert!(address(text, false).is_some(), "{text}");
        }
        assert!(address("http://127.0.0.1:8080/", true).is_some());
        assert!(address("file:///etc/passwd", true).is_none());
        assert!(address(&format!("https://example.org/{}", "a".repeat(URL_MAX)), false).is_none());
    }

    #[test]
    fn a_signature_is_of_the_second_and_the_body() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let expected = "v1=38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789";
        assert_eq!(signature("whsec_test", 1_700_000_000, br#"{"a":1}"#), expected);
    }

    #[test]
    fn secrets_differ() {
        let (one, other) = (new_secret(), new_secret());
        assert!(one.starts_with(SECRET_PREFIX) && one.len() > 40);
        assert_ne!(one, other);
    }
}
