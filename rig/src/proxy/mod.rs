//! A proxy between a client and a server that injects faults and the latency of a network.
//!
//! ```
//! use std::{
//!     io::{Read, Write},
//!     net::TcpStream,
//! };
//! use sessile_rig::{proxy::{Fault, Proxy}, redis::{Redis, Reply}};
//!
//! let redis = Redis::start()?;
//! let proxy = Proxy::start(redis.port())?;
//! proxy.inject_on("SET", Fault::CutBeforeReply);
//!
//! let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
//! client.write_all(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n")?;
//!
//! assert_eq!(client.read(&mut [0; 64])?, 0, "the connection is closed");
//! assert_eq!(redis.command(&["GET", "key"])?, Reply::from("value"), "the write was executed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrivals;
mod connection;
mod fault;
mod frames;

use std::{
    fmt, io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

pub use fault::Fault;

use crate::{Error, free_port};

use connection::Connection;
use fault::Plan;

/// A TCP proxy on a free port of 127.0.0.1, in threads of this process.
///
/// It forwards everything until a test injects a [`Fault`], which is for one request. The proxy recognizes requests in
/// RESP. With another protocol, such as TLS, the bytes of one read count as a request. Dropping the proxy closes all its
/// connections.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy to the server on this port of 127.0.0.1. The server need not be running. While it is not, the proxy
    /// closes the connections of clients.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if no port is free.
    pub fn start(target: u16) -> Result<Self, Error> {
        Self::with_latency(target, Duration::ZERO)
    }

    /// Starts a proxy that simulates a network with this round-trip time between client and server. It forwards each
    /// chunk half of that time after the chunk arrived, in both directions. The delays of chunks overlap.
    ///
    /// A round trip takes at least this time, and additionally the time that the machine needs to wake the threads of the
    /// proxy.
    ///
    /// ```
    /// use std::{
    ///     io::{Read, Write},
    ///     net::TcpStream,
    ///     time::{Duration, Instant},
    /// };
    /// use sessile_rig::{proxy::Proxy, redis::Redis};
    ///
    /// let redis = Redis::start()?;
    /// let round_trip = Duration::from_millis(10);
    /// let proxy = Proxy::with_latency(redis.port(), round_trip)?;
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    ///
    /// let sent = Instant::now();
    /// client.write_all(b"*1\r\n$4\r\nPING\r\n")?;
    /// let mut reply = [0; 7];
    /// client.read_exact(&mut reply)?;
    ///
    /// assert_eq!(&reply, b"+PONG\r\n");
    /// assert!(sent.elapsed() >= round_trip);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::System`] if no port is free.
    pub fn with_latency(target: u16, round_trip: Duration) -> Result<Self, Error> {
        // The kernel could choose the port of a killed server that will be restarted. `free_port` does not.
        let (port, listener) = free_port()
            .and_then(|port| Ok((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port))?)))
            .map_err(Error::system("the proxy", "listen"))?;
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            delay: round_trip / 2,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let listener = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self {
            port,
            shared,
            listener: Some(listener),
        })
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Plans a fault for the next request. Faults that were planned before apply to earlier requests.
    pub fn inject(&self, fault: Fault) {
        self.shared.state().plan.add(None, 0, fault);
    }

    /// Plans a fault for the request that comes after `before` others.
    pub fn inject_after(&self, before: usize, fault: Fault) {
        self.shared.state().plan.add(None, before, fault);
    }

    /// Plans a fault for the next request with this command, such as `EVALSHA`. Requests with other commands may come
    /// before it, for example those that a client sends when it connects.
    pub fn inject_on(&self, command: &str, fault: Fault) {
        self.shared.state().plan.add(Some(command), 0, fault);
    }

    /// The number of planned faults that no request has met yet.
    pub fn pending_faults(&self) -> usize {
        self.shared.state().plan.len()
    }

    /// The commands of all requests since the last call, in upper case. A pipeline counts as several requests.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().requests)
    }

    /// Forwards new connections to the server on another port. This simulates an address that moves to another server.
    /// Existing connections stay with the first server.
    pub fn switch_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    /// Closes all connections. New ones are accepted.
    pub fn cut(&self) {
        for connection in self.shared.state().connections.drain(..) {
            connection.cut();
        }
    }

    /// Stops forwarding in both directions. Connections stay open, and new ones are accepted.
    pub fn stall(&self) {
        self.shared.state().stalled = Stalled::All;
    }

    /// Stops forwarding in both directions for clients with this address. Other clients are not affected. Programs on
    /// one machine have different addresses if they bind their sockets to different ones of 127.0.0.0/8.
    pub fn isolate(&self, client: Ipv4Addr) {
        self.shared.state().stalled = Stalled::From(client);
    }

    /// Stops forwarding on the existing connections, which stay open. New connections are forwarded. A firewall that
    /// drops the state of idle connections has the same effect.
    pub fn forget(&self) {
        for connection in &self.shared.state().connections {
            connection.forget();
        }
    }

    /// Continues forwarding after [`stall`](Proxy::stall) or [`isolate`](Proxy::isolate). The delayed messages are first, including requests of clients that have disconnected.
    pub fn resume(&self) {
        self.shared.state().stalled = Stalled::None;
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.resume();
        self.cut();
        // The listener checks the flag only when a client connects.
        if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            && let Some(listener) = self.listener.take()
        {
            let _ = listener.join();
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("port", &self.port)
            .field("target", &self.shared.target())
            .finish_non_exhaustive()
    }
}

/// The state that all threads of a proxy share.
struct Shared {
    target: AtomicU16,
    /// The time by which each chunk is delayed.
    delay: Duration,
    state: Mutex<State>,
    /// Notified when the proxy is no longer stalled.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    plan: Plan,
    requests: Vec<String>,
    connections: Vec<Arc<Connection>>,
    stalled: Stalled,
    is_closed: bool,
}

/// The connections that are not forwarded.
#[derive(Debug, Default, PartialEq, Eq)]
enum Stalled {
    #[default]
    None,
    All,
    From(Ipv4Addr),
}

impl State {
    fn is_stalled(&self, connection: &Connection) -> bool {
        let is_stalled = match self.stalled {
            Stalled::None => false,
            Stalled::All => true,
            Stalled::From(address) => connection.client_address() == address,
        };
        !self.is_closed && (is_stalled || connection.is_forgotten())
    }
}

impl Shared {
    fn target(&self) -> u16 {
        self.target.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while_stalled(&self, connection: &Connection) -> MutexGuard<'_, State> {
        self.changed
            .wait_while(self.state(), |state| state.is_stalled(connection))
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the proxy is stalled, records a request, and returns its fault.
    fn admit(&self, connection: &Connection, command: &str) -> Option<Fault> {
        let mut state = self.wait_while_stalled(connection);
        state.requests.push(command.to_owned());
        state.plan.take(command)
    }

    /// Adds a connection to those that [`Proxy::cut`] closes.
    fn add(&self, connection: &Arc<Connection>) {
        let mut state = self.state();
        // If the threads of a connection have ended, only this list refers to it.
        state.connections.retain(|it| Arc::strong_count(it) > 1);
        state.connections.push(Arc::clone(connection));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.state().is_closed {
            return;
        }
        // If the server can't be reached, dropping the client's connection closes it.
        if let Ok(client) = client {
            let _ = connect(client, shared);
        }
    }
}

fn connect(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.target()))?;
    let connection = Arc::new(Connection::new(client, server)?);
    shared.add(&connection);
    for forward in [Connection::forward_requests, Connection::forward_replies] {
        let (connection, shared) = (Arc::clone(&connection), Arc::clone(shared));
        thread::spawn(move || forward(&connection, &shared));
    }
    Ok(())
}
