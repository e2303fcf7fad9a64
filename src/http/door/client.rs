//! The client: its address, and whether it came by TLS. A proxy is believed if it is trusted; the
//! claims of anyone else change nothing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The other end of the TCP connection; the server puts it into every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The client's address; an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// An extension of requests that a trusted proxy got by TLS.
#[derive(Debug, Clone, Copy)]
pub struct Secure;

/// Addresses and networks whose `X-Forwarded-*` and `Forwarded` are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl FromStr for TrustedProxies {
    type Err = String;

    /// Reads a list separated by commas; an empty one trusts nobody.
    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let parse = |entry: &str| {
            let address = || entry.parse::<IpAddr>().map(IpNet::from);
            let network = entry.parse::<IpNet>().or_else(|_| address()).map(canonical);
            network.map_err(|_| format!("{entry} is no address and no network such as 10.0.0.0/8"))
        };
        entries.map(parse).collect::<Result<_, _>>().map(TrustedProxies)
    }
}

/// A network of IPv4 that is written as one of IPv6 becomes the former: so do the addresses that
/// are held against it.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(long) = network else { return network };
    let mapped = long.addr().to_ipv4_mapped().zip(long.prefix_len().checked_sub(96));
    let short = mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    short.map_or(network, IpNet::V4)
}

/// The addresses of IPv6 that are given out to the world, `2000::/3`.
const WORLD_BITS: u8 = 3;

impl TrustedProxies {
    /// Whether half of all addresses of a kind or more are trusted, by one network or by several:
    /// then almost anybody can claim to be anybody.
    #[must_use]
    pub fn is_almost_everybody(&self) -> bool {
        let short =
            self.0.iter().filter_map(|it| if let IpNet::V4(it) = it { Some(*it) } else { None });
        let long =
            self.0.iter().filter_map(|it| if let IpNet::V6(it) = it { Some(*it) } else { None });
        let short: u128 = Ipv4Net::aggregate(&short.collect())
            .iter()
            .map(|network| 1_u128 << (32 - network.prefix_len()))
            .sum();
        let world = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), WORLD_BITS);
        let long: u128 = Ipv6Net::aggregate(&long.collect())
            .iter()
            .filter(|network| world.contains(*network) || network.contains(&world))
            .map(|network| 1_u128 << (128 - network.prefix_len().max(WORLD_BITS)))
            .sum();
        short >= 1 << 31 || long >= 1 << (128 - WORLD_BITS - 1)
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the peer's; behind trusted proxies the last one of those they name
    /// that is not itself trusted.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let de_facto = elements(headers, "x-forwarded-for");
        let standard: Vec<_> = elements(headers, "forwarded");
        let standard = standard.iter().map(|element| parameter(element, "for").unwrap_or_default());
        let de_facto = self.walk(peer, de_facto.iter().map(String::as_str).rev());
        let standard = self.walk(peer, standard.rev());
        match (de_facto, standard) {
            // A proxy writes one of the two and may let the client's own version of the other
            // through. It cannot be told which, so neither is believed.
            (Some(one), Some(other)) if one != other => peer,
            (one, other) => one.or(other).unwrap_or(peer),
        }
    }

    /// From the nearest hop on: the first address that is not trusted, or that the next hop
    /// cannot be read behind.
    fn walk<'a>(&self, peer: IpAddr, hops: impl Iterator<Item = &'a str>) -> Option<IpAddr> {
        let (mut client, mut is_named) = (peer, false);
        for hop in hops {
            is_named = true;
            match address(hop) {
                Some(address) if self.trusts(client) => client = address,
                _ => break,
            }
        }
        is_named.then_some(client)
    }

    /// Whether the nearest hop, if trusted, says that the request came by TLS.
    fn is_secure(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let last = |name| elements(headers, name).pop();
        let de_facto = last("x-forwarded-proto");
        let standard = last("forwarded");
        let standard = standard.as_deref().and_then(|element| parameter(element, "proto"));
        let is_https = |scheme: &str| scheme.eq_ignore_ascii_case("https");
        self.trusts(peer.to_canonical()) && de_facto.as_deref().or(standard).is_some_and(is_https)
    }
}

/// Puts [`ClientAddr`], and [`Secure`] where it is so, into the request.
pub(super) async fn resolve<F>(
    proxies: &TrustedProxies,
    mut request: Request,
    inner: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    // No peer: nothing came over a network, as in a unit test.
    let unknown = Peer(SocketAddr::from(([0, 0, 0, 0], 0)));
    let Peer(peer) = request.extensions().get::<Peer>().copied().unwrap_or(unknown);
    let client = proxies.client(peer.ip(), request.headers());
    let is_secure = proxies.is_secure(peer.ip(), request.headers());
    request.extensions_mut().insert(ClientAddr(client));
    if is_secure {
        request.extensions_mut().insert(Secure);
    }
    inner(request).await
}

/// The elements of a list that may be spread over several lines.
fn elements(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(|element| element.trim().to_owned()).collect()
}

/// A parameter of one element of `Forwarded` (RFC 7239).
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// An address with or without a port, in any of the ways that proxies write one.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').split(']').next().unwrap_or_default();
    let address = hop.parse().or_else(|_| bare.parse()).ok();
    let address = address.or_else(|| hop.parse().ok().map(|address: SocketAddr| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let proxies: TrustedProxies = "127.0.0.1, 10.0.0.0/8, 2001:db8::/32".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn what_a_stranger_says_of_itself_changes_nothing() {
        let spoofed = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(client("192.0.2.1", &spoofed), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn behind_proxies_the_last_address_that_is_not_one_of_them_counts() {
        let xff = |value| client("127.0.0.1", &[("x-forwarded-for", value)]);
        assert_eq!(xff("192.0.2.7"), "192.0.2.7");
        assert_eq!(xff("1.2.3.4, 192.0.2.7, 10.1.1.1"), "192.0.2.7", "the client's own is no help");
        assert_eq!(xff("10.2.2.2, 10.1.1.1"), "10.2.2.2");
        assert_eq!(xff("1.2.3.4, garbage, 10.1.1.1"), "10.1.1.1");
        assert_eq!(xff("192.0.2.7:5000"), "192.0.2.7");
        let lines = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client("127.0.0.1", &lines), "192.0.2.7");
    }

    #[test]
    fn forwarded_is_read_as_its_standard_has_it() {
        let forwarded = |value| client("127.0.0.1", &[("forwarded", value)]);
        assert_eq!(forwarded("for=192.0.2.7;proto=https;by=10.0.0.1"), "192.0.2.7");
        let v6 = r#"for="[2001:db8:cafe::17]:4711", For="[2a00::1]", for=10.0.0.5"#;
        assert_eq!(forwarded(v6), "2a00::1");
        assert_eq!(forwarded("for=_hidden"), "127.0.0.1");
        assert_eq!(forwarded("proto=https"), "127.0.0.1");
    }

    #[test]
    fn two_headers_that_do_not_agree_are_not_believed() {
        let both =
            |one, other| client("10.0.0.1", &[("x-forwarded-for", one), ("forwarded", other)]);
        assert_eq!(both("192.0.2.7", "for=192.0.2.7"), "192.0.2.7");
        assert_eq!(both("192.0.2.7", "for=1.2.3.4"), "10.0.0.1");
    }

    #[test]
    fn an_address_of_the_old_kind_in_one_of_the_new_is_the_old_one() {
        assert_eq!(client("::ffff:127.0.0.1", &[("x-forwarded-for", "192.0.2.7")]), "192.0.2.7");
        assert_eq!(client("::ffff:192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn tls_is_what_a_trusted_proxy_says() {
        let proxies: TrustedProxies = "127.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        assert!(proxies.is_secure("127.0.0.1".parse().unwrap(), &headers));
        assert!(!proxies.is_secure("127.0.0.2".parse().unwrap(), &headers));
        headers.insert("x-forwarded-proto", "https, http".parse().unwrap());
        assert!(!proxies.is_secure("127.0.0.1".parse().unwrap(), &headers));
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        assert!("".parse::<TrustedProxies>().unwrap().0.is_empty());
        assert!("::1, 10.0.0.0/8".parse::<TrustedProxies>().is_ok());
        assert!("localhost".parse::<TrustedProxies>().is_err());
        assert!("10.0.0.0/33".parse::<TrustedProxies>().is_err());
    }

    #[test]
    fn a_network_of_the_old_kind_written_as_one_of_the_new_is_the_old_one() {
        let proxies: TrustedProxies = "::ffff:10.0.0.0/104, ::ffff:192.0.2.1".parse().unwrap();
        for (address, is_trusted) in [("10.1.2.3", true), ("192.0.2.1", true), ("192.0.2.2", false)]
        {
            assert_eq!(proxies.trusts(address.parse().unwrap()), is_trusted, "{address}");
        }
    }

    #[test]
    fn who_trusts_half_of_all_addresses_trusts_almost_everybody() {
        for text in [
            "0.0.0.0/0",
            "::/0",
            "2000::/3",
            "127.0.0.1, 0.0.0.0/1, 128.0.0.0/1",
            "0.0.0.0/2, 64.0.0.0/2, 10.0.0.0/8",
            "::ffff:0.0.0.0/96",
            "2000::/4, 3000::/5, 3800::/5",
        ] {
            assert!(text.parse::<TrustedProxies>().unwrap().is_almost_everybody(), "{text}");
        }
        for text in ["", "127.0.0.1", "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16", "fc00::/7, ::1"]
        {
            assert!(!text.parse::<TrustedProxies>().unwrap().is_almost_everybody(), "{text}");
        }
    }
}
