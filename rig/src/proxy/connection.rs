//! The connection of a client, and the connection to the server that belongs to it.

use std::{
    collections::VecDeque,
    io::{self, Write},
    net::{IpAddr, Shutdown, TcpStream},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::{Fault, Shared, arrivals::Arrivals, frames::Frames};

/// A client's connection through the proxy. One thread per direction forwards the messages.
#[derive(Debug)]
pub(super) struct Connection {
    client: TcpStream,
    client_address: IpAddr,
    server: TcpStream,
    is_forgotten: AtomicBool,
    /// The actions for the expected replies, in the order of the requests. A thread holds the lock while it writes to the
    /// client.
    actions: Mutex<VecDeque<ReplyAction>>,
}

/// The action for the reply to a request.
#[derive(Debug)]
enum ReplyAction {
    Forward,
    Cut,
    Hold,
    Replace(Vec<u8>),
    /// The server does not receive the request, and the client receives these bytes.
    Intercept(Vec<u8>),
}

impl Connection {
    pub(super) fn new(client: TcpStream, server: TcpStream) -> io::Result<Self> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        Ok(Self {
            client_address: client.peer_addr()?.ip(),
            client,
            server,
            is_forgotten: AtomicBool::new(false),
            actions: Mutex::default(),
        })
    }

    pub(super) fn client_address(&self) -> IpAddr {
        self.client_address
    }

    /// Nothing is forwarded any more.
    pub(super) fn forget(&self) {
        self.is_forgotten.store(true, Relaxed);
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.is_forgotten.load(Relaxed)
    }

    /// Closes the connections to the client and to the server. Neither receives pending replies.
    pub(super) fn cut(&self) {
        // `shutdown` fails if the connection is closed already.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    /// Forwards requests until the client or the server closes its connection.
    pub(super) fn forward_requests(&self, shared: &Shared) {
        let _ = self.try_forward_requests(shared);
        self.cut();
    }

    /// Forwards replies until the client or the server closes its connection, or until a fault holds the replies.
    pub(super) fn forward_replies(&self, shared: &Shared) {
        match self.try_forward_replies(shared) {
            Ok(End::Held) => (),
            Ok(End::Closed) | Err(_) => self.cut(),
        }
    }

    fn try_forward_requests(&self, shared: &Shared) -> io::Result<()> {
        let arrivals = Arrivals::new(&self.client, shared.delay)?;
        let mut frames = Frames::default();
        while let Some(chunk) = arrivals.next()? {
            frames.extend(&chunk);
            while let Some(request) = frames.next() {
                let action = match shared.admit(self, &request.command) {
                    Some(Fault::CutRequestAfter(bytes)) => {
                        let end = bytes.min(request.bytes.len());
                        return (&self.server).write_all(&request.bytes[..end]);
                    }
                    Some(Fault::Intercept(bytes)) => ReplyAction::Intercept(bytes),
                    Some(Fault::CutBeforeReply) => ReplyAction::Cut,
                    Some(Fault::HoldReply) => ReplyAction::Hold,
                    Some(Fault::ReplaceReply(bytes)) => ReplyAction::Replace(bytes),
                    None => ReplyAction::Forward,
                };
                let is_forwarded = !matches!(action, ReplyAction::Intercept(_));
                let mut actions = self.actions();
                actions.push_back(action);
                self.write_intercepted(&mut actions)?;
                drop(actions);
                if is_forwarded {
                    (&self.server).write_all(&request.bytes)?;
                }
            }
        }
        Ok(())
    }

    fn try_forward_replies(&self, shared: &Shared) -> io::Result<End> {
        let arrivals = Arrivals::new(&self.server, shared.delay)?;
        let mut frames = Frames::default();
        while let Some(chunk) = arrivals.next()? {
            frames.extend(&chunk);
            while let Some(frame) = frames.next() {
                drop(shared.wait_while_stalled(self));
                let mut actions = self.actions();
                let action = match frame.is_push {
                    true => ReplyAction::Forward,
                    false => actions.pop_front().unwrap_or(ReplyAction::Forward),
                };
                match action {
                    ReplyAction::Cut => return Ok(End::Closed),
                    ReplyAction::Hold => return Ok(End::Held),
                    ReplyAction::Forward => (&self.client).write_all(&frame.bytes)?,
                    ReplyAction::Replace(bytes) | ReplyAction::Intercept(bytes) => {
                        (&self.client).write_all(&bytes)?;
                    }
                }
                self.write_intercepted(&mut actions)?;
            }
        }
        Ok(End::Closed)
    }

    /// Writes the replies of the proxy that are next in order.
    fn write_intercepted(&self, actions: &mut VecDeque<ReplyAction>) -> io::Result<()> {
        while let Some(ReplyAction::Intercept(bytes)) = actions.front() {
            (&self.client).write_all(bytes)?;
            actions.pop_front();
        }
        Ok(())
    }

    fn actions(&self) -> MutexGuard<'_, VecDeque<ReplyAction>> {
        self.actions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason why no more replies are forwarded.
enum End {
    /// The client or the server closed its connection.
    Closed,
    /// A fault holds the replies.
    Held,
}
