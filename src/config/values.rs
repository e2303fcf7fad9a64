//! What settings may be: each function gives the value to use, or says what is allowed.

/// A filter of the log: levels, and levels of targets. The library would take a word that is no
/// level for a target, and be silent about everything else.
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

/// A path below which nothing of ours is.
pub(super) fn socket_path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.~".contains(&byte);
    let inner = text.strip_prefix('/').map(|rest| rest.trim_end_matches('/')).unwrap_or_default();
    let ours = ["api", "health"].contains(&inner.split('/').next().unwrap_or_default());
    if inner.is_empty() || inner.starts_with('/') || ours || !text.bytes().all(plain) {
        return Err("SOCKET_PATH must be a path such as /socket.io, of letters, digits and \
                    / _ - . ~, outside of /api and /health"
            .to_owned());
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
}
