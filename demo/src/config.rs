//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand, ValueEnum};

/// A small site on sessile, served from this machine.
#[derive(Parser)]
#[command(name = "sessile-demo", version, about)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// The address to listen on. With port 0, the system chooses a free port; the printed address
    /// has it.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,

    /// The store of the sessions: `sqlite:FILE`, `postgres://…`, `mysql://…`, `redis://…`, `memory:`
    /// or another address that sessile supports. Missing files and tables are created. Pass an
    /// address with a password in the environment, where other users don't see it.
    #[arg(
        long,
        value_name = "URL",
        env = "SESSILE_DEMO_STORE",
        hide_env_values = true,
        default_value = "sqlite:sessile-demo.db"
    )]
    pub(crate) store: String,

    /// The file with the secret key that seals the cookies: 64 bytes in hexadecimal, readable only by you. It is
    /// created if it does not exist. The key suffices to forge cookies. If the key is
    /// lost, no existing cookie opens a session.
    #[arg(long, value_name = "FILE", default_value = "sessile-demo.key")]
    pub(crate) secret_key_file: PathBuf,

    /// Serves over HTTPS, with a certificate that the demo creates. Browsers warn of it, because no authority has signed
    /// it. Without this option, the demo serves over plain HTTP. Do that on this machine only: the cookies are then not
    /// `Secure`.
    #[arg(long)]
    pub(crate) https: bool,

    /// The file with the certificate for HTTPS and its private key, as PEM, readable only by you. With `--https`, it is
    /// created if it does not exist, for the names localhost, 127.0.0.1 and ::1. You can put a certificate of your own there.
    #[arg(long, value_name = "FILE", default_value = "sessile-demo.pem")]
    pub(crate) certificate_file: PathBuf,

    /// The maximum age of an authentication for closing the account. After that, the demo asks for the password again.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) recent_authentication: u64,
}

/// A command instead of serving the site.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the SQL that creates the tables of the sessions, for migration tools.
    Schema {
        /// The database that the SQL is for.
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
    fn the_definition_of_the_command_line_is_valid() {
        Config::command().debug_assert();
    }

    #[test]
    fn every_setting_has_a_default() {
        let config = Config::parse_from(["sessile-demo"]);
        assert_eq!(config.addr.to_string(), "127.0.0.1:8080");
        assert_eq!(config.store, "sqlite:sessile-demo.db");
        assert!(config.command.is_none());
        assert_eq!(config.secret_key_file, PathBuf::from("sessile-demo.key"));
        assert!(!config.https);
        assert_eq!(config.certificate_file, PathBuf::from("sessile-demo.pem"));
        assert_eq!(config.recent_authentication, 30);
    }

    #[test]
    fn a_bad_address_is_refused() {
        assert!(Config::try_parse_from(["sessile-demo", "--addr", "8080"]).is_err());
    }
}
