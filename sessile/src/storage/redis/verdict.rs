//! [`Verdict`]: whether a server can serve requests, judged by a fault. The page
//! [`guide::failover`](crate::guide::failover) has the same table for users.

use super::error::Fault;

/// What a fault shows about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// The server serves requests. The fault concerns this request.
    Serves,
    /// The server is not ready, and will be.
    NotReady,
    /// There was no reply.
    Silent,
    /// The connection has ended.
    Disconnected,
    /// The server is a replica. The master is another server.
    Replica,
    /// The server is a master without enough replicas. It may be cut off from them, and replaced.
    TooFewReplicas,
    /// The keys of the request are moving to another node of the cluster.
    Moving,
    /// The node at this address serves the slot.
    Moved(&'a str),
    /// The slot is moving to this address, and the key is there already.
    Ask(&'a str),
}

impl Fault {
    /// What the fault shows about the server.
    pub(super) fn verdict(&self) -> Verdict<'_> {
        let error = match self {
            Self::Answered(error) => error,
            Self::Connection(_) => return Verdict::Disconnected,
            Self::NotTheMaster => return Verdict::Replica,
            Self::NotConnected(_) | Self::TimedOut(_) => return Verdict::Silent,
            _ => return Verdict::Serves,
        };
        let address = || error.detail.split_ascii_whitespace().nth(1);
        match error.code.as_str() {
            "READONLY" | "MASTERDOWN" => Verdict::Replica,
            "NOREPLICAS" => Verdict::TooFewReplicas,
            "LOADING" | "BUSY" | "CLUSTERDOWN" => Verdict::NotReady,
            "TRYAGAIN" => Verdict::Moving,
            "MOVED" => address().map_or(Verdict::Serves, Verdict::Moved),
            "ASK" => address().map_or(Verdict::Serves, Verdict::Ask),
            _ => Verdict::Serves,
        }
    }
}

impl Verdict<'_> {
    /// Whether another connection may lead to a server that serves.
    pub(super) fn ends_connection(self) -> bool {
        matches!(self, Self::Disconnected | Self::Replica)
    }

    /// Whether another node of the cluster may have taken over the slots.
    pub(super) fn concerns_node(self) -> bool {
        match self {
            Self::NotReady
            | Self::Silent
            | Self::Disconnected
            | Self::Replica
            | Self::TooFewReplicas => true,
            Self::Serves | Self::Moving | Self::Moved(_) | Self::Ask(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc, time::Duration};

    use super::{super::server_error::ServerError, Verdict::*, *};

    #[test]
    fn replies_decide_whether_a_server_serves() {
        for (line, verdict) in [
            (
                "READONLY You can't write against a read only replica.",
                Replica,
            ),
            (
                "ERR Error running script (call to f_0): @user_script:3: -READONLY You can't write",
                Replica,
            ),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                Replica,
            ),
            (
                "NOREPLICAS Not enough good replicas to write.",
                TooFewReplicas,
            ),
            ("LOADING Redis is loading the dataset in memory", NotReady),
            ("BUSY Redis is busy running a script.", NotReady),
            ("CLUSTERDOWN The cluster is down", NotReady),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                Moving,
            ),
            ("MOVED 3999 127.0.0.1:6381", Moved("127.0.0.1:6381")),
            ("ASK 3999 [::1]:6381", Ask("[::1]:6381")),
            ("MOVED ", Serves),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                Serves,
            ),
            ("MISCONF Redis is configured to save RDB snapshots", Serves),
            (
                "NOPERM User app has no permissions to run the 'set' command",
                Serves,
            ),
            ("NOSCRIPT No matching script.", Serves),
            (
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                Serves,
            ),
            ("ERR unknown command 'EVALSHA'", Serves),
        ] {
            let (code, detail) = line.split_once(' ').unwrap();
            let fault = Fault::Answered(ServerError::new(code, detail));
            assert_eq!(fault.verdict(), verdict, "{line}");
        }
    }

    #[test]
    fn so_do_faults_without_a_reply() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe).into();
        let silent = Fault::TimedOut(Duration::ZERO);
        for (fault, verdict) in [
            // A server that is shutting down closes its connections.
            (Fault::Connection(broken()), Disconnected),
            (silent.clone(), Silent),
            (Fault::NotConnected(Arc::new(silent)), Silent),
            (Fault::NotTheMaster, Replica),
            (Fault::UnexpectedReply, Serves),
        ] {
            assert_eq!(fault.verdict(), verdict, "{fault}");
        }
    }

    #[test]
    fn a_verdict_has_consequences_for_the_connection_and_for_the_map_of_a_cluster() {
        for (verdict, ends_connection, concerns_node) in [
            (Serves, false, false),
            (NotReady, false, true),
            (Silent, false, true),
            (Disconnected, true, true),
            (Replica, true, true),
            (TooFewReplicas, false, true),
            (Moving, false, false),
            (Moved("h:1"), false, false),
            (Ask("h:1"), false, false),
        ] {
            let consequences = (verdict.ends_connection(), verdict.concerns_node());
            assert_eq!(
                consequences,
                (ends_connection, concerns_node),
                "{verdict:?}"
            );
        }
    }
}
