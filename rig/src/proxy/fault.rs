//! The faults that a proxy injects.

use std::collections::VecDeque;

/// A fault that a [`Proxy`](super::Proxy) injects into one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The proxy forwards this many bytes of the request and closes the connection.
    ///
    /// If the request is shorter, all of it is forwarded, and the server may or may not execute it. See also
    /// [`CutBeforeReply`](Fault::CutBeforeReply).
    CutRequestAfter(usize),

    /// The server executes the request, and the proxy closes the connection when the reply arrives. The client does not
    /// know that the request was executed.
    CutBeforeReply,

    /// The server executes the request. The proxy forwards neither this reply nor later ones on the connection, which
    /// stays open.
    HoldReply,

    /// The server executes the request, and the client receives these bytes as the reply.
    ReplaceReply(Vec<u8>),

    /// The server does not receive the request, and the client receives these bytes as the reply.
    Intercept(Vec<u8>),
}

impl Fault {
    /// The server executes the request, and the client receives this error, which has no leading `-`: `ERR broken`.
    pub fn replace_with_error(error: &str) -> Self {
        Fault::ReplaceReply(encode_error(error))
    }

    /// The server does not receive the request, and the client receives this error, which has no leading `-`: `LOADING …`,
    /// `READONLY …`, `MOVED 42 127.0.0.1:4711`. A server that replies with such an error has executed nothing.
    pub fn error(error: &str) -> Self {
        Fault::Intercept(encode_error(error))
    }
}

fn encode_error(error: &str) -> Vec<u8> {
    format!("-{error}\r\n").into_bytes()
}

/// The planned faults, in order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    faults: VecDeque<Planned>,
}

#[derive(Debug)]
struct Planned {
    /// The command that the fault is for. `None` means any command.
    command: Option<String>,
    /// How many requests with this command come before.
    before: usize,
    fault: Fault,
}

impl Plan {
    /// Plans a fault for the request that comes after `before` others with this command.
    pub(super) fn add(&mut self, command: Option<&str>, before: usize, fault: Fault) {
        self.faults.push_back(Planned {
            command: command.map(str::to_ascii_uppercase),
            before,
            fault,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.faults.len()
    }

    /// Removes and returns the first fault for this command.
    pub(super) fn take(&mut self, command: &str) -> Option<Fault> {
        let is_for = |it: &Planned| it.command.as_deref().is_none_or(|it| it == command);
        let index = self.faults.iter().position(is_for)?;
        if let Some(before) = self.faults[index].before.checked_sub(1) {
            self.faults[index].before = before;
            return None;
        }
        self.faults.remove(index).map(|it| it.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_waits_for_its_command_and_is_used_once() {
        let mut plan = Plan::default();
        plan.add(Some("get"), 0, Fault::CutBeforeReply);
        plan.add(None, 0, Fault::HoldReply);
        plan.add(Some("GET"), 1, Fault::error("LOADING"));

        assert_eq!(plan.take("SET"), Some(Fault::HoldReply));
        assert_eq!(plan.take("SET"), None);
        assert_eq!(plan.take("GET"), Some(Fault::CutBeforeReply));
        assert_eq!(plan.take("GET"), None);
        assert_eq!(
            plan.take("GET"),
            Some(Fault::Intercept(b"-LOADING\r\n".to_vec()))
        );
        assert_eq!(plan.len(), 0);
    }
}
