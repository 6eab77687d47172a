//! One client's connection, and the one to the server that was made for it.

use std::{
    collections::VecDeque,
    io::{self, Write},
    net::{Shutdown, TcpStream},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Fault, Shared, arrivals::Arrivals, frames::Frames};

/// Both connections. A thread in each direction moves what comes.
#[derive(Debug)]
pub(super) struct Link {
    client: TcpStream,
    server: TcpStream,
    /// What is to become of the answers, in the order of the requests. Whoever writes to the client holds it.
    answers: Mutex<VecDeque<Answer>>,
}

/// What becomes of the answer to a request.
#[derive(Debug)]
enum Answer {
    Forward,
    Cut,
    Hold,
    Replace(Vec<u8>),
    /// The server wasn't asked.
    Instead(Vec<u8>),
}

impl Link {
    pub(super) fn new(client: TcpStream, server: TcpStream) -> io::Result<Self> {
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        Ok(Self {
            client,
            server,
            answers: Mutex::default(),
        })
    }

    /// Ends both connections. Neither end gets an answer to what it still waits for.
    pub(super) fn cut(&self) {
        // One that has ended already is refused, which is as good.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    /// Moves requests until one of the ends is gone.
    pub(super) fn forward_requests(&self, shared: &Shared) {
        let _ = self.try_forward_requests(shared);
        self.cut();
    }

    /// Moves answers until one of the ends is gone, or until they are to be held.
    pub(super) fn forward_answers(&self, shared: &Shared) {
        match self.try_forward_answers(shared) {
            Ok(End::Held) => (),
            Ok(End::Gone) | Err(_) => self.cut(),
        }
    }

    fn try_forward_requests(&self, shared: &Shared) -> io::Result<()> {
        let arrivals = Arrivals::new(&self.client, shared.delay)?;
        let mut frames = Frames::default();
        while let Some(chunk) = arrivals.next()? {
            frames.extend(&chunk);
            while let Some(request) = frames.next() {
                let answer = match shared.admit(&request.command) {
                    Some(Fault::CutRequestAfter(bytes)) => {
                        let end = bytes.min(request.bytes.len());
                        return (&self.server).write_all(&request.bytes[..end]);
                    }
                    Some(Fault::Answer(bytes)) => Answer::Instead(bytes),
                    Some(Fault::CutBeforeReply) => Answer::Cut,
                    Some(Fault::HoldReply) => Answer::Hold,
                    Some(Fault::ReplaceReply(bytes)) => Answer::Replace(bytes),
                    None => Answer::Forward,
                };
                let is_forwarded = !matches!(answer, Answer::Instead(_));
                let mut answers = self.answers();
                answers.push_back(answer);
                self.give_instead(&mut answers)?;
                drop(answers);
                if is_forwarded {
                    (&self.server).write_all(&request.bytes)?;
                }
            }
        }
        Ok(())
    }

    fn try_forward_answers(&self, shared: &Shared) -> io::Result<End> {
        let arrivals = Arrivals::new(&self.server, shared.delay)?;
        let mut frames = Frames::default();
        while let Some(chunk) = arrivals.next()? {
            frames.extend(&chunk);
            while let Some(frame) = frames.next() {
                drop(shared.wait_while_stalled());
                let mut answers = self.answers();
                let answer = match frame.is_push {
                    true => Answer::Forward,
                    false => answers.pop_front().unwrap_or(Answer::Forward),
                };
                match answer {
                    Answer::Cut => return Ok(End::Gone),
                    Answer::Hold => return Ok(End::Held),
                    Answer::Forward => (&self.client).write_all(&frame.bytes)?,
                    Answer::Replace(bytes) | Answer::Instead(bytes) => {
                        (&self.client).write_all(&bytes)?;
                    }
                }
                self.give_instead(&mut answers)?;
            }
        }
        Ok(End::Gone)
    }

    /// Gives the answers that are next and that the server has no part in.
    fn give_instead(&self, answers: &mut VecDeque<Answer>) -> io::Result<()> {
        while let Some(Answer::Instead(bytes)) = answers.front() {
            (&self.client).write_all(bytes)?;
            answers.pop_front();
        }
        Ok(())
    }

    fn answers(&self) -> MutexGuard<'_, VecDeque<Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the answers of a server ended.
enum End {
    /// One of the ends is gone.
    Gone,
    /// The rest is not to come.
    Held,
}
