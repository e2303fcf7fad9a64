//! The address of a NATS server and the credentials for it, in parts: the address that is shown has
//! no password in it, and neither has the one that the client keeps.

use std::fmt;

use async_nats::{ConnectOptions, ServerAddr};
use common::hidden::Hidden;
use percent_encoding::percent_decode_str;

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "NATS_URL is not a NATS address; it looks like nats://host:4222, tls://host:4222 or \
     nats://user:password@host:4222, with what is no letter or digit in a password as %XX"
)]
pub struct NotAnAddress;

/// An address such as `nats://user:password@host:4222`.
#[derive(Debug, Clone)]
pub struct Address {
    server: ServerAddr,
    login: Login,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    Nobody,
    Token(Hidden),
    User(String, Hidden),
}

impl Address {
    /// Reads an address. A user without a password is a token, as in other clients.
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
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
        let server = ServerAddr::from_url(url).map_err(|_| NotAnAddress)?;
        Ok(Address { server, login })
    }

    /// The server, for the client.
    #[must_use]
    pub fn server(&self) -> &ServerAddr {
        &self.server
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

/// The address as it may stand in a line of the log.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.server.as_url_str())
    }
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
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.to_string(), &address.login), (shown.to_owned(), &login), "{text}");
            assert!(!format!("{address:?}").contains("s3cret"), "{address:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for text in ["", "http://n1", "nats://", "nats://ann:s3#cret@n1", "nats://a:%FF@n1"] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(!error.contains("s3"), "{text}: {error}");
        }
    }
}
