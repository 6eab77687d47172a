//! What goes between a client and a real server is counted, cut, held and replaced.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy knows tests from their attribute, and not the helpers beside them

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use sessile_rig::{
    free_port,
    proxy::{Fault, Proxy},
    redis::{Redis, Reply},
};

/// Far longer than anything here takes, so that only a fault is ever waited for that long.
const LONG: Duration = Duration::from_secs(30);

/// The round trip time of a distant server.
const DISTANCE: Duration = Duration::from_millis(50);

/// As long as nothing is expected to come.
const SHORT: Duration = Duration::from_millis(100);

#[test]
fn what_it_forwards_is_counted_by_command() {
    let (_redis, proxy, mut client) = start();

    assert_eq!(client.ask("SET key value"), "+OK\r\n");
    assert_eq!(client.ask("get key"), "$5\r\nvalue\r\n");

    assert_eq!(proxy.take_requests(), ["SET", "GET"]);
    assert!(proxy.take_requests().is_empty());
}

#[test]
fn big_values_pass_in_both_directions() {
    let (_redis, _proxy, mut client) = start();
    let value = "v".repeat(1_000_000);

    assert_eq!(client.ask(&format!("SET key {value}")), "+OK\r\n");
    client.send("GET key");

    let wire = format!("$1000000\r\n{value}\r\n");
    assert!(client.receive(wire.len()) == wire);
}

#[test]
fn with_latency_a_reply_takes_a_round_trip_and_a_pipeline_keeps_its_order() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::with_latency(redis.port(), DISTANCE).unwrap();
    let mut client = Client::connect(&proxy);

    let sent = Instant::now();
    client.send("SET key value");
    client.send_all(&["GET key", "INCR n", "INCR n"]);

    let wire = "+OK\r\n$5\r\nvalue\r\n:1\r\n:2\r\n";
    assert_eq!(client.receive(wire.len()), wire);
    assert!(sent.elapsed() >= DISTANCE);
}

#[test]
fn with_latency_a_fault_meets_its_request() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::with_latency(redis.port(), DISTANCE).unwrap();
    let mut client = Client::connect(&proxy);
    proxy.inject_on("SET", Fault::CutBeforeReply);

    assert_eq!(client.ask("PING"), "+PONG\r\n");
    client.send("SET key value");

    assert!(client.is_cut_off());
    assert_eq!(get(&redis), Reply::from("value"));
}

#[test]
fn cut_ends_every_connection_and_a_new_one_is_taken() {
    let (_redis, proxy, mut first) = start();
    let mut second = Client::connect(&proxy);
    assert_eq!(first.ask("PING"), "+PONG\r\n");
    assert_eq!(second.ask("PING"), "+PONG\r\n");

    proxy.cut();

    assert!(first.is_cut_off());
    assert!(second.is_cut_off());
    assert_eq!(Client::connect(&proxy).ask("PING"), "+PONG\r\n");
}

#[test]
fn a_request_cut_in_its_middle_is_never_executed() {
    let (redis, proxy, mut client) = start();
    proxy.inject(Fault::CutRequestAfter(20));

    client.send("SET key value");

    assert!(client.is_cut_off());
    assert_eq!(proxy.pending_faults(), 0);
    assert_eq!(get(&redis), Reply::Nil);
}

#[test]
fn a_request_cut_before_its_reply_is_executed() {
    let (redis, proxy, mut client) = start();
    proxy.inject(Fault::CutBeforeReply);

    client.send("SET key value");

    assert!(client.is_cut_off());
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
    assert!(client.is_silent(), "nothing comes after a held reply");
    assert_eq!(Client::connect(&proxy).ask("PING"), "+PONG\r\n");
}

#[test]
fn an_answer_of_the_proxy_s_keeps_the_request_from_the_server() {
    let (redis, proxy, mut client) = start();
    let errors = ["READONLY You can't", "LOADING", "MOVED 42 127.0.0.1:1"];
    for error in errors {
        proxy.inject_on("SET", Fault::error(error));
    }

    for error in errors {
        assert_eq!(client.ask("PING"), "+PONG\r\n", "not what it is for");
        assert_eq!(client.ask("SET key value"), format!("-{error}\r\n"));
    }

    assert_eq!(get(&redis), Reply::Nil);
    assert_eq!(client.ask("SET key value"), "+OK\r\n");
}

#[test]
fn a_replaced_reply_is_of_a_request_that_was_executed() {
    let (redis, proxy, mut client) = start();
    proxy.inject(Fault::replace_with_error("ERR broken"));

    assert_eq!(client.ask("SET key value"), "-ERR broken\r\n");

    assert_eq!(get(&redis), Reply::from("value"));
}

#[test]
fn the_answers_to_a_pipeline_keep_their_order() {
    let (_redis, proxy, mut client) = start();
    proxy.inject_on("GET", Fault::error("OOM"));
    proxy.inject_on("INCR", Fault::ReplaceReply(b":7\r\n".to_vec()));

    client.send_all(&["PING", "GET key", "INCR n", "INCR n", "TYPE key"]);

    let wire = "+PONG\r\n-OOM\r\n:7\r\n:2\r\n+none\r\n";
    assert_eq!(client.receive(wire.len()), wire);
}

#[test]
fn a_stalled_proxy_forwards_later_what_came_meanwhile() {
    let (redis, proxy, mut client) = start();
    assert_eq!(client.ask("PING"), "+PONG\r\n");

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
fn a_server_that_goes_takes_the_connections_along_and_is_found_again() {
    let (mut redis, proxy, mut client) = start();
    assert_eq!(client.ask("PING"), "+PONG\r\n");

    redis.kill().unwrap();
    assert!(client.is_cut_off());
    assert!(Client::connect(&proxy).is_cut_off());

    redis.restart().unwrap();
    assert_eq!(Client::connect(&proxy).ask("PING"), "+PONG\r\n");
}

#[test]
fn a_client_that_goes_is_gone_for_the_server_as_well() {
    let (redis, _proxy, mut client) = start();
    assert_eq!(client.ask("CLIENT SETNAME client"), "+OK\r\n");
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
fn dropping_it_ends_it() {
    let (_redis, proxy, mut client) = start();
    assert_eq!(client.ask("PING"), "+PONG\r\n");
    let port = proxy.port();
    proxy.stall();

    drop(proxy);

    assert!(client.is_cut_off());
    // A process that another test starts at this moment has a copy of every socket until it is what it
    // is to be, so the port may go on listening for an instant.
    let deadline = Instant::now() + LONG;
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "it goes on listening");
        thread::yield_now();
    }
}

#[test]
fn a_proxy_to_nobody_cuts_its_clients_off() {
    let proxy = Proxy::start(free_port().unwrap()).unwrap();

    assert!(Client::connect(&proxy).is_cut_off());
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

/// A client that sees bytes.
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

    /// For short answers, which arrive in one piece.
    fn ask(&mut self, command: &str) -> String {
        self.send(command);
        let mut chunk = [0; 256];
        let length = self.0.read(&mut chunk).unwrap();
        String::from_utf8_lossy(&chunk[..length]).into_owned()
    }

    fn is_cut_off(&mut self) -> bool {
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
