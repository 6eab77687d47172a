//! Listening to sentinels, so that a switch to another master is noticed when it happens.

use std::{convert::Infallible, sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo};
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use super::{Fault, RawConnection, Shared};

/// A sentinel is asked this often even if it announces nothing. The connection to it may be broken.
const PERIOD: Duration = Duration::from_secs(1);

/// A sentinel is asked no more often than this, whatever it announces.
const SPACING: Duration = Duration::from_millis(100);

/// Keeps the reports of all sentinels up to date.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut following = JoinSet::new();
    for index in 0..shared.hosts.len() {
        let shared = Arc::clone(&shared);
        following.spawn(async move {
            loop {
                // The last answer of a sentinel that is down or cut off stays. The sentinel is
                // tried again.
                let Err(_) = follow(&shared, index).await;
                sleep(PERIOD).await;
            }
        });
    }
    following.join_all().await;
}

/// Asks a sentinel for the master: now, when it announces a switch, and every [`PERIOD`].
async fn follow(shared: &Shared, index: usize) -> Result<Infallible, Fault> {
    let announced = Arc::new(Notify::new());
    let mut sentinel = subscribe(shared, index, &announced).await?;
    loop {
        shared.ask(index, &mut sentinel.connection).await?;
        sleep(SPACING).await;
        tokio::select! {
            () = announced.notified() => {}
            () = shared.doubt.notified() => {}
            () = sleep(PERIOD) => {}
        }
    }
}

/// A connection to a sentinel that notifies `announced` when a master is replaced.
async fn subscribe(
    shared: &Shared,
    index: usize,
    announced: &Arc<Notify>,
) -> Result<RawConnection, Fault> {
    let (host, connector) = (&shared.hosts[index], &shared.connector);
    let announced = Arc::clone(announced);
    let config = AsyncConnectionConfig::new().set_push_sender(move |_: PushInfo| {
        announced.notify_one();
        Ok::<_, Infallible>(())
    });
    let connecting = connector.connect_to_sentinel(host, ProtocolVersion::RESP3, config);
    match connecting.await {
        Ok(mut sentinel) => {
            let subscribing = sentinel.connection.subscribe("+switch-master");
            // If the user lacks this right, the next periodic question finds the switch.
            _ = connector.bound(subscribing).await?;
            Ok(sentinel)
        }
        // Before Redis 6.0, a connection with a subscription accepts no other commands.
        Err(Fault::AnnouncesNoChanges) => {
            let config = AsyncConnectionConfig::new();
            connector
                .connect_to_sentinel(host, ProtocolVersion::RESP2, config)
                .await
        }
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::timing::LONGEST_PAUSE;

    #[test]
    fn a_switch_that_is_not_announced_is_followed_within_two_seconds() {
        assert!(PERIOD + SPACING + LONGEST_PAUSE < Duration::from_secs(2));
    }
}
