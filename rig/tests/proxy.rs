//! Tests of the proxy: it counts, cuts, holds and replaces messages between a client and a real server.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy recognizes tests by their attribute, but not their helpers

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use sessile_rig::{
    free_port,
    proxy::{Fault, Proxy},
    redis::{Redis, Reply},
};

/// Far longer than any step takes. Only a defect reaches this limit.
const LONG: Duration = Duration::from_secs(30);

/// The round-trip time of a distant server.
const DISTANCE: Duration = Duration::from_millis(50);

/// The time in which a silent connection must receive nothing.
const SHORT: Duration = Duration::from_millis(100);

#[test]
fn requests_are_recorded_by_command() {
    let (_redis, proxy, mut client) = start();

    assert_eq!(client.call("SET key value"), "+OK\r\n");
    assert_eq!(client.call("get key"), "$5\r\nvalue\r\n");

    assert_eq!(proxy.take_requests(), ["SET", "GET"]);
    assert!(proxy.take_requests().is_empty());
}

#[test]
fn large_values_are_forwarded_in_both_directions() {
    let (_redis, _proxy, mut client) = start();
    let value = "v".repeat(1_000_000);

    assert_eq!(client.call(&format!("SET key {value}")), "+OK\r\n");
    client.send("GET key");

    let expected = format!("$1000000\r\n{value}\r\n");
    assert!(client.receive(expected.len()) == expected);
}

#[test]
fn with_latency_a_reply_takes_a_round_trip_and_a_pipeline_keeps_its_order() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::with_latency(redis.port(), DISTANCE).unwrap();
    let mut client = Client::connect(&proxy);

    let sent = Instant::now();
    client.send("SET key value");
    client.send_all(&["GET key", "INCR n", "INCR n"]);

    let expected = "+OK\r\n$5\r\nvalue\r\n:1\r\n:2\r\n";
    assert_eq!(client.receive(expected.len()), expected);
    assert!(sent.elapsed() >= DISTANCE);
}

#[test]
fn with_latency_a_fault_applies_to_its_request() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::with_latency(redis.port(), DISTANCE).unwrap();
    let mut client = Client::connect(&proxy);
    proxy.inject_on("SET", Fault::CutBeforeReply);

    assert_eq!(client.call("PING"), "+PONG\r\n");
    client.send("SET key value");

    assert!(client.is_closed());
    assert_eq!(get(&redis), Reply::from("value"));
}

#[test]
fn cut_closes_every_connection_and_accepts_new_ones() {
    let (_redis, proxy, mut first) = start();
    let mut second = Client::connect(&proxy);
    assert_eq!(first.call("PING"), "+PONG\r\n");
    assert_eq!(second.call("PING"), "+PONG\r\n");

    proxy.cut();

    assert!(first.is_closed());
    assert!(second.is_closed());
    assert_eq!(Client::connect(&proxy).call("PING"), "+PONG\r\n");
}

#[test]
fn a_request_cut_in_its_middle_is_never_executed() {
    let (redis, proxy, mut client) = start();
    proxy.inject(Fault::CutRequestAfter(20));

    client.send("SET key value");

    assert!(client.is_closed());
    assert_eq!(proxy.pending_faults(), 0);
    assert_eq!(get(&redis), Reply::Nil);
}

#[test]
fn a_request_cut_before_its_reply_is_executed() {
    let (redis, proxy, mut client) = start();
    proxy.inject(Fault::CutBeforeReply);

    client.send("SET key value");

    assert!(client.is_closed());
    assert_eq!(get(&redis), Reply::from("value"));
}

#[test]
fn a_held_reply_leaves_the_connection_open_and_the_request_executed() {
    let (redis, proxy, mut client) = start();
    proxy.inject(Fault::HoldReply);

    client.send("SET key value");

    assert!(client.is_silent());
    assert_eq!(get(&redis), Reply::from("value"));
    client.send("PING");
    assert!(client.is_silent(), "no reply follows a held reply");
    assert_eq!(Client::connect(&proxy).call("PING"), "+PONG\r\n");
}

#[test]
fn the_server_does_not_receive_an_intercepted_request() {
    let (redis, proxy, mut client) = start();
    let errors = ["READONLY You can't", "LOADING", "MOVED 42 127.0.0.1:1"];
    for error in errors {
        proxy.inject_on("SET", Fault::error(error));
    }

    for error in errors {
        assert_eq!(
            client.call("PING"),
            "+PONG\r\n",
            "the fault is for another command"
        );
        assert_eq!(client.call("SET key value"), format!("-{error}\r\n"));
    }

    assert_eq!(get(&redis), Reply::Nil);
    assert_eq!(client.call("SET key value"), "+OK\r\n");
}

#[test]
fn a_request_with_a_replaced_reply_is_executed() {
    let (redis, proxy, mut client) = start();
    proxy.inject(Fault::replace_with_error("ERR broken"));

    assert_eq!(client.call("SET key value"), "-ERR broken\r\n");

    assert_eq!(get(&redis), Reply::from("value"));
}

#[test]
fn the_replies_to_a_pipeline_keep_their_order() {
    let (_redis, proxy, mut client) = start();
    proxy.inject_on("GET", Fault::error("OOM"));
    proxy.inject_on("INCR", Fault::ReplaceReply(b":7\r\n".to_vec()));

    client.send_all(&["PING", "GET key", "INCR n", "INCR n", "TYPE key"]);

    let expected = "+PONG\r\n-OOM\r\n:7\r\n:2\r\n+none\r\n";
    assert_eq!(client.receive(expected.len()), expected);
}

#[test]
fn forgotten_connections_stay_open_and_silent_and_new_ones_work() {
    let (_redis, proxy, mut client) = start();
    assert_eq!(client.call("PING"), "+PONG\r\n");

    proxy.forget();
    client.send("PING");

    assert!(client.is_silent());
    assert_eq!(Client::connect(&proxy).call("PING"), "+PONG\r\n");
}

#[test]
fn only_the_isolated_address_is_not_served() {
    let (_redis, proxy, mut client) = start();
    assert_eq!(client.call("PING"), "+PONG\r\n");

    proxy.isolate(Ipv4Addr::new(127, 0, 0, 2));
    assert_eq!(client.call("PING"), "+PONG\r\n");
    proxy.isolate(Ipv4Addr::LOCALHOST);
    client.send("PING");
    assert!(client.is_silent());

    proxy.resume();
    assert_eq!(client.receive(7), "+PONG\r\n");
}

#[test]
fn a_stalled_proxy_forwards_delayed_messages_after_it_resumes() {
    let (redis, proxy, mut client) = start();
    assert_eq!(client.call("PING"), "+PONG\r\n");

    proxy.stall();
    client.send("SET key value");
    let mut second = Client::connect(&proxy);
    second.send("PING");
    assert!(client.is_silent());
    assert!(second.is_silent());
    assert_eq!(get(&redis), Reply::Nil);

    proxy.resume();
    assert_eq!(client.receive(5), "+OK\r\n");
    assert_eq!(second.receive(7), "+PONG\r\n");
    assert_eq!(get(&redis), Reply::from("value"));
}

#[test]
fn the_end_of_the_server_closes_its_connections_and_a_restart_is_found() {
    let (mut redis, proxy, mut client) = start();
    assert_eq!(client.call("PING"), "+PONG\r\n");

    redis.kill().unwrap();
    assert!(client.is_closed());
    assert!(Client::connect(&proxy).is_closed());

    redis.restart().unwrap();
    assert_eq!(Client::connect(&proxy).call("PING"), "+PONG\r\n");
}

#[test]
fn the_end_of_a_client_closes_its_connection_to_the_server() {
    let (redis, _proxy, mut client) = start();
    assert_eq!(client.call("CLIENT SETNAME client"), "+OK\r\n");
    let is_listed = || {
        let list = redis.command(&["CLIENT", "LIST"]).unwrap();
        list.text().unwrap().contains("name=client")
    };
    assert!(is_listed());

    drop(client);

    let begun = Instant::now();
    while is_listed() {
        assert!(begun.elapsed() < LONG);
        std::thread::yield_now();
    }
}

#[test]
fn dropping_the_proxy_closes_its_connections_and_its_port() {
    let (_redis, proxy, mut client) = start();
    assert_eq!(client.call("PING"), "+PONG\r\n");
    let port = proxy.port();
    proxy.stall();

    drop(proxy);

    assert!(client.is_closed());
    // A process that another test starts at this moment has a copy of every socket until it executes its program. So
    // the port may be open for an instant longer.
    let deadline = Instant::now() + LONG;
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "the port is still open");
        thread::yield_now();
    }
}

#[test]
fn without_a_server_the_proxy_closes_the_connections_of_clients() {
    let proxy = Proxy::start(free_port().unwrap()).unwrap();

    assert!(Client::connect(&proxy).is_closed());
}

fn start() -> (Redis, Proxy, Client) {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let client = Client::connect(&proxy);
    (redis, proxy, client)
}

fn get(redis: &Redis) -> Reply {
    redis.command(&["GET", "key"]).unwrap()
}

/// A client that reads and writes bytes.
struct Client(TcpStream);

impl Client {
    fn connect(proxy: &Proxy) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self(stream)
    }

    fn send(&mut self, command: &str) {
        self.send_all(&[command]);
    }

    fn send_all(&mut self, commands: &[&str]) {
        let mut wire = String::new();
        for command in commands {
            let words: Vec<&str> = command.split(' ').collect();
            wire += &format!("*{}\r\n", words.len());
            for word in words {
                wire += &format!("${}\r\n{word}\r\n", word.len());
            }
        }
        self.0.write_all(wire.as_bytes()).unwrap();
    }

    fn receive(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Sends a command and reads its reply, which has to be short enough for one read.
    fn call(&mut self, command: &str) -> String {
        self.send(command);
        let mut chunk = [0; 256];
        let length = self.0.read(&mut chunk).unwrap();
        String::from_utf8_lossy(&chunk[..length]).into_owned()
    }

    fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0; 64]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    fn is_silent(&mut self) -> bool {
        self.0.set_read_timeout(Some(SHORT)).unwrap();
        let read = self.0.read(&mut [0; 64]);
        self.0.set_read_timeout(Some(LONG)).unwrap();
        read.is_err_and(|it| it.kind() == std::io::ErrorKind::WouldBlock)
    }
}
