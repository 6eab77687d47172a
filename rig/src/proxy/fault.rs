//! What can be done to a request and its answer.

use std::collections::VecDeque;

/// What a [`Proxy`](super::Proxy) does to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is cut when this many bytes of the request have been forwarded: in its middle, unless it is shorter.
    ///
    /// The server may have understood a request that was forwarded whole, or not: see [`CutBeforeReply`](Fault::CutBeforeReply).
    CutRequestAfter(usize),

    /// The server does what it is asked, and the connection is cut when it answers: the client can't know that it was done.
    CutBeforeReply,

    /// The server does what it is asked, and from this answer on nothing more comes back on the connection, which stays open.
    HoldReply,

    /// The server does what it is asked, and the client gets these bytes for an answer.
    ReplaceReply(Vec<u8>),

    /// The server never sees the request, and the client gets these bytes for an answer.
    Answer(Vec<u8>),
}

impl Fault {
    /// The server does what it is asked, and the client is told this error, without its `-`: `ERR broken`.
    pub fn replace_with_error(error: &str) -> Self {
        Fault::ReplaceReply(wire(error))
    }

    /// The server never sees the request, and the client is told this error, without its `-`: `LOADING …`, `READONLY …`,
    /// `MOVED 42 127.0.0.1:4711`. A server that answers so has done nothing.
    pub fn error(error: &str) -> Self {
        Fault::Answer(wire(error))
    }
}

fn wire(error: &str) -> Vec<u8> {
    format!("-{error}\r\n").into_bytes()
}

/// The faults that are still to come, in their order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// With the command that each is for; one without is for any.
    faults: VecDeque<(Option<String>, Fault)>,
}

impl Plan {
    pub(super) fn add(&mut self, command: Option<&str>, fault: Fault) {
        self.faults
            .push_back((command.map(str::to_ascii_uppercase), fault));
    }

    pub(super) fn len(&self) -> usize {
        self.faults.len()
    }

    /// Takes the first fault that is for this command.
    pub(super) fn take(&mut self, command: &str) -> Option<Fault> {
        let is_for = |wanted: &Option<String>| wanted.as_deref().is_none_or(|it| it == command);
        let index = self.faults.iter().position(|(wanted, _)| is_for(wanted))?;
        self.faults.remove(index).map(|(_, fault)| fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_waits_for_its_command_and_is_used_once() {
        let mut plan = Plan::default();
        plan.add(Some("get"), Fault::CutBeforeReply);
        plan.add(None, Fault::HoldReply);
        plan.add(Some("GET"), Fault::error("LOADING"));

        assert_eq!(plan.take("SET"), Some(Fault::HoldReply));
        assert_eq!(plan.take("SET"), None);
        assert_eq!(plan.take("GET"), Some(Fault::CutBeforeReply));
        assert_eq!(
            plan.take("GET"),
            Some(Fault::Answer(b"-LOADING\r\n".to_vec()))
        );
        assert_eq!(plan.len(), 0);
    }
}
