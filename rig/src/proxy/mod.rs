//! A proxy between a client and a server. It breaks what a test tells it to break, and can be as slow as a network.
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
//! assert_eq!(client.read(&mut [0; 64])?, 0, "the client is cut off");
//! assert_eq!(redis.command(&["GET", "key"])?, Reply::from("value"), "and the write was done");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrivals;
mod fault;
mod frames;
mod link;

use std::{
    fmt, io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

pub use fault::Fault;

use crate::{Error, free_port};

use fault::Plan;
use link::Link;

/// A TCP proxy on a free port of 127.0.0.1, in threads of this process.
///
/// It forwards everything until it is told otherwise. [`Fault`]s are for single requests, which it tells apart where
/// they are RESP; of another protocol, TLS for one, it takes what arrives at once for a request. Dropping it cuts
/// all its connections.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy to the server on this port of 127.0.0.1. The server need not be there yet: a client
    /// that comes while it isn't is cut off.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if there is no port to listen on.
    pub fn start(target: u16) -> Result<Self, Error> {
        Self::with_latency(target, Duration::ZERO)
    }

    /// Starts a proxy that is as far from the server as a network with this round trip time. It delivers each chunk half
    /// of that time after the chunk arrived, in both directions. Chunks in flight do not wait for each other.
    ///
    /// A round trip takes at least this long. It takes longer by what the machine needs to wake the proxy's threads.
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
    /// [`Error::System`] if there is no port to listen on.
    pub fn with_latency(target: u16, round_trip: Duration) -> Result<Self, Error> {
        // Not one that the kernel picks: that may be the one of a server that was killed and is to be restarted.
        let (port, listener) = free_port()
            .and_then(|port| Ok((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port))?)))
            .map_err(Error::system("the proxy", "listen"))?;
        let shared = Arc::new(Shared {
            target,
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

    /// Plans a fault for the next request, or, when others were planned before, for the one after theirs.
    pub fn inject(&self, fault: Fault) {
        self.shared.state().plan.add(None, fault);
    }

    /// Plans a fault for the next request with this command, such as `EVALSHA`, whatever requests come before it:
    /// what a client says when it connects, for one.
    pub fn inject_on(&self, command: &str, fault: Fault) {
        self.shared.state().plan.add(Some(command), fault);
    }

    /// How many planned faults still wait for their request.
    pub fn pending_faults(&self) -> usize {
        self.shared.state().plan.len()
    }

    /// The commands, in upper case, of all requests since this was last called. A pipeline is several.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().requests)
    }

    /// Cuts all connections. New ones are accepted.
    pub fn cut(&self) {
        for link in self.shared.state().links.drain(..) {
            link.cut();
        }
    }

    /// Stops forwarding, in both directions. Connections stay open, and new ones are accepted.
    pub fn stall(&self) {
        self.shared.state().is_stalled = true;
    }

    /// Forwards again, and first what came in the meantime: also what a client asked for that has gone since.
    pub fn resume(&self) {
        self.shared.state().is_stalled = false;
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.resume();
        self.cut();
        // The listener only looks up when a client comes.
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
            .field("target", &self.shared.target)
            .finish_non_exhaustive()
    }
}

/// What all threads of a proxy know.
struct Shared {
    target: u16,
    /// How late each chunk is delivered.
    delay: Duration,
    state: Mutex<State>,
    /// When it is no longer stalled.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    plan: Plan,
    requests: Vec<String>,
    links: Vec<Arc<Link>>,
    is_stalled: bool,
    is_closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while_stalled(&self) -> MutexGuard<'_, State> {
        self.changed
            .wait_while(self.state(), |state| state.is_stalled)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request as soon as it may pass, and says what is to go wrong with it.
    fn admit(&self, command: &str) -> Option<Fault> {
        let mut state = self.wait_while_stalled();
        state.requests.push(command.to_owned());
        state.plan.take(command)
    }

    /// Notes a link, for [`Proxy::cut`] to find.
    fn add(&self, link: &Arc<Link>) {
        let mut state = self.state();
        // A link whose threads have ended is nobody's but this list's.
        state.links.retain(|link| Arc::strong_count(link) > 1);
        state.links.push(Arc::clone(link));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.state().is_closed {
            return;
        }
        // A client that can't be connected to the server is cut off by dropping its connection.
        if let Ok(client) = client {
            let _ = connect(client, shared);
        }
    }
}

fn connect(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.target))?;
    let link = Arc::new(Link::new(client, server)?);
    shared.add(&link);
    for forward in [Link::forward_requests, Link::forward_answers] {
        let (link, shared) = (Arc::clone(&link), Arc::clone(shared));
        thread::spawn(move || forward(&link, &shared));
    }
    Ok(())
}
