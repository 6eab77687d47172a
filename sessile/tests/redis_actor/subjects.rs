//! The sessions of a user, through an actor.

use std::time::Duration;

use sessile::{
    clock::Timestamp,
    record::Record,
    storage::{
        EndOutcome, Freshness, Kept, RedisActorSessionStore, SessionId, SessionLimit,
        SessionStore as _, SignInOutcome, SignInWrite, SubjectDigest, SubjectStore as _, Version,
    },
};
use sessile_rig::redis::Redis;

use crate::setup::{address, in_time, load};

const HOUR: Duration = Duration::from_secs(3600);

/// A session of `ferris` that signed in at this time.
fn record(at: u64) -> Record {
    let text = format!(
        r#"{{"v":3,"c":1,"u":1,"x":9000000000000,"p":1,"s":{{}},"sub":"ferris","in":{at},"auth":{at},"label":"sid"}}"#
    );
    Record::decode(text.as_bytes()).unwrap()
}

#[actix_web::test]
async fn sessions_are_listed_limited_and_ended() {
    let redis = Redis::start().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    let subject = SubjectDigest::of("ferris");
    let limit = SessionLimit::new(2).unwrap();
    let mut ids: Vec<SessionId> = Vec::new();
    for at in [10, 20, 30] {
        let (id, record) = (SessionId::generate(), record(at));
        let write = SignInWrite::create(&id, &record, Version::generate(), HOUR);
        let displaced = match at {
            30 => vec![ids[0].clone()],
            _ => Vec::new(),
        };
        let outcome = in_time(store.sign_in(write, limit)).await.unwrap();
        assert_eq!(outcome, SignInOutcome::Stored { displaced });
        ids.push(id);
    }
    let listed = store.list(&subject).await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|(id, _)| id).collect();
    assert_eq!(listed, ids[1..]);
    let mut found = store.find_by_label("sid").await.unwrap();
    found.sort_by_key(|id| ids.iter().position(|it| it == id));
    assert_eq!(found, ids[1..]);

    let kept = Kept {
        id: &ids[2],
        signed_in_at: Timestamp::from_unix_millis(30),
    };
    let at = Timestamp::from_unix_millis(100);
    let ended = store.end_subject(&subject, at, Some(kept)).await.unwrap();
    let expected = EndOutcome::Ended {
        at,
        ids: vec![ids[1].clone()],
    };
    assert_eq!(ended, expected);
    let hinted = store
        .load(&ids[2], Some(&subject), Freshness::Current)
        .await;
    assert!(hinted.unwrap().is_some());
    assert_eq!(store.end_everything(at).await.unwrap(), at);
    assert!(load(&store, &ids[2]).await.unwrap().is_none());
}
