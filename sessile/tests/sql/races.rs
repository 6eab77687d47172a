//! Requests of one session that run at once, from two servers of the application.

use sessile::Session;
use tokio::task::JoinSet;

use crate::{
    conditions::ISOLATIONS,
    engine::Server,
    sql::{
        apps::{App, apps, header, new_session, patient},
        setup::{in_time, store},
    },
};

const ROUNDS: usize = 20;
const MANY: usize = 20;
const FEW: usize = 5;

/// Every client adds one to the sum and sets a name of its own, in each of the rounds.
async fn no_write_is_lost(apps: &[App; 2], rounds: usize) {
    let cookie = new_session(&apps[0]).await;
    for round in 0..rounds {
        let mut requests = JoinSet::new();
        for number in 0..MANY {
            let (app, cookie) = (apps[number % 2].clone(), cookie.clone());
            requests.spawn(async move {
                let session = app.open([cookie.as_bytes()]).await.unwrap();
                session.insert(format!("{round}-{number}"), number).unwrap();
                session.update_or("sum", 1, |sum: usize| sum + 1).unwrap();
                app.commit(&session).await.unwrap();
            });
        }
        requests.join_all().await;
    }
    let session = apps[0].open([cookie.as_bytes()]).await.unwrap();
    assert_eq!(session.get("sum").unwrap(), Some(rounds * MANY));
    for (round, number) in (0..rounds).flat_map(|round| (0..MANY).map(move |it| (round, it))) {
        let kept = session.get(&format!("{round}-{number}")).unwrap();
        assert_eq!(kept, Some(number), "{round}-{number}");
    }
}

/// The session of `cookie`, opened by so many requests.
async fn open_many(apps: &[App; 2], cookie: &str, many: usize) -> Vec<(usize, App, Session)> {
    let mut opened = Vec::new();
    for number in 0..many {
        let app = apps[number % 2].clone();
        let session = app.open([cookie.as_bytes()]).await.unwrap();
        opened.push((number, app, session));
    }
    opened
}

async fn assert_ended(app: &App, cookie: &str) {
    let session = app.open([cookie.as_bytes()]).await.unwrap();
    assert!(session.entries().is_empty(), "it came back");
}

/// Slow requests that had loaded the session before the logout, and store what they have after it.
async fn a_logout_wins_over_slow_requests(apps: &[App; 2]) {
    let cookie = new_session(&apps[0]).await;
    let slow = open_many(apps, &cookie, FEW).await;
    let logout = apps[1].open([cookie.as_bytes()]).await.unwrap();
    logout.purge();
    apps[1].commit(&logout).await.unwrap();

    let mut requests = JoinSet::new();
    for (number, app, session) in slow {
        requests.spawn(async move {
            session.insert("late", number).unwrap();
            if number % 2 == 0 {
                session.renew();
            }
            let sent = app.commit(&session).await.unwrap();
            assert!(sent.is_none(), "a cookie for a session that has ended");
        });
    }
    requests.join_all().await;

    for app in apps {
        assert_ended(app, &cookie).await;
    }
}

/// Requests, logins among them, that store what they have while somebody signs out.
async fn a_logout_is_final(apps: &[App; 2]) {
    let cookie = new_session(&apps[0]).await;
    let mut requests = JoinSet::new();
    for (number, app, session) in open_many(apps, &cookie, MANY).await {
        requests.spawn(async move {
            match number {
                10 => session.purge(),
                5 | 15 => session.renew(),
                _ => session.insert("late", number).unwrap(),
            }
            let set_cookie = app.commit(&session).await.unwrap();
            set_cookie.map(|cookie| header(Some(cookie)))
        });
    }
    let sent = requests.join_all().await;
    for cookie in sent.into_iter().flatten().chain([cookie]) {
        assert_ended(&apps[0], &cookie).await;
    }
}

async fn a_login_is_final(apps: &[App; 2]) {
    let before = new_session(&apps[0]).await;
    let mut requests = JoinSet::new();
    for (number, app, session) in open_many(apps, &before, MANY).await {
        requests.spawn(async move {
            if number % 5 == 0 {
                session.insert("user", number).unwrap();
                session.renew();
            } else {
                session.insert("late", number).unwrap();
            }
            let set_cookie = app.commit(&session).await.unwrap();
            set_cookie.map(|cookie| (number, header(Some(cookie))))
        });
    }
    let sent = requests.join_all().await;
    // The old cookie doesn't lead to what is behind the login.
    assert_ended(&apps[0], &before).await;
    // One of them got through, and its cookie leads to what it stored.
    let mut logged_in = Vec::new();
    for (number, cookie) in sent.into_iter().flatten() {
        let session = apps[1].open([cookie.as_bytes()]).await.unwrap();
        if !session.entries().is_empty() {
            assert_eq!(session.get("user").unwrap(), Some(number));
            assert_eq!(session.get("before").unwrap(), Some(1));
            logged_in.push(number);
        }
    }
    assert_eq!(logged_in.len(), 1, "{logged_in:?}");
}

async fn race(settings: &[&str], rounds: usize) {
    let server = Server::start_with(settings).unwrap();
    let apps = apps([store(&server).await, store(&server).await], &patient());
    in_time(no_write_is_lost(&apps, rounds)).await;
    for _ in 0..rounds {
        in_time(a_logout_wins_over_slow_requests(&apps)).await;
        in_time(a_logout_is_final(&apps)).await;
        in_time(a_login_is_final(&apps)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_race() {
    race(&[], ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_race_under_any_isolation() {
    for setting in ISOLATIONS {
        eprintln!("{setting}");
        race(&[setting], ROUNDS / 4).await;
    }
}
