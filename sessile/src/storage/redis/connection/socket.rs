//! [`Socket`]: a new connection of the network, with TLS or without.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinSet,
};

use super::super::location::{Endpoint, Host};
#[cfg(feature = "_redis-tls")]
use super::super::tls::TlsConnector;

/// A stream over which bytes are sent and received.
pub(super) type Socket = Box<dyn ByteStream>;

pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// How long a connection is idle before the operating system proves that the other end is there. It keeps firewalls
/// from forgetting the connection, and closes it 30 seconds after the other end has gone.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long to wait for an answer to each of [`KEEPALIVE_PROBES`].
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

const KEEPALIVE_PROBES: u32 = 3;

/// Connects to `endpoint`, with TLS if `tls` is given. A Unix socket has no TLS.
pub(super) async fn connect(
    endpoint: &Endpoint,
    #[cfg(feature = "_redis-tls")] tls: Option<&TlsConnector>,
) -> io::Result<Socket> {
    let host = match endpoint {
        Endpoint::Tcp(host) => host,
        #[cfg(unix)]
        Endpoint::Socket(path) => {
            return Ok(Box::new(tokio::net::UnixStream::connect(path).await?));
        }
        #[cfg(not(unix))]
        Endpoint::Socket(_) => return Err(io::ErrorKind::Unsupported.into()),
    };
    let tcp = connect_tcp(host).await?;
    #[cfg(feature = "_redis-tls")]
    if let Some(tls) = tls {
        return Ok(Box::new(tls.connect(&host.name, tcp).await?));
    }
    Ok(Box::new(tcp))
}

/// Connects to the address of `host` that answers first.
async fn connect_tcp(host: &Host) -> io::Result<TcpStream> {
    let mut connecting = JoinSet::new();
    for address in lookup_host((host.name.as_str(), host.port)).await? {
        connecting.spawn(TcpStream::connect(address));
    }
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    while let Some(connected) = connecting.join_next().await {
        match connected.map_err(io::Error::other).flatten() {
            Ok(tcp) => {
                set_options(&tcp)?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn set_options(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(tcp).set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn connections_prove_that_the_other_end_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Host {
            name: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
        };
        let tcp = connect_tcp(&host).await.unwrap();
        let socket = SockRef::from(&tcp);
        assert!(socket.keepalive().unwrap() && tcp.nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), KEEPALIVE_PROBES);
    }
}
