//! Parsers of settings: each returns the value to use, or says what is allowed.

use std::ffi::OsStr;
use std::net::SocketAddr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use projections::text::is_language;
use url::Url;

use crate::auth::secret::SECRET_BYTES_MIN;
use crate::auth::{body, mail, password};
use crate::hidden::Hidden;
use crate::http::routes::PLACES;
use crate::store;
use crate::stream::{address, subject};

/// A parser of a value that is a secret, or may contain one: its error does not repeat the value,
/// so the sentence has to name the setting.
#[derive(Clone)]
pub(super) struct Private<F>(pub F);

impl<F, T> TypedValueParser for Private<F>
where
    F: Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        // A value that is not UTF-8 fits nothing.
        self.0(value.to_str().unwrap_or_default()).map_err(|message| {
            clap::Error::raw(ErrorKind::ValueValidation, format!("{message}\n")).with_cmd(command)
        })
    }
}

/// The address to listen on.
pub(super) fn bind(text: &str) -> Result<SocketAddr, String> {
    let wrong = "must be an address and a port, such as 127.0.0.1:4000 or [::1]:4000";
    text.trim().parse().map_err(|_| wrong.to_owned())
}

/// The address of the log.
pub(super) fn nats_url(text: &str) -> Result<String, String> {
    address::Address::parse(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// The address of the read models.
pub(super) fn mongodb_uri(text: &str) -> Result<String, String> {
    store::database_of(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// The name of the log.
pub(super) fn stream(text: &str) -> Result<String, String> {
    if subject::is_stream(text) {
        return Ok(text.to_owned());
    }
    Err("NATS_STREAM must be 1 to 255 visible ASCII characters, and none of . * > / \\".to_owned())
}

/// The prefix of subjects.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    if subject::is_prefix(text) {
        return Ok(text.to_owned());
    }
    Err("SUBJECT_PREFIX must be visible ASCII characters, in parts with dots between, without * and \
         >; at most 128, and not begin with $, _INBOX or adaptive-bi"
        .to_owned())
}

/// The secret that tokens are signed with.
pub(super) fn secret(name: &'static str) -> impl Fn(&str) -> Result<Hidden, String> + Clone {
    move |text| {
        if text.len() >= SECRET_BYTES_MIN {
            return Ok(text.to_owned().into());
        }
        Err(format!(
            "{name} must have at least {SECRET_BYTES_MIN} bytes; `openssl rand -base64 48` makes one"
        ))
    }
}

/// An e-mail address.
pub(super) fn email(text: &str) -> Result<String, String> {
    let text = text.trim();
    if body::is_email(text) { Ok(text.to_owned()) } else { Err("is not an e-mail address".into()) }
}

/// A password; only its length is checked here.
pub(super) fn admin_password(text: &str) -> Result<Hidden, String> {
    if password::CHARACTERS.contains(&text.chars().count()) {
        return Ok(text.to_owned().into());
    }
    Err("ADMIN_PASSWORD must have 8 to 128 characters".to_owned())
}

/// A mail server.
pub(super) fn smtp_url(text: &str) -> Result<Hidden, String> {
    let url = Hidden::from(text.to_owned());
    mail::transport(&url).map_err(|error| error.to_string())?;
    Ok(url)
}

/// The sender of mail.
pub(super) fn mail_from(text: &str) -> Result<String, String> {
    mail::sender(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// The URL that links begin with; people see and open it.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text.trim()).ok().filter(|url| {
        let is_web = ["http", "https"].contains(&url.scheme()) && url.has_host();
        let is_bare = url.query().is_none() && url.fragment().is_none();
        is_web && is_bare && url.username().is_empty() && url.password().is_none()
    });
    let wrong = "must be an address of the web such as https://bi.example.org or \
                 https://example.org/bi, without user, ? and #";
    url.map(|url| url.as_str().trim_end_matches('/').to_owned()).ok_or_else(|| wrong.to_owned())
}

/// A filter of the log: levels, and levels of targets. The library would take an unknown word for a
/// target, and log nothing else.
pub(super) fn log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let is_target = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-.".contains(&byte);
        !word.is_empty() && word.bytes().all(plain)
    };
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    let known = |directive: &&str| match directive.split_once('=') {
        Some((target, level)) => is_target(target) && is_level(level),
        None => is_level(directive),
    };
    if directives.iter().all(known) {
        return Ok(directives.join(",").to_ascii_lowercase());
    }
    Err(format!(
        "LOG_LEVEL must be one of {}, or target=level pairs, such as info,access=off",
        LEVELS.join(", ")
    ))
}

/// A path below which the service has no route.
pub(super) fn socket_path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.~".contains(&byte);
    let inner = text.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let parts: Vec<&str> = inner.unwrap_or_default().split('/').collect();
    let is_ours = PLACES.contains(&parts[0]);
    if is_ours || parts.iter().any(|it| ["", ".", ".."].contains(it)) || !text.bytes().all(plain) {
        let places = PLACES.map(|it| format!("/{it}")).join(", ");
        return Err(format!(
            "SOCKET_PATH must be a path such as /socket.io, of letters, digits and / _ - . ~, \
             outside of {places}"
        ));
    }
    Ok(text.to_owned())
}

/// An ISO 4217 code.
pub(super) fn currency(text: &str) -> Result<String, String> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err("CURRENCY must be three letters, such as GBP".to_owned())
}

/// The tag of a language. Systems have a variable of this name with a list of locales in it, such
/// as `en_GB.UTF-8:en` or `C`, of which the first counts.
pub(super) fn language(text: &str) -> Result<String, String> {
    match text.split([':', '.']).next().unwrap_or_default() {
        "C" | "POSIX" => return Ok("en".to_owned()),
        first if is_language(first) => return Ok(first.to_owned()),
        _ => {}
    }
    Err("LANGUAGE must be the tag of a language, such as en, ar or pt-BR".to_owned())
}

/// The name of a database, as `MongoDB` takes it everywhere.
pub(super) fn database(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let system = ["admin", "local", "config"].contains(&text);
    if (1..=63).contains(&text.len()) && text.bytes().all(plain) && !system {
        return Ok(text.to_owned());
    }
    Err("MONGODB_DB must be 1 to 63 letters, digits, _ and -, and none of admin, local, config"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_level_is_a_level_or_pairs_of_targets_and_levels() {
        for text in ["info", "WARN", "off", "info,access=off", "adaptive_bi::app=debug, warn"] {
            assert!(log_level(text).is_ok(), "{text}");
        }
        for text in ["", "banana", "info,", "access=", "=info", "access=loud", "a b=info"] {
            let said = log_level(text).expect_err(text);
            assert!(said.contains("LOG_LEVEL") && said.contains("trace, off"), "{said}");
        }
    }

    #[test]
    fn a_socket_path_is_a_path_that_nothing_else_is_at() {
        for path in ["/socket.io", "/live/", "/a/b", "/apis", "/healthy"] {
            assert_eq!(socket_path(path).as_deref(), Ok(path));
        }
        for path in ["", "/", "//", "live", "/a b", "/a?b", "/{x}", "/api", "/api/x", "/health/"] {
            assert!(socket_path(path).is_err(), "{path}");
        }
        for path in ["/metrics", "/metrics/", "/metrics/live", "/a//b", "/a/../api", "/..", "/./a"]
        {
            assert!(socket_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_language_is_a_tag_or_the_first_of_a_list() {
        for (text, expected) in
            [("ar", "ar"), ("pt-BR", "pt-BR"), ("en_GB.UTF-8:en", "en_GB"), ("C", "en")]
        {
            assert_eq!(language(text).as_deref(), Ok(expected));
        }
        for text in ["", "english please", ":en", "e"] {
            assert!(language(text).is_err_and(|it| it.contains("LANGUAGE")), "{text}");
        }
    }

    #[test]
    fn a_currency_is_three_letters_and_becomes_capital() {
        assert_eq!(currency("eur").as_deref(), Ok("EUR"));
        for text in ["", "EU", "EURO", "E1R", "\u{20ac}"] {
            assert!(currency(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_database_has_a_plain_name() {
        assert!(database("adaptive_bi-2").is_ok());
        for text in ["", "a.b", "a b", "$x", "admin", &"x".repeat(64)] {
            assert!(database(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_public_address_is_one_of_the_web_and_as_browsers_write_it() {
        for (text, url) in [
            ("https://bi.example.org/", "https://bi.example.org"),
            ("http://127.0.0.1:4000/bi", "http://127.0.0.1:4000/bi"),
            ("https://bi.example.org/a b", "https://bi.example.org/a%20b"),
        ] {
            assert_eq!(public_url(text).as_deref(), Ok(url));
        }
        for text in [
            "",
            "bi.example.org",
            "javascript:alert(1)",
            "javascript://x/%0aalert(1)",
            "data:text/html,x",
            "ftp://example.org",
            "https://",
            "https://ann:s3cret@example.org",
            "https://example.org?x=",
            "https://example.org/#x",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_being_repeated() {
        for said in [
            nats_url("http://ann:s3cret@n1").expect_err("no address of NATS"),
            mongodb_uri("http://ann:s3cret@m1").expect_err("no address of MongoDB"),
            mongodb_uri("mongodb://ann:s3:cret@m1:port").expect_err("a port"),
            smtp_url("http://ann:s3cret@m1").map(|_| ()).expect_err("no mail server"),
            secret("JWT_SECRET")("s3cret").map(|_| ()).expect_err("short"),
            admin_password("s3cret").map(|_| ()).expect_err("short"),
        ] {
            assert!(!said.contains("s3") && said.contains('_'), "{said}");
        }
        assert!(mongodb_uri("mongodb://ann:p%40ss@m1,m2:27018/shop?replicaSet=rs0").is_ok());
        assert!(nats_url("tls://ann:p%40ss@n1:4222").is_ok());
        assert!(smtp_url("smtps://ann:p%40ss@m1").is_ok());
    }

    #[test]
    fn a_stream_and_a_prefix_are_names_that_nats_takes() {
        assert!(stream("EVENTS-2").is_ok() && prefix("shop.events").is_ok());
        for text in ["", "a.b", "a b", "a*", "a>", "a/b", "a\\b", "\u{e9}", &"x".repeat(256)] {
            assert!(stream(text).is_err(), "{text}");
        }
        for text in ["", ".a", "a.", "a..b", "a b", "*", "a.>", "$x.y", "_INBOX", "adaptive-bi"] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }
}
