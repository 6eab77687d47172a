//! Parallel requests of one session.

use tokio::task::JoinHandle;

use super::*;

type Reply = Result<Option<String>, SessionFailure>;

/// Commits all of these sessions at the same time.
async fn answers(world: &World, sessions: Vec<Session>) -> Vec<Option<String>> {
    let commit = |session: Session| -> JoinHandle<Reply> {
        let manager = world.manager.clone();
        tokio::spawn(async move {
            let committed = manager.commit(&session, &ResponseHead::to("POST")).await;
            committed.map(|headers| headers.set_cookie.as_ref().map(sent_back))
        })
    };
    let mut answers = Vec::new();
    for request in sessions.into_iter().map(commit).collect::<Vec<_>>() {
        answers.push(request.await.unwrap().unwrap());
    }
    answers
}

async fn opened(world: &World, cookie: &str, change: fn(&Session)) -> Vec<Session> {
    let mut sessions = Vec::new();
    for _ in 0..20 {
        let session = world.open(cookie).await;
        change(&session);
        sessions.push(session);
    }
    sessions
}

#[tokio::test]
async fn parallel_requests_begin_one_rotation() {
    for change in [|_: &Session| {}, increment] {
        let (world, first) = session().await;
        world.clock.advance(INTERVAL);
        let sessions = opened(&world, &first, change).await;
        let answers = answers(&world, sessions).await;
        let second = answers[0].clone().unwrap();
        for answer in &answers {
            assert!(world.is_same(answer.as_ref().unwrap(), &second));
        }
        assert_eq!(world.read(&second).await, None);
    }
}

/// The pending secret is promoted by one of them, and the changes of all are combined.
#[tokio::test]
async fn parallel_requests_promote_a_secret_once() {
    for change in [|_: &Session| {}, increment] {
        let (world, first) = session().await;
        let second = world.begun(&first).await;
        let sessions = opened(&world, &second, change).await;
        world.store.take_counts();
        let answers = answers(&world, sessions).await;
        assert_eq!(answers, vec![None; 20]);
        let id = world.id(&second).await.unwrap();
        let secrets = world.record(&id).await.unwrap().secrets.unwrap();
        assert_eq!(secrets.current, world.secret(&second).digest());
        let step = secrets.rotation.unwrap().step;
        let former = world.secret(&first).digest();
        assert!(matches!(step, RotationStep::Promoted { former: it, .. } if it == former));
    }
}

/// Requests with either secret store their changes in the same updates.
#[tokio::test]
async fn requests_with_both_secrets_combine() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    let mut sessions = opened(&world, &first, increment).await;
    sessions.extend(opened(&world, &second, increment).await);
    world.store.take_counts();
    let answers = answers(&world, sessions).await;
    assert_eq!(world.store.take_counts(), (0, 2));
    let (old, new) = answers.split_at(20);
    for answer in old {
        assert!(world.is_same(answer.as_ref().unwrap(), &second));
    }
    assert!(new.iter().flatten().all(|it| world.is_same(it, &second)));
    assert_eq!(world.n(&second).await, Some(41));
    assert_eq!(world.read(&second).await, None);
}

#[tokio::test]
async fn a_secret_that_another_request_has_replaced_is_not_promoted() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    let slow = world.open(&second).await;
    // No other request presents it in the interval.
    let third = world.begun(&first).await;
    increment(&slow);
    assert_eq!(world.commit(&slow).await, None);
    assert_eq!(world.n(&third).await, Some(2));
    assert!(world.is_open(&first).await && world.is_open(&third).await);
    assert!(!world.is_open(&second).await);
}
