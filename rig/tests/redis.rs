//! Tests of the Redis guards with real servers: starting, commands, freezing, killing, and failovers.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy recognizes tests by their attribute, but not their helpers

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Command,
    time::Duration,
};

use sessile_rig::{
    Error,
    redis::{Cluster, Redis, Reply, Sentinel, TlsRedis},
};

/// Far longer than any step takes. Only a defect reaches this limit.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_single_server_replies_on_its_port_and_its_socket() {
    let redis = Redis::start().unwrap();

    assert_eq!(redis.url(), format!("redis://127.0.0.1:{}", redis.port()));
    assert_eq!(send_plain(redis.port(), "PING"), "+PONG\r\n");
    assert!(redis.unix_socket().exists());
    assert!(is_ok(&redis, &["SET", "key", "a\r\nb"]));
    assert_eq!(get(&redis, "key"), Reply::from("a\r\nb"));
    assert_eq!(get(&redis, "other"), Reply::Nil);
}

#[test]
fn a_killed_server_keeps_its_data_and_its_port() {
    let mut redis = Redis::start().unwrap();
    let port = redis.port();
    for number in 0..100 {
        assert!(is_ok(&redis, &["SET", &format!("key {number}"), "value"]));
    }

    redis.kill().unwrap();
    let error = redis.command(&["PING"]).unwrap_err();
    assert!(matches!(error, Error::System { .. }), "{error}");
    redis.restart().unwrap();

    assert_eq!(redis.port(), port);
    assert_eq!(send_plain(port, "PING"), "+PONG\r\n");
    assert_eq!(redis.command(&["DBSIZE"]).unwrap(), Reply::Integer(100));
}

#[test]
fn the_server_gets_the_options_and_the_rig_needs_no_password() {
    let arguments = ["--requirepass", "secret", "--maxmemory", "3mb"];
    let mut redis = Redis::start_with(&arguments).unwrap();

    for _ in 0..2 {
        assert!(send_plain(redis.port(), "PING").starts_with("-NOAUTH "));
        let limit = redis.command(&["CONFIG", "GET", "maxmemory"]).unwrap();
        assert_eq!(limit.items()[1], Reply::from("3145728"));
        redis.restart().unwrap();
    }
}

#[test]
fn an_error_of_the_server_is_a_reply() {
    let redis = Redis::start().unwrap();
    redis.command(&["RPUSH", "list", "item"]).unwrap();

    let reply = get(&redis, "list");

    assert!(
        matches!(&reply, Reply::Error(text) if text.starts_with("WRONGTYPE ")),
        "{reply:?}"
    );
}

#[test]
fn debugging_commands_are_allowed() {
    let redis = Redis::start().unwrap();

    assert!(is_ok(&redis, &["DEBUG", "SLEEP", "0"]));
    assert!(is_ok(&redis, &["SCRIPT", "FLUSH"]));
    let killed = redis.command(&["CLIENT", "KILL", "USER", "default"]);
    assert_eq!(killed.unwrap(), Reply::Integer(0));
}

#[test]
fn a_frozen_server_accepts_connections_and_replies_after_it_continues() {
    let mut redis = Redis::start().unwrap();

    redis.stop().unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    client.write_all(b"PING\r\n").unwrap();
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    assert!(client.read(&mut [0; 64]).is_err());
    redis.cont().unwrap();

    client.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(client.read(&mut [0; 64]).unwrap(), 7);
}

#[test]
fn a_wrong_option_is_an_error_with_the_server_s_log() {
    let error = Redis::start_with(&["--no-such-option", "1"]).unwrap_err();

    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no-such-option"), "{error}");
}

#[test]
fn a_panicking_test_leaves_neither_server_nor_folder() {
    let mut parts = None;

    let panic = catch_unwind(AssertUnwindSafe(|| {
        let redis = Redis::start().unwrap();
        parts = Some((redis.port(), redis.unix_socket()));
        panic!("the test fails");
    }));

    assert!(panic.is_err());
    let (port, socket) = parts.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!socket.parent().unwrap().exists());
}

#[test]
fn a_tls_server_accepts_only_tls() {
    let mut redis = TlsRedis::start().unwrap();
    assert!(is_ok(redis.server(), &["SET", "key", "value"]));
    assert_eq!(redis.url(), format!("rediss://127.0.0.1:{}", redis.port()));

    for _ in 0..2 {
        assert_eq!(send_plain(redis.port(), "PING"), "");
        assert_eq!(tls_get(&redis, &redis, false).trim_end(), "value");
        redis.server_mut().restart().unwrap();
    }

    let other = TlsRedis::start().unwrap();
    let refusal = tls_get(&redis, &other, false);
    assert!(refusal.contains("certificate verify failed"), "{refusal}");
}

#[test]
fn a_tls_server_can_require_a_client_certificate() {
    let redis = TlsRedis::start_with_client_certificates().unwrap();
    assert!(is_ok(redis.server(), &["SET", "key", "value"]));

    assert_eq!(tls_get(&redis, &redis, true).trim_end(), "value");
    assert_ne!(tls_get(&redis, &redis, false).trim_end(), "value");
}

#[test]
fn a_replica_replaces_a_killed_master_which_restarts_as_a_replica() {
    let mut cluster = Cluster::start().unwrap();
    assert_eq!(cluster.urls().len(), 6);
    assert_eq!(cluster.masters(), [0, 1, 2]);
    let master = cluster.master_of("key").unwrap();
    assert!(is_ok(&cluster.nodes()[master], &["SET", "key", "value"]));
    let waited = cluster.nodes()[master].command(&["WAIT", "1", "10000"]);
    assert_eq!(waited.unwrap(), Reply::Integer(1));

    let killed = cluster.kill_master_of("key").unwrap();
    assert_eq!(killed, master);
    let error = cluster.master_of("key").unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    let promoted = cluster.wait_for_promotion("key", LONG).unwrap();

    assert_eq!(promoted, killed + 3);
    assert_eq!(get(&cluster.nodes()[promoted], "key"), Reply::from("value"));
    cluster.nodes_mut()[killed].restart().unwrap();
    cluster.wait_until_whole(LONG).unwrap();
    assert_eq!(cluster.master_of("key").unwrap(), promoted);
    assert!(!cluster.masters().contains(&killed));
}

#[test]
fn a_slot_is_migrated_with_its_keys() {
    let cluster = Cluster::start_with(&["--requirepass", "secret"]).unwrap();
    let from = cluster.master_of("{user}:1").unwrap();
    let to = (from + 1) % 3;
    let (source, target) = (&cluster.nodes()[from], &cluster.nodes()[to]);
    for number in 0..250 {
        assert!(is_ok(
            source,
            &["SET", &format!("{{user}}:{number}"), "value"]
        ));
    }

    cluster.begin_migration("{user}:1", to).unwrap();
    assert_eq!(cluster.master_of("{user}:1").unwrap(), from);
    let ask = get(source, "{user}:1").text().unwrap().into_owned();
    assert!(ask.starts_with("ASK "), "{ask}");
    assert!(ask.ends_with(&format!(":{}", target.port())), "{ask}");

    cluster.finish_migration("{user}:1", to).unwrap();
    assert_eq!(cluster.master_of("{user}:1").unwrap(), to);
    assert_eq!(get(target, "{user}:249"), Reply::from("value"));
    let moved = get(source, "{user}:1").text().unwrap().into_owned();
    assert!(moved.starts_with("MOVED "), "{moved}");

    cluster.migrate_slot("{user}:1", from).unwrap();
    assert_eq!(get(source, "{user}:249"), Reply::from("value"));
}

#[test]
fn sentinels_replace_a_killed_master() {
    let mut sentinel = Sentinel::start_with(&["--requirepass", "secret"]).unwrap();
    assert_eq!(sentinel.sentinel_urls().len(), 3);
    let port = sentinel.master_port().unwrap();
    let master = &sentinel.servers()[0];
    assert_eq!(master.port(), port);
    assert!(is_ok(master, &["SET", "key", "value"]));
    let waited = master.command(&["WAIT", "1", "10000"]).unwrap();
    assert_eq!(waited, Reply::Integer(1));

    assert_eq!(sentinel.kill_master().unwrap(), 0);
    let promoted = sentinel.wait_for_failover(LONG).unwrap();

    assert_eq!(promoted, 1);
    let (master, now) = (
        &sentinel.servers()[promoted],
        sentinel.master_port().unwrap(),
    );
    assert_eq!(now, master.port());
    assert_ne!(now, port);
    assert_eq!(get(master, "key"), Reply::from("value"));
    assert!(is_ok(master, &["SET", "key", "new"]));

    sentinel.servers_mut()[0].restart().unwrap();
    sentinel.wait_until_whole(LONG).unwrap();
    let logs = || sentinel.sentinels()[0].output();
    assert_eq!(sentinel.master_port().unwrap(), now, "{}", logs());
    let replicated = get(&sentinel.servers()[0], "key");
    assert_eq!(replicated, Reply::from("new"), "{}", logs());
}

#[test]
fn sentinels_replace_a_frozen_master_too() {
    let mut sentinel = Sentinel::start().unwrap();
    let words = [
        "SENTINEL",
        "GET-MASTER-ADDR-BY-NAME",
        sentinel.master_name(),
    ];
    let reported = sentinel.sentinels()[2].command(&words).unwrap();
    let port = sentinel.master_port().unwrap().to_string();
    assert_eq!(reported.items()[1], Reply::from(port.as_str()));

    sentinel.servers_mut()[0].stop().unwrap();
    sentinel.sentinels_mut()[0].kill().unwrap();

    assert_eq!(sentinel.wait_for_failover(LONG).unwrap(), 1);
}

#[test]
fn an_isolated_master_is_replaced_and_still_serves_clients() {
    let sentinel = Sentinel::start_behind_proxies(&[]).unwrap();
    let port = sentinel.master_port().unwrap();
    assert_eq!(port, sentinel.proxies()[0].port());

    sentinel.isolate(0);
    while sentinel.master_port().unwrap() == port {
        std::thread::sleep(Duration::from_millis(20));
    }

    assert_eq!(sentinel.wait_for_failover(LONG).unwrap(), 1);
    assert_eq!(send_plain(port, "ROLE").lines().nth(2), Some("master"));

    sentinel.proxies()[0].resume();
    sentinel.wait_until_whole(LONG).unwrap();
    assert_eq!(
        sentinel.master_port().unwrap(),
        sentinel.proxies()[1].port()
    );
}

fn get(redis: &Redis, key: &str) -> Reply {
    redis.command(&["GET", key]).unwrap()
}

fn is_ok(redis: &Redis, words: &[&str]) -> bool {
    redis.command(words).unwrap().is_ok()
}

/// The reply to a client without TLS and without a password. It is empty if the server closes the connection.
fn send_plain(port: u16, command: &str) -> String {
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    client
        .write_all(format!("{command}\r\n").as_bytes())
        .unwrap();
    let mut chunk = [0; 256];
    let length = client.read(&mut chunk).unwrap_or(0);
    String::from_utf8_lossy(&chunk[..length]).into_owned()
}

/// The output of `redis-cli` over TLS, if it trusts the authority of `trusted`: the value or an error.
fn tls_get(redis: &TlsRedis, trusted: &TlsRedis, shows_certificate: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        file.display().to_string()
    };
    let cli = sessile_rig::find_program("redis-cli", &["redis-tools"]).unwrap();
    let mut command = redis_cli(&cli, redis.port(), &file("ca.pem", trusted.ca_pem()));
    if shows_certificate {
        command
            .args(["--cert", &file("client.pem", redis.client_cert_pem())])
            .args(["--key", &file("client.key", redis.client_key_pem())]);
    }
    let output = command.args(["GET", "key"]).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn redis_cli(program: &Path, port: u16, authority: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(["--tls", "--cacert", authority]);
    command
}
