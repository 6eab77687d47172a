//! What the command line says.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;

/// A small site on sessile, served from this machine.
#[derive(Debug, Parser)]
#[command(name = "sessile-demo", version, about)]
pub(crate) struct Config {
    /// Where to listen; with port 0 the system picks a free port, and the address that is printed
    /// tells which.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,

    /// The SQLite database that keeps the sessions; created when it isn't there.
    #[arg(long, value_name = "FILE", default_value = "sessile-demo.db")]
    pub(crate) database: String,

    /// The secret that seals the cookies: 64 bytes, readable by you alone; created when it isn't
    /// there. Whoever has it can forge cookies; without it, nobody's cookie opens any more.
    #[arg(long, value_name = "FILE", default_value = "sessile-demo.key")]
    pub(crate) secret_key_file: PathBuf,
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
        assert_eq!(config.database, "sessile-demo.db");
        assert_eq!(config.secret_key_file, PathBuf::from("sessile-demo.key"));
    }

    #[test]
    fn a_bad_address_is_refused() {
        assert!(Config::try_parse_from(["sessile-demo", "--addr", "8080"]).is_err());
    }
}
