//! What the tests share.

use std::time::Duration;

use sessile::storage::{
    Freshness, Loaded, RedisActorSessionStore, SessionId, SessionStore as _, StoreError,
};
use sessile_rig::redis::Redis;

/// Far longer than any operation takes that succeeds.
pub(crate) const ENOUGH: Duration = Duration::from_secs(60);

/// The output of `future`, unless that takes forever.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    let bounded = tokio::time::timeout(ENOUGH, future).await;
    bounded.expect("the operation takes forever")
}

pub(crate) fn address(redis: &Redis) -> String {
    format!("127.0.0.1:{}", redis.port())
}

pub(crate) async fn load(
    store: &RedisActorSessionStore,
    id: &SessionId,
) -> Result<Option<Loaded>, StoreError> {
    store.load(id, None, Freshness::Current).await
}

/// The number of clients over the network. The rig uses a socket.
pub(crate) fn connections(redis: &Redis) -> usize {
    let list = redis.command(&["CLIENT", "LIST"]).unwrap();
    let list = list.text().unwrap();
    let from_network = |line: &&str| line.contains(" addr=127.0.0.1:");
    list.lines().filter(from_network).count()
}
