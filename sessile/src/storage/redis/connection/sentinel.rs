//! Finding the master that sentinels watch.

use std::sync::Arc;

use redis::Value;
use tokio::task::JoinSet;

use super::{
    super::{
        error::Fault,
        location::{Endpoint, Host},
    },
    Connector, RawConnection,
};

/// A connection to the master called `name`, according to the first sentinel of `hosts` that answers. All
/// are asked at the same time: one of them may have died with the old master.
///
/// Sentinels may be wrong for a while after a failover, so the server is asked as well.
pub(super) async fn connect_to_master(
    connector: &Arc<Connector>,
    hosts: &[Host],
    name: &Arc<str>,
) -> Result<RawConnection, Fault> {
    let mut asked = JoinSet::new();
    for host in hosts {
        let (connector, host, name) = (Arc::clone(connector), host.clone(), Arc::clone(name));
        asked.spawn(async move { ask(&connector, &host, &name).await });
    }
    let mut cause = None;
    while let Some(answered) = asked.join_next().await {
        let found = match answered {
            Ok(Ok(Some(address))) => connect_as_master(connector, address).await,
            Ok(Err(fault)) => Err(fault),
            // This sentinel doesn't know the name, or the runtime is about to end.
            Ok(Ok(None)) | Err(_) => continue,
        };
        match found {
            Ok(raw) => return Ok(raw),
            Err(fault) => cause = Some(Arc::new(fault)),
        }
    }
    Err(Fault::NoMaster(Arc::clone(name), cause))
}

/// The address of the master, according to the sentinel at `host`.
async fn ask(connector: &Connector, host: &Host, name: &str) -> Result<Option<Host>, Fault> {
    let mut sentinel = connector.connect_to_sentinel(host).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    match connector
        .bound(sentinel.send_packed_command(&question))
        .await??
        .extract_error()?
    {
        Value::Nil => Ok(None),
        Value::Array(parts) => match parts.as_slice() {
            [Value::BulkString(host), Value::BulkString(port)] => {
                let port = std::str::from_utf8(port)
                    .ok()
                    .and_then(|port| port.parse().ok());
                let name = std::str::from_utf8(host).ok().map(str::to_owned);
                let host = name.zip(port).map(|(name, port)| Host { name, port });
                host.map(Some).ok_or(Fault::UnexpectedReply)
            }
            _ => Err(Fault::UnexpectedReply),
        },
        _ => Err(Fault::UnexpectedReply),
    }
}

/// A connection to the server at `host`, if it is a master.
async fn connect_as_master(connector: &Connector, host: Host) -> Result<RawConnection, Fault> {
    let mut raw = connector.connect_to(&Endpoint::Tcp(host)).await?;
    let question = redis::cmd("ROLE");
    let role = raw.connection.send_packed_command(&question);
    let is_master = match connector.bound(role).await??.extract_error() {
        Ok(Value::Array(parts)) => {
            matches!(parts.first(), Some(Value::BulkString(role)) if role == b"master")
        }
        Ok(_) => return Err(Fault::UnexpectedReply),
        Err(error) => match Fault::from(error) {
            // A user without this right has to believe the sentinel.
            fault if fault.is_missing_right() => true,
            fault => return Err(fault),
        },
    };
    match is_master {
        true => Ok(raw),
        false => Err(Fault::NotTheMaster),
    }
}
