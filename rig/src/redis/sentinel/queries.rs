//! What sentinels and servers reply about each other.

use std::borrow::Cow;

use super::{MASTER_NAME, Redis, SENTINELS};
use crate::redis::Reply;

/// Whether a sentinel knows the other sentinels and the replica, and the replica is in sync.
pub(super) fn knows_all(sentinel: &Redis) -> bool {
    let master = sentinel.query(&["SENTINEL", "MASTER", MASTER_NAME]);
    let replicas = sentinel.query(&["SENTINEL", "REPLICAS", MASTER_NAME]);
    let (Some(master), Some(replicas)) = (master, replicas) else {
        return false;
    };
    let others = (SENTINELS - 1).to_string();
    field(&master, "flags") == Some("master".into())
        && field(&master, "num-other-sentinels") == Some(others.into())
        && replicas.items().iter().any(|replica| {
            field(replica, "flags") == Some("slave".into())
                && field(replica, "master-link-status") == Some("ok".into())
        })
}

pub(super) fn master_port_by(sentinel: &Redis) -> Option<u16> {
    let address = sentinel.query(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME])?;
    address.items().get(1)?.text()?.parse().ok()
}

pub(super) fn has_role(server: &Redis, role: &str) -> bool {
    server
        .query(&["ROLE"])
        .is_some_and(|it| it.items().first() == Some(&Reply::from(role)))
}

/// Whether the server is a replica of the master. The role of a replica is `slave <host> <port> <state> <offset>`.
pub(super) fn replicates(server: &Redis, master: u16) -> bool {
    server.query(&["ROLE"]).is_some_and(|role| {
        let master = Reply::Integer(master.into());
        matches!(role.items(), [_, _, port, state, ..]
            if *port == master && *state == Reply::from("connected"))
    })
}

/// The value of a name in a list of names and values.
fn field<'a>(reply: &'a Reply, name: &str) -> Option<Cow<'a, str>> {
    let pairs = reply.items().chunks_exact(2);
    let mut found = pairs.filter(|pair| pair[0].text().as_deref() == Some(name));
    found.next()?[1].text()
}
