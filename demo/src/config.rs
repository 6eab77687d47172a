//! What the command line says.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand, ValueEnum};

/// A small site on sessile, served from this machine.
#[derive(Parser)]
#[command(name = "sessile-demo", version, about)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Where to listen; with port 0 the system picks a free port, and the address that is printed
    /// tells which.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,

    /// Where the sessions are kept: `sqlite:FILE`, `postgres://…`, `mysql://…`, `redis://…`,
    /// `memory:` or another address that sessile knows. What isn't there is created. An address
    /// with a password is safer in the environment, where other users don't see it.
    #[arg(
        long,
        value_name = "URL",
        env = "SESSILE_DEMO_STORE",
        hide_env_values = true,
        default_value = "sqlite:sessile-demo.db"
    )]
    pub(crate) store: String,

    /// The secret that seals the cookies: 64 bytes, readable by you alone; created when it isn't
    /// there. With it, cookies can be forged. Without it, no cookie opens a session any more.
    #[arg(long, value_name = "FILE", default_value = "sessile-demo.key")]
    pub(crate) secret_key_file: PathBuf,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the SQL that creates the tables of the sessions, for migration tools.
    Schema {
        /// The database it is for.
        database: Database,
    },
}

/// A database whose tables a migration tool may create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    Postgres,
    Mysql,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Config::command().debug_assert();
    }

    #[test]
    fn nothing_has_to_be_said() {
        let config = Config::parse_from(["sessile-demo"]);
        assert_eq!(config.addr.to_string(), "127.0.0.1:8080");
        assert_eq!(config.store, "sqlite:sessile-demo.db");
        assert!(config.command.is_none());
        assert_eq!(config.secret_key_file, PathBuf::from("sessile-demo.key"));
    }

    #[test]
    fn a_bad_address_is_refused() {
        assert!(Config::try_parse_from(["sessile-demo", "--addr", "8080"]).is_err());
    }
}
