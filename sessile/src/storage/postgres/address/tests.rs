//! Tests of addresses.

use std::net::IpAddr;

use tokio_postgres::config::SslMode;

use super::*;

fn parsed(address: &str) -> Result<Address, Fault> {
    Address::parse(address, |_| None)
}

/// The settings for the only server.
fn config(address: &str) -> Config {
    let [config] = <[Config; 1]>::try_from(parsed(address).unwrap().configs).unwrap();
    config
}

fn shown(error: Fault) -> String {
    std::error::Error::source(&error).unwrap().to_string()
}

#[test]
fn the_parts_of_an_address_are_decoded() {
    let it = parsed("postgresql://us%40er:pa%3Ass?w@[::1]:5433,other/d%20b?application_name=a'b");
    let configs = it.unwrap().configs;
    assert_eq!(configs.len(), 2);
    for (it, (host, port)) in configs.iter().zip([("::1", 5433), ("other", 5432)]) {
        assert_eq!(it.get_user(), Some("us@er"));
        assert_eq!(it.get_password(), Some(b"pa:ss?w".as_slice()));
        assert_eq!(it.get_hosts(), [Host::Tcp(host.to_owned())]);
        assert_eq!(it.get_ports(), [port]);
        assert_eq!(it.get_dbname(), Some("d b"));
        assert_eq!(it.get_application_name(), Some("a'b"));
    }
}

#[test]
fn the_operating_system_looks_after_idle_connections() {
    let it = config("postgres://host/app");
    assert!(it.get_keepalives());
    assert_eq!(it.get_keepalives_idle(), KEEPALIVE);
    let it = config("postgres://host/app?keepalives_idle=7");
    assert_eq!(it.get_keepalives_idle(), Duration::from_secs(7));
}

#[test]
fn a_socket_is_a_folder() {
    for address in [
        "postgres:///app?host=/run/some%20folder&port=1",
        "postgres://%2Frun%2Fsome folder:1/app",
    ] {
        let it = config(address);
        assert_eq!(it.get_hosts(), [Host::Unix("/run/some folder".into())]);
        assert_eq!(it.get_ports(), [1]);
    }
}

#[test]
fn tls_is_left_out_only_on_a_socket() {
    for (address, expected) in [
        ("postgres:///d?host=/run&sslmode=require", SslMode::Disable),
        (
            "postgres:///d?hostaddr=127.0.0.1&sslmode=require",
            SslMode::Require,
        ),
        (
            "postgres:///d?host=/run&hostaddr=127.0.0.1&sslmode=require",
            SslMode::Require,
        ),
        ("postgres://host/d?sslmode=verify-full", SslMode::Require),
        ("postgres://host/d", SslMode::Prefer),
    ] {
        let it = config(address);
        assert_eq!(it.get_ssl_mode(), expected, "{address}");
    }
}

#[test]
fn each_server_has_settings_of_its_own() {
    let address = "postgres:///d?host=/run,db&hostaddr=127.0.0.1,127.0.0.2&port=7";
    let configs = parsed(address).unwrap().configs;
    let addresses: Vec<_> = configs.iter().map(Config::get_hostaddrs).collect();
    let parse = |it: &str| [it.parse::<IpAddr>().unwrap()];
    let expected = ["127.0.0.1", "127.0.0.2"].map(parse);
    assert_eq!(addresses, expected);
    assert!(configs.iter().all(|it| it.get_ports() == [7]));
    let modes = parsed("postgres:///d?host=/run,db&sslmode=require").unwrap();
    let modes: Vec<_> = modes.configs.iter().map(Config::get_ssl_mode).collect();
    assert_eq!(modes, [SslMode::Disable, SslMode::Require]);
    for lists in [
        "host=a,b&hostaddr=127.0.0.1",
        "host=a,b&port=1,2,3",
        "host=a&port=1,2",
    ] {
        let error = shown(parsed(&format!("postgres:///d?{lists}")).err().unwrap());
        assert!(error.contains("differ in length"), "{error}");
    }
}

#[test]
fn variables_are_defaults() {
    let variable = |name: &str| match name {
        "PGHOST" => Some("from-variable".to_owned()),
        "PGPORT" => Some(String::new()),
        "PGPASSWORD" => Some("secret".to_owned()),
        "PGSSLMODE" => Some("verify-full".to_owned()),
        _ => None,
    };
    let it = Address::parse("postgres://user:mine@/app", variable).unwrap();
    assert_eq!(it.tls.mode, Mode::VerifyFull);
    let config = &it.configs[0];
    assert_eq!(config.get_password(), Some(b"mine".as_slice()));
    let host = Host::Tcp("from-variable".to_owned());
    assert_eq!(config.get_hosts(), [host]);
}

#[test]
fn each_mode_of_tls_is_accepted() {
    for (name, mode) in Mode::NAMES {
        let it = parsed(&format!("postgres://host/app?sslmode={name}"));
        assert_eq!(it.unwrap().tls.mode, *mode);
    }
}

#[test]
fn flags_are_set_by_the_address() {
    let it = parsed("postgres://h/d?create_table=true&behind_pooler=false").unwrap();
    assert!(it.create_table && !it.behind_pooler);
}

#[test]
fn an_error_names_the_parameter_and_nothing_else() {
    for (query, expected) in [
        ("ssl_mode=require", "`ssl_mode` is unknown"),
        ("ssl-mode=VERIFY_IDENTITY", "`ssl-mode` is unknown"),
        ("sslmode=verify_full", "`sslmode` must be"),
        ("sslmode=", "`sslmode` has no value"),
        ("sslmode", "`sslmode` has no value"),
        ("sslcert=/x", "`sslcert` and `sslkey`"),
        ("create_table=yes", "`create_table` must be"),
        ("port=http", "invalid connection string"),
        ("Hunter2=x", "other characters than lower-case letters"),
    ] {
        let error = shown(
            parsed(&format!("postgres://u:hunter2@h/d?{query}"))
                .err()
                .unwrap(),
        );
        assert!(error.contains(expected), "{query}: {error}");
        assert!(!error.to_ascii_lowercase().contains("hunter2"), "{error}");
    }
    for address in ["postgres://u:hunt/er2=x@h/d", "postgres://u:p@h:port/d"] {
        let error = shown(parsed(address).err().unwrap());
        assert_eq!(error, "the host or the port is invalid");
    }
}
