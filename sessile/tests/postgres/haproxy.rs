//! HAProxy in front of a primary and its standby.

use sessile::storage::SessionStore as _;
use sessile_rig::haproxy::{ACCEPTS, HaProxy};

use crate::{
    pair::Pair,
    sql::setup::{built, create, patient, store, updated_at_last, value},
};

#[tokio::test]
async fn requests_follow_a_switch_behind_haproxy() {
    for is_planned in [true, false] {
        let mut pair = Pair::start();
        store(&pair.primary).await;
        let haproxy = HaProxy::start(&[pair.primary.port(), pair.replica.port()], ACCEPTS).unwrap();
        let store = built(patient(pair.primary.url_on(haproxy.port()))).await;
        let (at, ended) = (create(&store, 1).await, create(&store, 1).await);
        assert_eq!(value(&store, &ended).await.unwrap(), Some(1));

        pair.promote(is_planned);
        if is_planned {
            haproxy.disable(0).unwrap();
        }
        // Another server of the application has followed already.
        let other = built(patient(pair.replica.url())).await;
        other.delete(&ended.id).await.unwrap();
        let at = updated_at_last(&store, &at, 2).await;
        assert_eq!(value(&store, &ended).await.unwrap(), None);
        assert_eq!(value(&other, &at).await.unwrap(), Some(2));
    }
}
