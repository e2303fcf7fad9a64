//! The addresses of NATS servers and the credentials for them, in parts: an address that is shown
//! has no password in it, and neither has one that the client keeps.

use std::fmt;

use async_nats::{ConnectOptions, ServerAddr};
use common::hidden::Hidden;
use percent_encoding::percent_decode_str;

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "NATS_URL is not a NATS address; it looks like nats://host:4222, tls://host:4222 or \
     nats://user:password@host:4222, with what is no letter or digit in a password as %XX; several \
     have commas between and the same user and password"
)]
pub struct NotAnAddress;

/// The addresses of the servers of a log, such as `nats://user:password@host:4222`, with commas
/// between.
#[derive(Debug, Clone)]
pub struct Address {
    servers: Vec<ServerAddr>,
    login: Login,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    Nobody,
    Token(Hidden),
    User(String, Hidden),
}

impl Address {
    /// Reads addresses. A user without a password is a token, as in other clients. A user who signs
    /// in at one server does at all of them.
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let mut address = Address { servers: Vec::new(), login: Login::Nobody };
        for one in text.split(',') {
            let (server, login) = server(one.trim())?;
            if login != Login::Nobody && address.login != Login::Nobody && login != address.login {
                return Err(NotAnAddress);
            }
            if login != Login::Nobody {
                address.login = login;
            }
            address.servers.push(server);
        }
        Ok(address)
    }

    /// The servers, for the client, which tries them in any order.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerAddr> {
        self.servers.clone()
    }

    /// Adds the credentials to every connection: also to those to the other nodes of a cluster,
    /// whose addresses come from the server.
    #[must_use]
    pub fn sign_in(&self, options: ConnectOptions) -> ConnectOptions {
        match &self.login {
            Login::Nobody => options,
            Login::Token(token) => options.token(token.expose().to_owned()),
            Login::User(user, password) => {
                options.user_and_password(user.clone(), password.expose().to_owned())
            }
        }
    }
}

/// The addresses as they may stand in a line of the log.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, server) in self.servers.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", server.as_url_str())?;
        }
        Ok(())
    }
}

/// Reads one address, and takes the credentials out of it.
fn server(text: &str) -> Result<(ServerAddr, Login), NotAnAddress> {
    let server: ServerAddr = text.parse().map_err(|_| NotAnAddress)?;
    if server.host().is_empty() {
        return Err(NotAnAddress);
    }
    let plain = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(NotAnAddress),
    };
    let login = match (server.username(), server.password()) {
        (None, None) => Login::Nobody,
        (Some(token), None) => Login::Token(plain(token)?.into()),
        (user, Some(password)) => {
            Login::User(plain(user.unwrap_or_default())?, plain(password)?.into())
        }
    };
    let mut url = server.into_inner();
    // Both can be taken from every URL that has a host.
    url.set_username("").map_err(|()| NotAnAddress)?;
    url.set_password(None).map_err(|()| NotAnAddress)?;
    Ok((ServerAddr::from_url(url).map_err(|_| NotAnAddress)?, login))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, password: &str) -> Login {
        Login::User(name.to_owned(), password.to_owned().into())
    }

    #[test]
    fn a_user_and_a_password_are_read_and_not_shown() {
        for (text, shown, login) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222", Login::Nobody),
            ("localhost", "nats://localhost", Login::Nobody),
            ("tls://ann:s3cret@n1:4222", "tls://n1:4222", user("ann", "s3cret")),
            ("nats://ann:p%40s%2Fs%3As3cret@n1", "nats://n1", user("ann", "p@s/s:s3cret")),
            ("ann:s3cret@n1:4222", "nats://n1:4222", user("ann", "s3cret")),
            ("nats://s3cret@n1", "nats://n1", Login::Token("s3cret".to_owned().into())),
            ("n1, tls://n2:4223", "nats://n1,tls://n2:4223", Login::Nobody),
            ("nats://ann:s3cret@n1,n2", "nats://n1,nats://n2", user("ann", "s3cret")),
            ("ann:s3cret@n1,ann:s3cret@n2", "nats://n1,nats://n2", user("ann", "s3cret")),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.to_string(), &address.login), (shown.to_owned(), &login), "{text}");
            assert!(!format!("{address:?}").contains("s3cret"), "{address:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for text in [
            "",
            "http://n1",
            "nats://",
            "nats://ann:s3#cret@n1",
            "nats://a:%FF@n1",
            "n1,",
            "n1,http://n2",
            "ann:s3cret@n1,bob:s3cret@n2",
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(!error.contains("s3"), "{text}: {error}");
        }
    }
}
