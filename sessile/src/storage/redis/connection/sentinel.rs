//! Finding the master that sentinels watch.

use std::sync::Arc;

use redis::Value;
use tokio::task::JoinSet;

use super::{
    super::{
        error::Fault,
        location::{Endpoint, Host},
    },
    Dialer, Wire,
};

/// A connection to the master called `name`, according to the first sentinel of `hosts` that answers. All
/// are asked at the same time: one of them may have died with the old master.
///
/// Sentinels may be wrong for a while after a failover, so the server is asked as well.
pub(super) async fn dial_master(
    dialer: &Arc<Dialer>,
    hosts: &[Host],
    name: &Arc<str>,
) -> Result<Wire, Fault> {
    let mut asked = JoinSet::new();
    for host in hosts {
        let (dialer, host, name) = (Arc::clone(dialer), host.clone(), Arc::clone(name));
        asked.spawn(async move { ask(&dialer, &host, &name).await });
    }
    let mut cause = None;
    while let Some(answered) = asked.join_next().await {
        let found = match answered {
            Ok(Ok(Some(address))) => dial_as_master(dialer, address).await,
            Ok(Err(fault)) => Err(fault),
            // This sentinel doesn't know the name, or the runtime is about to end.
            Ok(Ok(None)) | Err(_) => continue,
        };
        match found {
            Ok(wire) => return Ok(wire),
            Err(fault) => cause = Some(Arc::new(fault)),
        }
    }
    Err(Fault::NoMaster(Arc::clone(name), cause))
}

/// The address of the master, according to the sentinel at `host`.
async fn ask(dialer: &Dialer, host: &Host, name: &str) -> Result<Option<Host>, Fault> {
    let mut sentinel = dialer.dial_sentinel(host).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    match dialer
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
async fn dial_as_master(dialer: &Dialer, host: Host) -> Result<Wire, Fault> {
    let mut wire = dialer.dial(&Endpoint::Tcp(host)).await?;
    let question = redis::cmd("ROLE");
    let role = wire.connection.send_packed_command(&question);
    let is_master = match dialer.bound(role).await??.extract_error() {
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
        true => Ok(wire),
        false => Err(Fault::NotTheMaster),
    }
}
